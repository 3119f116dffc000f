"""RIDNet: enhancement attention modules at full resolution that predict the noise."""

from typing import Any

import keras

from skdenoise.networks._layers import conv, image_input


def ridnet(n_channels: int = 1, *, n_modules: int = 4, width: int = 64) -> keras.Model:
    """Predict the noise by modules that weigh their channels, and subtract it.

    One convolution extracts features, `n_modules` enhancement attention modules learn on
    them, one convolution reconstructs the noise [1]_.

    Parameters
    ----------
    n_channels : int, default=1
        Channels of the images.
    n_modules : int, default=4
        Enhancement attention modules, one after the other.
    width : int, default=64
        Channels of the features; a multiple of 16, which is how much the attention
        reduces them.

    Returns
    -------
    keras.Model
        Uncompiled; from ``noisy``, images of shape (n_images, height, width, n_channels),
        to images of the same shape. Untrained, it returns what it is given.

    Raises
    ------
    ValueError
        If `n_channels` is not an int of 1 or more, or `width` not a multiple of 16.

    Notes
    -----
    For one channel 1,497,041 parameters and 1,492,096 multiply-accumulates per pixel; for
    three 1,499,347 and 1,494,400. Convolutions reach 2 + 12 `n_modules` pixels far, but the
    attention looks at the mean of the whole image: tiles differ from the whole.

    References
    ----------
    .. [1] S. Anwar, N. Barnes, "Real Image Denoising with Feature Attention", IEEE/CVF
       International Conference on Computer Vision, 2019. https://arxiv.org/abs/1904.07396

    Examples
    --------
    >>> from skdenoise.networks import ridnet
    >>> ridnet(n_channels=3, n_modules=1, width=16).output_shape
    (None, None, None, 3)
    """
    if width < 16 or width % 16:
        msg = f"width is a multiple of 16, the reduction of the attention; got {width!r}."
        raise ValueError(msg)
    noisy = image_input(n_channels)
    x = conv(width, 3, activation="relu", name="features")(noisy)
    for i in range(1, n_modules + 1):
        x = _enhancement_attention_module(x, width, name=f"module{i}")
    noise = conv(n_channels, 3, kernel_initializer="zeros", name="noise")(x)
    denoised = keras.layers.Subtract(name="denoised")([noisy, noise])
    return keras.Model(noisy, denoised, name="ridnet")


def _enhancement_attention_module(x: Any, width: int, *, name: str) -> Any:
    y = _merge_and_run(x, width, name=f"{name}_merge")
    y = _residual_block(y, width, name=f"{name}_residual")
    y = _enhanced_residual_block(y, width, name=f"{name}_enhanced")
    y = _channel_attention(y, width, name=f"{name}_attention")
    return keras.layers.Add(name=f"{name}_skip")([x, y])


def _merge_and_run(x: Any, width: int, *, name: str) -> Any:
    near = conv(width, 3, activation="relu", name=f"{name}_near1")(x)
    near = conv(width, 3, dilation_rate=2, activation="relu", name=f"{name}_near2")(near)
    far = conv(width, 3, dilation_rate=3, activation="relu", name=f"{name}_far1")(x)
    far = conv(width, 3, dilation_rate=4, activation="relu", name=f"{name}_far2")(far)
    y = keras.layers.Concatenate(name=f"{name}_both")([near, far])
    y = conv(width, 3, activation="relu", name=f"{name}_conv")(y)
    return keras.layers.Add(name=f"{name}_skip")([x, y])


def _residual_block(x: Any, width: int, *, name: str) -> Any:
    y = conv(width, 3, activation="relu", name=f"{name}_conv1")(x)
    y = conv(width, 3, kernel_initializer="zeros", name=f"{name}_conv2")(y)
    y = keras.layers.Add(name=f"{name}_skip")([x, y])
    return keras.layers.ReLU(name=f"{name}_relu")(y)


def _enhanced_residual_block(x: Any, width: int, *, name: str) -> Any:
    y = conv(width, 3, activation="relu", name=f"{name}_conv1")(x)
    y = conv(width, 3, activation="relu", name=f"{name}_conv2")(y)
    y = conv(width, 1, kernel_initializer="zeros", name=f"{name}_conv3")(y)
    y = keras.layers.Add(name=f"{name}_skip")([x, y])
    return keras.layers.ReLU(name=f"{name}_relu")(y)


def _channel_attention(x: Any, width: int, *, name: str) -> Any:
    weight = keras.layers.GlobalAveragePooling2D(
        data_format="channels_last", keepdims=True, name=f"{name}_mean"
    )(x)
    weight = conv(width // 16, 1, activation="relu", name=f"{name}_conv1")(weight)
    weight = conv(width, 1, activation="sigmoid", name=f"{name}_conv2")(weight)
    return keras.layers.Multiply(name=f"{name}_scale")([x, weight])
