"""The networks in plain PyTorch: what ours are compared with."""

import torch
from torch import nn
from torch.nn import functional


class Autoencoder(nn.Module):
    """`skdenoise.networks.autoencoder` for one channel."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder1, self.encoder2 = self._conv_and_norm(1), self._conv_and_norm(32)
        self.decoder2, self.decoder1 = self._conv_and_norm(32), self._conv_and_norm(32)
        self.denoised = nn.Conv2d(32, 1, 3, padding=1)

    @staticmethod
    def _conv_and_norm(n_inputs: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(n_inputs, 32, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(32, eps=1e-3)
        )

    def forward(self, noisy: torch.Tensor) -> torch.Tensor:
        """Denoise."""
        x = functional.max_pool2d(self.encoder1(noisy), 2)
        x = functional.max_pool2d(self.encoder2(x), 2)
        x = functional.interpolate(self.decoder2(x), scale_factor=2, mode="nearest")
        x = functional.interpolate(self.decoder1(x), scale_factor=2, mode="nearest")
        return torch.sigmoid(self.denoised(x))


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add what the convolutions find."""
        return x + self.conv2(functional.relu(self.conv1(x)))


class UNet(nn.Module):
    """`skdenoise.networks.unet` in size small for one channel."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(2, 32, 6, stride=2, padding=2, bias=False)
        self.encoder1, self.encoder2 = self._blocks(32), self._blocks(64)
        self.down1 = nn.Conv2d(32, 64, 2, stride=2, bias=False)
        self.down2 = nn.Conv2d(64, 128, 2, stride=2, bias=False)
        self.bottom = self._blocks(128)
        self.up2 = nn.ConvTranspose2d(128, 64, 2, stride=2, bias=False)
        self.up1 = nn.ConvTranspose2d(64, 32, 2, stride=2, bias=False)
        self.decoder2, self.decoder1 = self._blocks(64), self._blocks(32)
        self.noise = nn.ConvTranspose2d(32, 1, 6, stride=2, padding=2, bias=False)
        nn.init.zeros_(self.noise.weight)

    @staticmethod
    def _blocks(width: int) -> nn.Sequential:
        return nn.Sequential(ResidualBlock(width), ResidualBlock(width))

    def forward(self, noisy: torch.Tensor) -> torch.Tensor:
        """Denoise without knowing the strength of the noise."""
        x = self.head(torch.cat([noisy, torch.zeros_like(noisy)], 1))
        skip1 = self.encoder1(x)
        skip2 = self.encoder2(self.down1(skip1))
        x = self.bottom(self.down2(skip2))
        x = self.decoder2(skip2 + self.up2(x))
        x = self.decoder1(skip1 + self.up1(x))
        return noisy - self.noise(x)


class DCENet(nn.Module):
    """`skdenoise.networks.dce` for three channels; `enhanced` applies its curves."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(n_inputs, n_outputs, 3, padding=1)
            for n_inputs, n_outputs in ((3, 32), (32, 32), (32, 32), (32, 32), (64, 32), (64, 32))
        )
        self.curves = nn.Conv2d(64, 24, 3, padding=1)
        for layer in (*self.layers, self.curves):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            nn.init.zeros_(layer.bias)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the maps of the curves."""
        first, second, third, fourth, fifth, sixth = self.layers
        x1 = functional.relu(first(image))
        x2 = functional.relu(second(x1))
        x3 = functional.relu(third(x2))
        x4 = functional.relu(fourth(x3))
        x5 = functional.relu(fifth(torch.cat([x3, x4], 1)))
        x6 = functional.relu(sixth(torch.cat([x2, x5], 1)))
        return torch.tanh(self.curves(torch.cat([x1, x6], 1)))


def enhanced(image: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """Apply eight curves."""
    for curve in maps.split(3, 1):
        image = image + curve * (image * image - image)
    return image
