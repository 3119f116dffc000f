"""Where noise was clipped at black or white, so that it no longer has a mean of 0."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from skdenoise.noise._flat_places import blocks_of

WINDOW = 7
"""Side of the squares that are looked at."""
SOME, MOST = 0.05, 0.95
"""Of a square where noise ends at black or white, the share of pixels that are at that end."""
COUNTED = 0.2
"""Where so many times as many have the next value, they were counted, as photons are, and not
clipped."""

BLOCK = 8
HALF = 0.3, 0.75
"""Of a block that is black or white but for its noise, the share of pixels that are at that end."""
LEAST_HALVED = 0.3
"""Of all blocks so many are like that in print and line drawings, and never in photographs."""
ROOM = 1.2
"""How much stronger the noise may be than such blocks tell."""


def limit_of_clipped_noise(planes: Sequence[np.ndarray]) -> float:
    """Return how strong noise is at most where much of an image is black or white.

    Of noise with a mean of 0 there is only half, whose mean square is half the variance.

    Parameters
    ----------
    planes : sequence of ndarray of shape (h, w)
        A channel of the image, or some windows of it.

    Returns
    -------
    float
        It is infinite where it is not told.
    """
    found = [math.inf]
    for sign in (1, -1):
        end = max((sign * plane).max() for plane in planes)
        below = np.concatenate([blocks_of(end - sign * plane, BLOCK, BLOCK) for plane in planes])
        below = below.reshape(len(below), BLOCK**2)
        at_end = np.mean(below == 0, axis=1)
        half = below[(at_end > HALF[0]) & (at_end < HALF[1])]
        if len(half) and len(half) >= LEAST_HALVED * len(below):
            sigmas = np.sqrt(2 * np.square(half).mean(axis=1))
            found.append(ROOM * float(np.quantile(sigmas, 0.25)))
    return min(found)


def share_of_clipped_noise(pixels: Sequence[np.ndarray]) -> float:
    """Return the share of an image where noise was clipped, in [0, 1].

    Parameters
    ----------
    pixels : sequence of ndarray of shape (h, w, C)
        The image, or some windows of it.
    """
    shares = [
        max(_share([sign * window[..., c] for window in pixels]) for sign in (1, -1))
        for c in range(pixels[0].shape[-1])
    ]
    return float(np.mean(shares))


def _share(planes: Sequence[np.ndarray]) -> float:
    """Return the same of the lower end."""
    end = min(plane.min() for plane in planes)
    near, at_end = [], 0
    for plane in planes:
        is_end = plane == end
        around = ndimage.uniform_filter(is_end.astype(np.float32), WINDOW)
        is_mixed = (around > SOME) & (around < MOST)
        near.append(plane[is_mixed & ~is_end])
        at_end += int((is_mixed & is_end).sum())
    others = np.concatenate(near)
    if not others.size or np.count_nonzero(others == others.min()) > COUNTED * at_end:
        return 0.0
    return (others.size + at_end) / sum(plane.size for plane in planes)
