"""`denoising_report`: what the pixels say about a denoised image when there is no clean one.

Everything is read off the residual, which is noisy less denoised. If all went well, it is the
noise: as strong, as white, and without a trace of what the image shows.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skdenoise._decibels import decibels
from skdenoise._images import Images
from skdenoise.metrics._reading import (
    check_data_range,
    container_of,
    in_own_units,
    read_both,
)
from skdenoise.noise._estimation import noises_of
from skdenoise.noise._level_function import Noise, deviation_at
from skdenoise.scoring._pipelines import image_shape_of, without_noise
from skdenoise.scoring._self_supervised import (
    measured_noise,
    peaks_of_noisy,
    refuse_unknown,
    squared_errors,
)

N_LEVELS = 16
"""Levels of brightness within which residuals are compared: noise may depend on brightness."""

LEAK, CORRELATION, STRONG, WEAK, BIAS = 0.1, 0.05, 1.05, 0.6, 0.05
"""Where a remark is due, apart from what chance explains: the leak, the correlation of neighbors,
the highest and the lowest ratio, and the bias in standard deviations of the noise."""

CHANCE = 3.0
"""Standard errors that chance explains."""

LONGEST = 20
"""Most images that the printed table shows."""


@dataclass(frozen=True, eq=False, repr=False)
class DenoisingReport:
    """What noisy and denoised images say about the denoising, a row for each image.

    Made by `denoising_report`, which explains the numbers.

    Attributes
    ----------
    sigma : ndarray of shape (n_images,)
        Standard deviation of the noise in the images' own units, given or estimated; where it grows
        or falls with the light, the root of the mean variance.
    correlated : ndarray of bool of shape (n_images,)
        Whether the noise is correlated between pixels.
    residual_ratio : ndarray of shape (n_images,)
        Standard deviation of the residual over `sigma`.
    correlation : ndarray of shape (n_images, 2)
        Correlation of vertical and of horizontal neighbors in the residual, less that of the
        noise.
    leak : ndarray of shape (n_images,)
        By how much the energy of the residual is larger where the image has edges.
    bias : ndarray of shape (n_images,)
        Mean of the denoised less mean of the noisy image, in the images' own units.
    psnr : ndarray of shape (n_images,) or None
        Estimated PSNR of the denoised images in dB; None where no denoiser was given.
    psnr_gain : ndarray of shape (n_images,) or None
        Estimated dB won by denoising.
    remarks : tuple of str
        What is wrong, in words; empty where nothing is.
    """

    sigma: np.ndarray
    correlated: np.ndarray
    residual_ratio: np.ndarray
    correlation: np.ndarray
    leak: np.ndarray
    bias: np.ndarray
    psnr: np.ndarray | None
    psnr_gain: np.ndarray | None
    remarks: tuple[str, ...]

    def __repr__(self) -> str:
        """Return a table of the numbers, with the remarks below."""
        columns: dict[str, tuple[str, np.ndarray | None]] = {
            "sigma": (".4g", self.sigma),
            "PSNR": (".2f", self.psnr),
            "gain": ("+.2f", self.psnr_gain),
            "ratio": (".2f", self.residual_ratio),
            "corr. v": ("+.2f", self.correlation[:, 0]),
            "corr. h": ("+.2f", self.correlation[:, 1]),
            "leak": ("+.2f", self.leak),
            "bias": ("+.2g", self.bias),
        }
        shown = {
            name: (form, values) for name, (form, values) in columns.items() if values is not None
        }
        lines = [["image", *shown]]
        for index in range(min(len(self.sigma), LONGEST)):
            cells = (format(values[index], form) for form, values in shown.values())
            lines.append([str(index), *cells])
        if len(self.sigma) > LONGEST:
            lines.append(["...", *[""] * len(shown)])
        table = ("".join(f" {cell:>8}" for cell in line).rstrip() for line in lines)
        remarks = [f"- {remark}" for remark in self.remarks] or ["Nothing to remark."]
        return "\n".join(["DenoisingReport:", *table, *remarks])


def denoising_report(
    noisy: Any,
    denoised: Any,
    *,
    sigma: Any = None,
    denoiser: Any = None,
    data_range: float | None = None,
    image_shape: tuple[int, ...] | None = None,
    random_state: int = 0,
) -> DenoisingReport:
    r"""Judge denoised images without any clean one, by the noise that was removed.

    The residual, noisy less denoised, is called method noise in [1]_: it should look like
    noise and like nothing else. Four numbers say how far it does, and two more how good the
    result is, if there is a `denoiser` to ask.

    Parameters
    ----------
    noisy, denoised : container of images, or one image
        Before and after.
    sigma : float or array-like of shape (n_images,), default=None
        Standard deviation of the noise in the images' own units, gray levels for integers.
        None means :func:`skdenoise.estimate_noise` or, with a `denoiser`, what `SUREScorer` uses.
    denoiser : fitted estimator with `transform`, default=None
        What made `denoised` of `noisy`. It is called once more, on images that differ by a
        small random step, for an estimate of the PSNR.
    data_range : float, default=None
        Difference between white and black in the images' own units, for the PSNR. None means
        the largest value of an integer dtype and 1.0 for floats.
    image_shape : tuple (H, W) or (H, W, C), default=None
        Shape of the images in the rows of a table. None means that of the `denoiser`.
    random_state : int, default=0
        Seed of the random step.

    Returns
    -------
    DenoisingReport
        Prints as a table. `remarks` says in words what is wrong, if anything.

    Raises
    ------
    ValueError
        Where the images do not match, or the noise of an image that is too small has to be
        estimated.

    See Also
    --------
    skdenoise.plotting.ReportDisplay : The residual as a picture.
    ConformalDenoiser : Intervals that hold the clean pixels.
    SUREScorer : The estimated PSNR as a scorer.

    Notes
    -----
    In the following :math:`y` is noisy, :math:`f` denoised, and :math:`r = y - f` without its
    mean.

    ``residual_ratio``, :math:`\operatorname{std}(r) / \sigma`
        0 for a denoiser that does nothing. The best possible one has :math:`\sqrt{1 -
        10^{-g / 10}}` where it wins :math:`g` dB: 0.95 for 10 dB, 0.78 for 4 dB. More than 1 is
        more than noise, unless the noise is stronger in some places than in others, and not by
        their lightness: then :math:`\sigma` stands for the flat ones.

    ``correlation``, of each :math:`r` with that below, and with that to the right
        Less that of the noise, which is 0 unless it is found to be correlated. About 0 is
        good. More is structure, or noise that was taken for correlated; below -0.1, coarse
        noise stays in the image, and only the finest is removed, as a narrow blur does.

    ``leak``, :math:`\sum_i w_i r_i^2 / \sum_i r_i^2 - 1`
        with :math:`w_i = |\nabla f|_i` by central differences, divided by its mean over the
        pixels of like brightness in `f`. This is by how much the energy of the residual is
        larger at edges than it is all over. It is 0 in expectation for white noise, also if
        its strength depends on the brightness, and for what a symmetric blur removes from pure
        noise; more than 0.1 says that edges were removed with the noise; a negative value that
        noise stays at the edges, as it may.

    ``bias``, mean of :math:`f - y`
        0 unless brightness changes.

    ``psnr`` and ``psnr_gain``
        Stein's unbiased risk estimate, see `SUREScorer`, with its assumption: white Gaussian
        noise, which may be stronger where it is light. It is within a few tenths of a dB for a
        given `sigma`; an estimated one adds its own error, by which small images full of texture
        may seem 2 dB better than they are. Too favorable where noise was clipped at black or white,
        and meaningless where `correlated` says that it is not white.

    Remarks allow for three standard errors.

    References
    ----------
    .. [1] A. Buades, B. Coll and J.-M. Morel, "A review of image denoising algorithms, with a
       new one", Multiscale Modeling & Simulation 4(2), 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import ndimage
    >>> from skdenoise import denoising_report
    >>> rng = np.random.default_rng(0)
    >>> edges = np.kron(rng.random((1, 8, 8)), np.ones((16, 16)))
    >>> noisy = edges + rng.normal(0, 0.05, edges.shape)
    >>> blurred = ndimage.gaussian_filter(noisy, (0, 1, 1))
    >>> denoising_report(noisy, blurred, sigma=0.05)
    DenoisingReport:
        image    sigma    ratio  corr. v  corr. h     leak     bias
            0     0.05     1.51    +0.17    +0.16    +1.89       +0
    - Over-smoothed: image 0. The residual is 1.51 times as strong as the noise and ...
    """
    check_data_range(data_range)
    if denoiser is not None:
        image_shape = image_shape_of(denoiser) if image_shape is None else image_shape
        denoiser = without_noise(denoiser)
    noisy = container_of(noisy, image_shape, "noisy")
    before, after = read_both(noisy, denoised, image_shape)
    estimate, noises = noises_of(before)
    if sigma is not None:
        noises = _given(sigma, before)
    else:
        refuse_unknown(estimate, before, "denoising_report(..., sigma=...)")
        if denoiser is not None:
            noises = measured_noise(before, noises, estimate)
    sigmas = np.array(before.scales) * [
        math.sqrt(np.square(deviation_at(noise, image)).mean())
        for noise, image in zip(noises, before, strict=True)
    ]
    expected = np.where(estimate.correlated[:, None], np.nan_to_num(estimate.correlation), 0.0)
    found = [
        _Residual.of(in_own_units(before, index), in_own_units(after, index))
        for index in range(len(before))
    ]
    removed = np.array([residual.std for residual in found])
    ratio = np.where(removed > 0, np.inf, 0.0)
    np.divide(removed, sigmas, out=ratio, where=sigmas > 0)
    correlation = np.array([residual.correlation for residual in found]) - expected
    psnr = gain = None
    if denoiser is not None:
        working = sigmas / np.array(before.scales)
        peaks = peaks_of_noisy(before, data_range)
        errors = squared_errors(
            denoiser, noisy, before, after, noises, image_shape, random_state=random_state
        )
        pairs = list(zip(np.square(peaks), np.square(working), errors, strict=True))
        psnr = np.array([decibels(peak) - decibels(error) for peak, _, error in pairs])
        # Equal errors come first: a perfect image that stays perfect has gained nothing.
        gain = np.array([0.0 if v == e else decibels(v) - decibels(e) for _, v, e in pairs])
    report = DenoisingReport(
        sigma=sigmas,
        correlated=estimate.correlated,
        residual_ratio=ratio,
        correlation=np.where(removed[:, None] > 0, correlation, 0.0),
        leak=np.array([residual.leak for residual in found]),
        bias=np.array([residual.bias for residual in found]),
        psnr=psnr,
        psnr_gain=gain,
        remarks=(),
    )
    return replace(report, remarks=tuple(_remarks(report, found)))


def _given(sigma: Any, images: Images) -> list[Noise]:
    """Return in working units what is said about the noise of each image."""
    given = np.asarray(sigma, dtype=np.float64)
    if given.shape not in ((), (len(images),)) or not (np.isfinite(given) & (given >= 0)).all():
        msg = (
            f"sigma must be a number that is not negative, or one for each of the "
            f"{len(images)} images. Got {sigma!r}."
        )
        raise ValueError(msg)
    return (given / np.array(images.scales)).tolist()


@dataclass(frozen=True)
class _Residual:
    """What the residual of one image (H, W, C) says.

    Attributes
    ----------
    size : int
        How many values it has.
    std, bias, leak, correlation
        As in the report.
    leak_error : float
        Standard error of the leak if there is none.
    """

    size: int
    std: float
    bias: float
    leak: float
    leak_error: float
    correlation: tuple[float, float]

    @classmethod
    def of(cls, noisy: np.ndarray, denoised: np.ndarray) -> "_Residual":
        """Examine an image in its own units, float64."""
        residual = noisy - denoised
        rounding = 8 * np.finfo(np.float64).eps * float(np.abs(noisy).max())
        bias = float(-residual.mean())
        bias = bias if abs(bias) > rounding else 0.0
        residual -= residual.mean(axis=(0, 1))
        energy = np.square(residual)
        mean = float(energy.mean())
        if mean <= rounding**2:
            # Nothing was removed but a constant.
            return cls(residual.size, 0.0, bias, 0.0, 0.0, (0.0, 0.0))
        weights = _edges(denoised)
        inside = tuple(slice(1, -1) if length >= 3 else slice(None) for length in noisy.shape[:2])
        energy = energy[inside]
        leak = float((weights * energy).mean() / energy.mean()) if energy.any() else 0.0
        # The square of a Gaussian value has a variance of twice its mean squared.
        error = float(np.sqrt(2 * np.square(weights).mean() / weights.size))
        pairs = (residual[1:] * residual[:-1], residual[:, 1:] * residual[:, :-1])
        down, right = (float(pair.mean()) / mean if pair.size else 0.0 for pair in pairs)
        return cls(residual.size, mean**0.5, bias, leak, error, (down, right))


def _edges(image: np.ndarray) -> np.ndarray:
    """Return how much steeper each inner pixel is than others of its brightness; -1 is flat."""
    axes = [axis for axis in (0, 1) if image.shape[axis] >= 3]
    inside = tuple(slice(1, -1) if axis in axes else slice(None) for axis in (0, 1))
    squares = np.zeros(image[inside].shape)
    for axis in axes:
        # Central differences leave the pixel itself out, and its noise.
        difference = np.take(image, range(2, image.shape[axis]), axis)
        difference -= np.take(image, range(image.shape[axis] - 2), axis)
        other = tuple(slice(None) if a == axis else inside[a] for a in (0, 1))
        squares += np.square(difference[other])
    steepness = np.sqrt(squares)
    brightness = image[inside]
    limits = np.quantile(brightness, np.linspace(0, 1, N_LEVELS + 1)[1:-1])
    levels = np.searchsorted(limits, brightness).ravel()
    sums = np.bincount(levels, steepness.ravel(), minlength=N_LEVELS)
    means = sums / np.maximum(np.bincount(levels, minlength=N_LEVELS), 1)
    means = means[levels].reshape(steepness.shape)
    weights = np.divide(steepness, means, out=np.ones_like(steepness), where=means > 0)
    return weights - 1


def _remarks(report: DenoisingReport, found: list[_Residual]) -> Iterator[str]:
    """Yield a sentence for each thing that is wrong, with the images concerned."""
    ratio, correlation, sigma = report.residual_ratio, report.correlation.max(axis=1), report.sigma
    chance = CHANCE / np.sqrt([residual.size for residual in found])
    leaks = report.leak > LEAK + CHANCE * np.array([residual.leak_error for residual in found])
    structure = leaks | (correlation > CORRELATION + chance)
    strong = ratio > STRONG + chance
    gain = np.zeros(len(found)) if report.psnr_gain is None else report.psnr_gain
    rules: list[tuple[np.ndarray, Callable[[str, int], str]]] = [
        (
            strong & structure,
            lambda which, i: (
                f"Over-smoothed: {which}. The residual is {ratio[i]:.2f} times as strong as the "
                f"noise and shows structure. Denoise less, for example with a lower strength."
            ),
        ),
        (
            structure & ~strong,
            lambda which, i: (
                f"Structure in the residual: {which}. "
                + (
                    f"Its energy is {report.leak[i]:.0%} larger at edges"
                    if leaks[i]
                    else f"Its neighbors are correlated by {correlation[i]:.2f}"
                )
                + ", so details went with the noise."
            ),
        ),
        (
            strong & ~structure,
            lambda which, i: (
                f"More was removed than sigma={sigma[i]:.3g} explains, but no structure: {which}. "
                f"The noise may be stronger than that, or stronger in some places than in others."
            ),
        ),
        (
            (ratio < WEAK) & (sigma > 0),
            lambda which, i: (
                f"Under-denoised: {which}. The residual is only {ratio[i]:.2f} times as strong as "
                f"the noise, so most of the noise is still there."
            ),
        ),
        (gain < -0.05, lambda which, i: f"Worse than before: {which}, by {-gain[i]:.2f} dB."),
        (
            np.abs(report.bias) > (BIAS + chance) * sigma,
            lambda which, i: f"Brightness changed: {which}, by {report.bias[i]:+.3g}.",
        ),
        (
            report.correlated,
            lambda which, i: (
                f"Correlated noise: {which}. What was made for white noise leaves much of it, and "
                f"estimates of the PSNR are too favorable."
            ),
        ),
    ]
    for concerned, sentence in rules:
        indices = np.flatnonzero(concerned)
        if indices.size == 1:
            yield sentence(f"image {indices[0]}", indices[0])
        elif indices.size:
            which = f"{indices.size} of {len(found)} images, the first at {indices[0]}"
            yield sentence(which, indices[0])
