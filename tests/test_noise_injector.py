"""What `NoiseInjector` promises: units, containers, reproducibility, and clear errors."""

import subprocess
import sys
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from skdenoise.noise import NOISE_MODELS, NoiseInjector, gaussian, poisson
from skdenoise.noise._models import STRENGTHS, parameters_of

GRAY = np.full((3, 40, 40), 128, np.uint8)
UNIT = np.full((3, 40, 40), 0.5)

every_model = pytest.mark.parametrize("name", NOISE_MODELS)


def add_noise(X, noise="gaussian", *, random_state=0, **parameters):
    return NoiseInjector(noise, random_state=random_state, **parameters).fit_transform(X)


# Strength


def test_the_factor_is_a_strength_on_images_in_0_1():
    assert (add_noise(UNIT, noise_factor=0.2) - UNIT).std() == pytest.approx(0.2, rel=0.05)
    noise = add_noise(GRAY, noise_factor=0.1).astype(float) - GRAY
    assert noise.std() == pytest.approx(25.5, rel=0.05)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_sigma_is_a_standard_deviation_in_the_units_of_the_image(dtype):
    X = np.full((3, 40, 40), 100, dtype)
    assert add_noise(X, sigma=20).astype(float).std() == pytest.approx(20, rel=0.05)


def test_sigma_replaces_the_factor():
    np.testing.assert_array_equal(
        add_noise(GRAY, sigma=25.5, noise_factor=0.9), add_noise(GRAY, noise_factor=0.1)
    )


def test_peak_counts_photons_at_white():
    X = np.full((2, 60, 60), 255, np.uint8) // 2
    noise = add_noise(X, "poisson", peak=50).astype(float) / 255
    assert noise.var() == pytest.approx(noise.mean() / 50, rel=0.05)


def test_two_parts_take_two_strengths():
    noise = add_noise(np.full((2, 60, 60), 0.5), "poisson_gaussian", peak=50, sigma=0.2)
    assert noise.var() == pytest.approx(0.5 / 50 + 0.2**2, rel=0.05)
    with pytest.raises(ValueError, match="beside sigma= give peak="):
        add_noise(UNIT, "poisson_gaussian", sigma=0.2)
    with pytest.raises(ValueError, match="beside peak= give sigma="):
        add_noise(UNIT, "poisson_gaussian", peak=50)


@every_model
def test_no_strength_returns_the_input_exactly(name):
    for X in (GRAY, np.random.default_rng(0).standard_normal((2, 5, 5, 3))):
        result = add_noise(X, name, noise_factor=0)
        np.testing.assert_array_equal(result, X)
        assert not np.shares_memory(result, X)


@pytest.mark.parametrize("name", [name for name in NOISE_MODELS if STRENGTHS[name].of_sigma])
def test_sigma_zero_returns_the_input_exactly_unless_there_is_light(name):
    if name == "poisson_gaussian":
        assert (add_noise(UNIT, name, sigma=0, peak=50) != UNIT).any()
    else:
        np.testing.assert_array_equal(add_noise(GRAY, name, sigma=0), GRAY)


WITHOUT_MEANING = [
    (name, word)
    for name, strength in STRENGTHS.items()
    for word, rule in (("sigma", strength.of_sigma), ("peak", strength.of_peak))
    if rule is None
]


@pytest.mark.parametrize(("name", "word"), WITHOUT_MEANING)
def test_a_strength_without_meaning_names_what_to_use(name, word):
    with pytest.raises(ValueError, match=rf"instead of {word}= use noise_factor="):
        add_noise(UNIT, name, **{word: 1})


@every_model
def test_parameters_of_the_model_are_passed_on_or_listed(name):
    others = set(parameters_of(name)) - STRENGTHS[name].names()
    with pytest.raises(ValueError, match=f"no parameter 'color'. It has '{parameters_of(name)[0]}"):
        add_noise(UNIT, name, noise_params={"color": "pink"})
    for taken in STRENGTHS[name].names():
        with pytest.raises(ValueError, match=f"holds '{taken}', which is the strength"):
            add_noise(UNIT, name, noise_params={taken: 1})
    for other in others:
        with pytest.raises(ValueError, match=other):
            add_noise(UNIT, name, noise_params={other: object()})


def test_noise_params_reach_the_model():
    noise = add_noise(UNIT, "stripes", noise_params={"direction": "horizontal"})
    assert (noise == noise[..., :1]).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"noise": "gauss"}, "The 'noise' parameter of NoiseInjector must be one of 'correlated'"),
        ({"noise": 3}, "must be one of"),
        ({"noise": []}, "list is empty"),
        ({"noise": ["gauss"]}, "Unknown noise 'gauss'. Known are 'gaussian'"),
        ({"noise": [("gaussian", {"std": 1})]}, "no parameter 'std'. It has 'sigma'"),
        ({"noise": [("gaussian", 0.1)]}, r"pair \(name, parameters\)"),
        ({"noise": [3]}, r"pair \(name, parameters\)"),
        ({"noise": ["gaussian"], "noise_params": {"length": 1}}, "belongs to a single noise"),
        ({"noise": [("gaussian", {"sigma": 0.1})], "sigma": 1}, "sigma=1 has no effect"),
        ({"noise": lambda image, rng: image, "peak": 1}, "peak=1 has no effect"),
        ({"noise_factor": -0.1}, r"'noise_factor' .* range \[0, inf\). Got -0.1"),
        ({"noise_factor": np.nan}, "'noise_factor'"),
        ({"noise_factor": "0.1"}, "'noise_factor'"),
        ({"noise_factor": 2, "noise": "salt_and_pepper"}, r"noise_factor .* \[0, 1\]"),
        ({"sigma": -1}, "'sigma'"),
        ({"peak": 0, "noise": "poisson"}, "'peak'"),
        ({"noise_params": [1]}, "'noise_params'"),
        ({"clip": "yes"}, "'clip'"),
        ({"clip": (1, 0)}, "low < high"),
        ({"clip": (0, 1, 2)}, "low < high"),
        ({"clip": (0, None)}, "low < high"),
        ({"when": "transform"}, "'when' .* 'always', 'fit'"),
        ({"image_shape": 28}, "'image_shape'"),
        ({"random_state": "seed"}, "'random_state'"),
    ],
)
def test_bad_parameters_are_named_in_fit(parameters, message):
    injector = NoiseInjector(**parameters)
    with pytest.raises(ValueError, match=message):
        injector.fit(UNIT)


# Which noise


def test_a_list_is_applied_in_order():
    steps = [("poisson", {"peak": 20}), ("salt_and_pepper", {"fraction": 0.1})]
    rng, again = np.random.default_rng(0), np.random.default_rng(0)
    image = np.full((9, 9, 1), 0.5)
    expected = NOISE_MODELS["salt_and_pepper"](poisson(image, peak=20, rng=rng), rng=rng)
    np.testing.assert_array_equal(NoiseInjector(steps).corrupt(image, rng=again), expected)


def test_strengths_reach_the_steps_of_a_list_that_have_none():
    X = np.full((2, 60, 60), 0.5)
    both = add_noise(X, ["gaussian", ("gaussian", {"sigma": 0.3})], noise_factor=0.4)
    assert both.std() == pytest.approx(0.5, rel=0.05)
    both = add_noise(GRAY, [("gaussian", {"sigma": 0.03}), "uniform"], sigma=0.04 * 255)
    assert both.std() == pytest.approx(0.05 * 255, rel=0.05)


def test_a_function_is_called_with_image_and_generator():
    def flip(image, rng, amount=1.0):
        assert image.shape == (40, 40, 1)
        assert isinstance(rng, np.random.Generator)
        image *= -1
        return image * amount

    np.testing.assert_array_equal(add_noise(UNIT, flip), -UNIT)
    np.testing.assert_array_equal(add_noise(UNIT, flip, noise_params={"amount": 2.0}), -2 * UNIT)
    np.testing.assert_array_equal(add_noise(UNIT, [flip, flip]), UNIT)
    assert (UNIT == 0.5).all()


def test_a_function_must_keep_the_shape():
    with pytest.raises(ValueError, match=r"\(40, 40, 1\), but returned shape \(40, 40\)"):
        add_noise(UNIT, lambda image, rng: image[..., 0])


def test_a_function_of_the_table_is_its_name():
    np.testing.assert_array_equal(
        add_noise(UNIT, gaussian, noise_factor=0.2), add_noise(UNIT, noise_factor=0.2)
    )


# Range


def test_floats_are_clipped_where_asked_only():
    X = np.zeros((2, 30, 30))
    assert add_noise(X).min() < 0
    clipped = add_noise(X, clip=True, noise_factor=2)
    assert (clipped.min(), clipped.max()) == (0, 1)
    clipped = add_noise(X, clip=(-0.5, 0.2), noise_factor=1)
    assert (clipped.min(), clipped.max()) == (-0.5, 0.2)


def test_the_range_is_in_the_units_of_the_image():
    clipped = add_noise(GRAY, clip=[100, 150], noise_factor=1)
    assert (clipped.min(), clipped.max()) == (100, 150)
    np.testing.assert_array_equal(
        add_noise(GRAY, clip=np.True_, noise_factor=1), add_noise(GRAY, noise_factor=1)
    )


@given(sigma=st.floats(0, 1000), value=st.integers(0, 255), seed=st.integers(0, 99))
def test_integers_round_and_saturate(sigma, value, seed):
    X = np.full((1, 6, 6), value, np.uint8)
    noise = np.random.default_rng(seed)
    injector = NoiseInjector(
        lambda image, rng: image + sigma / 255 * noise.standard_normal(image.shape),
        random_state=seed,
    )
    wanted = value + sigma * np.random.default_rng(seed).standard_normal((6, 6))
    np.testing.assert_allclose(injector.fit_transform(X)[0], wanted.clip(0, 255), atol=0.51)


def test_floats_of_a_tiny_unit_are_pointed_out():
    with pytest.warns(UserWarning, match=r"values up to .*e-10, .* X / X\.max\(\)"):
        add_noise(1e-9 * UNIT)


@pytest.mark.parametrize("X", [255 * UNIT, list(255 * UNIT), (255 * UNIT)[..., None]])
def test_floats_of_0_to_255_are_pointed_out(X):
    with pytest.warns(UserWarning, match=r"values up to 127\.5.* X / 255 if .*, or .* sigma="):
        add_noise(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        add_noise(X, sigma=25)
        add_noise(X, noise_factor=0)
        add_noise(X, "poisson", peak=25)
        add_noise(X, ["speckle", "gamma_speckle"])  # parts of the pixels, whatever these are
        add_noise(X, [("gaussian", {"sigma": 25})])
        add_noise(X, lambda image, rng: image)
        add_noise(np.reshape(X, (3, -1)))
        add_noise(np.asarray(X).astype(np.uint8))


def test_the_advice_names_sigma_only_where_there_is_one():
    for noise in ("poisson", ["gaussian", ["speckle", {}]]):
        with pytest.warns(UserWarning, match=r"X / 255 if these are gray levels\.$"):
            add_noise(255 * UNIT, noise)


def test_alpha_is_left_alone(color_photos):
    rgba = np.concatenate([color_photos, color_photos[..., :1]], axis=-1)
    noisy = add_noise(rgba)
    np.testing.assert_array_equal(noisy[..., 3], rgba[..., 3])
    assert (noisy[..., :3] != rgba[..., :3]).any()


# Randomness


@pytest.mark.parametrize("name", ["gaussian", "poisson", "mixture"])
def test_noise_is_a_function_of_seed_and_image(name, photos):
    noisy = add_noise(photos, name)
    order = [4, 1, 5]
    np.testing.assert_array_equal(add_noise(photos[order], name), noisy[order])
    np.testing.assert_array_equal(add_noise(list(photos), name), noisy)
    assert (add_noise(photos, name, random_state=1) != noisy).any()


def test_different_images_get_different_noise(photos):
    noise = add_noise(photos / 255) - photos / 255
    table = np.corrcoef(noise.reshape(len(noise), -1))
    assert abs(table - np.eye(len(noise))).max() < 0.1


def test_the_shape_belongs_to_the_image():
    square, wide = add_noise([UNIT[0], UNIT[0].reshape(20, 80)])
    assert (square.ravel() != wide.ravel()).all()


def test_noise_is_the_same_in_another_process():
    code = (
        "import joblib, numpy, sys; from skdenoise import NoiseInjector;"
        "X = numpy.arange(64, dtype=numpy.uint8).reshape(1, 8, 8);"
        "print(joblib.hash(NoiseInjector(random_state=0).fit_transform(X)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    X = np.arange(64, dtype=np.uint8).reshape(1, 8, 8)
    assert printed.strip() == joblib.hash(add_noise(X))


def test_the_noise_of_a_seed_is_scaled_by_the_factor():
    weak, strong = (add_noise(UNIT, noise_factor=factor) - UNIT for factor in (0.1, 0.2))
    np.testing.assert_allclose(2 * weak, strong, atol=1e-12)


def test_without_a_seed_noise_is_fresh():
    injector = NoiseInjector().fit(UNIT)
    first = injector.transform(UNIT)
    assert (first != injector.transform(UNIT)).any()
    assert (first[0] != first[1]).any()


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_a_generator_is_drawn_from(make):
    injector = NoiseInjector(random_state=make(0)).fit(UNIT)
    first, second = injector.transform(UNIT), injector.transform(UNIT)
    assert (first != second).any()
    np.testing.assert_array_equal(add_noise(UNIT, random_state=make(0)), first)


# In scikit-learn


def test_noise_can_be_limited_to_learning():
    injector = NoiseInjector(when="fit", random_state=0)
    assert (injector.fit_transform(GRAY) != GRAY).any()
    np.testing.assert_array_equal(injector.transform(GRAY), GRAY)
    pipeline = make_pipeline(injector, "passthrough").fit(GRAY)
    np.testing.assert_array_equal(pipeline.transform(GRAY), GRAY)


def test_fit_transform_is_fit_and_transform():
    injector = NoiseInjector(random_state=0)
    np.testing.assert_array_equal(
        clone(injector).fit_transform(GRAY), clone(injector).fit(GRAY).transform(GRAY)
    )


def test_frames_keep_their_columns():
    frame = pd.DataFrame(np.random.default_rng(0).random((5, 4)), columns=list("abcd"))
    for when in ("always", "fit"):
        injector = NoiseInjector(when=when, image_shape=(2, 2), random_state=0)
        noisy = injector.set_output(transform="pandas").fit_transform(frame)
        assert list(noisy.columns) == list("abcd")
        assert (noisy.to_numpy() != frame.to_numpy()).all()


@pytest.mark.parametrize("name", ["poisson_gaussian", "gamma_speckle", "jpeg", "correlated"])
def test_other_models_are_estimators_too(name):
    results = check_estimator(NoiseInjector(name), on_skip=None)
    assert {result["status"] for result in results} == {"passed"}


def test_every_container_comes_back(photos):
    as_objects = np.empty(2, dtype=object)
    as_objects[:] = [photos[0], photos[1, :30, :20]]
    for X in (list(as_objects), tuple(as_objects), as_objects):
        noisy = add_noise(X)
        assert type(noisy) is type(X)
        assert [image.shape for image in noisy] == [(64, 64), (30, 20)]
        assert [image.dtype for image in noisy] == [np.uint8] * 2


# The fast path of training


@every_model
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_corrupt_returns_a_new_image_of_the_same_kind(name, dtype):
    image = np.random.default_rng(0).random((8, 8, 3)).astype(dtype)
    image.flags.writeable = False
    for injector in (NoiseInjector(name, clip=True), NoiseInjector(name, noise_factor=0)):
        noisy = injector.corrupt(image, scale=255, rng=np.random.default_rng(0))
        assert noisy.shape == image.shape
        assert noisy.dtype == dtype
        assert not np.shares_memory(noisy, image)
        assert vars(injector).keys() == injector.get_params().keys()


def test_corrupt_takes_strengths_in_the_units_of_the_image():
    injector = NoiseInjector(sigma=25, clip=(100, 140))
    noisy = injector.corrupt(np.full((64, 64, 1), 0.5), scale=255, rng=np.random.default_rng(0))
    assert (255 * noisy).min() == pytest.approx(100)
    assert (255 * noisy).max() == pytest.approx(140)


def test_transform_is_corrupt_image_by_image(photos):
    injector = NoiseInjector("poisson", peak=30, random_state=np.random.default_rng(5))
    rng = np.random.default_rng(5)
    wanted = [injector.corrupt(image[..., None] / 255, scale=255, rng=rng) for image in photos]
    noisy = injector.fit_transform(photos)
    np.testing.assert_allclose(noisy, np.clip(255 * np.stack(wanted)[..., 0], 0, 255), atol=0.51)
