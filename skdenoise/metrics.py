"""Arrays to numbers: how close denoised images are to the clean ones.

Every function takes whole containers of the image contract and returns the mean of the
per-image values. Pixels are compared in float64 in their own units, so integers never
wrap. What the dtypes do not say about the range of the pixels has to be said by
`data_range`; it is never read off the values.

A single image may be passed as it is: a 2-D array is one gray (H, W) image, and a 3-D
array with a last axis of 1, 3 or 4 and at least 16 rows and columns is one (H, W, C)
image. (H, W, 4) is RGBA, whose alpha is left out. Every other 3-D array is a stack
(n, H, W). The rows of a 2-D array are images only where `image_shape` says so; a data
frame is always a table.
"""

import math
from numbers import Real
from typing import Any

import numpy as np
from scipy import ndimage

from skdenoise._images import Images, is_image_sequence, read_images

__all__ = ["psnr", "psnr_gain", "ssim"]

SSIM_SIGMA = 1.5
SSIM_RADIUS = 5
"""Gaussian window of Wang et al.: 11 x 11 pixels (3.5 sigma, rounded) of deviation 1.5."""

SLACK = 1e-3
"""Part of the range by which pixels may leave it: rounding and resampling, not another scale."""

SINGLE_IMAGE_SIDE = 16
"""Smallest side at which (H, W, C) is taken as one image, as in the image contract."""


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
    reference = _read(clean, image_shape, "clean")
    values = psnr_of_images(reference, _read(denoised, image_shape, "denoised"), data_range)
    return _reduced(values, per_image)


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
    reference = _read(clean, image_shape, "clean")
    values = ssim_of_images(reference, _read(denoised, image_shape, "denoised"), data_range)
    return _reduced(values, per_image)


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
    reference = _read(clean, image_shape, "clean")
    before = _squared_errors(reference, _read(noisy, image_shape, "noisy"), "noisy")
    after = _squared_errors(reference, _read(denoised, image_shape, "denoised"), "denoised")
    gains = np.zeros(len(reference))
    # Equal errors come first: a perfect image that stays perfect has gained nothing.
    gains[after < before] = np.inf
    gains[after > before] = -np.inf
    finite = (before > 0) & (after > 0)
    gains[finite] = 10 * np.log10(before[finite] / after[finite])
    return _reduced(gains, per_image)


def psnr_of_images(clean: Images, denoised: Images, data_range: float | None = None) -> np.ndarray:
    """PSNR in dB of each pair of images that were read already."""
    errors = _squared_errors(clean, denoised)
    ranges = _ranges(clean, data_range)
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
            for index, peak in enumerate(_ranges(clean, data_range))
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


def in_own_units(images: Images, index: int) -> np.ndarray:
    """Return one image (H, W, C) as float64 in its own units: integers exactly."""
    pixels = images[index].astype(np.float64)
    return pixels if images.dtypes[index].kind == "f" else np.rint(pixels * images.scales[index])


def _read(X: Any, image_shape: tuple[int, ...] | None, name: str) -> Images:
    """Read a container, or a single image as a container of one."""
    if isinstance(X, (list, tuple)) and len(X) > 0 and not is_image_sequence(X):
        X = np.asarray(X)
    if getattr(X, "ndim", None) == 1 and X.dtype != object:
        msg = (
            f"Expected images in {name}, got an array of shape {X.shape}: labels cannot be "
            f"compared as images. Pass images, or {name}.reshape(height, width) for one flat image."
        )
        raise ValueError(msg)
    if isinstance(X, np.ndarray) and _is_single_image(X, image_shape):
        X = X[None]
    return read_images(X, image_shape, name=name)


def _is_single_image(X: np.ndarray, image_shape: tuple[int, ...] | None) -> bool:
    if X.ndim == 3:
        return X.shape[-1] in (1, 3, 4) and min(X.shape[:2]) >= SINGLE_IMAGE_SIDE
    return X.ndim == 2 and image_shape is None


def check_matching(
    reference: Images, other: Images, names: tuple[str, str] = ("clean", "denoised")
) -> None:
    """Raise ValueError at the first image of `other` that cannot be compared with its reference.

    Parameters
    ----------
    reference, other : Images
        The two containers.
    names : tuple of two str, default=("clean", "denoised")
        What messages call their images.
    """
    first, second = names
    if len(reference) != len(other):
        msg = (
            f"There are {len(reference)} {first} images, but {len(other)} {second} ones. "
            f"Pass as many {second} images as {first} ones."
        )
        raise ValueError(msg)
    for index in range(len(reference)):
        shapes = reference.shapes[index], other.shapes[index]
        if shapes[0] != shapes[1]:
            msg = (
                f"Image {index} has shape {shapes[0]} among the {first} images, but shape "
                f"{shapes[1]} among the {second} ones. They are compared pixel by pixel, so pass "
                f"images of the same shape, in the same order."
            )
            raise ValueError(msg)
        dtypes = reference.dtypes[index], other.dtypes[index]
        if dtypes[0] != dtypes[1] and {dtype.kind for dtype in dtypes} != {"f"}:
            msg = (
                f"Image {index} is {dtypes[0]} among the {first} images, but {dtypes[1]} among "
                f"the {second} ones, so white is not the same number in both. Convert both to one "
                f"dtype and scale, for example uint8 images to floats with images / 255."
            )
            raise ValueError(msg)


def _ranges(clean: Images, data_range: float | None) -> np.ndarray:
    """Return the range of each clean image in its own units; refuse pixels that exceed it."""
    check_data_range(data_range)
    ranges = np.array(clean.scales if data_range is None else [data_range] * len(clean), float)
    for index, data_range_of_image in enumerate(ranges):
        pixels = in_own_units(clean, index)
        low, high = float(pixels.min()), float(pixels.max())
        if data_range is not None and high - low > data_range_of_image * (1 + SLACK):
            msg = (
                f"Clean image {index} spans {low:g} to {high:g}, more than "
                f"data_range={data_range:g}. Pass the difference between white and black in the "
                f"images' own units, or clip the images to that range."
            )
            raise ValueError(msg)
        is_float = clean.dtypes[index].kind == "f"
        if data_range is None and is_float and (low < -SLACK or high > 1 + SLACK):
            raise ValueError(float_range_message(index, f"spans {low:g} to {high:g}"))
    return ranges


def check_data_range(data_range: Any) -> None:
    """Raise ValueError unless `data_range` is None or a positive finite number."""
    if data_range is None:
        return
    is_number = isinstance(data_range, Real) and not isinstance(data_range, (bool, np.bool_))
    if not is_number or not 0 < float(data_range) < math.inf:
        msg = f"data_range must be None or a float in the range (0, inf). Got {data_range!r}."
        raise ValueError(msg)


def float_range_message(index: int, finding: str) -> str:
    """Say that a float image is not in [0, 1], and what to pass."""
    return (
        f"Float images are taken to be in [0, 1], but image {index} {finding}. Pass the difference "
        f"between white and black, for example data_range=255 for gray levels, or scale the images "
        f"to [0, 1]."
    )


def _reduced(values: np.ndarray, per_image: bool) -> float | np.ndarray:
    return values if per_image else float(values.mean())
