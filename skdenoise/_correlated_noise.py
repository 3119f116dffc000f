"""Noise whose neighbors are correlated: whether an image has any, and how strong.

A camera has smoothed it, or the image was turned or scaled. It looks like texture, but not in flat
places: what a network takes from the flattest quarter of an image, blind and told of some noise,
says whether there is such noise, and how strong it is.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from skdenoise._windows import differences, range_of
from skdenoise.noise._flat_places import blocks_of, products_of_neighbors
from skdenoise.noise._level_function import Noise

Again = Callable[[Sequence[np.ndarray], Noise], list[np.ndarray]]
"""Denoises windows, told how strong their noise is; 0 for unknown."""

BLOCK = 8
PROBED = 1 / 96
"""Share of the image's range that the network is told, to see what it takes."""
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
STEPS = 1.0, 1.5, 1.5**2, 1.5**3
"""What the network is told, in turn, as multiples of a first guess that is too low."""
LEAST_SHARE = 0.55
"""Of what it is told, at least so much is taken from flat places with noise."""
FULL_SHARE, FULL_SHARE_IF_FAINT = 0.7, 0.76
"""So much where they hold as much noise; the latter where there is little in comparison with the
contrast of the image, so that it may be texture."""
LEFT = 1.1
"""How much more than a blind network is taken there, which otherwise knows such noise."""
MOST_CORRELATION = 0.45
"""Of neighbors in what is taken there then: coarser texture does the same."""


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
    taken, correlation, _ = taken_from_flat_places(noisy, again(noisy, probed))
    if correlation > LEAST_CORRELATION:
        smoothness = taken_from_flat_places(noisy, denoised).correlation
        share, least = float(smoothness > LEAST_SMOOTHED), LEAST_TAKEN_IF_SMOOTHED
        sigma = HIDDEN * taken
    else:
        share, least = visible(noisy, taken, is_white=False), LEAST_TAKEN
        sigma = taken
    return (share, sigma) if taken > least * probed else (0.0, 0.0)


def strong_noise(noisy: Sequence[np.ndarray], first: float, again: Again) -> float:
    """Return how strong correlated noise is, of which a blind network leaves some; or 0.

    Parameters
    ----------
    noisy : sequence of ndarray of shape (h, w, C)
        Windows of an image.
    first : float
        Deviation of what the blind network takes from flat places.
    again : callable
        Denoises windows, told a deviation.
    """
    if not first > 0:
        return 0.0
    found = 0.0
    for told, (taken, correlation, _) in _tried(noisy, first, again):
        if taken > max(FULL_SHARE * told, LEFT * first) and correlation < MOST_CORRELATION:
            found = told
    return found


def faint_noise(noisy: Sequence[np.ndarray], sigma: float, again: Again) -> float:
    """Return how strong noise is whose neighbors are somewhat correlated; 0 where it is texture.

    Parameters
    ----------
    noisy : sequence of ndarray of shape (h, w, C)
        Windows of an image.
    sigma : float
        What flat places tell, which is too low.
    again : callable
        Denoises windows, told a deviation.
    """
    found, least = 0.0, FAINT_IF_WHITE_AND_GRAY[1] * range_of(noisy)
    for told, (taken, correlation, _) in _tried(noisy, max(sigma, least), again):
        if taken < LEAST_SHARE * told:
            break
        if taken > FULL_SHARE_IF_FAINT * told and correlation < MOST_CORRELATION:
            found = told
    return found


def _tried(
    noisy: Sequence[np.ndarray], first: float, again: Again
) -> Iterator[tuple[float, "Taken"]]:
    """Yield what the network is told, and what it then takes from flat places."""
    for told in (step * first for step in STEPS):
        yield told, taken_from_flat_places(noisy, again(noisy, told))


def visible(noisy: Sequence[np.ndarray], sigma: float, *, is_white: bool) -> float:
    """Return how much of noise of that deviation is to be removed, in [0, 1]."""
    is_gray = noisy[0].shape[-1] == 1
    limits = FAINT_IF_WHITE_AND_GRAY if is_white and is_gray else FAINT
    none, all_ = (share * range_of(noisy) for share in limits)
    return float(np.clip((sigma - none) / (all_ - none), 0, 1)) if all_ > none else float(sigma > 0)


class Taken(NamedTuple):
    """What was removed from the flattest quarter of an image.

    Attributes
    ----------
    deviation : float
        How much.
    correlation : float
        Of neighbors in it.
    left : float
        Deviation of what remains within blocks, which is little where places are flat.
    """

    deviation: float
    correlation: float
    left: float


def taken_from_flat_places(noisy: Sequence[np.ndarray], denoised: Sequence[np.ndarray]) -> Taken:
    """Return what was removed from the flattest quarter of an image.

    Parameters
    ----------
    noisy, denoised : sequence of ndarray of shape (h, w, C)
        Windows of the image, before and after.
    """
    contrast = np.concatenate([_blocks(part).mean(axis=3).var(axis=(1, 2)) for part in denoised])
    flat = np.argsort(contrast, kind="stable")[: max(1, len(contrast) // 4)]
    removed = np.concatenate([_blocks(part) for part in differences(noisy, denoised)])[flat]
    deviation, left = (math.sqrt(part.mean()) for part in (np.square(removed), contrast[flat]))
    return Taken(deviation, _correlation(removed), left)


def _blocks(image: np.ndarray) -> np.ndarray:
    return blocks_of(image, BLOCK, BLOCK).astype(np.float64)


def _correlation(blocks: np.ndarray) -> float:
    """Return the correlation of neighbors in blocks."""
    down, across = (products_of_neighbors(blocks, axis).mean() for axis in (0, 1))
    power = float(np.square(blocks).mean())
    return float(down + across) / (2 * power) if power > 0 else 0.0
