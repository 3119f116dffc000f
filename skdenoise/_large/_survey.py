"""What has to be known of a large image before its parts can be worked on, found out in pieces.

That is, its moments, to which every pixel contributes, and a few windows. Both can come from
anywhere: from an array, from a disk, or from other processes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from skdenoise._images import Images, Part

STRIP = 256
"""Rows whose squares are in memory at once."""

Extent = tuple[slice, slice]
"""Rows and columns."""


@dataclass(frozen=True)
class Moments:
    """Mean and spread of pixels, channel by channel, in working units.

    Attributes
    ----------
    count : int
        How many pixels.
    mean, squares : ndarray of float64, shape (C,)
        Mean, and sum of the squared differences from it.
    highest : float
        The largest value.
    """

    count: int
    mean: np.ndarray
    squares: np.ndarray
    highest: float

    @classmethod
    def of(cls, pixels: np.ndarray) -> "Moments":
        """Measure pixels of shape (h, w, C)."""
        mean = pixels.mean(axis=(0, 1), dtype=np.float64)
        squares = np.zeros_like(mean)
        for top in range(0, len(pixels), STRIP):
            difference = np.subtract(pixels[top : top + STRIP], mean, dtype=np.float64)
            squares += np.square(difference, out=difference).sum(axis=(0, 1))
        return cls(pixels.shape[0] * pixels.shape[1], mean, squares, float(pixels.max()))

    @classmethod
    def joined(cls, parts: Iterable["Moments"]) -> "Moments":
        """Return the moments of all pixels together, by the formula of Chan, Golub and LeVeque."""
        parts = list(parts)
        count = sum(part.count for part in parts)
        mean = np.sum([part.count * part.mean for part in parts], axis=0) / count
        squares = sum(part.squares + part.count * np.square(part.mean - mean) for part in parts)
        return cls(count, mean, np.asarray(squares), max(part.highest for part in parts))

    def mean_and_spread(self, channels: slice = slice(None)) -> tuple[float, float]:
        """Return mean and standard deviation over some channels, taken together."""
        means, squares = self.mean[channels], self.squares[channels]
        mean = float(means.mean())
        total = float((squares + self.count * np.square(means - mean)).sum())
        return mean, (total / (self.count * len(means))) ** 0.5


@dataclass(frozen=True)
class Findings:
    """What was found out about an image.

    Attributes
    ----------
    height, width, n_channels : int
        Of the image.
    moments : Moments or None
        Of all pixels, where they were asked for.
    windows : sequence of Part
        The windows that were asked for.
    """

    height: int
    width: int
    n_channels: int
    moments: Moments | None
    windows: Sequence[Part]

    def only(self, windows: Sequence[Part]) -> "Findings":
        """Return the same with some of the windows."""
        return replace(self, windows=windows)


class Pixels(Protocol):
    """Where pixels come from: a part of an image, or what another transform makes of it."""

    @property
    def height(self) -> int:
        """Of the whole image."""
        ...

    @property
    def width(self) -> int:
        """Of the whole image."""
        ...

    def own(self, rows: slice, columns: slice) -> np.ndarray:
        """Return pixels (h, w, C) of the image's dtype, or in working units; perhaps a view."""
        ...

    def crop(self, rows: slice, columns: slice) -> np.ndarray:
        """Return a fresh float array (h, w, C) in working units."""
        ...


class LocalTransform(Protocol):
    """How an image is transformed part by part.

    Attributes
    ----------
    margin : int
        How many pixels around a part it may ask for.
    needs_moments : bool
        Whether it wants to know the moments of the whole image.
    """

    margin: int
    needs_moments: bool

    @property
    def largest_tile(self) -> int | None:
        """Side of what it should be asked for at once; None for the usual one."""
        ...

    def windows(self, height: int, width: int) -> list[Extent]:
        """Return the windows that it wants to see of such an image."""
        ...

    def judge(self, index: int, findings: Findings) -> Any:
        """Return what is to be the same for all parts of image `index`."""
        ...

    def apply(self, image: Pixels, rows: slice, columns: slice, judged: Any) -> np.ndarray:
        """Return a part of the result (h, w, C), in working units or of the image's dtype."""
        ...


class Unchanged:
    """The transform that returns what it is given."""

    margin = 0
    needs_moments = False
    largest_tile = None

    def windows(self, height: int, width: int) -> list[Extent]:
        """Return no windows."""
        return []

    def judge(self, index: int, findings: Findings) -> None:
        """Return nothing."""

    def apply(self, image: Pixels, rows: slice, columns: slice, judged: Any) -> np.ndarray:
        """Return the part."""
        return image.crop(rows, columns)


def moments_of(images: Images, index: int) -> Moments:
    """Measure one image, block by block."""
    return Moments.joined(map(Moments.of, images.blocks(index)))


def survey(images: Images, index: int, local: LocalTransform) -> Findings:
    """Find out about an image what a transform wants to know, block by block."""
    height, width, n_channels = images.shapes[index]
    moments = moments_of(images, index) if local.needs_moments else None
    cuts = local.windows(height, width)
    parts = [images.part(index, *cut) for cut in cuts]
    return Findings(height, width, n_channels, moments, parts)
