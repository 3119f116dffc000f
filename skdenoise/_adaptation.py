"""Adapting trained weights to noisy images: what is held out of them, and what is kept.

A network learns from most rows of each image and is judged on the others, by an estimate that
needs no clean image. The adapted weights are kept where that estimate improves by more than chance
would have it.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy.special import stdtrit

from skdenoise._decibels import NOTHING, psnr_of
from skdenoise._images import Images
from skdenoise._learning import SMALLEST_SIDE, is_clipped, large_enough
from skdenoise._masking import fill_masked, grid_masks
from skdenoise._normalization import task_of
from skdenoise._restraint import white_noise_of
from skdenoise._stein import PROBE, random_step, slopes, standard_error
from skdenoise._task import Run
from skdenoise.noise._level_function import Noise, deviation_at

HELD_OUT_ROWS = 0.375, 0.625
"""The strip of each image that is not learned from."""
TINY = (
    f"no image of X has {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels, and smaller ones do not show "
    f"whether weights that are adapted to them are better. Pass larger images"
)
SMEARED = (
    "the noise of neighboring pixels in X is correlated. The weights know such noise, and without "
    "clean images nothing shows whether others are better. Pass clean images as y"
)
CLIPPED = (
    "much of the noise in X is clipped at black or white, so that its mean is not 0 there. The "
    "weights know that, and others would learn the mean. Pass clean images as y, or X as it was "
    "before it was clipped"
)
"""Why nothing can be learned, and what to do."""
JUDGED = 8
"""At most so many strips are judged."""
STRIDE = 4
"""One pixel out of `STRIDE` x `STRIDE` is hidden at a time."""
FEW = 2**18
"""Pixels up to which all of them are hidden once; of more, one out of `STRIDE`."""
LEAST_GAIN = 0.01
"""Decibels of the estimate below which an improvement is not worth other weights."""
CONFIDENCE = 0.975
"""And with this probability it is no chance."""
BLOCK = 16
"""Pixels of a side of the squares whose errors count as independent of each other."""
MOST_GUESSED = 1.4
"""How many times as large errors at hidden pixels may be as what is taken from seen ones: larger
ones tell how well structure is guessed, and not how well noise is known from it."""
DATA_SET = 2**22
"""Pixels from which on all weights learn, and not their gains alone."""


Weights = dict[str, np.ndarray]


@dataclass(frozen=True)
class Adaptation:
    """What came of adapting trained weights to noisy images.

    Attributes
    ----------
    kept : bool
        Whether the adapted weights are used; otherwise those that it began with.
    before, after : float
        The estimate on held-out rows in dB, of the weights that it began with and of the adapted
        ones. Unless it is "sure", it stays below the PSNR of the noisy images, and only the
        difference has a meaning.
    least_gain : float
        What the difference would have to be more than in order to be no chance, in dB; infinite
        where the estimate says nothing, since hidden pixels of so fine structure cannot be guessed.
    estimate : {"sure", "masked"}
        How it was judged: where the noise is white and even, by the error that Stein's lemma
        expects, as in `SUREScorer`, which was minimized; otherwise by how well hidden pixels are
        predicted, as in `Noise2SelfScorer`. Where Stein's lemma is content and hidden pixels are
        not predicted better, these decide.
    trained : {"gains", "all"}
        Whether one factor per channel was learned, or all weights.
    told : bool
        Whether the network is told white noise from then on; weights that learned from pairs of
        pixels do better without.

    See Also
    --------
    AutoencoderDenoiser : Has one as `adaptation_`, after it was fitted to noisy images.

    Examples
    --------
    >>> from skdenoise import Adaptation
    >>> found = Adaptation(True, 15.09, 15.13, 0.02, "masked", "gains", told=False)
    >>> found.kept, round(found.after - found.before, 2)
    (True, 0.04)
    """

    kept: bool
    before: float
    after: float
    least_gain: float
    estimate: str
    trained: str
    told: bool


def decided(
    before: Sequence[np.ndarray],
    after: Sequence[np.ndarray],
    estimate: str,
    trained: str,
    *,
    was_told: bool,
) -> Adaptation:
    """Decide by the squared errors of pixels, of which 1 is white and NaN was not judged.

    Before, the network was told white noise, or not.
    """
    values = _mean_psnr(before), _mean_psnr(after)
    least = max(LEAST_GAIN, _chance(before, after))
    kept = values[1] - values[0] > least
    told = estimate == "sure" if kept else was_told
    return Adaptation(kept, *values, least, estimate, trained, told)


def encoded(adaptation: Adaptation | None) -> dict[str, Any] | None:
    """Return what a model file holds of it, which knows no infinity."""
    if adaptation is None:
        return None
    finite = math.isfinite(adaptation.least_gain)
    return {**asdict(adaptation), "least_gain": adaptation.least_gain if finite else None}


def decoded(value: Any) -> Adaptation | None:
    """Return what `encoded` was given.

    Raises
    ------
    TypeError, ValueError
        Where it is something else.
    """
    if value is None:
        return None
    found = Adaptation(**value)
    flags, numbers = (found.kept, found.told), (found.before, found.after)
    least = math.inf if found.least_gain is None else found.least_gain
    known = found.estimate in ("sure", "masked") and found.trained in ("gains", "all")
    are_numbers = all(isinstance(number, float) for number in (*numbers, least))
    if not (known and are_numbers and {type(flag) for flag in flags} == {bool}):
        msg = f"{value!r} says nothing about adapting"
        raise ValueError(msg)
    return replace(found, least_gain=least)


def _mean_psnr(errors: Sequence[np.ndarray]) -> float:
    return float(np.mean([psnr_of(np.nanmean(image)) for image in errors]))


def _chance(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> float:
    """Return the gain in dB that weights of the same quality would seldom seem to have."""
    gains, weights = [], []
    for first, second in zip(before, after, strict=True):
        sums, counts = _sums_of_blocks(first - second)
        # Relative to the image, of which the PSNR is the logarithm.
        gains.append(sums / counts / max(np.nanmean(first), NOTHING))
        weights.append(counts)
    gain, weight = np.concatenate(gains), np.concatenate(weights)
    if len(gain) < 2:
        return math.inf
    weight /= weight.sum()
    spread = np.square(gain - (weight * gain).sum())
    variance = (np.square(weight) * spread).sum() * len(gain) / (len(gain) - 1)
    return float(10 / math.log(10) * stdtrit(len(gain) - 1, CONFIDENCE) * math.sqrt(variance))


def _sums_of_blocks(errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums over squares of pixels that were judged, and how many these are."""
    sums, counts = np.nan_to_num(errors), np.isfinite(errors).astype(np.float64)
    for axis, length in enumerate(errors.shape):
        starts = range(0, length, BLOCK)
        sums, counts = (np.add.reduceat(part, starts, axis=axis) for part in (sums, counts))
    judged_ones = counts > 0
    return sums[judged_ones], counts[judged_ones]


def reason_against(images: Images, stride: int) -> str | None:
    """Return why nothing can be learned from images alone, and what to do; None where it can."""
    if not large_enough(images):
        return TINY
    if stride > 1:
        return SMEARED
    return CLIPPED if is_clipped(images) else None


class Adapting:
    """Images that trained weights are adapted to, and the part of each that is held out.

    Parameters
    ----------
    images : Images
        Those that are large enough.
    trainable : {"auto", "gains", "all"}
        What is to learn; "auto" means all weights where there are many pixels.
    data_range : float
        White minus black.

    Attributes
    ----------
    images, held_out : Images
        The parts to learn from, and to be judged on.
    sigmas : list of float or None
        Deviation of the noise of `images` in working units, where it is white and equally strong
        everywhere in more than half of those given; then the others are left out.
    trained : {"gains", "all"}
        What learns.
    """

    def __init__(self, images: Images, trainable: str, data_range: float) -> None:
        noises = [white_noise_of(task_of(image)) for image in images]
        even = {i: noise for i, noise in enumerate(noises) if noise and isinstance(noise, float)}
        self.sigmas: list[float] | None = None
        if 2 * len(even) > len(images):
            images, noises = images.take(list(even)), list(even.values())
            # Each image leaves two parts.
            self.sigmas = np.repeat(list(even.values()), 2).tolist()
        n_pixels = sum(height * width for height, width, _ in images.shapes)
        few = "gains" if n_pixels < DATA_SET else "all"
        self.trained = few if trainable == "auto" else trainable
        low, high = HELD_OUT_ROWS
        self._every = -(-len(images) // JUDGED)
        self.images = images.strips((0, low), (high, 1))
        self.held_out = images.strips((low, high), every=self._every)
        self._noises = noises[:: self._every]
        self._data_range = data_range

    def judge(
        self,
        run_with: Callable[[Weights], Run],
        before: Weights,
        after: Weights,
        *,
        was_told: bool,
    ) -> Adaptation:
        """Estimate on parts that were not learned from whether adapting was of use.

        Parameters
        ----------
        run_with : callable
            Returns what runs a network with some weights.
        before, after : dict of str to ndarray
            Those that it began with, and the adapted ones.
        was_told : bool
            Whether with the former the network was told white noise.
        """
        blind: Sequence[Noise] = [0.0] * len(self.held_out)
        sigmas = None if self.sigmas is None else self.sigmas[:: 2 * self._every]

        def denoiser(weights: Weights, told: Sequence[Noise]) -> Denoise:
            def denoise(noisy: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
                return run_with(weights)(
                    task_of(image, deviation_at(noise, image))
                    for image, noise in zip(noisy, told, strict=True)
                )

            return denoise

        both = (
            denoiser(before, self._noises if was_told else blind),
            denoiser(after, sigmas or blind),
        )
        held_out, data_range = self.held_out, self._data_range
        first, then = (masked_errors(denoise, held_out, data_range) for denoise in both)
        by_hidden = decided(first, then, "masked", self.trained, was_told=was_told)
        if sigmas is not None:
            risks = [sure_errors(one, held_out, sigmas, data_range) for one in both]
            by_expected = decided(risks[0], risks[1], "sure", self.trained, was_told=was_told)
            # A wrong sigma flatters what was learned with it, but knows nothing of hidden pixels.
            return by_hidden if by_expected.kept and not by_hidden.kept else by_expected
        if _guessed(both[0], held_out, first, data_range) > MOST_GUESSED:
            return replace(by_hidden, kept=False, least_gain=math.inf, told=was_told)
        return by_hidden


Denoise = Callable[[Iterator[np.ndarray]], Iterator[np.ndarray]]
"""Yields what becomes of each image."""


def _guessed(
    denoise: Denoise, held_out: Images, hidden: Sequence[np.ndarray], data_range: float
) -> float:
    """Return how many times as large hidden pixels' errors are as what is taken from seen ones."""
    taken = [
        np.square(np.subtract(denoised, noisy, dtype=np.float64) / data_range).mean()
        for noisy, denoised in zip(held_out, denoise(iter(held_out)), strict=True)
    ]
    shares = [
        np.nanmean(error) / max(least, NOTHING) for error, least in zip(hidden, taken, strict=True)
    ]
    return float(np.median(shares))


def sure_errors(
    denoise: Denoise, held_out: Images, sigmas: Sequence[float], data_range: float
) -> list[np.ndarray]:
    """Return unbiased estimates of the squared errors where the noise is white, of known strength.

    That of a single pixel, one of the sum in `SUREScorer`, may be far off and negative; the mean
    over an image is at least as large as its own standard error.
    """
    rng = np.random.default_rng(0)
    stepped = [
        random_step(image, PROBE * sigma, rng)
        for image, sigma in zip(held_out, sigmas, strict=True)
    ]
    errors = []
    for noisy, denoised, other, moved, sigma in zip(
        held_out, denoise(iter(held_out)), stepped, denoise(iter(stepped)), sigmas, strict=True
    ):
        residual = np.subtract(denoised, noisy, dtype=np.float64)
        slope = slopes(noisy, denoised, other, moved)
        error = (np.square(residual) + sigma**2 * (2 * slope - 1)).mean(axis=-1)
        lacking = max(0.0, standard_error(sigma, noisy.size) - float(error.mean()))
        errors.append((error + lacking) / data_range**2)
    return errors


def masked_errors(denoise: Denoise, held_out: Images, data_range: float) -> list[np.ndarray]:
    """Return the squared errors with which hidden pixels are predicted from the others.

    Those of each image have the shape (H, W), and NaN where a pixel was not hidden.
    """
    everywhere = sum(height * width for height, width, _ in held_out.shapes) <= FEW
    masks = [grid_masks(shape[:2], STRIDE, everywhere=everywhere) for shape in held_out.shapes]
    errors = [np.full(shape[:2], np.nan) for shape in held_out.shapes]
    for hidden in zip(*masks, strict=True):
        filled = (fill_masked(image, mask) for image, mask in zip(held_out, hidden, strict=True))
        for error, image, mask, denoised in zip(
            errors, held_out, hidden, denoise(filled), strict=True
        ):
            difference = np.subtract(image[mask], denoised[mask], dtype=np.float64) / data_range
            error[mask] = np.square(difference).mean(axis=-1)
    return errors
