"""Noise of coherent imaging: waves that interfere, in radar, ultrasound, lasers and MRI.

Images are float arrays in [0, 1]. A model neither clips nor rounds.
"""

import numpy as np

from skdenoise.noise._definition import noise_model, not_negative, positive


@noise_model
def speckle(image: np.ndarray, *, sigma: float = 0.1, rng: np.random.Generator) -> np.ndarray:
    """Multiply by Gaussian noise around one.

    Parameters
    ----------
    image : ndarray of float
        Pixels in [0, 1]; any shape.
    sigma : float, default=0.1
        Standard deviation of the factor, which is that of a white pixel.
    rng : numpy.random.Generator
        Source of randomness; the only one.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        Mean ``image``, variance ``(sigma * image)**2``: black stays black.

    See Also
    --------
    gamma_speckle : Speckle as coherent waves make it, never negative.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import speckle
    >>> noisy = speckle(np.full((64, 64), 0.5), sigma=0.2, rng=np.random.default_rng(0))
    >>> print(f"{noisy.mean():.1f} {noisy.std():.2f}")
    0.5 0.10
    """
    sigma = not_negative("sigma", sigma)
    return image * (1 + sigma * rng.standard_normal(image.shape, dtype=image.dtype.type))


@noise_model
def gamma_speckle(image: np.ndarray, *, looks: float = 4.0, rng: np.random.Generator) -> np.ndarray:
    """Multiply by multi-look speckle: a gamma variable of mean one.

    The intensity of fully developed speckle is exponential; the average of `looks`
    independent looks at it, as synthetic-aperture radar takes them, follows a gamma law.

    Parameters
    ----------
    image : ndarray of float
        Intensities in [0, 1]; any shape.
    looks : float, default=4.0
        Equivalent number of looks; 1 is the strongest speckle of intensity that waves make.
    rng : numpy.random.Generator
        Source of randomness; the only one.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        Mean ``image``, variance ``image**2 / looks``; keeps the sign of the image.

    References
    ----------
    .. [1] J. W. Goodman, "Some fundamental properties of speckle", Journal of the Optical
       Society of America 66(11), 1976.
    .. [2] F. Argenti, A. Lapini, T. Bianchi and L. Alparone, "A Tutorial on Speckle Reduction
       in Synthetic Aperture Radar Images", IEEE Geoscience and Remote Sensing Magazine 1(3),
       2013.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import gamma_speckle
    >>> noisy = gamma_speckle(np.full((64, 64), 0.5), looks=4, rng=np.random.default_rng(0))
    >>> print(f"{noisy.mean():.1f} {noisy.std():.2f}")
    0.5 0.25
    """
    looks = positive("looks", looks)
    factor = rng.standard_gamma(looks, image.shape, dtype=image.dtype.type)
    return image * (factor / looks)


@noise_model
def rician(image: np.ndarray, *, sigma: float = 0.1, rng: np.random.Generator) -> np.ndarray:
    """Take the magnitude of a complex signal with Gaussian noise, as magnetic resonance does.

    Parameters
    ----------
    image : ndarray of float
        Magnitudes in [0, 1]; any shape. The sign of a negative value is lost.
    sigma : float, default=0.1
        Standard deviation of the noise of the real and of the imaginary part.
    rng : numpy.random.Generator
        Source of randomness; the only one.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        Never negative; mean square ``image**2 + 2 * sigma**2``. Black becomes Rayleigh noise
        of mean ``sigma * sqrt(pi / 2)``; bright pixels get nearly Gaussian noise of variance
        ``sigma**2``. The mean is therefore not `image`: dark regions are lifted.

    References
    ----------
    .. [1] H. Gudbjartsson and S. Patz, "The Rician Distribution of Noisy MRI Data", Magnetic
       Resonance in Medicine 34(6), 1995.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import rician
    >>> noisy = rician(np.zeros((64, 64)), sigma=0.1, rng=np.random.default_rng(0))
    >>> print(f"{noisy.mean():.2f}")  # 0.1 * sqrt(pi / 2) = 0.1253
    0.13
    """
    sigma = not_negative("sigma", sigma)
    real = image + sigma * rng.standard_normal(image.shape, dtype=image.dtype.type)
    imaginary = sigma * rng.standard_normal(image.shape, dtype=image.dtype.type)
    return np.hypot(real, imaginary)
