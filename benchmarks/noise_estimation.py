"""Noise estimation: how far `estimate_noise` is off, beside scikit-image, and what it flags.

The photographs are looked for in the folder that SKDENOISE_DATA names, or in ../shared/data.
White noise of a known sigma is added as in the papers: in the shape of the image, from the
same generator for every image, neither clipped nor rounded.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.restoration import estimate_sigma

from benchmarks._measuring import DATA, Result, table
from skdenoise import estimate_noise

WHITE = {"Set12": 12, "Set5": 5, "BSD432_color": 100, "Train400": 399}
SIGMAS = (5, 10, 15, 25, 50, 75)


def measure(n_rounds: int) -> Iterator[Result]:
    """Compare on white noise, then on photographs of real cameras; rounds would not differ."""
    if not DATA.is_dir():
        print(f"  skipped: no folder {DATA}; name one with SKDENOISE_DATA")
        return
    for folder, n_images in WHITE.items():
        yield from _white(folder, [np.asarray(Image.open(p)) for p in _files(folder, n_images)])
    yield from _real("PolyU_cropped")


def _files(folder: str, n_images: int) -> list[Path]:
    """Return so many files of a folder, evenly spaced."""
    files = sorted(path for path in (DATA / folder).glob("*") if path.suffix.lower() != ".txt")
    return files[:: max(1, len(files) // n_images)][:n_images]


def _white(folder: str, images: list[np.ndarray]) -> Iterator[Result]:
    """Add white noise and compare the root mean square of both errors, in gray levels."""
    for sigma in SIGMAS if images else ():
        noisy = [
            image + sigma * np.random.RandomState(0).standard_normal(image.shape)
            for image in images
        ]
        ours = estimate_noise(noisy)
        theirs = [
            np.sqrt(np.mean(np.square(estimate_sigma(y, channel_axis=-1 if y.ndim == 3 else None))))
            for y in noisy
        ]
        errors = [_rms(np.asarray(found) - sigma) for found in (ours.sigma, theirs)]
        yield Result(
            "noise_estimation",
            f"{folder}, sigma {sigma}: error of estimate_noise / of scikit-image",
            (errors[0] / errors[1],),
            goal=("<", 1.0),
            note=f"{errors[0]:.2f} against {errors[1]:.2f} gray levels,"
            f" {ours.correlated.mean():.0%} flagged",
        )


def _real(folder: str) -> Iterator[Result]:
    """Compare with the noise that the mean of many shots shows, where it is correlated."""
    files = sorted((DATA / folder).glob("*_real.JPG"))
    flagged, parts = [], []
    for path in files:
        noisy = np.asarray(Image.open(path))
        mean = np.asarray(Image.open(path.with_name(path.name.replace("_real", "_mean"))))
        noise = (noisy.astype(float) - mean).reshape(-1, 3)
        estimate = estimate_noise(noisy[None])
        flagged.append(estimate.correlated[0])
        parts.append(estimate.sigma[0] / _rms(noise.std(axis=0)))
    if files:
        name = f"{folder}: photographs flagged as correlated noise"
        yield Result("noise_estimation", name, (float(np.mean(flagged)),), goal=(">=", 0.95))
        name = f"{folder}: median of estimate / true standard deviation"
        yield Result("noise_estimation", name, (float(np.median(parts)),))


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


if __name__ == "__main__":
    if results := list(measure(1)):
        print(table(results))
