"""Noise that a camera has smoothed: whether an image has any, and how strong.

It looks like texture, but not in flat places: what a network takes from the flattest quarter of an
image, blind and told of a little noise, says whether there is such noise, and how strong it is.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from skdenoise.noise._flat_places import blocks_of, products_of_neighbors

Again = Callable[[Sequence[np.ndarray], float], list[np.ndarray]]
"""Denoises windows, told how strong their noise is; 0 for unknown."""

BLOCK = 8
PROBED = 1 / 96
"""Share of the image's range that the network is told, to see what it takes."""
OUTLIERS = 0.005
"""Share of the darkest and of the brightest values that the range leaves out."""
LEAST_TAKEN, LEAST_TAKEN_IF_SMOOTHED = 0.55, 0.45
"""Of what the network is told, at least this share is taken from flat places with noise."""
LEAST_CORRELATION = 0.4
"""Of neighbors in what is taken there, where noise is not white."""
LEAST_SMOOTHED = 0.55
"""The same of what a blind network takes, where a camera has smoothed the noise."""
FAINT = 0.006, 0.009
"""Shares of the image's range: of noise below the first nothing is taken away, since the grain of
clean photographs is as strong, and from the second on all."""
FAINT_IF_WHITE_AND_GRAY = 0.009, 0.012
"""The same of white noise in gray images: the grain of old scans is white, too, and stronger."""
HIDDEN = 2.25
"""How much stronger correlated noise is than what is taken."""


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
    taken, correlation = taken_from_flat_places(noisy, again(noisy, probed))
    if correlation > LEAST_CORRELATION:
        _, smoothness = taken_from_flat_places(noisy, denoised)
        share, least = float(smoothness > LEAST_SMOOTHED), LEAST_TAKEN_IF_SMOOTHED
        sigma = HIDDEN * taken
    else:
        share, least = visible(noisy, taken, is_white=False), LEAST_TAKEN
        sigma = taken
    return (share, sigma) if taken > least * probed else (0.0, 0.0)


def visible(noisy: Sequence[np.ndarray], sigma: float, *, is_white: bool) -> float:
    """Return how much of noise of that deviation is to be removed, in [0, 1]."""
    is_gray = noisy[0].shape[-1] == 1
    limits = FAINT_IF_WHITE_AND_GRAY if is_white and is_gray else FAINT
    none, all_ = (share * range_of(noisy) for share in limits)
    return float(np.clip((sigma - none) / (all_ - none), 0, 1)) if all_ > none else float(sigma > 0)


def taken_from_flat_places(
    noisy: Sequence[np.ndarray], denoised: Sequence[np.ndarray]
) -> tuple[float, float]:
    """Return the deviation of what was removed from the flattest quarter of an image.

    And how much neighbors are correlated in it.

    Parameters
    ----------
    noisy, denoised : sequence of ndarray of shape (h, w, C)
        Windows of the image, before and after.
    """
    contrast = np.concatenate([_blocks(part).mean(axis=3).var(axis=(1, 2)) for part in denoised])
    flat = np.argsort(contrast, kind="stable")[: max(1, len(contrast) // 4)]
    removed = np.concatenate([_blocks(part) for part in differences(noisy, denoised)])[flat]
    return math.sqrt(np.square(removed).mean()), _correlation(removed)


def differences(windows: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return what others lack of windows."""
    return [
        np.subtract(window, other, dtype=np.float64)
        for window, other in zip(windows, others, strict=True)
    ]


def together(windows: Sequence[np.ndarray]) -> np.ndarray:
    """Return all values in no order."""
    return windows[0] if len(windows) == 1 else np.concatenate([part.ravel() for part in windows])


def range_of(windows: Sequence[np.ndarray]) -> float:
    """Return how far black and white are apart in an image, but for outliers."""
    dark, bright = np.quantile(together(windows), (OUTLIERS, 1 - OUTLIERS))
    return float(bright - dark)


def _blocks(image: np.ndarray) -> np.ndarray:
    return blocks_of(image, BLOCK, BLOCK).astype(np.float64)


def _correlation(blocks: np.ndarray) -> float:
    """Return the correlation of neighbors in blocks."""
    down, across = (products_of_neighbors(blocks, axis).mean() for axis in (0, 1))
    power = float(np.square(blocks).mean())
    return float(down + across) / (2 * power) if power > 0 else 0.0
