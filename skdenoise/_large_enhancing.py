"""Enhancing a large image part by part, so that no seam shows where parts meet.

A wanted exposure is a matter of the whole image: it is judged by the brightness of many small
windows. The rest is a matter of a pixel's surroundings.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from skdenoise._curves import Bending, Curves, reduced
from skdenoise._exposures import in_color
from skdenoise._survey import Extent, Findings, LocalTransform, Pixels
from skdenoise._tiling import on_grid

PLACE, PLACES_PER_AXIS = 64, 16
"""Side of a window that tells how bright an image is, and how many there are along each axis."""
FULL_SIZE_TILE = 512
"""Side of a tile where the network sees all pixels: curves take more memory than pixels."""
EVERY = 8
"""Distance of the pixels of a window that are looked at."""


class Judged(NamedTuple):
    """What is the same for all parts of an image.

    Attributes
    ----------
    gain : float
        What the curves are multiplied by.
    denoising : object
        What the denoiser has judged.
    """

    gain: float
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


class LargeEnhancing:
    """How an enhancer works on parts of large images.

    Parameters
    ----------
    once : callable
        Yields the output of the network for each task.
    precision : str
        Arithmetic of the network.
    halo, grid : int
        How far the network sees, and what its origin must be a multiple of; in its own pixels.
    reduction : int
        Pixels of the image per pixel of the network, both ways.
    bending : Bending
        How curves are applied.
    shared : bool
        Whether all channels share their curves.
    strength : float
        What the curves are multiplied by.
    exposure : float or None
        Mean brightness that is wanted.
    denoising : LocalTransform or None
        What comes before.
    on_highest : callable or None
        Is told the largest value of an image.
    """

    def __init__(
        self,
        once: Callable[[Iterable[Any]], Iterator[np.ndarray]],
        *,
        precision: str,
        halo: int,
        grid: int,
        reduction: int,
        bending: Bending,
        shared: bool,
        strength: float,
        exposure: float | None,
        denoising: LocalTransform | None,
        on_highest: Callable[[float], None] | None,
    ) -> None:
        self._once = once
        self._precision = precision
        # Between coarse pixels is interpolated: one more of them on either side.
        self._halo = (halo + (reduction > 1)) * reduction
        self._grid = grid * reduction
        self._reduction = reduction
        self._bending = bending
        self._shared = shared
        self._strength = strength
        self._exposure = exposure
        self._denoising = denoising
        self._on_highest = on_highest
        self.margin = self._halo + self._grid - 1
        self.largest_tile = FULL_SIZE_TILE if reduction == 1 else None
        self.needs_moments = on_highest is not None
        if denoising is not None:
            self.margin += denoising.margin
            self.needs_moments |= denoising.needs_moments

    def windows(self, height: int, width: int) -> list[Extent]:
        """Return the windows of the denoiser, then those that tell how bright an image is."""
        found = [] if self._denoising is None else self._denoising.windows(height, width)
        margin = self.margin
        for rows, columns in self._places(height, width):
            found.append(
                (
                    slice(max(rows.start - margin, 0), min(rows.stop + margin, height)),
                    slice(max(columns.start - margin, 0), min(columns.stop + margin, width)),
                )
            )
        return found

    def _places(self, height: int, width: int) -> list[Extent]:
        if self._exposure is None:
            return []
        cuts = []
        for length in (height, width):
            side = min(PLACE, length)
            count = min(PLACES_PER_AXIS, length // side)
            starts = np.linspace(0, length - side, count).astype(int).tolist()
            cuts.append([slice(start, start + side) for start in starts])
        return [(rows, columns) for rows in cuts[0] for columns in cuts[1]]

    def judge(self, index: int, findings: Findings) -> Judged:
        """Return what the denoiser judges, and the gain that gives the wanted exposure."""
        if self._on_highest is not None and findings.moments is not None:
            self._on_highest(findings.moments.highest)
        height, width = findings.height, findings.width
        places = self._places(height, width)
        n_others = len(findings.windows) - len(places)
        denoising = None
        if self._denoising is not None:
            seen = findings.only(findings.windows[:n_others])
            denoising = self._denoising.judge(index, seen)
        if self._exposure is None:
            return Judged(1.0, denoising)
        images, maps = [], []
        for part, place in zip(findings.windows[n_others:], places, strict=True):
            image, curves, top, left = self._curves(self._seen(part, denoising), *place)
            sampled = (
                slice(top, top + place[0].stop - place[0].start, EVERY),
                slice(left, left + place[1].stop - place[1].start, EVERY),
            )
            n_channels = image.shape[-1]
            images.append(image[sampled].reshape(-1, 1, n_channels))
            found = curves.at(*sampled)
            maps.append(found.reshape(len(found), -1, 1, found.shape[-1]))
        gain = self._bending.gain_for_sample(
            self._exposure, np.concatenate(images), np.concatenate(maps, axis=1)
        )
        return Judged(gain, denoising)

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
        from skdenoise._keras._prediction import Task

        pixels = image.crop(high, wide)
        maps = next(
            self._once(
                [Task(reduced(in_color(pixels), self._reduction), precision=self._precision)]
            )
        )
        maps = maps.reshape(*maps.shape[:2], -1, 3)
        curves = Curves(maps, pixels.shape[0], pixels.shape[1], self._reduction)
        if self._shared:
            curves = curves.shared()
        return pixels, curves, rows.start - high.start, columns.start - wide.start

    def apply(self, image: Pixels, rows: slice, columns: slice, judged: Judged) -> np.ndarray:
        """Return a part of the enhanced image."""
        seen = self._seen(image, judged.denoising)
        pixels, curves, top, left = self._curves(seen, rows, columns)
        inner = pixels[
            top : top + rows.stop - rows.start, left : left + columns.stop - columns.start
        ]
        curves = curves.times(judged.gain).times(self._strength)
        return self._bending.enhanced(inner, curves, top=top, left=left)
