"""The laws of tests/contracts.py hold for every estimator; and how clean images are matched."""

import numpy as np
import pytest
from contracts import LAWS
from sklearn.base import clone

from skdenoise import AutoencoderDenoiser, NoiseInjector, ZeroDCEEnhancer
from skdenoise._base import ImageTransformer

ESTIMATORS = [
    AutoencoderDenoiser(size="nano", epochs=1, random_state=0),
    AutoencoderDenoiser("autoencoder", epochs=1, random_state=0),
    AutoencoderDenoiser(size="nano", epochs=1, noise=NoiseInjector(), random_state=0),
    ZeroDCEEnhancer(epochs=1, random_state=0),
    ZeroDCEEnhancer("dce++", epochs=1, exposure=0.6, keep_hue=True, random_state=0),
    NoiseInjector(random_state=0),
    NoiseInjector("salt_and_pepper", when="fit", random_state=0),
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__.removeprefix("test_"))
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_the_law(estimator, law):
    law(clone(estimator))


class Recorder(ImageTransformer):
    """Remembers what the hooks were given, and returns the images."""

    def __init__(self, image_shape=None):
        self.image_shape = image_shape

    def _fit_images(self, images, target):
        self.images_, self.target_ = images, target

    def _transform_images(self, images):
        return iter(images)


CLEAN = np.zeros((2, 4, 5))


@pytest.mark.parametrize("y", [CLEAN, list(CLEAN), CLEAN[..., None], CLEAN.tolist()])
def test_clean_images_may_come_in_another_container(y):
    assert Recorder().fit(CLEAN + 1, y).target_.shapes == [(4, 5, 1)] * 2


@pytest.mark.parametrize(
    "y",
    [None, [0, 1], np.zeros(2), np.zeros((2, 1)), ["a", "b"], np.eye(2), [[0, 1], [1, 0]]],
)
def test_labels_are_no_clean_images(y):
    assert Recorder().fit(CLEAN, y).target_ is None


@pytest.mark.parametrize("y", [np.zeros((2, 20)), np.zeros((2, 20)).tolist()])
@pytest.mark.parametrize("X", [CLEAN, list(CLEAN)])
def test_flattened_clean_images_are_not_taken_for_labels(X, y):
    with pytest.raises(ValueError, match=r"y of shape \(2, 20\) looks like flattened .*y\.reshape"):
        Recorder().fit(X, y)


def test_an_injector_needs_no_clean_images():
    X = np.zeros((2, 4, 5), np.uint8)
    for y in (np.zeros((2, 9, 9)), np.eye(2), ["a", "b"]):
        assert NoiseInjector(random_state=0).fit(X, y).fit_transform(X, y).shape == X.shape


def test_a_column_is_clean_images_where_images_are_pixels():
    assert Recorder().fit(np.zeros((2, 1)), np.ones((2, 1))).target_ is not None


def test_clean_rows_have_the_shape_of_the_noisy_ones():
    recorder = Recorder(image_shape=(4, 5)).fit(np.ones((2, 20)), np.zeros((2, 20)))
    assert recorder.target_.shapes == recorder.images_.shapes == [(4, 5, 1)] * 2


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros((3, 4, 5)), "inconsistent numbers of samples"),
        (np.zeros(3), "inconsistent numbers of samples"),
        (np.zeros((2, 4, 6)), r"Image 0 of y has shape \(4, 6, 1\), but image 0 of X"),
        ([CLEAN[0], CLEAN[1, :3]], r"Image 1 of y has shape \(3, 5, 1\)"),
        (np.zeros((2, 4, 5, 3)), r"Image 0 of y has shape \(4, 5, 3\)"),
        (CLEAN.astype(np.uint8), "Image 0 is float64 in X but uint8 in y"),
        (CLEAN * np.nan, "Image 0 of y contains NaN"),
    ],
)
def test_clean_images_that_do_not_match_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        Recorder().fit(CLEAN, y)
