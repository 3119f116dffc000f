"""How strong white noise is, by what the weights of this package take away."""

import math
from collections import deque
from collections.abc import Iterator, Sequence
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
from skdenoise.noise._level_function import Noise, deviation_at, times

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


def noise_by_network(images: Images, found: Sequence[Noise]) -> list[Noise]:
    r"""Return how strong white noise is, more exactly than flat places tell.

    If :math:`f` is the posterior mean of an image whose pixels :math:`y_i` have noise of deviation
    :math:`\sigma_i`, then by the formulas of Tweedie and Stein [1]_

    .. math:: \operatorname{E} (y_i - f_i(y))^2
              = \sigma_i^2 \operatorname{E} (1 - \partial f_i(y) / \partial y_i).

    A network that was trained for least squares is nearly that. Pixels where
    its output hardly follows the input count most: they depend least on what it has learned. It
    rather tells too little where noise is strong, so that flat places still count for something.

    Parameters
    ----------
    images : Images
        Noisy images; of large ones, some windows are looked at.
    found : sequence of float or LevelFunction, of length n_images
        What flat places tell, in working units.

    Returns
    -------
    list of float or LevelFunction
        As they were, where images are too small, or have hardly any noise.

    References
    ----------
    .. [1] B. Efron, "Tweedie's Formula and Selection Bias", Journal of the American Statistical
       Association 106 (496), 2011.
    """
    name, n_channels = shipped_for("natural", SIZE, images.n_channels)
    network = _keras.get_network("unet", SIZE, n_channels)
    weights = shipped_weights(name, network.shapes())
    pairs: deque[tuple[int, float | np.ndarray, Task, Task]] = deque()

    def tasks() -> Iterator[Task]:
        for pair in _pairs(images, found, n_channels):
            pairs.append(pair)
            yield from pair[2:]

    outputs = _keras.predict(network, weights, tasks())
    power, share = np.zeros(len(images)), np.zeros(len(images))
    for first, second in zip(outputs, outputs, strict=True):
        index, deviation, task, stepped = pairs.popleft()
        slope = slopes(task.pixels, first, stepped.pixels, second)
        removed = np.subtract(task.pixels, first, dtype=np.float64) / deviation
        followed = ndimage.uniform_filter(slope.mean(axis=-1), NEIGHBORHOOD)
        weight = (FAITHFUL + followed.clip(0))[..., None] ** -2
        power[index] += (weight * np.square(removed)).sum()
        share[index] += (weight * (1 - slope)).sum()
    is_known = (power > 0) & (share > 0)
    variance = TRUST * power / np.where(is_known, share, 1) + 1 - TRUST
    multiples = np.where(is_known, np.sqrt(variance), 1.0)
    return [times(noise, float(multiple)) for noise, multiple in zip(found, multiples, strict=True)]


def _pairs(
    images: Images, found: Sequence[Noise], n_channels: int
) -> Iterator[tuple[int, float | np.ndarray, Task, Task]]:
    """Yield the index of an image, how strong its noise is, a part, and that after a small step."""
    for index, noise in enumerate(found):
        _, gain = statistics_of(images, index)
        if min(images.shapes[index][:2]) < SMALLEST_SIDE or not noise:
            continue
        for window in images.windows(index):
            deviation = deviation_at(noise, window)
            if not math.sqrt(np.square(deviation).mean()) > WEAKEST * gain:
                continue
            stepped = random_step(window, PROBE * deviation, generator_of_order(0, window))
            for first in range(0, images.n_channels, n_channels):
                part = np.s_[..., first : first + n_channels]
                task = task_of(window[part], deviation)
                yield index, deviation, task, replace(task, pixels=stepped[part])
