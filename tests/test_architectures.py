"""Networks of the user's own: what they may be made of, and what is refused with a reason."""

import sys

import keras
import numpy as np
import pytest
from keras import layers, ops

from skdenoise import AutoencoderDenoiser, ZeroDCEEnhancer
from skdenoise._keras._network import draw_weights, get_network
from skdenoise._keras._prediction import predict
from skdenoise._task import Task


def conv(filters, size=3, **options):
    return layers.Conv2D(filters, size, padding="same", **options)


def network_of(body, n_channels=1):
    """Return the template of a function from a symbolic image to the output."""

    def build(n_channels):
        noisy = keras.Input((None, None, n_channels))
        return keras.Model(noisy, body(noisy))

    return get_network(build, "", n_channels)


def check_computes_what_keras_does(network, precision="float32", tolerance=1e-5):
    weights = draw_weights(network, np.random.default_rng(0))
    pixels = np.random.default_rng(1).random((12, 24, 1)).astype(np.float32)
    whole = np.asarray(network.with_weights(weights)(pixels[None], training=False))[0]
    assert np.ptp(whole) > 0
    (found,) = predict(network, weights, [Task(pixels, precision=precision)])
    np.testing.assert_allclose(found, whole, atol=tolerance * np.ptp(whole))


width = 4
"""As in a notebook, where a cell that says this is run again with another number."""


def of_some_width(n_channels):
    noisy = keras.Input((None, None, n_channels))
    return keras.Model(noisy, conv(n_channels)(conv(width)(noisy)))


def test_what_a_function_reads_of_its_module_may_change(monkeypatch):
    before = get_network(of_some_width, "", 1)
    assert get_network(of_some_width, "", 1) is before
    monkeypatch.setattr(sys.modules[__name__], "width", 8)
    assert get_network(of_some_width, "", 1).shapes() != before.shapes()


def squared(x):
    """Return what no file could name."""
    return ops.relu(x) ** 2


class Scale(layers.Layer):
    """A layer that forgets its name, as those without `get_config` do."""

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")

    def call(self, inputs):
        return self.factor * self.scale * inputs

    def get_config(self):
        return {"factor": self.factor}


@pytest.mark.parametrize(
    "body",
    [
        lambda x: conv(1)(Scale(0.5)(conv(4, activation="relu")(x))),
        lambda x: conv(1)(conv(8, activation=squared)(x)),
        lambda x: conv(1)(layers.Lambda(lambda t: t**2)(conv(4)(x))),
        lambda x: conv(1)(layers.BatchNormalization()(inputs=conv(4)(x))),
        lambda x: conv(1)(
            layers.Concatenate()(
                [layers.UpSampling2D(k)(layers.AveragePooling2D(k)(x)) for k in (2, 3)]
            )
        ),
        lambda x: conv(1)(layers.UpSampling2D((3, 2))(layers.MaxPooling2D((3, 2))(x))),
    ],
    ids=["own layer", "own activation", "lambda", "by keyword", "strides 2 and 3", "sides 3 and 2"],
)
def test_what_a_network_is_made_of_is_computed_as_keras_does(body):
    check_computes_what_keras_does(network_of(body))


def test_pixels_are_doubled_before_any_convolution_in_bfloat16():
    body = layers.MaxPooling2D()
    network = network_of(
        lambda x: conv(1)(conv(4, activation="relu")(layers.UpSampling2D()(body(conv(8)(x)))))
    )
    check_computes_what_keras_does(network, "bfloat16", 0.03)


@pytest.mark.parametrize("last", ["convolution", "norm"])
def test_layers_behind_the_output_are_not_looked_at(last):
    def cut_out(n_channels):
        noisy = keras.Input((None, None, n_channels))
        x = conv(n_channels, activation="relu", name="convolution")(noisy)
        x = layers.BatchNormalization(name="norm")(x)
        whole = keras.Model(noisy, conv(4)(layers.MaxPooling2D()(x)))
        return keras.Model(noisy, whole.get_layer(last).output)

    check_computes_what_keras_does(get_network(cut_out, "", 1))


def test_what_is_not_learned_stays_what_the_function_has_made_it():
    blur = layers.DepthwiseConv2D(3, padding="same", use_bias=False, trainable=False)

    def body(x):
        y = blur(x)
        blur.set_weights([np.full((3, 3, 1, 1), 1 / 9)])
        return conv(1)(y)

    *_, filter_ = draw_weights(network_of(body), np.random.default_rng(0)).values()
    np.testing.assert_allclose(filter_, 1 / 9)


@pytest.mark.parametrize(
    "body",
    [
        lambda x: layers.SeparableConv2D(1, 3, padding="same")(x),
        lambda x: layers.SpectralNormalization(conv(1))(x),
    ],
)
def test_weights_of_all_layers_are_drawn_from_the_seed(body):
    network = network_of(body)
    first, again, other = (
        next(iter(draw_weights(network, np.random.default_rng(seed)).values()))
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_what_is_not_heeded_is_warned_of():
    regularizer = keras.regularizers.L2(0.1)
    with pytest.warns(UserWarning, match="kernel_regularizer of 'strict'"):
        network_of(lambda x: conv(1, kernel_regularizer=regularizer, name="strict")(x))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (lambda x: [conv(1)(x), conv(1)(x)], "one output"),
        (lambda x: {"clean": conv(1)(x)}, "one output"),
        (lambda x: layers.UpSampling2D()(conv(1)(x)), r"makes \(1, 14, 22, 1\)"),
        (lambda x: layers.Conv2D(1, 3)(x), r"makes \(1, 5, 9, 1\)"),
        (lambda x: keras.Sequential([layers.MaxPooling2D(), layers.UpSampling2D()])(x), "inside"),
        (lambda x: conv(1, dtype="float64")(x), "float64.*precision"),
    ],
)
def test_a_model_that_is_none_from_images_to_images_is_refused(body, message):
    with pytest.raises(ValueError, match=message):
        network_of(body)


def test_a_model_is_no_function_that_builds_one():
    noisy = keras.Input((None, None, 1))
    X = np.zeros((2, 16, 16))
    with pytest.raises(TypeError, match="a function that builds one"):
        AutoencoderDenoiser(keras.Model(noisy, conv(1)(noisy))).fit(X, X + 1)


def test_curves_must_be_as_large_as_the_image():
    def one_curve(n_channels):
        image = keras.Input((None, None, n_channels))
        x = layers.GlobalAveragePooling2D(keepdims=True)(image)
        return keras.Model(image, conv(8 * n_channels)(x))

    with pytest.raises(ValueError, match="as high and as wide"):
        ZeroDCEEnhancer(one_curve, epochs=1).fit(np.zeros((2, 16, 16, 3)))
