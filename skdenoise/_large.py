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
from pathlib import Path
from typing import Any

import numpy as np

from skdenoise._background import in_background
from skdenoise._fingerprint import fingerprint
from skdenoise._images import Images, Part, blocks_of, give_back, in_own_form, memory_map_of
from skdenoise._journal import Journal, note_beside
from skdenoise._survey import Extent, LocalTransform, survey
from skdenoise._tiling import squares, tile_side, with_margin, within

MEMORY = 2**28
"""Bytes for the blocks that are in memory at once; a network needs about 1 GB besides."""
BLOCKS_AT_ONCE = 6
"""Read, worked on and written, each with one that waits."""
LARGEST_BLOCK = 4096
"""Side of a block that is not stored otherwise."""
TILES_AHEAD = 4
MOST_WORK = 10_000
"""Steps of NumPy to tell whether two arrays overlap, less than a millisecond."""
OVERWRITTEN = "out must not be X, or in the same file: images are never written over."

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
    images: Images, index: int, local: LocalTransform, target: "Target", journal: Journal
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
            for tile in squares(*block, side):
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
    return [
        (slice(top, min(top + down, height)), slice(left, min(left + across, width)))
        for top in range(0, height, down)
        for left in range(0, width, across)
    ]


def _multiple(tile: int, chunk: int, most: int) -> int:
    """Return the largest multiple of both that fits, or of the tile where there is none."""
    both = math.lcm(tile, chunk)
    step = both if both <= most else tile
    return max(most // step, 1) * step


class Target:
    """Where the results go: a container like that of the images.

    Parameters
    ----------
    images : Images
        What was read.
    out : container, default=None
        What the caller wants to have filled; None makes a new one.

    Raises
    ------
    ValueError, TypeError
        Where `out` cannot hold the results, or is where the images are.
    """

    def __init__(self, images: Images, out: Any = None) -> None:
        self.given = out is not None
        self._images = images
        raws = [images.raw(index) for index in range(len(images))]
        if out is None:
            container, places = images.new_container()
        else:
            container, places = out, _places(images, out)
            for index, (raw, place) in enumerate(zip(raws, places, strict=True)):
                _check_place(place, raw, index)
            _check_apart(images, out)
        self.container = container
        self._places = places

    @property
    def keeps_note(self) -> bool:
        """Whether the caller removes the note, when the result is where it is wanted."""
        return self.given and getattr(self._first, "keeps_note", False)

    @property
    def _first(self) -> Any:
        return self.container[0] if isinstance(self.container, (list, tuple)) else self.container

    def chunks(self, index: int) -> tuple[int, int] | None:
        """Return the rows and columns that are stored together; None if not known."""
        return getattr(self._places[index], "chunks", None)

    def get(self, index: int, block: Extent | None = None) -> np.ndarray:
        """Read what was written of an image."""
        place = self._places[index]
        pixels = np.array(place[block or _all_of(place)])
        give_back(getattr(place, "array", place))
        return pixels

    def put(self, index: int, block: Extent | None, pixels: np.ndarray) -> None:
        """Write a block of an image, or a whole image."""
        place = self._places[index]
        place[block or _all_of(place)] = pixels
        if self.given:
            mapped = memory_map_of(getattr(place, "array", place))
            if mapped is not None:
                mapped.flush()
            give_back(getattr(place, "array", place))

    def journal_path(self, resume: bool | str | os.PathLike[str]) -> Path | None:
        """Return the file that says what is finished; None where nobody asks.

        Raises
        ------
        ValueError
            Where there is no obvious place for it.
        TypeError
            Where `resume` is something else.
        """
        if not isinstance(resume, (bool, str, os.PathLike)):
            msg = f"resume must be True, False or the name of a file for the note. Got {resume!r}."
            raise TypeError(msg)
        if resume is not False and not self.given:
            msg = (
                f"resume={resume!r} goes on with what is in `out`, and there is none. Pass a "
                f"memory map or a zarr array: transform(X, out, resume={resume!r})."
            )
            raise ValueError(msg)
        if not isinstance(resume, bool):
            return Path(resume)
        place = file_of(self._first) if self.given else None
        if place is not None:
            return note_beside(place)
        if resume:
            msg = (
                "resume=True keeps beside `out` a note of what is finished, so `out` has to be a "
                "memory map or a zarr array in a folder. Name a file for the note: "
                "resume='progress.txt'."
            )
            raise ValueError(msg)
        return None


def _all_of(place: Any) -> Extent:
    return slice(0, place.shape[0]), slice(0, place.shape[1])


class _Place:
    """Where one image of an array (n, H, W[, C]) goes that is written by item assignment."""

    def __init__(self, array: Any, index: int | None) -> None:
        self.array, self.index = array, index
        self.dtype = array.dtype
        self.shape = array.shape if index is None else array.shape[1:]

    @property
    def chunks(self) -> tuple[int, int] | None:
        """Rows and columns that are stored together."""
        # The chunks of a shard are written together.
        found = getattr(self.array, "shards", None) or getattr(self.array, "chunks", None)
        if not found:
            return None
        return tuple(found[:2] if self.index is None else found[1:3])

    def __getitem__(self, block: Extent) -> np.ndarray:
        return self.array[self._key(block)]

    def __setitem__(self, block: Extent, pixels: np.ndarray) -> None:
        self.array[self._key(block)] = pixels

    def _key(self, block: Extent) -> tuple[int | slice, ...]:
        return block if self.index is None else (self.index, *block)


def _places(images: Images, out: Any) -> list[Any]:
    """Return what each image is assigned to."""
    if images.kind == "sequence":
        if not isinstance(out, (list, tuple)) or len(out) != len(images):
            msg = (
                f"X is a sequence of {len(images)} images, so out must be a list of as many "
                f"arrays, each like its image. Got {_described(out)}."
            )
            raise ValueError(msg)
        return [_Place(_writable(item), None) for item in out]
    wanted = images.container
    out = _writable(out)
    if tuple(out.shape) != tuple(wanted.shape):
        msg = (
            f"out must have the shape of X, {tuple(wanted.shape)}. Got {_described(out)}. Type "
            f"for example out = numpy.empty(X.shape, X.dtype)."
        )
        raise ValueError(msg)
    if images.kind == "table":
        rows = _places_in_rows(images, out)
        if rows is None:
            msg = f"out for a table must be a contiguous NumPy array. Got {_described(out)}."
            raise TypeError(msg)
        return rows
    return [_Place(out, index) for index in range(len(images))]


def _places_in_rows(images: Images, table: Any) -> list[Any] | None:
    """Return views of the rows of a table as images; None where there are none."""
    if not isinstance(table, np.ndarray) or not table.flags.c_contiguous:
        return None
    return list(table.reshape(len(images), *images.raw(0).shape))


def _writable(out: Any) -> Any:
    for name in ("shape", "dtype", "__setitem__"):
        if not hasattr(out, name):
            msg = (
                f"out must be an array that can be assigned to, such as a NumPy array, a memory "
                f"map or a zarr array. Got {_described(out)}."
            )
            raise TypeError(msg)
    read_only = isinstance(out, np.ndarray) and not out.flags.writeable
    if read_only or getattr(out, "read_only", False):
        msg = "out is read-only. Open it for writing, for example with mode='r+'."
        raise ValueError(msg)
    return out


def _check_place(place: Any, raw: Any, index: int) -> None:
    same = np.dtype(place.dtype).newbyteorder("=") == raw.dtype.newbyteorder("=")
    if tuple(place.shape) == tuple(raw.shape) and same:
        return
    msg = (
        f"out must have the shapes and dtypes of X, but image {index} is {tuple(raw.shape)} "
        f"{raw.dtype} in X and {tuple(place.shape)} {place.dtype} in out."
    )
    raise ValueError(msg)


def _described(out: Any) -> str:
    if hasattr(out, "shape"):
        return f"{type(out).__name__} of shape {tuple(out.shape)}"
    return f"{type(out).__name__}" + (f" of length {len(out)}" if hasattr(out, "__len__") else "")


def _check_apart(images: Images, out: Any) -> None:
    """Refuse to write over the images, whose pixels are needed around every part."""
    sources = images.source if images.kind == "sequence" else [images.source]
    targets = out if images.kind == "sequence" else [out]
    files = {file_of(source) for source in sources} - {None}
    for target in targets:
        shared = file_of(target) in files or any(
            target is source
            or (
                isinstance(target, np.ndarray)
                and isinstance(source, np.ndarray)
                and _share_memory(target, source)
            )
            for source in sources
        )
        if shared:
            raise ValueError(OVERWRITTEN)


def _share_memory(one: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether arrays have a byte in common; also yes where that would take long to tell."""
    try:
        # NumPy's types know two of the numbers only.
        return np.shares_memory(one, other, max_work=MOST_WORK)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True


def file_of(array: Any) -> str | None:
    """Return the path of the file or folder that holds an array; None where there is none."""
    mapped = memory_map_of(array)
    if mapped is not None:
        return None if mapped.filename is None else os.path.realpath(mapped.filename)
    place = str(getattr(array, "store_path", ""))
    if place.startswith("file://"):
        return os.path.realpath(place.removeprefix("file://"))
    # dask opens folders by fsspec.
    folder = getattr(getattr(array, "store", None), "path", None)
    if isinstance(folder, str) and os.path.isdir(folder):
        return os.path.realpath(os.path.join(folder, array.path))
    return None
