"""The bias-free U-Net, the network that this package recommends."""

from typing import Any

import keras

from skdenoise.networks._layers import conv, image_input, up_conv

SIZES = {
    "nano": ((16, 32, 64), 1),
    "small": ((32, 64, 128), 2),
    "base": ((64, 128, 256), 2),
}
"""Widths of the three levels, and residual blocks per level (on the way down, and up again)."""


def unet(n_channels: int = 1, *, size: str = "small") -> keras.Model:
    """Predict the noise at three scales, knowing its strength or not, and subtract it.

    The image and the map of its noise are brought to half resolution; residual blocks work
    there, at a quarter and at an eighth of it; the ways up are added to the ways down. There
    is no bias anywhere, so the network treats an image and its brighter copy alike and holds
    for strengths of noise that it was not trained on [1]_. A map of zeros says that the
    strength is unknown [2]_.

    Parameters
    ----------
    n_channels : int, default=1
        Channels of the images.
    size : {"nano", "small", "base"}, default="small"
        How large: "nano" for tests, previews and searches, "small" for a CPU, "base" for
        quality.

    Returns
    -------
    keras.Model
        Uncompiled; from a list of two, ``noisy``, images of shape (n_images, height, width,
        n_channels), and ``sigma``, the standard deviation of their noise in their own units,
        of shape (n_images, height, width, 1) and 0 where unknown, to images of the shape of
        ``noisy``. Height and width are multiples of 8. Untrained, it returns ``noisy``.
        Multiplying both inputs by a positive number multiplies the output by it.

    Raises
    ------
    ValueError
        If `n_channels` is not an int of 1 or more, or `size` not one of the three.

    Notes
    -----
    For one channel; three cost at most 9 % more:

    =====  ==========  ================  ==========  ==============================
    size   widths      blocks per level  parameters  multiply-accumulates per pixel
    =====  ==========  ================  ==========  ==============================
    nano   16-32-64    1                 142,016     6,704
    small  32-64-128   2                 1,043,840   48,992
    base   64-128-256  2                 4,168,448   194,240
    =====  ==========  ================  ==========  ==============================

    A block of 8 x 8 pixels, on the grid that begins at the first pixel, depends on the input
    at most 46 ("nano") or 90 pixels beyond its edges.

    References
    ----------
    .. [1] S. Mohan, Z. Kadkhodaie, E. P. Simoncelli, C. Fernandez-Granda, "Robust and
       Interpretable Blind Image Denoising via Bias-Free Convolutional Neural Networks",
       International Conference on Learning Representations, 2020.
       https://arxiv.org/abs/1906.05478
    .. [2] K. Zhang, W. Zuo, L. Zhang, "FFDNet: Toward a Fast and Flexible Solution for
       CNN-Based Image Denoising", IEEE Transactions on Image Processing 27 (9), 2018.
       https://arxiv.org/abs/1710.04026

    Examples
    --------
    >>> from skdenoise.networks import unet
    >>> network = unet(n_channels=3, size="nano")
    >>> [image.name for image in network.inputs]
    ['noisy', 'sigma']
    """
    if size not in SIZES:
        msg = f"size is one of {', '.join(repr(known) for known in SIZES)}; got {size!r}."
        raise ValueError(msg)
    widths, n_blocks = SIZES[size]
    noisy = image_input(n_channels)
    sigma = image_input(1, name="sigma")
    x = keras.layers.Concatenate(name="noisy_and_sigma")([noisy, sigma])
    # 6 x 6 with stride 2 is space_to_depth(2) followed by 3 x 3, and as fast.
    x = conv(widths[0], 6, strides=2, use_bias=False, name="head")(x)
    skips = []
    for level, width in enumerate(widths[:-1], start=1):
        x = _residual_blocks(x, width, n_blocks, name=f"encoder{level}")
        skips.append((level, width, x))
        x = conv(2 * width, 2, strides=2, use_bias=False, name=f"down{level}")(x)
    x = _residual_blocks(x, widths[-1], n_blocks, name="bottom")
    for level, width, skip in reversed(skips):
        x = up_conv(width, 2, strides=2, use_bias=False, name=f"up{level}")(x)
        x = keras.layers.Add(name=f"skip{level}")([skip, x])
        x = _residual_blocks(x, width, n_blocks, name=f"decoder{level}")
    # And 6 x 6 transposed is 3 x 3 followed by depth_to_space(2).
    noise = up_conv(
        n_channels, 6, strides=2, use_bias=False, kernel_initializer="zeros", name="noise"
    )(x)
    denoised = keras.layers.Subtract(name="denoised")([noisy, noise])
    return keras.Model([noisy, sigma], denoised, name=f"unet_{size}")


def _residual_blocks(x: Any, width: int, n_blocks: int, *, name: str) -> Any:
    for i in range(1, n_blocks + 1):
        y = conv(width, 3, activation="relu", use_bias=False, name=f"{name}_block{i}_conv1")(x)
        # Starting from zero, blocks cannot multiply the variance; training is faster at once.
        y = conv(
            width, 3, use_bias=False, kernel_initializer="zeros", name=f"{name}_block{i}_conv2"
        )(y)
        x = keras.layers.Add(name=f"{name}_block{i}")([x, y])
    return x
