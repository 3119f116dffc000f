"""What `save` has written is loaded as it was; what was tampered with is not loaded at all."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skdenoise import AutoencoderDenoiser, NoiseInjector, load
from skdenoise._model_file import ModelFileError, read_model_file, write_model_file
from skdenoise.networks import unet


def tiny(**parameters):
    return AutoencoderDenoiser(**{"size": "nano", "epochs": 1, "random_state": 0, **parameters})


@pytest.fixture(scope="module")
def X():
    return np.random.default_rng(0).random((3, 16, 16)).astype(np.float32)


@pytest.fixture(scope="module")
def fitted(X):
    return tiny(noise=NoiseInjector("poisson", peak=20), sigma=(0.1, 0.2, 0.3)).fit(X)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "denoiser.safetensors"


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"architecture": "autoencoder", "patch_size": 8, "learning_rate": 0.01},
        {"noise": NoiseInjector(["gaussian", ("poisson", {"peak": 9})]), "strength": 0.5},
        {"noise": NoiseInjector(), "sigma": [0.1, 0.2, 0.3], "image_shape": (16, 16)},
    ],
    ids=str,
)
def test_loaded_is_as_saved(X, path, parameters):
    denoiser = tiny(**parameters).fit(X)
    denoiser.save(path)
    loaded = load(path)
    np.testing.assert_array_equal(loaded.transform(X), denoiser.transform(X))
    assert repr(loaded) == repr(denoiser)
    for name in ("learning_", "n_channels_in_", "data_range_"):
        assert getattr(loaded, name) == getattr(denoiser, name)
    assert not hasattr(loaded, "n_features_in_")


def test_a_loaded_denoiser_is_one_like_any_other(X, path, fitted):
    fitted.save(str(path))
    loaded = load(str(path))
    again = pickle.loads(pickle.dumps(loaded))
    np.testing.assert_array_equal(again.transform(X), fitted.transform(X))
    assert np.isfinite(loaded.score(X))
    loaded.save(path)  # over the file that it came from
    np.testing.assert_array_equal(load(path).transform(X), fitted.transform(X))
    loaded.partial_fit(X)
    assert len(loaded.history_["loss"]) == 1
    assert clone(loaded).fit(X).transform(X).shape == X.shape


def test_columns_of_a_table_are_kept(path):
    frame = pd.DataFrame(np.random.default_rng(0).random((4, 6)), columns=list("abcdef"))
    denoiser = tiny(image_shape=(2, 3)).fit(frame)
    denoiser.save(path)
    loaded = load(path)
    assert loaded.n_features_in_ == 6
    assert list(loaded.get_feature_names_out()) == list("abcdef")
    np.testing.assert_array_equal(loaded.transform(frame), denoiser.transform(frame))
    with pytest.raises(ValueError, match="feature names"):
        loaded.transform(frame[list("fedcba")])


def test_the_file_is_weights_and_little_else(path, fitted):
    fitted.save(path)
    with safe_open(path, "np") as file:
        assert sorted(file.keys()) == sorted(fitted.weights_)
    size = sum(array.nbytes for array in fitted.weights_.values())
    assert size < path.stat().st_size < size + 20_000


def test_what_is_not_fitted_is_not_saved(path):
    with pytest.raises(NotFittedError):
        tiny().save(path)
    assert not path.exists()


@pytest.mark.parametrize(
    "parameters",
    [
        {"architecture": lambda n_channels: unet(n_channels, size="nano")},
        {"loss": lambda clean, denoised: (clean - denoised) ** 2},
        {"callbacks": [print]},
        {"noise": NoiseInjector(lambda image, rng: image)},
        {"random_state": np.random.default_rng(0)},
        {"sigma": np.ones((16, 16))},
    ],
    ids=["architecture", "loss", "callbacks", "noise", "random_state", "sigma"],
)
def test_functions_generators_and_arrays_are_refused_and_named(path, fitted, parameters):
    changed = copy.copy(fitted).set_params(**parameters)
    with pytest.raises(ModelFileError, match=next(iter(parameters))):
        changed.save(path)
    assert not path.exists()


def test_what_could_not_be_loaded_is_not_saved(path, fitted):
    with pytest.raises(ValueError, match=r"n_augment.*Got 3"):
        copy.copy(fitted).set_params(n_augment=3).save(path)
    assert not path.exists()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelFileError, match=r"nowhere\.safetensors"):
        load(tmp_path / "nowhere.safetensors")


# Files that were tampered with: each is well-formed, and its checksum is right.


def tampered(path, fitted, change):
    """Write what `change` makes of the header and the tensors."""
    fitted.save(path)
    shapes = {name: (array.shape, array.dtype) for name, array in fitted.weights_.items()}
    header, tensors = read_model_file(path, lambda header: shapes)
    change(header, tensors)
    write_model_file(path, header, tensors)
    return path


def test_an_unchanged_header_loads(path, fitted, X):
    loaded = load(tampered(path, fitted, lambda header, tensors: None))
    np.testing.assert_array_equal(loaded.transform(X), fitted.transform(X))


@pytest.mark.parametrize(
    "changes",
    [
        {"class": "NoiseInjector"},
        {"class": "os.system"},
        {"params": {"architecture": "os.system"}},
        {"params": {"size": "huge"}},
        {"params": {"size": "base"}},
        {"params": {"architecture": "autoencoder"}},
        {"params": {"architecture": "ridnet"}},
        {"params": {"backdoor": 1}},
        {"params": {"epochs": -1}},
        {"params": {"learning_rate": "fast"}},
        {"params": {"noise": "gaussian"}},
        {"fitted": None},
        {"fitted": {"n_channels_in_": 1}},
        {"fitted": {"n_channels_in_": 0}},
        {"fitted": {"n_channels_in_": 3}},
        {"fitted": {"n_channels_in_": True}},
        {"fitted": {"n_channels_in_": 10**12}},
        {"fitted": {"n_channels_in_": "1"}},
        {"fitted": {"n_features_in_": -5}},
        {"fitted": {"feature_names_in_": [1, 2]}},
        {"fitted": {"feature_names_in_": "abc"}},
        {"fitted": {"learning_": "by heart"}},
        {"fitted": {"learning_": ["supervised"]}},
        {"fitted": {"learning_": {"a": 1}}},
        {"fitted": {"data_range_": 0}},
        {"fitted": {"data_range_": "1"}},
        {"fitted": {"_sklearn_output_config": 1}},
    ],
    ids=str,
)
def test_a_tampered_header_is_refused(path, fitted, changes):
    def change(header, tensors):
        for name, value in changes.items():
            if name == "fitted" and value == {"n_channels_in_": 1}:
                header["fitted"] = value  # nothing else
            elif isinstance(value, dict):
                header[name].update(value)
            else:
                header[name] = value

    with pytest.raises(ModelFileError):
        load(tampered(path, fitted, change))


def rename(header, tensors):
    tensors["999.kernel"] = tensors.pop("000.kernel")


def reshape(header, tensors):
    tensors["000.kernel"] = tensors["000.kernel"].swapaxes(0, 2)


def add(header, tensors):
    tensors["more"] = np.zeros(3, np.float32)


def drop(header, tensors):
    tensors.popitem()


def widen(header, tensors):
    tensors["000.kernel"] = tensors["000.kernel"].astype(np.float64)


def spoil(header, tensors):
    tensors["000.kernel"] = np.full_like(tensors["000.kernel"], np.nan)


@pytest.mark.parametrize("change", [rename, reshape, add, drop, widen, spoil])
def test_weights_that_do_not_belong_are_refused(path, fitted, change):
    with pytest.raises(ModelFileError):
        load(tampered(path, fitted, change))


@pytest.mark.parametrize("position", [0.01, 0.3, 0.9])
def test_a_changed_or_cut_file_is_refused(path, fitted, position):
    fitted.save(path)
    raw = bytearray(path.read_bytes())
    place = int(position * len(raw))
    path.write_bytes(raw[:place])
    with pytest.raises(ModelFileError):
        load(path)
    raw[place] ^= 1
    path.write_bytes(raw)
    with pytest.raises(ModelFileError):
        load(path)
