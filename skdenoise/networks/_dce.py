"""The networks of Zero-DCE, which draw brightness curves instead of images."""

from typing import Any

import keras

from skdenoise.networks._layers import conv, image_input, seed_of

WIDTH = 32
N_CURVES = 8
INITIAL_DEVIATION = 0.02


def dce(n_channels: int = 3) -> keras.Model:
    """Draw eight curves per pixel and channel, after seven convolutions.

    Four convolutions go down, three come back; each of the three also sees one of the first
    three as it was [1]_. A curve r bends a value x of [0, 1] to x + r (x ** 2 - x), eight times,
    each time with the next r; it is brighter where r is negative.

    Parameters
    ----------
    n_channels : int, default=3
        Channels of the images.

    Returns
    -------
    keras.Model
        Uncompiled; from ``image``, of shape (n_images, height, width, n_channels) with values
        in [0, 1], to ``curves``, of shape (n_images, height, width, 8 * n_channels) with values
        in [-1, 1]: all channels of the first curve, then all of the second, and so on.

    Raises
    ------
    ValueError
        If `n_channels` is not an int of 1 or more.

    See Also
    --------
    dce_plus : An eighth of the parameters, and one curve for all eight times.

    Notes
    -----
    For three channels, 79,416 parameters and 79,200 multiply-accumulates per pixel. A curve
    depends on the 7 pixels around it. Kernels are drawn from N(0, 0.02), biases are zero.

    References
    ----------
    .. [1] C. Guo, C. Li, J. Guo, C. C. Loy, J. Hou, S. Kwong, R. Cong, "Zero-Reference Deep
       Curve Estimation for Low-Light Image Enhancement", CVPR 2020.
       https://arxiv.org/abs/2001.06826

    Examples
    --------
    >>> from skdenoise.networks import dce
    >>> network = dce()
    >>> network.count_params(), network.output_shape
    (79416, (None, None, None, 24))
    """

    def layer(x: Any, filters: int, name: str, activation: str = "relu") -> Any:
        return conv(filters, 3, activation=activation, **_drawn(name))(x)

    return _network(n_channels, layer, N_CURVES, name="dce")


def dce_plus(n_channels: int = 3) -> keras.Model:
    """Draw one curve per pixel and channel, with separable convolutions.

    The layers are those of `dce`, each split into a filter per channel and a mixture of
    channels; the one curve is applied eight times. It is meant for an image that was made
    smaller, since illumination varies slowly [1]_.

    Parameters
    ----------
    n_channels : int, default=3
        Channels of the images.

    Returns
    -------
    keras.Model
        Uncompiled; from ``image``, of shape (n_images, height, width, n_channels) with values
        in [0, 1], to ``curves`` of the same shape, with values in [-1, 1].

    Raises
    ------
    ValueError
        If `n_channels` is not an int of 1 or more.

    See Also
    --------
    dce : The network that it simplifies.

    Notes
    -----
    For three channels, 10,561 parameters and 10,075 multiply-accumulates per pixel that it
    sees: 70 per pixel of an image that is 12 times as wide and high.

    References
    ----------
    .. [1] C. Li, C. Guo, C. C. Loy, "Learning to Enhance Low-Light Image via Zero-Reference
       Deep Curve Estimation", IEEE Transactions on Pattern Analysis and Machine Intelligence
       44 (8), 2022. https://arxiv.org/abs/2103.00860

    Examples
    --------
    >>> from skdenoise.networks import dce_plus
    >>> network = dce_plus()
    >>> network.count_params(), network.output_shape
    (10561, (None, None, None, 3))
    """

    def layer(x: Any, filters: int, name: str, activation: str = "relu") -> Any:
        depth = _drawn(f"{name}_depth")
        x = keras.layers.DepthwiseConv2D(
            3,
            padding="same",
            data_format="channels_last",
            depthwise_initializer=depth["kernel_initializer"],
            name=depth["name"],
        )(x)
        return conv(filters, 1, activation=activation, **_drawn(name))(x)

    return _network(n_channels, layer, 1, name="dce_plus")


def _network(n_channels: int, layer: Any, n_curves: int, *, name: str) -> keras.Model:
    image = image_input(n_channels, name="image")
    x1 = layer(image, WIDTH, "conv1")
    x2 = layer(x1, WIDTH, "conv2")
    x3 = layer(x2, WIDTH, "conv3")
    x4 = layer(x3, WIDTH, "conv4")
    x5 = layer(_joined(x3, x4, "skip3"), WIDTH, "conv5")
    x6 = layer(_joined(x2, x5, "skip2"), WIDTH, "conv6")
    curves = layer(_joined(x1, x6, "skip1"), n_curves * n_channels, "curves", activation="tanh")
    return keras.Model(image, curves, name=name)


def _joined(before: Any, after: Any, name: str) -> Any:
    return keras.layers.Concatenate(name=name)([before, after])


def _drawn(name: str) -> dict[str, Any]:
    drawn = keras.initializers.RandomNormal(0.0, INITIAL_DEVIATION, seed=seed_of(name))
    return {"kernel_initializer": drawn, "name": name}
