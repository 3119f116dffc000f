"""Applying a network: padding, tiles and batches, without the caller noticing any of them.

The geometry of a batch depends on the shape of its images only, never on how many there are,
so that the result for an image does not depend on its companions.
"""

import math
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np

from skdenoise._keras._backend import as_given, check_not_forked, compiled, to_tensors, to_view
from skdenoise._keras._folding import Folded, folded
from skdenoise._keras._network import Network, Weights
from skdenoise._keras._openvino import openvino_runner
from skdenoise._side_by_side import side_by_side
from skdenoise._task import BATCH_PIXELS, Task
from skdenoise._tiling import LARGEST_OUTER, cut, on_grid, quickest_tile, within

WHOLE_PIXELS = LARGEST_OUTER**2
"""Larger images are cut into tiles."""
LOCAL, LOCAL_PIXELS = 16, 448**2
"""Where a network sees no further, tiles hardly overlap, and smaller ones are quicker: what a layer
returns stays in caches, and below the 32 MB from which on memory is got anew, page by page."""
MOST_TOLD = 1e4
"""Deviation of noise that a network is told at most, in those of the image: no more has a meaning,
and float32 ends somewhere."""
AT_ONCE = 3
"""Batches that are computed at the same time, while they are small: between two layers, a batch
alone leaves cores idle."""

_functions: "weakref.WeakKeyDictionary[Network, tuple[Folded, Any]]" = weakref.WeakKeyDictionary()
_runners: "weakref.WeakKeyDictionary[Any, dict]" = weakref.WeakKeyDictionary()
_lock = threading.Lock()
_tracing = threading.Lock()

Run = Callable[[list[np.ndarray]], np.ndarray]
"""From the inputs of a network, (n, H, W, C) each, to its output, which is not to be written to."""


def predict(
    network: Network,
    weights: Weights,
    tasks: Iterable[Task],
    *,
    owner: Any = None,
    engine: str = "keras",
    calibration: Callable[[], Iterable[Task]] = tuple,
    views: bool = False,
) -> Iterator[np.ndarray]:
    """Yield the network's output for each task, in working units and float64 or float32 as given.

    A network may return more channels than it is given, such as curves.

    Parameters
    ----------
    network : Network
        The template, in float32.
    weights : dict of str to ndarray
        Its weights.
    tasks : iterable of Task
        Read as late as possible: while the network runs, the next batch is prepared, and no
        others are in memory but those that are computed.
    owner : object, default=None
        With whom what is made of `weights` is kept for the next call.
    engine : {"keras", "openvino"}, default="keras"
        What runs the network.
    calibration : callable, default=tuple
        Returns tasks such as those that will come, by which "int8" chooses its ranges.
    views : bool, default=False
        Whether outputs may be views that are not to be written to, which spares a copy.
    """
    check_not_forked()
    runs: dict[str, Run] = {}

    def outputs(batch: list[Task]) -> list[np.ndarray]:
        return list(_predict_batch(network, runs[batch[0].precision], batch, views))

    def prepared() -> Iterator[list[Task]]:
        for batch in _batches(tasks, network.stride):
            precision = batch[0].precision
            if precision not in runs:
                runs[precision] = _runner(network, weights, owner, engine, precision, calibration)
            yield batch

    def size(batch: list[Task]) -> int:
        shape = batch[0].pixels.shape
        return _batch_size(shape, network.stride) * shape[0] * shape[1]

    for found in side_by_side(outputs, prepared(), size=size, room=WHOLE_PIXELS, at_once=AT_ONCE):
        yield from found


def _batches(tasks: Iterable[Task], stride: int) -> Iterator[list[Task]]:
    """Collect tasks that the network can do at once."""
    batch: list[Task] = []
    for task in tasks:
        kind = task.pixels.shape, task.precision
        if batch and kind != (batch[0].pixels.shape, batch[0].precision):
            yield batch
            batch = []
        batch.append(task)
        if len(batch) == _batch_size(task.pixels.shape, stride):
            yield batch
            batch = []
    if batch:
        yield batch


def _runner(
    network: Network,
    weights: Weights,
    owner: Any,
    engine: str,
    precision: str,
    calibration: Callable[[], Iterable[Task]],
) -> Run:
    """Return what computes outputs from inputs; it is kept with its owner."""

    def make() -> Run:
        if engine == "openvino":
            inputs = ([*_inputs(network, [task])] for task in calibration())
            return openvino_runner(network, weights, precision, inputs, AT_ONCE)
        return _keras_runner(network.in_bfloat16 if precision == "bfloat16" else network, weights)

    if owner is None:
        return make()
    with _lock:
        kept = _runners.get(owner)
        if kept is None:
            kept = _runners[owner] = {}
        # Weights of the package are others for images with other channels, and are kept, too.
        key = network, engine, precision
        if key not in kept or kept[key][0] is not weights:
            kept[key] = weights, make()
        return kept[key][1]


def _keras_runner(network: Network, weights: Weights) -> Run:
    template, function = _function(network)
    arrays = list(zip(template.weights(weights), template.network.signature(), strict=True))
    tensors = [
        keras.ops.cast(
            np.concatenate([array.ravel() for array, (_, own) in arrays if own == dtype]), dtype
        )
        for dtype in _dtypes(template.network)
    ]
    return lambda inputs: to_view(function(tensors, to_tensors(inputs)))


def _dtypes(network: Network) -> list[str]:
    """Return those of its weights, in a fixed order."""
    return sorted({dtype for _, dtype in network.signature()})


def _function(network: Network) -> tuple[Folded, Any]:
    """Return the template and the traced network; one for all fits of its architecture.

    It is given all weights of a dtype in one tensor: to pass hundreds takes longer than a small
    image.
    """
    with _tracing:
        if network not in _functions:
            template = folded(network)
            model = template.network.model
            n_trainable = template.network.n_trainable
            signature, dtypes = template.network.signature(), _dtypes(template.network)

            def apply(tensors: list, inputs: list) -> Any:
                weights, ends = [], dict.fromkeys(dtypes, 0)
                for shape, dtype in signature:
                    begin = ends[dtype]
                    end = ends[dtype] = begin + math.prod(shape)
                    part = tensors[dtypes.index(dtype)][begin:end]
                    weights.append(keras.ops.reshape(part, shape))
                images = as_given(inputs)
                outputs, _ = model.stateless_call(
                    weights[:n_trainable], weights[n_trainable:], images, training=False
                )
                return keras.ops.cast(outputs, "float32")

            inputs = [(tuple(item.shape), "float32") for item in model.inputs]
            flat = [((None,), dtype) for dtype in dtypes]
            _functions[network] = template, compiled(apply, [flat, inputs])
        return _functions[network]


def _padded(length: int, stride: int) -> int:
    return -(-length // stride) * stride


def _batch_size(shape: tuple[int, ...], stride: int) -> int:
    return max(1, BATCH_PIXELS // (_padded(shape[0], stride) * _padded(shape[1], stride)))


def _whole_pixels(network: Network) -> int:
    is_local = network.halo is not None and network.halo <= LOCAL
    return min(LOCAL_PIXELS, WHOLE_PIXELS) if is_local else WHOLE_PIXELS


def _predict_batch(
    network: Network, run: Run, batch: list[Task], views: bool
) -> Iterator[np.ndarray]:
    """Run images of one shape: small ones together, large ones in tiles."""
    height, width, _ = batch[0].pixels.shape
    high, wide = _padded(height, network.stride), _padded(width, network.stride)
    if high * wide > _whole_pixels(network) and network.halo is not None:
        for task in batch:
            yield _predict_tiles(network, run, task)
        return
    outputs = run(_inputs(network, batch, n_images=_batch_size((height, width), network.stride)))
    for index, task in enumerate(batch):
        yield _finish(outputs[index, :height, :width], task, copy=not views)


def _inputs(
    network: Network,
    batch: list[Task],
    part: tuple[slice, slice] | None = None,
    *,
    n_images: int = 1,
) -> list[np.ndarray]:
    """Return what the network is given for a part of images of one shape, filled up with zeros."""
    height, width, n_channels = batch[0].pixels.shape
    rows, columns = part or (slice(0, height), slice(0, width))
    high = _padded(rows.stop - rows.start, network.stride)
    wide = _padded(columns.stop - columns.start, network.stride)
    noisy = np.zeros((n_images, high, wide, n_channels), np.float32)
    sigma = np.zeros((n_images, high, wide, 1), np.float32)
    for index, task in enumerate(batch):
        _fill(task, rows, columns, noisy[index], sigma[index])
    return [noisy, sigma] if network.steerable else [noisy]


def _predict_tiles(network: Network, run: Run, task: Task) -> np.ndarray:
    height, width, _ = task.pixels.shape
    stride, halo = network.stride, network.halo or 0
    out = np.empty((height, width, network.n_outputs), task.pixels.dtype)
    # To begin on the grid, a tile may reach further than the network sees.
    tile = quickest_tile(
        height, width, halo=halo + stride - 1, grid=stride, most=_whole_pixels(network)
    )
    for inner in cut(slice(0, height), slice(0, width), *tile):
        rows = on_grid(inner[0], height, halo=halo, grid=stride)
        columns = on_grid(inner[1], width, halo=halo, grid=stride)
        # Only the last row and column of tiles can end off the grid, where the image ends.
        outputs = run(_inputs(network, [task], (rows, columns)))
        out[inner] = _finish(outputs[0][within(inner, (rows, columns))], task)
    return out


def _fill(task: Task, rows: slice, columns: slice, noisy: np.ndarray, sigma: np.ndarray) -> None:
    """Write a part of the image as the network wants it, mirrored at the end, over zeros."""
    pixels = task.pixels[rows, columns]
    if task.is_normalized:
        pixels = pixels - task.mean
        pixels /= task.gain
    noisy[...] = _mirrored(pixels, noisy.shape)
    if isinstance(task.sigma, np.ndarray) and task.sigma.ndim:
        told = np.minimum(task.sigma[rows, columns] / task.gain, MOST_TOLD)
        sigma[...] = _mirrored(told, sigma.shape)
    elif task.sigma:
        sigma[...] = min(task.sigma / task.gain, MOST_TOLD)


def _mirrored(part: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if part.shape == shape:
        return part
    margin = [(0, whole - own) for whole, own in zip(shape, part.shape, strict=True)]
    return np.pad(part, margin, mode="symmetric")


def _finish(output: np.ndarray, task: Task, *, copy: bool = True) -> np.ndarray:
    denoised = output.astype(task.pixels.dtype, copy=copy or task.is_normalized)
    if task.is_normalized:
        denoised *= task.gain
        denoised += task.mean
    return denoised
