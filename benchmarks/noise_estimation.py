"""Noise estimation: how far `estimate_noise` is off, beside scikit-image, and what it flags.

White noise of a known sigma is added as in the papers: in the shape of the image, from the
same generator for every image, neither clipped nor rounded.
"""

from collections.abc import Iterator

import numpy as np
from skimage.restoration import estimate_sigma

from benchmarks._measuring import Result
from benchmarks._photographs import camera_pairs, folder
from skdenoise import estimate_noise
from skdenoise._image_files import read_image

WHITE = {"Set12": 12, "Set5": 5, "BSD432_color": 100, "Train400": 399}
SIGMAS = (5, 10, 15, 25, 50, 75)


def measure(n_rounds: int) -> Iterator[Result]:
    """Compare on white noise, then on photographs of real cameras; rounds would not differ."""
    for name, n_images in WHITE.items():
        yield from _white(name, [read_image(path) for path in folder(name, n_images)])
    yield from _real()


def _white(name: str, images: list[np.ndarray]) -> Iterator[Result]:
    """Add white noise and compare the root mean square of both errors, in gray levels."""
    for sigma in SIGMAS:
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
            f"{name}, sigma {sigma}: error of estimate_noise / of scikit-image",
            (errors[0] / errors[1],),
            goal=("<", 1.0),
            note=f"{errors[0]:.2f} against {errors[1]:.2f} gray levels,"
            f" {ours.correlated.mean():.0%} flagged",
        )


def _real() -> Iterator[Result]:
    """Compare with the noise that the mean of many shots shows, where it is correlated."""
    flagged, parts = [], []
    for mean, noisy in camera_pairs():
        noise = (noisy.astype(float) - mean).reshape(-1, 3)
        estimate = estimate_noise(noisy[None])
        flagged.append(estimate.correlated[0])
        parts.append(estimate.sigma[0] / _rms(noise.std(axis=0)))
    name = "PolyU_cropped: photographs flagged as correlated noise"
    yield Result("noise_estimation", name, (float(np.mean(flagged)),), goal=(">=", 0.95))
    name = "PolyU_cropped: median of estimate / true standard deviation"
    yield Result("noise_estimation", name, (float(np.median(parts)),))


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
