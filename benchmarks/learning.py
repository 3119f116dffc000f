"""Learning from clean images, from nothing: how far `fit` gets in so many minutes.

The goals suppose two quiet cores. SKDENOISE_MINUTES, such as "20 10", chooses how long to learn; of
more than one, the shortest is repeated with Adam.
"""

import os
from collections.abc import Iterator

import numpy as np

from benchmarks._measuring import Result
from benchmarks._photographs import folder, gray
from skdenoise import AutoencoderDenoiser, NoiseInjector
from skdenoise._protocol import quality, with_white_noise

SIGMA = 25
BM3D = 29.97
"""Mean PSNR of BM3D on Set12, as published."""
MINUTES = tuple(map(int, os.environ.get("SKDENOISE_MINUTES", "20 10 6").split()))


def measure(n_rounds: int) -> Iterator[Result]:
    """Learn from Train400 with noise of one strength, and denoise Set12."""
    training, test = ([gray(path) for path in folder(name)] for name in ("Train400", "Set12"))
    ways = [("muon", minutes) for minutes in MINUTES]
    if len(MINUTES) > 1:
        ways.append(("adam", min(MINUTES)))
    for optimizer, minutes in ways:
        denoiser = AutoencoderDenoiser(
            noise=NoiseInjector(sigma=SIGMA),
            optimizer=optimizer,
            epochs=None,
            time_budget=60 * minutes,
            random_state=0,
        )
        denoiser.fit(training)
        yield Result(
            "learning",
            f"Set12, sigma {SIGMA}, after {minutes} minutes of {optimizer} with Train400",
            (mean_psnr(denoiser, test),),
            unit="dB",
            goal=(">=", BM3D) if minutes == max(MINUTES) else None,
            note=f"{len(denoiser.history_['loss'])} epochs",
        )


def mean_psnr(denoiser: AutoencoderDenoiser, clean: list[np.ndarray]) -> float:
    """Return the mean PSNR in dB, as papers measure it."""
    denoised = denoiser.transform([with_white_noise(image, SIGMA) for image in clean])
    return float(np.mean([quality(*pair) for pair in zip(clean, denoised, strict=True)]))
