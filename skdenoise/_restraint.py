"""How a network that may be given anything does no harm: what it is told, and how much it removes.

Noise that is white, and as strong everywhere or as the lightness says, is measured beforehand, and
the network told; where it removes more than that, it is kept from it. Otherwise it is blind and
removes a little from every image. Where that is little in comparison with the contrast of the
image, it may be texture, and what is really taken away has the least expected error. Or it is too
little, since noise that a camera has smoothed looks like texture: then flat places tell how strong
it is, and the network is told. Large images are judged by a few windows.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from skdenoise import _tiling
from skdenoise._correlated_noise import (
    Again,
    faint_noise,
    noise_of_camera,
    strong_noise,
    taken_from_flat_places,
    visible,
)
from skdenoise._stein import PROBE, random_step, slopes
from skdenoise._task import Run, Task, beside
from skdenoise._windows import differences, range_of, together, windows_of
from skdenoise.noise._estimation import correlation_of_windows, estimate_of_windows
from skdenoise.noise._level_function import LevelFunction, Noise, deviation_at, white_noise

WEAK = 0.12
"""Deviation of what is removed, as a share of the image's, below which this is looked at."""
SMALLEST_SIDE = 16
"""Smaller images tell too little about their noise."""
CORRELATED = 0.2, 0.6
"""Mean correlations of neighbors between which networks may leave noise; more is known to them, and
texture has it, too."""
AS_WHITE = 0.75, 0.85
"""Share of what a blind network takes from fine texture that Stein's estimate must take for white
noise: where no other is found, and so much that no other is looked for."""
EVIDENT = 0.015, 2.0
"""Of the image's range, what a blind network takes from flat places where noise is seen at once;
and how many times as much as it leaves there."""
EXCESS = 1.03
"""Where more than so many times the deviation of the noise is removed, some of it is none."""
LIMITS = 1.0, 1.5, 2.0, 3.0, math.inf
"""What may at most be taken from a pixel, in mean standard deviations of the noise."""


class Verdict(NamedTuple):
    """What is to be done with an image.

    Attributes
    ----------
    share : float
        Of what the network removes, how much is taken away; in [0, 1].
    noise : float or LevelFunction, default=0.0
        What the network is told about the noise before; 0 leaves it blind.
    limit : float, default=inf
        More than that is taken from no pixel.
    """

    share: float
    noise: Noise = 0.0
    limit: float = math.inf

    @property
    def is_partial(self) -> bool:
        """Whether not all is taken away that the network removes."""
        return self.share < 1 or self.limit < math.inf

    def applied(self, noisy: np.ndarray, denoised: np.ndarray) -> np.ndarray:
        """Return the image from which no more is taken than that."""
        removed = np.clip(denoised - noisy, -self.limit, self.limit)
        return (noisy + self.share * removed).astype(noisy.dtype)


def restrained(
    run: Run, once: Run, tasks: Iterable[Task], *, measured: bool
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
        Whether noise is measured and told where it is white, or the network leaves some of it.
    """

    def told() -> Iterator[tuple[Noise, Task]]:
        for task in tasks:
            noise = white_noise_of(task) if measured else 0.0
            yield noise, replace(task, sigma=deviation_at(noise, task.pixels))

    for (noise, task), result in beside(run, told(), itemgetter(1)):
        noisy = task.pixels
        both = result.ndim > noisy.ndim
        if noisy.shape[0] * noisy.shape[1] > _tiling.LARGE_PIXELS:
            windows = windows_of(noisy)
            verdict = _verdict_on_windows(run, once, task, windows, noise, measured=measured)
        else:
            parts, denoised = map(windows_of, (noisy, result[0] if both else result))
            verdict = _verdict(parts, denoised, _again(once, task), noise, measured=measured)
        if verdict.noise != noise:
            result = next(run(_told(task, [noisy], verdict.noise)))
        if not verdict.is_partial:
            yield result
        elif both:
            yield np.stack([verdict.applied(noisy, result[0]), verdict.share * result[1]])
        else:
            yield verdict.applied(noisy, result)


def _again(once: Run, task: Task) -> Again:
    return lambda windows, noise: list(once(_told(task, windows, noise)))


def _told(task: Task, windows: Sequence[np.ndarray], noise: Noise) -> list[Task]:
    """Return tasks for windows of an image of which the network is told that noise."""
    return [replace(task, pixels=one, sigma=deviation_at(noise, one)) for one in windows]


def white_noise_of(task: Task) -> Noise:
    """Return how strong white noise is, everywhere or at each lightness; 0 for none, or other."""
    return _white_noise(task, windows_of(task.pixels))


def verdict_on_windows(
    run: Run, once: Run, task: Task, windows: Sequence[np.ndarray], *, measured: bool
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
    noise = _white_noise(task, windows) if measured else 0.0
    return _verdict_on_windows(run, once, task, windows, noise, measured=measured)


def _white_noise(task: Task, windows: Sequence[np.ndarray]) -> Noise:
    # Squares of pixels as they are could overflow.
    parts = [((window - task.mean) / task.gain).astype(np.float32) for window in windows]
    found = white_noise(parts)
    if isinstance(found, LevelFunction):
        return found.in_units(task.gain, task.mean)
    return task.gain * found


def _verdict_on_windows(
    run: Run,
    once: Run,
    task: Task,
    windows: Sequence[np.ndarray],
    noise: Noise,
    *,
    measured: bool,
) -> Verdict:
    """Return the verdict on an image of which the network is told that noise."""
    results = run(_told(task, windows, noise))
    denoised = [
        result[0] if result.ndim > window.ndim else result
        for result, window in zip(results, windows, strict=True)
    ]
    return _verdict(windows, denoised, _again(once, task), noise, measured=measured)


def _verdict(
    noisy: Sequence[np.ndarray],
    denoised: Sequence[np.ndarray],
    again: Again,
    noise: Noise,
    *,
    measured: bool,
) -> Verdict:
    """Return the verdict on an image of which there are some windows, before and after.

    Parameters
    ----------
    noisy, denoised : sequence of ndarray of shape (h, w, C)
        The windows.
    again : callable
        Denoises others.
    noise : float or LevelFunction
        What the network was told of white noise; 0 where it was blind.
    measured : bool
        As for `restrained`.
    """
    # In float32, squares of some units overflow or vanish.
    contrast = float(together(noisy).std(dtype=np.float64))
    if noise:
        verdict = Verdict(1.0)
        sigmas, sigma = _deviations(noisy, noise)
        # Texture of some lightness may pass for part of weak noise.
        is_unsure = isinstance(noise, LevelFunction) and sigma < WEAK * contrast
        if is_unsure or _is_excessive(noisy, denoised, sigmas):
            verdict = _verdict_of_least_error(noisy, denoised, again, noise)
        share = visible(noisy, sigma, is_white=True) * verdict.share
        return verdict._replace(share=share, noise=noise)
    power = _mean([np.square(part) for part in differences(noisy, denoised)])
    if min(noisy[0].shape[:2]) < SMALLEST_SIDE or not power > 0:
        return Verdict(1.0)
    if power < (WEAK * contrast) ** 2:
        return _verdict_on_little(noisy, denoised, again, measured=measured)
    return _verdict_on_much(noisy, denoised, again) if measured else Verdict(1.0)


def _verdict_on_much(
    noisy: Sequence[np.ndarray], denoised: Sequence[np.ndarray], again: Again
) -> Verdict:
    """Return the verdict where much was removed: noise, unless fine texture is everywhere."""
    parts = [part for window in noisy for part in windows_of(window)]
    low, high = CORRELATED
    correlation = correlation_of_windows(parts)
    if correlation <= low:
        return Verdict(1.0)
    taken = taken_from_flat_places(noisy, denoised)
    # Places are not flat that vary more without what was taken; texture is what is correlated.
    is_flat = taken.left <= taken.deviation
    least, clear = AS_WHITE
    white = Verdict(0.0)
    if not is_flat:
        white = _verdict_if_white(
            noisy, denoised, again, float(estimate_of_windows(parts).per_stride[0])
        )
        if white.share >= clear:
            return white
    sigma = strong_noise(parts, taken.deviation, again) if correlation < high else 0.0
    if sigma or is_flat:
        return Verdict(1.0, sigma)
    return white if white.share >= least else Verdict(0.0)


def _verdict_on_little(
    noisy: Sequence[np.ndarray], denoised: Sequence[np.ndarray], again: Again, *, measured: bool
) -> Verdict:
    """Return the verdict where little was removed: perhaps texture, or too little of the noise."""
    parts = [part for window in noisy for part in windows_of(window)]
    found = estimate_of_windows(parts)
    weak = float(found.sigma)
    if found.correlated:
        faint = faint_noise(parts, weak, again) if measured else 0.0
        share, told = (1.0, faint) if faint else noise_of_camera(noisy, denoised, again)
        verdict = Verdict(share, told if share else 0.0)
    else:
        verdict = _verdict_if_white(noisy, denoised, again, weak)
        verdict = verdict._replace(share=visible(noisy, weak, is_white=True) * verdict.share)
    is_correlated = bool(found.correlation.mean() > CORRELATED[0])
    if not verdict.share and is_correlated and _is_evident(noisy, denoised):
        return Verdict(1.0)
    return verdict


def _is_evident(noisy: Sequence[np.ndarray], denoised: Sequence[np.ndarray]) -> bool:
    """Tell whether there is noise in flat places, and hardly anything else."""
    taken = taken_from_flat_places(noisy, denoised)
    share_of_range, times_left = EVIDENT
    return taken.deviation > max(share_of_range * range_of(noisy), times_left * taken.left)


def _verdict_if_white(
    noisy: Sequence[np.ndarray], denoised: Sequence[np.ndarray], again: Again, sigma: float
) -> Verdict:
    """Return the verdict of least error on what a blind network takes, if the noise is white."""
    if not sigma > 0:
        return Verdict(0.0)
    return _verdict_of_least_error(noisy, denoised, lambda windows, _: again(windows, 0.0), sigma)


def _deviations(
    windows: Sequence[np.ndarray], noise: Noise
) -> tuple[list[float | np.ndarray], float]:
    """Return how strong the noise of each window is, and of all on average."""
    sigmas = [deviation_at(noise, window) for window in windows]
    return sigmas, float(np.mean([np.mean(sigma) for sigma in sigmas]))


def _is_excessive(
    noisy: Sequence[np.ndarray],
    denoised: Sequence[np.ndarray],
    sigmas: Sequence[float | np.ndarray],
) -> bool:
    """Tell whether more was removed than white noise of those deviations."""
    total = 0.0
    for window, other, sigma in zip(noisy, denoised, sigmas, strict=True):
        removed = window - other
        removed /= sigma
        removed = removed.ravel()
        total += float(removed @ removed)
    return total > EXCESS**2 * sum(window.size for window in noisy)


def _verdict_of_least_error(
    noisy: Sequence[np.ndarray], denoised: Sequence[np.ndarray], again: Again, noise: Noise
) -> Verdict:
    r"""Return what is to be taken away where the noise is white.

    Its deviation is :math:`\sigma`. By Stein's lemma [1]_, the expected product of the noise with
    what is taken away, :math:`r`, is :math:`\sigma^2 \operatorname{div} r`. So the expected error
    is known of every limit, and of every share of :math:`r`.

    References
    ----------
    .. [1] C. Stein, "Estimation of the Mean of a Multivariate Normal Distribution", Annals of
       Statistics 9 (6), 1981.
    """
    rng = np.random.default_rng(0)
    sigmas, typical = _deviations(noisy, noise)
    stepped = [
        random_step(window, PROBE * sigma, rng) for window, sigma in zip(noisy, sigmas, strict=True)
    ]
    removed = differences(noisy, denoised)
    removed_then = differences(stepped, again(stepped, noise))
    followed = list(map(slopes, noisy, removed, stepped, removed_then))
    least, verdict = math.inf, Verdict(0.0)
    for limit in LIMITS:
        most = limit * typical
        power = _mean([np.square(part.clip(-most, most)) for part in removed])
        product = _mean(
            [
                np.square(sigma) * slope * (np.abs(part) < most)
                for sigma, slope, part in zip(sigmas, followed, removed, strict=True)
            ]
        )
        share = float(np.clip(product / power, 0.0, 1.0))
        error = share**2 * power - 2 * share * product
        if error < least:
            least, verdict = error, Verdict(share, limit=most)
    return verdict


def _mean(windows: Sequence[np.ndarray]) -> float:
    return float(together(windows).mean())
