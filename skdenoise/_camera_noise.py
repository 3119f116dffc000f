"""Noise that a camera has smoothed: whether an image has any, and how strong.

It looks like texture, but not in flat places. What a network takes from an image, blind and told of
a little noise, from the flattest quarter and from everywhere, says how likely there is such noise,
and what the network is best told. How that follows was learned from photographs for training, with
simulated noise and without: ``python -m benchmarks.camera_noise``.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import expit

from skdenoise.noise._flat_places import blocks_of, products_of_neighbors

Again = Callable[[Sequence[np.ndarray], float], list[np.ndarray]]
"""Denoises windows, told how strong their noise is; 0 for unknown."""

BLOCK = 8
PROBED = 1 / 96
"""Share of the image's range that the network is told, to see what it takes."""
OUTLIERS = 0.005
"""Share of the darkest and of the brightest values that the range leaves out."""
LEAST = 1e-4
"""Less than that share of what the network is told counts as so much."""
EVIDENCE = np.array([1.95, 1.7, 2.36, 1.74, 0.7, 0.65, 0.18])
"""Log odds that there is such noise: a constant, and the weights of `signs`."""
STRENGTH = np.array([0.69, -0.4, 0.15, 0.43, -0.03, -0.17, 0.51])
"""The same for the logarithm of what the network is told, in units of what it was told."""
LIKELY = 0.6, 0.75
"""How likely noise must be for some of it to be taken away, and for all of it."""
STRONGEST = 8.0
"""What the network is told at most, in the same units."""


def noise_of_camera(
    noisy: Sequence[np.ndarray], denoised: Sequence[np.ndarray], again: Again
) -> tuple[float, float]:
    """Return how much of noise that a camera has smoothed is to be removed, and its deviation.

    Parameters
    ----------
    noisy, denoised : sequence of ndarray of shape (h, w, C)
        Windows of an image, before and after the network, which was blind.
    again : callable
        Denoises them otherwise.

    Returns
    -------
    share : float
        In [0, 1]; 0 where there is hardly any such noise.
    sigma : float
        What the network is to be told, in working units.
    """
    probed = PROBED * range_of(noisy)
    if not probed > 0:
        return 0.0, 0.0
    found = np.array([1.0, *signs(noisy, denoised, again(noisy, probed), probed)])
    low, high = LIKELY
    share = np.clip((expit(EVIDENCE @ found) - low) / (high - low), 0, 1)
    return float(share), probed * min(math.exp(STRENGTH @ found), STRONGEST)


def signs(
    noisy: Sequence[np.ndarray],
    blind: Sequence[np.ndarray],
    told: Sequence[np.ndarray],
    probed: float,
) -> list[float]:
    """Return what is known about what a network takes.

    Parameters
    ----------
    noisy, blind, told : sequence of ndarray of shape (h, w, C)
        Windows of an image, and what becomes of them where the network is blind, and told.
    probed : float
        What it is told.

    Returns
    -------
    list of float
        Told, and then blind: the logarithm of the deviation of what is taken from flat places, the
        correlation of neighbors there, and the logarithm for what is taken from everywhere.
    """
    return [*_taken(noisy, told, probed), *_taken(noisy, blind, probed)]


def _taken(
    noisy: Sequence[np.ndarray], denoised: Sequence[np.ndarray], unit: float
) -> tuple[float, float, float]:
    removed = differences(noisy, denoised)
    in_flat_places = _in_flat_places(denoised, removed)
    everywhere = np.concatenate([part.ravel() for part in removed])
    strengths = (
        math.log(math.sqrt(np.square(values).mean()) / unit + LEAST)
        for values in (in_flat_places, everywhere)
    )
    return next(strengths), _correlation(in_flat_places), next(strengths)


def differences(windows: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return what others lack of windows."""
    return [
        np.subtract(window, other, dtype=np.float64)
        for window, other in zip(windows, others, strict=True)
    ]


def range_of(windows: Sequence[np.ndarray]) -> float:
    """Return how far black and white are apart in an image, but for outliers."""
    values = np.concatenate([window.ravel() for window in windows])
    dark, bright = np.quantile(values, (OUTLIERS, 1 - OUTLIERS))
    return float(bright - dark)


def _in_flat_places(denoised: Sequence[np.ndarray], removed: Sequence[np.ndarray]) -> np.ndarray:
    """Return what was removed from the flattest quarter of the blocks."""
    contrast = np.concatenate([_blocks(part).mean(axis=3).var(axis=(1, 2)) for part in denoised])
    flat = np.argsort(contrast, kind="stable")[: max(1, len(contrast) // 4)]
    return np.concatenate([_blocks(part) for part in removed])[flat]


def _blocks(image: np.ndarray) -> np.ndarray:
    return blocks_of(image, BLOCK, BLOCK).astype(np.float64)


def _correlation(blocks: np.ndarray) -> float:
    """Return the correlation of neighbors in blocks."""
    down, across = (products_of_neighbors(blocks, axis).mean() for axis in (0, 1))
    power = float(np.square(blocks).mean())
    return float(down + across) / (2 * power) if power > 0 else 0.0
