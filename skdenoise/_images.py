"""The image contract: what a container holds, and how it is given back.

A container is an array (n, H, W) or (n, H, W, C), a sequence of (H, W) or (H, W, C)
arrays of mixed sizes, or a table whose rows are flattened images. Whoever works on
images sees float arrays (H, W, C) in *working units*: integers divided by the largest
value of their dtype, floats as they are. Pixels are converted one image at a time, so
that a memory map stays on disk.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skdenoise import _tiling
from skdenoise._stored import blocks_of, give_back, memory_map_of
from skdenoise._windows import windows

COLORS_WITH_ALPHA = 4
"""A fourth channel is the opacity of an RGB image: it passes through untouched."""
ROUNDED_TOGETHER = 1 << 15
"""About how many values."""


def scale_of(dtype: np.dtype) -> float:
    """Return the image's own units per working unit."""
    if dtype.kind == "b":
        return 1.0
    return float(np.iinfo(dtype).max) if dtype.kind in "iu" else 1.0


def _working_dtype(dtype: np.dtype) -> type:
    """Return the smallest float dtype that holds every value of `dtype` that matters."""
    small = dtype.itemsize <= (4 if dtype.kind == "f" else 2)
    return np.float32 if small else np.float64


def _to_dtype(pixels: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Convert from working units: round and saturate integers, never wrap."""
    if dtype.kind == "f" or pixels.dtype == dtype:
        return pixels.astype(dtype, copy=False)
    if dtype.kind == "b":
        return pixels >= 0.5
    info = np.iinfo(dtype)
    high = float(info.max)
    if int(high) > info.max:
        # The largest 64-bit integer is not a float: the next float above it would wrap.
        high = np.nextafter(high, 0)
    out = np.empty(pixels.shape, dtype)
    # A few rows at once stay in the cache, and new memory is slower than arithmetic.
    n_rows = max(1, ROUNDED_TOGETHER * len(pixels) // max(pixels.size, 1))
    for top in range(0, len(pixels), n_rows):
        part = pixels[top : top + n_rows] * scale_of(dtype)
        np.rint(part, out=part)
        out[top : top + n_rows] = np.clip(part, info.min, high, out=part)
    return out


def in_working_units(pixels: np.ndarray) -> np.ndarray:
    """Return pixels of any dtype as floats, fresh."""
    work = _working_dtype(pixels.dtype)
    if pixels.dtype.kind == "f":
        return pixels.astype(work)
    return np.divide(pixels, scale_of(pixels.dtype), dtype=work)


@dataclass(frozen=True)
class Part:
    """A part of an image that is in memory, addressed by rows and columns of the whole image.

    Attributes
    ----------
    raw : ndarray of shape (h, w) or (h, w, C)
        Its pixels as they came.
    top, left : int
        Where it lies in the image.
    height, width : int
        Of the image.
    n_channels : int
        Of the image, without alpha.
    """

    raw: np.ndarray
    top: int
    left: int
    height: int
    width: int
    n_channels: int

    def of_raw(self, rows: slice, columns: slice) -> np.ndarray:
        """Return pixels as they came."""
        return self.raw[
            rows.start - self.top : rows.stop - self.top,
            columns.start - self.left : columns.stop - self.left,
        ]

    def own(self, rows: slice, columns: slice) -> np.ndarray:
        """Return pixels (h, w, C) of the image's dtype, without alpha; perhaps a view."""
        return _colors(self.of_raw(rows, columns), self.n_channels)

    def crop(self, rows: slice, columns: slice) -> np.ndarray:
        """Return a fresh float array (h, w, C) in working units."""
        return in_working_units(self.own(rows, columns))


@dataclass(frozen=True)
class Images:
    """Images read from a container, in the order in which they came.

    Attributes
    ----------
    kind : {"array", "sequence", "table"}
        What the container was.
    n_channels : int
        Channels of every image, without alpha.
    dtypes, scales, shapes : list
        Of each image: its dtype, its own units per working unit, and (H, W, C)
        without alpha.
    source : container
        What the caller passed: for a table perhaps a data frame.
    positions : sequence of int
        Where in the container each image lies; empty where all of them are here.
    n_in_container : int
        How many images there are in the container.
    """

    kind: str
    n_channels: int
    dtypes: list[np.dtype]
    scales: list[float]
    shapes: list[tuple[int, int, int]]
    _raw: Any = field(repr=False)
    _container: Any = field(repr=False)
    source: Any = field(repr=False)
    positions: Sequence[int] = ()
    n_in_container: int = 0

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.shapes)

    def __getitem__(self, index: int) -> np.ndarray:
        """Return a fresh float array (H, W, C) in working units."""
        return self.crop(index, slice(None), slice(None))

    def __iter__(self) -> Iterator[np.ndarray]:
        """Iterate over the images in working units."""
        return (self[index] for index in range(len(self)))

    def crop(self, index: int, rows: slice, columns: slice) -> np.ndarray:
        """Return a part of one image in working units, reading no more than that part."""
        return in_working_units(self.own(index, rows, columns))

    def own(
        self, index: int, rows: slice = slice(None), columns: slice = slice(None)
    ) -> np.ndarray:
        """Return pixels (h, w, C) of the image's dtype, without alpha; perhaps a view."""
        return _colors(np.asarray(self._raw[index][rows, columns]), self.n_channels)

    @property
    def container(self) -> Any:
        """The container: an array where images are the rows of a data frame."""
        return self._container

    def raw(self, index: int) -> Any:
        """Return an image as it came: an array, or what reads it from where it lies."""
        return self._raw[index]

    def is_large(self, index: int) -> bool:
        """Tell whether the image is one to be worked on in parts; rows of a table are not."""
        height, width, _ = self.shapes[index]
        return self.kind != "table" and height * width > _tiling.LARGE_PIXELS

    def part(self, index: int, rows: slice, columns: slice) -> Part:
        """Read a part of one image."""
        raw = self._raw[index][rows, columns]
        if not isinstance(raw, np.ndarray) or memory_map_of(raw) is not None:
            raw = np.array(raw)
        height, width, n_channels = self.shapes[index]
        return Part(raw, rows.start, columns.start, height, width, n_channels)

    def blocks(self, index: int) -> Iterator[np.ndarray]:
        """Read one image block by block, in working units."""
        for block in blocks_of(self._raw[index]):
            yield self.crop(index, *block)
            give_back(self._raw[index])

    def windows(self, index: int) -> Iterator[np.ndarray]:
        """Read the windows by which one image is judged, in working units."""
        return (self.crop(index, *cut) for cut in windows(*self.shapes[index][:2]))

    def take(self, indices: Sequence[int]) -> "Images":
        """Return some of the images, which remember their positions."""
        raw = [self._raw[index] for index in indices]
        positions = [self.positions[index] if self.positions else index for index in indices]
        return self._sequence(raw, indices, positions, self.n_in_container)

    def strips(self, *shares: tuple[float, float], every: int = 1) -> "Images":
        """Return parts of the images, given as shares of their rows, as images of their own.

        Parameters
        ----------
        *shares : tuple of float
            First and last row of a part, in [0, 1].
        every : int, default=1
            Take the parts of every so many-th image.
        """
        raw, of = [], []
        for index in range(0, len(self), every):
            image = self._raw[index]
            for low, high in shares:
                rows = slice(round(low * len(image)), round(high * len(image)))
                if rows.stop > rows.start:
                    raw.append(image[rows])
                    of.append(index)
        return self._sequence(raw, of, (), len(raw))

    def _sequence(
        self, raw: list[Any], of: Sequence[int], positions: Sequence[int], n_in_container: int
    ) -> "Images":
        """Return a sequence of images, or of parts, each of them of one of these images."""
        return Images(
            kind="sequence",
            n_channels=self.n_channels,
            dtypes=[self.dtypes[index] for index in of],
            scales=[self.scales[index] for index in of],
            shapes=[(*part.shape[:2], self.n_channels) for part in raw],
            _raw=raw,
            _container=raw,
            source=raw,
            positions=positions,
            n_in_container=n_in_container,
        )

    @property
    def has_rows(self) -> bool:
        """Whether these are images, and not the columns of any table."""
        return self.kind != "table" or self.shapes[0][0] > 1

    @property
    def has_floats(self) -> bool:
        """Whether the range of some of the images is for their pixels to say."""
        return any(dtype.kind == "f" for dtype in self.dtypes)

    def same_as(self, others: "Images") -> bool:
        """Tell whether others have equal pixels, whatever holds them."""
        return self is others or (
            self.shapes == others.shapes
            and all(np.array_equal(one, other) for one, other in zip(self, others, strict=True))
        )

    def restore(self, results: Iterable[np.ndarray]) -> Any:
        """Put one result per image back into the caller's container, shapes and dtypes.

        Parameters
        ----------
        results : iterable of ndarray of shape (H, W, C)
            In working units, in the order of the images.

        Returns
        -------
        container of the kind that was read
            Integers are rounded and saturated; alpha is the caller's.
        """
        restored = (self._restore_one(index, result) for index, result in enumerate(results))
        if self.kind == "sequence":
            return self._sequence_of(list(restored))
        out, places = self.new_container()
        for place, image in zip(places, restored, strict=True):
            place[...] = image
        return out

    def new_container(self) -> tuple[Any, list[np.ndarray]]:
        """Return a container like the caller's with new arrays, and these, one per image."""
        if self.kind == "sequence":
            places = [np.empty(raw.shape, raw.dtype) for raw in map(self.raw, range(len(self)))]
            return self._sequence_of(places), places
        out = np.empty(self._container.shape, dtype=self.dtypes[0])
        return out, list(out.reshape(len(self), *self._raw[0].shape))

    def restore_deviations(self, results: Iterable[np.ndarray]) -> Any:
        """Put one standard deviation per pixel into a container like the caller's.

        Parameters
        ----------
        results : iterable of ndarray of shape (H, W, C)
            In working units, in the order of the images.

        Returns
        -------
        container of the kind that was read
            Floats in the images' own units; alpha has no deviation, 0.
        """
        own = []
        for index, result in enumerate(results):
            raw = self._raw[index]
            deviation = np.zeros(raw.shape, _working_dtype(self.dtypes[index]))
            with_channels(deviation)[..., : self.n_channels] = result * self.scales[index]
            own.append(deviation)
        if self.kind == "sequence":
            return self._sequence_of(own)
        return np.stack(own).reshape(self._container.shape)

    def _sequence_of(self, items: list[np.ndarray]) -> Any:
        if isinstance(self._container, np.ndarray):
            filled = np.empty(len(items), dtype=object)
            filled[:] = items
            return filled
        return tuple(items) if isinstance(self._container, tuple) else items

    def _restore_one(self, index: int, result: np.ndarray) -> np.ndarray:
        return in_own_form(self._raw[index], result)


def in_own_form(raw: Any, result: np.ndarray) -> np.ndarray:
    """Return a result (h, w, C), in working units or of its dtype, as `raw` came, with alpha."""
    pixels = _to_dtype(np.asarray(result), raw.dtype)
    if raw.ndim == 2:
        return pixels[..., 0]
    if raw.shape[-1] != pixels.shape[-1]:
        pixels = np.concatenate([pixels, np.asarray(raw)[..., pixels.shape[-1] :]], axis=-1)
    return pixels


def with_channels(raw: np.ndarray) -> np.ndarray:
    return raw[..., None] if raw.ndim == 2 else raw


def _colors(raw: np.ndarray, n_channels: int) -> np.ndarray:
    return with_channels(raw)[..., :n_channels]
