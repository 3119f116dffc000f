"""Do no harm: where an image has hardly any noise, texture must not be taken for it.

A blind network removes a little from every image. Where that is little in comparison with the
contrast of the image, it may be texture, and the share of it that is really taken away is the
one with the least expected error.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from skdenoise.noise import estimate_noise

WEAK = 0.12
"""Deviation of what is removed, as a share of the image's, below which this is looked at."""
SMALLEST_SIDE = 16
"""Smaller images tell too little about their noise."""
EVERYWHERE = 0.92
"""Correlated noise is removed from the flattest quarter of an image, too: with at least this share
of the deviation that is removed from the whole. Of texture less is removed there."""
PROBE = 0.1
"""Length of the step that measures the divergence, in standard deviations of the noise."""
BLOCK = 8

Run = Callable[[Iterable[Any]], Iterator[np.ndarray]]
"""What yields an output for each task."""


def restrained(run: Run, once: Run, tasks: Iterable[Any]) -> Iterator[np.ndarray]:
    """Yield what `run` yields, with less taken away where an image has hardly any noise.

    Parameters
    ----------
    run : callable
        Yields an output for each task, or an output and its deviation.
    once : callable
        Yields an output for each task.
    tasks : iterable of Task
        Images with their statistics.
    """
    waiting: deque[Any] = deque()

    def remembered() -> Iterator[Any]:
        for task in tasks:
            waiting.append(task)
            yield task

    for result in run(remembered()):
        task = waiting.popleft()
        noisy = task.pixels
        denoised = result[0] if result.ndim > noisy.ndim else result

        def again(pixels: np.ndarray, task: Any = task) -> np.ndarray:
            return next(once([replace(task, pixels=pixels)]))

        share = share_to_remove(noisy, denoised, again)
        if share < 1:
            restored = (noisy + share * (denoised - noisy)).astype(noisy.dtype)
            result = restored if denoised is result else np.stack([restored, share * result[1]])
        yield result


def share_to_remove(
    noisy: np.ndarray, denoised: np.ndarray, again: Callable[[np.ndarray], np.ndarray]
) -> float:
    r"""Return the share of ``noisy - denoised`` to take away, in [0, 1].

    Where the noise :math:`n` is white, of deviation :math:`\sigma`, and :math:`r` is removed from
    :math:`N` values, the expected product of both is :math:`\sigma^2 (N - \operatorname{div} f)`
    by Stein's lemma [1]_, and the error is least where a share of that product to
    :math:`\lVert r \rVert^2` is removed; it is then no greater than the noise.

    Parameters
    ----------
    noisy, denoised : ndarray of shape (H, W, C)
        Before and after.
    again : callable
        Denoises an image like `noisy`.

    References
    ----------
    .. [1] C. Stein, "Estimation of the Mean of a Multivariate Normal Distribution", Annals of
       Statistics 9 (6), 1981.
    """
    removed = np.subtract(noisy, denoised, dtype=np.float64)
    power = float(np.square(removed).mean())
    if min(noisy.shape[:2]) < SMALLEST_SIDE or not 0 < power < (WEAK * float(noisy.std())) ** 2:
        return 1.0
    found = estimate_noise(noisy[None])
    sigma = float(found.sigma[0])
    if found.correlated[0]:
        return 1.0 if _in_flat_places(denoised, removed) >= EVERYWHERE else 0.0
    step = PROBE * sigma
    if not step > 0:
        return 0.0
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=noisy.shape)
    moved = again((noisy + step * signs).astype(noisy.dtype))
    divergence = float((signs * np.subtract(moved, denoised, dtype=np.float64)).mean()) / step
    return float(np.clip(sigma**2 * (1 - divergence) / power, 0.0, 1.0))


def _in_flat_places(denoised: np.ndarray, removed: np.ndarray) -> float:
    """Return the deviation removed from the flattest quarter, as a share of that of the whole."""
    contrast = _of_blocks(denoised.mean(axis=-1, keepdims=True, dtype=np.float64)).var(axis=1)
    energy = np.square(_of_blocks(removed)).mean(axis=1)
    flat = np.argsort(contrast, kind="stable")[: max(1, len(contrast) // 4)]
    return float(np.sqrt(energy[flat].mean() / energy.mean()))


def _of_blocks(image: np.ndarray) -> np.ndarray:
    """Return a row of values for each block of the image."""
    rows, columns = (length // BLOCK for length in image.shape[:2])
    cut = image[: rows * BLOCK, : columns * BLOCK]
    blocks = cut.reshape(rows, BLOCK, columns, BLOCK, -1).swapaxes(1, 2)
    return blocks.reshape(rows * columns, -1)
