"""The checks of scikit-learn pass for every estimator, without exception; and what they omit."""

import copy
import io
import pickle
from unittest import SkipTest

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks as checks
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import get_routing_for_object

from skdenoise import AutoencoderDenoiser, NoiseInjector, ZeroDCEEnhancer

UNET = AutoencoderDenoiser(size="nano", epochs=1)
AUTOENCODER = AutoencoderDenoiser("autoencoder", epochs=1)
ENHANCER = ZeroDCEEnhancer("dce++", epochs=1)
ESTIMATORS = [
    UNET,
    AUTOENCODER,
    AutoencoderDenoiser(weights="natural", epochs=1),
    ENHANCER,
    ZeroDCEEnhancer(weights="default", epochs=1, exposure=0.5, keep_hue=True),
    NoiseInjector(),
    NoiseInjector("poisson", peak=30),
    NoiseInjector("salt_and_pepper", clip=True),
]

# scikit-learn runs these on its own estimators only.
NOT_YIELDED = [
    checks.check_dataframe_column_names_consistency,
    checks.check_inplace_ensure_writeable,
    checks.check_transformer_get_feature_names_out,
    checks.check_transformer_get_feature_names_out_pandas,
    checks.check_set_output_transform,
    checks.check_set_output_transform_pandas,
    checks.check_set_output_transform_polars,
    checks.check_global_output_transform_pandas,
    checks.check_global_set_output_transform_polars,
]


def run(check, *arguments):
    try:
        check(*arguments)
    except SkipTest as skipped:
        pytest.fail(f"skipped: {skipped}")


# The data of the checks is N(0, 1) or N(100, 1), and these say that they want [0, 1].
@pytest.mark.filterwarnings("ignore:architecture='autoencoder' ends in a sigmoid:UserWarning")
@pytest.mark.filterwarnings("ignore:X has values up to:UserWarning")
@checks.parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_agrees(estimator, check):
    run(check, estimator)


# The checks mix frames and arrays between fit and transform, of which scikit-learn warns.
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names:UserWarning")
@pytest.mark.filterwarnings("ignore:X has values up to:UserWarning")
@pytest.mark.parametrize("estimator", [UNET, NoiseInjector(random_state=0), ENHANCER], ids=str)
@pytest.mark.parametrize("check", NOT_YIELDED, ids=lambda check: check.__name__)
def test_scikit_learn_agrees_on_what_it_asks_of_itself(estimator, check):
    run(check, type(estimator).__name__, clone(estimator))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((3, 8, 8)).astype(np.float32)


@pytest.fixture(
    scope="module",
    params=[
        AutoencoderDenoiser(size="nano", epochs=1, random_state=0),
        AutoencoderDenoiser("autoencoder", epochs=1, random_state=0),
        ZeroDCEEnhancer("dce++", epochs=1, random_state=0),
        NoiseInjector(random_state=0),
    ],
    ids=str,
)
def fitted(request, images):
    return clone(request.param).fit(images)


@pytest.fixture(
    scope="module",
    params=[
        clone(UNET).set_params(random_state=0),
        clone(ENHANCER).set_params(random_state=0),
        NoiseInjector(random_state=0),
    ],
    ids=str,
)
def fitted_on_frame(request):
    values = np.random.default_rng(0).random((4, 6))
    frame = pd.DataFrame(values, columns=list("abcdef"), index=[10, 20, 30, 40])
    return clone(request.param).set_params(image_shape=(2, 3)).fit(frame), frame


def through_joblib(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


@pytest.mark.parametrize(
    "copied",
    [
        copy.copy,
        copy.deepcopy,
        through_joblib,
        lambda estimator: pickle.loads(pickle.dumps(estimator)),
    ],
    ids=["copy", "deepcopy", "joblib", "pickle"],
)
def test_copies_transform_as_the_original(fitted, images, copied):
    # The original has made its model and traced functions by now; they are not copied.
    wanted = fitted.transform(images)
    np.testing.assert_array_equal(copied(fitted).transform(images), wanted)


def test_a_pickle_holds_the_weights_and_little_else(images):
    denoiser = clone(UNET).fit(images)
    denoiser.transform(images)
    assert denoiser.network_ is not None
    weights = sum(array.nbytes for array in denoiser.weights_.values())
    assert weights < len(pickle.dumps(denoiser)) < 1.1 * weights


def test_a_clone_is_not_fitted_and_has_the_same_parameters(fitted, images):
    cloned = clone(fitted)
    assert repr(cloned) == repr(fitted)
    with pytest.raises(NotFittedError):
        cloned.transform(images)


def test_nested_parameters_reach_the_noise():
    denoiser = AutoencoderDenoiser(noise=NoiseInjector())
    denoiser.set_params(noise__noise_factor=0.3)
    assert denoiser.noise.noise_factor == 0.3
    assert clone(denoiser).noise.noise_factor == 0.3
    assert clone(denoiser).noise is not denoiser.noise


def test_constructors_only_assign(fitted):
    # Nothing is converted or checked before fit, so that clone and set_params are exact.
    nonsense = {name: object() for name in fitted.get_params(deep=False)}
    made = type(fitted)(**nonsense)
    assert made.get_params(deep=False) == nonsense


def test_notebooks_show_the_parameters(fitted):
    page = fitted._repr_html_()
    assert type(fitted).__name__ in page
    assert "random_state" in page


def test_tags_say_that_tables_and_images_are_taken(fitted):
    tags = get_tags(fitted)
    assert tags.input_tags.two_d_array
    assert tags.input_tags.three_d_array
    assert not tags.input_tags.sparse
    assert not tags.target_tags.required
    assert tags.transformer_tags.preserves_dtype == ["float64", "float32"]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_only_weights_of_the_package_need_no_fit(estimator):
    ready = getattr(estimator, "weights", None) in ("natural", "default")
    assert get_tags(estimator).requires_fit is not ready


def test_metadata_routing_finds_nothing_to_route(fitted):
    with sklearn.config_context(enable_metadata_routing=True):
        routing = get_routing_for_object(fitted)
        assert not any(routing.consumes(method, ["sample_weight"]) for method in ("fit", "score"))


def test_routing_may_be_on_while_a_pipeline_works(images):
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(NoiseInjector(random_state=0), clone(UNET))
        assert pipeline.fit(images, images).transform(images).shape == images.shape


@pytest.mark.parametrize(
    ("library", "frame_type"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)]
)
def test_tables_come_out_as_frames_where_wanted(fitted_on_frame, library, frame_type):
    fitted, frame = fitted_on_frame
    out = clone(fitted).fit(frame).set_output(transform=library).transform(frame)
    assert isinstance(out, frame_type)
    assert list(out.columns) == list(frame.columns)
    np.testing.assert_array_equal(
        out.to_numpy(), fitted.set_output(transform="default").transform(frame)
    )


@pytest.mark.parametrize(
    ("library", "frame_type"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)]
)
def test_what_needs_no_fit_names_the_columns_of_tables_and_leaves_images(library, frame_type):
    table = pd.DataFrame(np.random.default_rng(0).random((2, 64))).add_prefix("pixel")
    denoiser = AutoencoderDenoiser(weights="natural", size="small", image_shape=(8, 8))
    wanted = denoiser.transform(table)
    with sklearn.config_context(transform_output=library):
        out = denoiser.transform(table)
        assert isinstance(denoiser.transform(table.to_numpy()), frame_type)
        images = denoiser.transform(table.to_numpy().reshape(2, 8, 8))
    assert isinstance(out, frame_type)
    assert list(out.columns) == list(table.columns)
    np.testing.assert_array_equal(out.to_numpy(), wanted)
    np.testing.assert_array_equal(images.reshape(2, 64), wanted)
    assert isinstance(denoiser.set_output(transform=library).transform(table), frame_type)
    assert not hasattr(denoiser, "n_features_in_")


def test_frames_keep_their_index(fitted_on_frame):
    fitted, frame = fitted_on_frame
    out = clone(fitted).fit(frame).set_output(transform="pandas").transform(frame)
    assert list(out.index) == list(frame.index)


def test_columns_in_another_order_are_refused(fitted_on_frame):
    fitted, frame = fitted_on_frame
    with pytest.raises(ValueError, match="feature names"):
        fitted.transform(frame[list("fedcba")])


def test_polars_frames_are_tables_too(fitted_on_frame):
    fitted, frame = fitted_on_frame
    out = fitted.set_output(transform="default").transform(pl.from_pandas(frame))
    np.testing.assert_array_equal(out, fitted.transform(frame))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_wanted_everywhere_do_no_harm_to_images(fitted, images, library):
    wanted = fitted.transform(images)
    with sklearn.config_context(transform_output=library):
        np.testing.assert_array_equal(fitted.transform(images), wanted)
        assert [item.shape for item in fitted.transform(list(images))] == [(8, 8)] * 3


def test_only_tables_have_feature_names(fitted_on_frame, images):
    fitted, frame = fitted_on_frame
    fitted = clone(fitted).fit(frame)
    assert fitted.n_features_in_ == 6
    assert list(fitted.get_feature_names_out()) == list("abcdef")
    fitted.fit(images)
    assert fitted.n_channels_in_ == 1
    for name in ("n_features_in_", "feature_names_in_", "get_feature_names_out"):
        assert not hasattr(fitted, name)


def test_a_failed_fit_forgets_nothing(fitted_on_frame):
    fitted, frame = fitted_on_frame
    fitted = clone(fitted).fit(frame)
    with pytest.raises(ValueError, match="NaN"):
        fitted.fit(frame * np.nan)
    assert list(fitted.feature_names_in_) == list("abcdef")
    fitted.transform(frame)
