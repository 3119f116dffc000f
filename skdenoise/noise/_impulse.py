"""Noise that replaces: some pixels lose their value altogether, the others are untouched.

Images are float arrays in [0, 1]; the new values are within that range too.
"""

import numpy as np

from skdenoise.noise._definition import (
    as_picture,
    finite,
    fraction_of_one,
    noise_model,
    whole_number,
)


@noise_model
def salt_and_pepper(
    image: np.ndarray,
    *,
    fraction: float = 0.1,
    salt: float = 0.5,
    low: float = 0.0,
    high: float = 1.0,
    rng: np.random.Generator,
) -> np.ndarray:
    """Turn some values black or white.

    Parameters
    ----------
    image : ndarray of float
        Pixels in [0, 1]; any shape.
    fraction : float, default=0.1
        Part of the values that are replaced, in [0, 1].
    salt : float, default=0.5
        Part of the replaced values that become `high`, in [0, 1].
    low : float, default=0.0
        The value of pepper.
    high : float, default=1.0
        The value of salt.
    rng : numpy.random.Generator
        Source of randomness; the only one.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        `high` with probability ``fraction * salt``, `low` with ``fraction * (1 - salt)``, else
        the value of `image` to the last bit; channels independently.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import salt_and_pepper
    >>> rng = np.random.default_rng(0)
    >>> noisy = salt_and_pepper(np.full((64, 64), 0.5), fraction=0.2, rng=rng)
    >>> print(f"{(noisy == 1).mean():.1f} {(noisy == 0).mean():.1f}")
    0.1 0.1
    """
    fraction, salt = fraction_of_one("fraction", fraction), fraction_of_one("salt", salt)
    low, high = finite("low", low), finite("high", high)
    lot = rng.random(image.shape, dtype=image.dtype.type)
    noisy = image.copy()
    noisy[lot < fraction] = low
    noisy[lot < fraction * salt] = high
    return noisy


@noise_model
def random_impulse(
    image: np.ndarray, *, fraction: float = 0.1, rng: np.random.Generator
) -> np.ndarray:
    """Replace some values by random ones.

    Parameters
    ----------
    image : ndarray of float
        Pixels in [0, 1]; any shape.
    fraction : float, default=0.1
        Part of the values that are replaced, in [0, 1].
    rng : numpy.random.Generator
        Source of randomness; the only one.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        Uniform in [0, 1] with probability `fraction`, else the value of `image` to the last
        bit; channels independently.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import random_impulse
    >>> rng = np.random.default_rng(0)
    >>> noisy = random_impulse(np.full((64, 64), 0.5), fraction=0.2, rng=rng)
    >>> print(f"{(noisy != 0.5).mean():.1f}")
    0.2
    """
    fraction = fraction_of_one("fraction", fraction)
    lot = rng.random(image.shape, dtype=image.dtype.type)
    return np.where(lot < fraction, rng.random(image.shape, dtype=image.dtype.type), image)


@noise_model
def dead_pixels(
    image: np.ndarray,
    *,
    fraction: float = 0.01,
    hot: float = 0.5,
    sensor: int | None = None,
    rng: np.random.Generator,
) -> np.ndarray:
    """Let pixels of the sensor fail: black where dead, white where hot, in all channels.

    Parameters
    ----------
    image : ndarray of float, shape (H, W) or (H, W, C)
        Pixels in [0, 1].
    fraction : float, default=0.01
        Part of the pixels that have failed, in [0, 1].
    hot : float, default=0.5
        Part of the failed pixels that are white, in [0, 1].
    sensor : int or None, default=None
        A number that names one sensor: its failed pixels are the same in all images of one
        size. None means another sensor for every image.
    rng : numpy.random.Generator
        Source of randomness where `sensor` is None.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        All channels 1 with probability ``fraction * hot``, all 0 with ``fraction * (1 - hot)``,
        else the pixel of `image` to the last bit.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import dead_pixels
    >>> rng = np.random.default_rng(0)
    >>> first = dead_pixels(np.full((64, 64), 0.5), sensor=7, rng=rng)
    >>> second = dead_pixels(np.full((64, 64), 0.5), sensor=7, rng=rng)
    >>> bool((first == second).all())
    True
    """
    fraction, hot = fraction_of_one("fraction", fraction), fraction_of_one("hot", hot)
    height, width, _ = as_picture(image).shape
    if sensor is not None:
        rng = np.random.default_rng([whole_number("sensor", sensor, 0), height, width])
    lot = rng.random((height, width))
    noisy = image.copy()
    noisy[lot < fraction] = 0
    noisy[lot < fraction * hot] = 1
    return noisy
