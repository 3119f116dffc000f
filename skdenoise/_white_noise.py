"""How strong white noise is, by what the weights of this package take away."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy import ndimage

from skdenoise import _keras
from skdenoise._images import Images
from skdenoise._normalization import statistics_of, task_of
from skdenoise._randomness import generator_of_order
from skdenoise._shipped import shipped_for, shipped_weights
from skdenoise._stein import PROBE, random_step, slopes
from skdenoise._task import Task

SIZE = "small"
NEIGHBORHOOD = 17
"""Side of the squares over which it is averaged how much the output follows the input."""
FAITHFUL = 0.2
"""A pixel that the output follows by so much counts a quarter of one that it does not follow."""
TRUST = 2 / 3
"""How much the network counts; the rest are flat places, which tell rather too much."""
SMALLEST_SIDE = 32
"""Smaller images tell the network too little."""
WEAKEST = 0.05
"""Flat places know weaker noise better, as a share of the deviation of the image."""


def sigmas_by_network(images: Images, sigmas: np.ndarray) -> np.ndarray:
    r"""Return how strong white noise is, more exactly than flat places tell.

    If :math:`f` is the posterior mean of an image that has noise of deviation :math:`\sigma`, and
    :math:`N` pixels, then by the formulas of Tweedie and Stein [1]_

    .. math:: \operatorname{E} \lVert y - f(y) \rVert^2
              = \sigma^2 (N - \operatorname{div} f(y)),

    for each pixel, too. A network that was trained for least squares is nearly that. Pixels where
    its output hardly follows the input count most: they depend least on what it has learned. It
    rather tells too little where noise is strong, so that flat places still count for something.

    Parameters
    ----------
    images : Images
        Noisy images; of large ones, some windows are looked at.
    sigmas : ndarray of shape (n_images,)
        What flat places tell, in working units.

    Returns
    -------
    ndarray of shape (n_images,)
        As `sigmas`, where images are too small, or have hardly any noise.

    References
    ----------
    .. [1] B. Efron, "Tweedie's Formula and Selection Bias", Journal of the American Statistical
       Association 106 (496), 2011.
    """
    name, n_channels = shipped_for("natural", SIZE, images.n_channels)
    network = _keras.get_network("unet", SIZE, n_channels)
    weights = shipped_weights(name, network.shapes())
    pairs: deque[tuple[int, Task, Task]] = deque()

    def tasks() -> Iterator[Task]:
        for pair in _pairs(images, sigmas, n_channels):
            pairs.append(pair)
            yield from pair[1:]

    outputs = _keras.predict(network, weights, tasks())
    power, share = np.zeros(len(images)), np.zeros(len(images))
    for first, second in zip(outputs, outputs, strict=True):
        index, task, stepped = pairs.popleft()
        slope = slopes(task.pixels, first, stepped.pixels, second)
        removed = np.subtract(task.pixels, first, dtype=np.float64)
        followed = ndimage.uniform_filter(slope.mean(axis=-1), NEIGHBORHOOD)
        weight = (FAITHFUL + followed.clip(0))[..., None] ** -2
        power[index] += (weight * np.square(removed)).sum()
        share[index] += (weight * (1 - slope)).sum()
    is_known = (power > 0) & (share > 0)
    by_network = power / np.where(is_known, share, 1)
    both = TRUST * by_network + (1 - TRUST) * np.square(sigmas)
    return np.where(is_known, np.sqrt(both), sigmas)


def _pairs(images: Images, sigmas: np.ndarray, n_channels: int) -> Iterator[tuple[int, Task, Task]]:
    """Yield the index of an image, a part of it, and that part after a small step."""
    for index, sigma in enumerate(sigmas):
        _, gain = statistics_of(images, index)
        if min(images.shapes[index][:2]) < SMALLEST_SIDE or not sigma > WEAKEST * gain:
            continue
        for window in images.windows(index):
            stepped = random_step(window, PROBE * sigma, generator_of_order(0, window))
            for first in range(0, images.n_channels, n_channels):
                part = np.s_[..., first : first + n_channels]
                task = task_of(window[part], sigma)
                yield index, task, replace(task, pixels=stepped[part])
