"""AutoencoderDenoiser: three ways to learn, when it stops, what it is told, and what it refuses."""

import copy
import hashlib
import subprocess
import sys
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.base import clone

from skdenoise import (
    AutoencoderDenoiser,
    NoiseInjector,
    ZeroDCEEnhancer,
    _keras,
    estimate_noise,
    load,
    procedural_images,
    psnr,
    psnr_scorer,
    sure_scorer,
)
from skdenoise._keras import _prediction

NOISE = NoiseInjector(sigma=25, random_state=0)


def tiny(**parameters):
    """Return an unfitted denoiser that learns in an instant."""
    return AutoencoderDenoiser(**{"size": "nano", "epochs": 1, "random_state": 0, **parameters})


def assert_equal_weights(one, other):
    assert one.weights_.keys() == other.weights_.keys()
    for name, array in one.weights_.items():
        np.testing.assert_array_equal(array, other.weights_[name], err_msg=name)


def differ(one, other):
    return any(
        not np.array_equal(one.weights_[name], other.weights_[name]) for name in one.weights_
    )


def two_convolutions(n_channels):
    """Return a small network of the kind that users write."""
    noisy = keras.Input((None, None, n_channels))
    x = keras.layers.Conv2D(16, 3, padding="same", activation="relu")(noisy)
    return keras.Model(noisy, keras.layers.Conv2D(n_channels, 3, padding="same")(x))


def with_operators(n_channels):
    """Return a small network in which not all is a layer."""
    noisy = keras.Input((None, None, n_channels))
    x = keras.activations.gelu(keras.layers.Conv2D(8, 3, padding="same")(2 * noisy - 1))
    x = keras.ops.relu(x + keras.layers.Conv2D(8, 3, padding="same")(x))
    return keras.Model(noisy, noisy - keras.layers.Conv2D(n_channels, 3, padding="same")(x))


@pytest.fixture(scope="module")
def X(photos):
    """Six small photographs in [0, 1], (6, 16, 16) float32, read-only."""
    X = photos[:, :16, :16] / np.float32(255)
    X.flags.writeable = False
    return X


@pytest.fixture(scope="module")
def noisy(photos):
    """The photographs with noise of sigma 25."""
    return NOISE.fit_transform(photos)


@pytest.fixture(scope="module")
def steered(photos):
    """A network that has really learnt, and knows what a noise map is."""
    noise = NoiseInjector("gaussian_range", sigma=50)
    return tiny(epochs=40, batch_size=8, patch_size=32, noise=noise).fit(photos)


@pytest.fixture(scope="module")
def plain(X):
    """A network that has hardly learnt, from pairs."""
    return tiny().fit(NoiseInjector(random_state=0).fit_transform(X), X)


# Three ways to learn


@pytest.mark.parametrize("learning", ["supervised", "fresh noise", "self-supervised"])
def test_a_little_learning_removes_noise_from_an_image_never_seen(photos, noisy, learning):
    denoiser = tiny(epochs=40, batch_size=8, patch_size=32)
    if learning == "fresh noise":
        denoiser.set_params(noise=NOISE).fit(photos[1:])
    elif learning == "supervised":
        denoiser.fit(noisy[1:], photos[1:])
    else:
        denoiser.fit(noisy[1:])
    assert denoiser.learning_ == learning
    gain = psnr(photos[:1], denoiser.transform(noisy[:1])) - psnr(photos[:1], noisy[:1])
    assert gain > 4


@pytest.mark.parametrize(
    ("noise", "y", "learning"),
    [
        (None, "clean", "supervised"),
        (None, "list", "supervised"),
        (None, None, "self-supervised"),
        (None, "labels", "self-supervised"),
        (NoiseInjector(), None, "fresh noise"),
        (NoiseInjector(), "X", "fresh noise"),
        (NoiseInjector(), "labels", "fresh noise"),
    ],
)
def test_what_is_given_decides_how_it_learns(X, noise, y, learning):
    y = {"clean": X[:, ::-1], "list": list(X[:, ::-1]), "labels": np.arange(6), "X": X.copy()}.get(
        y
    )
    assert tiny(noise=noise).fit(X, y).learning_ == learning


def test_two_ways_at_once_are_refused(X):
    with pytest.raises(ValueError, match=r"makes noisy images itself.*set noise=None"):
        tiny(noise=NoiseInjector()).fit(X, X[:, ::-1])


def test_pairs_without_noise_are_told(X):
    with pytest.warns(UserWarning, match="no noise to learn from"):
        tiny().fit(X, X)


def test_fresh_noise_is_drawn_anew_in_every_epoch(X):
    drawn = []

    def noise(image, rng):
        drawn.append(hashlib.sha1((rng.normal(size=image.shape)).tobytes()).digest())
        return image

    tiny(noise=NoiseInjector(noise), epochs=3).fit(X)
    assert len(drawn) > 50
    assert len(set(drawn)) == len(drawn)


def test_steering_is_told_to_the_network_only_where_it_learnt_it(X):
    denoiser = tiny().fit(X)
    with pytest.raises(ValueError, match=r"from noisy images alone.*Leave sigma=None"):
        denoiser.set_params(sigma=0.1).transform(X)
    with pytest.raises(ValueError, match="takes no noise map"):
        tiny(architecture="autoencoder", strength=1.5).fit(X).transform(X)
    weaker = tiny(architecture="autoencoder", strength=0.5).fit(X).transform(X)
    assert not np.array_equal(weaker, X)


def test_weights_for_gray_and_for_color_are_prepared_once_each(monkeypatch):
    made, make = [], _prediction._keras_runner
    monkeypatch.setattr(
        _prediction, "_keras_runner", lambda *args: made.append(args) or make(*args)
    )
    denoiser, rng = AutoencoderDenoiser(weights="natural"), np.random.default_rng(0)
    for n_channels in (1, 3, 1, 3):
        denoiser.transform(rng.integers(256, size=(1, 16, 16, n_channels), dtype=np.uint8))
    assert len(made) == 2


def test_weights_are_replaced_and_not_changed(X):
    denoiser = tiny().fit(X)
    before, weights = denoiser.transform(X), denoiser.weights_
    with pytest.raises(ValueError, match="read-only"):
        next(iter(weights.values()))[...] = 0
    denoiser.weights_ = {name: 0 * array for name, array in weights.items()}
    assert not np.array_equal(denoiser.transform(X), before)


# What is fed to it


def test_memory_maps_lists_and_arrays_teach_the_same(tmp_path, X, plain):
    noisy = NoiseInjector(random_state=0).fit_transform(X)
    mapped = np.memmap(tmp_path / "noisy", np.float32, "w+", shape=X.shape)
    mapped[:] = noisy
    assert_equal_weights(tiny().fit(mapped, X), plain)
    assert_equal_weights(tiny().fit(list(noisy), tuple(X)), plain)
    np.testing.assert_array_equal(plain.transform(mapped), plain.transform(noisy))


def test_mixed_sizes_are_learnt_together(photos):
    X = [photos[0], photos[1, :20, :7], photos[2, :1], photos[3, :1, :1], photos[4, 3:]]
    for denoiser in (tiny(), tiny(noise=NoiseInjector())):
        out = denoiser.set_params(patch_size=16).fit(X).transform(X)
        assert [image.shape for image in out] == [image.shape for image in X]


@pytest.mark.parametrize("architecture", ["unet", "autoencoder"])
@pytest.mark.parametrize("value", [0, 1, 0.3])
@pytest.mark.parametrize("shape", [(2, 1, 1), (3, 9, 7)])
def test_constant_images_are_learnt_and_denoised(architecture, value, shape):
    X = np.full(shape, value, np.float64)
    out = tiny(architecture=architecture).fit(X).transform(X)
    assert np.isfinite(out).all()
    if architecture == "unet":
        np.testing.assert_allclose(out, X, atol=1e-6)


def test_a_normalized_network_takes_any_unit_and_offset(X, steered):
    X = X.astype(np.float64)
    out = steered.transform(X)
    np.testing.assert_array_equal(steered.transform(X * 1024), 1024 * out)
    np.testing.assert_allclose(steered.transform(1e-120 * X), 1e-120 * out, rtol=1e-6)
    np.testing.assert_allclose(steered.transform(1000 * X - 300), 1000 * out - 300, atol=1e-2)


def test_units_do_not_change_what_is_learnt(X):
    noisy = NoiseInjector(random_state=0).fit_transform(X).astype(np.float64)
    weights = [tiny().fit(noisy * unit, X * unit).weights_ for unit in (2.0**20, 2.0**-20)]
    for name, array in weights[0].items():
        np.testing.assert_allclose(array, weights[1][name], atol=1e-6, err_msg=name)


@pytest.mark.parametrize(
    ("X", "data_range"),
    [
        (np.arange(256, dtype=np.uint8).reshape(1, 16, 16), 1),
        (np.linspace(0, 1, 256).reshape(1, 16, 16), 1),
        (np.linspace(-0.5, 1.5, 256).reshape(1, 16, 16), 1),
        (np.linspace(0, 255, 256).reshape(1, 16, 16), 255),
        (np.linspace(0, 1e-3, 256).reshape(1, 16, 16), 1e-3),
        (np.full((1, 16, 16), 7.0), 1),
    ],
)
def test_decibels_refer_to_white_minus_black(X, data_range):
    assert tiny().fit(X).data_range_ == pytest.approx(data_range)


# When it stops, and with what


def test_history_has_a_line_for_every_epoch(X):
    history = tiny(epochs=3).fit(X).history_
    assert set(history) == {"loss", "psnr", "val_psnr", "learning_rate", "seconds"}
    assert {len(values) for values in history.values()} == {3}
    assert np.isfinite(list(history.values())).all()
    assert history["seconds"] == sorted(history["seconds"])


def test_without_validation_the_last_epoch_is_kept(X):
    denoiser = tiny(epochs=2, validation_fraction=0).fit(X)
    assert "val_psnr" not in denoiser.history_
    assert "val_psnr" not in tiny().fit(X[:1]).history_  # nothing can be held out of one image


def test_the_best_epoch_is_kept(X):
    # At this learning rate it only gets worse.
    wild = tiny(epochs=6, optimizer="adam", learning_rate=0.05, noise=NoiseInjector())
    wild.set_params(batch_size=4, patch_size=8)
    best = int(np.argmax(wild.fit(X).history_["val_psnr"]))
    assert best < 5
    stopped = clone(wild).set_params(callbacks=[lambda numbers: numbers["epoch"] == best + 1])
    assert_equal_weights(stopped.fit(X), wild)


def test_it_stops_where_validation_gets_no_better(X):
    still = tiny(epochs=50, n_iter_no_change=2, learning_rate=1e-30).fit(X)
    assert len(still.history_["loss"]) == 3


def test_callbacks_see_every_epoch_and_may_stop(X):
    seen, after = [], []

    def stop_at_two(numbers):
        seen.append(numbers)
        return numbers["epoch"] == 2

    denoiser = tiny(epochs=5, callbacks=[stop_at_two, after.append]).fit(X)
    assert [numbers["epoch"] for numbers in seen] == [1, 2]
    assert seen == after
    assert {name: [numbers[name] for numbers in seen] for name in denoiser.history_} == (
        denoiser.history_
    )


def test_an_error_in_a_callback_is_not_swallowed(X):
    def fail(numbers):
        raise RuntimeError("from the callback")

    with pytest.raises(RuntimeError, match="from the callback"):
        tiny(callbacks=[fail]).fit(X)


@pytest.mark.parametrize("epochs", [None, 50])
def test_a_time_budget_ends_the_training(X, epochs):
    denoiser = tiny(epochs=epochs, time_budget=1e-9, batch_size=1).fit(X)
    assert len(denoiser.history_["loss"]) == 1


def test_a_loss_that_is_not_finite_keeps_the_last_finite_weights(X):
    denoiser = tiny(epochs=20, learning_rate=1e30, noise=NoiseInjector())
    with pytest.raises(FloatingPointError, match="smaller learning_rate"):
        denoiser.fit(X)
    assert all(np.isfinite(array).all() for array in denoiser.weights_.values())
    assert np.isfinite(denoiser.transform(X)).all()


def test_a_loss_that_is_nan_at_once_is_told(X):
    def broken(clean, denoised):
        return keras.ops.sum(denoised) * float("nan")

    with pytest.raises(FloatingPointError, match="The loss became nan"):
        tiny(loss=broken).fit(X)


def test_a_function_may_be_the_loss(photos, noisy):
    def quartic_root(clean, denoised):
        return keras.ops.mean((clean - denoised) ** 4) ** 0.25

    denoiser = tiny(epochs=20, batch_size=8, patch_size=32, loss=quartic_root).fit(noisy, photos)
    assert psnr(photos, denoiser.transform(noisy)) > psnr(photos, noisy) + 2


# Going on


def test_fit_begins_anew_and_warm_start_goes_on(X, plain):
    noisy = NoiseInjector(random_state=0).fit_transform(X)
    again = clone(plain).fit(noisy, X)
    assert_equal_weights(again, plain)
    going_on = again.set_params(warm_start=True, learning_rate=1e-30).fit(noisy, X)
    for name, array in going_on.weights_.items():
        np.testing.assert_allclose(array, plain.weights_[name], atol=1e-20, err_msg=name)
    assert differ(going_on.set_params(learning_rate=1e-2).fit(noisy, X), plain)


def test_partial_fit_adds_an_epoch(X):
    denoiser = tiny()
    for epoch in range(1, 4):
        assert denoiser.partial_fit(X) is denoiser
        assert len(denoiser.history_["loss"]) == epoch
    denoiser.fit(X)
    assert len(denoiser.history_["loss"]) == 1
    assert len(denoiser.partial_fit(X).history_["loss"]) == 2


def test_partial_fit_remembers_the_optimizer(X):
    denoiser = tiny(optimizer="sgd", random_state=None).partial_fit(X)
    assert denoiser._optimizer_state[0] == 1
    before = [array.copy() for array in denoiser._optimizer_state]
    denoiser.set_params(learning_rate=1e-30).partial_fit(X)
    assert denoiser._optimizer_state[0] == 2
    # Momentum: nine tenths of the old velocity, and next to nothing of a new one.
    for old, new in zip(before[1:], denoiser._optimizer_state[1:], strict=True):
        np.testing.assert_allclose(new, 0.9 * old, rtol=1e-5, atol=1e-12)


def test_a_fit_that_fails_changes_nothing(X, plain, tmp_path):
    denoiser = copy.copy(plain)
    color = np.ones((2, 16, 16, 3), np.float32)
    for call in (denoiser.fit, denoiser.set_params(warm_start=True).fit):
        with pytest.raises(ValueError, match="y"):
            call(color, color[:, :8])
        assert denoiser.n_channels_in_ == 1
        np.testing.assert_array_equal(denoiser.transform(X), plain.transform(X))
    denoiser.save(tmp_path / "denoiser.safetensors")
    assert load(tmp_path / "denoiser.safetensors").n_channels_in_ == 1
    never = AutoencoderDenoiser(weights="natural")
    with pytest.raises(ValueError, match="y"):
        never.fit(X, X[:, :8])
    assert never.transform(color).shape == color.shape


def test_a_training_that_becomes_absurd_is_noticed():
    X = procedural_images(8, shape=(32, 32), random_state=0)
    denoiser = tiny(noise=NoiseInjector(sigma=10), optimizer="sgd", learning_rate=30, epochs=3)
    denoiser.set_params(validation_fraction=0.0)
    with pytest.raises(FloatingPointError, match=r"The PSNR became -.*smaller learning_rate"):
        denoiser.fit(X)


def test_a_last_step_that_diverges_is_noticed(X):
    def loss(clean, denoised):
        return keras.ops.mean(keras.ops.sqrt(keras.ops.maximum(0 * (clean - denoised), 0)))

    denoiser = tiny(loss=loss, validation_fraction=0.0, batch_size=64)
    with pytest.raises(FloatingPointError, match="The weights became NaN"):
        denoiser.fit(X, 0.9 * X)
    assert all(np.isfinite(array).all() for array in denoiser.weights_.values())


def test_what_was_learnt_must_fit_the_network(X):
    denoiser = tiny(warm_start=True).fit(X)
    with pytest.raises(ValueError, match=r"Set them back, or fit a clone\(denoiser\)"):
        denoiser.set_params(architecture="autoencoder").fit(X)
    with pytest.raises(ValueError, match="X has 3 channels"):
        tiny().fit(X).partial_fit(np.ones((2, 8, 8, 3)))


# What it is told about noise


@pytest.mark.parametrize("architecture", ["unet", "autoencoder"])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_strength_zero_is_the_identity(photos, architecture, dtype):
    X = photos[:, :9, :9].astype(dtype) / (1 if dtype == "uint8" else 255)
    X = X.astype(dtype)
    denoiser = tiny(architecture=architecture, strength=0, noise=NoiseInjector()).fit(X)
    np.testing.assert_array_equal(denoiser.transform(X), X)


def test_sigma_may_be_one_number_one_per_image_or_a_map(noisy, steered):
    n_images, height, width = noisy.shape
    wanted = clone_fitted(steered, sigma=25).transform(noisy)
    for sigma in (
        25.0,
        [25] * n_images,
        np.full(n_images, 25.0),
        np.full((height, width), 25.0),
        np.full(noisy.shape, 25),
    ):
        np.testing.assert_array_equal(clone_fitted(steered, sigma=sigma).transform(noisy), wanted)


def clone_fitted(denoiser, **parameters):
    """Return a denoiser that has learnt the same, with other parameters."""
    changed = clone(denoiser).set_params(**parameters)
    for name, value in vars(denoiser).items():
        if name.endswith("_"):
            setattr(changed, name, value)
    return changed


def test_sigma_is_in_the_units_of_the_images(noisy, steered):
    integers = clone_fitted(steered, sigma=25).transform(noisy)
    floats = clone_fitted(steered, sigma=25 / 255).transform(noisy / np.float32(255))
    assert np.abs(np.clip(255 * floats, 0, 255) - integers).max() < 0.51


def test_each_image_has_its_own_sigma(noisy, steered):
    both = clone_fitted(steered, sigma=[5, 40]).transform(noisy[:2])
    np.testing.assert_array_equal(both[0], clone_fitted(steered, sigma=5).transform(noisy[:1])[0])
    np.testing.assert_array_equal(both[1], clone_fitted(steered, sigma=40).transform(noisy[1:2])[0])


def test_a_map_acts_where_it_says(noisy, steered):
    halves = np.full(noisy.shape[1:], 5.0)
    halves[:, 32:] = 40
    out = clone_fitted(steered, sigma=halves).transform(noisy)
    weak, strong = (clone_fitted(steered, sigma=sigma).transform(noisy) for sigma in (5, 40))
    assert mean_distance(out, weak, slice(16)) < mean_distance(out, strong, slice(16))
    assert mean_distance(out, strong, slice(48, None)) < mean_distance(out, weak, slice(48, None))


def test_each_image_of_any_size_has_a_map_of_its_own(noisy, steered):
    X = [noisy[0], noisy[1, :40, :50]]
    maps = [np.full(image.shape, 20.0) for image in X]
    found = clone_fitted(steered, sigma=maps).transform(X)
    wanted = [
        clone_fitted(steered, sigma=one).transform([image])[0]
        for image, one in zip(X, maps, strict=True)
    ]
    assert all(map(np.array_equal, found, wanted))
    for wrong in (maps[:1], ["a"], [[1.0, [2.0]]], [maps[0], maps[0]], -1.0, [np.nan, 1]):
        with pytest.raises(ValueError, match=r"sigma"):
            clone_fitted(steered, sigma=wrong).transform(X)


def mean_distance(one, other, columns=slice(None)):
    return np.abs(one[..., columns].astype(float) - other[..., columns]).mean()


def test_a_sigma_that_cannot_be_is_warned_of(noisy, steered):
    with pytest.warns(UserWarning, match=r"sigma=25 cannot be the noise of image 0, .* units"):
        clone_fitted(steered, sigma=25).transform(noisy / 255)
    with pytest.warns(UserWarning, match=r"sigma=1e\+300 cannot be"):
        assert np.isfinite(clone_fitted(steered, sigma=1e300).transform(noisy / 255)).all()
    with np.errstate(all="raise"):
        clone_fitted(steered, sigma=25, strength=1e300).transform(noisy)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
def test_noise_is_weak_by_the_range_of_the_pixels_not_of_the_dtype(noisy, dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tiny().fit(noisy.astype(dtype))


def test_strength_multiplies_sigma(noisy, steered):
    wanted = clone_fitted(steered, sigma=30).transform(noisy)
    out = clone_fitted(steered, sigma=15, strength=2.0).transform(noisy)
    np.testing.assert_array_equal(out, wanted)


@pytest.mark.parametrize("sigma", [None, 25, "auto"])
def test_a_strength_below_1_is_a_share_of_what_is_removed(noisy, steered, sigma):
    X = noisy / 255.0
    sigma = sigma / 255 if sigma == 25 else sigma
    removed = clone_fitted(steered, sigma=sigma).transform(X) - X
    half = clone_fitted(steered, sigma=sigma, strength=0.5).transform(X)
    np.testing.assert_allclose(half, X + 0.5 * removed, atol=1e-6)
    whole, half = (
        clone_fitted(steered, sigma=sigma, n_augment=2, strength=s).predict(X, return_std=True)
        for s in (1.0, 0.5)
    )
    np.testing.assert_allclose(half[0], X + 0.5 * (whole[0] - X), atol=1e-6)
    np.testing.assert_allclose(half[1], 0.5 * whole[1], atol=1e-6)


def test_a_greater_strength_removes_more(noisy, steered):
    removed = [
        mean_distance(clone_fitted(steered, sigma=25, strength=s).transform(noisy), noisy)
        for s in (0, 0.1, 0.3, 0.7, 1, 1.7)
    ]
    assert removed[0] == 0
    assert (np.diff(removed) > 0).all()


def test_pixels_stay_as_they_are_where_there_is_no_noise(noisy, steered):
    np.testing.assert_array_equal(clone_fitted(steered, sigma=0).transform(noisy), noisy)
    each = clone_fitted(steered, sigma=np.arange(len(noisy))).transform(noisy)
    np.testing.assert_array_equal(each[0], noisy[0])
    assert not np.array_equal(each[1], noisy[1])
    halves = np.zeros(noisy.shape[1:3])
    halves[:, 32:] = 25
    found = clone_fitted(steered, sigma=halves).transform(noisy)
    np.testing.assert_array_equal(found[:, :, :32], noisy[:, :, :32])
    assert mean_distance(found, noisy, slice(32, None)) > 1


@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_auto_is_the_estimated_sigma(noisy, steered, dtype):
    X = noisy if dtype == "uint8" else noisy / 255.0
    # Estimated in working units: [0, 1] for integers too.
    estimated = estimate_noise(noisy / 255.0 if dtype == "float64" else noisy).sigma
    auto = clone_fitted(steered, sigma="auto").transform(X).astype(float)
    given = clone_fitted(steered, sigma=np.ravel(estimated)).transform(X).astype(float)
    np.testing.assert_allclose(auto, given, atol=1.01 if dtype == "uint8" else 1e-5)
    stronger = clone_fitted(steered, sigma="auto", strength=1.5).transform(X)
    np.testing.assert_array_equal(clone_fitted(steered, strength=1.5).transform(X), stronger)


def test_knowing_sigma_does_no_harm_and_blind_is_nearly_as_good(photos, noisy, steered):
    blind = psnr(photos, steered.transform(noisy))
    told = psnr(photos, clone_fitted(steered, sigma=25).transform(noisy))
    assert min(blind, told) > psnr(photos, noisy) + 3
    assert abs(blind - told) < 1


@pytest.mark.parametrize(
    ("sigma", "message"),
    [
        ([25, 25], "sigma has 2 entries, but there are 6 images"),
        (np.ones((2, 64, 64)), "sigma has 2 entries, but there are 6 images"),
        (np.ones((1, 1, 1, 1)), "sigma must be .auto. or a number"),
        (np.ones((8, 8)), r"The map sigma has shape \(8, 8\), but image 0 has shape \(64, 64\)"),
        ([-1.0] * 6, "finite and not negative"),
        ([np.nan] * 6, "finite and not negative"),
        (-1, "'sigma' parameter"),
        ("guess", "'sigma' parameter"),
    ],
)
def test_a_sigma_that_fits_nothing_is_refused(noisy, steered, sigma, message):
    with pytest.raises(ValueError, match=message):
        clone_fitted(steered, sigma=sigma).transform(noisy)


# Scores


def test_score_with_clean_images_is_their_mean_psnr(photos, noisy, steered):
    denoiser = clone_fitted(steered, noise=None)
    wanted = np.mean(
        [psnr(photos[i : i + 1], denoiser.transform(noisy[i : i + 1])) for i in range(6)]
    )
    assert denoiser.score(noisy, photos) == pytest.approx(wanted)
    assert denoiser.score(list(noisy), list(photos)) == pytest.approx(wanted)


def test_score_of_clean_images_adds_the_noise_of_the_estimator(photos, steered):
    told = clone_fitted(steered, noise=NOISE)
    wanted = psnr(
        photos, steered.transform(NoiseInjector(sigma=25, random_state=1).fit_transform(photos))
    )
    assert told.score(photos) == pytest.approx(wanted, abs=0.5)
    assert told.score(photos) == told.score(photos, photos) == told.score(photos, np.arange(6))
    assert told.score(photos) == psnr_scorer.with_noise(NOISE)(told, photos)


def test_scores_under_other_noise_are_warned_of(photos, steered):
    told = clone_fitted(steered, noise=NoiseInjector(sigma=20))
    told.score(photos[:2])
    with pytest.warns(UserWarning, match="scored under different injected noise"):
        told.set_params(noise__sigma=5).score(photos[:2])


def test_score_without_clean_images_is_an_estimate(photos, noisy, steered):
    denoiser = clone_fitted(steered, noise=None)
    assert denoiser.score(noisy) == denoiser.score(noisy, np.arange(6))
    assert denoiser.score(noisy) == sure_scorer(denoiser, noisy)
    assert denoiser.score(noisy) == pytest.approx(denoiser.score(noisy, photos), abs=1.5)


@pytest.mark.parametrize("given", ["clean images", "noise", "nothing"])
def test_integers_and_floats_of_a_list_have_a_white_of_their_own(given, photos, noisy, steered):
    noise = NoiseInjector(noise_factor=0.1) if given == "noise" else None
    denoiser = clone_fitted(steered, noise=noise)
    y = [photos[0], photos[1] / 255] if given == "clean images" else None
    X = photos if given == "noise" else noisy
    X = [X[0], X[1] / 255]
    alone = [denoiser.score(X[i : i + 1], y and y[i : i + 1]) for i in range(2)]
    assert alone[0] == pytest.approx(alone[1], abs=5)
    assert denoiser.score(X, y) == pytest.approx(np.mean(alone), abs=1e-3)


def test_scores_of_floats_do_not_depend_on_the_unit(photos, noisy):
    clean, noisy = photos / 1.0, noisy / 1.0
    small = tiny().fit(noisy / 255, clean / 255).score(noisy / 255, clean / 255)
    large = tiny().fit(noisy, clean).score(noisy, clean)
    # 1 is not quite the range of the photographs, nor 255 that of the noisy ones.
    assert small == pytest.approx(large, abs=0.5)


def test_a_loss_that_is_no_number_is_refused(X):
    with pytest.raises(ValueError, match=r"loss must return one number .*keras\.ops\.mean"):
        tiny(loss=lambda clean, denoised: (clean - denoised) ** 2).fit(X)


# Reproducible, and silent about it


def digest(denoiser, X):
    arrays = [*denoiser.weights_.values(), denoiser.transform(X)]
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


IN_ANOTHER_PROCESS = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from test_denoiser import digest, tiny
from skdenoise import NoiseInjector
np.random.seed(7)
X = np.load(sys.argv[2])
print(digest(tiny(noise=NoiseInjector(), epochs=2, batch_size=4).fit(X), X))
"""


def test_a_seed_gives_the_same_bits_in_every_process(X, tmp_path):
    np.save(tmp_path / "X.npy", X)
    command = [
        sys.executable,
        "-c",
        IN_ANOTHER_PROCESS,
        str(Path(__file__).parent),
        tmp_path / "X.npy",
    ]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    here = tiny(noise=NoiseInjector(), epochs=2, batch_size=4).fit(X)
    assert printed.split() == [digest(here, X)]


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_generators_in_the_same_state_give_the_same_weights(X, make):
    one, other = (tiny(random_state=make(3)).fit(X) for _ in range(2))
    assert_equal_weights(one, other)


def test_seeds_matter(X, plain):
    one, other, third = (tiny(random_state=seed).fit(X) for seed in (1, None, None))
    assert differ(one, other)
    assert differ(other, third)


def test_held_out_images_do_not_move_the_training(X):
    weights = [tiny(validation_fraction=fraction).fit(X[:1]).weights_ for fraction in (0, 0.5)]
    for name, array in weights[0].items():
        np.testing.assert_array_equal(array, weights[1][name])


def test_a_progress_bar_is_shown_on_request(X, capsys):
    tiny(verbose=0).fit(X)
    assert capsys.readouterr() == ("", "")
    tiny(verbose=1).fit(X)
    shown = capsys.readouterr().err
    for word in ("fit: 100%", "loss=", "psnr=", " dB", "epoch=1"):
        assert word in shown


# Networks


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_both_precisions_learn_and_agree(photos, noisy, precision):
    parameters = {"epochs": 20, "batch_size": 8, "patch_size": 32}
    auto = tiny(**parameters).fit(noisy, photos).transform(noisy)
    other = tiny(**parameters, precision=precision).fit(noisy, photos).transform(noisy)
    assert mean_distance(auto, other) < 2
    assert psnr(photos, other) > psnr(photos, noisy) + 2


def test_a_function_may_be_the_architecture(photos, noisy):
    X, y = noisy / np.float32(255), photos / np.float32(255)
    denoiser = tiny(architecture=two_convolutions, epochs=40, batch_size=4, learning_rate=1e-2)
    out = denoiser.set_params(patch_size=32, validation_fraction=0).fit(X, y).transform(X)
    assert psnr(y, out, data_range=1) > psnr(y, X, data_range=1) + 2
    assert denoiser.network_.count_params() == sum(map(np.size, denoiser.weights_.values()))


@pytest.mark.parametrize("precision", ["auto", "bfloat16"])
def test_operators_may_stand_between_layers(photos, noisy, precision, monkeypatch):
    monkeypatch.setattr(_keras, "has_fast_bfloat16", lambda: True)
    denoiser = tiny(architecture=with_operators, precision=precision).fit(noisy, photos)
    assert denoiser.precision_loss_["bfloat16"] > 0
    exact = copy.copy(denoiser).set_params(precision="float32").transform(noisy)
    assert mean_distance(denoiser.transform(noisy), exact) < 2


def test_a_function_may_return_a_network_that_is_steered(X):
    def steerable(n_channels):
        noisy, sigma = keras.Input((None, None, n_channels)), keras.Input((None, None, 1))
        both = keras.layers.Concatenate()([noisy, sigma])
        return keras.Model([noisy, sigma], keras.layers.Conv2D(n_channels, 3, padding="same")(both))

    denoiser = tiny(architecture=steerable, noise=NoiseInjector()).fit(X)
    blind = denoiser.transform(X)
    assert not np.array_equal(denoiser.set_params(sigma=0.02).transform(X), blind)


@pytest.mark.parametrize(
    ("architecture", "error", "message"),
    [
        (lambda n_channels: None, TypeError, "it returned NoneType"),
        (
            lambda n_channels: keras.Sequential([keras.layers.Conv2D(n_channels, 3)]),
            TypeError,
            "must return a functional keras.Model",
        ),
        (
            lambda n_channels: keras.Sequential([keras.Input((8, 8, 1)), keras.layers.ReLU()]),
            ValueError,
            r"images of any size.*\(None, 8, 8, 1\)",
        ),
        (
            lambda n_channels: keras.Sequential(
                [keras.Input((None, None, n_channels)), keras.layers.Conv2D(5, 3)]
            ),
            ValueError,
            "an output with 1 channels",
        ),
    ],
)
def test_functions_that_return_something_else_are_told(X, architecture, error, message):
    with pytest.raises(error, match=message):
        tiny(architecture=architecture).fit(X)


def test_the_keras_model_denoises_alike(X, plain):
    image = X[:1].astype(np.float64)
    mean, deviation = image.mean(), image.std()
    normalized = ((image - mean) / deviation)[..., None].astype(np.float32)
    output = plain.network_.predict([normalized, np.zeros_like(normalized)], verbose=0)
    np.testing.assert_allclose(output[..., 0] * deviation + mean, plain.transform(image), atol=1e-5)
    assert plain.network_ is plain.network_
    rough = copy.copy(plain).set_params(precision="bfloat16")
    before = rough.network_
    assert before.layers[2].compute_dtype == "bfloat16"
    assert rough.set_params(precision="float32").network_.layers[2].compute_dtype == "float32"


@pytest.mark.parametrize("parameters", [{"size": "small"}, {"architecture": "dncnn"}])
def test_weights_of_another_network_are_not_used(X, plain, tmp_path, parameters):
    changed = copy.copy(plain).set_params(**parameters)
    for use in (
        lambda: changed.transform(X),
        lambda: changed.network_,
        lambda: changed.save(tmp_path / "changed.safetensors"),
    ):
        with pytest.raises(ValueError, match="do not fit the network"):
            use()
    assert not list(tmp_path.iterdir())


def test_weights_that_there_are_not_are_told_before_that_nothing_was_fitted(X):
    for estimator in (AutoencoderDenoiser(weights="default"), ZeroDCEEnhancer(weights="natural")):
        with pytest.raises(ValueError, match="weights"):
            estimator.transform(X)


def test_weights_that_the_network_cannot_have_have_no_losses():
    with pytest.raises(ValueError, match="There are weights='natural' for architecture='unet'"):
        _ = AutoencoderDenoiser("dncnn", weights="natural").precision_loss_


# Bad parameters


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"architecture": "vgg"}, "'architecture' parameter .* one of 'autoencoder', 'dncnn'"),
        ({"size": "huge"}, "'size' parameter .* 'base', 'nano', 'small'.* Got 'huge'"),
        ({"noise": "gaussian"}, "'noise' parameter .* an instance of NoiseInjector or None"),
        ({"noise": NoiseInjector(sigma=-1)}, "'sigma' parameter of NoiseInjector"),
        ({"sigma": -1}, "'sigma' parameter of AutoencoderDenoiser"),
        ({"sigma": "much"}, "'sigma' parameter"),
        ({"strength": -0.1}, "'strength' parameter"),
        ({"strength": None}, "'strength' parameter"),
        ({"loss": "hinge"}, "'loss' parameter .* 'charbonnier', 'l1', 'mse' or a callable"),
        ({"optimizer": "lbfgs"}, "'optimizer' parameter"),
        ({"learning_rate": 0}, "'learning_rate' parameter"),
        ({"learning_rate": np.nan}, "'learning_rate' parameter"),
        ({"epochs": 0}, "'epochs' parameter"),
        ({"epochs": 1.5}, "'epochs' parameter"),
        ({"epochs": None}, "would train for ever. Set time_budget"),
        ({"batch_size": 0}, "'batch_size' parameter"),
        ({"patch_size": "large"}, "'patch_size' parameter"),
        ({"validation_fraction": 1.0}, r"'validation_fraction' parameter .* \[0, 1\)"),
        ({"n_iter_no_change": 0}, "'n_iter_no_change' parameter"),
        ({"time_budget": 0}, "'time_budget' parameter"),
        ({"warm_start": 1}, "'warm_start' parameter .* a bool"),
        ({"callbacks": print}, "'callbacks' parameter"),
        ({"callbacks": ["stop"]}, "Each of the callbacks must be a function"),
        ({"precision": "float64"}, "'precision' parameter"),
        ({"image_shape": 16}, "'image_shape' parameter"),
        ({"random_state": "seed"}, "'random_state' parameter"),
        ({"verbose": -1}, "'verbose' parameter"),
    ],
    ids=str,
)
def test_parameters_are_checked_before_anything_is_learnt(X, parameters, message):
    denoiser = tiny(**parameters)
    for learn in (denoiser.fit, denoiser.partial_fit):
        with pytest.raises(ValueError, match=message):
            learn(X)
    assert not hasattr(denoiser, "weights_")


def test_gray_levels_given_as_floats_are_told_where_it_matters(photos):
    X = photos[:, :16, :16].astype(np.float32)
    with pytest.warns(UserWarning, match=r"returns values in \[0, 1\].* Pass X / 255"):
        tiny(architecture="autoencoder").fit(X)
    with pytest.warns(UserWarning, match=r"noise_factor=0\.1 is a strength for images in"):
        tiny(noise=NoiseInjector(noise_factor=0.1)).fit(X)


def test_a_failed_fit_forgets_nothing(X, plain):
    before = plain.transform(X)
    with pytest.raises(ValueError, match="NaN"):
        plain.fit(X * np.nan)
    with pytest.raises(ValueError, match="Image 0 of y has shape"):
        plain.fit(X, X[:, :5])
    np.testing.assert_array_equal(plain.transform(X), before)
