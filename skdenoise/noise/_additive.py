"""Noise that is added: a random field of known standard deviation, whatever caused it.

Images are float arrays in [0, 1]. A model neither clips nor rounds: clipping is a
property of the sensor, so the caller decides.
"""

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from skdenoise.noise._definition import as_picture, noise_model, not_negative, one_of


def _standard_normal(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal(image.shape, dtype=image.dtype.type)


@noise_model
def gaussian(image: np.ndarray, *, sigma: float = 0.1, rng: np.random.Generator) -> np.ndarray:
    """Add white Gaussian noise, the AWGN of the denoising literature.

    Parameters
    ----------
    image : ndarray of float
        Pixels in [0, 1]; any shape.
    sigma : float, default=0.1
        Standard deviation of the noise; papers that write sigma = 25 mean 25 / 255.
    rng : numpy.random.Generator
        Source of randomness; the only one.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        Mean ``image``, variance ``sigma**2``, independent from value to value.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import gaussian
    >>> noisy = gaussian(np.full((64, 64), 0.5), sigma=0.1, rng=np.random.default_rng(0))
    >>> print(f"{noisy.std():.2f}")
    0.10
    """
    sigma = not_negative("sigma", sigma)
    return image + sigma * _standard_normal(image, rng)


@noise_model
def gaussian_range(
    image: np.ndarray, *, low: float = 0.0, high: float = 0.2, rng: np.random.Generator
) -> np.ndarray:
    """Add white Gaussian noise of a strength drawn once per image, as blind denoisers train on.

    Parameters
    ----------
    image : ndarray of float
        Pixels in [0, 1]; any shape.
    low : float, default=0.0
        Smallest standard deviation.
    high : float, default=0.2
        Largest standard deviation.
    rng : numpy.random.Generator
        Source of randomness; the only one.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        Mean ``image``, variance ``sigma**2`` with one sigma, uniform in [low, high], for the
        whole image; over many images the variance is ``(low**2 + low * high + high**2) / 3``.

    References
    ----------
    .. [1] K. Zhang et al., "Beyond a Gaussian Denoiser: Residual Learning of Deep CNN for
       Image Denoising", IEEE Transactions on Image Processing 26(7), 2017 (DnCNN-B).

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import gaussian_range
    >>> rng = np.random.default_rng(0)
    >>> clean = np.full((64, 64), 0.5)
    >>> print(*(f"{gaussian_range(clean, high=0.2, rng=rng).std():.2f}" for _ in range(3)))
    0.13 0.10 0.08
    """
    low, high = not_negative("low", low), not_negative("high", high)
    if low > high:
        msg = f"low must not exceed high. Got low={low}, high={high} instead."
        raise ValueError(msg)
    return image + rng.uniform(low, high) * _standard_normal(image, rng)


@noise_model
def local_variance(
    image: np.ndarray,
    *,
    sigma: float = 0.1,
    sigma_map: np.ndarray | Callable[[np.ndarray], np.ndarray] | None = None,
    rng: np.random.Generator,
) -> np.ndarray:
    """Add Gaussian noise whose strength depends on place or on intensity.

    Parameters
    ----------
    image : ndarray of float
        Pixels in [0, 1]; any shape.
    sigma : float, default=0.1
        Standard deviation where the map is 1.
    sigma_map : ndarray, callable or None, default=None
        Relative standard deviation: an array that broadcasts to `image` ((H, W) serves all
        channels), or a function that makes one from the image. None means
        ``sqrt(max(image, 0))``: noise grows with the light.
    rng : numpy.random.Generator
        Source of randomness; the only one.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        Mean ``image``, variance ``(sigma * sigma_map)**2``, independent from value to value.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import local_variance
    >>> ramp = np.linspace(0, 1, 64)[None, :]  # quiet on the left, noisy on the right
    >>> noisy = local_variance(np.zeros((999, 64)), sigma_map=ramp, rng=np.random.default_rng(0))
    >>> print(f"{noisy[:, 0].std():.2f} {noisy[:, -1].std():.2f}")
    0.00 0.10
    """
    sigma = not_negative("sigma", sigma)
    if sigma_map is None:
        sigma_map = np.sqrt(np.maximum(image, 0))
    relative = np.asarray(sigma_map(image.copy()) if callable(sigma_map) else sigma_map)
    if relative.dtype.kind not in "biuf":
        msg = f"sigma_map must be an array of numbers or a function. Got {sigma_map!r} instead."
        raise ValueError(msg)
    relative = relative.astype(image.dtype)
    if image.ndim == 3 and relative.shape == image.shape[:2]:
        relative = relative[..., None]
    try:
        relative = np.broadcast_to(relative, image.shape)
    except ValueError:
        msg = (
            f"sigma_map must broadcast to the image of shape {image.shape}. "
            f"Got shape {relative.shape} instead."
        )
        raise ValueError(msg) from None
    if not (np.isfinite(relative).all() and (relative >= 0).all()):
        msg = "sigma_map must be finite and not negative everywhere: it is a standard deviation."
        raise ValueError(msg)
    return image + sigma * relative * _standard_normal(image, rng)


@noise_model
def uniform(image: np.ndarray, *, sigma: float = 0.1, rng: np.random.Generator) -> np.ndarray:
    """Add noise that is uniform around zero.

    Parameters
    ----------
    image : ndarray of float
        Pixels in [0, 1]; any shape.
    sigma : float, default=0.1
        Standard deviation; the noise lies in ``sigma * sqrt(3)`` to both sides.
    rng : numpy.random.Generator
        Source of randomness; the only one.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        Mean ``image``, variance ``sigma**2``, never further than ``sigma * sqrt(3)`` away.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import uniform
    >>> noisy = uniform(np.zeros((64, 64)), sigma=0.1, rng=np.random.default_rng(0))
    >>> print(f"{noisy.std():.2f} {abs(noisy).max():.3f}")
    0.10 0.173
    """
    half_width = not_negative("sigma", sigma) * 3**0.5
    return image + half_width * (2 * rng.random(image.shape, dtype=image.dtype.type) - 1)


@noise_model
def laplace(image: np.ndarray, *, sigma: float = 0.1, rng: np.random.Generator) -> np.ndarray:
    """Add noise of a Laplace distribution: heavier tails than Gaussian.

    Parameters
    ----------
    image : ndarray of float
        Pixels in [0, 1]; any shape.
    sigma : float, default=0.1
        Standard deviation; the scale of the distribution is ``sigma / sqrt(2)``.
    rng : numpy.random.Generator
        Source of randomness; the only one.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        Mean ``image``, variance ``sigma**2``, mean absolute deviation ``sigma / sqrt(2)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import laplace
    >>> noisy = laplace(np.zeros((64, 64)), sigma=0.1, rng=np.random.default_rng(0))
    >>> print(f"{noisy.std():.2f} {abs(noisy).mean():.2f}")
    0.10 0.07
    """
    scale = not_negative("sigma", sigma) / 2**0.5
    shape, dtype = image.shape, image.dtype.type
    # The difference of two exponential variables; unlike rng.laplace it exists in float32.
    difference = rng.standard_exponential(shape, dtype=dtype)
    difference = difference - rng.standard_exponential(shape, dtype=dtype)
    return image + scale * difference


@noise_model
def correlated(
    image: np.ndarray,
    *,
    sigma: float = 0.1,
    length: float = 1.0,
    rng: np.random.Generator,
) -> np.ndarray:
    """Add Gaussian noise that neighbors share, as after demosaicing, scaling or a camera's JPEG.

    White noise is filtered by a Gaussian window of unit energy, drawn beyond the borders too,
    so that the variance is exact at every pixel.

    Parameters
    ----------
    image : ndarray of float, shape (H, W) or (H, W, C)
        Pixels in [0, 1].
    sigma : float, default=0.1
        Standard deviation of the noise after filtering.
    length : float, default=1.0
        Standard deviation of the window in pixels; 0 gives white noise.
    rng : numpy.random.Generator
        Source of randomness; the only one.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        Mean ``image``, variance ``sigma**2``, correlation ``exp(-d**2 / (4 * length**2))``
        between pixels at distance d (for ``length`` from about 0.7 on, where the window is well
        sampled); channels are independent.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import correlated
    >>> noise = correlated(np.zeros((256, 256)), length=1, rng=np.random.default_rng(0))
    >>> neighbors = np.corrcoef(noise[1:].ravel(), noise[:-1].ravel())[0, 1]
    >>> print(f"{noise.std():.2f} {neighbors:.2f}")
    0.10 0.78
    """
    sigma, length = not_negative("sigma", sigma), not_negative("length", length)
    height, width, n_channels = as_picture(image).shape
    radius = int(np.ceil(4 * length))
    window = np.exp(-0.5 * (np.arange(-radius, radius + 1) / max(length, 1e-9)) ** 2)
    window /= np.linalg.norm(window)
    padded = (height + 2 * radius, width + 2 * radius, n_channels)
    noise = rng.standard_normal(padded, dtype=image.dtype.type)
    for axis, size in enumerate((height, width)):
        noise = ndimage.correlate1d(noise, window, axis=axis, mode="constant")
        noise = noise[(slice(None),) * axis + (slice(radius, radius + size),)]
    return image + sigma * noise.reshape(image.shape)


@noise_model
def stripes(
    image: np.ndarray,
    *,
    sigma: float = 0.1,
    direction: str = "vertical",
    rng: np.random.Generator,
) -> np.ndarray:
    """Add stripes: every column (or row) of the sensor has an offset of its own.

    Parameters
    ----------
    image : ndarray of float, shape (H, W) or (H, W, C)
        Pixels in [0, 1].
    sigma : float, default=0.1
        Standard deviation of the offsets, which are Gaussian.
    direction : {"vertical", "horizontal"}, default="vertical"
        How the stripes run: "vertical" gives each column one offset.
    rng : numpy.random.Generator
        Source of randomness; the only one.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        Mean ``image``, variance ``sigma**2``, the same noise along a stripe and in all
        channels, independent from stripe to stripe.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import stripes
    >>> noise = stripes(np.zeros((2, 3)), rng=np.random.default_rng(0))
    >>> bool((noise[0] == noise[1]).all())
    True
    """
    sigma = not_negative("sigma", sigma)
    one_of("direction", direction, ("vertical", "horizontal"))
    height, width, _ = as_picture(image).shape
    shape = (1, width) if direction == "vertical" else (height, 1)
    offsets = rng.standard_normal(shape, dtype=image.dtype.type)
    return image + sigma * offsets.reshape(shape + (1,) * (image.ndim - 2))
