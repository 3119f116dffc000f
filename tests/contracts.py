"""Laws that every estimator obeys, each a function of an estimator that is not fitted yet."""

import random
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from strategies import assert_same_container, copied, objects


def gray(dtype="float32", shape=(3, 12, 10)):
    """Return images with smooth content, in the upper half of the range of `dtype`."""
    pixels = 0.5 + 0.4 * np.sin(np.arange(np.prod(shape)) / 7).reshape(shape)
    largest = np.iinfo(dtype).max if np.dtype(dtype).kind in "iu" else 1
    return (pixels * largest).astype(dtype)


def read_only(X):
    """Return a copy to which nobody can write."""
    X = X.copy()
    X.flags.writeable = False
    return X


def test_containers_come_back_as_they_came(estimator):
    images = gray()
    containers = [
        images,
        images[..., None],
        list(images),
        tuple(images),
        objects([images[0], images[1, :5], images[2, :1, :1]]),
    ]
    estimator.fit(images)
    for X in containers:
        before = copied(X)
        out = estimator.transform(X)
        assert type(out) is type(X)
        assert [(item.shape, item.dtype) for item in out] == [(x.shape, x.dtype) for x in X]
        assert_same_container(X, before)


def test_dtypes_are_kept_whatever_was_seen_in_fit(estimator):
    estimator.fit(gray())
    for dtype in ("uint8", "int16", "uint16", "uint32", "float16", "float32", "float64"):
        out = estimator.transform(gray(dtype))
        assert out.dtype == dtype
        assert np.isfinite(out.astype(float)).all()


def test_an_array_is_the_list_of_its_images(estimator):
    X = gray()
    estimator.fit(X)
    np.testing.assert_array_equal(estimator.transform(X), estimator.transform(list(X)))
    np.testing.assert_array_equal(estimator.transform(X), estimator.transform(X[..., None])[..., 0])


def test_images_do_not_know_their_companions(estimator):
    X = gray(shape=(5, 9, 9))
    together = estimator.fit(X).transform(X)
    alone = np.concatenate([estimator.transform(X[index : index + 1]) for index in range(len(X))])
    np.testing.assert_array_equal(alone, together)
    np.testing.assert_array_equal(estimator.transform(X[::-1]), together[::-1])
    mixed = estimator.transform([X[0], X[1, :4], X[2]])
    np.testing.assert_array_equal(mixed[0], together[0])
    np.testing.assert_array_equal(mixed[2], together[2])


def test_tables_are_images_in_rows(estimator):
    X = gray()
    wanted = estimator.fit(X).transform(X)
    table = X.reshape(len(X), -1)
    flat = clone(estimator).set_params(image_shape=X.shape[1:]).fit(table)
    assert flat.n_features_in_ == table.shape[1]
    np.testing.assert_array_equal(flat.transform(table).reshape(X.shape), wanted)


def test_colors_and_alpha(estimator):
    rgb = np.stack([gray("uint8")] * 3, axis=-1)
    opacity = gray("uint8")[::-1, ..., None]
    estimator.fit(rgb)
    assert estimator.n_channels_in_ == 3
    out = estimator.transform(np.concatenate([rgb, opacity], axis=-1))
    np.testing.assert_array_equal(out[..., 3:], opacity)
    np.testing.assert_array_equal(out[..., :3], estimator.transform(rgb))


def test_other_channels_than_in_fit_are_refused(estimator):
    estimator.fit(gray())
    with pytest.raises(ValueError, match=r"X has 3 channels, but .* images with 1 channels"):
        estimator.transform(np.ones((2, 8, 8, 3)))


def test_any_image_is_taken(estimator):
    X = [
        np.zeros((8, 8)),
        np.ones((7, 5)),
        np.full((1, 1), 0.3),
        gray("float64")[0],
        np.ones((1, 9)),
        np.full((13, 25), 0.2),
    ]
    for image, out in zip(X, estimator.fit(X).transform(X), strict=True):
        assert out.shape == image.shape
        assert np.isfinite(out).all()


def test_read_only_images_are_taken(estimator):
    X = read_only(gray())
    out = estimator.fit(X).transform(X)
    assert not np.shares_memory(out, X)


def test_labels_are_ignored(estimator):
    X = gray()
    wanted = clone(estimator).fit(X).transform(X)
    for labels in (np.arange(3), ["a", "b", "c"], np.arange(3)[:, None]):
        np.testing.assert_array_equal(clone(estimator).fit(X, labels).transform(X), wanted)


def test_fitting_twice_is_fitting_once(estimator):
    X = gray()
    first = estimator.fit(X).transform(X)
    np.testing.assert_array_equal(estimator.fit(X).transform(X), first)
    np.testing.assert_array_equal(clone(estimator).fit(X).transform(X), first)


def test_fit_leaves_the_parameters_alone(estimator):
    before = estimator.get_params()
    estimator.fit(gray())
    assert all(estimator.get_params()[name] is value for name, value in before.items())


def test_global_state_is_left_alone(estimator):
    def state():
        kind, words, *rest = np.random.get_state()  # noqa: NPY002
        return (
            random.getstate(),
            (kind, words.tolist(), *rest),
            list(warnings.filters),
            np.geterr(),
            keras.config.floatx(),
            keras.config.dtype_policy().name,
            tf.config.threading.get_intra_op_parallelism_threads(),
        )

    before = state()
    X = gray(shape=(3, 11, 13))
    estimator.fit(X).transform(X)
    assert state() == before


def test_an_estimator_must_be_fitted_first(estimator):
    with pytest.raises(NotFittedError):
        estimator.transform(gray())


def test_what_is_no_image_is_refused(estimator):
    for X in (np.full((2, 4, 4), np.nan), np.ones((20, 20, 3)), np.ones((2, 4, 4), complex), []):
        with pytest.raises(ValueError, match=r"NaN|X\[None\]|Complex|1D array|holds no image"):
            estimator.fit(X)
    assert not [name for name in vars(estimator) if name.endswith("_")]
    with pytest.raises(ValueError, match="NaN"):
        estimator.fit(gray()).transform(np.full((2, 4, 4), np.nan))


LAWS = [value for name, value in dict(globals()).items() if name.startswith("test_")]
