"""Running a network: what it sees, what it starts from, one step of learning, and tiles."""

import ast
import gc
import random
import threading
import weakref
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from skdenoise._keras import _backend, _optimizers, _prediction, _training
from skdenoise._keras._denoising import ExpectedError
from skdenoise._keras._network import Network, draw_weights, get_network, last_layers
from skdenoise._keras._optimizers import OPTIMIZERS, clip_by_norm
from skdenoise._keras._prediction import AT_ONCE, predict
from skdenoise._keras._rebuilding import preserved_random_state
from skdenoise._keras._receptive_field import halo_and_stride
from skdenoise._keras._training import WARM_UP, Plan, Trainer, scheduled_rate
from skdenoise._patches import Batch
from skdenoise._stein import PROBE
from skdenoise._task import Task
from skdenoise.networks import autoencoder, dncnn, ridnet, unet

conv = partial(keras.layers.Conv2D, 1, padding="same")
up_conv = partial(keras.layers.Conv2DTranspose, 1, padding="same")
pool = keras.layers.AveragePooling2D
resize = keras.layers.UpSampling2D


def chain(*layers):
    return keras.Sequential([keras.Input((None, None, 1)), *layers])


def two_scales():
    noisy = keras.Input((None, None, 1))
    fine = conv(3)(noisy)
    coarse = resize(2)(conv(5)(pool(2)(noisy)))
    return keras.Model(noisy, keras.layers.Add()([conv(7)(fine), coarse]))


# What networks see

SEEN = {
    "nothing": lambda: chain(keras.layers.ReLU()),
    "conv": lambda: chain(conv(3), conv(5)),
    "even conv": lambda: chain(conv(4), conv(2)),
    "oblong conv": lambda: chain(conv((3, 7))),
    "dilated conv": lambda: chain(conv(3, dilation_rate=4)),
    "depthwise conv": lambda: chain(keras.layers.DepthwiseConv2D(5, padding="same")),
    "separable conv": lambda: chain(keras.layers.SeparableConv2D(1, 5, padding="same")),
    "pool": lambda: chain(pool(2), resize(2)),
    "pool of conv": lambda: chain(conv(3), pool(2), conv(3), pool(2), conv(3), resize(4), conv(3)),
    "overlapping pool": lambda: chain(pool(3, strides=2, padding="same"), resize(2)),
    "strided conv": lambda: chain(conv(3, strides=2), conv(3), up_conv(3, strides=2)),
    "head and tail": lambda: chain(conv(6, strides=2), conv(3), up_conv(6, strides=2)),
    "2 x 2 down and up": lambda: chain(conv(2, strides=2), conv(3), up_conv(2, strides=2)),
    "fourfold": lambda: chain(conv(5, strides=4), up_conv(8, strides=4)),
    "nearest": lambda: chain(pool(3), conv(3), resize(3), conv(3)),
    "bilinear": lambda: chain(pool(2), resize(2, interpolation="bilinear"), conv(3)),
    "two scales": two_scales,
    "autoencoder": autoencoder,
    "dncnn": partial(dncnn, depth=4, width=8),
    "unet": partial(unet, size="nano"),
}


def reach(model, stride, side=192):
    """Measure how many pixels beyond a block of `stride` pixels the block depends on."""
    rng = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(rng.uniform(0.1, 1, weight.shape) / np.prod(weight.shape[:-1]))
    shapes = [(1, side, side, image.shape[-1]) for image in model.inputs]
    inputs = [tf.constant(rng.uniform(1, 2, shape), tf.float32) for shape in shapes]
    start = side // 2 // stride * stride
    block = slice(start, start + stride)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        output = model(inputs if len(inputs) > 1 else inputs[0])
        value = tf.reduce_sum(output[:, block, block])
    gradients = tape.gradient(value, inputs, unconnected_gradients="zero")
    seen = np.argwhere(sum(np.abs(item.numpy()).sum((0, 3)) for item in gradients))
    return int(max(0, block.start - seen.min(), seen.max() + 1 - block.stop))


@pytest.mark.parametrize("name", SEEN)
def test_the_margin_is_what_a_network_sees(name):
    model = SEEN[name]()
    halo, stride = halo_and_stride(model)
    measured = reach(model, stride)
    assert halo % stride == 0
    if name in ("bilinear", "autoencoder"):
        assert measured <= halo  # how far an interpolation or a maximum sees depends on the place
    else:
        assert measured <= halo < measured + 2 * stride


@pytest.mark.parametrize(
    "build",
    [
        partial(ridnet, n_modules=1, width=16),
        lambda: chain(conv(3), keras.layers.Lambda(lambda x: x[:, ::-1])),
        lambda: chain(pool(2), resize(2, interpolation="bicubic")),
        lambda: chain(keras.layers.Softmax(axis=1)),
        lambda: chain(keras.layers.LayerNormalization(axis=[1, 2, 3], center=False, scale=False)),
    ],
)
def test_there_is_no_margin_where_the_view_is_not_known(build):
    assert halo_and_stride(build())[0] is None


# Weights


@pytest.mark.parametrize(
    ("initializer", "mean", "deviation"),
    [
        ("glorot_uniform", 0, (2 / (9 * (16 + 32))) ** 0.5),
        ("glorot_normal", 0, (2 / (9 * (16 + 32))) ** 0.5),
        ("he_uniform", 0, (2 / (9 * 16)) ** 0.5),
        ("he_normal", 0, (2 / (9 * 16)) ** 0.5),
        ("lecun_normal", 0, (1 / (9 * 16)) ** 0.5),
        (keras.initializers.RandomNormal(0.5, 0.2), 0.5, 0.2),
        (keras.initializers.RandomUniform(-1, 3), 1, 4 / 12**0.5),
        ("zeros", 0, 0),
        (keras.initializers.Constant(0.25), 0.25, 0),
    ],
    ids=lambda value: str(value).split(" object", 1)[0],  # an address differs between processes
)
def test_weights_are_drawn_as_the_initializer_says(initializer, mean, deviation):
    layer = keras.layers.Conv2D(32, 3, padding="same", kernel_initializer=initializer)
    model = keras.Sequential([keras.Input((None, None, 16)), layer])
    network = Network(model, False, 1, 1)
    weights = draw_weights(network, np.random.default_rng(0))
    kernel, bias = weights["000.kernel"], weights["001.bias"]
    assert (kernel.shape, kernel.dtype, bias.any()) == ((3, 3, 16, 32), np.float32, False)
    tolerance = 5 * deviation / kernel.size**0.5 + 1e-7
    assert kernel.mean() == pytest.approx(mean, abs=tolerance)
    assert kernel.std() == pytest.approx(deviation, abs=tolerance)
    again = draw_weights(network, np.random.default_rng(0))
    np.testing.assert_array_equal(kernel, again["000.kernel"])


def test_layers_of_a_model_in_a_model_follow_the_generator():
    def build():
        block = keras.Sequential([keras.layers.Conv2D(4, 3, padding="same"), keras.layers.ReLU()])
        return keras.Sequential([keras.Input((None, None, 1)), block, conv(1)])

    first, second = (
        draw_weights(Network(build(), False, 1, 1), np.random.default_rng(0)) for _ in range(2)
    )
    assert first.keys() == second.keys()
    for name, weights in first.items():
        np.testing.assert_array_equal(weights, second[name])


def test_unseeded_layers_follow_the_generator_and_not_the_template():
    def build():
        return chain(
            keras.layers.Conv2D(4, 3, kernel_initializer="orthogonal", padding="same"),
            keras.layers.Dropout(0.5),
            keras.layers.Conv2D(1, 3, kernel_initializer="truncated_normal", padding="same"),
        )

    one, other = (
        draw_weights(Network(build(), False, 2, 1), np.random.default_rng(0)) for _ in range(2)
    )
    assert [array.dtype.kind for array in one.values()] in (["f"] * 4 + [kind] for kind in "iu")
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name])
    flat = one["000.kernel"].reshape(-1, 4)
    np.testing.assert_allclose(flat.T @ flat, np.eye(4), atol=1e-5)


def test_a_network_is_built_once_and_its_own_weights_are_never_touched():
    network = get_network("unet", "nano", 1)
    assert get_network("unet", "nano", 1) is network
    assert get_network("dncnn", "nano", 1) is get_network("dncnn", "base", 1)
    before = [weight.numpy() for weight in network.variables]
    weights = random_weights(network)
    list(predict(network, weights, [Task(np.ones((8, 8, 1)))]))
    model = network.with_weights(weights)
    for old, kept, weight, array in zip(
        before, network.variables, model.weights, weights.values(), strict=True
    ):
        np.testing.assert_array_equal(kept.numpy(), old)
        np.testing.assert_array_equal(weight.numpy(), array)


def test_equal_partials_share_one_template():
    def of(**keywords):
        return get_network(partial(dncnn, **keywords), "small", 1)

    assert of(depth=3, width=4) is of(width=4, depth=3)
    assert of(depth=3, width=4) is not of(depth=3, width=8)


@dataclass
class Wide:
    """A network with a number that can be changed; it remembers what it built."""

    width: int = 8

    def __call__(self, n_channels):
        self.built = chain(keras.layers.Conv2D(self.width, 3, padding="same"), conv(1))
        return self.built


class Slotted:
    """The same, without a dict of attributes."""

    __slots__ = "built", "width"

    def __init__(self, width=8):
        self.width = width

    __call__ = Wide.__call__


class Silent:
    """The same, which does not show what it holds."""

    __init__ = Slotted.__init__
    __call__ = Wide.__call__

    def __repr__(self):
        return "Silent()"


@pytest.mark.parametrize("kind", [Wide, Slotted, Silent])
def test_what_is_called_is_known_again_as_long_as_it_does_not_change(kind):
    build = kind()
    network = get_network(build, "", 1)
    assert network.shapes()["000.kernel"][-1] == 8
    assert get_network(build, "", 1) is network
    same, other = kind(), kind(16)
    assert (get_network(same, "", 1) is network) == (same == build)
    build.width = 16
    assert get_network(build, "", 1).shapes()["000.kernel"][-1] == 16
    assert (get_network(build, "", 1) is get_network(other, "", 1)) == (other == build)
    build.width = 8
    assert get_network(build, "", 1) is network


@pytest.mark.parametrize("layer", [keras.layers.ReLU(), conv(3)], ids=["as it is", "quicker"])
def test_a_network_that_nobody_holds_is_gone_with_what_was_made_of_it(layer):
    network = Network(chain(layer), False, 1, 1)
    list(predict(network, random_weights(network), [Task(np.ones((8, 8, 1)))]))
    assert network in _prediction._functions
    before, gone = len(_prediction._functions), weakref.ref(network)
    del network
    gc.collect()
    assert gone() is None
    assert len(_prediction._functions) < before


def test_building_and_copying_draw_nothing_from_global_random_state():
    def unseeded(n_channels):
        return keras.Sequential([keras.Input((None, None, n_channels)), conv(3)])

    python, legacy = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    network = get_network(unseeded, "", 1)
    network.with_weights(draw_weights(network, np.random.default_rng(0)))
    assert random.getstate() == python
    assert np.random.get_state()[1].tolist() == legacy  # noqa: NPY002


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float64"])
def test_layers_are_of_float32_whatever_keras_makes_them_of(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        network = get_network(partial(unet, size="nano"), "", 1)
        assert keras.config.dtype_policy().name == policy
    finally:
        keras.config.set_dtype_policy(before)
    assert {layer.compute_dtype for layer in network.model.layers} == {"float32"}


def test_threads_give_the_global_random_state_back_to_each_other():
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    entered, left = threading.Event(), threading.Event()

    def first():
        with preserved_random_state():
            entered.set()
            left.wait(0.2)

    thread = threading.Thread(target=first)
    thread.start()
    entered.wait()
    with preserved_random_state():
        left.set()
        thread.join(1)
    thread.join()
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


@pytest.mark.parametrize("architecture", ["unet", "autoencoder", "dncnn"])
def test_in_bfloat16_it_is_the_same_network(architecture):
    network, rounded = (get_network(architecture, "nano", 1, bfloat16=b) for b in (False, True))
    assert rounded.shapes() == network.shapes()
    assert (rounded.halo, rounded.stride) == (network.halo, network.stride)
    assert {weight.dtype for weight in rounded.variables} == {"float32"}
    last = last_layers(rounded.model)
    for layer in rounded.model.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            assert layer.compute_dtype == ("float32" if layer.name in last else "bfloat16")
    assert any(layer.weights for layer in rounded.model.layers if layer.name in last)
    assert rounded.model.layers[-1].compute_dtype == "float32"
    weights = random_weights(network)
    pixels = np.random.default_rng(1).random((24, 24, 1))
    one, other = (next(predict(item, weights, [Task(pixels)])) for item in (network, rounded))
    assert 0 < np.abs(one - other).max() < 0.05 * np.abs(one - pixels).max()


# Optimizers

KERAS_OPTIMIZERS = {
    "adam": partial(keras.optimizers.Adam, epsilon=1e-8),
    "adamw": partial(keras.optimizers.AdamW, epsilon=1e-8),
    "muon": partial(keras.optimizers.Muon, weight_decay=0.0),
    "sgd": partial(keras.optimizers.SGD, momentum=0.9, nesterov=True),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_step_as_those_of_keras(name, monkeypatch):
    monkeypatch.setattr(_optimizers, "has_fast_bfloat16", lambda: False)
    update, n_states = OPTIMIZERS[name]
    rng = np.random.default_rng(0)
    start = rng.normal(size=(3, 4)).astype(np.float32)
    theirs, ours = keras.Variable(start), start
    optimizer, state = KERAS_OPTIMIZERS[name](1.0), [np.zeros_like(start)] * n_states
    for count in range(1, 30):
        gradient, rate = rng.normal(size=(3, 4)).astype(np.float32), rng.uniform(0, 0.1)
        optimizer.learning_rate = rate
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [theirs])
        ours, state = update(ours, gradient, state, rate=np.float32(rate), count=np.float32(count))
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-3, 1e-24, 1e-29, 1e-37, 0.0])
@pytest.mark.parametrize("fast", [False, True])
def test_muon_takes_gradients_that_fade_away(scale, fast, monkeypatch):
    monkeypatch.setattr(_optimizers, "has_fast_bfloat16", lambda: fast)
    update, n_states = OPTIMIZERS["muon"]
    weight = np.ones((3, 3, 4, 8), np.float32)
    gradient = np.random.default_rng(0).normal(0, 1, weight.shape).astype(np.float32)
    gradient *= np.float32(scale)
    state = [np.zeros_like(weight)] * n_states
    new, _ = update(weight, gradient, state, rate=np.float32(0.01), count=np.float32(1))
    assert np.isfinite(new).all()
    assert np.abs(new - weight).max() < 0.1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_find_the_bottom_of_a_bowl(name):
    update, n_states = OPTIMIZERS[name]
    weight, state = np.array([3.0, -2.0], np.float32), [np.zeros(2, np.float32)] * n_states
    for count in range(1, 300):
        slope = weight * np.float32([2, 20])
        weight, state = update(weight, slope, state, rate=np.float32(0.02), count=np.float32(count))
    assert np.abs(weight).max() < 0.1


@given(st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=5), st.floats(0.5, 50))
def test_long_gradients_are_shortened_and_short_ones_kept(values, largest):
    gradients = [np.array([value, -value], np.float32) for value in values]
    clipped = np.concatenate([np.asarray(g) for g in clip_by_norm(gradients, np.float32(largest))])
    whole = np.concatenate(gradients)
    norm = np.linalg.norm(whole)
    wanted = whole if norm <= largest else whole * (largest / norm)
    np.testing.assert_allclose(clipped, wanted, rtol=1e-4, atol=1e-6)


# One step of learning


def random_batch(seed=0, n=4, side=16, n_channels=1):
    rng = np.random.default_rng(seed)
    clean = rng.random((n, side, side, n_channels))
    noisy = clean + rng.normal(0, 0.2, clean.shape)
    sigma, one = np.full((n, side, side, 1), 0.2), np.ones((n, 1, 1, 1))
    return Batch(*(array.astype(np.float32) for array in (noisy, clean, sigma, one, one)))


def random_weights(network, seed=0):
    """Draw weights of a network that has learnt something: none is 0, every variance positive."""
    rng = np.random.default_rng(seed)
    weights = {}
    for (name, shape), variable in zip(network.shapes().items(), network.variables, strict=True):
        if variable.name == "kernel":
            drawn = rng.normal(0, 0.7 * np.prod(shape[:-1]) ** -0.5, shape)
        else:
            drawn = rng.uniform(0.5, 1.5, shape)
        weights[name] = drawn.astype(np.float32)
    return weights


@pytest.mark.parametrize("build", [autoencoder, partial(dncnn, depth=3, width=8)])
def test_a_step_is_that_of_keras(build):
    # Batch normalization and its moving statistics included.
    network = get_network(build, "", 1)
    weights = random_weights(network)
    model = network.with_weights(weights)
    # Adam would turn rounding errors of gradients next to zero into whole steps.
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True, global_clipnorm=1.0)
    model.compile(optimizer, "mse", jit_compile=False)
    trainer = Trainer(network, weights, loss="mse", optimizer="sgd")
    for seed in range(3):
        batch = random_batch(seed)
        loss, error = trainer.step(batch, 0.1)
        wanted = model.train_on_batch(batch.noisy, batch.clean)
        assert loss == pytest.approx(error)
        if seed == 0:
            assert loss == pytest.approx(float(wanted), rel=1e-4)
    variables = [*model.trainable_variables, *model.non_trainable_variables]
    for (name, array), variable in zip(trainer.weights.items(), variables, strict=True):
        np.testing.assert_allclose(array, variable.numpy(), atol=1e-4, err_msg=name)


def test_a_loss_may_hold_numbers_that_change():
    @dataclass
    class Weighted:
        weight: float

        def __call__(self, clean, denoised):
            return self.weight * keras.ops.mean(keras.ops.abs(clean - denoised))

    network, loss = get_network("unet", "nano", 1), Weighted(1.0)
    weights = random_weights(network)

    def measured():
        return Trainer(network, weights, loss=loss, optimizer="sgd").step(random_batch(), 0.1)[0]

    once = measured()
    loss.weight = 2.0
    assert measured() == pytest.approx(2 * once)
    traced = _training._step.cache_info().misses
    loss = Weighted(1.0)
    assert measured() == once
    assert _training._step.cache_info().misses == traced


def test_the_expected_error_is_the_error_that_nobody_knows():
    rng = np.random.default_rng(0)
    clean = rng.normal(0, 1, (4, 96, 96, 1)).astype(np.float32)
    sigma = np.array([0.1, 0.2, 0.5, 1.0], np.float32).reshape(-1, 1, 1, 1)
    noisy = clean + sigma * rng.standard_normal(clean.shape, np.float32)
    stepped = noisy + PROBE * sigma * rng.choice(np.float32([-1, 1]), clean.shape)
    weight = np.array([1, 2, 0, 1], np.float32).reshape(-1, 1, 1, 1)
    arrays = [noisy, stepped, np.zeros_like(noisy), np.full_like(sigma, 0.5), weight]
    objective = ExpectedError()
    both, told = objective.inputs(arrays, steerable=True)
    assert both.shape == told.shape == (8, 96, 96, 1)
    for denoise in (lambda image: 0.7 * image, lambda image: 0 * image, keras.ops.tanh):
        loss, error = objective(denoise(keras.ops.convert_to_tensor(both)), arrays)
        squared = np.square(np.array(denoise(noisy)) - clean)
        assert float(error) == pytest.approx(0.25 * squared.mean(), rel=0.02)
        assert float(loss) == pytest.approx((np.square(weight) * squared).mean(), rel=0.02)
        assert objective.report(error)["psnr"] == pytest.approx(-10 * np.log10(float(error)))
    assert objective == ExpectedError()


def test_learning_goes_on_where_the_optimizer_stopped():
    network = get_network("unet", "nano", 1)
    parameters = {"loss": "mse", "optimizer": "adam"}
    straight = Trainer(network, random_weights(network), **parameters)
    for seed in range(3):
        straight.step(random_batch(seed), 1e-3)
    first = Trainer(network, random_weights(network), **parameters)
    first.step(random_batch(0), 1e-3)
    second = Trainer(network, first.weights, state=first.optimizer_state, **parameters)
    for seed in (1, 2):
        second.step(random_batch(seed), 1e-3)
    for name, array in straight.weights.items():
        np.testing.assert_array_equal(second.weights[name], array)


def test_the_weights_that_were_given_are_not_changed():
    network = get_network("unet", "nano", 1)
    weights = random_weights(network)
    before = {name: array.copy() for name, array in weights.items()}
    trainer = Trainer(network, weights, loss="mse", optimizer="adam")
    trainer.step(random_batch(), 1e-2)
    for name, array in weights.items():
        np.testing.assert_array_equal(array, before[name])
        assert not np.array_equal(trainer.weights[name], array)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(1e-6, 10))
def test_the_learning_rate_rises_then_falls(one, other, highest):
    one, other = sorted([one, other])
    rates = [scheduled_rate(highest, progress) for progress in (one, other)]
    assert all(0 < rate <= 1.01 * highest for rate in rates)
    if other < WARM_UP:
        assert rates[0] <= rates[1]
    elif one >= WARM_UP:
        assert rates[0] >= rates[1]
    assert scheduled_rate(highest, WARM_UP) == pytest.approx(highest, rel=2e-3)
    assert scheduled_rate(highest, 1.0) < 2e-3 * highest


def test_progress_is_the_greater_share_of_epochs_and_time():
    plan = Plan(epochs=4, time_budget=None, learning_rate=1.0, patience=None)
    assert [plan.progress(step, n_batches=5) for step in (0, 10, 20)] == [0, 0.5, 1]
    late = Plan(epochs=4, time_budget=100.0, learning_rate=1.0, patience=None, started=-1e9)
    assert late.progress(0, n_batches=5) > 1
    assert Plan(None, 1e9, 1.0, None).progress(10**6, n_batches=1) < 1


# Applying

TILED = {
    "autoencoder": ("autoencoder", ""),
    "dncnn": (partial(dncnn, depth=4, width=8), ""),
    "unet": ("unet", "nano"),
    "two scales": (lambda n_channels: two_scales(), ""),
    "head and tail": (lambda n_channels: SEEN["head and tail"](), ""),
}


@pytest.fixture(scope="module", params=[*TILED, "ridnet"])
def applied(request):
    """A network, and a function that applies it with random weights to a list of images."""
    architecture = TILED.get(request.param, (partial(ridnet, n_modules=1, width=16), ""))
    network = get_network(*architecture, 1)
    weights = random_weights(network)

    def apply(images, sigma=0.0):
        tasks = [Task(image, mean=0.4, gain=0.3, sigma=sigma) for image in images]
        return list(predict(network, weights, tasks))

    return network, apply


@pytest.mark.parametrize("shape", [(144, 112), (121, 150), (40, 300)])
def test_tiled_equals_whole(applied, shape, monkeypatch):
    network, apply = applied
    image = np.random.default_rng(0).random((*shape, 1))
    (whole,) = apply([image])
    monkeypatch.setattr(_prediction, "WHOLE_PIXELS", 48 * 48)
    (tiled,) = apply([image])
    if network.halo is None:
        np.testing.assert_array_equal(tiled, whole)
    else:
        np.testing.assert_allclose(tiled, whole, atol=1e-5 * np.ptp(whole))


def test_tiles_are_really_made_and_a_narrower_margin_shows(monkeypatch):
    network = get_network("dncnn", "", 1)
    small = get_network(partial(dncnn, depth=4, width=8), "", 1)
    assert network.halo == 17
    image = np.random.default_rng(0).random((96, 96, 1))
    weights = random_weights(small)
    (whole,) = predict(small, weights, [Task(image)])
    monkeypatch.setattr(_prediction, "WHOLE_PIXELS", 32 * 32)
    narrow = Network(small.model, small.steerable, small.halo - 2, small.stride)
    (tiled,) = predict(narrow, weights, [Task(image)])
    assert np.abs(tiled - whole).max() > 1e-3


def test_a_map_of_the_noise_is_cut_with_the_image(monkeypatch):
    network = get_network("unet", "nano", 1)
    weights = random_weights(network)
    rng = np.random.default_rng(0)
    image, sigma = rng.random((2, 100, 90, 1))
    (whole,) = predict(network, weights, [Task(image, sigma=sigma)])
    monkeypatch.setattr(_prediction, "WHOLE_PIXELS", 48 * 48)
    (tiled,) = predict(network, weights, [Task(image, sigma=sigma)])
    np.testing.assert_allclose(tiled, whole, atol=1e-5 * np.ptp(whole))
    (blind,) = predict(network, weights, [Task(image)])
    assert np.abs(blind - whole).max() > 1e-3


@pytest.mark.parametrize("shape", [(1, 1), (3, 17), (9, 10)])
def test_odd_sizes_are_mirrored_to_the_grid_and_cut_back(applied, shape):
    network, apply = applied
    image = np.random.default_rng(0).random((*shape, 1))
    missing = [(0, -side % network.stride) for side in shape]
    (found,) = apply([image])
    (padded,) = apply([np.pad(image, [*missing, (0, 0)], mode="symmetric")])
    assert found.shape == image.shape
    np.testing.assert_allclose(found, padded[: shape[0], : shape[1]], rtol=1e-6)


def test_every_backend_has_the_same_functions():
    tree = ast.parse(Path(_backend.__file__).read_text(encoding="utf-8"))
    branches, rest = [], None
    for node in tree.body:
        if isinstance(node, ast.If) and "tensorflow" in ast.unparse(node.test) and node.orelse:
            while isinstance(node, ast.If):
                branches.append(node.body)
                node = node.orelse[0]
        elif isinstance(node, ast.If):
            rest = node.body
    first, *others = (
        {item.name for item in body if isinstance(item, ast.FunctionDef) and item.name[0] != "_"}
        for body in branches
    )
    assert len(others) == 2
    for found in others:
        assert found | {item.name for item in rest} == first


def test_an_image_does_not_know_its_companions(applied):
    _, apply = applied
    rng = np.random.default_rng(0)
    images = [rng.random((*shape, 1)) for shape in [(24, 24)] * 3 + [(16, 9)] + [(24, 24)] * 40]
    together = apply(images)
    for index in (0, 2, 3, 4, 43):
        np.testing.assert_array_equal(apply([images[index]])[0], together[index])


def test_the_precision_of_the_pixels_is_kept(applied):
    _, apply = applied
    image = np.random.default_rng(0).random((8, 8, 1))
    assert [out.dtype for out in apply([image, image.astype(np.float32)])] == ["float64", "float32"]


@pytest.mark.parametrize(("whole_pixels", "most"), [(128**2, 2), (1280**2, AT_ONCE + 1)])
def test_no_more_images_are_read_than_are_worked_on(whole_pixels, most, monkeypatch):
    monkeypatch.setattr(_prediction, "WHOLE_PIXELS", whole_pixels)
    network = get_network("unet", "nano", 1)
    read = []

    def tasks():
        for index in range(8):
            read.append(index)
            yield Task(np.ones((128, 128, 1)))

    results = predict(network, random_weights(network), tasks())
    next(results)
    assert 2 <= len(read) <= most
