"""Filling a zarr array with the transform of a dask array, wherever its blocks are computed.

Each block is written by the process that computed it, which then adds a line to the journal: what
is finished stays finished, also where a worker or a whole cluster dies.
"""

import os
from typing import Any

import numpy as np

from skdenoise._fingerprint import fingerprint
from skdenoise._images import Images
from skdenoise._journal import Journal, finish
from skdenoise._large import Target


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
    """
    import dask
    from dask.array.core import slices_from_chunks
    from dask.delayed import delayed

    if isinstance(out, np.ndarray):
        msg = (
            "out is in the memory of this process, where the workers of dask cannot write to. Type "
            "transform(X).compute(), or make out a zarr array: "
            "zarr.create_array('out.zarr', shape=X.shape, chunks=X.chunksize, dtype=X.dtype)."
        )
        raise TypeError(msg)
    path = Target(images, out).journal_path(resume)
    lazy = _in_whole_chunks(lazy, out)
    owner = fingerprint(owner, images.shapes, lazy.chunks)
    with Journal(path, owner, resume=resume is not False) as journal:
        store, stored, blocks = delayed(_store), [], lazy.to_delayed()
        places = slices_from_chunks(lazy.chunks)
        for number, place in zip(np.ndindex(lazy.numblocks), places, strict=True):
            # Names of dask arrays tell one input from another.
            line = f"{lazy.name} {' '.join(map(str, number))}"
            if line not in journal:
                stored.append(store(blocks[number], out, place, journal.path, line))
        dask.compute(*stored)
    return out


def _store(block: np.ndarray, out: Any, place: tuple[slice, ...], path: Any, line: str) -> None:
    out[place] = block
    if path is not None:
        finish(path, line)


def _in_whole_chunks(lazy: Any, out: Any) -> Any:
    """Let no two blocks share what is written at once."""
    together = getattr(out, "shards", None) or getattr(out, "chunks", None) or (1,) * lazy.ndim
    sizes = {}
    for axis, (side, blocks) in enumerate(zip(together, lazy.chunks, strict=True)):
        if any(edge % side for edge in np.cumsum(blocks)[:-1]):
            sizes[axis] = max(max(blocks) // side, 1) * side
    return lazy.rechunk(sizes) if sizes else lazy
