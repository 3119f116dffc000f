"""How papers measure denoisers, so that a number here means what it means there.

White Gaussian noise of standard deviation sigma, in gray levels, is added to the image, neither
clipped nor rounded; the result is clipped and rounded to 8 bits, and compared with the 8-bit
image.
"""

import numpy as np

from skdenoise.metrics import psnr, ssim


def with_white_noise(image: np.ndarray, sigma: float) -> np.ndarray:
    """Return a uint8 image in [0, 1] with noise of `sigma` gray levels, in float32.

    The noise is that of ``numpy.random.RandomState(0)``, made new for each image, in the shape
    of the image.
    """
    noise = np.random.RandomState(0).standard_normal(image.shape)
    return (image / 255 + sigma / 255 * noise).astype(np.float32)


def stored(pixels: np.ndarray) -> np.ndarray:
    """Return pixels in [0, 1] as an 8-bit file holds them."""
    return np.rint(pixels.clip(0, 1) * 255).astype(np.uint8)


def quality(image: np.ndarray, denoised: np.ndarray) -> float:
    """Return the PSNR in dB of pixels in [0, 1] against a uint8 image, both (H, W, C)."""
    return float(psnr(image[None], stored(denoised)[None]))


def noise_quality(image: np.ndarray, noisy: np.ndarray) -> float:
    """Return the PSNR in dB of noise that is neither clipped nor rounded, 20.17 at sigma 25."""
    gray_levels = 255 * noisy[None].astype(np.float64)
    return float(psnr(image[None].astype(np.float64), gray_levels, data_range=255))


def similarity(image: np.ndarray, denoised: np.ndarray) -> float:
    """Return the SSIM of pixels in [0, 1] against a uint8 image, both (H, W, C)."""
    return float(ssim(image[None], stored(denoised)[None]))
