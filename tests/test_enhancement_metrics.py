"""What brightening did to images: zero where it did nothing, right where the answer is known."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdenoise import NoiseInjector, ZeroDCEEnhancer
from skdenoise.metrics import (
    clipped_share,
    color_shift,
    exposure_error,
    hue_shift,
    lightness_order_error,
)
from skdenoise.scoring import (
    ClippingScorer,
    ExposureScorer,
    clipping_scorer,
    color_scorer,
    exposure_scorer,
    hue_scorer,
    lightness_order_scorer,
)

CHANGES = [clipped_share, color_shift, hue_shift, lightness_order_error]
SCORERS = {
    clipped_share: clipping_scorer,
    color_shift: color_scorer,
    hue_shift: hue_scorer,
    lightness_order_error: lightness_order_scorer,
}


def colors(shape=(20, 24), seed=0, dtype="float64"):
    """Return an image of random colors, darker than half of white."""
    image = np.random.default_rng(seed).uniform(0.01, 0.45, (*shape, 3))
    if np.dtype(dtype).kind == "f":
        return image.astype(dtype)
    return np.rint(np.iinfo(dtype).max * image).astype(dtype)


def changed(X):
    """Return images whose colors, highlights and order of lightness are others."""
    return np.minimum(3 * X * [1, 0.6, 0.2], 1)


class Gamma(TransformerMixin, BaseEstimator):
    """An enhancer with one parameter."""

    def __init__(self, gamma=0.5, image_shape=None):
        self.gamma = gamma
        self.image_shape = image_shape

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return [image**self.gamma for image in X] if isinstance(X, list) else X**self.gamma


# Laws of all.


@pytest.mark.parametrize("metric", CHANGES)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(20, 24), (1, 1), (70, 130)])
def test_images_that_stay_as_they_are_have_no_error(metric, dtype, shape):
    image = colors(shape, dtype=dtype)[None]
    assert metric(image, image.copy()) == 0


@pytest.mark.parametrize("metric", CHANGES)
@pytest.mark.parametrize("value", [0, 0.5, 1])
def test_constant_images_have_finite_errors(metric, value):
    image = np.full((1, 20, 20, 3), value, float)
    assert np.isfinite(metric(image, 1 - image))


@pytest.mark.parametrize("metric", CHANGES)
def test_the_result_is_the_mean_over_images_of_mixed_sizes(metric):
    before = [colors((20, 24)), colors((60, 9), seed=1)]
    after = [changed(image) for image in before]
    each = metric(before, after, per_image=True)
    assert each[0] != each[1]
    np.testing.assert_array_equal(
        each, [metric([x], [y]) for x, y in zip(before, after, strict=True)]
    )
    assert metric(before, after) == pytest.approx(each.mean())


@pytest.mark.parametrize("metric", CHANGES)
def test_containers_are_those_of_the_other_metrics(metric):
    before = np.stack([colors(), colors(seed=1)])
    after = changed(before)
    wanted = metric(before, after, per_image=True)
    tables = before.reshape(2, -1), after.reshape(2, -1)
    found = metric(*tables, image_shape=before.shape[1:], per_image=True)
    np.testing.assert_array_equal(found, wanted)
    with_alpha = (np.concatenate([X, X[..., :1]], axis=-1) for X in (before, after))
    np.testing.assert_array_equal(metric(*with_alpha, per_image=True), wanted)
    assert metric(before[0], after[0]) == wanted[0]


@pytest.mark.parametrize("metric", CHANGES)
def test_images_that_do_not_match_are_named(metric):
    with pytest.raises(ValueError, match="There are 2 original images, but 1 enhanced ones"):
        metric([colors(), colors()], [colors()])
    with pytest.raises(ValueError, match=r"Image 0 is uint8 among the original"):
        metric(colors(dtype="uint8"), colors())


@pytest.mark.parametrize("metric", CHANGES)
def test_arguments_are_not_written_to(metric):
    before, after = colors(), colors(seed=1)
    for image in (before, after):
        image.flags.writeable = False
    metric(before, after)
    exposure_error(before)


# Exposure.


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0, 1), st.floats(0, 1))
def test_exposure_of_a_constant_image_is_its_distance_from_the_target(height, width, value, target):
    image = np.full((1, height, width, 3), value)
    assert exposure_error(image, target=target) == pytest.approx(abs(value - target), abs=1e-12)


def test_exposure_is_judged_in_regions():
    checkers = np.kron(np.indices((4, 4)).sum(0) % 2, np.ones((16, 16)))
    assert exposure_error(checkers, target=0.5) == pytest.approx(0.5)
    assert exposure_error(checkers, target=0.5, region=32) == pytest.approx(0)
    assert exposure_error(np.roll(checkers, 8, axis=1), target=0.5) == pytest.approx(0)


def test_regions_at_the_edge_weigh_as_much_as_they_have_pixels():
    image = np.zeros((16, 20))
    image[:, 16:] = 1
    assert exposure_error(image, target=0) == pytest.approx(4 / 20)


@pytest.mark.parametrize(("dtype", "white"), [("uint8", 255), ("uint16", 65535), ("float32", 1)])
def test_white_is_the_largest_value_of_an_integer_dtype(dtype, white):
    image = np.full((16, 16), 0.4 * white).astype(dtype)
    assert exposure_error(image) == pytest.approx(0.2, abs=1e-6)
    assert exposure_error(255 * colors(), data_range=255) == pytest.approx(exposure_error(colors()))


def test_floats_of_another_scale_need_a_data_range():
    image = np.full((16, 16), 100.0)
    with pytest.raises(ValueError, match=r"image 0 has values up to 100.*data_range=255"):
        exposure_error(image)
    with pytest.raises(ValueError, match="data_range=255"):
        clipped_share(image / 100, image)
    with pytest.raises(ValueError, match="data_range must be"):
        clipped_share(image, image, data_range=0)


def test_noise_below_black_is_no_reason_to_refuse():
    assert exposure_error(np.full((16, 16), -0.1)) == pytest.approx(0.7)


def test_a_region_has_a_side():
    with pytest.raises(ValueError, match=r"region must be .* Got 0"):
        exposure_error(colors(), region=0)
    with pytest.raises(ValueError, match=r"region must be .* Got 2.5"):
        exposure_error(colors(), region=2.5)
    with pytest.raises(ValueError, match=r"target must be .* Got 7"):
        exposure_error(colors(), target=7)


# Highlights.


@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_pixels_that_reach_white_in_one_channel_are_clipped(dtype):
    before = colors((10, 10), dtype=dtype)[None]
    after = before.copy()
    after[0, :3, :, 1] = 255 if dtype == "uint8" else 1
    assert clipped_share(before, after) == pytest.approx(0.3)


def test_pixels_that_were_clipped_before_do_not_count():
    before, after = np.full((2, 1, 10, 10), 100, np.uint8)
    before[0, :4] = 255
    after[0, 2:5] = 255
    assert clipped_share(before, after) == pytest.approx(0.1)
    assert clipped_share(before, np.zeros_like(before)) == 0


# Colors.


@given(st.floats(1e-3, 1e3))
def test_a_scaled_image_keeps_its_colors(factor):
    image = colors()
    assert hue_shift(image, factor * image) == pytest.approx(0, abs=1e-4)
    assert color_shift(image, factor * image) == pytest.approx(0, abs=1e-4)


@given(st.floats(0.05, 1), st.floats(0, 1))
def test_mixing_with_gray_keeps_the_hue_and_not_the_ratios(share, gray):
    image = np.full((1, 16, 16, 3), (0.4, 0.1, 0.2))
    mixed = share * image + (1 - share) * gray
    assert hue_shift(image, mixed) == pytest.approx(0, abs=1e-4)
    wanted = np.degrees(
        np.arccos(
            np.clip(
                np.dot(image[0, 0, 0], mixed[0, 0, 0])
                / np.linalg.norm(image[0, 0, 0])
                / np.linalg.norm(mixed[0, 0, 0]),
                -1,
                1,
            )
        )
    )
    assert color_shift(image, mixed) == pytest.approx(wanted, abs=1e-4)


@given(st.floats(0, 360), st.floats(-180, 180))
def test_the_hue_is_that_of_the_color_wheel(hue, turn):
    from skimage.color import hsv2rgb

    def painted(degrees):
        return hsv2rgb(np.full((16, 16, 3), (degrees % 360 / 360, 0.5, 0.5)))

    # The hexagon of HSV and the circle differ by at most 1.12 degrees at each end.
    assert hue_shift(painted(hue), painted(hue + turn)) == pytest.approx(abs(turn), abs=2.3)


def test_the_median_weighs_pixels_by_their_color():
    before = np.zeros((1, 10, 10, 3))
    before[..., 0] = 0.1
    before[0, :2, :, 0] = 1.0
    after = before.copy()
    after[0, :2] = after[0, :2, :, [1, 0, 2]].transpose(1, 2, 0)
    assert hue_shift(before, after) == pytest.approx(120)
    assert color_shift(before, after) == pytest.approx(90)
    assert hue_shift(before, before) == 0


@pytest.mark.parametrize("metric", [hue_shift, color_shift])
def test_gray_has_no_color_to_lose(metric):
    gray = colors()[..., 0]
    assert metric(gray, 2 * gray) == 0
    as_color = np.repeat(gray[..., None], 3, axis=-1)
    assert metric(as_color, 2 * as_color) == pytest.approx(0, abs=1e-5)
    assert metric(colors(), np.zeros_like(colors())) == 0
    with pytest.raises(ValueError, match=r"have 2 channels.*original\[\.\.\., :3\]"):
        metric(gray.reshape(1, 20, 12, 2), gray.reshape(1, 20, 12, 2))


# The order of lightness.


@given(st.floats(0.2, 5), st.integers(1, 70), st.integers(1, 70))
def test_an_increasing_curve_keeps_the_order(gamma, height, width):
    image = colors((height, width))[None]
    assert lightness_order_error(image, image**gamma) == 0


def test_lightness_is_the_largest_channel():
    before = np.zeros((1, 2, 1, 3))
    before[0, :, 0] = [(0.9, 0.0, 0.0), (0.5, 0.5, 0.5)]
    after = before.copy()
    after[0, 1, 0, 1] = 0.8
    assert lightness_order_error(before, after) == 0
    after[0, 1, 0, 1] = 1.0
    assert lightness_order_error(before, after) == pytest.approx(2 / 4)


def test_every_pair_counts_by_the_sum_of_the_paper():
    rng = np.random.default_rng(0)
    before, after = rng.integers(0, 5, (2, 6, 7)).astype(np.uint8)
    x, y = before.ravel(), after.ravel()
    differ = [(x[p] >= x[q]) != (y[p] >= y[q]) for p in range(42) for q in range(42)]
    assert lightness_order_error(before, after) == pytest.approx(np.mean(differ))
    assert lightness_order_error(before, np.zeros_like(before)) > 0


def test_large_images_are_compared_on_a_grid_of_50():
    before, after = np.random.default_rng(0).random((2, 100, 150))
    rows, columns = 2 * np.arange(50) + 1, 3 * np.arange(50) + 1
    on_grid = before[np.ix_(rows, columns)], after[np.ix_(rows, columns)]
    assert lightness_order_error(before, after) == lightness_order_error(*on_grid)


# Scorers.


@pytest.mark.parametrize("metric", CHANGES)
def test_a_scorer_is_the_negative_of_its_metric(metric):
    X = np.stack([colors(), colors(seed=1) + 0.5])
    enhancer = FunctionTransformer(changed).fit(X)
    score = SCORERS[metric](enhancer, X)
    assert score == -metric(X, enhancer.transform(X)) != 0
    assert SCORERS[metric](FunctionTransformer().fit(X), X) == 0


def test_the_exposure_scorer_looks_at_the_result():
    X = np.full((2, 20, 20), 0.25)
    assert exposure_scorer(Gamma().fit(X), X) == pytest.approx(-0.1)
    assert ExposureScorer(target=0.5)(Gamma().fit(X), X) == pytest.approx(0)
    assert ExposureScorer(data_range=0.5)(Gamma().fit(X), X) == pytest.approx(-0.4)


def test_scorers_score_pipelines_searches_and_tables():
    X = np.full((4, 16 * 20), 0.16)
    gamma = Gamma(image_shape=(16, 20)).fit(X)
    assert exposure_scorer(gamma, X) == pytest.approx(-0.2)
    assert exposure_scorer(make_pipeline(NoiseInjector(), gamma), X) == pytest.approx(-0.2)
    np.testing.assert_allclose(cross_val_score(gamma, X, scoring=exposure_scorer, cv=2), -0.2)
    search = GridSearchCV(gamma, {"gamma": [0.3, 0.5, 1.0]}, scoring=exposure_scorer, cv=2).fit(X)
    assert search.best_params_ == {"gamma": 0.3}
    assert exposure_scorer(search, X) == pytest.approx(search.best_score_)


def test_several_scorers_share_one_search():
    X = list(np.random.default_rng(0).uniform(0.05, 0.6, (4, 16, 18, 3)))
    search = GridSearchCV(
        Gamma(),
        {"gamma": [0.001, 0.6, 1.0]},
        scoring={"exposure": exposure_scorer, "clipping": clipping_scorer, "color": color_scorer},
        refit="exposure",
        cv=2,
    ).fit(X)
    assert search.best_params_ == {"gamma": 0.6}
    clipped, changed = (search.cv_results_[f"mean_test_{name}"] for name in ("clipping", "color"))
    assert clipped[0] < clipped[1] == clipped[2] == 0
    assert changed[0] < changed[1] < changed[2] == 0


def test_scorers_score_the_enhancer_in_a_search():
    X = np.random.default_rng(0).random((4, 16, 16, 3)) / 5
    enhancer = ZeroDCEEnhancer("dce++", epochs=1, exposure=0.5, random_state=0)
    search = GridSearchCV(
        make_pipeline(enhancer),
        {"zerodceenhancer__keep_hue": [False, True]},
        scoring={"hue": hue_scorer, "exposure": exposure_scorer},
        refit=False,
        cv=[([0, 1], [2, 3])],
    ).fit(X)
    free, kept = search.cv_results_["mean_test_hue"]
    assert free < kept == pytest.approx(0, abs=0.01)
    np.testing.assert_allclose(search.cv_results_["mean_test_exposure"], -0.1, atol=0.05)


@pytest.mark.parametrize("scorer", [*SCORERS.values(), exposure_scorer])
def test_scorers_travel(scorer):
    assert repr(pickle.loads(pickle.dumps(scorer))) == repr(scorer) == f"{type(scorer).__name__}()"


@pytest.mark.parametrize(
    "wrong", [{"target": 1.5}, {"region": 0}, {"region": 1.5}, {"data_range": -1}]
)
def test_scorers_refuse_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ExposureScorer(**wrong)
    with pytest.raises(ValueError, match="data_range"):
        ClippingScorer(data_range="white")
    with pytest.raises(TypeError, match="no transform method"):
        exposure_scorer(BaseEstimator(), colors()[None])
