"""The scorers: right numbers, honest searches, and manners of scikit-learn."""

import pickle
import warnings

import numpy as np
import pytest
import sklearn
from scipy import ndimage
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdenoise._containers import read_images
from skdenoise.metrics import psnr, ssim
from skdenoise.noise import NoiseInjector
from skdenoise.scoring import (
    Noise2SelfScorer,
    PSNRScorer,
    SSIMScorer,
    SUREScorer,
    _reference,
    noise2self_scorer,
    psnr_scorer,
    ssim_scorer,
    sure_scorer,
    without_noise,
)

WIDTHS = [0.3, 0.5, 0.7, 0.9, 1.2, 1.6, 2.2, 3.0, 4.0]
"""Widths of the Gaussian filter, from too little to too much smoothing."""

SCORERS = [psnr_scorer, ssim_scorer, sure_scorer, noise2self_scorer]


class GaussianFilter(TransformerMixin, BaseEstimator):
    """A denoiser with one parameter, that remembers what it was shown."""

    def __init__(self, width=1.0, image_shape=None):
        self.width = width
        self.image_shape = image_shape

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        images = read_images(X, self.image_shape)
        self.seen_ = X
        width = (self.width, self.width, 0)
        return images.restore(ndimage.gaussian_filter(image, width) for image in images)


class BoxMedian(GaussianFilter):
    """A denoiser that is not linear."""

    def transform(self, X):
        images = read_images(X, self.image_shape)
        return images.restore(ndimage.median_filter(image, (3, 3, 1)) for image in images)


@pytest.fixture(autouse=True)
def no_memory_of_other_tests(monkeypatch):
    monkeypatch.setattr(_reference, "_noise_of_test", {})


@pytest.fixture(scope="module")
def camera():
    from skimage import data

    # Away from black and white, so that noise on integers is hardly clipped.
    return 0.3 + 0.4 * data.camera()[100:292, 100:292] / 255


def with_noise(clean, sigma, dtype="float64", seed=0):
    """The clean and the noisy photograph as containers of one image."""
    noisy = clean + np.random.default_rng(seed).normal(0, sigma / 255, clean.shape)
    if dtype == "float64":
        return clean[None], noisy[None]
    white = np.iinfo(dtype).max
    return tuple(
        np.rint(np.clip(image[None], 0, 1) * white).astype(dtype) for image in (clean, noisy)
    )


def small_images(n_images=4, dtype="float64"):
    rng = np.random.default_rng(3)
    images = ndimage.gaussian_filter(rng.random((n_images, 24, 20)), (0, 2, 2))
    images = (images - images.min()) / np.ptp(images)
    return images if dtype == "float64" else np.rint(255 * images).astype(dtype)


def noisy_images(n_images=4):
    noise = np.random.default_rng(4).normal(0, 0.1, (n_images, 24, 20))
    return np.clip(0.3 + 0.4 * small_images(n_images) + noise, 0, 1)


# What is compared with what.


def test_a_denoiser_is_compared_with_y():
    clean = small_images()
    noisy = NoiseInjector(random_state=0).fit_transform(clean)
    denoiser = GaussianFilter().fit(noisy)
    denoised = denoiser.transform(noisy)
    assert psnr_scorer(denoiser, noisy, clean) == psnr(clean, denoised)
    assert ssim_scorer(denoiser, noisy, clean) == ssim(clean, denoised)


def test_a_pipeline_that_begins_with_an_injector_is_compared_with_x():
    clean = small_images()
    pipeline = make_pipeline(NoiseInjector(random_state=0), GaussianFilter()).fit(clean)
    expected = psnr(clean, pipeline.transform(clean))
    assert psnr_scorer(pipeline, clean) == expected
    assert psnr_scorer(make_pipeline(pipeline), clean) == expected
    assert psnr_scorer(pipeline, clean, clean) == expected


@pytest.mark.parametrize("labels", [np.arange(4), [0, 1, 0, 1], ["a", "b", "a", "b"], np.eye(4)])
def test_labels_are_no_images(labels):
    clean = small_images()
    pipeline = make_pipeline(NoiseInjector(random_state=0), GaussianFilter()).fit(clean)
    assert psnr_scorer(pipeline, clean, labels) == psnr_scorer(pipeline, clean)
    assert psnr_scorer(pipeline, clean, np.arange(4)[:, None]) == psnr_scorer(pipeline, clean)
    with pytest.raises(ValueError, match="no images as y"):
        psnr_scorer(GaussianFilter().fit(clean), clean, labels)


def test_a_denoiser_alone_needs_clean_images():
    noisy = small_images()
    with pytest.raises(ValueError, match=r"GaussianFilter does not begin .* use sure_scorer"):
        psnr_scorer(GaussianFilter().fit(noisy), noisy)
    with pytest.raises(ValueError, match="SSIMScorer compares with clean images"):
        ssim_scorer(GaussianFilter().fit(noisy), noisy)


def test_a_scorer_with_noise_adds_it_to_the_clean_images_by_itself():
    clean = small_images(dtype="uint8")
    noise = NoiseInjector(sigma=30, when="fit")
    denoiser = GaussianFilter().fit(clean)
    noisy = NoiseInjector(sigma=30, random_state=7).fit_transform(clean)
    expected = psnr(clean, denoiser.transform(noisy))
    scorer = PSNRScorer(random_state=7).with_noise(noise)
    assert scorer(denoiser, clean) == expected
    assert scorer(denoiser, np.zeros_like(clean), clean) == expected
    assert noise.random_state is None


def test_a_scorer_with_noise_passes_by_the_injector():
    clean = small_images()
    denoiser = GaussianFilter().fit(clean)
    scorer = ssim_scorer.with_noise(NoiseInjector(noise_factor=0.1))
    expected = scorer(denoiser, clean)
    for factor in (0.01, 1.0):
        injector = NoiseInjector(noise_factor=factor, random_state=0)
        assert scorer(make_pipeline(injector, denoiser).fit(clean), clean) == expected


def test_lists_of_mixed_sizes_are_scored():
    clean = [small_images(1)[0], small_images(1)[0, :15, :18]]
    denoiser = GaussianFilter().fit(clean)
    scorer = psnr_scorer.with_noise(NoiseInjector(noise_factor=0.1))
    each = [scorer(denoiser, [image]) for image in clean]
    assert scorer(denoiser, clean) == pytest.approx(np.mean(each))
    noisy = [noisy_images(1)[0], noisy_images(1)[0, :15, :18]]
    for blind in (sure_scorer, noise2self_scorer):
        each = [blind(denoiser, [image]) for image in noisy]
        assert blind(denoiser, noisy) == pytest.approx(np.mean(each))


@pytest.mark.parametrize("as_frame", [False, True])
def test_tables_are_scored_like_the_images_in_their_rows(as_frame):
    images = small_images()
    table = images.reshape(len(images), -1)
    if as_frame:
        import pandas as pd

        table = pd.DataFrame(table).rename(columns=str)
    denoiser = make_pipeline(GaussianFilter(image_shape=images.shape[1:]))
    scorers = [
        psnr_scorer.with_noise(NoiseInjector(noise_factor=0.1)),
        ssim_scorer.with_noise(NoiseInjector(noise_factor=0.1)),
        SUREScorer(sigma=0.05),
        noise2self_scorer,
    ]
    for scorer in scorers:
        expected = scorer(denoiser.fit(images), images)
        assert scorer(denoiser.fit(table), table) == pytest.approx(expected)


def test_a_table_keeps_its_column_names_on_the_way_to_the_denoiser():
    import pandas as pd

    table = pd.DataFrame(noisy_images().reshape(4, -1)).rename(columns=str)
    denoiser = GaussianFilter().fit(table)
    for scorer in (psnr_scorer.with_noise(NoiseInjector()), sure_scorer, noise2self_scorer):
        scorer(denoiser, table)
        assert list(denoiser.seen_.columns) == list(table.columns)


# What a search over noise makes of it.


def test_a_search_over_noise_is_honest_with_noise_in_the_scorer(camera):
    clean = camera[:128, :128].reshape(4, 32, 128)
    pipeline = Pipeline([("noise", NoiseInjector(random_state=0)), ("denoise", GaussianFilter())])
    grid = {"noise__noise_factor": [0.02, 0.2], "denoise__width": [0.3, 1.2]}
    naive = GridSearchCV(pipeline, grid, scoring=psnr_scorer, cv=2)
    with pytest.warns(UserWarning, match="different injected noise"):
        naive.fit(clean, clean)
    assert naive.best_params_["noise__noise_factor"] == 0.02
    scorer = psnr_scorer.with_noise(NoiseInjector(noise_factor=0.2))
    honest = GridSearchCV(pipeline, grid, scoring=scorer, cv=2).fit(clean, clean)
    assert honest.best_params_["denoise__width"] == 1.2
    by_factor = honest.cv_results_["mean_test_score"].reshape(2, 2)
    np.testing.assert_array_equal(by_factor[:, 0], by_factor[:, 1])


def test_moving_noise_is_told_once_for_each_test():
    clean = small_images()
    pipelines = [
        make_pipeline(NoiseInjector(noise_factor=factor), GaussianFilter()).fit(clean)
        for factor in (0.1, 0.2, 0.3)
    ]
    psnr_scorer(pipelines[0], clean, clean)
    with pytest.warns(UserWarning, match=r"psnr_scorer\.with_noise"):
        psnr_scorer(pipelines[1], clean, clean)
    psnr_scorer(pipelines[2], clean, clean)


def test_the_seed_and_the_denoiser_may_vary_without_a_warning():
    clean = small_images()
    for seed, width in [(0, 1), (1, 1), (None, 2)]:
        injector = NoiseInjector(random_state=seed)
        psnr_scorer(make_pipeline(injector, GaussianFilter(width)).fit(clean), clean)


def test_the_memory_of_tests_is_bounded(monkeypatch):
    monkeypatch.setattr(_reference, "REMEMBERED_TESTS", 3)
    pipeline = make_pipeline(NoiseInjector(random_state=0), GaussianFilter())
    for image in small_images(8):
        psnr_scorer(pipeline.fit(image[None]), image[None])
    assert len(_reference._noise_of_test) == 3


def test_scoring_clean_images_as_if_they_were_noisy_is_told():
    clean = small_images()
    with pytest.warns(UserWarning, match="without noise"):
        psnr_scorer(GaussianFilter().fit(clean), clean, clean.copy())
    pipeline = make_pipeline(NoiseInjector(when="fit"), GaussianFilter()).fit(clean)
    with pytest.warns(UserWarning, match="without noise"):
        psnr_scorer(pipeline, clean)


@pytest.mark.parametrize("scorer", [psnr_scorer, ssim_scorer])
def test_plain_cross_validation_of_a_pipeline_is_silent(scorer):
    clean = small_images(6)
    pipeline = make_pipeline(NoiseInjector(noise_factor=0.1), GaussianFilter())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = cross_val_score(pipeline, clean, clean, scoring=scorer, cv=3)
    assert np.isfinite(scores).all()


# Pipelines without their noise.


def test_without_noise_shares_the_fitted_steps():
    pipeline = Pipeline(
        [("noise", NoiseInjector()), ("one", GaussianFilter()), ("two", GaussianFilter(2))]
    ).fit(small_images())
    stripped = without_noise(pipeline)
    assert [name for name, _ in stripped.steps] == ["one", "two"]
    assert stripped["one"] is pipeline["one"]
    assert stripped["two"] is pipeline["two"]
    assert len(pipeline.steps) == 3
    noisy = small_images()
    expected = pipeline["two"].transform(pipeline["one"].transform(noisy))
    np.testing.assert_array_equal(stripped.transform(noisy), expected)


def test_without_noise_works_before_fit_and_keeps_a_pipeline_of_one_step():
    stripped = without_noise(make_pipeline(NoiseInjector(), GaussianFilter()))
    assert isinstance(stripped, Pipeline)
    images = small_images()
    np.testing.assert_array_equal(
        stripped.fit(images).transform(images), GaussianFilter().fit(images).transform(images)
    )


def test_without_noise_follows_pipelines_inside_pipelines():
    inner = Pipeline([("noise", NoiseInjector()), ("filter", GaussianFilter())])
    only_noise = make_pipeline(NoiseInjector())
    nested = Pipeline([("first", only_noise), ("inner", inner), ("last", "passthrough")])
    stripped = without_noise(nested)
    assert [name for name, _ in stripped.steps] == ["inner", "last"]
    assert [name for name, _ in stripped["inner"].steps] == ["filter"]
    assert len(inner.steps) == 2


def test_without_noise_returns_other_estimators_as_they_are():
    denoiser = GaussianFilter()
    assert without_noise(denoiser) is denoiser


def test_without_noise_takes_the_best_estimator_of_a_search():
    clean = small_images()
    pipeline = Pipeline([("noise", NoiseInjector(random_state=0)), ("filter", GaussianFilter())])
    search = GridSearchCV(pipeline, {"filter__width": [0.5, 1]}, scoring=psnr_scorer, cv=2)
    search.fit(clean, clean)
    stripped = without_noise(search)
    assert stripped["filter"] is search.best_estimator_["filter"]
    assert psnr_scorer(search, clean) == search.score(clean, clean)


def test_nothing_but_noise_cannot_go_without():
    with pytest.raises(ValueError, match="Every step of the pipeline is a NoiseInjector"):
        without_noise(make_pipeline(NoiseInjector(), make_pipeline(NoiseInjector())))


# Scores without clean images.


@pytest.mark.parametrize("sigma", [10, 25, 50])
@pytest.mark.parametrize("denoiser", [GaussianFilter(0.7), GaussianFilter(1.5), BoxMedian()])
def test_sure_knows_the_psnr_within_a_third_of_a_decibel(camera, sigma, denoiser):
    clean, noisy = with_noise(camera, sigma)
    truth = psnr(clean, denoiser.transform(noisy))
    assert SUREScorer(sigma=sigma / 255)(denoiser, noisy) == pytest.approx(truth, abs=0.3)


@pytest.mark.parametrize("sigma", [10, 25])
@pytest.mark.parametrize("dtype", ["float64", "uint8", "uint16"])
def test_sure_knows_it_with_an_estimated_sigma_and_on_integers(camera, sigma, dtype):
    clean, noisy = with_noise(camera, sigma, dtype)
    denoiser = GaussianFilter(0.8)
    truth = psnr(clean, denoiser.transform(noisy))
    own_sigma = sigma / 255 * (1 if dtype == "float64" else np.iinfo(dtype).max)
    assert SUREScorer(sigma=own_sigma)(denoiser, noisy) == pytest.approx(truth, abs=0.3)
    assert sure_scorer(denoiser, noisy) == pytest.approx(truth, abs=0.5)


def test_sure_calls_the_denoiser_in_the_units_that_it_was_fitted_on(camera):
    _, noisy = with_noise(camera, 25, "uint8")
    denoiser = GaussianFilter(1.0)
    SUREScorer(sigma=25)(denoiser, noisy)
    assert denoiser.seen_.dtype == np.uint8


def test_sure_measures_color_images(camera):
    color = np.stack([camera, camera[::-1], camera.T], axis=-1)
    clean, noisy = with_noise(color, 25)
    denoiser = GaussianFilter(1.0)
    truth = psnr(clean, denoiser.transform(noisy))
    assert SUREScorer(sigma=25 / 255)(denoiser, noisy) == pytest.approx(truth, abs=0.3)


def test_sure_of_doing_nothing_is_the_psnr_of_the_noise(camera):
    _, noisy = with_noise(camera, 25)
    unchanged = FunctionTransformer().fit(noisy)
    expected = 20 * np.log10(255 / 25)
    assert SUREScorer(sigma=25 / 255)(unchanged, noisy) == pytest.approx(expected)


def test_sure_of_clean_images_is_what_the_denoiser_changes(camera):
    denoiser = GaussianFilter(1.0)
    expected = psnr(camera, denoiser.transform(camera[None])[0])
    assert SUREScorer(sigma=0)(denoiser, camera[None]) == pytest.approx(expected)
    assert SUREScorer(sigma=0)(FunctionTransformer().fit(camera[None]), camera[None]) == np.inf


def test_sure_is_bounded_by_its_own_error_where_sigma_is_too_large(camera):
    _, noisy = with_noise(camera, 5)
    bound = 20 * np.log10(255 / 50) - 5 * np.log10(2 / noisy.size)
    assert SUREScorer(sigma=50 / 255)(GaussianFilter(0.5), noisy) <= bound + 1e-9


def test_sure_warns_of_correlated_noise(camera):
    noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=camera.shape), 1)
    white = with_noise(camera, 25)[1][0]
    with pytest.warns(UserWarning, match=r"noise of 2 of 3 images looks correlated.* first at 1"):
        sure_scorer(GaussianFilter(), np.stack([white, camera + noise, camera + noise]))
    # One alarm among many images is probably false.
    sure_scorer(GaussianFilter(), np.stack([white, camera + noise]))


def test_sure_needs_sigma_for_images_too_small_to_tell():
    noisy = [np.full((8, 8), 0.5), np.full((1, 2), 0.5)]
    with pytest.raises(ValueError, match=r"noise of image 1 cannot .* SUREScorer\(sigma=...\)"):
        sure_scorer(GaussianFilter(), noisy)


def true_psnr_by_width(clean, noisy):
    return [psnr(clean, GaussianFilter(width).transform(noisy)) for width in WIDTHS]


@pytest.mark.parametrize("sigma", [10, 15, 25, 50])
def test_a_search_finds_the_best_filter_without_clean_images(camera, sigma):
    pairs = [with_noise(camera[rows], sigma) for rows in (slice(0, 96), slice(96, 192))]
    clean, noisy = (np.concatenate(side) for side in zip(*pairs, strict=True))
    best = int(np.argmax(true_psnr_by_width(clean, noisy)))
    assert 0 < best < len(WIDTHS) - 1
    scorers = {
        "known": SUREScorer(sigma=sigma / 255),
        "sure": sure_scorer,
        "masked": noise2self_scorer,
    }
    found = {}
    for name, scorer in scorers.items():
        search = GridSearchCV(GaussianFilter(), {"width": WIDTHS}, scoring=scorer, cv=2)
        found[name] = WIDTHS.index(search.fit(noisy).best_params_["width"])
    # At 50 the two best widths are closer to each other than the estimate is to the truth.
    assert abs(found["known"] - best) <= (sigma > 25)
    assert abs(found["sure"] - best) <= 1
    assert abs(found["masked"] - best) <= 1


def test_the_masked_score_adds_the_noise_to_the_error(camera):
    clean, noisy = with_noise(camera, 25)
    flat = FunctionTransformer(np.full_like, kw_args={"fill_value": 0.5}).fit(noisy)
    error = np.mean((clean - 0.5) ** 2) + (25 / 255) ** 2
    assert noise2self_scorer(flat, noisy) == pytest.approx(-10 * np.log10(error), abs=0.1)


def test_the_masked_score_never_shows_a_pixel_to_its_own_prediction():
    noise = np.random.default_rng(0).normal(0.5, 0.1, (1, 64, 64))
    unchanged = FunctionTransformer().fit(noise)
    # A filled pixel is a weighted mean of eight others: its noise has 20 / 144 of the variance.
    expected = 20 - 10 * np.log10(1 + 20 / 144)
    assert noise2self_scorer(unchanged, noise) == pytest.approx(expected, abs=0.3)


@pytest.mark.parametrize("scorer", [SUREScorer(sigma=25), noise2self_scorer])
def test_blind_scores_do_not_depend_on_the_unit(camera, scorer):
    _, noisy = with_noise(camera, 25)
    same = type(scorer)(**vars(scorer) | {"data_range": 255})(GaussianFilter(), 255 * noisy)
    expected = SUREScorer(sigma=25 / 255) if isinstance(scorer, SUREScorer) else scorer
    assert same == pytest.approx(expected(GaussianFilter(), noisy), abs=1e-6)


@pytest.mark.parametrize("scorer", [SUREScorer(sigma=0.1), noise2self_scorer])
def test_blind_scores_pass_by_the_injector_and_ignore_y(camera, scorer):
    _, noisy = with_noise(camera, 25)
    denoiser = GaussianFilter()
    pipeline = make_pipeline(NoiseInjector(noise_factor=0.5), denoiser)
    expected = scorer(denoiser, noisy)
    assert scorer(pipeline, noisy) == expected
    assert scorer(denoiser, noisy, np.arange(1)) == expected
    assert scorer(denoiser, noisy, np.zeros_like(noisy)) == expected


@pytest.mark.parametrize("scorer", [SUREScorer(sigma=25), noise2self_scorer])
@pytest.mark.parametrize("change", ["to gray levels", "standardized"])
def test_noisy_floats_of_another_scale_need_a_data_range(camera, scorer, change):
    _, noisy = with_noise(camera, 25)
    noisy = 255 * noisy if change == "to gray levels" else (noisy - noisy.mean()) / noisy.std()
    with pytest.raises(ValueError, match=r"Float images are taken to be in .*data_range=255"):
        scorer(GaussianFilter(), noisy)


@pytest.mark.parametrize("shape", [(1, 2), (1, 7), (5, 1), (2, 2), (9, 10)])
def test_blind_scores_of_tiny_images_are_numbers(shape):
    noisy = np.random.default_rng(0).normal(0.5, 0.1, (3, *shape))
    for scorer in (SUREScorer(sigma=0.1), noise2self_scorer):
        assert np.isfinite(scorer(GaussianFilter(), noisy))


def test_blind_scores_need_images_of_the_scale_that_they_gave(camera):
    _, noisy = with_noise(camera, 25, "uint8")
    to_floats = FunctionTransformer(lambda X: X / 255).fit(noisy)
    for scorer in (SUREScorer(sigma=25), noise2self_scorer):
        with pytest.raises(ValueError, match="uint8 among the noisy images, but float64"):
            scorer(to_floats, noisy)


# Manners of scikit-learn.


def all_scorers():
    noise = NoiseInjector(noise_factor=0.1)
    return [psnr_scorer.with_noise(noise), ssim_scorer.with_noise(noise), *SCORERS[2:]]


@pytest.mark.parametrize(
    ("scorer", "text"),
    [
        (psnr_scorer, "PSNRScorer()"),
        (PSNRScorer(random_state=3, data_range=255), "PSNRScorer(random_state=3, data_range=255)"),
        (
            psnr_scorer.with_noise(NoiseInjector(sigma=25)),
            "PSNRScorer(noise=NoiseInjector(sigma=25))",
        ),
        (SSIMScorer(), "SSIMScorer()"),
        (SUREScorer(sigma=25), "SUREScorer(sigma=25)"),
        (Noise2SelfScorer(stride=3), "Noise2SelfScorer(stride=3)"),
    ],
)
def test_a_scorer_reads_like_the_call_that_makes_it(scorer, text):
    assert repr(scorer) == text


@pytest.mark.parametrize("scorer", all_scorers(), ids=repr)
def test_scores_are_floats_that_repeat_and_survive_pickling(scorer):
    X = noisy_images()
    X.flags.writeable = False
    denoiser = GaussianFilter()
    score = scorer(denoiser, X)
    assert type(score) is float
    assert scorer(denoiser, X) == score
    assert pickle.loads(pickle.dumps(scorer))(denoiser, X) == score


@pytest.mark.parametrize("scorer", all_scorers(), ids=repr)
def test_the_order_of_images_does_not_matter(scorer):
    X = noisy_images()
    assert scorer(GaussianFilter(), X[::-1]) == pytest.approx(scorer(GaussianFilter(), X))


def test_scorers_work_side_by_side():
    X = noisy_images(6)
    scoring = {type(scorer).__name__: scorer for scorer in all_scorers()}
    results = cross_validate(GaussianFilter(), X, scoring=scoring, cv=3)
    for name in scoring:
        assert np.isfinite(results[f"test_{name}"]).all()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_works_in_other_processes(n_jobs):
    X = small_images(4)
    # A function of SciPy can be found by other processes; a class of this module may not.
    filter_ = FunctionTransformer(ndimage.gaussian_filter)
    grid = {"kw_args": [{"sigma": (0, width, width)} for width in (0.3, 0.8, 5)]}
    scorer = psnr_scorer.with_noise(NoiseInjector(noise_factor=0.1))
    search = GridSearchCV(filter_, grid, scoring=scorer, cv=2, n_jobs=n_jobs).fit(X)
    assert search.best_index_ == 1
    assert search.score(X) == scorer(search.best_estimator_, X)


def test_metadata_routing_finds_nothing_to_route():
    X = noisy_images(4)
    scorers = {type(scorer).__name__: scorer for scorer in all_scorers()}
    with sklearn.config_context(enable_metadata_routing=True):
        for scoring in (scorers, sure_scorer):
            search = GridSearchCV(
                GaussianFilter(), {"width": [1, 2]}, scoring=scoring, cv=2, refit=False
            )
            search.fit(X, X)
            with pytest.raises(TypeError, match="sample_weight"):
                search.fit(X, X, sample_weight=np.ones(4))
        assert np.isfinite(cross_val_score(GaussianFilter(), X, scoring=sure_scorer, cv=2)).all()


@pytest.mark.parametrize("scorer", SCORERS, ids=repr)
def test_an_estimator_that_makes_no_images_cannot_be_scored(scorer):
    X = noisy_images()
    with pytest.raises(TypeError, match="BaseEstimator has no transform method"):
        scorer(BaseEstimator(), X, 1 - X)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: PSNRScorer(noise=25), "'noise' parameter of PSNRScorer must be an instance of"),
        (lambda: PSNRScorer(random_state=None), "'random_state' parameter of PSNRScorer"),
        (lambda: PSNRScorer(random_state=2**40), "'random_state' parameter of PSNRScorer"),
        (lambda: SSIMScorer(data_range=0), "data_range must be None or a float"),
        (lambda: SUREScorer(sigma=-1), "'sigma' parameter of SUREScorer"),
        (lambda: Noise2SelfScorer(stride=1), "'stride' parameter of Noise2SelfScorer"),
        (lambda: psnr_scorer.with_noise(0.1), "'noise' parameter of PSNRScorer"),
    ],
)
def test_wrong_parameters_are_told_when_the_scorer_is_made(make, match):
    with pytest.raises(ValueError, match=match):
        make()
