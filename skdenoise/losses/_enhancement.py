"""Losses that judge an enhanced image without knowing how it should look.

Zero-DCE learns from their sum [1]_. All are finite, with finite gradients, on any image: black,
white, gray, constant, or smaller than a region.

.. [1] C. Guo et al., "Zero-Reference Deep Curve Estimation for Low-Light Image Enhancement",
   CVPR 2020.
"""

from typing import Any

from keras import ops


def spatial_consistency(image: Any, enhanced: Any, *, region: int = 4) -> Any:
    """Average the squared change of the differences between neighboring regions.

    The brightness of a region is the mean of its pixels and channels. What was a contrast
    between a region and the one above, below, left or right of it should stay that contrast
    [1]_.

    Parameters
    ----------
    image : tensor of shape (n_images, height, width, n_channels)
        The images before.
    enhanced : tensor of the same shape
        The images after.
    region : int, default=4
        Side of a region in pixels.

    Returns
    -------
    scalar tensor
        In squared units of the images; each pair of neighbors counts from both sides. Zero
        where the two differ by a constant, and where there is one region only.

    References
    ----------
    .. [1] C. Guo et al., "Zero-Reference Deep Curve Estimation for Low-Light Image
       Enhancement", CVPR 2020. https://arxiv.org/abs/2001.06826

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.losses import spatial_consistency
    >>> dark = np.linspace(0, 0.5, 64, dtype="float32").reshape(1, 8, 8, 1)
    >>> round(float(spatial_consistency(dark, dark + 0.25)), 6)
    0.0
    """
    change = _regions(_float(enhanced) - _float(image), region)
    down = change[:, 1:] - change[:, :-1]
    right = change[:, :, 1:] - change[:, :, :-1]
    return 2 * (_mean(ops.square(down)) + _mean(ops.square(right)))


def exposure(enhanced: Any, *, target: float = 0.6, region: int = 16) -> Any:
    """Average the squared distance of the brightness of regions from a target.

    Parameters
    ----------
    enhanced : tensor of shape (n_images, height, width, n_channels)
        The images.
    target : float, default=0.6
        The wanted mean of the pixels and channels of a region; between black, 0, and white, 1.
    region : int, default=16
        Side of a region in pixels.

    Returns
    -------
    scalar tensor
        In squared units of the images. Zero where every region has the wanted brightness.

    References
    ----------
    .. [1] C. Guo et al., "Zero-Reference Deep Curve Estimation for Low-Light Image
       Enhancement", CVPR 2020. https://arxiv.org/abs/2001.06826

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.losses import exposure
    >>> float(exposure(np.full((1, 32, 32, 3), 0.5, dtype="float32"), target=0.75))
    0.0625
    """
    return ops.mean(ops.square(_regions(_float(enhanced), region) - target))


def color_constancy(enhanced: Any) -> Any:
    """Sum the squared differences between the means of the channels: a scene is gray on average.

    This is the sum of the paper [1]_, whose gradient is finite everywhere; a root of it, as
    published code takes, has none where an image is gray.

    Parameters
    ----------
    enhanced : tensor of shape (n_images, height, width, n_channels)
        The images.

    Returns
    -------
    scalar tensor
        In squared units of the images, averaged over these. Zero where in each image all
        channels have the same mean.

    References
    ----------
    .. [1] C. Guo et al., "Zero-Reference Deep Curve Estimation for Low-Light Image
       Enhancement", CVPR 2020. https://arxiv.org/abs/2001.06826

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.losses import color_constancy
    >>> red = np.zeros((1, 4, 4, 3), dtype="float32")
    >>> red[..., 0] = 0.5
    >>> float(color_constancy(red))
    0.5
    """
    means = ops.mean(_float(enhanced), axis=(1, 2))
    pairs = ops.expand_dims(means, 1) - ops.expand_dims(means, 2)
    # Each pair of channels is there twice.
    return ops.mean(ops.sum(ops.square(pairs), axis=(1, 2))) / 2


def illumination_smoothness(curves: Any) -> Any:
    """Average the squared differences between neighboring pixels of curve maps, and sum over maps.

    Parameters
    ----------
    curves : tensor of shape (n_images, height, width, n_maps)
        Maps of the curves' parameters.

    Returns
    -------
    scalar tensor
        Zero where every map is constant. A ramp counts the same whatever its size. The value is
        twice the sum of the vertical and the horizontal part, so that published weights (200
        for 24 maps, 1600 for 3) mean what they meant.

    References
    ----------
    .. [1] C. Guo et al., "Zero-Reference Deep Curve Estimation for Low-Light Image
       Enhancement", CVPR 2020. https://arxiv.org/abs/2001.06826

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.losses import illumination_smoothness
    >>> ramp = np.tile(np.arange(4, dtype="float32")[:, None, None], (1, 1, 5, 1))
    >>> float(illumination_smoothness(ramp))
    2.0
    """
    curves = _float(curves)
    down = ops.square(curves[:, 1:] - curves[:, :-1])
    right = ops.square(curves[:, :, 1:] - curves[:, :, :-1])
    return 2 * curves.shape[-1] * (_mean(down) + _mean(right))


def _float(images: Any) -> Any:
    return ops.cast(images, "float32")


def _regions(images: Any, side: int) -> Any:
    """Return the brightness of regions; those at the end may be smaller."""
    if not side >= 1:
        msg = f"region is the side of a region in pixels, an int of 1 or more; got {side!r}."
        raise ValueError(msg)
    brightness = ops.mean(images, axis=-1, keepdims=True)
    return ops.average_pool(
        brightness, side, strides=side, padding="same", data_format="channels_last"
    )


def _mean(values: Any) -> Any:
    """Return the mean, and 0 where there is nothing to average."""
    return ops.sum(values) / ops.maximum(ops.cast(ops.size(values), "float32"), 1.0)
