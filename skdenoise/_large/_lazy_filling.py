"""Filling a zarr array with the transform of a dask array, wherever its blocks are computed.

Each block is written by the process that computed it, which then adds a line to the journal: what
is finished stays finished, also where a worker or a whole cluster dies.
"""

import functools
import operator
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from skdenoise._fingerprint import fingerprint
from skdenoise._images import Images
from skdenoise._large._journal import Journal, finish, pixels_digest
from skdenoise._large._lazy import is_dask_array
from skdenoise._large._target import OVERWRITTEN, Target, file_of, place_of

IN_MEMORY = (
    "out is in the memory of this process, where the workers of dask cannot write to, or a dask "
    "array. Type transform(X).compute(), or make out a zarr array in a folder: "
    "zarr.create_array('out.zarr', shape=X.shape, chunks=X.chunksize, dtype=X.dtype)."
)


def fill(
    out: Any, lazy: Any, images: Images, *, owner: str, resume: bool | str | os.PathLike[str]
) -> Any:
    """Compute a dask array block by block, and return `out`, which holds it then.

    Parameters
    ----------
    out : zarr array, or the like
        What is filled, of the shape and dtype of the images.
    lazy : dask array
        The transformed images.
    images : Images
        What they were.
    owner : str
        Tells one transform of such images from another.
    resume : bool or path-like
        Whether to remember what is finished, and to go on with what was; and in which file.

    Raises
    ------
    TypeError
        Where `out` is in the memory of this process, which others cannot write to.
    ValueError
        Where `out` is what the images are read from.
    """
    import dask
    from dask.array.core import slices_from_chunks
    from dask.delayed import delayed

    if isinstance(out, np.ndarray) or is_dask_array(out):
        raise TypeError(IN_MEMORY)
    path = Target(images, out).journal_path(resume)
    _check_apart(out, images.container)
    lazy = _in_whole_chunks(lazy, out)
    owner = fingerprint(owner, images.shapes, lazy.chunks)
    with Journal(path, owner, resume=resume is not False) as journal:
        # Names of dask arrays do not tell what was in a file then.
        seen = None if journal.path is None else _digest(images.container)
        store, stored, blocks = delayed(_store), [], lazy.to_delayed()
        written: list[tuple[slice, ...]] = []
        places = slices_from_chunks(lazy.chunks)
        for number, place in zip(np.ndindex(lazy.numblocks), places, strict=True):
            what = f"{seen} {' '.join(map(str, number))}"
            if not journal.holds(what, functools.partial(operator.getitem, out, place)):
                stored.append(store(blocks[number], out, place, journal.path, what))
                written.append(place)
        if written and file_of(out) is None:
            _check_shared(out, written[0])
        dask.compute(*stored)
    return out


def _check_shared(out: Any, place: tuple[slice, ...]) -> None:
    """Refuse an array of which other processes fill a copy: what they write is not seen here."""
    import dask
    from dask.delayed import delayed

    shape = [axis.stop - axis.start for axis in place]
    for value in (1, 0):  # it may hold one of them already
        block = np.full(shape, value, out.dtype)
        dask.compute(delayed(operator.setitem)(out, place, block))
        if not np.array_equal(out[place], block):
            raise TypeError(IN_MEMORY)


def _store(block: np.ndarray, out: Any, place: tuple[slice, ...], path: Any, what: str) -> None:
    out[place] = block
    if path is not None:
        finish(path, what, pixels_digest(block))


def _digest(X: Any) -> str:
    """Return what tells the images from others, read block by block."""
    import dask
    from dask.delayed import delayed

    digest = delayed(pixels_digest, pure=True)
    return fingerprint(dask.compute(*map(digest, X.to_delayed().ravel())))


def _check_apart(out: Any, X: Any) -> None:
    """Refuse to write over the images: a block is read once more for its neighbors."""
    mine = place_of(out)
    if mine is not None and any(place_of(array) == mine for array in _arrays_in(X)):
        raise ValueError(OVERWRITTEN)


def _arrays_in(X: Any) -> Iterator[Any]:
    """Yield whatever has a shape among what the tasks of a dask array are made of."""
    waiting = list(dict(X.__dask_graph__()).values())
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, dict):
            waiting += thing.values()
        elif isinstance(thing, (list, tuple)):
            waiting += thing
        elif hasattr(thing, "shape"):
            yield thing
        else:  # what tasks consist of
            parts = (getattr(thing, name, None) for name in ("value", "args", "kwargs"))
            waiting += [part for part in parts if part is not None]


def _in_whole_chunks(lazy: Any, out: Any) -> Any:
    """Let no two blocks share what is written at once."""
    together = getattr(out, "shards", None) or getattr(out, "chunks", None) or (1,) * lazy.ndim
    sizes = {}
    for axis, (side, blocks) in enumerate(zip(together, lazy.chunks, strict=True)):
        if any(edge % side for edge in np.cumsum(blocks)[:-1]):
            sizes[axis] = max(max(blocks) // side, 1) * side
    return lazy.rechunk(sizes) if sizes else lazy
