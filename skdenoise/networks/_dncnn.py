"""DnCNN: a stack of convolutions at full resolution that predicts the noise."""

from numbers import Integral

import keras

from skdenoise.networks._layers import conv, image_input


def dncnn(n_channels: int = 1, *, depth: int = 17, width: int = 64) -> keras.Model:
    """Predict the noise by a stack of 3 x 3 convolutions, and subtract it.

    The first convolution is followed by a ReLU, those between by batch normalization and
    a ReLU; the last one yields the noise [1]_.

    Parameters
    ----------
    n_channels : int, default=1
        Channels of the images.
    depth : int, default=17
        Number of convolutions, 2 or more.
    width : int, default=64
        Channels between two convolutions.

    Returns
    -------
    keras.Model
        Uncompiled; from ``noisy``, images of shape (n_images, height, width, n_channels),
        to images of the same shape. Untrained, it returns what it is given.

    Raises
    ------
    ValueError
        If `n_channels` is not an int of 1 or more, or `depth` not one of 2 or more.

    Notes
    -----
    For one channel 558,016 parameters, of which 556,096 are trained (the others are the
    moving statistics of batch normalization), and 554,112 multiply-accumulates per pixel.
    A pixel depends on the input at most `depth` pixels away.

    References
    ----------
    .. [1] K. Zhang, W. Zuo, Y. Chen, D. Meng, L. Zhang, "Beyond a Gaussian Denoiser:
       Residual Learning of Deep CNN for Image Denoising", IEEE Transactions on Image
       Processing 26 (7), 2017. https://arxiv.org/abs/1608.03981

    Examples
    --------
    >>> from skdenoise.networks import dncnn
    >>> dncnn(n_channels=3, depth=5, width=8).output_shape
    (None, None, None, 3)
    """
    if not isinstance(depth, Integral) or depth < 2:
        msg = f"depth is the number of convolutions, an int of 2 or more; got {depth!r}."
        raise ValueError(msg)
    noisy = image_input(n_channels)
    x = conv(width, 3, activation="relu", name="conv1")(noisy)
    for i in range(2, depth):
        x = conv(width, 3, use_bias=False, name=f"conv{i}")(x)  # the normalization has a bias
        x = keras.layers.BatchNormalization(momentum=0.9, name=f"norm{i}")(x)
        x = keras.layers.ReLU(name=f"relu{i}")(x)
    noise = conv(n_channels, 3, use_bias=False, kernel_initializer="zeros", name="noise")(x)
    denoised = keras.layers.Subtract(name="denoised")([noisy, noise])
    return keras.Model(noisy, denoised, name="dncnn")
