"""Images that lie on disk, or anywhere but in memory: read where they are sliced, and let go."""

import mmap
from collections.abc import Iterator
from typing import Any

import numpy as np

from skdenoise import _tiling

BLOCK_SIDE = 2048
"""About how many rows and columns are looked at together, where all pixels have to be.

No more pixels than its square are, unless a single chunk has more.
"""


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
        pixels = self._read(tuple(key))[tuple(steps)]
        return pixels if dtype is None else pixels.astype(dtype, copy=False)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        try:
            return np.asarray(self._source[key])
        except (MemoryError, ValueError):
            raise
        except Exception as error:  # decoders stumble over damaged chunks in every way there is
            rows, columns = self._rows, self._columns
            place = str(getattr(self._source, "store_path", "")) or type(self._source).__name__
            msg = (
                f"Cannot read rows {rows[0]} to {rows[-1]}, columns {columns[0]} to {columns[-1]} "
                f"of {place}"
                + ("" if self._index is None else f", image {self._index}")
                + f": {error}. Restore what is damaged there, and repeat the call."
            )
            raise OSError(msg) from error


class StoredStack:
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


def unstored_chunks(array: Any) -> int:
    """Return how many chunks of a zarr array nobody has written; 0 where nobody can tell."""
    try:
        return array.nchunks - array.nchunks_initialized
    except Exception:  # it is no zarr array, or on a server that lists nothing
        return 0


def blocks_of(raw: Any) -> Iterator[tuple[slice, slice]]:
    """Cut an image into blocks of whole chunks that are read at once."""
    height, width = raw.shape[:2]
    if height * width <= _tiling.LARGE_PIXELS:
        yield slice(0, height), slice(0, width)
        return
    high, wide = getattr(raw, "chunks", None) or (BLOCK_SIDE, BLOCK_SIDE)
    # A chunk that is long in one direction leaves less for the other.
    across = _multiple(wide, BLOCK_SIDE**2 // min(high, height))
    down = _multiple(high, BLOCK_SIDE**2 // min(across, width))
    yield from _tiling.cut(slice(0, height), slice(0, width), down, across)


def _multiple(chunk: int, most: int) -> int:
    """Return the largest multiple of a chunk within a limit, but one chunk at least."""
    return chunk * max(1, min(most, BLOCK_SIDE) // chunk)


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
