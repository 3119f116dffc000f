"""The convolutional autoencoder of the Keras tutorials, with batch normalization."""

from typing import Any

import keras

from skdenoise.networks._layers import conv, image_input, seed_of


def autoencoder(n_channels: int = 1) -> keras.Model:
    """Squeeze an image to a quarter of its height and width, and draw it again.

    Two steps of convolution, batch normalization and max-pooling make the code; two of
    convolution, batch normalization and up-sampling and a last convolution draw the image.
    The sigmoid at the end bounds it to [0, 1].

    Parameters
    ----------
    n_channels : int, default=1
        Channels of the images.

    Returns
    -------
    keras.Model
        Uncompiled; from ``noisy``, images of shape (n_images, height, width, n_channels)
        with values in [0, 1], to images of the same shape. Height and width are multiples
        of 4.

    Raises
    ------
    ValueError
        If `n_channels` is not an int of 1 or more.

    Notes
    -----
    For one channel 28,865 parameters and 5,760 multiply-accumulates per pixel. A pixel
    depends on the input at most 13 pixels away, 11 outside its own block of 4 x 4.

    Batch normalization keeps its moving statistics with momentum 0.9, not with the 0.99 of
    Keras, so that they are right after tens of training steps instead of hundreds.

    Examples
    --------
    >>> from skdenoise.networks import autoencoder
    >>> autoencoder().count_params()
    28865
    """
    noisy = image_input(n_channels)
    x = _conv_and_norm(noisy, name="encoder1")
    x = keras.layers.MaxPooling2D(2, data_format="channels_last", name="down1")(x)
    x = _conv_and_norm(x, name="encoder2")
    x = keras.layers.MaxPooling2D(2, data_format="channels_last", name="down2")(x)
    x = _conv_and_norm(x, name="decoder2")
    x = keras.layers.UpSampling2D(2, data_format="channels_last", name="up2")(x)
    x = _conv_and_norm(x, name="decoder1")
    x = keras.layers.UpSampling2D(2, data_format="channels_last", name="up1")(x)
    denoised = _conv(n_channels, "sigmoid", name="denoised")(x)
    return keras.Model(noisy, denoised, name="autoencoder")


def _conv_and_norm(x: Any, *, name: str) -> Any:
    x = _conv(32, "relu", name=f"{name}_conv")(x)
    return keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)


def _conv(filters: int, activation: str, *, name: str) -> keras.layers.Conv2D:
    glorot = keras.initializers.GlorotUniform(seed=seed_of(name))  # what a tutorial starts from
    return conv(filters, 3, activation=activation, kernel_initializer=glorot, name=name)
