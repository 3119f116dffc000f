"""`ConformalDenoiser`: intervals around denoised pixels, and how often they hold the clean ones."""

import math
from collections.abc import Callable, Iterator
from numbers import Real
from typing import Any

import numpy as np
from scipy import ndimage
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from skdenoise._base import ImageTransformer
from skdenoise._containers import read_images
from skdenoise._images import Images
from skdenoise._validation import Interval, OneOf, check_parameters
from skdenoise.metrics._reading import check_matching, in_own_units
from skdenoise.noise import NoiseInjector
from skdenoise.scoring._pipelines import image_shape_of, without_noise
from skdenoise.scoring._scorer import corrupted, run_denoiser

FLOOR = 0.05
"""Least scale, in standard deviations of what was removed from the image."""

N_QUANTILES = 2048
"""So many quantiles of an image's errors are remembered: all of a small image."""


def constant(noisy: np.ndarray, denoised: np.ndarray) -> np.ndarray:
    """Return 1: the same width everywhere."""
    return np.ones_like(noisy)


def local(noisy: np.ndarray, denoised: np.ndarray) -> np.ndarray:
    """Return what is large where much was removed, and where the denoised image is steep.

    The square is a quarter of the residual's energy around the pixel, plus the squared gradient
    of the denoised image, both averaged over the channels.
    """
    energy = ndimage.gaussian_filter(np.square(noisy - denoised), (2, 2, 0)) / 4
    for order in ((1, 0, 0), (0, 1, 0)):
        energy += np.square(ndimage.gaussian_filter(denoised, (1, 1, 0), order=order))
    return np.broadcast_to(np.sqrt(energy.mean(axis=-1, keepdims=True)), noisy.shape)


SCALES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "constant": constant,
    "local": local,
}
"""What intervals are proportional to, of images (H, W, C) in their own units."""


class ConformalDenoiser(ImageTransformer):
    r"""Denoise, and say between which values the clean pixels lie.

    An interval is the denoised pixel plus and minus a multiple of a local scale. `fit` finds
    the one multiple that makes the intervals right: it compares denoised with clean images
    that the denoiser has **not** learnt from. The denoiser has to be fitted, and is left as it
    is.

    Parameters
    ----------
    denoiser : fitted estimator with `transform`
        A denoiser, or a pipeline or fitted search of one; a `NoiseInjector` in it is left out.
        :func:`sklearn.base.clone`, and with it cross-validation, forgets what a denoiser has
        learnt, unless it comes as a :class:`sklearn.frozen.FrozenEstimator`.
    confidence : float, default=0.9
        Share of the clean pixels that should lie in their intervals, between 0 and 1.
    scale : {"local", "ensemble", "constant"}, default="local"
        What the width of the intervals is proportional to. "local" is large at edges and where
        much was removed; "ensemble" is what ``denoiser.predict(X, return_std=True)`` says, as
        an `AutoencoderDenoiser` with `n_augment` does; "constant" has one width everywhere, in
        parts of white for integers.
    noise : NoiseInjector, default=None
        Makes noisy images of clean ones in `fit`, so that it can be called as ``fit(X_clean)``.

    Attributes
    ----------
    multiple_ : float
        Half the width of an interval, in scales.
    n_images_ : int
        How many images it was calibrated on.
    n_channels_in_ : int
        Channels of the images, without alpha.
    n_features_in_ : int
        Columns of the table seen in `fit`; only after a fit on a table.
    feature_names_in_ : ndarray of str
        Their names, where they have some.

    Raises
    ------
    NotFittedError
        In `fit`, where the denoiser is not fitted.
    ValueError
        In `fit`, where there are no clean images, or too few for the `confidence`.

    See Also
    --------
    denoising_report : Judges single results, without clean images.
    AutoencoderDenoiser : Its `predict` tells the deviation over orientations.

    Notes
    -----
    **What is guaranteed.** Let the images of the calibration and a new one be exchangeable, as
    independent shots of one kind of scene with one camera are. Then the share of the pixels of
    the new image that lie in their intervals is at least `confidence` *in expectation*,
    whatever the denoiser, the noise, and the scale are:

    .. math:: E\left[\tfrac{1}{N} \sum_i 1\{y_i \in [f_i - m u_i, f_i + m u_i]\}\right] \ge
              \text{confidence},

    and it exceeds that by about :math:`2 / (n + 1)` at most, for :math:`n` images. The
    expectation is over calibration *and* new images, and over pixels: a given image may have
    less, hard ones have less than easy ones, and edges less than flat places. It does not hold
    for other noise or other scenes than those of the calibration.

    This is conformal risk control [1]_ of the share of pixels outside: :math:`m` is the
    smallest multiple with which the mean share outside, over the calibration, is at most
    :math:`1 - \text{confidence} - \text{confidence} / n`. So it needs :math:`n \ge
    \text{confidence} / (1 - \text{confidence})`, 9 images for 0.9; ten times as many give
    intervals that are hardly wider than they have to be. Pixels of one image are far from
    independent, so that images are what counts. [2]_ calibrates networks for images in the same
    spirit, with a bound that holds with high probability and needs more images.

    The scale is at least a twentieth of the standard deviation of what was removed.

    References
    ----------
    .. [1] A. N. Angelopoulos, S. Bates, A. Fisch, L. Lei and T. Schuster, "Conformal Risk
       Control", ICLR 2024. https://arxiv.org/abs/2208.02814
    .. [2] A. N. Angelopoulos et al., "Image-to-Image Regression with Distribution-Free
       Uncertainty Quantification and Applications in Imaging", ICML 2022.
       https://arxiv.org/abs/2202.05265

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import ndimage
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from skdenoise import ConformalDenoiser, NoiseInjector
    >>> X = ndimage.gaussian_filter(np.random.default_rng(0).random((40, 32, 32)), (0, 3, 3))
    >>> noise = NoiseInjector(noise_factor=0.1, random_state=0)
    >>> blur = FunctionTransformer(lambda X: ndimage.gaussian_filter(X, (0, 1, 1)))
    >>> conformal = ConformalDenoiser(blur, noise=noise).fit(X[:30])
    >>> X_noisy = noise.fit_transform(X[30:])
    >>> low, high = conformal.predict_interval(X_noisy)
    >>> print(f"{np.mean((low <= X[30:]) & (X[30:] <= high)):.2f}")
    0.93
    """

    def __init__(self, denoiser, *, confidence=0.9, scale="local", noise=None):
        self.denoiser = denoiser
        self.confidence = confidence
        self.scale = scale
        self.noise = noise

    def predict_interval(self, X: Any) -> tuple[Any, Any]:
        """Return between which values the clean pixels lie.

        Parameters
        ----------
        X : container of images
            The noisy images.

        Returns
        -------
        low, high : container of the kind of `X`
            Of the dtype of `X`, ends included. Ends of integer images are rounded inward, to
            the outermost whole number inside, and stop at black and white, which changes
            nothing about the clean values that lie inside. Alpha is that of `X`.
        """
        self._check_fitted()
        images = self._read(X, reset=False)
        bounds = [
            (low / scale, high / scale)
            for (low, high), scale in zip(self._bounds(images), images.scales, strict=True)
        ]
        return images.restore(low for low, _ in bounds), images.restore(high for _, high in bounds)

    def coverage(self, X: Any, y: Any, *, per_image: bool = False) -> float | np.ndarray:
        """Return the share of the clean pixels that lie in their intervals.

        Parameters
        ----------
        X : container of images
            Noisy images, that were not seen in `fit`.
        y : container of images like `X`
            The clean images.
        per_image : bool, default=False
            Whether to return one share for each image instead of their mean.

        Returns
        -------
        float, or ndarray of shape (n_images,) where `per_image`
            About `confidence`, if the images are like those of the calibration.

        Raises
        ------
        ValueError
            Where `y` does not hold images that match `X`.
        """
        self._check_fitted()
        images = self._read(X, reset=False)
        clean = self._read_target(y, images)
        if clean is None:
            msg = "coverage compares with clean images. Pass them as y, one for each of X."
            raise ValueError(msg)
        shares = [
            np.mean((low <= pixels) & (pixels <= high))
            for (low, high), pixels in zip(self._bounds(images), _own(clean), strict=True)
        ]
        return np.array(shares) if per_image else float(np.mean(shares))

    @property
    def image_shape(self) -> tuple[int, ...] | None:  # type: ignore[override]
        """Shape of the images in the rows of a table, as the denoiser was told."""
        return image_shape_of(self.denoiser)

    def _check_parameters(self) -> None:
        check_parameters(
            self,
            {
                "confidence": [Interval(Real, 0, 1, closed="neither")],
                "scale": [OneOf({"ensemble", *SCALES})],
                "noise": [NoiseInjector, None],
            },
        )
        try:
            check_is_fitted(self.denoiser)
        except NotFittedError as error:
            msg = (
                f"ConformalDenoiser calibrates a denoiser that has learnt before, but this "
                f"{type(self.denoiser).__name__} is not fitted. Fit it on other images first: "
                f"ConformalDenoiser(denoiser.fit(...)). Where it was fitted and cloned since, as "
                f"cross-validation does, pass sklearn.frozen.FrozenEstimator(denoiser)."
            )
            raise NotFittedError(msg) from error

    def _fit_images(self, images: Images, target: Images | None) -> None:
        """Find the multiple."""
        noisy, clean = self._pairs(images, target)
        needed = math.ceil(self.confidence / (1 - self.confidence) - 1e-9)
        if len(noisy) < needed:
            reached = math.floor(1000 * len(noisy) / (len(noisy) + 1)) / 1000
            msg = (
                f"confidence={self.confidence:g} needs at least {needed} images to calibrate on, "
                f"better ten times as many; got n_samples={len(noisy)}. Pass more images, or lower "
                f"the confidence to {reached:g} or less."
            )
            raise ValueError(msg)
        values, weights = [], []
        for (denoised, scale), pixels in zip(self._estimates(noisy), _own(clean), strict=True):
            error = np.abs(pixels - denoised)
            ratios = np.where(error > 0, np.inf, 0.0)
            np.divide(error, scale, out=ratios, where=scale > 0)
            quantiles, shares = _upper_quantiles(ratios.ravel())
            values.append(quantiles)
            weights.append(shares / len(noisy))
        multiple = _smallest_with(
            np.concatenate(values),
            np.concatenate(weights),
            outside=1 - self.confidence - self.confidence / len(noisy),
        )
        if not math.isfinite(multiple):
            msg = (
                f"scale={self.scale!r} is 0 where denoised pixels are wrong, so that no multiple "
                f"of it is enough: the denoiser returns flat images as they are. Set "
                f"scale='constant', or pass a denoiser that denoises."
            )
            if math.prod(noisy.shapes[0]) == 1:
                msg += " X has 1 feature(s), and a single pixel has no surroundings."
            raise ValueError(msg)
        # The margin is for ends that would be missed by a rounding error.
        self.multiple_ = multiple * (1 + 1e-6)
        self.n_images_ = len(noisy)

    def _pairs(self, images: Images, target: Images | None) -> tuple[Images, Images]:
        """Return noisy and clean images."""
        if self.noise is None:
            if target is not None:
                return images, target
            msg = (
                "ConformalDenoiser compares with clean images. Call fit(X_noisy, X_clean), or "
                "ConformalDenoiser(denoiser, noise=NoiseInjector(...)).fit(X_clean)."
            )
            raise ValueError(msg)
        if target is not None and not images.same_as(target):
            msg = (
                "ConformalDenoiser has a noise, with which it makes noisy images itself, and got "
                "clean images y that differ from X. Call fit(X_clean), or set noise=None."
            )
            raise ValueError(msg)
        noisy = corrupted(self.noise, images.source, self.image_shape)
        return read_images(noisy, self.image_shape), images

    def _transform_images(self, images: Images) -> Iterator[np.ndarray]:
        return iter(self._denoised(images))

    def _denoised(self, images: Images) -> Images:
        denoiser = without_noise(self.denoiser)
        denoised = run_denoiser(denoiser, images.source, self.image_shape)
        check_matching(images, denoised, ("noisy", "denoised"))
        return denoised

    def _estimates(self, images: Images) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield denoised pixels and their scale in the images' own units."""
        if self.scale == "ensemble":
            denoised, deviations = self._ensemble(images)
        else:
            denoised = self._denoised(images)
        for index, (before, after) in enumerate(zip(_own(images), _own(denoised), strict=True)):
            if self.scale == "constant":
                yield after, images.scales[index] * constant(before, after)
                continue
            scale = (
                deviations[index] if self.scale == "ensemble" else SCALES[self.scale](before, after)
            )
            yield after, np.maximum(scale, FLOOR * np.std(before - after))

    def _ensemble(self, images: Images) -> tuple[Images, Images]:
        """Ask the denoiser for its result and its deviation."""
        denoiser = without_noise(self.denoiser)
        if not hasattr(denoiser, "predict"):
            msg = (
                f"scale='ensemble' needs a denoiser with predict(X, return_std=True), such as "
                f"AutoencoderDenoiser(n_augment=8), but {type(denoiser).__name__} has no predict. "
                f"Set scale='local'."
            )
            raise TypeError(msg)
        found = denoiser.predict(images.source, return_std=True)
        denoised, deviations = (read_images(item, self.image_shape) for item in found)
        check_matching(images, denoised, ("noisy", "denoised"))
        return denoised, deviations

    def _bounds(self, images: Images) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the ends of the intervals in the images' own units."""
        for index, (denoised, scale) in enumerate(self._estimates(images)):
            low, high = denoised - self.multiple_ * scale, denoised + self.multiple_ * scale
            if images.dtypes[index].kind != "f":
                low, high = np.ceil(low), np.floor(high)
            yield low, high


def _own(images: Images) -> Iterator[np.ndarray]:
    """Return the images as float64 in their own units."""
    return (in_own_units(images, index) for index in range(len(images)))


def _upper_quantiles(ratios: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a few values, none too low, and the share of the ratios that each stands for."""
    size = ratios.size
    ends = np.linspace(0, size, min(size, N_QUANTILES) + 1).astype(int)
    return np.sort(ratios)[ends[1:] - 1], np.diff(ends) / size


def _smallest_with(values: np.ndarray, weights: np.ndarray, *, outside: float) -> float:
    """Return the smallest value that is exceeded by a share `outside` of the weight at most."""
    order = np.argsort(values)
    above = np.append(np.cumsum(weights[order][::-1])[::-1][1:], 0.0)
    return float(values[order][np.argmax(above <= max(outside, 0.0) + 1e-12)])
