"""How close denoised images are to clean ones."""

from typing import Any

import numpy as np
from scipy import ndimage

from skdenoise._images import Images
from skdenoise.metrics._reading import check_matching, in_own_units, ranges_of, read, reduced

SSIM_SIGMA = 1.5
SSIM_RADIUS = 5
"""Gaussian window of Wang et al.: 11 x 11 pixels (3.5 sigma, rounded) of deviation 1.5."""


def psnr(
    clean: Any,
    denoised: Any,
    *,
    data_range: float | None = None,
    image_shape: tuple[int, ...] | None = None,
    per_image: bool = False,
) -> float | np.ndarray:
    """Peak signal-to-noise ratio in dB.

    ``20 log10(data_range / RMSE)``, with one mean over all pixels and channels of an
    image. Color is measured over RGB.

    Parameters
    ----------
    clean : container of images, or one image
        The reference: array (n, H, W) or (n, H, W, C), sequence of arrays of mixed sizes,
        table with `image_shape`, or a single image of shape (H, W) or (H, W, C).
    denoised : container of images, or one image
        What is compared with it: as many images, of the same shapes and dtypes (two float
        dtypes may differ in precision).
    data_range : float, default=None
        Difference between white and black in the images' own units. None means the largest
        value of an integer dtype (255 for uint8) and 1.0 for floats, which then must lie
        in [0, 1].
    image_shape : tuple (H, W) or (H, W, C), default=None
        Says that 2-D arrays are tables whose rows are flattened images of this shape. None
        means that a 2-D array is one gray image.
    per_image : bool, default=False
        Whether to return one value for each image instead of their mean.

    Returns
    -------
    float, or ndarray of shape (n,) where `per_image`
        Mean of the per-image values in dB; ``inf`` where the images are equal.

    Raises
    ------
    ValueError
        Where the containers do not match image by image, or the clean images do not fit
        `data_range`.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise import psnr
    >>> clean = np.full((2, 8, 8), 100, dtype=np.uint8)
    >>> round(psnr(clean, clean + np.uint8(25)), 2)
    20.17
    >>> psnr(clean, clean)
    inf
    """
    reference = read(clean, image_shape, "clean")
    values = psnr_of_images(reference, read(denoised, image_shape, "denoised"), data_range)
    return reduced(values, per_image)


def ssim(
    clean: Any,
    denoised: Any,
    *,
    data_range: float | None = None,
    image_shape: tuple[int, ...] | None = None,
    per_image: bool = False,
) -> float | np.ndarray:
    """Structural similarity of Wang et al. [1]_, with their Gaussian window.

    The window has 11 x 11 pixels and a standard deviation of 1.5; windows that cross the
    border are left out; channels are averaged. Equal to
    ``skimage.metrics.structural_similarity(..., gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False)``.

    Parameters
    ----------
    clean : container of images, or one image
        The reference: array (n, H, W) or (n, H, W, C), sequence of arrays of mixed sizes,
        table with `image_shape`, or a single image of shape (H, W) or (H, W, C). No image
        may be smaller than the window, 11 x 11.
    denoised : container of images, or one image
        What is compared with it: as many images, of the same shapes and dtypes (two float
        dtypes may differ in precision).
    data_range : float, default=None
        Difference between white and black in the images' own units. None means the largest
        value of an integer dtype (255 for uint8) and 1.0 for floats, which then must lie
        in [0, 1].
    image_shape : tuple (H, W) or (H, W, C), default=None
        Says that 2-D arrays are tables whose rows are flattened images of this shape. None
        means that a 2-D array is one gray image.
    per_image : bool, default=False
        Whether to return one value for each image instead of their mean.

    Returns
    -------
    float, or ndarray of shape (n,) where `per_image`
        Mean of the per-image values; 1.0 where the images are equal.

    Raises
    ------
    ValueError
        Where the containers do not match image by image, the clean images do not fit
        `data_range`, or an image is smaller than the window.

    References
    ----------
    .. [1] Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, "Image quality
       assessment: from error visibility to structural similarity", IEEE Transactions on
       Image Processing 13(4), 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise import ssim
    >>> ramp = np.tile(np.linspace(0, 1, 16), (16, 1))
    >>> round(ssim(ramp, ramp), 3), round(ssim(ramp, 1 - ramp), 3)
    (1.0, -0.827)
    """
    reference = read(clean, image_shape, "clean")
    values = ssim_of_images(reference, read(denoised, image_shape, "denoised"), data_range)
    return reduced(values, per_image)


def psnr_gain(
    clean: Any,
    noisy: Any,
    denoised: Any,
    *,
    image_shape: tuple[int, ...] | None = None,
    per_image: bool = False,
) -> float | np.ndarray:
    """Decibels won by denoising: PSNR of the denoised less PSNR of the noisy images.

    The range of the pixels cancels, so no `data_range` is needed.

    Parameters
    ----------
    clean : container of images, or one image
        The reference: array (n, H, W) or (n, H, W, C), sequence of arrays of mixed sizes,
        table with `image_shape`, or a single image of shape (H, W) or (H, W, C).
    noisy, denoised : container of images, or one image
        Before and after: as many images, of the same shapes and dtypes (two float dtypes
        may differ in precision).
    image_shape : tuple (H, W) or (H, W, C), default=None
        Says that 2-D arrays are tables whose rows are flattened images of this shape. None
        means that a 2-D array is one gray image.
    per_image : bool, default=False
        Whether to return one value for each image instead of their mean.

    Returns
    -------
    float, or ndarray of shape (n,) where `per_image`
        Mean of the per-image gains in dB: positive where denoising helped, 0 where it
        changed nothing.

    Raises
    ------
    ValueError
        Where the containers do not match image by image.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise import psnr_gain
    >>> clean = np.full((1, 8, 8), 0.5)
    >>> round(psnr_gain(clean, clean + 0.2, clean + 0.1), 2)
    6.02
    """
    reference = read(clean, image_shape, "clean")
    before = _squared_errors(reference, read(noisy, image_shape, "noisy"), "noisy")
    after = _squared_errors(reference, read(denoised, image_shape, "denoised"), "denoised")
    gains = np.zeros(len(reference))
    # Equal errors come first: a perfect image that stays perfect has gained nothing.
    gains[after < before] = np.inf
    gains[after > before] = -np.inf
    finite = (before > 0) & (after > 0)
    gains[finite] = 10 * np.log10(before[finite] / after[finite])
    return reduced(gains, per_image)


def psnr_of_images(
    clean: Images, denoised: Images, data_range: float | np.ndarray | None = None
) -> np.ndarray:
    """PSNR in dB of each pair of images that were read already."""
    errors = _squared_errors(clean, denoised)
    ranges = ranges_of(clean, data_range)
    values = np.full(len(clean), np.inf)
    seen = errors > 0
    values[seen] = 20 * np.log10(ranges[seen]) - 10 * np.log10(errors[seen])
    return values


def _squared_errors(clean: Images, denoised: Images, name: str = "denoised") -> np.ndarray:
    """Mean squared error of each pair, in its own units."""
    check_matching(clean, denoised, ("clean", name))
    return np.array(
        [
            np.mean(np.square(in_own_units(clean, index) - in_own_units(denoised, index)))
            for index in range(len(clean))
        ]
    )


def ssim_of_images(clean: Images, denoised: Images, data_range: float | None = None) -> np.ndarray:
    """SSIM of each pair of images that were read already."""
    check_matching(clean, denoised)
    window = 2 * SSIM_RADIUS + 1
    for index, (height, width, _) in enumerate(clean.shapes):
        if min(height, width) < window:
            msg = (
                f"SSIM needs images of at least {window} x {window} pixels, but image {index} has "
                f"{height} x {width}. Use psnr for such images; rows of a table are images 1 "
                f"pixel high unless image_shape=(height, width) is given."
            )
            raise ValueError(msg)
    return np.array(
        [
            _ssim(in_own_units(clean, index), in_own_units(denoised, index), peak)
            for index, peak in enumerate(ranges_of(clean, data_range))
        ]
    )


def _ssim(clean: np.ndarray, denoised: np.ndarray, peak: float) -> float:
    """SSIM of one pair (H, W, C): equation 13 of Wang et al. in every window, averaged."""

    def windowed(image: np.ndarray) -> np.ndarray:
        blurred = ndimage.gaussian_filter(image, (SSIM_SIGMA, SSIM_SIGMA, 0), truncate=3.5)
        return blurred[SSIM_RADIUS:-SSIM_RADIUS, SSIM_RADIUS:-SSIM_RADIUS]

    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    mean_clean, mean_denoised = windowed(clean), windowed(denoised)
    product = mean_clean * mean_denoised
    squares = mean_clean**2 + mean_denoised**2
    covariance = windowed(clean * denoised) - product
    variances = windowed(clean**2) + windowed(denoised**2) - squares
    similarity = (2 * product + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))
    return float(similarity.mean())
