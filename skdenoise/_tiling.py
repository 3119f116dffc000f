"""Cut an image into tiles with a margin, so that a network sees what it would see in the whole.

Large images are worked on in tiles that are cut before anything else is done, so that no more
than a few of them are in memory.
"""

import functools
import itertools
from collections.abc import Iterator

LARGE_PIXELS = 2**22
"""An image of more pixels is large, whether it is in memory or not."""
TILE = 1024
"""Height and width of what is worked on at once of a large image, its margin aside."""
LARGEST_OUTER = 1280
"""The same with the margin; activations of a network take about 1 kB per pixel."""
MOST_TILES = 64
"""Tiles along an axis of what is worked on at once."""
SHORTEST_TILE = 4
"""Their least sides, as multiples of what they are multiples of."""


def cut(rows: slice, columns: slice, height: int, width: int) -> Iterator[tuple[slice, slice]]:
    """Cut a part of an image into tiles, row by row; those at the end may be smaller."""
    for top in range(rows.start, rows.stop, height):
        for left in range(columns.start, columns.stop, width):
            yield (
                slice(top, min(top + height, rows.stop)),
                slice(left, min(left + width, columns.stop)),
            )


@functools.lru_cache(maxsize=64)
def quickest_tile(height: int, width: int, *, halo: int, grid: int, most: int) -> tuple[int, int]:
    """Return height and width of the tiles that have the fewest pixels together.

    Parameters
    ----------
    height, width : int
        Of the image.
    halo : int
        Margin on all sides but those of the image.
    grid : int
        What both are multiples of.
    most : int
        Pixels of a tile with its margin; where none is so small, the smallest ones are taken.
    """

    def choices(length: int) -> Iterator[tuple[int, int, int]]:
        for n_wanted in range(1, MOST_TILES + 1):
            side = -(-length // (n_wanted * grid)) * grid
            n_tiles = -(-length // side)
            if n_tiles == n_wanted and (n_tiles == 1 or side >= SHORTEST_TILE * grid):
                yield side, min(side + 2 * halo, length), length + 2 * halo * (n_tiles - 1)

    def cost(choice: tuple) -> tuple[int, int]:
        (_, high, all_rows), (_, wide, all_columns) = choice
        return max(high * wide, most), all_rows * all_columns

    (tall, *_), (broad, *_) = min(itertools.product(choices(height), choices(width)), key=cost)
    return tall, broad


def with_margin(inner: slice, length: int, margin: int) -> slice:
    """Return an extent with a margin on either side, as far as the image goes."""
    return slice(max(inner.start - margin, 0), min(inner.stop + margin, length))


def within(inner: tuple[slice, slice], outer: tuple[slice, slice]) -> tuple[slice, slice]:
    """Return rows and columns as they are counted in a part of the image that holds them."""
    (rows, columns), (high, wide) = inner, outer
    return (
        slice(rows.start - high.start, rows.stop - high.start),
        slice(columns.start - wide.start, columns.stop - wide.start),
    )


def on_grid(
    inner: slice, length: int, *, halo: int, grid: int, from_the_end: bool = False
) -> slice:
    """Return what has to be read of an axis for `inner` to come out as in the whole image.

    Parameters
    ----------
    inner : slice
        What is wanted.
    length : int
        Of the axis.
    halo : int
        Margin on both sides.
    grid : int
        What the beginning must be a multiple of, and the end too, unless the image ends there.
    from_the_end : bool, default=False
        Whether the grid begins at the end of the axis, as that of a mirrored image does.

    Returns
    -------
    slice
        No more than ``halo + grid - 1`` pixels larger at either end.

    Examples
    --------
    >>> from skdenoise._tiling import on_grid
    >>> on_grid(slice(20, 30), 101, halo=3, grid=8)
    slice(16, 40, None)
    >>> on_grid(slice(20, 30), 101, halo=3, grid=8, from_the_end=True)
    slice(13, 37, None)
    """
    if from_the_end:
        mirrored = slice(length - inner.stop, length - inner.start)
        found = on_grid(mirrored, length, halo=halo, grid=grid)
        return slice(length - found.stop, length - found.start)
    first = max(inner.start - halo, 0) // grid * grid
    return slice(first, min(-(-(inner.stop + halo) // grid) * grid, length))


def tile_side(margin: int, largest: int | None = None) -> int:
    """Return the side of the tiles of a large image, given the margin that they need."""
    side = min(largest or TILE, TILE)
    while side > 1 and side + 2 * margin > LARGEST_OUTER and side > margin:
        side //= 2
    return side
