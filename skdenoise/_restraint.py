"""Do no harm: where an image has hardly any noise, texture must not be taken for it.

A blind network removes a little from every image. Where that is little in comparison with the
contrast of the image, it may be texture, and the share of it that is really taken away is the
one with the least expected error. Large images are judged by a few windows.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from skdenoise import _tiling
from skdenoise.noise._estimation import estimate_of_windows

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
        both = result.ndim > noisy.ndim
        denoised = result[0] if both else result
        if noisy.shape[0] * noisy.shape[1] > _tiling.LARGE_PIXELS:
            share = share_of_windows(run, once, task, _tiling.windows_of(noisy))
        else:

            def again(pixels: np.ndarray, task: Any = task) -> np.ndarray:
                return next(once([replace(task, pixels=pixels)]))

            share = share_to_remove(noisy, denoised, again)
        if share < 1:
            restored = with_share(noisy, denoised, share)
            result = np.stack([restored, share * result[1]]) if both else restored
        yield result


def with_share(noisy: np.ndarray, denoised: np.ndarray, share: float) -> np.ndarray:
    """Return an image from which no more than a share of ``noisy - denoised`` was taken."""
    return (noisy + share * (denoised - noisy)).astype(noisy.dtype)


def share_of_windows(run: Run, once: Run, task: Any, windows: Sequence[np.ndarray]) -> float:
    """Return the share to be removed from a large image, judged by some windows.

    Parameters
    ----------
    run, once : callable
        As for `restrained`.
    task : Task
        The statistics of the image.
    windows : sequence of ndarray of shape (h, w, C)
        Parts of the image; each is denoised as an image of its own.
    """

    def tasks(windows: Sequence[np.ndarray]) -> list[Any]:
        return [replace(task, pixels=window) for window in windows]

    denoised = [
        result[0] if result.ndim > window.ndim else result
        for result, window in zip(run(tasks(windows)), windows, strict=True)
    ]
    return _share(windows, denoised, lambda moved: list(once(tasks(moved))))


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
    return _share([noisy], [denoised], lambda moved: [again(moved[0])])


def _share(
    noisy: Sequence[np.ndarray],
    denoised: Sequence[np.ndarray],
    again: Callable[[list[np.ndarray]], list[np.ndarray]],
) -> float:
    """Return the share for an image of which there are some windows."""
    removed = [
        np.subtract(before, after, dtype=np.float64)
        for before, after in zip(noisy, denoised, strict=True)
    ]
    power = _mean([np.square(part) for part in removed])
    contrast = float(_together(noisy).std())
    if min(noisy[0].shape[:2]) < SMALLEST_SIDE or not 0 < power < (WEAK * contrast) ** 2:
        return 1.0
    sigma, correlated = estimate_of_windows(
        [part for window in noisy for part in _tiling.windows_of(window)]
    )
    if correlated:
        return 1.0 if _in_flat_places(denoised, removed) >= EVERYWHERE else 0.0
    step = PROBE * sigma
    if not step > 0:
        return 0.0
    rng = np.random.default_rng(0)
    signs = [rng.choice([-1.0, 1.0], size=window.shape) for window in noisy]
    moved = again(
        [
            (window + step * sign).astype(window.dtype)
            for window, sign in zip(noisy, signs, strict=True)
        ]
    )
    changes = [
        sign * np.subtract(after, before, dtype=np.float64)
        for sign, after, before in zip(signs, moved, denoised, strict=True)
    ]
    divergence = _mean(changes) / step
    return float(np.clip(sigma**2 * (1 - divergence) / power, 0.0, 1.0))


def _together(windows: Sequence[np.ndarray]) -> np.ndarray:
    """Return all values in no order."""
    return windows[0] if len(windows) == 1 else np.concatenate([part.ravel() for part in windows])


def _mean(windows: Sequence[np.ndarray]) -> float:
    return float(_together(windows).mean())


def _in_flat_places(denoised: Sequence[np.ndarray], removed: Sequence[np.ndarray]) -> float:
    """Return the deviation removed from the flattest quarter, as a share of that of the whole."""
    gray = [part.mean(axis=-1, keepdims=True, dtype=np.float64) for part in denoised]
    contrast = np.concatenate([_of_blocks(part).var(axis=1) for part in gray])
    energy = np.concatenate([np.square(_of_blocks(part)).mean(axis=1) for part in removed])
    flat = np.argsort(contrast, kind="stable")[: max(1, len(contrast) // 4)]
    return float(np.sqrt(energy[flat].mean() / energy.mean()))


def _of_blocks(image: np.ndarray) -> np.ndarray:
    """Return a row of values for each block of the image."""
    rows, columns = (length // BLOCK for length in image.shape[:2])
    cut = image[: rows * BLOCK, : columns * BLOCK]
    blocks = cut.reshape(rows, BLOCK, columns, BLOCK, -1).swapaxes(1, 2)
    return blocks.reshape(rows * columns, -1)
