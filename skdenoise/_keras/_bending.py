"""Applying curves to an image in one pass over it, compiled, with its dtype going in and out."""

import functools
from typing import Any

import numpy as np
from keras import ops

from skdenoise._curves import Bending, Curves
from skdenoise._keras._backend import (
    FUSED,
    aligned_zeros,
    fused,
    is_aligned,
    to_tensor_views,
    to_view,
)
from skdenoise._keras._enhancing import brightened

SIZES = 2**12, 2**14, 2**16
"""Pixels that are bent at once, by functions of their own; wider images take a power of two."""


class FusedBending(Bending):
    """The same, where the backend can compile it for images of such a dtype.

    Pixels come out alike wherever in an image they lie.
    """

    def taken(self, image: np.ndarray) -> np.ndarray:
        """Return an image as `enhanced` takes it."""
        return image if image.dtype.name in FUSED and image.dtype.isnative else super().taken(image)

    def _fill(
        self, out: np.ndarray, image: np.ndarray, curves: Curves, top: int, left: int
    ) -> None:
        """Do what `enhanced` says, many rows at a time."""
        if image.dtype.name not in FUSED:
            super()._fill(out, image, curves, top, left)
            return
        height, width, n_channels = image.shape
        size = _size(height * width, width)
        function = _function(self, size, n_channels, curves.maps.shape[2:], image.dtype.name)
        numbers = to_tensor_views(
            np.array(item, np.float32).ravel()
            for item in (curves.scale, curves.offset, curves.limit)
        )
        # Memory that was used before is faster.
        spare = [
            aligned_zeros((size, n), dtype)
            for n, dtype in ((n_channels, image.dtype), (curves.offset.size, np.float32))
        ]
        columns = slice(left, left + width)
        n_rows = size // width
        for first in range(0, height, n_rows):
            rows = slice(first, min(first + n_rows, height))
            if curves.reduction == 1:
                maps = _pixels(curves.maps[top : top + height, columns], rows, spare[1])
            else:
                maps, there = spare[1], slice(top + rows.start, top + rows.stop)
                shape = curves.maps.shape[2:]
                curves.interpolated(there, columns, _as_rows(maps, rows, width, shape))
            inputs = _pixels(image, rows, spare[0]), maps
            pixels = to_view(function(*to_tensor_views(inputs), *numbers))
            out[rows] = _as_rows(pixels, rows, width, (n_channels,))


def _size(n_pixels: int, width: int) -> int:
    """Return how many pixels are bent at once: all of them, or many rows."""
    wanted = max(width, min(n_pixels, SIZES[-1]))
    return next((size for size in SIZES if size >= wanted), 1 << (wanted - 1).bit_length())


def _as_rows(pixels: np.ndarray, rows: slice, width: int, rest: tuple[int, ...]) -> np.ndarray:
    """Return a view of the first pixels that has the shape of rows of an image."""
    n_rows = rows.stop - rows.start
    return pixels[: n_rows * width].reshape(n_rows, width, *rest)


def _pixels(image: np.ndarray, rows: slice, spare: np.ndarray) -> np.ndarray:
    """Return as many pixels as `spare` has, from some row on, those of `rows` at least."""
    width = image.shape[1]
    if image.flags.c_contiguous:
        pixels = image.reshape(-1, spare.shape[1])[rows.start * width :][: len(spare)]
        if len(pixels) == len(spare) and is_aligned(pixels):
            return pixels
    _as_rows(spare, rows, width, image.shape[2:])[...] = image[rows]
    return spare


@functools.lru_cache(maxsize=64)
def _function(
    bending: Bending, size: int, n_channels: int, maps: tuple[int, int], dtype: str
) -> Any:
    """Return what bends so many pixels."""
    whole = np.dtype(dtype).kind in "iu"
    white = np.iinfo(dtype).max if whole else 1
    work = "float32" if whole else dtype
    n_maps = maps[0] * maps[1]

    def apply(image: Any, maps: Any, scale: Any, offset: Any, limit: Any) -> Any:
        image = ops.cast(image, work) / white if whole else image
        maps = ops.maximum(ops.minimum(maps * scale + offset, limit), -limit)
        result = brightened(image, ops.cast(maps, work), bending)
        return ops.cast(ops.round(result * white), dtype) if whole else result

    signature = [
        ((size, n_channels), dtype),
        ((size, n_maps), "float32"),
        ((1,), "float32"),
        ((n_maps,), "float32"),
        ((1,), "float32"),
    ]
    return fused(apply, signature)
