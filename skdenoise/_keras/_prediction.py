"""Applying a network: padding, tiles and batches, without the caller noticing any of them.

The geometry of a batch depends on the shape of its images only, never on how many there are,
so that the result for an image does not depend on its companions.
"""

import threading
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from skdenoise._keras._backend import compiled, to_array, to_tensors
from skdenoise._keras._network import Network, Weights
from skdenoise._tiling import iterate_tiles

WHOLE_PIXELS = 1280 * 1280
"""Larger images are cut into tiles; activations take about 1 kB per pixel."""
BATCH_PIXELS = 128 * 128
"""Smaller images share a batch of about this size."""

_functions: "weakref.WeakKeyDictionary[Network, Any]" = weakref.WeakKeyDictionary()
_tensors: "weakref.WeakKeyDictionary[Any, tuple[Weights, list]]" = weakref.WeakKeyDictionary()
_lock = threading.Lock()


@dataclass(frozen=True)
class Task:
    """One image for a network.

    Attributes
    ----------
    pixels : ndarray of shape (H, W, C)
        In working units.
    mean, gain : float
        The network sees ``(pixels - mean) / gain``.
    sigma : float or ndarray of shape (H, W, 1)
        Standard deviation of the noise in working units; 0 for unknown.
    """

    pixels: np.ndarray
    mean: float = 0.0
    gain: float = 1.0
    sigma: float | np.ndarray = 0.0

    @property
    def is_normalized(self) -> bool:
        """Whether the network sees other values than those in `pixels`."""
        return self.mean != 0 or self.gain != 1


def predict(
    network: Network, weights: Weights, tasks: Iterable[Task], *, owner: Any = None
) -> Iterator[np.ndarray]:
    """Yield the network's output for each task, in working units and float64 or float32 as given.

    A network may return more channels than it is given, such as curves.

    Parameters
    ----------
    network : Network
        The template.
    weights : dict of str to ndarray
        Its weights.
    tasks : iterable of Task
        Read as late as possible: one batch is in memory at a time.
    owner : object, default=None
        With whom the tensors made of `weights` are kept for the next call.
    """
    run = _function(network)
    tensors = _weight_tensors(weights, owner)
    batch: list[Task] = []
    for task in tasks:
        if batch and task.pixels.shape != batch[0].pixels.shape:
            yield from _predict_batch(network, run, tensors, batch)
            batch = []
        batch.append(task)
        if len(batch) == _batch_size(task.pixels.shape, network.stride):
            yield from _predict_batch(network, run, tensors, batch)
            batch = []
    if batch:
        yield from _predict_batch(network, run, tensors, batch)


def _function(network: Network) -> Any:
    """Return the traced network; one for all fits of its architecture."""
    with _lock:
        if network not in _functions:
            n_trainable = network.n_trainable
            model = network.model

            def apply(weights: list, inputs: list) -> Any:
                images = inputs if len(inputs) > 1 else inputs[0]
                outputs, _ = model.stateless_call(
                    weights[:n_trainable], weights[n_trainable:], images, training=False
                )
                return keras.ops.cast(outputs, "float32")

            inputs = [(tuple(item.shape), "float32") for item in model.inputs]
            _functions[network] = compiled(apply, [network.signature(), inputs])
        return _functions[network]


def _weight_tensors(weights: Weights, owner: Any) -> list:
    if owner is None:
        return to_tensors(weights.values())
    with _lock:
        kept = _tensors.get(owner)
        if kept is None or kept[0] is not weights:
            kept = weights, to_tensors(weights.values())
            _tensors[owner] = kept
        return kept[1]


def _padded(length: int, stride: int) -> int:
    return -(-length // stride) * stride


def _batch_size(shape: tuple[int, ...], stride: int) -> int:
    return max(1, BATCH_PIXELS // (_padded(shape[0], stride) * _padded(shape[1], stride)))


def _predict_batch(
    network: Network, run: Any, weights: list, batch: list[Task]
) -> Iterator[np.ndarray]:
    """Run images of one shape: small ones together, large ones in tiles."""
    height, width, n_channels = batch[0].pixels.shape
    high, wide = _padded(height, network.stride), _padded(width, network.stride)
    if high * wide > WHOLE_PIXELS and network.halo is not None:
        for task in batch:
            yield _predict_tiles(network, run, weights, task)
        return
    n_images = _batch_size((height, width), network.stride)
    noisy = np.zeros((n_images, high, wide, n_channels), np.float32)
    sigma = np.zeros((n_images, high, wide, 1), np.float32)
    for index, task in enumerate(batch):
        _fill(task, slice(0, height), slice(0, width), noisy[index], sigma[index])
    outputs = _run(network, run, weights, noisy, sigma)
    for index, task in enumerate(batch):
        yield _finish(outputs[index, :height, :width], task)


def _predict_tiles(network: Network, run: Any, weights: list, task: Task) -> np.ndarray:
    height, width, _ = task.pixels.shape
    stride, halo = network.stride, network.halo or 0
    side = max(int(WHOLE_PIXELS**0.5) - 2 * halo, 4 * stride) // stride * stride
    out = np.empty((height, width, network.n_outputs), task.pixels.dtype)
    for tile in iterate_tiles(height, width, side=side, halo=halo):
        rows, columns = tile.outer
        # Only the last row and column of tiles can end off the grid, where the image ends.
        shape = (
            _padded(rows.stop - rows.start, stride),
            _padded(columns.stop - columns.start, stride),
        )
        noisy = np.zeros((1, *shape, task.pixels.shape[-1]), np.float32)
        sigma = np.zeros((1, *shape, 1), np.float32)
        _fill(task, rows, columns, noisy[0], sigma[0])
        outputs = _run(network, run, weights, noisy, sigma)
        out[tile.inner] = _finish(outputs[0][tile.kept], task)
    return out


def _fill(task: Task, rows: slice, columns: slice, noisy: np.ndarray, sigma: np.ndarray) -> None:
    """Write a part of the image as the network wants it, mirrored at the end, over zeros."""
    pixels = task.pixels[rows, columns]
    if task.is_normalized:
        pixels = pixels - task.mean
        pixels /= task.gain
    noisy[...] = _mirrored(pixels, noisy.shape)
    if isinstance(task.sigma, np.ndarray) and task.sigma.ndim:
        sigma[...] = _mirrored(task.sigma[rows, columns] / task.gain, sigma.shape)
    elif task.sigma:
        sigma[...] = task.sigma / task.gain


def _mirrored(part: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if part.shape == shape:
        return part
    margin = [(0, whole - own) for whole, own in zip(shape, part.shape, strict=True)]
    return np.pad(part, margin, mode="symmetric")


def _run(
    network: Network, run: Any, weights: list, noisy: np.ndarray, sigma: np.ndarray
) -> np.ndarray:
    arrays = [noisy, sigma] if network.steerable else [noisy]
    return to_array(run(weights, to_tensors(arrays)))


def _finish(output: np.ndarray, task: Task) -> np.ndarray:
    denoised = output.astype(task.pixels.dtype)
    if task.is_normalized:
        denoised *= task.gain
        denoised += task.mean
    return denoised
