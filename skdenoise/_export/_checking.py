"""How far a file is from its estimator, and images from which its numbers have their ranges."""

from collections.abc import Callable

import numpy as np

from skdenoise._export._exported import Arrays, Exported
from skdenoise._procedural import procedural_stack
from skdenoise.metrics import psnr

CHECKED_SIZES = (64, 96), (61, 83), (50, 75)
"""Of the images on which a file is checked; hardly a network has a stride that divides them all."""
MEASURED_SIZE = 256, 256
"""Of the one on which it is compared with `transform`, which measures noise if there is enough."""
N_EXAMPLES = 16
"""Images from which the ranges of numbers are learned for "int8", of sides `EXAMPLE_SIDE`."""
EXAMPLE_SIDE = 128


def _clean(n_images: int, shape: tuple[int, int], n_channels: int, seed: int) -> np.ndarray:
    """Return images in [0, 1], the same ones every time."""
    return procedural_stack(n_images, shape, n_channels, seed).astype(np.float32) / 255


def examples(exported: Exported) -> list[Arrays]:
    """Return inputs from which the ranges of numbers are learned, from weak to strong noise."""
    rng = np.random.default_rng(0)
    clean = _clean(N_EXAMPLES, (EXAMPLE_SIDE, EXAMPLE_SIDE), exported.n_channels, seed=0)
    arrays = []
    for index, image in enumerate(clean):
        degraded, sigma = exported.degraded(image, rng, index / (N_EXAMPLES - 1))
        # A network with a noise map is used with and without.
        arrays.append(exported.inputs(degraded, sigma if index % 2 else 0.0))
    return arrays


def differences(
    exported: Exported, run: Callable[[Arrays], np.ndarray]
) -> tuple[float, float, float | None, float | None]:
    """Return the largest and the mean difference, the change in dB, and that to `transform`."""
    rng = np.random.default_rng(1)
    largest, total, n_values, changes = 0.0, 0.0, 0, []
    for seed, shape in enumerate(CHECKED_SIZES, start=1):
        clean = _clean(1, shape, exported.n_channels, seed)[0]
        image, sigma = exported.degraded(clean, rng, None)
        wanted = exported.reference(image, sigma)
        found = run(exported.inputs(image, sigma))[0]
        if found.shape != wanted.shape or not np.isfinite(found).all():
            return np.inf, np.inf, None, None
        difference = np.abs(found - wanted)
        largest = max(largest, float(difference.max()))
        total += float(difference.sum(dtype=np.float64))
        n_values += difference.size
        changes.append(_change(clean, wanted, found))
    mean = total / n_values
    if exported.transform is None:
        return largest, mean, None, None
    clean = _clean(1, MEASURED_SIZE, exported.n_channels, seed=0)[0]
    image, sigma = exported.degraded(clean, rng, None)
    found = run(exported.inputs(image, sigma))[0]
    of_transform = _change(clean, found, exported.transform(image, sigma))
    return largest, mean, float(np.mean(changes)), of_transform


def _change(clean: np.ndarray, before: np.ndarray, after: np.ndarray) -> float:
    """Return by how many dB the PSNR is higher afterwards."""
    first, second = (
        float(psnr(clean[None], image[None], data_range=1.0)) for image in (before, after)
    )
    return second - first
