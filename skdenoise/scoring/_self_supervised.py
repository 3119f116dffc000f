"""Scorers that need noisy images alone."""

import math
from collections.abc import Iterable, Iterator, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from skdenoise._containers import read_images
from skdenoise._decibels import decibels
from skdenoise._images import Images
from skdenoise._masking import fill_masked, grid_masks, neighbor_mean
from skdenoise._randomness import generator_of_order
from skdenoise._stein import PROBE, random_step, slopes, standard_error
from skdenoise._validation import REAL_NOT_NEGATIVE, SEED, Interval, check_parameters
from skdenoise._warning import warn
from skdenoise._white_noise import noise_by_network
from skdenoise.metrics._reading import check_data_range, check_matching, float_range_message
from skdenoise.noise._estimation import NoiseEstimate, noises_of
from skdenoise.noise._level_function import Noise, deviation_at
from skdenoise.scoring._pipelines import image_shape_of, without_noise
from skdenoise.scoring._scorer import Scorer, like, run_denoiser


class SUREScorer(Scorer):
    r"""Score by the PSNR in dB that Stein's unbiased risk estimate expects, without clean images.

    For an image with white Gaussian noise of standard deviation :math:`\sigma` and :math:`N`
    values, the squared error of a denoiser :math:`f` is in expectation

    .. math:: \frac{\lVert y - f(y) \rVert^2}{N} - \sigma^2
              + \frac{2 \sigma^2}{N} \operatorname{div} f(y),

    and the divergence is measured by one small random step [1]_. The denoiser is a black
    box that is called twice, on containers of the kind and dtype of `X`. Injectors of a
    pipeline are left out: `X` is noisy already.

    Parameters
    ----------
    sigma : float, default=None
        Standard deviation of the noise in the images' own units, gray levels for integers.
        None means :func:`skdenoise.estimate_noise` for each image, at each lightness where noise
        grows or falls with that; and where the noise is white, a better estimate by what the
        weights "natural" take away [2]_.
    random_state : int, default=0
        Seed of the random step; a number, since a scorer has to repeat itself.
    data_range : float, default=None
        Difference between white and black in the images' own units. None means the largest
        value of an integer dtype and 1.0 for floats, which then must look like noisy images
        in [0, 1].

    Warns
    -----
    UserWarning
        Where sigma was estimated, and the noise of most images found to be correlated.

    See Also
    --------
    Noise2SelfScorer : Needs no sigma, but only ranks.

    Notes
    -----
    The estimate is right for white Gaussian noise, which for sigma=None may be stronger where it is
    light, as that of photons, or dark: then :math:`\sigma^2` becomes :math:`\sigma_i^2`, in the
    divergence as well. It misleads where noise is correlated between pixels, where it varies from
    place to place, or where much of an image is clipped at black or white. Its own standard
    error is about :math:`\sigma^2 \sqrt{2 / N}`; a smaller estimate counts as that, so small
    images cannot score without bound.

    References
    ----------
    .. [1] S. Ramani, T. Blu and M. Unser, "Monte-Carlo SURE: a black-box optimization of
       regularization parameters for general denoising algorithms", IEEE Transactions on
       Image Processing 17(9), 2008.
    .. [2] B. Efron, "Tweedie's Formula and Selection Bias", Journal of the American Statistical
       Association 106(496), 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from skdenoise import SUREScorer
    >>> noisy = np.random.default_rng(0).normal(0.5, 0.1, size=(1, 64, 64))
    >>> unchanged = FunctionTransformer().fit(noisy)
    >>> round(SUREScorer(sigma=0.1)(unchanged, noisy), 1)
    20.0
    """

    def __init__(self, sigma=None, random_state=0, data_range=None) -> None:
        self.sigma = sigma
        self.random_state = random_state
        self.data_range = data_range
        check_parameters(
            self,
            {
                "sigma": [REAL_NOT_NEGATIVE, None],
                "random_state": [SEED],
            },
        )
        check_data_range(data_range)

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> float:
        """Score a fitted estimator on noisy images.

        Parameters
        ----------
        estimator : estimator with `transform`
            A denoiser, or a pipeline or fitted search of one.
        X : container of images
            Noisy images.
        y : ignored, default=None
            There for scikit-learn.

        Returns
        -------
        float
            Estimated mean PSNR in dB; greater is better.

        Raises
        ------
        ValueError
            Where float images do not look like images in [0, 1] and `data_range` is None, or
            the noise of an image that is too small has to be estimated.
        """
        return self._mean_psnr(estimator, X)

    def _mean_psnr(self, estimator: Any, X: Any, peaks: Iterable[float] | None = None) -> float:
        """Score images of which white minus black is known in working units."""
        denoiser, image_shape = without_noise(estimator), image_shape_of(estimator)
        noisy = read_images(X, image_shape)
        if peaks is None:
            peaks = peaks_of_noisy(noisy, self.data_range)
        noises = self._noises(noisy)
        denoised = run_denoiser(denoiser, X, image_shape)
        check_matching(noisy, denoised, ("noisy", "denoised"))
        risks = squared_errors(
            denoiser, X, noisy, denoised, noises, image_shape, random_state=self.random_state
        )
        values = [
            20 * math.log10(peak) - decibels(risk) for peak, risk in zip(peaks, risks, strict=True)
        ]
        return float(np.mean(values))

    def _noises(self, images: Images) -> Sequence[Noise]:
        """Return the noise of each image in working units."""
        if self.sigma is not None:
            return [self.sigma / scale for scale in images.scales]
        estimate, noises = noises_of(images)
        refuse_unknown(estimate, images, "SUREScorer(sigma=...)")
        if estimate.correlated.mean() > 0.5:
            warn(
                f"The noise of {int(estimate.correlated.sum())} of {len(images)} images looks "
                f"correlated between pixels, the first at {int(np.argmax(estimate.correlated))}. "
                f"SURE assumes white noise and is too favorable to denoisers that keep such noise: "
                f"do not choose by it.",
            )
        return measured_noise(images, noises, estimate)


def refuse_unknown(estimate: NoiseEstimate, images: Images, instead: str) -> None:
    """Refuse images whose noise could not be estimated, and say what to type instead."""
    unknown = np.flatnonzero(np.isnan(estimate.sigma))
    if unknown.size:
        msg = (
            f"The noise of image {unknown[0]} cannot be estimated: its shape is "
            f"{images.shapes[unknown[0]]}. Pass {instead} in its own units; a single image is "
            f"image[None], and rows of a table need image_shape=(height, width)."
        )
        raise ValueError(msg)


def measured_noise(images: Images, noises: Sequence[Noise], estimate: NoiseEstimate) -> list[Noise]:
    """Return the noise of each image in working units, where it is white more exactly."""
    pairs = list(zip(noises, estimate.correlated, strict=True))
    exact = noise_by_network(images, [0.0 if correlated else noise for noise, correlated in pairs])
    return [known or noise for known, noise in zip(exact, noises, strict=True)]


def squared_errors(
    denoiser: Any,
    X: Any,
    noisy: Images,
    denoised: Images,
    noises: Sequence[Noise],
    image_shape: tuple[int, ...] | None,
    *,
    random_state: int,
) -> list[float]:
    """Estimate the squared error per value of each denoised image, in working units.

    Parameters
    ----------
    denoiser : estimator with `transform`
        What made `denoised` of `X`; called once more.
    X : container of images
        The noisy images, as the denoiser takes them.
    noisy, denoised : Images
        Before and after.
    noises : sequence of float or LevelFunction, of length n_images
        How strong the noise is, in working units.
    image_shape : tuple or None
        Shape of the images in the rows of a table.
    random_state : int
        Seed of the random step.
    """
    stepped_X = like(X, noisy.restore(_stepped(noisy, noises, random_state)))
    stepped = read_images(stepped_X, image_shape)
    moved = run_denoiser(denoiser, stepped_X, image_shape)
    return [
        _risk(noisy[index], denoised[index], stepped[index], moved[index], noises[index])
        for index in range(len(noisy))
    ]


def _stepped(images: Images, noises: Sequence[Noise], random_state: int) -> Iterator[np.ndarray]:
    """Take a small step of random signs from each image, in working units.

    Integers step by whole levels: the denoiser is called in the units that it was fitted
    on, and what rounding does to its output averages out over the pixels.
    """
    for index, image in enumerate(images):
        step = PROBE * deviation_at(noises[index], image)
        if images.dtypes[index].kind != "f":
            step = np.maximum(1.0, np.round(step * images.scales[index])) / images.scales[index]
        # Each image its own: errors of the step then are not the same for a whole set.
        yield random_step(image, step, generator_of_order(random_state, image))


def _risk(
    noisy: np.ndarray, denoised: np.ndarray, stepped: np.ndarray, moved: np.ndarray, noise: Noise
) -> float:
    """Estimate the squared error per value, equation 10 of Ramani et al. without the constant."""
    deviation = np.broadcast_to(deviation_at(noise, noisy), noisy.shape)
    variance = np.square(deviation, dtype=np.float64)
    # Saturation may have taken steps back.
    counted = variance * (stepped != noisy)
    followed = (counted * slopes(noisy, denoised, stepped, moved)).sum()
    divergence = followed / counted.sum() if counted.any() else 0.0
    residual = np.mean(np.square(np.subtract(noisy, denoised, dtype=np.float64)))
    risk = float(residual + (2 * divergence - 1) * variance.mean())
    return max(risk, standard_error(deviation, noisy.size))


class Noise2SelfScorer(Scorer):
    """Score by how well hidden pixels are predicted from the others, without clean images.

    Pixels on a sparse grid are hidden, filled from their neighbors, and the image is
    denoised; the output there is compared with the noisy values that were hidden [1]_.
    Where noise is independent between pixels, the squared error is that of the denoiser
    without sight of the pixel plus the variance of the noise, which is the same for all
    denoisers: the best score belongs to the best denoiser.

    The score is this error as a PSNR in dB, **not** the PSNR of the denoised images: it
    stays below that of the noisy images, and only its order has a meaning. Injectors of a
    pipeline are left out: `X` is noisy already.

    Parameters
    ----------
    stride : int, default=4
        One pixel out of `stride` x `stride` is hidden at a time, in `stride` runs of the
        denoiser; at least 2.
    data_range : float, default=None
        Difference between white and black in the images' own units. None means the largest
        value of an integer dtype and 1.0 for floats, which then must look like noisy images
        in [0, 1].

    See Also
    --------
    SUREScorer : Estimates the PSNR itself, where the noise is Gaussian.

    References
    ----------
    .. [1] J. Batson and L. Royer, "Noise2Self: blind denoising by self-supervision",
       International Conference on Machine Learning, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from skdenoise import noise2self_scorer
    >>> noisy = np.random.default_rng(0).normal(0.5, 0.1, size=(1, 64, 64))
    >>> unchanged = FunctionTransformer().fit(noisy)
    >>> flat = FunctionTransformer(lambda X: np.full_like(X, 0.5)).fit(noisy)
    >>> noise2self_scorer(unchanged, noisy) < noise2self_scorer(flat, noisy)
    True
    """

    def __init__(self, stride=4, data_range=None) -> None:
        self.stride = stride
        self.data_range = data_range
        check_parameters(self, {"stride": [Interval(Integral, 2, math.inf, closed="left")]})
        check_data_range(data_range)

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> float:
        """Score a fitted estimator on noisy images.

        Parameters
        ----------
        estimator : estimator with `transform`
            A denoiser, or a pipeline or fitted search of one.
        X : container of images
            Noisy images.
        y : ignored, default=None
            There for scikit-learn.

        Returns
        -------
        float
            Mean PSNR of the predicted against the hidden noisy pixels in dB; greater is
            better.

        Raises
        ------
        ValueError
            Where float images do not look like images in [0, 1] and `data_range` is None, or
            an image is a single pixel.
        """
        denoiser, image_shape = without_noise(estimator), image_shape_of(estimator)
        noisy = read_images(X, image_shape)
        peaks = peaks_of_noisy(noisy, self.data_range)
        errors, hidden = np.zeros(len(noisy)), np.zeros(len(noisy))
        of_images = [grid_masks(shape[:2], self.stride) for shape in noisy.shapes]
        for masks in zip(*of_images, strict=True):
            filled = (fill_masked(image, mask) for image, mask in zip(noisy, masks, strict=True))
            predicted = run_denoiser(denoiser, like(X, noisy.restore(filled)), image_shape)
            check_matching(noisy, predicted, ("noisy", "denoised"))
            for index, mask in enumerate(masks):
                pair = noisy[index][mask], predicted[index][mask]
                errors[index] += np.sum(np.square(np.subtract(*pair, dtype=np.float64)))
                hidden[index] += pair[0].size
        values = [
            20 * math.log10(peak) - decibels(error)
            for peak, error in zip(peaks, errors / hidden, strict=True)
        ]
        return float(np.mean(values))


def peaks_of_noisy(images: Images, data_range: float | None) -> list[float]:
    """Return the range of each noisy image in working units; refuse floats of another scale.

    Noise leaves [0, 1], so the image is smoothed before it is compared with what the mean
    and the standard deviation of pixels in [0, 1] can be.
    """
    if data_range is not None:
        return [data_range / scale for scale in images.scales]
    for index, image in enumerate(images):
        if images.dtypes[index].kind != "f":
            continue
        smooth = neighbor_mean(image) if image[..., 0].size > 1 else image
        mean, deviation = float(smooth.mean()), float(smooth.std())
        if not -0.1 <= mean <= 1.1 or deviation > 0.6:
            finding = f"has a mean of {mean:g} and a standard deviation of {deviation:g}"
            raise ValueError(float_range_message(index, finding))
    return [1.0] * len(images)
