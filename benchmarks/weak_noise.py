"""Weak noise: what the weights of the package do to images that have hardly any."""

from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np
from skimage.transform import downscale_local_mean

from benchmarks._measuring import Result
from benchmarks._photographs import camera_pairs, folder, gray
from skdenoise import AutoencoderDenoiser
from skdenoise._choices import SHIPPED_SIZES
from skdenoise._image_files import read_image
from skdenoise._protocol import quality, with_white_noise
from skdenoise._restraint import Verdict

N_IMAGES = 11
SIGMAS = 0.5, 1, 2, 3, 5, 10
"""Gray levels."""
LOST = 0.05
"""Decibels that count as a loss."""
CLEAN_EVERY = 5
"""Each so many-th photograph is also given without noise."""


def measure(n_rounds: int) -> Iterator[Result]:
    """Compare images before and after, with and without what restrains the network."""
    photographs = {
        "BSD432_color": [read_image(path) for path in folder("BSD432_color", N_IMAGES, first=7)],
        "scikit-image": _sharp(),
        "scikit-image, texture": _textured(),
        "Set12": [gray(path) for path in folder("Set12")],
    }
    clean = [read_image(path) for path in folder("BSD432_color")[::CLEAN_EVERY]]
    pairs = [(mean, noisy / np.float32(255)) for mean, noisy in camera_pairs(every=5)]
    for size in SHIPPED_SIZES:
        denoiser = AutoencoderDenoiser(size=size, weights="natural")
        for sigma in SIGMAS:
            for name, images in photographs.items():
                white = [(image, with_white_noise(image, sigma)) for image in images]
                yield from _gains(f"{size}, {name}, sigma {sigma}", white, denoiser)
        yield _changes(f"{size}, BSD432_color", clean, denoiser)
        yield from _gains(f"{size}, PolyU_cropped", pairs, denoiser)


def _sharp() -> list[np.ndarray]:
    """Return photographs with finer detail than those for training."""
    from skimage import data

    return [data.astronaut(), data.chelsea(), data.coffee(), data.rocket()]


def _textured() -> list[np.ndarray]:
    """Return photographs that fine texture fills, as they are and half as large."""
    from skimage import data

    whole = [data.grass(), data.gravel(), data.brick()]
    halves = [downscale_local_mean(image, (2, 2)).round().astype(np.uint8) for image in whole]
    return [image[:256, :256] for image in whole] + halves


def _changes(name: str, clean: list[np.ndarray], denoiser: AutoencoderDenoiser) -> Result:
    """Count the images that are changed though nothing is to be removed."""
    results = denoiser.transform(clean)
    left = [
        quality(image, result / np.float32(255))
        for image, result in zip(clean, results, strict=True)
        if (image != result).any()
    ]
    note = f"{len(left)} of {len(clean)}"
    if left:
        note += f", at {min(left):.0f} to {max(left):.0f} dB of themselves"
    return Result(
        "weak noise",
        f"{name}, sigma 0: share of the images that are changed",
        (len(left) / len(clean),),
        note=note,
    )


def _unrestrained(
    noisy: Any, denoised: Any, again: Any, sigma: float = 0.0, *, measured: bool = True
) -> Verdict:
    return Verdict(1.0, sigma)


def _gains(
    name: str, pairs: list[tuple[np.ndarray, np.ndarray]], denoiser: AutoencoderDenoiser
) -> Iterator[Result]:
    images = [noisy for _, noisy in pairs]
    denoised = denoiser.transform(images)
    with mock.patch("skdenoise._restraint._verdict", _unrestrained):
        unrestrained = denoiser.transform(images)
    for what, results in (("", denoised), (" without restraint", unrestrained)):
        gains = [
            quality(clean, result) - quality(clean, noisy)
            for (clean, noisy), result in zip(pairs, results, strict=True)
        ]
        yield Result(
            "weak noise",
            f"{name}: gain in PSNR{what}",
            (float(np.mean(gains)),),
            unit="dB",
            note=f"from {min(gains):.2f} to {max(gains):.2f}, "
            f"{np.sum(np.array(gains) < -LOST)} of {len(gains)} lose",
        )
