"""Enhancing a large image part by part, so that no seam shows where parts meet.

A wanted exposure and the mean of all curves are matters of the whole image: they are judged in many
small windows. The rest is a matter of a pixel's surroundings.
"""

from typing import Any, NamedTuple

import numpy as np

from skdenoise._brightening import Brightening
from skdenoise._curves import Curves, mean_of_maps, places, sampled_within
from skdenoise._images import in_working_units
from skdenoise._large import Extent, Findings, LocalTransform, Pixels
from skdenoise._tiling import on_grid, with_margin

FULL_SIZE_TILE = 512
"""Side of a tile where the network sees all pixels: curves take more memory than pixels."""


class Judged(NamedTuple):
    """What is the same for all parts of an image.

    Attributes
    ----------
    gain : float
        What the curves are multiplied by.
    mean : ndarray of shape (n_curves, C) or None
        That of the curves' maps.
    denoising : object
        What the denoiser has judged.
    """

    gain: float
    mean: np.ndarray | None
    denoising: Any


class Denoised(NamedTuple):
    """An image as it is after denoising; only what is asked for is denoised."""

    image: Pixels
    denoising: LocalTransform
    judged: Any

    @property
    def height(self) -> int:
        """Of the whole image."""
        return self.image.height

    @property
    def width(self) -> int:
        """Of the whole image."""
        return self.image.width

    def crop(self, rows: slice, columns: slice) -> np.ndarray:
        """Return a denoised part."""
        return self.denoising.apply(self.image, rows, columns, self.judged)

    def own(self, rows: slice, columns: slice) -> np.ndarray:
        """Return the same: what is denoised has no other dtype."""
        return self.crop(rows, columns)


class LargeEnhancing:
    """How an enhancer works on parts of large images.

    Parameters
    ----------
    whole : Brightening
        What it does with images.
    halo, grid : int
        How far the network sees, and what its origin must be a multiple of; in its own pixels.
    denoising : LocalTransform or None
        What comes before.
    """

    def __init__(
        self, whole: Brightening, *, halo: int, grid: int, denoising: LocalTransform | None
    ) -> None:
        self._whole = whole
        # Between coarse pixels is interpolated: one more of them on either side.
        self._halo = (halo + (whole.reduction > 1)) * whole.reduction
        self._grid = grid * whole.reduction
        self._denoising = denoising
        self.margin = self._halo + self._grid - 1
        self.largest_tile = FULL_SIZE_TILE if whole.reduction == 1 else None
        self.needs_moments = whole.on_highest is not None
        if denoising is not None:
            self.margin += denoising.margin
            self.needs_moments |= denoising.needs_moments

    def windows(self, height: int, width: int) -> list[Extent]:
        """Return the windows of the denoiser, then those that stand for the whole image."""
        found = [] if self._denoising is None else self._denoising.windows(height, width)
        return found + [
            (with_margin(rows, height, self.margin), with_margin(columns, width, self.margin))
            for rows, columns in self._places(height, width)
        ]

    def _places(self, height: int, width: int) -> list[Extent]:
        if self._whole.exposure is None and self._whole.locality == 1:
            return []
        return [(rows, columns) for rows in places(height) for columns in places(width)]

    def judge(self, index: int, findings: Findings) -> Judged:
        """Return what the denoiser judges, the curves' mean, and the gain for the exposure."""
        whole = self._whole
        if whole.on_highest is not None and findings.moments is not None:
            whole.on_highest(findings.moments.highest)
        height, width = findings.height, findings.width
        chosen = self._places(height, width)
        n_others = len(findings.windows) - len(chosen)
        denoising = None
        if self._denoising is not None:
            seen = findings.only(findings.windows[:n_others])
            denoising = self._denoising.judge(index, seen)
        if not chosen:
            return Judged(1.0, None, denoising)
        images, maps = [], []
        for part, place in zip(findings.windows[n_others:], chosen, strict=True):
            image, curves, top, left = self._curves(self._seen(part, denoising), *place)
            rows, columns = (
                sampled_within(part, length) - part.start + first
                for part, length, first in zip(place, (height, width), (top, left), strict=True)
            )
            sample = in_working_units(image[rows[:, None], columns])
            images.append(sample.reshape(-1, 1, image.shape[-1]))
            found = curves.at(rows, columns)
            maps.append(found.reshape(-1, 1, *found.shape[2:]))
        mean, gain = mean_of_maps(maps), 1.0
        if whole.exposure is not None:
            plain = np.concatenate(maps)
            curves = Curves(plain, *plain.shape[:2]).localized(whole.locality, mean)
            gain = whole.bending.gain_for_sample(
                whole.exposure, np.concatenate(images), curves.at(slice(None))
            )
        return Judged(gain, mean, denoising)

    def _seen(self, image: Pixels, judged: Any) -> Pixels:
        return image if self._denoising is None else Denoised(image, self._denoising, judged)

    def _curves(
        self, image: Pixels, rows: slice, columns: slice
    ) -> tuple[np.ndarray, Curves, int, int]:
        """Return pixels around a part, their curves, and where among them the part begins."""
        high, wide = (
            on_grid(part, length, halo=self._halo, grid=self._grid)
            for part, length in ((rows, image.height), (columns, image.width))
        )
        pixels = self._whole.bending.taken(image.own(high, wide))
        maps = next(self._whole.once([self._whole.task_of(pixels)]))
        curves = self._whole.curves_of(maps, pixels.shape)
        return pixels, curves, rows.start - high.start, columns.start - wide.start

    def apply(self, image: Pixels, rows: slice, columns: slice, judged: Judged) -> np.ndarray:
        """Return a part of the enhanced image."""
        seen = self._seen(image, judged.denoising)
        pixels, curves, top, left = self._curves(seen, rows, columns)
        inner = pixels[
            top : top + rows.stop - rows.start, left : left + columns.stop - columns.start
        ]
        curves = curves.localized(self._whole.locality, judged.mean)
        curves = curves.times(judged.gain).times(self._whole.strength)
        return self._whole.bending.enhanced(inner, curves, top=top, left=left)
