"""`estimate_noise`: how strong the noise of an image is, from that image alone."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from skdenoise._containers import read_images
from skdenoise._images import Images
from skdenoise._validation import Interval
from skdenoise.noise._clipping import limit_of_clipped_noise
from skdenoise.noise._flat_places import Pixels, correlation_of_neighbors
from skdenoise.noise._level_function import LevelFunction, Noise, white_noise


@dataclass(frozen=True, eq=False, repr=False)
class NoiseEstimate:
    """The noise of some images, in each image's own units (gray levels for integers).

    Attributes
    ----------
    sigma : ndarray of shape (n_images,)
        Standard deviation of the noise, the recommended value: that of stride 1 where the noise
        is white, near that of the largest stride where it is correlated. Where it grows or falls
        with the light, the root of its mean variance.
        NaN for an image too small to tell, less than 3 pixels both ways.
    sigma_per_stride : ndarray of shape (n_images, max_stride)
        The same measured on every pixel, every second one, and so on; equal for white noise,
        growing for correlated noise. NaN where fewer than 3 such pixels fit in the image.
    correlation : ndarray of shape (n_images, 2)
        Correlation of the noise of vertical and of horizontal neighbors; 0 for white noise.
        NaN where the image is too small.
    correlated : ndarray of bool of shape (n_images,)
        Whether the noise is not white, as after demosaicing, scaling or compression.
    """

    sigma: np.ndarray
    sigma_per_stride: np.ndarray
    correlation: np.ndarray
    correlated: np.ndarray

    def __repr__(self) -> str:
        """Return the arrays with three digits."""
        largest = np.nanmax(self.sigma, initial=0)
        with np.printoptions(precision=3, suppress=bool(largest > 0.01), threshold=24):
            fields = (self.sigma, self.sigma_per_stride, self.correlation, self.correlated)
            names = ("sigma", "sigma_per_stride", "correlation", "correlated")
            width = max(map(len, names))
            lines = (
                f"  {name:{width}} = " + str(values).replace("\n", "\n" + " " * (width + 5))
                for name, values in zip(names, fields, strict=True)
            )
            return "NoiseEstimate:\n" + "\n".join(lines)


def estimate_noise(
    X: Any, *, image_shape: tuple[int, ...] | None = None, max_stride: int = 4
) -> NoiseEstimate:
    """Estimate the standard deviation of the noise of every image.

    Parameters
    ----------
    X : array of shape (n_images, height, width[, n_channels]), sequence of arrays, or table
        The noisy images.
    image_shape : tuple or None, default=None
        Shape (height, width) or (height, width, n_channels) of the images in the rows of a table;
        None means 1 x n_features.
    max_stride : int, default=4
        Largest distance of the pixels that are compared, from 1 to 16.

    Returns
    -------
    NoiseEstimate
        Arrays `sigma`, `sigma_per_stride`, `correlation` and `correlated`, a row per image, in
        the image's own units; of color images the root mean square over the channels.

    Raises
    ------
    ValueError, TypeError
        Where `X` does not hold images or `max_stride` is out of range.

    See Also
    --------
    skdenoise.noise.NoiseInjector : The way there: images with noise of a known strength.

    Notes
    -----
    The mask [[1, -2, 1], [-2, 4, -2], [1, -2, 1]] / 6 removes what is smooth and keeps the
    standard deviation of white noise [1]_. It is applied everywhere, and its root mean square
    taken where the image is flat: where the gradient in a 7 x 7 window is no stronger than
    noise of the present estimate explains, starting with the median absolute deviation of
    all pixels and repeated until nothing changes, in the spirit of [2]_. Windows where the
    image saturates are left out. At least the flattest twentieth of the windows is used.

    Camera noise is correlated, and neighbors then tell much too little. So the same is
    measured on each sub-lattice of every second pixel, third and so on, where correlation
    fades, while texture grows. The correlation of neighbors is that of the flattest tenth of
    8 x 8 blocks after removal of a plane. Noise counts as correlated where its mean exceeds 0.2
    and the second stride exceeds the first by as much as this correlation explains; `sigma` is
    then the value of the last stride, but no more than the first and the correlation explain,
    unless the second stride already contradicts that.

    JPEG empties flat places, so that hardly any noise is left there. Such images count as
    correlated too, and every stride uses the median absolute deviation of all its pixels,
    but at most twice what the flattest quarter says: rather too much than too little, also
    on clean photographs that went through JPEG, where noise and texture look the same.

    Where much of an image is black or white, as paper is, and half of the noise was clipped there,
    that half tells how strong noise is at most, since the edges of print look like noise.

    Where flat places of some lightness have twice as much noise as those of another, as where
    photons were counted, a noise level function [3]_ is laid through their variances, and `sigma`
    is the root of its mean over the image. Half as much again is enough where noise that was
    stretched by this function passes for white and even.

    Images of more than 2**20 pixels are judged by a grid of 16 windows.

    References
    ----------
    .. [1] J. Immerkaer, "Fast Noise Variance Estimation", Computer Vision and Image
       Understanding 64(2), 1996.
    .. [2] X. Liu, M. Tanaka and M. Okutomi, "Single-Image Noise Level Estimation for Blind
       Denoising", IEEE Transactions on Image Processing 22(12), 2013.
    .. [3] C. Liu, W. T. Freeman, R. Szeliski and S. B. Kang, "Noise Estimation from a Single
       Image", Computer Vision and Pattern Recognition, 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import estimate_noise, gaussian
    >>> ramp = np.linspace(0, 1, 64) * np.ones((64, 1))
    >>> noisy = gaussian(ramp, sigma=0.1, rng=np.random.default_rng(0))
    >>> estimate = estimate_noise(noisy[None])
    >>> print(f"{estimate.sigma[0]:.2f}", estimate.correlated[0])
    0.10 False
    """
    if not Interval(Integral, 1, 16).accepts(max_stride):
        msg = f"max_stride must be an int in the range [1, 16]. Got {max_stride!r} instead."
        raise ValueError(msg)
    estimates, _ = noises_of(read_images(X, image_shape), max_stride)
    return estimates


def noises_of(images: Images, max_stride: int = 4) -> tuple[NoiseEstimate, list[Noise]]:
    """Estimate the noise of images that were read; and tell it in working units.

    Where it does not seem to be alike in all lightnesses, it is told at each.
    """
    rows, noises = [], []
    for index in range(len(images)):
        pixels = list(images.windows(index))
        estimate, noise = _with_light(pixels, _estimate_one(_in_float64(pixels), max_stride))
        rows.append(estimate)
        noises.append(noise)
    sigma, per_stride, correlation, correlated, _ = map(np.array, zip(*rows, strict=True))
    scales = np.array(images.scales)
    estimates = NoiseEstimate(sigma * scales, per_stride * scales[:, None], correlation, correlated)
    return estimates, noises


class Estimate(NamedTuple):
    """What `NoiseEstimate` says of one image, and what clipped noise says it is at most."""

    sigma: float
    per_stride: np.ndarray
    correlation: np.ndarray
    correlated: bool
    limit: float = math.inf


def estimate_of_windows(pixels: Sequence[np.ndarray]) -> Estimate:
    """Judge an image of which there are windows."""
    return _estimate_one(_in_float64(pixels), 4)


def noise_of_windows(pixels: Sequence[np.ndarray]) -> Noise:
    """Return the noise of an image: at each lightness, where it does not seem to be alike in all.

    There is no estimate, 0, for images of a pixel or two.
    """
    return _with_light(pixels, estimate_of_windows(pixels))[1]


def correlation_of_windows(pixels: Sequence[np.ndarray]) -> float:
    """Return the mean correlation of neighbors in flat places, 0 where they are too small."""
    channels = _channels_of(_in_float64(pixels))
    mean = float(_correlation(channels).mean())
    return mean if np.isfinite(mean) else 0.0


def _in_float64(windows: Iterable[np.ndarray]) -> list[np.ndarray]:
    return [window.astype(np.float64) for window in windows]


def _estimate_one(tiles: list[np.ndarray], max_stride: int) -> Estimate:
    channels = _channels_of(tiles)
    limits = [limit_of_clipped_noise(planes) for planes in channels]
    found = _of_flat_places(channels, max_stride)
    limit = math.sqrt(np.mean(np.square(limits)))
    sigma, per_stride = min(found.sigma, limit), np.minimum(found.per_stride, limit)
    return found._replace(sigma=sigma, per_stride=per_stride, limit=limit)


def _with_light(pixels: Sequence[np.ndarray], estimate: Estimate) -> tuple[Estimate, Noise]:
    """Return what flat places tell, and what they tell of each lightness if they differ.

    Then sigma is the root of the mean variance.
    """
    doubtful = estimate.correlated or math.isfinite(estimate.limit)
    found = white_noise(pixels, certain=doubtful)
    if not isinstance(found, LevelFunction):
        return estimate, float(np.nan_to_num(estimate.sigma))
    power = sum(float(np.square(found.at(part)).sum()) for part in pixels)
    sigma = math.sqrt(power / sum(part[..., 0].size for part in pixels))
    first = estimate.per_stride[0]
    per_stride = estimate.per_stride * (sigma / first if first else 1.0)
    return Estimate(sigma, per_stride, estimate.correlation, False), found


def _of_flat_places(channels: list[list[np.ndarray]], max_stride: int) -> Estimate:
    """Return what flat places say, or all where compression has emptied those."""
    strides = range(1, max_stride + 1)
    flat = _over_channels(channels, strides, lambda pixels: pixels.flat_sigma(0.05))
    if not np.isfinite(flat[0]):
        return Estimate(np.nan, flat, np.full(2, np.nan), False)
    correlation = _correlation(channels)
    known = correlation[np.isfinite(correlation)]
    mean = known.mean() if known.size else 0.0
    if mean <= 0.2:
        return Estimate(flat[0], flat, correlation, False)
    last = np.flatnonzero(np.isfinite(flat))[-1]
    near, far = flat[min(1, last)], flat[last]
    apart = near > (1 + 1.5 * mean) ** (known.size / 2) * flat[0]
    everywhere = _over_channels(channels, [1], Pixels.median_sigma)[0]
    if flat[0] < 0.25 * everywhere or (far > 5 * flat[0] and mean > 0.65 and not apart):
        compressed = _over_channels(channels, strides, Pixels.compressed_sigma)
        return Estimate(compressed[last], compressed, correlation, True)
    if apart:
        explained = flat[0] * _damping(mean)
        sigma = far if near > 2 * explained else min(far, explained)
        return Estimate(sigma, flat, correlation, True)
    return Estimate(flat[0], flat, correlation, False)


def _channels_of(tiles: list[np.ndarray]) -> list[list[np.ndarray]]:
    """Return the planes of each channel."""
    return [[tile[..., c] for tile in tiles] for c in range(tiles[0].shape[-1])]


def _correlation(channels: list[list[np.ndarray]]) -> np.ndarray:
    """Return the correlation of vertical and of horizontal neighbors, of all channels."""
    return np.mean([correlation_of_neighbors(planes) for planes in channels], axis=0)


def _damping(correlation: float) -> float:
    """Return by how much the mask damps noise of that correlation, filtered by a Gaussian."""
    lag_1 = min(max(correlation, 0.0), 0.9)  # then that of lag 2 is its fourth power
    return 1 / (1 - 4 / 3 * lag_1 + lag_1**4 / 3)


def _over_channels(
    channels: list[list[np.ndarray]],
    strides: Iterable[int],
    measure: Callable[[Pixels], float],
) -> np.ndarray:
    """Return the root mean square over the channels of what is measured, for each stride."""
    values = [[measure(Pixels.of(planes, k)) for planes in channels] for k in strides]
    return np.sqrt(np.mean(np.square(values), axis=1))
