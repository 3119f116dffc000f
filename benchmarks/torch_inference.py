"""The networks in plain PyTorch, applied as its users apply them: what ours are compared with.

A program that runs beside the benchmarks, in a Python that has torch: for each way that it is
asked for it computes once and answers with the seconds.
"""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch

from benchmarks._beside import answer
from benchmarks._measuring import seconds
from benchmarks._torch_networks import DCENet, UNet, enhanced


def ways(name: str, precision: str, shape: tuple[int, ...]) -> dict[str, Callable[[], object]]:
    """Return what can be timed."""
    network = {"unet": UNet, "dce": DCENet}[name]().eval()
    plain = torch.rand(shape)
    found: dict[str, Callable[[], object]] = {}
    if name == "dce" and shape[0] == 1:
        # As its authors wrote it: float32, and the layout that torch begins with.
        reference = DCENet().eval()
        found["plain"] = lambda: enhanced(plain, reference(plain))
    image = plain.to(memory_format=torch.channels_last)
    network = network.to(memory_format=torch.channels_last)
    fast = torch.compile(network)

    def context() -> AbstractContextManager:
        rounds = precision == "bf16"
        return torch.autocast("cpu", dtype=torch.bfloat16) if rounds else nullcontext()

    def applied(function: Callable) -> Callable[[], object]:
        def run() -> object:
            with context():
                return function(image)

        return run

    return {**found, "eager": applied(network), "compiled": applied(fast)}


def main(name: str, precision: str, n_threads: int, shape: tuple[int, ...]) -> None:
    """Apply a network."""
    torch.set_num_threads(n_threads)
    torch.manual_seed(0)
    with torch.inference_mode():
        known = ways(name, precision, shape)
        for way in list(known):
            try:
                known[way]()
                known[way]()
            except Exception as error:
                print(f"torch, {way}: {error}"[:300], file=sys.stderr)
                del known[way]
        answer(lambda way: seconds(known[way]), torch.__version__, *known)


if __name__ == "__main__":
    main(*sys.argv[1:3], int(sys.argv[3]), tuple(map(int, sys.argv[4:])))
