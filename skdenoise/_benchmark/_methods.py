"""The methods of other packages, with the settings that are usual for them.

A method takes an image (H, W, C) of floats, white at 1, and the standard deviation of its noise.
Packages are imported when a method of theirs is made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from scipy import ndimage

from skdenoise._protocol import stored

Denoise = Callable[[np.ndarray, float], np.ndarray]
"""``denoise(noisy, sigma)`` returns an image of the shape of `noisy`."""

INSTALL = "pip install 'skdenoise[compare]'"


class MethodMissingError(ImportError):
    """A method was asked for whose package is not installed."""


@dataclass(frozen=True)
class Method:
    """A row of the table.

    Attributes
    ----------
    title : str
        What people call it.
    make : callable
        Imports what is needed and returns the function that denoises.
    package : str
        The distribution that it comes from.
    settings : str
        How it is set; sigma is the true standard deviation of the noise.
    told_sigma : bool
        Whether it is told the true standard deviation.
    """

    title: str
    make: Callable[[], Denoise]
    package: str
    settings: str
    told_sigma: bool = True

    @property
    def version(self) -> str | None:
        """The version of the package, None where it is not installed."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            # OpenCV comes under several names.
            if self.package == "opencv-python-headless":
                return _opencv_version()
            return None

    def load(self) -> Denoise:
        """Return the function that denoises.

        Raises
        ------
        MethodMissingError
            Where its package is not installed; the message says what to type.
        """
        try:
            return self.make()
        except ImportError as error:
            msg = (
                f"{self.title} needs the package {self.package}, which cannot be imported "
                f"({error}). Type: {INSTALL}"
            )
            raise MethodMissingError(msg) from error


def _opencv_version() -> str | None:
    for name in ("opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python"):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None


def _gaussian() -> Denoise:
    def denoise(noisy: np.ndarray, sigma: float) -> np.ndarray:
        width = GAUSSIAN_WIDTH * np.sqrt(255 * sigma)
        return ndimage.gaussian_filter(noisy, (width, width, 0), mode="mirror")

    return denoise


def _non_local_means() -> Denoise:
    from skimage.restoration import denoise_nl_means

    def denoise(noisy: np.ndarray, sigma: float) -> np.ndarray:
        denoised = denoise_nl_means(
            noisy,
            h=0.8 * sigma,
            sigma=sigma,
            fast_mode=True,
            patch_size=5,
            patch_distance=6,
            channel_axis=-1,
        )
        return np.reshape(denoised, noisy.shape)  # it drops a single channel

    return denoise


def _total_variation() -> Denoise:
    from skimage.restoration import denoise_tv_chambolle

    def denoise(noisy: np.ndarray, sigma: float) -> np.ndarray:
        return denoise_tv_chambolle(noisy, weight=TV_WEIGHT * sigma, channel_axis=-1)

    return denoise


def _wavelets() -> Denoise:
    import pywt  # noqa: F401 - scikit-image does without it until it denoises
    from skimage.restoration import denoise_wavelet

    def denoise(noisy: np.ndarray, sigma: float) -> np.ndarray:
        return denoise_wavelet(
            noisy,
            sigma=sigma,
            method="BayesShrink",
            mode="soft",
            rescale_sigma=True,
            convert2ycbcr=noisy.shape[-1] == 3,
            channel_axis=-1,
        )

    return denoise


def _opencv() -> Denoise:
    import cv2

    def denoise(noisy: np.ndarray, sigma: float) -> np.ndarray:
        pixels, h = np.ascontiguousarray(stored(noisy)), OPENCV_H * 255 * sigma
        if pixels.shape[-1] == 3:
            denoised = cv2.fastNlMeansDenoisingColored(pixels, None, h, h)
        else:
            denoised = cv2.fastNlMeansDenoising(pixels[..., 0], None, h)[..., None]
        return denoised / np.float32(255)

    return denoise


def _bm3d() -> Denoise:
    import bm3d

    def denoise(noisy: np.ndarray, sigma: float) -> np.ndarray:
        if noisy.shape[-1] == 3:
            return bm3d.bm3d_rgb(noisy, sigma)
        return np.reshape(bm3d.bm3d(noisy[..., 0], sigma), noisy.shape)

    return denoise


GAUSSIAN_WIDTH = 0.15
TV_WEIGHT = 0.75
OPENCV_H = 1.0
"""The best of a few at sigma 25 on photographs that are in no benchmark."""

METHODS = {
    "gaussian": Method(
        "Gaussian filter",
        _gaussian,
        "scipy",
        f"width {GAUSSIAN_WIDTH:g} sqrt(sigma) pixels, sigma in gray levels",
    ),
    "tv": Method(
        "total variation (scikit-image)",
        _total_variation,
        "scikit-image",
        f"denoise_tv_chambolle, weight {TV_WEIGHT:g} sigma",
    ),
    "wavelet": Method(
        "wavelets (scikit-image)",
        _wavelets,
        "scikit-image",
        "denoise_wavelet, BayesShrink, soft, rescale_sigma=True; color in YCbCr",
    ),
    "nlm": Method(
        "non-local means (scikit-image)",
        _non_local_means,
        "scikit-image",
        "denoise_nl_means, fast, h 0.8 sigma, patches of 5 pixels at most 6 away",
    ),
    "opencv": Method(
        "non-local means (OpenCV)",
        _opencv,
        "opencv-python-headless",
        f"fastNlMeansDenoising on 8-bit pixels, h {OPENCV_H:g} sigma",
    ),
    "bm3d": Method(
        "BM3D (bm3d)", _bm3d, "bm3d", "as it comes; its license is for non-commercial use"
    ),
}
"""Name to method, from the quickest to the best."""
