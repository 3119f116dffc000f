"""Engines and precisions: all give the same picture, and what each costs is known."""

import multiprocessing
import os
import pickle
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from importlib.util import find_spec

import keras
import numpy as np
import pytest
from sklearn.base import clone

from skdenoise import (
    AutoencoderDenoiser,
    NoiseInjector,
    ZeroDCEEnhancer,
    _keras,
    load,
    model_cards,
    psnr,
)
from skdenoise._keras import _backend, _prediction
from skdenoise._keras._folding import folded
from skdenoise._keras._network import draw_weights, get_curve_network, get_network, last_layers
from skdenoise._keras._prediction import predict
from skdenoise._keras._quick_choice import quick_to_apply
from skdenoise._precision import (
    LARGEST_LOSS,
    are_losses,
    check_engine,
    engine_for,
    noisy_samples,
    precision_for,
    psnr_change,
)
from skdenoise._procedural import procedural_images
from skdenoise._protocol import with_white_noise
from skdenoise._task import Task
from skdenoise.networks import dncnn

needs_openvino = pytest.mark.skipif(find_spec("openvino") is None, reason="no OpenVINO")


@pytest.fixture(scope="module")
def scene():
    """Return a clean gray image and a noisy one, bytes of shape (1, 96, 120)."""
    clean = procedural_images(1, shape=(96, 120), random_state=5)
    noisy = with_white_noise(clean[0, ..., None], 25)[None, ..., 0]
    return clean, np.rint(255 * noisy).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def fitted():
    """Return a denoiser that has learnt for an instant."""
    X = procedural_images(4, shape=(48, 48), random_state=1)
    denoiser = AutoencoderDenoiser(
        size="nano", noise=NoiseInjector(sigma=25), epochs=2, batch_size=4, random_state=0
    )
    return denoiser.fit(X)


def trained_weights(network):
    """Return weights with moments and shifts, as a training leaves them."""
    rng = np.random.default_rng(0)
    weights = draw_weights(network, rng)
    moved = {}
    for name, array in weights.items():
        noise = rng.uniform(-0.3, 0.3, array.shape).astype(np.float32)
        if "variance" in name:
            moved[name] = array + noise
        elif "gamma" in name:
            moved[name] = (array + noise) * rng.choice([-1, 1], array.shape).astype(np.float32)
        else:
            moved[name] = array if name.endswith("kernel") and array.any() else array + noise / 5
    return moved


@pytest.fixture
def without_openvino(monkeypatch):
    """Make OpenVINO look as if it were not installed."""
    monkeypatch.setitem(sys.modules, "openvino", None)


# Folding


def two_ways(n_channels):
    """Return a network with a convolution that a normalization and another layer look at."""
    noisy = keras.Input((None, None, n_channels))
    x = keras.layers.Conv2D(4, 3, padding="same", name="seen_twice")(noisy)
    y = keras.layers.BatchNormalization(name="kept")(x)
    y = keras.layers.Conv2DTranspose(4, 3, padding="same", name="transposed")(y)
    y = keras.layers.BatchNormalization(scale=False, name="folded")(y)
    y = keras.layers.Add()([x, y])
    # Written with a sign, as people do.
    return keras.Model(noisy, noisy - keras.layers.Conv2D(n_channels, 1, name="last")(y))


@pytest.mark.parametrize(
    ("architecture", "n_folded"),
    [(partial(dncnn, depth=5, width=8), 3), ("autoencoder", 0), (two_ways, 1), ("unet", 0)],
)
def test_folding_changes_nothing_but_digits(architecture, n_folded):
    network = get_network(architecture, "nano", 1)
    weights = trained_weights(network)
    template = folded(network)
    assert len(template.pairs) == n_folded
    pixels = np.random.default_rng(1).random((1, 24, 40, 1)).astype(np.float32)
    inputs = [pixels, np.zeros_like(pixels)] if network.steerable else pixels
    whole = np.asarray(network.with_weights(weights)(inputs, training=False))
    (found,) = predict(network, weights, [Task(pixels[0])])
    np.testing.assert_allclose(found, whole[0], atol=1e-5 * np.ptp(whole))
    if n_folded:
        assert template.network.shapes() != network.shapes()
        assert len(template.weights(weights)) < len(weights)


def pooled(n_channels, *, pool=2, padding="valid", seen_twice="", interpolation="nearest"):
    """Return a network that normalizes, takes the largest pixels, and doubles them again."""
    noisy = keras.Input((None, None, n_channels))
    x = keras.layers.Conv2D(16, 3, padding="same", activation="relu", name="first")(noisy)
    x = norm = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.MaxPooling2D(pool, 2, padding=padding, name="pool")(x)
    x = up = keras.layers.UpSampling2D(2, interpolation=interpolation, name="up")(x)
    x = keras.layers.Conv2D(n_channels, (5, 3), padding="same", activation="tanh", name="last")(x)
    if seen_twice:
        other = {"norm": norm, "up": up}[seen_twice]
        x = x + keras.layers.Conv2D(n_channels, 1, name="other")(other)
    return keras.Model(noisy, noisy - x)


@pytest.mark.skipif(_backend.BACKEND != "tensorflow", reason="other backends change nothing here")
@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize(
    ("options", "quick"),
    [
        ({}, "LargestOfConvolved NormalizationOfLargest ConvolutionOfRepeated"),
        (
            {"pool": 3, "padding": "same"},
            "Convolution MaxPooling2D NormalizationOfLargest ConvolutionOfRepeated",
        ),
        (
            {"seen_twice": "norm"},
            "Convolution FusedBatchNormalization MaxPooling2D ConvolutionOfRepeated",
        ),
        (
            {"seen_twice": "up"},
            "LargestOfConvolved NormalizationOfLargest UpSampling2D SumOfShifted",
        ),
        (
            {"interpolation": "bilinear"},
            "LargestOfConvolved NormalizationOfLargest UpSampling2D SumOfShifted",
        ),
    ],
)
def test_what_is_pooled_and_doubled_is_computed_in_less_time(options, quick, n_channels):
    model = pooled(n_channels, **options)
    network = get_network(lambda _: model, "", n_channels)
    weights = trained_weights(network)
    names = [type(layer).__name__ for layer in folded(network).network.model.layers]
    assert [name for name in names if name in quick] == quick.split()
    pixels = np.random.default_rng(1).random((24, 36, n_channels)).astype(np.float32)
    whole = np.asarray(network.with_weights(weights)(pixels[None], training=False))[0]
    (found,) = predict(network, weights, [Task(pixels)])
    np.testing.assert_allclose(found, whole, atol=1e-5 * np.ptp(whole))
    (rounded,) = predict(network.in_bfloat16, weights, [Task(pixels)])
    np.testing.assert_allclose(rounded, whole, atol=0.03 * np.ptp(whole))


@pytest.mark.parametrize(
    ("layer", "quick"),
    [
        (
            keras.layers.Conv2DTranspose(2, 6, strides=2, padding="same", activation="relu"),
            "DepthToSpace",
        ),
        (
            keras.layers.Conv2DTranspose(1, 3, strides=3, padding="same", use_bias=False),
            "DepthToSpace",
        ),
        (keras.layers.Conv2DTranspose(1, 4, strides=2, padding="same"), "Conv2DTranspose"),
        (keras.layers.Conv2DTranspose(1, 3, padding="same"), "Conv2DTranspose"),
        (keras.layers.Conv2D(3, (3, 5), padding="same", activation="tanh"), "SumOfShifted"),
        (keras.layers.Conv2D(1, 3, strides=2, padding="same"), "Convolution"),
        (keras.layers.Conv2D(1, 2, padding="same"), "Convolution"),
        (keras.layers.Conv2D(5, 3, padding="same", activation="relu"), "Convolution"),
        (keras.layers.Conv2D(5, 6, strides=2, padding="same", use_bias=False), "Convolution"),
        (keras.layers.Conv2D(1, 3, padding="same", dilation_rate=2), "Conv2D"),
        (keras.layers.Conv2D(2, 3, padding="same", groups=2), "Conv2D"),
        (keras.layers.Conv2D(1, 3), "Conv2D"),
    ],
)
def test_quick_layers_are_the_same(layer, quick):
    rng = np.random.default_rng(0)
    images = rng.standard_normal((2, 12, 18, 16)).astype(np.float32)
    layer(images)
    kind = quick_to_apply(layer, frozenset())
    assert kind.__name__ == quick
    other = kind.from_config(layer.get_config())
    other.build(images.shape)
    for variable in layer.variables:
        variable.assign(rng.standard_normal(variable.shape))
    other.set_weights(layer.get_weights())
    expected = np.asarray(layer(images))
    np.testing.assert_allclose(other(images), expected, atol=1e-5 * np.ptp(expected))


@pytest.mark.parametrize(
    ("axis", "n_channels", "quick"),
    [
        (-1, (1, 1), "JoinedPlanes"),
        (3, (3, 1, 2), "JoinedPlanes"),
        (2, (1, 1), "Concatenate"),
        (-1, (1, 32), "Concatenate"),
    ],
)
def test_channels_are_joined_in_order(axis, n_channels, quick):
    rng = np.random.default_rng(0)
    images = [rng.random((2, 5, 7, n), np.float32) for n in n_channels]
    layer = keras.layers.Concatenate(axis)
    layer([keras.Input(image.shape[1:]) for image in images])
    kind = quick_to_apply(layer, frozenset())
    assert kind.__name__ == quick
    found = kind.from_config(layer.get_config())(images)
    np.testing.assert_array_equal(found, np.concatenate(images, axis))


@pytest.mark.skipif(_backend.BACKEND != "tensorflow", reason="other backends fold nothing here")
def test_weights_are_rounded_before_they_are_used():
    network = get_network("unet", "nano", 1).in_bfloat16
    template = folded(network)
    exact = [v.path for v in template.network.variables if v.dtype != "bfloat16"]
    assert exact == ["noise/kernel"]
    new = len(template.network.variables) - len(network.variables)
    arrays = template.weights(trained_weights(network))
    assert new > 10
    assert sum(not array.any() for array in arrays) == new


@pytest.mark.skipif(_backend.BACKEND != "tensorflow", reason="other backends join for themselves")
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize(
    ("axis", "n_channels", "n_convolutions"), [(-1, (16, 32, 16), 3), (3, (8, 32), 1)]
)
def test_what_is_joined_is_convolved_in_parts(axis, n_channels, n_convolutions, use_bias):
    rng = np.random.default_rng(0)
    images = [rng.random((2, 10, 14, n), np.float32) for n in n_channels]
    joined = np.concatenate(images, axis)
    layer = keras.layers.Conv2D(
        5, 3, strides=2, padding="same", activation="relu", use_bias=use_bias
    )
    layer(joined)
    other = quick_to_apply(layer, frozenset()).from_config(layer.get_config())
    other.build(joined.shape)
    other.set_weights([rng.standard_normal(array.shape) for array in layer.get_weights()])
    layer.set_weights(other.get_weights())
    call = _backend.compiled(
        lambda *parts: other(keras.ops.concatenate(parts, axis)),
        [((None, None, None, n), "float32") for n in n_channels],
    )
    kinds = [operation.type for operation in call.graph.get_operations()]
    assert kinds.count("Conv2D") == n_convolutions
    expected = np.asarray(layer(joined))
    np.testing.assert_allclose(
        call(*map(keras.ops.convert_to_tensor, images)), expected, atol=1e-5 * np.ptp(expected)
    )


@pytest.mark.skipif(not _backend.has_fast_bfloat16(), reason="bfloat16 is not quick here")
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize(
    "layer",
    [
        partial(keras.layers.Conv2D, 24, 3, activation="tanh"),
        partial(keras.layers.Conv2DTranspose, 1, 6, strides=2),
    ],
)
def test_a_last_layer_is_given_bfloat16_and_returns_what_that_would_round(layer, use_bias):
    rng = np.random.default_rng(0)
    inputs = keras.Input((None, None, 16), dtype="bfloat16")
    layer = layer(padding="same", use_bias=use_bias)
    layer(inputs)
    kind = quick_to_apply(layer, frozenset())
    assert kind.__name__ in ("LastConvolution", "LastDepthToSpace")
    other = kind.from_config(layer.get_config())
    other.build((None, None, None, 16))
    for variable in layer.variables:
        drawn = 0.1 * rng.standard_normal(variable.shape)
        variable.assign(_backend.rounded_to_bfloat16(drawn.astype(np.float32)))
    other.set_weights(layer.get_weights())
    images = keras.ops.cast(rng.standard_normal((2, 40, 24, 16)), "bfloat16")
    expected = np.asarray(layer(images))
    call = _backend.compiled(lambda x: other(x), [((None, None, None, 16), "bfloat16")])
    found = np.asarray(call(images))
    assert found.dtype == np.float32
    # A two hundredth of what bfloat16 would lose.
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.ptp(expected))


def test_the_last_convolution_and_what_follows_stay_in_float32():
    assert last_layers(get_network("unet", "nano", 1).model) == {"denoised", "noise"}
    assert last_layers(get_network("autoencoder", "", 1).model) == {"denoised"}
    assert last_layers(get_curve_network("dce", 3).model) == {"curves"}


# bfloat16


@pytest.mark.parametrize("shape", [(144, 112), (121, 150)])
@pytest.mark.parametrize("architecture", ["unet", "autoencoder", partial(dncnn, depth=4, width=8)])
def test_tiles_in_bfloat16_differ_by_less_than_its_rounding(architecture, shape, monkeypatch):
    network = get_network(architecture, "nano", 1)
    weights = trained_weights(network)
    image = np.random.default_rng(0).random((*shape, 1))
    task = Task(image, 0.4, 0.3, precision="bfloat16")
    (exact,) = predict(network, weights, [replace(task, precision="float32")])
    (whole,) = predict(network, weights, [task])
    monkeypatch.setattr(_prediction, "WHOLE_PIXELS", 48 * 48)
    (tiled,) = predict(network, weights, [task])
    # Some processors choose among their instructions by the shape of a tile.
    assert np.sqrt(np.mean((tiled - whole) ** 2)) <= np.sqrt(np.mean((whole - exact) ** 2))
    (tiled_exact,) = predict(network, weights, [replace(task, precision="float32")])
    np.testing.assert_allclose(tiled_exact, exact, atol=1e-5 * np.ptp(exact))


def test_images_of_two_precisions_do_not_know_each_other():
    network = get_network("unet", "nano", 1)
    weights = trained_weights(network)
    image = np.random.default_rng(0).random((24, 24, 1))
    tasks = [Task(image, precision=precision) for precision in ("float32", "bfloat16") * 3]
    outputs = list(predict(network, weights, tasks))
    for index, task in enumerate(tasks):
        np.testing.assert_array_equal(outputs[index], next(predict(network, weights, [task])))
    assert np.abs(outputs[0] - outputs[1]).max() > 0


@pytest.mark.parametrize(
    ("loss", "fast", "used"),
    [
        ({"bfloat16": 0.5 * LARGEST_LOSS}, True, "bfloat16"),
        ({"bfloat16": 0.5 * LARGEST_LOSS}, False, "float32"),
        ({"bfloat16": 2 * LARGEST_LOSS}, True, "float32"),
        ({}, True, "float32"),
    ],
)
def test_auto_is_bfloat16_where_it_is_quick_and_costs_little(
    fitted, scene, loss, fast, used, monkeypatch
):
    assert precision_for("auto", loss, fast=fast) == used
    denoiser = pickle.loads(pickle.dumps(fitted))
    denoiser._precision_loss = loss
    monkeypatch.setattr(_keras, "has_fast_bfloat16", lambda: fast)
    _, noisy = scene
    floats = noisy / np.float32(255)
    by_hand = pickle.loads(pickle.dumps(denoiser)).set_params(precision=used)
    np.testing.assert_array_equal(denoiser.transform(noisy), by_hand.transform(noisy))
    exact = by_hand.set_params(precision="float32")
    np.testing.assert_array_equal(denoiser.transform(floats), exact.transform(floats))


@pytest.mark.parametrize("learning", ["fresh noise", "self-supervised", "no images held out"])
def test_fit_measures_what_bfloat16_costs(learning, monkeypatch):
    monkeypatch.setattr(_keras, "has_fast_bfloat16", lambda: True)
    X = procedural_images(3, shape=(40, 40), random_state=2)
    denoiser = AutoencoderDenoiser(size="nano", weights=None, epochs=1, random_state=0)
    if learning == "self-supervised":
        X = np.stack([with_white_noise(image[..., None], 25)[..., 0] for image in X])
    else:
        denoiser.set_params(noise=NoiseInjector(sigma=25))
    if learning == "no images held out":
        denoiser.set_params(validation_fraction=0.0)
    (loss,) = denoiser.fit(X).precision_loss_.values()
    assert 0 < loss < 0.2
    exact = clone(denoiser).set_params(precision="float32").fit(X)
    assert exact.precision_loss_ == {}


def test_the_loss_is_that_of_the_psnr():
    rng = np.random.default_rng(0)
    clean, first, second = rng.random((3, 24, 24, 1))
    expected = abs(psnr(clean[None], first[None]) - psnr(clean[None], second[None]))
    assert psnr_change(first, second, clean) == pytest.approx(float(expected), rel=1e-4)
    assert psnr_change(first, first, clean) == 0


def test_files_and_pickles_keep_the_losses(fitted, tmp_path):
    fitted._precision_loss = {"bfloat16": 0.25, "int8": 0.5}
    fitted.save(tmp_path / "denoiser.safetensors")
    for again in (load(tmp_path / "denoiser.safetensors"), pickle.loads(pickle.dumps(fitted))):
        assert again.precision_loss_ == {"bfloat16": 0.25, "int8": 0.5}
    fitted._precision_loss = {}


@pytest.mark.parametrize("value", [None, [], {"int4": 0.1}, {"int8": "0"}, {"int8": -1.0}])
def test_a_file_may_not_say_anything_about_losses(value):
    assert not are_losses(value)


def test_cards_say_what_precisions_cost():
    for card in model_cards():
        assert set(card["precision_loss"]) == {"bfloat16", "int8"}
        if card["estimator"] == "AutoencoderDenoiser":
            assert card["precision_loss"]["bfloat16"] < LARGEST_LOSS
            assert card["precision_loss"]["int8"] < 0.07
    losses = AutoencoderDenoiser(weights="natural").precision_loss_
    assert set(losses) == {"bfloat16", "int8"}


# OpenVINO

pairs = [("openvino", "float32"), ("openvino", "bfloat16"), ("auto", "int8")]


@needs_openvino
@pytest.mark.parametrize("name", ["unet", "autoencoder", "dncnn", "dce", "dce++"])
def test_engines_agree(name):
    curves = name.startswith("dce")
    network = get_curve_network(name, 3) if curves else get_network(name, "nano", 1)
    weights = trained_weights(network)
    rng = np.random.default_rng(0)
    tasks = [Task(rng.random((*shape, 3 if curves else 1))) for shape in ((40, 48), (17, 9))]
    for one, other in zip(
        predict(network, weights, tasks),
        predict(network, weights, tasks, engine="openvino"),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, atol=1e-4 * max(1, np.ptp(one)))


@needs_openvino
@pytest.mark.parametrize(("engine", "precision"), pairs)
def test_any_engine_survives_copies_and_files(fitted, scene, engine, precision, tmp_path):
    _, noisy = scene
    denoiser = pickle.loads(pickle.dumps(fitted)).set_params(engine=engine, precision=precision)
    expected = denoiser.transform(noisy)
    denoiser.save(tmp_path / "denoiser.safetensors")
    for again in (
        pickle.loads(pickle.dumps(denoiser)),
        load(tmp_path / "denoiser.safetensors"),
    ):
        assert again.get_params() | {"noise": None} == denoiser.get_params() | {"noise": None}
        np.testing.assert_array_equal(again.transform(noisy), expected)
    assert clone(denoiser).get_params()["engine"] == engine
    usual = fitted.transform(noisy)
    assert np.abs(usual.astype(int) - expected).max() <= (2 if precision == "float32" else 12)


@needs_openvino
def test_eight_bits_cost_little_and_say_how_much(scene):
    clean, noisy = scene
    exact = AutoencoderDenoiser(weights="natural", precision="float32")
    rough = AutoencoderDenoiser(weights="natural", precision="int8")
    found = rough.transform(noisy)
    assert psnr(clean, found) > psnr(clean, exact.transform(noisy)) - 0.07
    assert not np.array_equal(found, exact.transform(noisy))
    rough.n_channels_in_, rough.weights_ = 1, exact._network_for(1)[2]
    assert 0 < rough.precision_loss_["int8"] < 0.07


@needs_openvino
def test_kernels_are_really_integers():
    import openvino

    from skdenoise._keras._openvino import program_of, quantized

    network = get_network("unet", "nano", 1)
    model = openvino.convert_model(
        _backend.traced_with(network.with_weights(trained_weights(network)))
    )
    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal((1, 32, 32, 1)).astype(np.float32) for _ in range(2)]
    program = program_of(quantized(model, [inputs]), "f32")
    kinds = [
        str(node.get_rt_info()["primitiveType"].astype(str))
        for node in program.get_runtime_model().get_ordered_ops()
        if "Convolution" in str(node.get_rt_info()["layerType"].astype(str))
    ]
    # Processors without instructions for 8 bits compute with these numbers in floats.
    if "INT8" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        assert sum("i8" in kind.lower() for kind in kinds) >= len(kinds) - 2


@needs_openvino
def test_an_enhancer_may_have_eight_bits():
    X = procedural_images(1, shape=(64, 64), n_channels=3, random_state=4) // 5
    exact = ZeroDCEEnhancer(weights="default", precision="float32").transform(X)
    rough = ZeroDCEEnhancer(weights="default", precision="int8").transform(X)
    assert 0 < np.abs(exact.astype(int) - rough).max() <= 6


def _said_by(denoiser, X):
    try:
        denoiser.transform(X)
    except RuntimeError as error:
        return str(error)
    return "nothing"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_says_that_threads_are_missing():
    X = np.zeros((1, 16, 16), np.uint8) + np.arange(16, dtype=np.uint8)
    denoiser = AutoencoderDenoiser(weights="natural")
    denoiser.transform(X)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        said = pool.apply_async(_said_by, (denoiser, X)).get(60)
    assert "get_context('spawn')" in said


@needs_openvino
@pytest.mark.parametrize(("engine", "precision"), [("keras", "bfloat16"), *pairs[:2]])
def test_threads_may_share_an_estimator(fitted, engine, precision):
    X = procedural_images(8, shape=(40, 56), random_state=6)
    denoiser = pickle.loads(pickle.dumps(fitted)).set_params(engine=engine, precision=precision)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda image: denoiser.transform(image[None]), X))
    np.testing.assert_array_equal(np.concatenate(together), denoiser.transform(X))


@needs_openvino
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
def test_calls_that_share_the_cores_give_the_same(precision):
    from skdenoise._keras._openvino import MANY, openvino_runner

    network = get_network("unet", "nano", 1)
    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal((1, 48, 72, 1)).astype(np.float32), np.zeros((1, 48, 72, 1), "f")]
    run = openvino_runner(network, trained_weights(network), precision, [inputs], 2)
    expected = run(inputs).copy()
    run._at_once = 2  # also on a single core
    run._n_running = 1  # as if another call did not end
    for count in range(1, MANY + 3):
        np.testing.assert_array_equal(run(inputs), expected)
        assert (run._beside_others is not None) == (count >= MANY)
    run._n_running = 0
    np.testing.assert_array_equal(run(inputs), expected)


def test_a_missing_engine_says_what_to_install(fitted, scene, without_openvino):
    _, noisy = scene
    denoiser = pickle.loads(pickle.dumps(fitted))
    for parameters in ({"engine": "openvino"}, {"precision": "int8"}):
        missing = clone(denoiser).set_params(**parameters)
        with pytest.raises(ImportError, match=r"pip install 'skdenoise\[openvino\]'"):
            missing.fit(noisy)
        denoiser.set_params(**{"engine": "auto", "precision": "auto", **parameters})
        with pytest.raises(ImportError, match=r"pip install 'skdenoise\[openvino\]'"):
            denoiser.transform(noisy)
    with pytest.raises(ImportError, match="OpenVINO"):
        ZeroDCEEnhancer(weights="default", precision="int8").transform(noisy)
    # The usual engine needs nothing.
    denoiser.set_params(engine="auto", precision="auto").transform(noisy)


@pytest.mark.parametrize("estimator", [AutoencoderDenoiser, ZeroDCEEnhancer])
def test_keras_has_no_eight_bits(estimator, scene):
    with pytest.raises(ValueError, match="engine='openvino'"):
        estimator(engine="keras", precision="int8").fit(scene[1])
    with pytest.raises(ValueError, match="'engine' parameter"):
        estimator(engine="onnx").fit(scene[1])


def test_what_runs_a_network():
    assert engine_for("auto", "int8") == engine_for("openvino", "auto") == "openvino"
    assert {engine_for("auto", item) for item in ("auto", "float32", "bfloat16")} == {"keras"}
    check_engine("keras", "bfloat16")


@needs_openvino
def test_other_backends_are_told(monkeypatch):
    from skdenoise._keras import _openvino

    monkeypatch.setattr(_openvino, "BACKEND", "jax")
    network = get_network("unet", "nano", 1)
    with pytest.raises(RuntimeError, match="KERAS_BACKEND=tensorflow"):
        next(
            predict(
                network, trained_weights(network), [Task(np.ones((8, 8, 1)))], engine="openvino"
            )
        )


# Preparing in the background


def test_batches_are_prepared_while_the_network_runs(monkeypatch):
    network = get_network("unet", "nano", 1)
    weights = trained_weights(network)
    running = threading.Event()
    prepared = []

    def tasks():
        yield Task(np.ones((128, 128, 1)))
        yield Task(np.ones((128, 128, 1)))
        prepared.append(running.wait(timeout=60))
        yield Task(np.ones((128, 128, 1)))

    def predict_batch(*arguments):
        running.set()
        return [np.zeros((128, 128, 1))]

    monkeypatch.setattr(_prediction, "_predict_batch", predict_batch)
    assert len(list(predict(network, weights, tasks()))) == 3
    assert prepared == [True]


def test_an_error_in_preparing_reaches_the_caller_after_what_came_before():
    network = get_network("unet", "nano", 1)

    def tasks():
        yield Task(np.ones((128, 128, 1)))
        raise OSError("the disk is gone")

    results = predict(network, trained_weights(network), tasks())
    next(results)
    with pytest.raises(OSError, match="the disk is gone"):
        next(results)


@pytest.mark.parametrize("n_channels", [1, 2, 3])
def test_samples_are_the_same_images_everywhere(n_channels):
    samples = noisy_samples(n_channels, calibrating=False)
    assert all(noisy.shape == clean.shape == (128, 128, n_channels) for noisy, clean in samples)
    assert all(noisy.dtype == clean.dtype == np.float32 for noisy, clean in samples)
    others = noisy_samples(n_channels, calibrating=True)
    assert not any(np.array_equal(samples[0][1], clean) for _, clean in others)
