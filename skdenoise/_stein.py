"""Stein's random step: how much what a denoiser returns follows what it is given.

By Stein's lemma [1]_ this derivative is what the expected error lacks where nobody knows the clean
image. One step of random signs measures it for all pixels at once, of any denoiser [2]_.

References
----------
.. [1] C. Stein, "Estimation of the Mean of a Multivariate Normal Distribution", Annals of
   Statistics 9 (6), 1981.
.. [2] S. Ramani, T. Blu and M. Unser, "Monte-Carlo SURE: a black-box optimization of regularization
   parameters for general denoising algorithms", IEEE Transactions on Image Processing 17(9), 2008.
"""

import math

import numpy as np

PROBE = 0.05
"""Length of the step, in standard deviations of the noise: long enough for half precision and
iterative methods, short enough to stay a derivative: networks seem to follow longer steps more than
they do, which the estimated error shows where noise is strong."""


def standard_error(sigma: float | np.ndarray, n_values: int) -> float:
    """Return how far off the expected squared error is by chance; it is taken to be no less."""
    return math.sqrt(2 * float(np.power(sigma, 4).mean()) / n_values)


def random_step(
    pixels: np.ndarray, length: float | np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return pixels, each of which is greater or smaller by that length, in their dtype."""
    signs = rng.choice([-1.0, 1.0], size=pixels.shape)
    return pixels + (length * signs).astype(pixels.dtype)


def slopes(
    noisy: np.ndarray, result: np.ndarray, stepped: np.ndarray, moved: np.ndarray
) -> np.ndarray:
    """Return how much each pixel followed its own step, and by chance those of others.

    Parameters
    ----------
    noisy : ndarray
        Before the step.
    result : ndarray of the same shape
        What became of it, or what was removed from it.
    stepped, moved : ndarray of the same shape
        Both after the step.

    Returns
    -------
    ndarray
        In float64; 0 where rounding left no step.
    """
    step = np.subtract(stepped, noisy, dtype=np.float64)
    change = np.subtract(moved, result, dtype=np.float64)
    return np.divide(change, step, out=np.zeros_like(step), where=step != 0)
