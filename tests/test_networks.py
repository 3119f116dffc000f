"""What each network costs, keeps and sees, and that it can be trained in either precision."""

import random
import subprocess
import sys
from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from skdenoise import networks
from skdenoise._choices import SIZES
from skdenoise.networks import NETWORKS, autoencoder, dce, dce_plus, dncnn, ridnet, unet
from skdenoise.networks._unet import SIZES as WIDTHS

# Small ones of each kind, and what the height and width of their images are multiples of.
SMALL = {
    "autoencoder": (autoencoder, 4),
    "dce": (dce, 1),
    "dce_plus": (dce_plus, 1),
    "dncnn": (partial(dncnn, depth=4, width=8), 1),
    "ridnet": (partial(ridnet, n_modules=1, width=16), 1),
    "unet": (partial(unet, size="nano"), 8),
}
N_CURVES = {"dce": 8, "dce_plus": 1}
RESIDUAL = ["dncnn", "ridnet", "unet"]

# Parameters (trained, all) and multiply-accumulates per pixel, for gray and for color images.
COSTS = {
    "autoencoder": (autoencoder, (28_609, 28_865, 5_760), (29_763, 30_019, 6_912)),
    "dncnn": (dncnn, (556_096, 558_016, 554_112), (558_400, 560_320, 556_416)),
    "ridnet": (ridnet, (1_497_041, 1_497_041, 1_492_096), (1_499_347, 1_499_347, 1_494_400)),
    "unet nano": (partial(unet, size="nano"), (142_016, 142_016, 6_704), (144_320, 144_320, 7_280)),
    "unet small": (unet, (1_043_840, 1_043_840, 48_992), (1_048_448, 1_048_448, 50_144)),
    "unet base": (
        partial(unet, size="base"),
        (4_168_448, 4_168_448, 194_240),
        (4_177_664, 4_177_664, 196_544),
    ),
}

# Total stride, and the pixels beyond a block of that size, on its grid, that the block depends on.
REACH = {
    "autoencoder": (autoencoder, 4, 11),
    "dncnn": (dncnn, 1, 17),
    "dncnn 4": (partial(dncnn, depth=4, width=8), 1, 4),
    "unet nano": (partial(unet, size="nano"), 8, 46),
    "unet small": (unet, 8, 90),
}


@pytest.fixture(params=SMALL)
def kind(request):
    return request.param


def draw_weights(network, seed=0):
    """Give every weight a value that is not what it was made with, as training would."""
    rng = np.random.default_rng(seed)
    for weight in network.weights:
        if weight.name == "kernel":
            weight.assign(rng.normal(size=weight.shape) * np.prod(weight.shape[:-1]) ** -0.5)
        else:  # positive: fit for a variance, and a bias that leaves no ReLU shut
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return network


def small(kind, n_channels=1):
    build, stride = SMALL[kind]
    return draw_weights(build(n_channels)), stride


def inputs(network, noisy, sigma=0.1):
    """Return what the network takes: images, and the map of their noise where it wants one."""
    noisy = np.asarray(noisy, np.float32)
    if len(network.inputs) == 1:
        return noisy
    return [noisy, np.full((*noisy.shape[:3], 1), sigma, np.float32)]


def photo_like(shape, seed=0):
    return np.random.default_rng(seed).uniform(size=shape).astype(np.float32)


def in_bfloat16(network):
    """Return a copy that computes in bfloat16, save for its last layer, as training does."""

    def copy(layer):
        config = layer.get_config()
        config["dtype"] = "float32" if layer.name in ("denoised", "curves") else "mixed_bfloat16"
        return type(layer).from_config(config)

    copied = keras.models.clone_model(network, clone_function=copy)
    copied.set_weights(network.get_weights())
    return copied


def multiply_accumulates(network, side=64):
    """Count the products of the convolutions per pixel."""
    fixed = [keras.Input((side, side, image.shape[-1])) for image in network.inputs]
    network = keras.models.clone_model(network, fixed if len(fixed) > 1 else fixed[0])
    total = 0
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2DTranspose):
            total += np.prod(layer.kernel.shape) * np.prod(layer.input.shape[1:3])
        elif isinstance(layer, keras.layers.Conv2D):
            total += np.prod(layer.kernel.shape) * np.prod(layer.output.shape[1:3])
    return total // side**2


def test_the_table_holds_the_public_functions():
    assert {name: NETWORKS[name] for name in NETWORKS} == {
        name: getattr(networks, name)
        for name in networks.__all__
        if not name.endswith("NETWORKS") and not name.startswith("dce")
    }


def test_the_names_are_known_without_keras():
    code = """if True:
        import sys
        from skdenoise.networks import NETWORKS
        print(*NETWORKS, "keras" in sys.modules)
        """
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert printed.split() == b"unet autoencoder dncnn ridnet False".split()


@pytest.mark.parametrize("name", COSTS)
@pytest.mark.parametrize("n_channels", [1, 3])
def test_parameters_and_products_are_those_of_the_papers(name, n_channels):
    build, gray, color = COSTS[name]
    network = build(n_channels)
    trained = sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
    costs = trained, network.count_params(), multiply_accumulates(network)
    assert costs == (gray if n_channels == 1 else color)


@pytest.mark.parametrize("n_channels", [1, 3, 4])
def test_images_keep_their_shape(kind, n_channels):
    network, stride = small(kind, n_channels)
    n_outputs = n_channels * N_CURVES.get(kind, 1)
    assert network.output_shape == (None, None, None, n_outputs)
    for n_images, rows, columns in [(1, 1, 1), (2, 3, 5), (1, 8, 2)]:
        shape = (n_images, rows * stride, columns * stride, n_channels)
        denoised = network(inputs(network, photo_like(shape)), training=False)
        assert denoised.shape == (*shape[:3], n_outputs)
        assert np.isfinite(denoised).all()


def test_inputs_are_named(kind):
    network, _ = small(kind)
    names = [item.name for item in network.inputs]
    assert names == {"unet": ["noisy", "sigma"]}.get(
        kind, ["image" if kind in N_CURVES else "noisy"]
    )
    assert network.layers[-1].name == ("curves" if kind in N_CURVES else "denoised")


def test_a_network_does_not_depend_on_what_was_built_before(kind):
    build, _ = SMALL[kind]
    first = build(1)
    build(3)
    second = build(1)
    assert [weight.path for weight in first.weights] == [weight.path for weight in second.weights]
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_layers_do_not_begin_with_the_same_numbers():
    kernels = [w for w in dncnn(depth=5, width=8).get_weights() if w.shape == (3, 3, 8, 8)]
    assert len(kernels) == 3
    assert len({kernel.tobytes() for kernel in kernels}) == 3


def test_building_draws_nothing_from_global_random_state(kind):
    build, _ = SMALL[kind]
    before = random.getstate(), np.random.get_state()[1].tobytes()  # noqa: NPY002
    build(1)
    assert (random.getstate(), np.random.get_state()[1].tobytes()) == before  # noqa: NPY002


def test_channels_are_last_whatever_keras_is_told(kind):
    build, _ = SMALL[kind]
    usual = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        assert build(3).output_shape == (None, None, None, 3 * N_CURVES.get(kind, 1))
    finally:
        keras.config.set_image_data_format(usual)


@pytest.mark.parametrize("kind", RESIDUAL)
def test_an_untrained_network_returns_what_it_is_given(kind):
    build, stride = SMALL[kind]
    noisy = photo_like((1, 2 * stride, 3 * stride, 1))
    for network in (build(1), in_bfloat16(build(1))):
        denoised = network(inputs(network, noisy), training=False)
        np.testing.assert_array_equal(denoised, noisy)


@pytest.mark.parametrize(("kind", "low"), [("autoencoder", 0), ("dce", -1), ("dce_plus", -1)])
def test_some_networks_stay_in_the_range_of_their_last_activation(kind, low):
    network, _ = small(kind)
    found = network(5 * photo_like((1, 8, 8, 1)) - 2, training=False)
    assert np.all((found >= low) & (found <= 1))


@pytest.mark.parametrize("factor", [0.25, 64.0])
def test_unet_scales_with_its_inputs(factor):
    network, _ = small("unet")
    noisy, sigma = inputs(network, photo_like((1, 16, 24, 1)) - 0.3)
    scaled = network([factor * noisy, factor * sigma])
    # A power of two changes no digit, so that this is exact.
    np.testing.assert_array_equal(scaled, factor * network([noisy, sigma]).numpy())


def test_unet_returns_black_for_black():
    network, _ = small("unet")
    black = np.zeros((1, 16, 16, 1), np.float32)
    np.testing.assert_array_equal(network([black, black]), black)


def test_unet_is_steered_by_sigma():
    network, _ = small("unet")
    noisy = photo_like((1, 16, 16, 1))
    blind, weak, strong = (network(inputs(network, noisy, sigma)) for sigma in (0, 0.1, 0.5))
    assert np.abs(weak - blind).max() > 1e-3
    assert np.abs(strong - weak).max() > 1e-3


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_constant_images_give_finite_images_and_gradients(kind, level):
    network, stride = small(kind)
    clean = np.full((2, 2 * stride, 2 * stride, 1), level, np.float32)
    with tf.GradientTape() as tape:
        denoised = network(inputs(network, clean), training=True)
        loss = tf.reduce_mean(tf.square(denoised - clean))
    assert np.isfinite(denoised).all()
    for gradient in tape.gradient(loss, network.trainable_variables):
        assert np.isfinite(gradient).all()


def test_every_weight_has_an_effect(kind):
    network, stride = small(kind)
    with tf.GradientTape() as tape:
        noisy = photo_like((2, 4 * stride, 4 * stride, 1))
        loss = tf.reduce_mean(tf.square(network(inputs(network, noisy), training=True)))
    for gradient in tape.gradient(loss, network.trainable_variables):
        assert np.any(gradient)


def test_bfloat16_learns_and_agrees_with_float32(kind):
    network, stride = small(kind)
    half = in_bfloat16(network)
    assert {layer.compute_dtype for layer in half.layers[:-1] if layer.weights} == {"bfloat16"}

    @tf.function
    def run(images):
        with tf.GradientTape() as tape:
            denoised = half(images, training=False)
            loss = tf.reduce_mean(tf.square(denoised))
        return denoised, tape.gradient(loss, half.trainable_variables)

    images = inputs(network, photo_like((2, 4 * stride, 4 * stride, 1)))
    exact = network(images, training=False).numpy()
    denoised, gradients = run(images)
    assert denoised.dtype == tf.float32
    assert np.abs(denoised - exact).max() < 0.05 * np.abs(exact).max()
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert {gradient.dtype for gradient in gradients} == {tf.float32}


@pytest.mark.parametrize("name", REACH)
@pytest.mark.parametrize("slope", [-1, 1])
def test_a_block_depends_on_the_documented_neighborhood(name, slope):
    build, stride, halo = REACH[name]
    network = build()
    for weight in network.weights:
        if weight.name == "kernel":  # positive, so that nothing cancels and no ReLU is shut
            weight.assign(tf.fill(weight.shape, 1 / np.prod(weight.shape[:-1])))
    # On a slope, max-pooling looks at one edge of its window; on the other slope at the other.
    ramp = np.linspace(1, 2, 208)[::slope].astype(np.float32)
    noisy = tf.constant(np.broadcast_to(ramp[None, :, None, None], (1, 208, 8, 1)))
    first = 96
    with tf.GradientTape() as tape:
        tape.watch(noisy)
        images = noisy if len(network.inputs) == 1 else [noisy, tf.zeros_like(noisy)]
        block = network(images, training=False)[:, first : first + stride]
    rows = np.flatnonzero(np.any(tape.gradient(block, noisy), axis=(0, 2, 3)))
    reached = first - rows[0], rows[-1] - (first + stride - 1)
    assert max(reached) == halo
    assert min(reached) >= halo - (3 if name == "autoencoder" else 0)


def test_ridnet_looks_farther_than_its_convolutions():
    network, _ = small("ridnet")
    noisy = tf.constant(photo_like((1, 64, 8, 1)))
    with tf.GradientTape() as tape:
        tape.watch(noisy)
        first_row = network(noisy, training=False)[:, 0]
    assert np.any(tape.gradient(first_row, noisy)[:, 2 + 12 :])


def test_a_unet_has_the_sizes_that_can_be_chosen():
    assert tuple(WIDTHS) == SIZES


@pytest.mark.parametrize("n_channels", [0, 1.0, "gray", None])
def test_channels_must_be_a_positive_int(kind, n_channels):
    build, _ = SMALL[kind]
    with pytest.raises(ValueError, match=r"n_channels is .* int of 1 \(gray\) or more; got"):
        build(n_channels)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (partial(unet, size="large"), "size is one of 'nano', 'small', 'base'; got 'large'"),
        (partial(dncnn, depth=1), "depth is .* int of 2 or more; got 1"),
        (partial(ridnet, width=24), "width is a multiple of 16, .* got 24"),
    ],
)
def test_what_makes_no_network_is_an_error(build, message):
    with pytest.raises(ValueError, match=message):
        build()
