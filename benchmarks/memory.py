"""Memory: the peak of a process while it denoises an image, by the size of the image.

Linux only: the peak is read from /proc, where it can be reset after the network was traced.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks._measuring import Result, run_python

SIDES = (1024, 2048, 4096, 8192)
GIGABYTE = 1e9
PEAK = Path("/proc/self/clear_refs")
"""Where the peak begins anew."""


def measure(n_rounds: int) -> Iterator[Result]:
    """Denoise squares of unsigned bytes, each in a new process, once: a peak does not vary."""
    yield from peaks("memory", "bytes, unet small", SIDES)


def peaks(
    group: str, what: str, sides: tuple[int, ...], goal: tuple[str, float] | None = None
) -> Iterator[Result]:
    """Yield what a measurement, run with a side as its argument, prints by `print_peak`."""
    if not PEAK.exists():
        print(f"  memory is left out, this system has no {PEAK}")
        return
    found = []
    for side in sides:
        printed, _ = run_python("-m", f"benchmarks.{group}", str(side))
        found.append(float(printed.split()[-1]))
        yield Result(
            group,
            f"transform of {side} x {side} {what}: peak above the imported process",
            (found[-1] / GIGABYTE,),
            unit="GB",
            goal=goal,
        )
    small, large = sides[-2:]
    yield Result(
        group,
        f"growth of that peak from {small} to {large}, per pixel",
        ((found[-1] - found[-2]) / (large**2 - small**2),),
        unit="bytes",
    )


def print_peak(function: Callable[[], object]) -> None:
    """Print by how many bytes the peak rises above what the process holds before."""
    PEAK.write_text("5")
    before = _from_status("VmRSS")
    function()
    print(_from_status("VmHWM") - before)


def _from_status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])


def _denoise(side: int) -> None:
    from benchmarks.denoising import fitted

    denoiser = fitted("unet")
    image = np.random.default_rng(0).integers(256, size=(side, side), dtype=np.uint8)
    denoiser.transform(image[None, :64, :64])
    print_peak(lambda: denoiser.transform(image[None]))


if __name__ == "__main__":
    _denoise(int(sys.argv[1]))
