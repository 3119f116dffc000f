"""What a network that may be given anything is told, and do no harm.

Noise that is white and equally strong everywhere is measured beforehand, and the network told.
Otherwise it is blind and removes a little from every image. Where that is little in comparison
with the contrast of the image, it may be texture, and the share of it that is really taken away
is the one with the least expected error. Or it is too little, since noise that a camera has
smoothed looks like texture: then the network is told how strong it is. Large images are judged
by a few windows.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from skdenoise import _tiling
from skdenoise.noise._estimation import Estimate, estimate_of_windows, even_sigma

WEAK = 0.12
"""Deviation of what is removed, as a share of the image's, below which this is looked at."""
SMALLEST_SIDE = 16
"""Smaller images tell too little about their noise."""
EVERYWHERE = 1.0
"""Correlated noise is removed from the flattest quarter of an image, too: with at least this share
of the deviation that is removed from the whole. Of texture less is removed there."""
EVERYWHERE_IF_TOLD = 0.9
"""The same where the network was told how strong the noise is."""
PROBE = 0.1
"""Length of the step that measures the divergence, in standard deviations of the noise."""
BLOCK = 8

CAMERA_CORRELATION = 0.7
"""Least correlation of neighbors in noise that a camera has smoothed."""
CAMERA_FINE = 0.3, 0.6
"""Of its deviation at every fourth pixel, at most these shares are left at every, and at every
second pixel; sharp texture has more."""
CAMERA_STRONGEST = 0.1
"""Its deviation as a share of the image's; coarse texture has more."""
CAMERA_HIDDEN = 1.3
"""How much stronger it is than at every fourth pixel."""

Run = Callable[[Iterable[Any]], Iterator[np.ndarray]]
"""What yields an output for each task."""
Again = Callable[[Sequence[np.ndarray], float], list[np.ndarray]]
"""Denoises windows, told how strong their noise is; 0 for unknown."""


class Verdict(NamedTuple):
    """What is to be done with an image.

    Attributes
    ----------
    share : float
        Of what the network removes, how much is taken away; in [0, 1].
    sigma : float, default=0.0
        What the network is told about the noise before; 0 leaves it blind.
    told : sequence of ndarray, default=()
        What became of the image, or of its windows, when it was told.
    """

    share: float
    sigma: float = 0.0
    told: Sequence[np.ndarray] = ()


def restrained(
    run: Run, once: Run, tasks: Iterable[Any], *, measured: bool
) -> Iterator[np.ndarray]:
    """Yield what `run` yields, told of white noise, or with less taken away from hardly any.

    Parameters
    ----------
    run : callable
        Yields an output for each task, or an output and its deviation; perhaps `once` itself.
    once : callable
        Yields an output for each task.
    tasks : iterable of Task
        Images with their statistics.
    measured : bool
        Whether white noise is measured and told.
    """
    waiting: deque[Any] = deque()

    def remembered() -> Iterator[Any]:
        for task in tasks:
            waiting.append(told_of_white_noise(task) if measured else task)
            yield waiting[-1]

    for result in run(remembered()):
        task = waiting.popleft()
        if task.sigma:
            yield result
            continue
        noisy = task.pixels
        both = result.ndim > noisy.ndim
        denoised = result[0] if both else result
        if noisy.shape[0] * noisy.shape[1] > _tiling.LARGE_PIXELS:
            verdict = _verdict_on_windows(run, once, task, _tiling.windows_of(noisy))
        else:
            verdict = _verdict([noisy], [denoised], _again(once, task))
        if verdict.told and run is once:
            (result,) = verdict.told
        elif verdict.sigma:
            result = next(run([replace(task, sigma=verdict.sigma)]))
        elif verdict.share < 1:
            restored = with_share(noisy, denoised, verdict.share)
            result = np.stack([restored, verdict.share * result[1]]) if both else restored
        yield result


def _again(once: Run, task: Any) -> Again:
    def again(windows: Sequence[np.ndarray], sigma: float) -> list[np.ndarray]:
        return list(once([replace(task, pixels=window, sigma=sigma) for window in windows]))

    return again


def with_share(noisy: np.ndarray, denoised: np.ndarray, share: float) -> np.ndarray:
    """Return an image from which no more than a share of ``noisy - denoised`` was taken."""
    return (noisy + share * (denoised - noisy)).astype(noisy.dtype)


def told_of_white_noise(task: Any) -> Any:
    """Return a task that says how strong the noise is, where it is white and even."""
    return replace(task, sigma=_even_sigma(task, _tiling.windows_of(task.pixels)))


def verdict_on_windows(
    run: Run, once: Run, task: Any, windows: Sequence[np.ndarray], *, measured: bool
) -> Verdict:
    """Return the verdict on a large image, judged by some windows.

    Parameters
    ----------
    run, once : callable
        As for `restrained`.
    task : Task
        The statistics of the image.
    windows : sequence of ndarray of shape (h, w, C)
        Parts of the image; each is denoised as an image of its own.
    measured : bool
        As for `restrained`.
    """
    sigma = _even_sigma(task, windows) if measured else 0.0
    if sigma:
        return Verdict(1.0, sigma)
    return _verdict_on_windows(run, once, task, windows)


def _even_sigma(task: Any, windows: Sequence[np.ndarray]) -> float:
    """Return the deviation of noise that is white and equally strong everywhere, or 0."""
    # Squares of pixels as they are could overflow.
    parts = [((window - task.mean) / task.gain).astype(np.float32) for window in windows]
    return task.gain * even_sigma(parts)


def _verdict_on_windows(run: Run, once: Run, task: Any, windows: Sequence[np.ndarray]) -> Verdict:
    """Return the verdict where the noise is not white, or not equally strong everywhere."""
    results = run([replace(task, pixels=window) for window in windows])
    denoised = [
        result[0] if result.ndim > window.ndim else result
        for result, window in zip(results, windows, strict=True)
    ]
    return _verdict(windows, denoised, _again(once, task))._replace(told=())


def _verdict(noisy: Sequence[np.ndarray], denoised: Sequence[np.ndarray], again: Again) -> Verdict:
    r"""Return the verdict on an image of which there are some windows, before and after.

    Where the noise :math:`n` is white, of deviation :math:`\sigma`, and :math:`r` is removed from
    :math:`N` values, the expected product of both is :math:`\sigma^2 (N - \operatorname{div} f)`
    by Stein's lemma [1]_, and the error is least where a share of that product to
    :math:`\lVert r \rVert^2` is removed; it is then no greater than the noise.

    References
    ----------
    .. [1] C. Stein, "Estimation of the Mean of a Multivariate Normal Distribution", Annals of
       Statistics 9 (6), 1981.
    """
    removed = _differences(noisy, denoised)
    power = _mean([np.square(part) for part in removed])
    contrast = float(_together(noisy).std())
    if min(noisy[0].shape[:2]) < SMALLEST_SIDE or not 0 < power < (WEAK * contrast) ** 2:
        return Verdict(1.0)
    found = estimate_of_windows([part for window in noisy for part in _tiling.windows_of(window)])
    if found.correlated:
        if noisy[0].shape[-1] > 1 and _is_of_camera(found, contrast):
            told = CAMERA_HIDDEN * float(found.sigma)
            after = again(noisy, told)
            if _in_flat_places(after, _differences(noisy, after)) >= EVERYWHERE_IF_TOLD:
                return Verdict(1.0, told, after)
        return Verdict(float(_in_flat_places(denoised, removed) >= EVERYWHERE))
    step = PROBE * found.sigma
    if not step > 0:
        return Verdict(0.0)
    rng = np.random.default_rng(0)
    signs = [rng.choice([-1.0, 1.0], size=window.shape) for window in noisy]
    probes = [
        (window + step * sign).astype(window.dtype)
        for window, sign in zip(noisy, signs, strict=True)
    ]
    changes = _differences(again(probes, 0.0), denoised)
    divergence = _mean([s * change for s, change in zip(signs, changes, strict=True)]) / step
    return Verdict(float(np.clip(found.sigma**2 * (1 - divergence) / power, 0.0, 1.0)))


def _is_of_camera(found: Estimate, contrast: float) -> bool:
    """Tell whether correlated noise looks as cameras leave it: weak, and nowhere fine.

    Its strength is then well below that of texture, which is sharper at every scale.
    """
    coarse = found.per_stride[-1]
    fine = found.per_stride[:2] <= coarse * np.array(CAMERA_FINE)
    return bool(
        0 < found.sigma <= CAMERA_STRONGEST * contrast
        and found.correlation.mean() >= CAMERA_CORRELATION
        and fine.all()
    )


def _differences(windows: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [
        np.subtract(window, other, dtype=np.float64)
        for window, other in zip(windows, others, strict=True)
    ]


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
