"""Transforming images part by part, from where they lie to where the results are wanted.

An image is read in blocks, with a margin, while the block before is worked on and the one before
that is written. A block is cut into tiles, which are what a network sees. Tiles lie on one grid
whatever the blocks are, so that results do not depend on where an image lies or how it is stored.
"""

import contextlib
import functools
import math
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from skdenoise._background import in_background
from skdenoise._fingerprint import fingerprint
from skdenoise._images import Images, Part, in_own_form
from skdenoise._large._journal import Journal
from skdenoise._large._survey import Extent, LocalTransform, survey
from skdenoise._large._target import Target
from skdenoise._stored import blocks_of, give_back
from skdenoise._tiling import cut, tile_side, with_margin, within

MEMORY = 2**28
"""Bytes for the blocks that are in memory at once; a network needs about 1 GB besides."""
BLOCKS_AT_ONCE = 6
"""Read, worked on and written, each with one that waits."""
LARGEST_BLOCK = 4096
"""Side of a block that is not stored otherwise."""
TILES_AHEAD = 4

WholeTransform = Callable[[Images], Iterable[np.ndarray]]
"""Yields a result for each image, in working units."""


def transform(
    images: Images,
    whole: WholeTransform,
    local: LocalTransform | None,
    out: Any = None,
    *,
    owner: str = "",
    resume: bool | str | os.PathLike[str] = False,
) -> Any:
    """Transform images, the large ones part by part.

    Parameters
    ----------
    images : Images
        What was read.
    whole : callable
        How images are transformed that are not large.
    local : LocalTransform or None
        How parts of large ones are; None takes them whole, too.
    out : container like the caller's, default=None
        What is filled; None makes a new one.
    owner : str, default=""
        Tells one transform of such images from another.
    resume : bool or path-like, default=False
        Whether to remember what is finished, and to go on with what was; and in which file.

    Returns
    -------
    container of the kind that was read
        `out`, if there is one.

    Raises
    ------
    ValueError
        Where `out` or the note of `resume` does not fit.
    """
    target = Target(images, out)
    large = [] if local is None else [i for i in range(len(images)) if images.is_large(i)]
    small = sorted(set(range(len(images))) - set(large))
    path = target.journal_path(resume)
    owner = fingerprint(owner, images.kind, images.shapes, [str(dtype) for dtype in images.dtypes])
    keep = target.keeps_note
    with Journal(path, owner, resume=resume is not False, keep=keep) as journal:
        if journal.path is not None:
            seen = {index: f"{index} {_digest(images.raw(index))}" for index in small}
            small = [
                index
                for index in small
                if not journal.holds(seen[index], functools.partial(target.get, index))
            ]
        if small:
            taken = images if len(small) == len(images) else images.take(small)
            with contextlib.ExitStack() as stack:
                results = whole(taken)
                if hasattr(results, "close"):  # else its threads live as long as an error
                    stack.callback(results.close)
                for index, result in zip(small, results, strict=True):
                    pixels = in_own_form(images.raw(index), result)
                    target.put(index, None, pixels)
                    if journal.path is not None:
                        journal.add(seen[index], pixels)
        for index in large:
            assert local is not None
            _transform_large(images, index, local, target, journal)
    return target.container


def _digest(raw: Any) -> str:
    """Return what tells an image from others; it may be larger than memory."""
    digests = []
    for block in blocks_of(raw):
        digests.append(fingerprint(np.asarray(raw[block])))
        give_back(raw)
    return fingerprint(digests)


def _transform_large(
    images: Images, index: int, local: LocalTransform, target: Target, journal: Journal
) -> None:
    """Read, work and write block by block, all three at the same time."""
    height, width, _ = images.shapes[index]
    raw = images.raw(index)
    judged = local.judge(index, survey(images, index, local))
    side = tile_side(local.margin, local.largest_tile)
    name = str(index)
    if journal.path is not None:
        # Images that differ may be judged alike.
        name += f" {fingerprint(judged, side, _digest(raw))}"
    blocks = block_extents(raw, target.chunks(index), side)
    blocks = [
        block
        for block in blocks
        if not journal.holds(f"{name} {_text(block)}", functools.partial(target.get, index, block))
    ]

    def read() -> Iterator[tuple[Extent, Part]]:
        for rows, columns in blocks:
            yield (
                (rows, columns),
                images.part(
                    index,
                    with_margin(rows, height, local.margin),
                    with_margin(columns, width, local.margin),
                ),
            )

    def work() -> Iterator[tuple[Extent, Extent, np.ndarray]]:
        for block, part in in_background(read(), depth=1):
            for tile in cut(*block, side, side):
                result = local.apply(part, *tile, judged)
                yield block, tile, in_own_form(part.of_raw(*tile), result)

    finished = np.empty(0)
    for block, tile, pixels in in_background(work(), depth=TILES_AHEAD):
        top, left = block[0].start, block[1].start
        shape = block[0].stop - top, block[1].stop - left, *pixels.shape[2:]
        if (tile[0].start, tile[1].start) == (top, left):
            finished = np.empty(shape, pixels.dtype)
        finished[within(tile, block)] = pixels
        if (tile[0].stop, tile[1].stop) == (block[0].stop, block[1].stop):
            target.put(index, block, finished)
            journal.add(f"{name} {_text(block)}", finished)
            give_back(raw)


def _text(block: Extent) -> str:
    return " ".join(f"{part.start}:{part.stop}" for part in block)


def block_extents(raw: Any, chunks: tuple[int, int] | None, tile: int) -> list[Extent]:
    """Cut an image into blocks of whole tiles that fit into memory.

    Parameters
    ----------
    raw : array-like
        The image.
    chunks : tuple of two int, or None
        Rows and columns that are written together, so that a block should hold all of them.
    tile : int
        Side of a tile.
    """
    height, width = raw.shape[:2]
    n_bytes = math.prod(raw.shape[2:]) * raw.dtype.itemsize
    area = max(MEMORY // (BLOCKS_AT_ONCE * n_bytes), tile**2)
    chunk_rows, chunk_columns = chunks or (1, 1)
    if chunk_columns >= width and width * tile <= area:
        across = -(-width // tile) * tile
    else:
        across = _multiple(tile, chunk_columns, min(math.isqrt(area), LARGEST_BLOCK))
    down = _multiple(tile, chunk_rows, min(area // across, LARGEST_BLOCK))
    return list(cut(slice(0, height), slice(0, width), down, across))


def _multiple(tile: int, chunk: int, most: int) -> int:
    """Return the largest multiple of both that fits, or of the tile where there is none."""
    both = math.lcm(tile, chunk)
    step = both if both <= most else tile
    return max(most // step, 1) * step
