"""Transforming dask arrays: nothing is computed before dask is asked to.

Small images are transformed whole. Large ones stay in their chunks: each is transformed with a
margin from its neighbors, after moments and windows have been collected from all of them. The
estimator is a node of the graph, so that it travels to each worker once, and is loaded once in
each process.
"""

import contextlib
import copy
import multiprocessing
import os
import pickle
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from skdenoise._containers import check_container
from skdenoise._fingerprint import fingerprint
from skdenoise._images import Images, Part, in_own_form
from skdenoise._large._survey import Findings, LocalTransform, Moments
from skdenoise._stored import blocks_of
from skdenoise._tiling import cut, tile_side, within

MOST_LOADED = 4
"""How many estimators a process keeps."""

_loaded: dict[str, Any] = {}
_loading = threading.Lock()
# A network uses all threads of its process by itself: two at a time would only need more memory.
_running = threading.Lock()


def is_dask_array(X: Any) -> bool:
    """Tell whether `X` is a dask array, without importing dask."""
    return type(X).__module__.startswith("dask.array")


class Carried:
    """An estimator on its way to other processes, each of which loads it once.

    Parameters
    ----------
    estimator : ImageTransformer
        A fitted estimator. Its callbacks stay at home.
    """

    def __init__(self, estimator: Any) -> None:
        import cloudpickle

        self.token = fingerprint(estimator)
        if getattr(estimator, "callbacks", None) is not None:
            estimator = copy.copy(estimator)
            estimator.callbacks = None
        self._bytes = cloudpickle.dumps(estimator)

    def estimator(self) -> Any:
        """Return the estimator of this process."""
        with _loading:
            if self.token not in _loaded:
                while len(_loaded) >= MOST_LOADED:
                    del _loaded[next(iter(_loaded))]
                # Written by this package in the process that asks.
                found = pickle.loads(self._bytes)
                with _share_of_threads():
                    found._wake()
                _loaded[self.token] = found
            return _loaded[self.token]


@contextlib.contextmanager
def _share_of_threads() -> Iterator[None]:
    """Let TensorFlow start with this worker's share of the cores.

    It asks the environment once, when it starts. What was in the environment is restored. In a
    process that nobody has started for this work, nothing is changed.
    """
    if multiprocessing.parent_process() is None or "tensorflow" in sys.modules:
        yield
        return
    names = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"
    before = {name: os.environ.get(name) for name in names}
    for name in names:
        os.environ.setdefault(name, str(_n_threads()))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _n_threads() -> int:
    """Return the threads of the dask worker that this process is; 1 in other pools."""
    if "distributed" in sys.modules:
        from distributed import get_worker

        with contextlib.suppress(ValueError):
            return max(1, get_worker().state.nthreads)
    return 1


def transform_lazily(estimator: Any, X: Any) -> Any:
    """Return the transform of a dask array, as a dask array.

    Parameters
    ----------
    estimator : ImageTransformer
        A fitted estimator.
    X : dask array of shape (n, H, W) or (n, H, W, C)
        The images.

    Returns
    -------
    dask array
        Of the same shape, dtype and chunks.

    Raises
    ------
    ValueError
        Where `X` does not hold images, or they depend on each other.
    """
    if any(side != side for side in X.shape):
        msg = (
            f"X has chunks of unknown sizes, its shape is {X.shape}. Type X.compute_chunk_sizes() "
            f"first."
        )
        raise ValueError(msg)
    if X.ndim == 2:
        msg = (
            f"A dask array must hold images, (n_images, height, width[, n_channels]); got shape "
            f"{X.shape}. Type X.reshape(-1, height, width)."
        )
        raise ValueError(msg)
    estimator._check_independent()
    images = estimator._read(X, reset=False, lazily=True)
    whole = _without_empty_chunks(X if X.ndim == 3 else X.rechunk({3: -1}))
    split = whole.numblocks[1:3] != (1, 1)
    local = estimator._local_transform(images) if split and images.is_large(0) else None
    carried = _node(Carried(estimator))
    if local is None:
        result = _whole_images(whole.rechunk({1: -1, 2: -1}), carried)
    else:
        result = _parts_of_images(whole, carried, images, local)
    return result.rechunk(X.chunks)


def _without_empty_chunks(X: Any) -> Any:
    """Return the same array in chunks with pixels in them, such as a mask need not leave."""
    chunks = tuple(tuple(side for side in sides if side) for sides in X.chunks)
    return X if chunks == X.chunks else X.rechunk(chunks)


def _node(carried: Carried) -> Any:
    from dask.delayed import delayed

    return delayed(carried, name=f"skdenoise-{carried.token}", traverse=False)


def _starts(chunks: tuple[int, ...]) -> list[int]:
    return [0, *np.cumsum(chunks).tolist()]


def _whole_images(X: Any, carried: Any) -> Any:
    """Transform blocks of whole images."""
    import dask.array as da

    return da.map_blocks(
        _transform_block,
        X,
        carried,
        dtype=X.dtype,
        meta=X._meta,
        name=f"skdenoise-transform-{fingerprint(X.name, carried.key)}",
        starts=_starts(X.chunks[0]),
    )


def _transform_block(
    X: np.ndarray, carried: Carried, *, starts: list[int], block_id: tuple[int, ...]
) -> np.ndarray:
    check_container(X, "X")
    some = slice(starts[block_id[0]], starts[block_id[0] + 1])
    estimator = carried.estimator()._for_some(some, starts[-1])
    with _running:
        return estimator.transform(np.asarray(X))


def _parts_of_images(X: Any, carried: Any, images: Images, local: LocalTransform) -> Any:
    """Transform chunks of large images, each with a margin."""
    import dask.array as da
    from dask.array.overlap import ensure_minimum_chunksize, overlap

    judged = _judged(X, carried, images, local)
    margin = local.margin
    for axis in (1, 2):
        if min(X.chunks[axis]) < margin < X.shape[axis]:
            X = X.rechunk({axis: ensure_minimum_chunksize(margin, X.chunks[axis])})
        elif margin >= X.shape[axis]:
            X = X.rechunk({axis: -1})
    if local.needs_moments:
        # Read again when everything is judged, instead of kept in memory until then.
        X = _again(X, "again-")
    depth = {axis: margin if X.numblocks[axis] > 1 else 0 for axis in (1, 2)}
    return da.map_blocks(
        _transform_part,
        overlap(X, depth=depth, boundary="none", allow_rechunk=False),
        carried,
        judged,
        chunks=X.chunks,
        dtype=X.dtype,
        meta=X._meta,
        name=f"skdenoise-transform-{fingerprint(X.name, carried.key)}",
        shape=X.shape,
        depth=depth,
        starts=[_starts(chunks) for chunks in X.chunks[:3]],
    )


def _again(X: Any, prefix: str) -> Any:
    """Return the same array with tasks of its own, so that chunks are made twice and not kept."""
    import dask.array as da
    from dask._task_spec import DataNode, convert_legacy_graph

    tasks = convert_legacy_graph(dict(X.__dask_graph__()))
    own = {(X.name, *block) for block in np.ndindex(X.numblocks)}
    # What is there already need not be there twice.
    names = {
        key: (prefix + key[0], *key[1:]) if isinstance(key, tuple) else prefix + str(key)
        for key, task in tasks.items()
        if key in own or not isinstance(task, DataNode)
    }
    copies = {}
    for key, task in tasks.items():
        if key not in names:
            copies[key] = task
        elif isinstance(task, DataNode):
            copies[names[key]] = DataNode(names[key], task.value)
        else:
            copies[names[key]] = task.substitute(names, key=names[key])
    return da.Array(copies, prefix + X.name, X.chunks, meta=X._meta)


def _judged(X: Any, carried: Any, images: Images, local: LocalTransform) -> list[Any]:
    """Return what is to be the same for all parts of each image, to be computed."""
    cuts, moments = local.windows(*X.shape[1:3]), None
    if local.needs_moments:
        moments = _moments(X, images.n_channels)
        X = _again(X, "windows-")  # else chunks with windows are kept until all are read
    name = f"skdenoise-judged-{fingerprint(X.name, carried.key)}"
    tasks: dict[tuple, tuple] = {}
    read: list[Any] = []
    for index in range(len(X)):
        # In one chunk each, which has a key.
        windows = [X[index][cut].rechunk(-1) for cut in cuts]
        read += windows
        seen = []
        for number, window in enumerate(windows):
            # A view would keep the chunk.
            seen.append((name, index, number))
            tasks[seen[-1]] = (np.copy, (window.name, *[0] * window.ndim))
        of_image = None if moments is None else moments[index].key
        tasks[name, index] = (_judge, carried.key, index, X.shape, X.dtype, of_image, seen)
    found = [(name, index) for index in range(len(X))]
    return _delayed(name, found, tasks, [*read, carried, *(moments or [])[:1]])


def _moments(X: Any, n_channels: int) -> list[Any]:
    """Return the moments of each image, to be computed chunk by chunk."""
    name = f"skdenoise-moments-{fingerprint(X.name, n_channels)}"
    tasks: dict[tuple, tuple] = {}
    found: list[tuple] = []
    for row, n_images in enumerate(X.chunks[0]):
        blocks = [(row, *place) for place in np.ndindex(X.numblocks[1:])]
        for block in blocks:
            tasks[name, *block] = (_moments_of_block, (X.name, *block), n_channels)
        parts = [(name, *block) for block in blocks]
        for position in range(n_images):
            found.append((name, "joined", len(found)))
            tasks[found[-1]] = (_joined, parts, position)
    return _delayed(name, found, tasks, [X])


def _delayed(name: str, keys: list[tuple], tasks: dict[tuple, tuple], read: list[Any]) -> list[Any]:
    """Return some tasks of a layer that is made of dask's collections.

    Were each a delayed function by itself, dask would look through the whole graph of the images
    for each of them.
    """
    from dask.delayed import Delayed
    from dask.highlevelgraph import HighLevelGraph

    graph = HighLevelGraph.from_collections(name, tasks, dependencies=read)
    return [Delayed(key, graph, layer=name) for key in keys]


def _joined(parts: list[list[Moments]], position: int) -> Moments:
    """Return the moments of an image of which there are several parts."""
    return Moments.joined(part[position] for part in parts)


def _moments_of_block(X: np.ndarray, n_channels: int) -> list[Moments]:
    """Measure a chunk, which need not look like images itself: it may be one pixel wide."""
    _check_chunk(X)
    height, width = X.shape[1:3]
    found = []
    for raw in X:
        part = Part(raw, 0, 0, height, width, n_channels)
        found.append(Moments.joined(Moments.of(part.crop(*block)) for block in blocks_of(raw)))
    return found


def _judge(
    carried: Carried,
    index: int,
    shape: tuple[int, ...],
    dtype: np.dtype,
    moments: Moments | None,
    windows: list[np.ndarray],
) -> Any:
    height, width = shape[1:3]
    local, images = _local(carried, shape, dtype)
    parts = [
        Part(window, rows.start, columns.start, height, width, images.n_channels)
        for window, (rows, columns) in zip(windows, local.windows(height, width), strict=True)
    ]
    for window in windows:
        _check_chunk(window)
    findings = Findings(height, width, images.n_channels, moments, parts)
    with _running:
        return local.judge(index, findings)


def _transform_part(
    X: np.ndarray,
    carried: Carried,
    judged: list[Any],
    *,
    shape: tuple[int, ...],
    depth: dict[int, int],
    starts: list[list[int]],
    block_id: tuple[int, ...],
) -> np.ndarray:
    """Transform a chunk of some images, which comes with its margin."""
    _check_chunk(X)
    X = np.asarray(X)
    local, images = _local(carried, shape, X.dtype)
    first = starts[0][block_id[0]]
    rows, columns = (
        slice(starts[axis][block_id[axis]], starts[axis][block_id[axis] + 1]) for axis in (1, 2)
    )
    top, left = max(rows.start - depth[1], 0), max(columns.start - depth[2], 0)
    side = tile_side(local.margin, local.largest_tile)
    out = np.empty(
        (len(X), rows.stop - rows.start, columns.stop - columns.start, *X.shape[3:]), X.dtype
    )
    for number, raw in enumerate(X):
        part = Part(raw, top, left, shape[1], shape[2], images.n_channels)
        for tile in cut(rows, columns, side, side):
            with _running:
                result = local.apply(part, *tile, judged[first + number])
            out[number][within(tile, (rows, columns))] = in_own_form(part.of_raw(*tile), result)
    return out


def _local(
    carried: Carried, shape: tuple[int, ...], dtype: np.dtype
) -> tuple[LocalTransform, Images]:
    """Return how parts of images of such a shape and dtype are transformed."""
    estimator = carried.estimator()
    like = np.broadcast_to(np.zeros((), dtype), shape)
    images = estimator._read(like, reset=False, lazily=True)
    return estimator._local_transform(images), images


def _check_chunk(X: np.ndarray) -> None:
    """Refuse pixels that are masked or not finite, of which nothing is known before."""
    check_container(X, "X")
    if X.dtype.kind == "f" and not np.isfinite(X).all():
        msg = (
            "X contains NaN or infinity. Fill them first, for example with "
            "X.map_blocks(numpy.nan_to_num)."
        )
        raise ValueError(msg)
