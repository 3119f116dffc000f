"""ConformalDenoiser: intervals hold what they promise, for any denoiser, noise and container."""

import re
import warnings
from unittest import SkipTest

import numpy as np
import pandas as pd
import pytest
from contracts import LAWS
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks as checks
from strategies import assert_same_container, objects

from skdenoise import AutoencoderDenoiser, ConformalDenoiser, NoiseInjector
from skdenoise._conformal import _smallest_with, _upper_quantiles
from skdenoise._containers import read_images


class Blur(TransformerMixin, BaseEstimator):
    """A cheap denoiser; its deviation is what two widths differ by."""

    def __init__(self, width=1.0, image_shape=None):
        self.width = width
        self.image_shape = image_shape

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        images = read_images(X, self.image_shape)
        return images.restore(self._blurred(image) for image in images)

    def predict(self, X, return_std=False):
        images = read_images(X, self.image_shape)
        deviations = (np.abs(self._blurred(image) - self._blurred(image, 2)) for image in images)
        return self.transform(X), images.restore_deviations(deviations)

    def _blurred(self, image, factor=1):
        return ndimage.gaussian_filter(image, (factor * self.width, factor * self.width, 0))


def scenes(n_images, rng, side=16):
    """Images of smooth content, some of which are hard, and their noisy copies."""
    clean = ndimage.gaussian_filter(rng.random((n_images, side, side)), (0, 1.5, 1.5))
    clean *= rng.uniform(0.3, 1.2, (n_images, 1, 1))
    sigma = rng.uniform(0.02, 0.2, (n_images, 1, 1))
    return clean + sigma * rng.normal(size=clean.shape), clean


@pytest.fixture(scope="module")
def blur():
    return Blur().fit(np.zeros((1, 4, 4)))


@pytest.fixture(scope="module")
def calibration():
    return scenes(40, np.random.default_rng(1))


@pytest.fixture(scope="module")
def test_images():
    return scenes(20, np.random.default_rng(2))


@pytest.fixture(scope="module")
def conformal(blur, calibration):
    return ConformalDenoiser(blur).fit(*calibration)


# What is promised


def repeated_coverage(conformal, n_images, rng, *, dtype=None, n_repetitions=40):
    """Return the mean share inside, of new images after a new calibration, and its error."""
    shares = []
    for _ in range(n_repetitions):
        pair = scenes(n_images + 4, rng, side=6)
        if dtype is not None:
            pair = [np.rint(8 * images).clip(0, 255).astype(dtype) for images in pair]
        noisy, clean = pair
        conformal.fit(noisy[4:], clean[4:])
        shares.append(conformal.coverage(noisy[:4], clean[:4]))
    return np.mean(shares), np.std(shares) / np.sqrt(n_repetitions)


@pytest.mark.parametrize(
    ("scale", "confidence", "n_images"),
    [("local", 0.9, 9), ("local", 0.9, 25), ("ensemble", 0.6, 5), ("constant", 0.8, 12)],
)
def test_intervals_hold_the_clean_pixels_as_often_as_they_say(blur, scale, confidence, n_images):
    # The guarantee is an expectation over calibration and new images.
    conformal = ConformalDenoiser(blur, confidence=confidence, scale=scale)
    share, error = repeated_coverage(conformal, n_images, np.random.default_rng(0))
    assert share > confidence - 3 * error
    assert share < confidence + 2 / (n_images + 1) + 3 * error


def test_it_holds_for_integers_and_many_ties(blur):
    conformal = ConformalDenoiser(blur, confidence=0.8, scale="constant")
    share, error = repeated_coverage(conformal, 20, np.random.default_rng(0), dtype=np.uint8)
    assert share > 0.8 - 3 * error


def test_a_denoiser_that_is_wrong_gets_wide_intervals_not_wrong_ones(calibration, test_images):
    wrong = FunctionTransformer(lambda X: 0 * X)
    conformal = ConformalDenoiser(wrong, confidence=0.8).fit(*calibration)
    assert conformal.coverage(*test_images) > 0.75


@given(st.floats(0.05, 0.94), st.floats(0.05, 0.94))
def test_more_confidence_is_never_a_narrower_interval(one, other):
    noisy, clean = scenes(20, np.random.default_rng(3), side=5)
    fitted = [
        ConformalDenoiser(Blur().fit(noisy), confidence=confidence).fit(noisy, clean)
        for confidence in sorted((one, other))
    ]
    assert fitted[0].multiple_ <= fitted[1].multiple_
    (low, high), (lower, higher) = (conformal.predict_interval(noisy[:2]) for conformal in fitted)
    assert (lower <= low).all()
    assert (high <= higher).all()


def test_the_mean_share_outside_is_what_the_calibration_allows(conformal, calibration):
    allowed = 1 - 0.9 - 0.9 / 40
    outside = 1 - conformal.coverage(*calibration)
    assert allowed - 1e-3 < outside <= allowed
    narrower = clone(conformal.set_params()).set_params(denoiser=conformal.denoiser)
    narrower.n_channels_in_, narrower.multiple_ = 1, conformal.multiple_ * 0.999
    assert 1 - narrower.coverage(*calibration) >= outside


@given(st.lists(st.floats(0, 10), min_size=1, max_size=30), st.floats(-0.1, 0.99))
def test_the_smallest_value_that_leaves_no_more_outside(values, outside):
    values = np.array(values)
    weights = np.full(values.size, 1 / values.size)
    found = _smallest_with(values, weights, outside=outside)
    enough = [v for v in values if np.mean(values > v) <= max(outside, 0) + 1e-12]
    assert found in values
    assert np.mean(values > found) <= max(outside, 0) + 1e-9
    assert found <= min(enough) or np.isclose(found, min(enough))


@pytest.mark.parametrize("size", [1, 7, 2048, 2049, 10_000])
def test_the_quantiles_of_large_images_are_never_too_low(size):
    ratios = np.random.default_rng(0).random(size)
    values, shares = _upper_quantiles(ratios)
    assert values.size <= 2048
    assert shares.sum() == pytest.approx(1)
    for limit in (0.1, 0.5, 0.99):
        above = shares[values > limit].sum()
        assert np.mean(ratios > limit) <= above + 1e-12
        assert above <= np.mean(ratios > limit) + 6 / 2048


# Intervals


def test_the_denoised_image_lies_inside_its_intervals(conformal, test_images):
    noisy, _ = test_images
    low, high = conformal.predict_interval(noisy)
    denoised = conformal.transform(noisy)
    np.testing.assert_array_equal(denoised, conformal.denoiser.transform(noisy))
    assert (low < denoised).all()
    assert (denoised < high).all()


def test_a_constant_scale_has_one_width(blur, calibration, test_images):
    conformal = ConformalDenoiser(blur, scale="constant").fit(*calibration)
    low, high = conformal.predict_interval(test_images[0])
    np.testing.assert_allclose(high - low, 2 * conformal.multiple_)


def test_the_ensemble_scale_is_wide_where_orientations_differ(blur, calibration):
    noisy, clean = calibration
    conformal = ConformalDenoiser(blur, scale="ensemble").fit(noisy, clean)
    low, high = conformal.predict_interval(noisy)
    _, deviation = blur.predict(noisy, return_std=True)
    floor = 0.05 * (noisy - blur.transform(noisy)).std(axis=(1, 2), keepdims=True)
    wanted = 2 * conformal.multiple_ * np.maximum(deviation, floor)
    np.testing.assert_allclose(high - low, wanted, rtol=1e-6)


def test_the_local_scale_is_wide_at_edges_and_where_much_is_removed(conformal):
    noisy = np.zeros((1, 60, 60))
    noisy[:, :, 30:] = 1
    noisy += 0.01 * np.random.default_rng(0).normal(size=noisy.shape)
    noisy[:, 40:, :20] += 0.5 * np.random.default_rng(1).normal(size=(20, 20))
    low, high = conformal.predict_interval(noisy)
    width = (high - low)[0]
    assert width[5:30, 29:31].mean() > 5 * width[5:30, 5:20].mean()
    assert width[45:55, 5:15].mean() > 5 * width[5:30, 5:20].mean()


@pytest.mark.parametrize("scale", ["local", "ensemble"])
@pytest.mark.parametrize("factor", [1e-3, 255.0])
def test_intervals_scale_with_the_images(blur, calibration, test_images, scale, factor):
    noisy, _ = test_images
    conformal = ConformalDenoiser(blur, scale=scale).fit(*calibration)
    for wanted, found in zip(
        conformal.predict_interval(noisy), conformal.predict_interval(factor * noisy), strict=True
    ):
        np.testing.assert_allclose(found, factor * wanted, rtol=1e-6, atol=1e-9 * factor)


def test_integers_are_rounded_inward_and_stop_at_black_and_white(blur):
    noisy, clean = (
        np.rint(600 * images - 100).clip(0, 255).astype(np.uint8)
        for images in scenes(30, np.random.default_rng(0))
    )
    conformal = ConformalDenoiser(blur).fit(noisy, clean)
    low, high = conformal.predict_interval(noisy)
    assert low.dtype == high.dtype == np.uint8
    denoised = blur.transform(noisy)
    assert ((low <= denoised) & (denoised <= high)).all()
    assert (low == 0).any()
    assert (high == 255).any()
    inside = (low <= clean) & (clean <= high)
    assert inside.mean() == pytest.approx(conformal.coverage(noisy, clean), abs=1e-12)


@pytest.mark.parametrize("kind", [np.asarray, list, tuple, objects])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_intervals_come_in_a_container_like_the_images(conformal, test_images, kind, dtype):
    images = [(200 * image).clip(0, 255).astype(dtype) for image in test_images[0][:3]]
    if kind is not np.asarray:
        images[1] = images[1][:5, :9]
    X = kind(images)
    before = [image.copy() for image in images]
    for found in conformal.predict_interval(X):
        assert type(found) is type(X)
        assert [(one.shape, one.dtype) for one in found] == [(x.shape, x.dtype) for x in X]
    assert_same_container(list(X), before)


def test_alpha_is_that_of_the_images(blur):
    rgba = np.random.default_rng(0).integers(0, 256, (12, 9, 8, 4), dtype=np.uint8)
    conformal = ConformalDenoiser(blur).fit(rgba, rgba // 2)
    for bound in conformal.predict_interval(rgba):
        np.testing.assert_array_equal(bound[..., 3], rgba[..., 3])


def test_shares_may_be_asked_for_each_image(conformal, test_images):
    shares = conformal.coverage(*test_images, per_image=True)
    assert shares.shape == (20,)
    assert shares.mean() == pytest.approx(conformal.coverage(*test_images))
    low, high = conformal.predict_interval(test_images[0])
    inside = (low <= test_images[1]) & (test_images[1] <= high)
    np.testing.assert_allclose(shares, inside.mean(axis=(1, 2)))


# Clean images with a noise


def test_with_a_noise_clean_images_are_enough(blur, calibration):
    _, clean = calibration
    noise = NoiseInjector(noise_factor=0.1, random_state=0)
    wanted = ConformalDenoiser(blur).fit(noise.fit_transform(clean), clean).multiple_
    for y in (None, clean, np.arange(40)):
        assert ConformalDenoiser(blur, noise=noise).fit(clean, y).multiple_ == wanted


def test_a_noise_and_pairs_are_too_much(blur, calibration):
    with pytest.raises(ValueError, match=r"Call fit\(X_clean\), or set noise=None"):
        ConformalDenoiser(blur, noise=NoiseInjector()).fit(*calibration)


# Denoisers


def test_the_denoiser_is_left_as_it_is(blur, calibration):
    before = dict(vars(blur))
    assert ConformalDenoiser(blur).fit(*calibration).denoiser is blur
    assert vars(blur) == before


def test_the_injector_of_a_pipeline_is_left_out(blur, calibration, conformal):
    pipeline = make_pipeline(NoiseInjector(), Blur()).fit(calibration[0])
    for denoiser in (pipeline, FrozenEstimator(pipeline)):
        assert ConformalDenoiser(denoiser).fit(*calibration).multiple_ == conformal.multiple_


def test_an_autoencoder_tells_its_ensemble(calibration, test_images):
    noisy, clean = calibration
    denoiser = AutoencoderDenoiser(size="nano", epochs=1, n_augment=4, random_state=0)
    denoiser.fit(noisy[:10], clean[:10])
    conformal = ConformalDenoiser(denoiser, scale="ensemble").fit(noisy[10:], clean[10:])
    low, high = conformal.predict_interval(test_images[0])
    assert np.ptp(high - low) > 0
    assert conformal.coverage(*test_images) > 0.8
    with pytest.raises(ValueError, match=r"set_params\(n_augment=8\)"):
        conformal.set_params(denoiser__n_augment=1).predict_interval(test_images[0])


def test_a_denoiser_that_is_not_fitted_is_refused(calibration):
    with pytest.raises(NotFittedError, match=r"this Blur is not fitted.*FrozenEstimator"):
        ConformalDenoiser(Blur()).fit(*calibration)


def test_a_clone_forgets_unless_the_denoiser_is_frozen(blur, calibration, conformal):
    with pytest.raises(NotFittedError, match="FrozenEstimator"):
        clone(ConformalDenoiser(blur)).fit(*calibration)
    frozen = clone(ConformalDenoiser(FrozenEstimator(blur))).fit(*calibration)
    assert frozen.multiple_ == conformal.multiple_


def test_cross_validation_measures_the_coverage(blur, calibration):
    shares = cross_val_score(
        ConformalDenoiser(FrozenEstimator(blur)),
        *calibration,
        scoring=lambda conformal, X, y: conformal.coverage(X, y),
        cv=4,
    )
    assert shares.shape == (4,)
    assert 0.8 < shares.mean() < 1


def test_what_does_not_denoise_is_refused(calibration):
    with pytest.raises(TypeError, match="no transform method"):
        ConformalDenoiser(LinearRegression().fit([[0]], [0])).fit(*calibration)
    with pytest.raises(TypeError, match=r"has no predict.*scale='local'"):
        ConformalDenoiser(FunctionTransformer(), scale="ensemble").fit(*calibration)


def test_flat_images_that_stay_as_they_are_have_no_scale():
    flat = np.ones((10, 8, 8))
    with pytest.raises(ValueError, match=r"returns flat images as they are.*scale='constant'"):
        ConformalDenoiser(FunctionTransformer()).fit(flat, flat - 0.5)
    conformal = ConformalDenoiser(FunctionTransformer(), scale="constant").fit(flat, flat - 0.5)
    assert conformal.multiple_ == pytest.approx(0.5)
    assert ConformalDenoiser(FunctionTransformer()).fit(flat, flat).multiple_ == 0


# Too few, and the wrong ones


@pytest.mark.parametrize(
    ("confidence", "needed"), [(0.9, 9), (0.95, 19), (0.99, 99), (0.5, 1), (0.3, 1), (0.75, 3)]
)
def test_so_many_images_are_needed_and_no_more(blur, confidence, needed):
    noisy, clean = scenes(needed, np.random.default_rng(0), side=4)
    conformal = ConformalDenoiser(blur, confidence=confidence).fit(noisy, clean)
    assert conformal.n_images_ == needed
    if needed > 1:
        with pytest.raises(ValueError, match=f"at least {needed} images .* n_samples={needed - 1}"):
            conformal.fit(noisy[1:], clean[1:])


def test_the_confidence_that_is_proposed_works(blur):
    noisy, clean = scenes(40, np.random.default_rng(0), side=4)
    for n_images in range(1, len(noisy)):
        with pytest.raises(ValueError, match="lower the confidence to") as refused:
            ConformalDenoiser(blur, confidence=0.99).fit(noisy[:n_images], clean[:n_images])
        proposed = float(re.search(r"confidence to ([0-9.]+) or less", str(refused.value))[1])
        assert proposed == pytest.approx(n_images / (n_images + 1), abs=1.01e-3)
        ConformalDenoiser(blur, confidence=proposed).fit(noisy[:n_images], clean[:n_images])


def test_clean_images_are_asked_for(blur, conformal, calibration):
    noisy, _ = calibration
    for y in (None, np.arange(40)):
        with pytest.raises(ValueError, match=r"Call fit\(X_noisy, X_clean\)"):
            ConformalDenoiser(blur).fit(noisy, y)
        with pytest.raises(ValueError, match="Pass them as y"):
            conformal.coverage(noisy, y)


@pytest.mark.parametrize("parameters", [{"confidence": 1}, {"confidence": 0}, {"scale": "wide"}])
def test_parameters_are_checked(blur, calibration, parameters):
    with pytest.raises(ValueError, match=f"The '{next(iter(parameters))}' parameter"):
        ConformalDenoiser(blur, **parameters).fit(*calibration)


def test_it_has_to_be_fitted(blur, calibration):
    for method in ("transform", "predict_interval"):
        with pytest.raises(NotFittedError):
            getattr(ConformalDenoiser(blur), method)(calibration[0])


# Manners of scikit-learn

CHECKED = ConformalDenoiser(
    FrozenEstimator(Blur().fit(None)), confidence=0.5, noise=NoiseInjector(random_state=0)
)


@checks.parametrize_with_checks([CHECKED, clone(CHECKED).set_params(scale="constant")])
def test_scikit_learn_agrees(estimator, check):
    try:
        check(estimator)
    except SkipTest as skipped:
        pytest.fail(f"skipped: {skipped}")


@pytest.mark.parametrize(
    "law",
    # The shape of images in a table is a parameter of the denoiser, see below.
    [law for law in LAWS if law.__name__ != "test_tables_are_images_in_rows"],
    ids=lambda law: law.__name__.removeprefix("test_"),
)
def test_the_law(law):
    law(clone(CHECKED))


def test_tables_have_the_shape_that_the_denoiser_was_told(blur, calibration, conformal):
    noisy, clean = (images.reshape(40, -1) for images in calibration)
    names = [f"pixel{index}" for index in range(256)]
    frame = pd.DataFrame(noisy, columns=names)
    inner = FrozenEstimator(Blur(image_shape=(16, 16)).fit(noisy))
    fitted = ConformalDenoiser(inner).fit(frame, clean)
    assert fitted.multiple_ == conformal.multiple_
    assert list(fitted.feature_names_in_) == names
    wanted = conformal.predict_interval(calibration[0])
    for found, image in zip(fitted.predict_interval(frame), wanted, strict=True):
        np.testing.assert_array_equal(found, image.reshape(40, -1))


def test_the_noise_may_know_by_itself_how_rows_are_shaped(calibration):
    shapes = []

    def noted(image, rng):
        shapes.append(image.shape)
        return image + rng.normal(0, 0.1, image.shape)

    rows = calibration[1].reshape(40, -1)
    identity = FunctionTransformer().fit(rows)
    noise = NoiseInjector(noted, image_shape=(16, 16))
    with pytest.warns(UserWarning, match="40 images of one row"):
        ConformalDenoiser(identity, noise=noise).fit(rows)
    assert set(shapes) == {(16, 16, 1)}


def test_a_denoiser_of_frames_is_given_frames(calibration):
    clean = calibration[1].reshape(40, -1)
    frame = pd.DataFrame(clean).add_prefix("pixel")
    denoiser = AutoencoderDenoiser(size="nano", epochs=1, image_shape=(16, 16), random_state=0)
    denoiser.fit(frame)
    noise = NoiseInjector(random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as that X has no valid feature names
        conformal = ConformalDenoiser(denoiser, noise=noise).fit(frame)
        out = conformal.set_output(transform="pandas").transform(frame)
        conformal.predict_interval(frame)
    assert list(out.columns) == list(frame.columns)
