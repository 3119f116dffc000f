"""Memory: the peak of a process while it denoises an image, by the size of the image.

Linux only: the peak is read from /proc, where it can be reset after the network was traced.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks._measuring import Result, run_python

SIDES = (1024, 2048, 4096, 8192)
GIGABYTE = 1e9


def measure(n_rounds: int) -> Iterator[Result]:
    """Denoise squares of unsigned bytes, each in a new process, once: a peak does not vary."""
    if not Path("/proc/self/clear_refs").exists():
        print("memory: left out, this system has no /proc/self/clear_refs")
        return
    peaks = {}
    for side in SIDES:
        printed, _ = run_python("-m", "benchmarks.memory", str(side))
        peaks[side] = float(printed.split()[-1])
        yield Result(
            "memory",
            f"transform of {side} x {side} bytes, unet small: peak above the imported process",
            (peaks[side] / GIGABYTE,),
            unit="GB",
        )
    small, large = SIDES[-2:]
    yield Result(
        "memory",
        f"growth of that peak from {small} to {large}, per pixel",
        ((peaks[large] - peaks[small]) / (large**2 - small**2),),
        unit="bytes",
    )


def _denoise(side: int) -> None:
    """Print by how many bytes the peak rises above what the process holds before."""
    from benchmarks.denoising import fitted

    denoiser = fitted("unet")
    image = np.random.default_rng(0).integers(256, size=(side, side), dtype=np.uint8)
    denoiser.transform(image[None, :64, :64])
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _from_status("VmRSS")
    denoiser.transform(image[None])
    print(_from_status("VmHWM") - before)


def _from_status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])


if __name__ == "__main__":
    _denoise(int(sys.argv[1]))
