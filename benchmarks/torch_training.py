"""The networks in plain PyTorch, trained as its users train: what ours are compared with.

A program that runs beside the benchmarks, in a Python that has torch: for each number of
seconds on standard input it trains so long on one prepared batch in bfloat16 and prints the
steps per second, and per second of processor time.
"""

import sys

import torch
from torch import nn
from torch.nn import functional

from benchmarks._measuring import calls_per_second

BATCH_SIZE, PATCH_SIZE = 32, 64


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


NETWORKS = {"autoencoder": Autoencoder, "unet": UNet}


def main(name: str, n_threads: int) -> None:
    """Serve until standard input ends."""
    torch.set_num_threads(n_threads)
    torch.manual_seed(0)
    network = NETWORKS[name]().to(memory_format=torch.channels_last).train()
    clean = torch.rand(BATCH_SIZE, 1, PATCH_SIZE, PATCH_SIZE)
    noisy = (clean + 0.1 * torch.randn_like(clean)).to(memory_format=torch.channels_last)
    clean = clean.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)

    def step() -> float:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            denoised = network(noisy)
        loss = functional.mse_loss(denoised.float(), clean)
        loss.backward()
        optimizer.step()
        return loss.item()

    for _ in range(3):
        step()
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    print(torch.__version__, n_parameters, flush=True)
    for line in sys.stdin:
        rate = calls_per_second(step, float(line))
        print(rate.wall, rate.processor, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
