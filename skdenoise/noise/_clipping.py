"""Where noise was clipped at black or white, so that it no longer has a mean of 0."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

WINDOW = 7
"""Side of the squares that are looked at."""
SOME, MOST = 0.05, 0.95
"""Of a square where noise ends at black or white, the share of pixels that are at that end."""
COUNTED = 0.2
"""Where so many times as many have the next value, they were counted, as photons are, and not
clipped."""


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
