"""What brightening did to images, without any reference: exposure, highlights, colors, order."""

from collections.abc import Callable
from typing import Any

import numpy as np

from skdenoise._images import Images
from skdenoise._unit_range import HIGHEST, WHITE
from skdenoise._validation import INT_POSITIVE, SHARE
from skdenoise.metrics._reading import (
    check_data_range,
    check_matching,
    float_range_message,
    in_own_units,
    read,
    reduced,
)

ORDER_SAMPLES = 50
"""At most so many rows and columns of an image are compared with each other."""


def exposure_error(
    images: Any,
    *,
    target: float = 0.6,
    region: int = 16,
    data_range: float | None = None,
    image_shape: tuple[int, ...] | None = None,
    per_image: bool = False,
) -> float | np.ndarray:
    """Mean distance of the brightness of regions from a target.

    An image is cut into squares; those at its right and lower edge may be smaller, and weigh as
    much as they have pixels. The brightness of a square is the mean over its pixels and channels.
    0 where every square has the target brightness.

    Parameters
    ----------
    images : container of images, or one image
        What is judged, such as enhanced images: array (n, H, W) or (n, H, W, C), sequence of
        arrays of mixed sizes, table with `image_shape`, or a single image of shape (H, W) or
        (H, W, C).
    target : float, default=0.6
        Brightness of a well exposed region, where black is 0 and white is 1.
    region : int, default=16
        Side of a square in pixels.
    data_range : float, default=None
        Value of white in the images' own units; black is 0. None means the largest value of an
        integer dtype and 1.0 for floats.
    image_shape : tuple (H, W) or (H, W, C), default=None
        Says that 2-D arrays are tables whose rows are flattened images of this shape. None
        means that a 2-D array is one gray image.
    per_image : bool, default=False
        Whether to return one value for each image instead of their mean.

    Returns
    -------
    float, or ndarray of shape (n,) where `per_image`
        Mean of the per-image values; 0 is best.

    Raises
    ------
    ValueError
        Where `target` is not in [0, 1], `region` is no number of pixels, or floats are far above 1
        and there is no `data_range`.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise import exposure_error
    >>> halves = np.repeat([[0.0, 0.8]], 16, axis=1) * np.ones((32, 1))
    >>> round(exposure_error(halves), 3)
    0.4
    """
    found = read(images, image_shape, "images")
    return reduced(exposure_error_of_images(found, target, region, data_range), per_image)


def clipped_share(
    original: Any,
    enhanced: Any,
    *,
    data_range: float | None = None,
    image_shape: tuple[int, ...] | None = None,
    per_image: bool = False,
) -> float | np.ndarray:
    """Share of the pixels that became clipped highlights.

    A pixel is clipped where its largest channel is at white, or within one of 255 gray levels of
    it. Pixels that were clipped before do not count. 0 where nothing is brightened.

    Parameters
    ----------
    original, enhanced : container of images, or one image
        Before and after, of the same shapes and dtypes: array (n, H, W) or (n, H, W, C),
        sequence of arrays of mixed sizes, table with `image_shape`, or a single image of shape
        (H, W) or (H, W, C).
    data_range : float, default=None
        Value of white in the images' own units. None means the largest value of an integer
        dtype and 1.0 for floats.
    image_shape : tuple (H, W) or (H, W, C), default=None
        Says that 2-D arrays are tables whose rows are flattened images of this shape. None
        means that a 2-D array is one gray image.
    per_image : bool, default=False
        Whether to return one value for each image instead of their mean.

    Returns
    -------
    float, or ndarray of shape (n,) where `per_image`
        Mean of the per-image shares, in [0, 1]; 0 is best.

    Raises
    ------
    ValueError
        Where the containers do not match image by image, or floats are far above 1 and there is
        no `data_range`.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise import clipped_share
    >>> ramp = np.linspace(0, 1, 100, endpoint=False).reshape(10, 10)
    >>> clipped_share(ramp, np.minimum(2 * ramp, 1))
    0.5
    """
    pair = _read_pair(original, enhanced, image_shape)
    return reduced(clipped_share_of_images(*pair, data_range), per_image)


def hue_shift(
    original: Any,
    enhanced: Any,
    *,
    image_shape: tuple[int, ...] | None = None,
    per_image: bool = False,
) -> float | np.ndarray:
    """Median change of hue, in degrees.

    Hue is the angle of a color around the axis of the grays. It hardly means anything where there
    is hardly a color, so a pixel weighs as much as its color is apart from gray, before or after,
    whichever is less. 0 where colors are scaled, or mixed with gray; 0 for gray images.

    Parameters
    ----------
    original, enhanced : container of images, or one image
        Before and after, of the same shapes and dtypes: array (n, H, W) or (n, H, W, C),
        sequence of arrays of mixed sizes, table with `image_shape`, or a single image of shape
        (H, W) or (H, W, C).
    image_shape : tuple (H, W) or (H, W, C), default=None
        Says that 2-D arrays are tables whose rows are flattened images of this shape. None
        means that a 2-D array is one gray image.
    per_image : bool, default=False
        Whether to return one value for each image instead of their mean.

    Returns
    -------
    float, or ndarray of shape (n,) where `per_image`
        Mean of the per-image medians, from 0 to 180 degrees; 0 is best.

    Raises
    ------
    ValueError
        Where the containers do not match image by image, or are neither gray nor RGB.

    See Also
    --------
    color_shift : Sees colors that fade or deepen, too.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise import hue_shift
    >>> red, orange = np.zeros((2, 16, 16, 3))
    >>> red[..., 0], orange[..., :2] = 0.2, (0.8, 0.4)
    >>> round(hue_shift(red, orange), 3)
    30.0
    """
    return reduced(hue_shift_of_images(*_read_pair(original, enhanced, image_shape)), per_image)


def color_shift(
    original: Any,
    enhanced: Any,
    *,
    image_shape: tuple[int, ...] | None = None,
    per_image: bool = False,
) -> float | np.ndarray:
    """Median change of the ratios of red, green and blue, in degrees.

    It is the angle between the colors before and after, as vectors (R, G, B). A pixel weighs as
    much as its brightness, before or after, whichever is less. 0 where every color is scaled by
    some factor; 0 for gray images.

    Parameters
    ----------
    original, enhanced : container of images, or one image
        Before and after, of the same shapes and dtypes: array (n, H, W) or (n, H, W, C),
        sequence of arrays of mixed sizes, table with `image_shape`, or a single image of shape
        (H, W) or (H, W, C).
    image_shape : tuple (H, W) or (H, W, C), default=None
        Says that 2-D arrays are tables whose rows are flattened images of this shape. None
        means that a 2-D array is one gray image.
    per_image : bool, default=False
        Whether to return one value for each image instead of their mean.

    Returns
    -------
    float, or ndarray of shape (n,) where `per_image`
        Mean of the per-image medians; from 0 to 90 degrees where no value is negative, and 0 is
        best.

    Raises
    ------
    ValueError
        Where the containers do not match image by image, or are neither gray nor RGB.

    See Also
    --------
    hue_shift : Sees which color it is, and not how strong.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise import color_shift
    >>> red, yellow = np.zeros((2, 16, 16, 3))
    >>> red[..., 0], yellow[..., :2] = 0.2, 0.8
    >>> round(color_shift(red, yellow), 3)
    45.0
    """
    return reduced(color_shift_of_images(*_read_pair(original, enhanced, image_shape)), per_image)


def lightness_order_error(
    original: Any,
    enhanced: Any,
    *,
    image_shape: tuple[int, ...] | None = None,
    per_image: bool = False,
) -> float | np.ndarray:
    """Share of pairs of pixels whose order of lightness changed: LOE of Wang et al. [1]_.

    Lightness is the largest channel. For pixels p and q, it is asked before and after whether p is
    at least as light as q, and counted where the answers differ; so it counts once where a tie is
    made or broken, and twice where the order is reversed. Pixels are taken from an even grid of
    at most 50 rows and 50 columns, the centers of its cells. 0 for a curve that is strictly
    increasing and the same for all pixels.

    The paper gives sums instead of shares: with 50 x 50 samples, 2500 times as much.

    Parameters
    ----------
    original, enhanced : container of images, or one image
        Before and after, of the same shapes and dtypes: array (n, H, W) or (n, H, W, C),
        sequence of arrays of mixed sizes, table with `image_shape`, or a single image of shape
        (H, W) or (H, W, C).
    image_shape : tuple (H, W) or (H, W, C), default=None
        Says that 2-D arrays are tables whose rows are flattened images of this shape. None
        means that a 2-D array is one gray image.
    per_image : bool, default=False
        Whether to return one value for each image instead of their mean.

    Returns
    -------
    float, or ndarray of shape (n,) where `per_image`
        Mean of the per-image shares, in [0, 1]; 0 is best.

    Raises
    ------
    ValueError
        Where the containers do not match image by image.

    References
    ----------
    .. [1] S. Wang, J. Zheng, H.-M. Hu, B. Li, "Naturalness Preserved Enhancement Algorithm for
       Non-Uniform Illumination Images", IEEE Transactions on Image Processing 22(9), 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise import lightness_order_error
    >>> ramp = np.linspace(0, 1, 100).reshape(10, 10)
    >>> lightness_order_error(ramp, ramp**0.4), lightness_order_error(ramp, 1 - ramp)
    (0.0, 0.99)
    """
    return reduced(
        lightness_order_error_of_images(*_read_pair(original, enhanced, image_shape)), per_image
    )


def exposure_error_of_images(
    images: Images, target: float, region: int, data_range: float | None
) -> np.ndarray:
    """Exposure error of each of the images that were read already."""
    check_data_range(data_range)
    for name, value, allowed in (("target", target, SHARE), ("region", region, INT_POSITIVE)):
        if not allowed.accepts(value):
            raise ValueError(f"{name} must be {allowed}. Got {value!r} instead.")
    values = []
    for index in range(len(images)):
        brightness = _in_range(images, index, data_range).mean(axis=-1)
        starts = [np.arange(0, side, region) for side in brightness.shape]
        sums = np.add.reduceat(np.add.reduceat(brightness, starts[0], axis=0), starts[1], axis=1)
        sides = [
            np.diff(start, append=side)
            for start, side in zip(starts, brightness.shape, strict=True)
        ]
        n_pixels = np.outer(*sides)
        values.append(np.abs(sums - target * n_pixels).sum() / n_pixels.sum())
    return np.array(values)


def clipped_share_of_images(
    original: Images, enhanced: Images, data_range: float | None
) -> np.ndarray:
    """Share of newly clipped pixels of each pair of images that were read already."""
    check_data_range(data_range)

    def share(index: int) -> float:
        before, after = (
            _in_range(images, index, data_range).max(axis=-1) >= WHITE
            for images in (original, enhanced)
        )
        return float(np.mean(after & ~before))

    return _each(original, enhanced, share)


def hue_shift_of_images(original: Images, enhanced: Images) -> np.ndarray:
    """Median change of hue in degrees of each pair of images that were read already."""

    def shift(index: int) -> float:
        before, after = (_from_gray(in_own_units(images, index)) for images in (original, enhanced))
        across = before[0] * after[1] - before[1] * after[0]
        turn = np.degrees(np.abs(np.arctan2(across, (before * after).sum(axis=0))))
        return _weighted_median(turn, np.minimum(*(np.hypot(*apart) for apart in (before, after))))

    return _each_in_color(original, enhanced, shift)


def color_shift_of_images(original: Images, enhanced: Images) -> np.ndarray:
    """Median angle in degrees of each pair of images that were read already."""

    def shift(index: int) -> float:
        before, after = (in_own_units(images, index) for images in (original, enhanced))
        across = np.linalg.norm(np.cross(before, after), axis=-1)
        angles = np.degrees(np.arctan2(across, (before * after).sum(axis=-1)))
        lengths = (np.linalg.norm(image, axis=-1) for image in (before, after))
        return _weighted_median(angles, np.minimum(*lengths))

    return _each_in_color(original, enhanced, shift)


def lightness_order_error_of_images(original: Images, enhanced: Images) -> np.ndarray:
    """Share of pairs of pixels in another order, for images that were read already."""

    def error(index: int) -> float:
        grid = np.ix_(*(_centers(side) for side in original.shapes[index][:2]))
        before, after = (
            in_own_units(images, index).max(axis=-1)[grid].ravel()
            for images in (original, enhanced)
        )
        return float(np.mean((before[:, None] >= before) != (after[:, None] >= after)))

    return _each(original, enhanced, error)


def _read_pair(
    original: Any, enhanced: Any, image_shape: tuple[int, ...] | None
) -> tuple[Images, Images]:
    return read(original, image_shape, "original"), read(enhanced, image_shape, "enhanced")


def _each(original: Images, enhanced: Images, value: Callable[[int], float]) -> np.ndarray:
    """Return the value of each pair."""
    check_matching(original, enhanced, ("original", "enhanced"))
    return np.array([value(index) for index in range(len(original))])


def _each_in_color(original: Images, enhanced: Images, value: Callable[[int], float]) -> np.ndarray:
    """Return the value of each pair of color images; 0 for gray ones."""
    if original.n_channels not in (1, 3):
        msg = (
            f"Colors are those of gray or RGB images, but these have {original.n_channels} "
            f"channels. Pass the channels that are colors: original[..., :3]."
        )
        raise ValueError(msg)
    return _each(original, enhanced, value if original.n_channels == 3 else lambda _: 0.0)


def _in_range(images: Images, index: int, data_range: float | None) -> np.ndarray:
    """Return one image with black at 0 and white at 1, in float64."""
    pixels = in_own_units(images, index)
    if data_range is not None:
        return pixels / data_range
    if images.dtypes[index].kind == "f" and pixels.max() > HIGHEST:
        raise ValueError(float_range_message(index, f"has values up to {pixels.max():g}"))
    return pixels / images.scales[index]


def _from_gray(image: np.ndarray) -> np.ndarray:
    """Return where colors lie in the plane across the axis of the grays, of shape (2, H, W)."""
    red, green, blue = np.moveaxis(image, -1, 0)
    return np.stack([red - (green + blue) / 2, np.sqrt(3) / 2 * (green - blue)])


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """Return the smallest value up to which there is half of the weight; 0 without any weight."""
    order = np.argsort(values, axis=None)
    upto = np.cumsum(weights.ravel()[order])
    return float(values.ravel()[order[np.searchsorted(upto, upto[-1] / 2)]]) if upto[-1] else 0.0


def _centers(side: int) -> np.ndarray:
    """Return the centers of at most `ORDER_SAMPLES` equal cells."""
    n_cells = min(side, ORDER_SAMPLES)
    return ((2 * np.arange(n_cells) + 1) * side) // (2 * n_cells)
