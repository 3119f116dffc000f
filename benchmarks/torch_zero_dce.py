"""Zero-DCE in plain PyTorch with the losses and settings of its authors, to compare with ours.

It runs in a Python that has torch. ``python -m benchmarks.torch_zero_dce FOLDER -o WEIGHTS.npz``
trains on the photographs of a folder; without FOLDER it serves `benchmarks.enhancing` as
`benchmarks.torch_training` does.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from benchmarks._torch_networks import DCENet, enhanced
from benchmarks.torch_training import serve

BATCH_SIZE, SIDE = 8, 256
LEARNING_RATE = WEIGHT_DECAY = 1e-4
LONGEST_GRADIENT = 0.1
EXPOSURE = 0.6
SPATIAL, BRIGHTNESS, COLOR, SMOOTHNESS = 1, 10, 5, 200


def objective(image: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """Return the weighted sum of the four losses."""
    result = enhanced(image, maps)
    regions = functional.avg_pool2d((result - image).mean(1, keepdim=True), 4)
    padded = functional.pad(regions, (1, 1, 1, 1))
    inner = slice(1, -1)
    neighbors = (
        padded[..., inner, :-2],
        padded[..., inner, 2:],
        padded[..., :-2, inner],
        padded[..., 2:, inner],
    )
    spatial = sum((regions - neighbor).square() for neighbor in neighbors).mean()
    brightness = functional.avg_pool2d(result.mean(1, keepdim=True), 16)
    exposure = (brightness - EXPOSURE).square().mean()
    red, green, blue = result.mean((2, 3)).unbind(1)
    differences = torch.stack([(red - green), (red - blue), (green - blue)]).square()
    # On gray images its gradient would be infinite without the small number.
    color = (differences.square().sum(0) + 1e-12).sqrt().mean()
    down, right = maps.diff(dim=2).square(), maps.diff(dim=3).square()
    smoothness = 2 * (down.mean((0, 2, 3)).sum() + right.mean((0, 2, 3)).sum())
    return SPATIAL * spatial + BRIGHTNESS * exposure + COLOR * color + SMOOTHNESS * smoothness


class Training:
    """A network that learns batch by batch, in bfloat16 where `autocast` says so."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network = DCENet().to(memory_format=torch.channels_last).train()
        self._optimizer = torch.optim.Adam(
            self.network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY
        )

    def step(self, image: torch.Tensor) -> float:
        """Learn from a batch and return the loss."""
        self._optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            maps = self.network(image)
        loss = objective(image, maps.float())
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), LONGEST_GRADIENT)
        self._optimizer.step()
        return loss.item()

    def save(self, path: str) -> None:
        """Write the weights in the layout of Keras: kernel and bias of each layer."""
        arrays = {}
        for index, layer in enumerate((*self.network.layers, self.network.curves)):
            arrays[f"{2 * index:02d}"] = layer.weight.detach().permute(2, 3, 1, 0).numpy()
            arrays[f"{2 * index + 1:02d}"] = layer.bias.detach().numpy()
        np.savez(path, **arrays)


def photographs(folder: str) -> np.ndarray:
    """Read the images of a folder, in one size, as its authors do."""
    return np.stack(
        [
            np.asarray(Image.open(path).convert("RGB").resize((SIDE, SIDE), Image.LANCZOS))
            for path in sorted(Path(folder).glob("*.jpg"))
        ]
    )


def train(folder: str, output: str, n_epochs: int) -> None:
    """Train, and write the weights after every epoch."""
    images, training = photographs(folder), Training()
    rng = np.random.default_rng(0)
    for epoch in range(1, n_epochs + 1):
        losses = []
        order = rng.permutation(len(images))
        for first in range(0, len(order), BATCH_SIZE):
            batch = images[order[first : first + BATCH_SIZE]]
            image = torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255
            losses.append(training.step(image.contiguous(memory_format=torch.channels_last)))
        training.save(output)
        print(f"epoch {epoch} loss {np.mean(losses):.4f}", flush=True)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.torch_zero_dce")
    parser.add_argument("folder", nargs="?")
    parser.add_argument("-o", "--output", default="results/zero_dce_torch.npz")
    parser.add_argument("--epochs", type=int, default=200, help="its authors' 200 by default")
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    if arguments.folder:
        train(arguments.folder, arguments.output, arguments.epochs)
    else:
        training = Training()
        image = torch.rand(BATCH_SIZE, 3, SIDE, SIDE).to(memory_format=torch.channels_last)
        serve(training.network, lambda: training.step(image))


if __name__ == "__main__":
    main()
