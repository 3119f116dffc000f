"""ZeroDCEEnhancer: how it learns, what its knobs do, and what it makes of odd images."""

import copy
import hashlib
import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

from skdenoise import AutoencoderDenoiser, NoiseInjector, ZeroDCEEnhancer, load, psnr
from skdenoise._exposures import re_exposed
from skdenoise._keras import _prediction
from skdenoise._model_file import ModelFileError
from skdenoise._shipped import FOLDER
from skdenoise.metrics import clipped_share

ARCHITECTURES = ["dce", "dce++"]


def tiny(architecture="dce", **parameters):
    """Return an unfitted enhancer that learns in an instant."""
    return ZeroDCEEnhancer(
        architecture,
        **{"epochs": 1, "batch_size": 4, "patch_size": 24, "random_state": 0, **parameters},
    )


def with_curves(level, architecture="dce", **parameters):
    """Return an enhancer whose curves are `level`, whatever it sees, but for a texture."""
    enhancer = tiny(architecture, **parameters)
    X = np.zeros((1, 24, 24, 3), np.float32)
    enhancer.fit(X)
    names = list(enhancer.weights_)
    weights = dict(enhancer.weights_)
    weights[names[-1]] = np.full_like(weights[names[-1]], np.arctanh(level))
    enhancer.weights_ = weights
    return enhancer


def one_convolution(n_channels):
    """Return a small network of the kind that users write."""
    image = keras.Input((None, None, n_channels))
    x = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    curves = keras.layers.Conv2D(2 * n_channels, 3, padding="same", activation="tanh")(x)
    return keras.Model(image, curves)


@pytest.fixture(scope="module")
def dark(color_photos):
    """Four photographs with a tenth of the light, (4, 48, 48, 3) float32, read-only."""
    dark = (color_photos[:, :48, :48] / np.float32(255)) ** 2.2 * 0.1
    dark = dark ** np.float32(1 / 2.2)
    dark.flags.writeable = False
    return dark


@pytest.fixture(scope="module", params=ARCHITECTURES)
def fitted(request, dark):
    """An enhancer that has hardly learnt, made to brighten."""
    return with_curves(-0.3, request.param)


def clone_fitted(enhancer, **parameters):
    return copy.copy(enhancer).set_params(**parameters)


# Learning


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_little_learning_brightens(dark, architecture):
    enhancer = tiny(architecture, epochs=60, patch_size=48, learning_rate=5e-3)
    bright = enhancer.fit(dark).transform(dark)
    assert enhancer.learning_ == "zero-reference"
    assert bright.mean() > dark.mean() + 0.1
    assert enhancer.history_["exposure"][-1] < 0.5 * enhancer.history_["exposure"][0]


def test_pairs_add_a_term_and_say_so(dark, color_photos):
    enhancer = tiny().fit(dark, color_photos[:, :48, :48] / np.float32(255))
    assert enhancer.learning_ == "paired"
    assert set(enhancer.history_) == {
        *("loss", "spatial", "exposure", "color", "smoothness", "paired"),
        *("learning_rate", "seconds"),
    }
    assert "paired" not in tiny().fit(dark).history_


def test_pairs_alone_lead_to_the_wanted_image(dark, color_photos):
    clean = color_photos[:, :48, :48] / np.float32(255)
    off = dict.fromkeys(
        ["spatial_weight", "exposure_weight", "color_weight", "smoothness_weight"], 0.0
    )
    enhancer = tiny(epochs=60, patch_size=48, learning_rate=5e-3, **off).fit(dark, clean)
    before, after = (np.abs(X - clean).mean() for X in (dark, enhancer.transform(dark)))
    assert after < 0.5 * before


def test_well_lit_images_are_exposed_anew(color_photos):
    enhancer = tiny(re_expose=0.8).fit(color_photos)
    assert enhancer.learning_ == "re-exposed"
    assert "paired" in enhancer.history_
    with pytest.raises(ValueError, match=r"makes dark images itself.*re_expose=0"):
        tiny(re_expose=0.8).fit(color_photos, color_photos)


def test_exposing_anew_changes_the_light_and_keeps_the_scene(color_photos):
    image = color_photos[0] / np.float32(255)
    exposed = [re_exposed(image, np.random.default_rng(seed)) for seed in range(40)]
    assert all(item.dtype == np.float32 for item in exposed)
    assert min(item.min() for item in exposed) >= 0
    assert max(item.max() for item in exposed) <= 1
    means = [float(item.mean()) for item in exposed]
    assert min(means) < 0.4 * image.mean()
    assert max(means) > image.mean()
    order = [np.corrcoef(item.ravel(), image.ravel())[0, 1] for item in exposed]
    assert np.median(order) > 0.9


def test_the_smoothness_weight_is_the_published_one():
    assert tiny()._objective(24, "zero-reference").weights == (1, 10, 5, 200, 0)
    assert tiny("dce++")._objective(3, "paired").weights == (1, 10, 5, 1600, 2)
    assert tiny(smoothness_weight=3)._objective(3, "paired").weights[3] == 3


@pytest.mark.parametrize("level", [0.0, 1.0, 0.5])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_flat_images_teach_finite_weights(level, architecture):
    enhancer = tiny(architecture, epochs=3).fit(np.full((3, 20, 20, 3), level, np.float32))
    assert all(np.isfinite(array).all() for array in enhancer.weights_.values())


def test_a_network_of_your_own_learns(dark):
    enhancer = tiny(one_convolution, epochs=2).fit(dark)
    assert enhancer.curves(dark).shape == (4, 48, 48, 2, 3)
    with pytest.raises(ValueError, match="output with a multiple of 3"):
        tiny(lambda n_channels: keras.Sequential([keras.Input((None, None, 3)),
             keras.layers.Conv2D(4, 1)])).fit(dark)  # fmt: skip


def test_callbacks_see_the_terms_and_can_stop(dark):
    seen = []

    def stop(numbers):
        seen.append(numbers)
        return len(seen) == 2

    tiny(epochs=9, callbacks=[stop]).fit(dark)
    assert len(seen) == 2
    assert seen[1]["epoch"] == 2
    assert np.isfinite(seen[1]["smoothness"])


def test_time_may_be_what_limits_it(dark):
    assert len(tiny(epochs=None, time_budget=0.01).fit(dark).history_["loss"]) == 1
    with pytest.raises(ValueError, match="train for ever"):
        tiny(epochs=None).fit(dark)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_either_precision_learns(dark, precision):
    assert np.isfinite(tiny(precision=precision).fit(dark).transform(dark)).all()


def test_the_same_seed_gives_the_same_pixels_in_another_process(dark):
    code = """if True:
        import hashlib, numpy as np
        from skdenoise import ZeroDCEEnhancer
        X = np.random.default_rng(0).random((2, 24, 24, 3))
        out = ZeroDCEEnhancer("dce++", epochs=1, random_state=0).fit(X).transform(X)
        print(hashlib.sha1(out.tobytes()).hexdigest())
        """
    run = [sys.executable, "-c", code]
    there = subprocess.run(run, capture_output=True, check=True, text=True).stdout.strip()
    X = np.random.default_rng(0).random((2, 24, 24, 3))
    out = ZeroDCEEnhancer("dce++", epochs=1, random_state=0).fit(X).transform(X)
    assert hashlib.sha1(out.tobytes()).hexdigest() == there


def test_verbose_shows_the_loss(dark, capsys):
    tiny("dce++", verbose=1).fit(dark)
    assert "loss=" in capsys.readouterr().err


# Knobs


def test_strength_zero_is_the_image_and_less_is_darker(fitted, dark):
    np.testing.assert_array_equal(clone_fitted(fitted, strength=0).transform(dark), dark)
    means = [
        clone_fitted(fitted, strength=strength).transform(dark).mean()
        for strength in (0, 0.3, 1.0, 2.0)
    ]
    assert means == sorted(set(means))


def test_without_locality_equal_pixels_stay_equal(fitted, dark):
    X = dark.copy()
    X[:, ::7, ::5] = 0.1
    one_curve = clone_fitted(fitted, locality=0).transform(X)[:, ::7, ::5]
    np.testing.assert_allclose(
        one_curve, one_curve[:, :1, :1] + np.zeros_like(one_curve), atol=1e-6
    )
    spreads = [
        clone_fitted(fitted, locality=share).transform(X)[:, ::7, ::5].std((1, 2)).mean()
        for share in (0, 0.5, 1)
    ]
    assert spreads == sorted(set(spreads))


@pytest.mark.parametrize("parameters", [{}, {"keep_hue": True}, {"protect_highlights": 0.9}])
def test_the_wanted_exposure_is_reached(fitted, dark, parameters):
    for target in (0.35, 0.5):
        bright = clone_fitted(fitted, exposure=target, **parameters).transform(dark)
        np.testing.assert_allclose(bright.mean((1, 2, 3)), target, atol=0.01)


def test_more_iterations_are_brighter(fitted, dark):
    means = [clone_fitted(fitted, n_iterations=n).transform(dark).mean() for n in (1, 4, 8, 12)]
    assert means == sorted(set(means))


def test_curves_are_those_that_are_applied(fitted, dark):
    enhancer = clone_fitted(fitted, exposure=0.4, protect_highlights=0.5)
    curves = enhancer.curves(dark)
    assert curves.shape[:3] == (4, 48, 48)
    x = dark.copy()
    for index in range(8):
        r = curves[..., index % curves.shape[3], :]
        x += r * (x**2 - x) * (1 - np.float32(0.5) * x)
    np.testing.assert_allclose(enhancer.transform(dark), x, atol=1e-5)


def test_curves_come_in_a_list_for_a_list(fitted, dark):
    found = fitted.curves([dark[0], dark[1, :10]])
    assert [item.shape[:2] for item in found] == [(48, 48), (10, 48)]


def test_hue_is_kept(fitted, dark):
    bright = clone_fitted(fitted, keep_hue=True).transform(dark)
    assert bright.mean() > dark.mean() + 0.05
    largest = dark.max(-1, keepdims=True)
    seen = largest[..., 0] > 0.02
    np.testing.assert_allclose(
        (bright / bright.max(-1, keepdims=True))[seen], (dark / largest)[seen], atol=1e-4
    )


def test_highlights_are_protected(fitted, dark):
    lamp = dark.copy()
    lamp[:, :8, :8] = np.linspace(0.5, 0.9, 8, dtype=np.float32)[:, None]
    plain, spared = (
        clone_fitted(fitted, protect_highlights=share).transform(lamp)[:, :8, :8]
        for share in (0.0, 1.0)
    )
    contrast = [np.ptp(item) for item in (plain, spared)]
    assert spared.max() < plain.max()
    assert contrast[1] > contrast[0]


def test_frames_do_not_flicker(fitted, dark):
    # The light of a lamp that flickers by a few percent from frame to frame.
    light = 1 + 0.15 * np.random.default_rng(0).standard_normal(12).clip(-1, 1)
    frames = np.stack([dark[0] * np.float32(item) for item in light])

    def jumps(smoothing, **options):
        steady = clone_fitted(fitted, smoothing=smoothing, **options)
        return np.abs(np.diff(steady.transform(frames).mean((1, 2, 3)))).mean()

    # Where no brightness is asked for, what the curves want is smoothed.
    assert jumps(0.8) < 0.4 * jumps(0.0)
    assert jumps(0.8, exposure=0.5) < 1e-3


def test_only_smoothing_makes_images_a_sequence(fitted, dark):
    smooth = clone_fitted(fitted, smoothing=0.5)
    backwards = smooth.transform(dark[::-1])[::-1]
    assert np.abs(smooth.transform(dark) - backwards).max() > 1e-4
    # Frames of another size begin anew.
    out = smooth.transform([dark[0], dark[0][:20], dark[1][:20]])
    np.testing.assert_array_equal(out[1], smooth.transform([dark[0][:20]])[0])


# Noise


@pytest.fixture(scope="module")
def denoiser(color_photos):
    noise = NoiseInjector("gaussian_range", sigma=50)
    return AutoencoderDenoiser(
        size="nano", epochs=30, batch_size=8, patch_size=32, noise=noise, random_state=0
    ).fit(color_photos)


@pytest.fixture(scope="module")
def noisy(dark):
    return (dark + 0.03 * np.random.default_rng(0).standard_normal(dark.shape)).astype(np.float32)


@pytest.mark.parametrize("denoise", ["before", "after"])
def test_a_denoiser_removes_the_amplified_noise(fitted, denoiser, dark, noisy, denoise):
    wanted = fitted.transform(dark)
    with_noise = np.abs(fitted.transform(noisy) - wanted).mean()
    enhancer = clone_fitted(fitted, denoiser=denoiser, denoise=denoise)
    assert np.abs(enhancer.transform(noisy) - wanted).mean() < 0.85 * with_noise


@pytest.mark.parametrize("exposure", [0.3, 0.46, 0.55])
def test_what_an_exposure_cannot_help_is_left_alone(exposure):
    X = np.full((1, 64, 64, 3), 128, np.uint8)
    found = ZeroDCEEnhancer(weights="default", exposure=exposure).transform(X).mean() / 255
    assert abs(found - exposure) <= abs(128 / 255 - exposure) + 0.002


def test_after_needs_a_denoiser_that_can_be_told(fitted, noisy):
    blind = AutoencoderDenoiser("autoencoder", epochs=1, random_state=0).fit(noisy, 0.9 * noisy)
    with pytest.raises(ValueError, match="Set denoise='before'"):
        clone_fitted(fitted, denoiser=blind, denoise="after").transform(noisy)


def test_after_prepares_the_weights_of_the_denoiser_once(fitted, denoiser, noisy, monkeypatch):
    made, make = [], _prediction._keras_runner
    monkeypatch.setattr(
        _prediction, "_keras_runner", lambda *args: made.append(args) or make(*args)
    )
    enhancer = clone_fitted(fitted, denoiser=denoiser, denoise="after")
    enhancer.transform(noisy)
    before = len(made)
    enhancer.transform(noisy)
    assert len(made) == before


def test_nothing_is_shown_of_what_was_not_fitted():
    with pytest.raises(NotFittedError):
        _ = ZeroDCEEnhancer().network_
    with pytest.raises(ValueError, match="architecture"):
        _ = ZeroDCEEnhancer(lambda n_channels: None, weights="default").precision_loss_


def test_before_is_the_same_as_a_pipeline(fitted, denoiser, noisy):
    enhancer = clone_fitted(fitted, denoiser=denoiser)
    np.testing.assert_array_equal(
        enhancer.transform(noisy), fitted.transform(denoiser.transform(noisy))
    )
    steps = make_pipeline(FrozenEstimator(denoiser), FrozenEstimator(fitted)).fit(noisy)
    np.testing.assert_array_equal(steps.transform(noisy), enhancer.transform(noisy))


@pytest.mark.parametrize("scale", [1, 255])
def test_after_the_denoiser_is_told_the_amplified_noise(denoiser, dark, scale, monkeypatch):
    told = []
    monkeypatch.setattr(
        AutoencoderDenoiser,
        "_transform_images",
        lambda self, images: told.append(self.sigma) or iter(images),
    )
    enhancer = with_curves(-0.3, denoiser=clone_fitted(denoiser, sigma=0.02 * scale))
    enhancer.set_params(denoise="after")
    X = (dark * 255).astype(np.uint8) if scale == 255 else dark
    enhancer.transform(X)
    x, slope = dark[0].astype(np.float64), 1.0
    for r in np.moveaxis(enhancer.curves(X)[0], 2, 0):
        slope, x = slope * (1 + r * (2 * x - 1)), x + r * (x**2 - x)
    wanted = 0.02 * np.sqrt((slope**2).mean(-1))
    assert told[0].shape == (48, 48)
    np.testing.assert_allclose(told[0], wanted, rtol=0.05 if scale == 255 else 1e-3)
    assert enhancer.denoiser.sigma == 0.02 * scale  # the caller's denoiser is left alone


def test_after_the_denoiser_loses_no_highlights(denoiser, dark, monkeypatch):
    # As if all that is light were noise around white.
    monkeypatch.setattr(
        AutoencoderDenoiser,
        "_transform_images",
        lambda self, images: (np.where(image > 0.5, 1, image) for image in images),
    )
    X = dark.copy()
    X[:, :4, :4] = 1
    enhancer = with_curves(-0.3, denoiser=clone_fitted(denoiser, sigma=0.02), denoise="after")
    enhanced = with_curves(-0.3).transform(X)
    after = enhancer.transform(X)
    assert (enhanced > 0.5).mean() > 0.02
    assert clipped_share(X, enhanced, data_range=1) == clipped_share(X, after, data_range=1) == 0


def test_after_the_denoiser_makes_nothing_darker_than_black(denoiser, dark, monkeypatch):
    monkeypatch.setattr(
        AutoencoderDenoiser,
        "_transform_images",
        lambda self, images: (image - np.float32(0.1) for image in images),
    )
    enhancer = with_curves(-0.3, denoiser=clone_fitted(denoiser, sigma=0.02), denoise="after")
    assert enhancer.transform(dark).min() == 0
    # What was below black before is not made black by it.
    below = dark - dark.max()
    found = enhancer.transform(below)
    assert with_curves(-0.3).transform(below).min() <= found.min() < 0


def test_a_denoiser_must_be_fitted_and_for_such_images(fitted, dark, denoiser):
    with pytest.raises(NotFittedError, match="FrozenEstimator"):
        clone_fitted(fitted, denoiser=clone(denoiser)).transform(dark)
    gray = with_curves(-0.3)
    gray.fit(dark[..., 0])
    with pytest.raises(ValueError, match="the denoiser was fitted on images with 3 channels"):
        gray.set_params(denoiser=denoiser).transform(dark[..., 0])


def test_a_frozen_denoiser_survives_a_clone(fitted, denoiser, noisy):
    enhancer = clone(clone_fitted(fitted, denoiser=FrozenEstimator(denoiser)))
    assert np.isfinite(enhancer.fit(noisy).transform(noisy)).all()


# Images


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float16", "float32", "float64"])
def test_every_dtype_is_brightened_alike(fitted, dark, dtype):
    scale = np.iinfo(dtype).max if np.dtype(dtype).kind in "iu" else 1
    X = (dark * scale).round(0 if scale > 1 else 9).astype(dtype)
    out = fitted.transform(X)
    assert out.dtype == dtype
    np.testing.assert_allclose(out / scale, fitted.transform(dark), atol=0.05)


@pytest.mark.parametrize("exposure", [None, 0.5])
def test_tiled_equals_whole(fitted, exposure, monkeypatch):
    image = np.random.default_rng(0).random((1, 150, 130, 3)).astype(np.float32) / 4
    enhancer = clone_fitted(fitted, exposure=exposure, reduction=1)
    whole = enhancer.transform(image)
    monkeypatch.setattr(_prediction, "WHOLE_PIXELS", 48 * 48)
    np.testing.assert_allclose(enhancer.transform(image), whole, atol=1e-5)


def test_gray_is_the_color_image_of_equal_channels(dark):
    enhancer = with_curves(-0.3)
    gray = dark.mean(-1)
    enhancer.fit(gray)
    color = np.repeat(gray[..., None], 3, axis=-1)
    del enhancer.n_channels_in_
    bright = enhancer.set_params(keep_hue=True).transform(color)
    np.testing.assert_allclose(enhancer.transform(gray), bright[..., 0], atol=1e-6)
    assert np.ptp(bright, axis=-1).max() < 1e-6


@pytest.mark.parametrize("n_channels", [2, 5])
def test_other_channels_are_refused(n_channels):
    X = np.full((2, 8, 8, n_channels), 0.3)
    with pytest.raises(ValueError, match=f"gray images or RGB images.*{n_channels} channels"):
        tiny().fit(X)


@pytest.mark.parametrize("parameters", [{}, {"exposure": 0.5}, {"keep_hue": True}])
def test_black_stays_black_and_white_white(fitted, parameters):
    X = np.stack([np.zeros((20, 20, 3)), np.ones((20, 20, 3))])
    out = clone_fitted(fitted, **parameters).transform(X)
    np.testing.assert_allclose(out, X, atol=1e-6)


def test_a_bright_image_is_not_made_brighter_than_wanted(fitted, dark):
    bright = 1 - dark
    out = clone_fitted(fitted, exposure=0.4).transform(bright)
    np.testing.assert_array_equal(out, bright)


@pytest.mark.parametrize("architecture", ["dce", "dce++"])
@pytest.mark.parametrize("size", [64, 2064])
def test_nothing_is_darkened_by_curves_that_would(architecture, size):
    shades = np.random.default_rng(0).integers(100, 255, (1, size, 64, 3), np.uint8)
    enhancer = ZeroDCEEnhancer(architecture, weights="default")
    assert enhancer.transform(shades).mean() < shades.mean()
    exposed = enhancer.set_params(exposure=0.46).transform(shades)
    np.testing.assert_array_equal(exposed, shades)


def test_floats_beyond_white_stay_there_and_wrong_scales_are_told(fitted, dark):
    X = dark.copy()
    X[0, 0, 0] = 1.5
    out = fitted.transform(X)
    np.testing.assert_allclose(out[0, 0, 0], 1.5, rtol=1e-6)
    with pytest.warns(UserWarning, match="X has values up to .* Pass X / 255"):
        fitted.transform(dark * 255)
    with pytest.warns(UserWarning, match="Pass X / 255"):
        tiny().fit(dark * 255)
    with pytest.warns(UserWarning, match="X has values up to -.*black is 0.*scale other floats"):
        fitted.transform(dark - 2)


# Files


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_loaded_is_as_saved(fitted, dark, tmp_path, dtype):
    path = tmp_path / "enhancer.safetensors"
    enhancer = clone_fitted(fitted, exposure=0.5, keep_hue=True)
    enhancer.save(path, dtype=dtype)
    loaded = load(path)
    assert repr(loaded) == repr(enhancer)
    assert loaded.learning_ == enhancer.learning_
    assert loaded.n_channels_in_ == 3
    atol = 0 if dtype == "float32" else 0.01
    np.testing.assert_allclose(loaded.transform(dark), enhancer.transform(dark), atol=atol, rtol=0)


def test_what_a_file_cannot_hold_is_refused(fitted, denoiser, dark, tmp_path):
    path = tmp_path / "enhancer.safetensors"
    with pytest.raises(ModelFileError, match="Save the denoiser with"):
        clone_fitted(fitted, denoiser=denoiser).save(path)
    with pytest.raises(ModelFileError, match="architecture"):
        tiny(one_convolution).fit(dark).save(path)
    with pytest.raises(ValueError, match="dtype is one of"):
        fitted.save(path, dtype="int8")
    with pytest.raises(NotFittedError):
        tiny().save(path)
    assert not path.exists()


def test_the_network_has_the_weights(fitted, dark):
    maps = clone_fitted(fitted, reduction=1, locality=1, precision="float32").curves(dark)
    network = fitted.network_
    assert network is fitted.network_
    np.testing.assert_allclose(np.asarray(network(dark)).reshape(maps.shape), maps, atol=1e-5)


# Parameters


@pytest.mark.parametrize(
    "parameters",
    [
        {"architecture": "unet"},
        {"weights": "best"},
        {"exposure": 1.5},
        {"n_iterations": 0},
        {"strength": -1},
        {"locality": 1.5},
        {"protect_highlights": 1.1},
        {"keep_hue": "yes"},
        {"denoiser": "unet"},
        {"denoise": "during"},
        {"smoothing": 1.0},
        {"reduction": 0},
        {"re_expose": 2},
        {"smoothness_weight": "high"},
        {"callbacks": ["print"]},
    ],
    ids=str,
)
def test_parameters_are_checked_in_fit_and_transform(fitted, dark, parameters):
    name = next(iter(parameters))
    with pytest.raises(ValueError, match=name):
        tiny().set_params(**parameters).fit(dark)
    with pytest.raises(ValueError, match=name):
        clone_fitted(fitted, **parameters).transform(dark)


def test_shipped_weights_are_for_known_networks(dark, tmp_path):
    enhancer = tiny(one_convolution, weights="default")
    for use in (
        lambda: enhancer.fit(dark),
        lambda: enhancer.transform(dark),
        lambda: enhancer.curves(dark),
        lambda: enhancer.network_,
        lambda: enhancer.precision_loss_,
        lambda: enhancer.save(tmp_path / "enhancer.safetensors"),
    ):
        with pytest.raises(ValueError, match="architecture is a function"):
            use()
    assert not list(tmp_path.iterdir())


# The weights that come with the package


@pytest.fixture(scope="module", params=ARCHITECTURES)
def ready(request):
    if not (FOLDER / f"default_{request.param}.safetensors").is_file():
        pytest.skip(f"no default weights of {request.param!r}")
    return ZeroDCEEnhancer(request.param, weights="default")


def test_a_dark_photo_gets_better_without_fit(ready, dark, color_photos):
    clean = color_photos[:, :48, :48]
    X = (dark * 255).astype(np.uint8)
    bright = ready.transform(X)
    assert bright.dtype == np.uint8
    assert psnr(clean, bright) > psnr(clean, X) + 2
    assert (bright == 255).mean() - (X == 255).mean() < 0.005
    np.testing.assert_array_equal(clone(ready).transform(X), bright)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(ready)).transform(X), bright)


def test_gray_images_are_brightened_too(ready, dark):
    gray = dark.mean(-1)
    assert ready.transform(gray).mean() > gray.mean() + 0.02


def test_learning_goes_on_from_the_weights(ready, dark):
    exact = clone(ready).set_params(precision="float32")
    started = clone(exact).set_params(epochs=1, learning_rate=1e-9, random_state=0).fit(dark)
    np.testing.assert_allclose(started.transform(dark), exact.transform(dark), atol=1e-4)
