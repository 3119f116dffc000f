"""Windows: a few parts of an image, by which all of it is judged where it is large.

How strong its noise is, say, or how much of what was removed is noise.
"""

import math
from collections.abc import Sequence

import numpy as np

WINDOW, WINDOWS_PER_AXIS = 256, 4
"""Side of a window of a square image, and how many of them there are along each axis."""
SMALLEST_WINDOW = 64
OUTLIERS = 0.005
"""Share of the darkest and of the brightest values that the range leaves out."""


def windows(height: int, width: int) -> list[tuple[slice, slice]]:
    """Return the windows by which an image is judged that is too large to be judged as a whole.

    Parameters
    ----------
    height, width : int
        Of the image, in pixels.

    Returns
    -------
    list of (slice, slice)
        Rows and columns of 16 windows on a grid, shaped like the image and of 256 x 256 pixels in
        area; fewer and longer ones where it is narrow, and the whole image where it has no more
        pixels than those.
    """
    lengths = height, width
    long = [length >= WINDOW * WINDOWS_PER_AXIS for length in lengths]
    part = ((WINDOW * WINDOWS_PER_AXIS) ** 2 / math.prod(lengths)) ** (1 / max(sum(long), 1))
    if part >= 1:
        return [(slice(0, height), slice(0, width))]
    cuts = []
    for length, is_long in zip(lengths, long, strict=True):
        side = length
        if is_long:
            side = max(SMALLEST_WINDOW, int(part * length / WINDOWS_PER_AXIS))
        starts = np.linspace(0, length - side, WINDOWS_PER_AXIS if is_long else 1).astype(int)
        cuts.append([slice(start, start + side) for start in starts.tolist()])
    return [(rows, columns) for rows in cuts[0] for columns in cuts[1]]


def windows_of(image: np.ndarray) -> list[np.ndarray]:
    """Return these windows of an image."""
    return [image[cut] for cut in windows(*image.shape[:2])]


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
