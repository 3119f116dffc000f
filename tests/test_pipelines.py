"""The three usages of the README run as they are written, and pipelines behave around images."""

import zlib

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    cross_val_predict,
    cross_val_score,
    train_test_split,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdenoise import AutoencoderDenoiser, NoiseInjector, psnr, psnr_scorer, without_noise

TINY = {"denoise__size": "nano", "denoise__epochs": 1, "denoise__random_state": 0}
"""What makes the verbatim pipelines quick."""


@pytest.fixture
def X(request):
    """Smooth images in [0, 1], (8, 16, 16) float32; every test has its own.

    Scorers warn where they see the same images under another noise, and the processes that
    joblib starts outlive a test.
    """
    rng = np.random.default_rng(zlib.crc32(request.node.name.encode()))
    y, x = np.mgrid[:16, :16] / 16
    waves = [np.sin(6 * (a * x + b * y) + c) for a, b, c in rng.uniform(0, 2, (8, 3))]
    return (0.5 + 0.4 * np.array(waves)).astype(np.float32)


@pytest.fixture
def colors(X):
    """The same in three channels, (8, 16, 16, 3) uint8."""
    return (255 * np.stack([X, X[::-1], 1 - X], axis=-1)).astype(np.uint8)


# The three usages


@pytest.mark.parametrize("container", ["gray", "color", "list"])
def test_usage_one_a_pipeline_of_noise_and_denoiser(X, colors, container):
    X = {"gray": X, "color": colors, "list": [X[0], X[1, :9, :13], X[2, :1, :1]]}[container]
    pipeline = Pipeline([("noise", NoiseInjector()), ("denoise", AutoencoderDenoiser())])
    pipeline.set_params(**TINY)
    pipeline.fit(X, X)
    denoised = pipeline.transform(X)
    assert type(denoised) is type(X)
    assert [image.shape for image in denoised] == [image.shape for image in X]
    assert [image.dtype for image in denoised] == [image.dtype for image in X]
    assert pipeline.named_steps["denoise"].learning_ == "supervised"


def test_usage_one_with_every_default(X):
    pipeline = Pipeline([("noise", NoiseInjector()), ("denoise", AutoencoderDenoiser())])
    pipeline.fit(X, X)
    assert len(pipeline["denoise"].history_["loss"]) == 50
    noisy = pipeline["noise"].transform(X)
    denoised = pipeline["denoise"].transform(noisy)
    assert psnr(X, denoised, data_range=1) > psnr(X, noisy, data_range=1) + 1


# A plain scorer tells, rightly, that its noise moves with the searched factor.
@pytest.mark.filterwarnings("ignore:The same images are scored under different:UserWarning")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_usage_two_a_search_over_noise_factors(X, n_jobs):
    pipeline = Pipeline([("noise", NoiseInjector()), ("denoise", AutoencoderDenoiser())])
    pipeline.set_params(**TINY)
    search = GridSearchCV(
        pipeline,
        {"noise__noise_factor": [0.05, 0.1, 0.2]},
        scoring=psnr_scorer,
        cv=2,
        n_jobs=n_jobs,
    )
    search.fit(X, X)
    assert search.best_params_["noise__noise_factor"] in (0.05, 0.1, 0.2)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.transform(X).shape == X.shape


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_usage_three_cross_validation_by_psnr(X, n_jobs):
    pipeline = Pipeline([("noise", NoiseInjector()), ("denoise", AutoencoderDenoiser())])
    pipeline.set_params(**TINY)
    scores = cross_val_score(pipeline, X, X, scoring=psnr_scorer, cv=2, n_jobs=n_jobs)
    assert scores.shape == (2,)
    # The noise alone has 20 dB, and a little training does not ruin images.
    assert (scores > 17).all()


def test_processes_do_not_change_a_score(X):
    pipeline = Pipeline(
        [("noise", NoiseInjector(random_state=0)), ("denoise", AutoencoderDenoiser())]
    )
    pipeline.set_params(**TINY, denoise__precision="float32")
    here, there = (
        cross_val_score(pipeline, X, X, scoring=psnr_scorer, cv=2, n_jobs=n_jobs)
        for n_jobs in (1, 2)
    )
    # Other processes may use another number of threads, which changes the last digits.
    np.testing.assert_allclose(there, here, rtol=1e-4)


# What pipelines mean for noise


def test_a_pipeline_without_y_learns_from_noisy_images_alone(X):
    pipeline = Pipeline([("noise", NoiseInjector()), ("denoise", AutoencoderDenoiser())])
    pipeline.set_params(**TINY)
    assert pipeline.fit(X)["denoise"].learning_ == "self-supervised"


def test_fresh_noise_may_belong_to_the_denoiser(X):
    pipeline = Pipeline([("denoise", AutoencoderDenoiser(noise=NoiseInjector()))])
    pipeline.set_params(**TINY, denoise__noise__noise_factor=0.3)
    assert pipeline.fit(X, X)["denoise"].learning_ == "fresh noise"


def test_deployed_pipelines_add_no_noise(X):
    pipeline = Pipeline([("noise", NoiseInjector()), ("denoise", AutoencoderDenoiser())])
    pipeline.set_params(**TINY)
    pipeline.fit(X, X)
    deployed = without_noise(pipeline)
    np.testing.assert_array_equal(deployed.transform(X), pipeline["denoise"].transform(X))
    assert not np.array_equal(pipeline.transform(X), deployed.transform(X))


def test_noise_at_fit_only_needs_no_deployment(X):
    noise = NoiseInjector(noise_factor=0.3, when="fit")
    pipeline = Pipeline([("noise", noise), ("denoise", AutoencoderDenoiser())])
    pipeline.set_params(**TINY)
    pipeline.fit(X, X)
    np.testing.assert_array_equal(pipeline.transform(X), pipeline["denoise"].transform(X))


@pytest.mark.slow
def test_an_honest_search_finds_the_noise_of_the_test(photos):
    # Trained for noise far too weak or too strong, a network does worse on the noise of the test.
    X = photos / np.float32(255)
    pipeline = Pipeline(
        [("noise", NoiseInjector(random_state=0)), ("denoise", AutoencoderDenoiser())]
    )
    pipeline.set_params(
        denoise__size="nano",
        denoise__epochs=15,
        denoise__batch_size=4,
        denoise__patch_size=32,
        denoise__validation_fraction=0.0,
        denoise__random_state=0,
    )
    search = GridSearchCV(
        pipeline,
        {"noise__noise_factor": [0.01, 0.2, 1.5]},
        scoring=psnr_scorer.with_noise(NoiseInjector(noise_factor=0.2)),
        cv=KFold(2),
        refit=False,
    )
    assert search.fit(X, X).best_params_ == {"noise__noise_factor": 0.2}


# Pipelines around images


def test_labels_of_a_classification_pipeline_pass_by(X):
    labels = np.arange(len(X)) % 2
    flat = FunctionTransformer(lambda images: images.reshape(len(images), -1))
    denoiser = AutoencoderDenoiser(size="nano", epochs=1, random_state=0)
    classifier = make_pipeline(denoiser, flat, LogisticRegression())
    assert classifier.fit(X, labels).predict(X).shape == labels.shape
    alone = clone(denoiser).fit(X)
    np.testing.assert_array_equal(classifier[0].transform(X), alone.transform(X))


def test_flattened_images_go_through_a_classification_pipeline(X):
    labels = np.arange(len(X)) % 2
    table = X.reshape(len(X), -1)
    denoiser = AutoencoderDenoiser(size="nano", epochs=1, image_shape=(16, 16), random_state=0)
    classifier = make_pipeline(denoiser, LogisticRegression()).fit(table, labels)
    assert classifier.score(table, labels) >= 0.5
    np.testing.assert_array_equal(
        denoiser.fit(table).transform(table).reshape(X.shape),
        clone(denoiser).set_params(image_shape=None).fit(X).transform(X),
    )


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_wanted_everywhere_do_no_harm_to_images(X, library):
    pipeline = Pipeline(
        [("noise", NoiseInjector(random_state=0)), ("denoise", AutoencoderDenoiser())]
    )
    pipeline.set_params(**TINY)
    with sklearn.config_context(transform_output=library):
        denoised = pipeline.fit(X, X).transform(X)
    np.testing.assert_array_equal(denoised, pipeline.transform(X))


def test_lists_of_mixed_sizes_are_split_and_scored(X):
    images = [image[: 8 + index] for index, image in enumerate(X)]
    train, test = train_test_split(images, test_size=3, random_state=0)
    pipeline = Pipeline([("noise", NoiseInjector()), ("denoise", AutoencoderDenoiser())])
    pipeline.set_params(**TINY).fit(train, train)
    assert np.isfinite(psnr_scorer(pipeline, test, test))
    scores = cross_val_score(pipeline, images, images, scoring=psnr_scorer, cv=2)
    assert np.isfinite(scores).all()


def test_predictions_of_cross_validation_are_images(X):
    denoiser = AutoencoderDenoiser(size="nano", epochs=1, random_state=0)
    assert cross_val_predict(denoiser, X, cv=2).shape == X.shape


def test_a_fitted_search_scores_as_its_scorer(X):
    scorer = psnr_scorer.with_noise(NoiseInjector(noise_factor=0.1))
    denoiser = AutoencoderDenoiser(size="nano", epochs=1, noise=NoiseInjector(), random_state=0)
    search = GridSearchCV(denoiser, {"learning_rate": [1e-3]}, scoring=scorer, cv=2).fit(X)
    assert search.score(X) == scorer(search.best_estimator_, X)
    noisy = NoiseInjector(noise_factor=0.1, random_state=0).fit_transform(X)
    assert search.score(X) == pytest.approx(
        psnr(X, search.transform(noisy), data_range=1), abs=1e-3
    )


@pytest.mark.parametrize("steps", [1, 2])
def test_warnings_point_to_the_line_of_the_caller(steps):
    X = np.full((4, 16, 16), 200.0)
    noise = NoiseInjector(random_state=0)
    pipeline = Pipeline([("noise", noise), ("same", NoiseInjector(noise_factor=0))][:steps])
    with pytest.warns(UserWarning, match="values up to 200") as caught:
        pipeline.fit_transform(X)
    assert {warning.filename for warning in caught} == {__file__}
