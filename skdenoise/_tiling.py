"""Cut an image into tiles with a margin, so that a network sees what it would see in the whole."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Tile:
    """Part of an image: what is read, and which part of the result is kept.

    Attributes
    ----------
    outer : tuple of two slices
        Rows and columns to read, margin included.
    inner : tuple of two slices
        Rows and columns of the image that the tile is responsible for.
    kept : tuple of two slices
        The same, counted from the first row and column of `outer`.
    """

    outer: tuple[slice, slice]
    inner: tuple[slice, slice]
    kept: tuple[slice, slice]


def iterate_tiles(height: int, width: int, *, side: int, halo: int) -> Iterator[Tile]:
    """Go through tiles that cover an image once.

    Parameters
    ----------
    height, width : int
        Size of the image, in pixels.
    side : int
        Height and width of what a tile is responsible for; a multiple of the stride of the
        network, so that every tile lies on the network's grid.
    halo : int
        Margin on every side that lies inside the image; also a multiple of the stride.

    Yields
    ------
    Tile
        Row by row. The inner parts cover each pixel exactly once.

    Examples
    --------
    >>> from skdenoise._tiling import iterate_tiles
    >>> [tile.outer[1] for tile in iterate_tiles(4, 10, side=4, halo=2)]
    [slice(0, 6, None), slice(2, 10, None), slice(6, 10, None)]
    """
    for top in range(0, height, side):
        for left in range(0, width, side):
            rows = _extent(top, height, side, halo)
            columns = _extent(left, width, side, halo)
            yield Tile(*zip(rows, columns, strict=True))


def _extent(start: int, length: int, side: int, halo: int) -> tuple[slice, slice, slice]:
    stop = min(start + side, length)
    first, last = max(start - halo, 0), min(stop + halo, length)
    return slice(first, last), slice(start, stop), slice(start - first, stop - first)
