"""The networks in plain PyTorch, applied as its users apply them: what ours are compared with.

A program that runs beside the benchmarks, in a Python that has torch: for each way on standard
input it computes once and prints the seconds.
"""

import sys
import time
from collections.abc import Callable

import torch
from torch import nn

from benchmarks.torch_training import UNet


class ZeroDCE(nn.Module):
    """`skdenoise.networks.dce`; `bent` also applies its curves."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 32), (32, 32), (32, 32), (32, 32), (64, 32), (64, 32), (64, 24)
        self.convs = nn.ModuleList(nn.Conv2d(*pair, 3, padding=1) for pair in widths)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Draw curves."""
        conv1, conv2, conv3, conv4, conv5, conv6, curves = self.convs
        x1 = torch.relu(conv1(image))
        x2 = torch.relu(conv2(x1))
        x3 = torch.relu(conv3(x2))
        x4 = torch.relu(conv4(x3))
        x5 = torch.relu(conv5(torch.cat([x3, x4], 1)))
        x6 = torch.relu(conv6(torch.cat([x2, x5], 1)))
        return torch.tanh(curves(torch.cat([x1, x6], 1)))

    def bent(self, image: torch.Tensor) -> torch.Tensor:
        """Brighten."""
        for r in torch.split(self(image), 3, dim=1):
            image = image + r * (image * image - image)
        return image


def ways(name: str, shape: tuple[int, ...]) -> dict[str, Callable[[], object]]:
    """Return what can be timed."""
    network = {"unet": UNet, "dce": ZeroDCE}[name]().eval()
    plain = torch.rand(shape)
    if name == "dce" and shape[0] == 1:
        # As its authors wrote it: float32, and the layout that torch begins with.
        reference = ZeroDCE().eval()
        found: dict[str, Callable[[], object]] = {"plain": lambda: reference.bent(plain)}
    else:
        found = {}
    image = plain.to(memory_format=torch.channels_last)
    network = network.to(memory_format=torch.channels_last)
    fast = torch.compile(network)

    def rounded(function: Callable) -> Callable[[], object]:
        def run() -> object:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return function(image)

        return run

    return {**found, "eager": rounded(network), "compiled": rounded(fast)}


def main(name: str, n_threads: int, shape: tuple[int, ...]) -> None:
    """Serve until standard input ends."""
    torch.set_num_threads(n_threads)
    torch.manual_seed(0)
    with torch.inference_mode():
        known = ways(name, shape)
        for way in list(known):
            try:
                known[way]()
                known[way]()
            except Exception as error:
                print(f"torch, {way}: {error}"[:300], file=sys.stderr)
                del known[way]
        print(torch.__version__, *known, flush=True)
        for line in sys.stdin:
            begin = time.perf_counter()
            known[line.strip()]()
            print(time.perf_counter() - begin, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), tuple(map(int, sys.argv[3:])))
