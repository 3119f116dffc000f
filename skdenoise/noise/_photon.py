"""Noise of light: photons are counted, and the counting electronics add a little.

Images are float arrays in [0, 1], where 1 is white: `peak` photons. A model neither clips
nor rounds. Negative values hold no photons and stay as they are; bright ones may exceed 1.
"""

import numpy as np

from skdenoise.noise._definition import as_picture, noise_model, not_negative, positive

_COUNTABLE = 1e15
"""Above this many photons (where rng.poisson would soon fail) counts are drawn as Gaussian."""


def _counts(expected: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw Poisson counts, float64, for expectations of any size."""
    if expected.max(initial=0) <= _COUNTABLE:
        return rng.poisson(expected).astype(np.float64)
    counts = rng.poisson(np.minimum(expected, _COUNTABLE)).astype(np.float64)
    gaussian = expected + np.sqrt(expected) * rng.standard_normal(expected.shape)
    return np.where(expected <= _COUNTABLE, counts, gaussian)


def _light(image: np.ndarray, peak: float, rng: np.random.Generator) -> np.ndarray:
    """Return the image as counted photons in units of `peak`; what is negative stays."""
    light = np.maximum(image, 0, dtype=np.float64)
    return _counts(light * peak, rng) / peak + np.minimum(image, 0)


@noise_model
def poisson(image: np.ndarray, *, peak: float = 100.0, rng: np.random.Generator) -> np.ndarray:
    """Count photons.

    Parameters
    ----------
    image : ndarray of float
        Pixels in [0, 1]; any shape.
    peak : float, default=100.0
        Expected number of photons in a white pixel; fewer photons, more noise.
    rng : numpy.random.Generator
        Source of randomness; the only one.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        Mean ``image``, variance ``max(image, 0) / peak``, in multiples of ``1 / peak`` where
        the image is not negative; independent from value to value.

    References
    ----------
    .. [1] M. Makitalo and A. Foi, "Optimal Inversion of the Anscombe Transformation in
       Low-Count Poisson Image Denoising", IEEE Transactions on Image Processing 20(1), 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import poisson
    >>> noisy = poisson(np.full((64, 64), 0.5), peak=50, rng=np.random.default_rng(0))
    >>> print(f"{noisy.mean():.2f} {noisy.var():.3f}")
    0.50 0.010
    """
    return _light(image, positive("peak", peak), rng)


@noise_model
def poisson_gaussian(
    image: np.ndarray,
    *,
    peak: float = 100.0,
    sigma: float = 0.02,
    rng: np.random.Generator,
) -> np.ndarray:
    """Count photons, then add the Gaussian noise of the electronics.

    Parameters
    ----------
    image : ndarray of float
        Pixels in [0, 1]; any shape.
    peak : float, default=100.0
        Expected number of photons in a white pixel.
    sigma : float, default=0.02
        Standard deviation of the Gaussian part.
    rng : numpy.random.Generator
        Source of randomness; the only one.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        Mean ``image``, variance ``max(image, 0) / peak + sigma**2``; independent from value
        to value.

    See Also
    --------
    shot_read : The same variance, but Gaussian in distribution.

    References
    ----------
    .. [1] A. Foi, M. Trimeche, V. Katkovnik and K. Egiazarian, "Practical Poissonian-Gaussian
       Noise Modeling and Fitting for Single-Image Raw-Data", IEEE Transactions on Image
       Processing 17(10), 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import poisson_gaussian
    >>> rng = np.random.default_rng(0)
    >>> noisy = poisson_gaussian(np.full((64, 64), 0.5), peak=50, sigma=0.1, rng=rng)
    >>> print(f"{noisy.mean():.2f} {noisy.var():.3f}")
    0.50 0.020
    """
    peak, sigma = positive("peak", peak), not_negative("sigma", sigma)
    read = rng.standard_normal(image.shape, dtype=image.dtype.type)
    return _light(image, peak, rng) + sigma * read


def read_variance_of(shot: float) -> float:
    """Return the read variance that cameras of gain `shot` have on average [Brooks 2019]."""
    return float(np.exp(2.18 * np.log(shot) + 1.20)) if shot > 0 else 0.0


@noise_model
def shot_read(
    image: np.ndarray,
    *,
    shot: float = 0.01,
    read: float | None = None,
    rng: np.random.Generator,
) -> np.ndarray:
    """Add the noise of a camera's raw data: Gaussian, with a variance linear in the light.

    Parameters
    ----------
    image : ndarray of float
        Pixels in [0, 1], best linear in the light; any shape.
    shot : float, default=0.01
        Variance that white adds: the reciprocal of the photons in a white pixel.
    read : float or None, default=None
        Variance in the dark. None means what cameras of that gain have on average,
        ``exp(2.18 * log(shot) + 1.20)`` [2]_.
    rng : numpy.random.Generator
        Source of randomness; the only one.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        Mean ``image``, variance ``shot * max(image, 0) + read``; independent from value to
        value.

    See Also
    --------
    poisson_gaussian : The same variance, with countable photons.

    References
    ----------
    .. [1] A. Foi, M. Trimeche, V. Katkovnik and K. Egiazarian, "Practical Poissonian-Gaussian
       Noise Modeling and Fitting for Single-Image Raw-Data", IEEE Transactions on Image
       Processing 17(10), 2008.
    .. [2] T. Brooks et al., "Unprocessing Images for Learned Raw Denoising", CVPR 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import shot_read
    >>> rng = np.random.default_rng(0)
    >>> noisy = shot_read(np.full((64, 64), 0.5), shot=0.02, read=0.01, rng=rng)
    >>> print(f"{noisy.mean():.2f} {noisy.var():.3f}")
    0.50 0.020
    """
    shot = not_negative("shot", shot)
    read = read_variance_of(shot) if read is None else not_negative("read", read)
    sigma = np.sqrt(shot * np.maximum(image, 0) + read)
    return image + sigma * rng.standard_normal(image.shape, dtype=image.dtype.type)


@noise_model
def low_light(
    image: np.ndarray,
    *,
    peak: float = 20.0,
    exposure: float = 1.0,
    read: float = 2.0,
    rows: float = 0.5,
    rng: np.random.Generator,
) -> np.ndarray:
    """Take the picture in the dark: few photons, read noise, banded rows, whole numbers.

    The sensor counts photons, its amplifier adds read noise, every row carries an offset
    of its own, and the converter rounds to whole photons; then the picture is divided by
    `peak`, as a high ISO number does.

    Parameters
    ----------
    image : ndarray of float, shape (H, W) or (H, W, C)
        Pixels in [0, 1].
    peak : float, default=20.0
        Photons at white in the output: the amplification is its reciprocal.
    exposure : float, default=1.0
        Part of that light which comes in; below 1 the picture comes out darker.
    read : float, default=2.0
        Standard deviation of the read noise, in photons.
    rows : float, default=0.5
        Standard deviation of the offset of a row, in photons; all channels share it.
    rng : numpy.random.Generator
        Source of randomness; the only one.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        Mean ``exposure * image``, variance ``exposure * max(image, 0) / peak + (read**2 +
        rows**2 + 1 / 12) / peak**2`` (the 1 / 12 is the rounding, exact where the noise spans
        a photon or more), covariance ``(rows / peak)**2`` within a row. Where the image is not
        negative, values are multiples of ``1 / peak``.

    References
    ----------
    .. [1] K. Wei, Y. Fu, J. Yang and H. Huang, "A Physics-Based Noise Formation Model for
       Extreme Low-Light Raw Denoising", CVPR 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import low_light
    >>> rng = np.random.default_rng(0)
    >>> noisy = low_light(np.full((64, 64), 0.5), peak=20, rng=rng)
    >>> print(f"{noisy.mean():.1f} {noisy.std():.2f}")
    0.5 0.19
    """
    peak, exposure = positive("peak", peak), not_negative("exposure", exposure)
    read, rows = not_negative("read", read), not_negative("rows", rows)
    height = as_picture(image).shape[0]
    light = exposure * np.asarray(image, dtype=np.float64)
    photons = _counts(np.maximum(light, 0) * peak, rng)
    photons += read * rng.standard_normal(image.shape)
    photons += rows * rng.standard_normal((height,) + (1,) * (image.ndim - 1))
    return np.rint(photons) / peak + np.minimum(light, 0)
