"""How a network sees an image: less its mean, and divided by how far pixels are from it.

So neither units nor offsets matter to it.
"""

import math

import numpy as np

from skdenoise._images import Images
from skdenoise._large import moments_of
from skdenoise._task import Task

LEAST_SPREAD = 1e-6
"""Spread as a share of the mean, below which an image is constant: it is rounding error."""


def image_statistics(image: np.ndarray) -> tuple[float, float]:
    """Return mean and standard deviation; 1 for the latter if the image is constant."""
    mean = float(image.mean(dtype=np.float64))
    # In blocks, since squares in float64 are larger than the image.
    blocks = (image[top : top + 256] for top in range(0, len(image), 256))
    squares = sum(float(np.square(block - mean, dtype=np.float64).sum()) for block in blocks)
    return mean, gain_of(mean, math.sqrt(squares / image.size))


def statistics_of(images: Images, index: int) -> tuple[float, float]:
    """Return the same of an image that need not be in memory."""
    if not images.is_large(index):
        return image_statistics(images[index])
    mean, spread = moments_of(images, index).mean_and_spread()
    return mean, gain_of(mean, spread)


def gain_of(mean: float, spread: float) -> float:
    """Return what pixels are divided by: their deviation, or 1 if the image is constant."""
    return spread if spread > LEAST_SPREAD * abs(mean) and spread > 1e-150 else 1.0


def task_of(
    image: np.ndarray,
    sigma: float | np.ndarray = 0.0,
    precision: str = "float32",
    *,
    normalized: bool = True,
) -> Task:
    """Return what a network is given that sees images normalized, or as they are."""
    mean, gain = image_statistics(image) if normalized else (0.0, 1.0)
    return Task(image, mean, gain, sigma, precision)
