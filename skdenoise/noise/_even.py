"""Whether the noise of an image is white and equally strong everywhere, and how strong."""

import functools
from collections.abc import Sequence

import numpy as np

from skdenoise.noise._flat_places import Pixels, correlation_of_neighbors, flat_sigmas

CELLS_PER_AXIS = 4
"""Into so many parts both ways is an image cut to see whether its noise is the same everywhere."""
SMALLEST_CELL, LARGEST_CELL = 24, 96
"""Rows and columns of a part: from fewer its noise cannot be told, and more are not needed."""
LEAST_IN_PLACES, MOST_IN_PLACES = 0.9, 1.15
"""Noise of the parts, but for an eighth with least and a quarter with most, as a multiple of that
of all flat places."""
EVEN_IN_LIGHT = 1.12
"""How much more noise there may be in a lightness than in another."""
WHITE = 0.1
"""Mean correlation of neighbors up to which noise is as good as white."""


class Cells:
    """Parts of an image that are judged each, and what flat places in them tell.

    Parameters
    ----------
    pixels : sequence of ndarray of shape (h, w, C)
        The image, or some windows of it.

    Attributes
    ----------
    pixels : ndarray of shape (n, h, w, C)
        The parts; none where they would be too small.
    """

    def __init__(self, pixels: Sequence[np.ndarray]) -> None:
        n_per_axis = CELLS_PER_AXIS if len(pixels) == 1 else 1
        cells = [_middle(cell) for window in pixels for cell in _cells(window, n_per_axis)]
        height, width = (min(cell.shape[axis] for cell in cells) for axis in (0, 1))
        large_enough = min(height, width) >= SMALLEST_CELL
        self.pixels = np.stack([cell[:height, :width] for cell in cells])[
            : len(cells) * large_enough
        ]

    @functools.cached_property
    def channels(self) -> list[list[Pixels]]:
        """What flat places tell, for each channel: of those parts that tell something."""
        # Parts of one value, which was filled in, tell nothing.
        return [
            [part for part in Pixels.of_each(planes) if part.gradient.any()]
            for planes in np.moveaxis(self.pixels, -1, 0)
            if len(planes)
        ]

    @functools.cached_property
    def correlation(self) -> float:
        """Mean correlation of neighbors in flat places."""
        channels = np.moveaxis(self.pixels, -1, 0)
        return float(np.mean([correlation_of_neighbors(list(planes)) for planes in channels]))

    def even_sigma(self) -> float:
        """Return what the function of that name does."""
        parts = [part for channel in self.channels for part in channel]
        if not parts:
            return 0.0
        together = Pixels.together(parts)
        sigma = together.flat_sigma(0.05)
        if not sigma > 0:
            return 0.0
        # Where much of a part is texture, it seems to have more noise than it has.
        sigmas = flat_sigmas(parts, 0.05)
        if np.quantile(sigmas, 3 / 4) > MOST_IN_PLACES * sigma:
            return 0.0
        # There is less than half in parts of which a piece was filled in.
        full = sigmas[sigmas > sigma / 2]
        if not full.size or np.quantile(full, 1 / 8) < LEAST_IN_PLACES * sigma:
            return 0.0
        bands = together.sigma_by_lightness(sigma)
        if bands.max() > EVEN_IN_LIGHT * bands.min():
            return 0.0
        return sigma if self.correlation <= WHITE else 0.0


def even_sigma(pixels: Sequence[np.ndarray]) -> float:
    """Return the deviation of noise that is white, and equally strong everywhere.

    Parameters
    ----------
    pixels : sequence of ndarray of shape (h, w, C)
        The image, or some windows of it.

    Returns
    -------
    float
        It is 0 where the image may have other noise, or none, or is too small to tell.
    """
    return Cells(pixels).even_sigma()


def _cells(window: np.ndarray, n_per_axis: int) -> list[np.ndarray]:
    """Cut a window into so many parts each way."""
    return [
        cell
        for row in np.array_split(window, n_per_axis)
        for cell in np.array_split(row, n_per_axis, axis=1)
    ]


def _middle(cell: np.ndarray) -> np.ndarray:
    top, left = (max(0, (length - LARGEST_CELL) // 2) for length in cell.shape[:2])
    return cell[top : top + LARGEST_CELL, left : left + LARGEST_CELL]
