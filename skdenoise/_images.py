"""The image contract: one reader that takes every container, one writer that gives it back.

A container is an array (n, H, W) or (n, H, W, C), a sequence of (H, W) or (H, W, C)
arrays of mixed sizes, or a table whose rows are flattened images. Whoever works on
images sees float arrays (H, W, C) in *working units*: integers divided by the largest
value of their dtype, floats as they are. Pixels are converted one image at a time, so
that a memory map stays on disk.
"""

import math
import mmap
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.utils import check_array

from skdenoise import _tiling
from skdenoise._warning import warn

COLORS_WITH_ALPHA = 4
"""A fourth channel is the opacity of an RGB image: it passes through untouched."""
ROUNDED_TOGETHER = 1 << 15
"""About how many values."""
LARGEST = 1e150
"""Squares of larger values, of which there are none in float32, overflow."""
NARROW = "uint8", "uint16", "int16"
"""Dtypes of images that are often held in wider ones."""
ARRAY_LIKE = "ndim", "__array__", "__array_interface__"
"""What things have that NumPy can read."""
PILLOW_MODES = "1", "L", "RGB", "RGBA", "I", "I;16", "F"
"""Those whose numbers are light; palettes and inks are not."""
SINGLE_IMAGE_SIDE = 16
"""Rows and columns from which (H, W, C) is one image, and not H images with one channel."""
SMALLEST_PHOTO = 32
"""Rows and columns from which a table without `image_shape` is probably one image."""
BLOCK_SIDE = 2048
"""About how many rows and columns are looked at together, where all pixels have to be."""


def _scale_of(dtype: np.dtype) -> float:
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
        part = pixels[top : top + n_rows] * _scale_of(dtype)
        np.rint(part, out=part)
        out[top : top + n_rows] = np.clip(part, info.min, high, out=part)
    return out


def in_working_units(pixels: np.ndarray) -> np.ndarray:
    """Return pixels of any dtype as floats, fresh."""
    work = _working_dtype(pixels.dtype)
    if pixels.dtype.kind == "f":
        return pixels.astype(work)
    return np.divide(pixels, _scale_of(pixels.dtype), dtype=work)


class Stored:
    """An image that lies on disk, or anywhere but in an array, or a part of it.

    Slices of rows and columns are such parts again; nothing is read before
    :func:`numpy.asarray` asks for it.

    Parameters
    ----------
    source : array-like with shape, dtype and `__getitem__`
        Such as a zarr array, (H, W), (H, W, C), or with `index` (n, H, W[, C]).
    index : int, default=None
        Which image of `source` it is.
    rows, columns : range, default=None
        The part; None is everything.
    """

    def __init__(
        self,
        source: Any,
        index: int | None = None,
        rows: range | None = None,
        columns: range | None = None,
    ) -> None:
        self._source, self._index = source, index
        shape = source.shape if index is None else source.shape[1:]
        self._rows = range(shape[0]) if rows is None else rows
        self._columns = range(shape[1]) if columns is None else columns
        self.dtype = source.dtype
        self.ndim = len(shape)
        self.shape = (len(self._rows), len(self._columns), *shape[2:])

    @property
    def chunks(self) -> tuple[int, int] | None:
        """Rows and columns that are stored, and hence read, together; None if not known."""
        found = self._source.chunks
        if not found or not all(isinstance(side, int) for side in found):
            return None
        return tuple(found[:2] if self._index is None else found[1:3])

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    def __getitem__(self, key: Any) -> "Stored":
        """Return some rows and columns, given as one slice or two."""
        rows: slice
        columns: slice
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        return Stored(self._source, self._index, self._rows[rows], self._columns[columns])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Read the pixels."""
        key, steps = [], []
        for axis in (self._rows, self._columns):
            # Not every storage knows negative steps.
            low, high = (min(axis), max(axis)) if len(axis) else (0, -1)
            key.append(slice(low, high + 1))
            start = 0 if axis.step > 0 else high - low
            steps.append(slice(start, None, axis.step))
        if self._index is not None:
            key.insert(0, self._index)  # type: ignore[arg-type]
        pixels = np.asarray(self._source[tuple(key)])[tuple(steps)]
        return pixels if dtype is None else pixels.astype(dtype, copy=False)


class _StoredStack:
    """The images of an array (n, H, W[, C]) that is not in memory."""

    def __init__(self, source: Any) -> None:
        self.source = source

    def __len__(self) -> int:
        return self.source.shape[0]

    def __getitem__(self, index: int) -> Stored:
        return Stored(self.source, index)


def is_stored(X: Any) -> bool:
    """Tell whether `X` is an array whose pixels lie elsewhere, and are read where it is sliced."""
    return (
        not isinstance(X, np.ndarray)
        and isinstance(getattr(X, "dtype", None), np.dtype)
        and hasattr(X, "chunks")
        and hasattr(X, "shape")
    )


def blocks_of(raw: Any) -> Iterator[tuple[slice, slice]]:
    """Cut an image into blocks of rows and columns that are read at once."""
    height, width = raw.shape[:2]
    if height * width <= _tiling.LARGE_PIXELS:
        yield slice(0, height), slice(0, width)
        return
    sides = [
        chunk * max(1, BLOCK_SIDE // chunk)
        for chunk in getattr(raw, "chunks", None) or (BLOCK_SIDE, BLOCK_SIDE)
    ]
    for top in range(0, height, sides[0]):
        for left in range(0, width, sides[1]):
            yield (
                slice(top, min(top + sides[0], height)),
                slice(left, min(left + sides[1], width)),
            )


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

    def take(self, indices: Sequence[int]) -> "Images":
        """Return some of the images, which remember their positions."""
        raw = [self._raw[index] for index in indices]
        return Images(
            "sequence",
            self.n_channels,
            [self.dtypes[index] for index in indices],
            [self.scales[index] for index in indices],
            [self.shapes[index] for index in indices],
            raw,
            raw,
            raw,
            list(indices),
            self.n_in_container,
        )

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
        return Images(
            "sequence",
            self.n_channels,
            [self.dtypes[index] for index in of],
            [self.scales[index] for index in of],
            [(len(part), *self.shapes[index][1:]) for part, index in zip(raw, of, strict=True)],
            raw,
            raw,
            raw,
            n_in_container=len(raw),
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
            _with_channels(deviation)[..., : self.n_channels] = result * self.scales[index]
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


def memory_map_of(array: Any) -> np.memmap | None:
    """Return the memory map that an array is a view of."""
    while isinstance(array, np.ndarray):
        # What is computed from a memory map is of its class, too.
        if isinstance(array, np.memmap) and getattr(array, "_mmap", None) is not None:
            return array
        array = array.base
    return None


def give_back(array: Any) -> None:
    """Let the system have the memory of pages that it can read again from their file."""
    mapped = memory_map_of(array)
    if mapped is None or mapped.mode == "c" or not hasattr(mmap, "MADV_DONTNEED"):
        return  # pages of mode "c" are nowhere else
    mapped._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]


def _with_channels(raw: np.ndarray) -> np.ndarray:
    return raw[..., None] if raw.ndim == 2 else raw


def _colors(raw: np.ndarray, n_channels: int) -> np.ndarray:
    return _with_channels(raw)[..., :n_channels]


class _Rows:
    """The rows of a table, seen as images."""

    def __init__(self, table: np.ndarray, image_shape: tuple[int, ...]) -> None:
        self.table, self.image_shape = table, image_shape

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, index):
        return self.table[index].reshape(self.image_shape)


def is_image_sequence(X: Any) -> bool:
    """Tell whether `X` is a list, tuple or object array whose items are images."""
    if isinstance(X, np.ndarray):
        if X.dtype != object or X.ndim != 1:
            return False
    elif not isinstance(X, (list, tuple)):
        return False
    return len(X) > 0 and not isinstance(X[0], str) and _n_dimensions(X[0]) >= 2


def holds_labels(y: Any, images: Images) -> bool:
    """Tell labels of a surrounding pipeline, also encoded ones, from images like `images`."""
    if is_image_sequence(y):
        return False
    # Not numpy.shape, which not all that NumPy can read lets itself be asked for.
    shape = y.shape if hasattr(y, "shape") else np.asarray(y).shape
    if len(shape) != 2:
        return len(shape) < 2
    # Rows are flattened images only where those of X are.
    return images.kind != "table" or (shape[1] == 1 and math.prod(images.shapes[0]) != 1)


def _n_dimensions(item: Any) -> int:
    """Count dimensions; nested lists of unequal lengths count as far as they nest."""
    if hasattr(item, "ndim"):
        return item.ndim
    if hasattr(item, "__array_interface__") or hasattr(item, "__array__"):
        return np.asarray(item).ndim  # such as images of Pillow
    return 1 + _n_dimensions(item[0]) if isinstance(item, (list, tuple)) and len(item) else 0


def read_images(
    X: Any,
    image_shape: tuple[int, ...] | None = None,
    *,
    name: str = "X",
    check_table: Callable[[Any], np.ndarray] | None = None,
    lazily: bool = False,
) -> Images:
    """Read images from any container.

    Parameters
    ----------
    X : array of shape (n, H, W) or (n, H, W, C), sequence of arrays, or table (n, features)
        The images.
    image_shape : tuple (H, W) or (H, W, C), default=None
        Shape of the image in each row of a table; None means 1 x features.
    name : str, default="X"
        What messages call the container.
    check_table : callable, default=None
        Turns a table-like `X` into a 2-D array; None means
        :func:`sklearn.utils.check_array`.
    lazily : bool, default=False
        Whether the pixels of an array are not looked at: nothing is said about NaN.

    Returns
    -------
    Images
        What was read, and how to give it back.

    Raises
    ------
    ValueError, TypeError
        Where `X` does not hold images; the message says what to type.
    """
    if is_image_sequence(X):
        return _read_sequence(X, name)
    check_container(X, name)
    if getattr(X, "ndim", None) in (3, 4) or (
        not hasattr(X, "ndim") and _n_dimensions(X) in (3, 4)
    ):
        return _read_array(
            X if isinstance(X, np.ndarray) or is_stored(X) else np.asarray(X), name, lazily
        )
    if getattr(X, "ndim", 0) > 4:
        msg = (
            f"Expected {name} of shape (n_images, height, width[, n_channels]), got an array "
            f"of shape {X.shape}. For a stack of volumes pass {name}.reshape(-1, height, width)."
        )
        raise ValueError(msg)
    table = check_array(X, input_name=name) if check_table is None else check_table(X)
    return replace(_read_table(table, image_shape, name), source=X)


def check_container(X: Any, name: str) -> None:
    """Refuse what scikit-learn would take for a table that has to be reshaped."""
    first = X[0] if isinstance(X, (list, tuple)) and len(X) else X
    if isinstance(first, (str, os.PathLike)):
        msg = (
            f"{name} holds names of files, {first!r} first. Read the images first, for example "
            f"with skimage.io.imread."
        )
    elif isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X):
        msg = (
            f"{name} has masked pixels, and a network needs all of them. Fill them first, for "
            f"example with image.filled(image.mean())."
        )
    elif isinstance(X, Iterator):
        msg = f"{name} is {type(X).__name__}, which can be read once only. Pass list({name})."
    elif isinstance(X, (list, tuple)) and not X:
        msg = f"{name} holds no image: it is {X!r}."
    elif hasattr(X, "getbands") and X.mode not in PILLOW_MODES:
        msg = (
            f"{name} is an image of mode {X.mode!r}, whose numbers are no brightness. Pass "
            f"image.convert('RGB')."
        )
    elif not isinstance(X, (list, tuple)) and not any(hasattr(X, name) for name in ARRAY_LIKE):
        msg = (
            f"{name} is of type {type(X).__name__}, and holds no images. Pass an array of shape "
            f"(n_images, height, width[, n_channels]), or a list of images."
        )
    else:
        return
    raise ValueError(msg)


def _read_sequence(X: Any, name: str) -> Images:
    raw = []
    for index, item in enumerate(X):
        check_container(item, f"Image {index} of {name}")
        try:
            image = Stored(item) if is_stored(item) else np.asarray(item)
        except ValueError as error:
            msg = f"Image {index} of {name} is ragged: its rows have different lengths."
            raise ValueError(msg) from error
        if image.ndim not in (2, 3):
            msg = (
                f"Expected images of shape (height, width[, n_channels]) in {name}, but image "
                f"{index} has shape {image.shape}."
            )
            raise ValueError(msg)
        if image.ndim == 3 and image.shape[0] < SINGLE_IMAGE_SIDE <= min(image.shape[1:]):
            msg = (
                f"Image {index} of {name} has shape {image.shape}, which looks like channels first "
                f"or a stack of images; expected (height, width[, n_channels]). Pass "
                f"numpy.moveaxis(image, 0, -1), or each image of the stack by itself."
            )
            raise ValueError(msg)
        raw.append(image)
    return _checked("sequence", raw, X, name)


def _read_array(X: Any, name: str, lazily: bool = False) -> Images:
    shape = X.shape
    if (
        X.ndim == 3
        and shape[-1] in (1, 3, COLORS_WITH_ALPHA)
        and min(shape[:2]) >= SINGLE_IMAGE_SIDE
    ):
        msg = (
            f"{name} of shape {shape} looks like a single image, but its first axis must count "
            f"images. Pass {name}[None] for a single image, or {name}[..., None] if these are "
            f"{shape[0]} gray images that are {shape[2]} pixels wide."
        )
        raise ValueError(msg)
    if X.ndim == 4 and shape[1] in (1, 3) and min(shape[2:]) >= SINGLE_IMAGE_SIDE:
        msg = (
            f"{name} of shape {shape} looks like channels-first data; expected (n_images, height, "
            f"width, n_channels). Pass numpy.moveaxis({name}, 1, -1)."
        )
        raise ValueError(msg)
    if shape[0] == 0:
        msg = f"Found array with 0 sample(s) (shape={shape}) while a minimum of 1 is required."
        raise ValueError(msg)
    return _checked("array", _StoredStack(X) if is_stored(X) else X, X, name, lazily)


def _read_table(table: np.ndarray, image_shape: tuple[int, ...] | None, name: str) -> Images:
    n_features = table.shape[1]
    if image_shape is None and min(table.shape) >= SMALLEST_PHOTO:
        warn(
            f"{name} of shape {table.shape} is read as a table of {len(table)} images of one row. "
            f"For a single image pass {name}[None]. For flattened images set "
            f"image_shape=(height, width), or (1, {n_features}) if they are signals.",
        )
    shape = (1, n_features) if image_shape is None else image_shape
    if (
        not isinstance(shape, (tuple, list))
        or len(shape) not in (2, 3)
        or not all(isinstance(side, int | np.integer) and side > 0 for side in shape)
    ):
        msg = f"Expected image_shape=(height, width) or (height, width, n_channels), got {shape!r}."
        raise ValueError(msg)
    if int(np.prod(shape)) != n_features:
        msg = (
            f"image_shape={shape} needs {int(np.prod(shape))} features, but {name} has "
            f"{n_features} features."
        )
        raise ValueError(msg)
    return _checked("table", _Rows(table, tuple(shape)), table, name)


def _checked(kind: str, raw: Any, container: Any, name: str, lazily: bool = False) -> Images:
    """Refuse what is not an image, and describe the rest."""
    dtypes, shapes = [], []
    for index in range(len(raw)):
        image = raw[index]
        _check_numbers(image, index, name)
        if kind != "table" and image.dtype.kind == "f" and not lazily:
            _check_finite(image, index, name)
        height, width, n_channels = (*image.shape, 1)[:3]
        dtypes.append(image.dtype)
        shapes.append((height, width, 3 if n_channels == COLORS_WITH_ALPHA else n_channels))
        if shapes[-1][2] != shapes[0][2]:
            msg = (
                f"All images must have the same number of channels, but in {name} image 0 has "
                f"{shapes[0][2]} and image {index} has {shapes[-1][2]}. Convert gray images with "
                f"numpy.repeat(image[..., None], 3, axis=-1), or pass them separately."
            )
            raise ValueError(msg)
    if (kind != "table" or shapes[0][0] > 1) and not lazily:
        _warn_of_wide_integers(raw, dtypes, name)
    scales = [_scale_of(dtype) for dtype in dtypes]
    return Images(
        kind, shapes[0][2], dtypes, scales, shapes, raw, container, container, (), len(raw)
    )


def _check_numbers(image: Any, index: int, name: str) -> None:
    if image.dtype.kind == "c":
        msg = f"Complex data not supported: image {index} of {name} has dtype {image.dtype}."
        raise ValueError(msg)
    if image.dtype.kind not in "biuf":
        msg = (
            f"Expected numbers in {name}, but image {index} has dtype {image.dtype}. "
            f"Convert it, for example with image.astype(numpy.float32)."
        )
        raise TypeError(msg)
    if 0 in image.shape:
        msg = f"Image {index} of {name} is empty: its shape is {image.shape}."
        raise ValueError(msg)


def _check_finite(image: Any, index: int, name: str) -> None:
    n_bad, first = 0, []
    for rows, columns in blocks_of(image):
        pixels = _with_channels(np.asarray(image[rows, columns]))
        good = np.isfinite(pixels)
        is_wide = pixels.dtype.itemsize > 4 and good.all()
        if is_wide and max(pixels.max(), -pixels.min()) > LARGEST:
            msg = (
                f"Image {index} of {name} has values from {pixels.min():.3g} to "
                f"{pixels.max():.3g}, whose squares overflow. Divide it, for example by "
                f"numpy.abs({name}).max()."
            )
            raise ValueError(msg)
        if not good.all():
            n_bad += good.size - int(good.sum())
            row, column, channel = (int(axis) for axis in np.argwhere(~good)[0])
            first.append((rows.start + row, columns.start + column, channel))
        give_back(image)
    if n_bad:
        msg = (
            f"Image {index} of {name} contains NaN or infinity: {n_bad} of "
            f"{math.prod(image.shape)} values, the first at {min(first)}. Fill them first, for "
            f"example with numpy.nan_to_num({name})."
        )
        raise ValueError(msg)


def _warn_of_wide_integers(raw: Any, dtypes: list[np.dtype], name: str) -> None:
    """Say so where integers lie in a corner of their dtype's range, as int64 usually does."""
    for index, dtype in enumerate(dtypes):
        if dtype.kind not in "iu" or dtype.itemsize < 4:
            continue
        image = raw[index]
        blocks = [np.asarray(image[block]) for block in blocks_of(image)]
        lowest, highest = min(int(b.min()) for b in blocks), max(int(b.max()) for b in blocks)
        ranges = ((kind, np.iinfo(kind)) for kind in NARROW)
        fitting = [kind for kind, info in ranges if info.min <= lowest and highest <= info.max]
        if not fitting:
            continue
        warn(
            f"Image {index} of {name} has dtype {dtype} but only values from {lowest} to "
            f"{highest}. Integers are scaled by the range of their dtype, so these have hardly any "
            f"contrast. Pass {name}.astype(numpy.{fitting[0]}) if that is what they are.",
        )
        return
