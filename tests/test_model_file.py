"""Laws of model files: what was written comes back, and nothing else ever does."""

import functools
import json
import os
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.base import BaseEstimator

from skdenoise._model_file import (
    ModelFileError,
    _file,
    decode_estimator,
    encode_estimator,
    read_model_file,
    write_model_file,
)


class Noise(BaseEstimator):
    def __init__(self, kind="gaussian", *, sigma=None):
        self.kind = kind
        self.sigma = sigma


class Denoiser(BaseEstimator):
    def __init__(self, size="small", *, noise=None, sigma=None):
        self.size = size
        self.noise = noise
        self.sigma = sigma


CLASSES = {"Noise": Noise, "Denoiser": Denoiser}
HEADER = {"class": "Denoiser", "params": {"size": "small", "sigma": {"tuple": [0, 50]}}, "n": 1}
TENSORS = {
    "kernel": np.arange(6, dtype=np.float32).reshape(3, 2),
    "bias": np.array([0.5, -0.25]),
    "step": np.array(7, dtype=np.int64),
    "mask": np.array([True, False]),
    "none": np.empty((0, 4), dtype=np.float16),
}
SHAPES = {name: (tensor.shape, tensor.dtype) for name, tensor in TENSORS.items()}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def written(path):
    write_model_file(path, HEADER, TENSORS)
    return path


def read(path, check_header=None):
    """Read a file of which the tensors above are expected."""

    def expected(header):
        if check_header is not None:
            check_header(header)
        return SHAPES

    return read_model_file(path, expected)


def assert_same(tensors, wanted):
    assert set(tensors) == set(wanted)
    for name, tensor in tensors.items():
        assert tensor.dtype == wanted[name].dtype
        np.testing.assert_array_equal(tensor, wanted[name])


def rebuild(path, *, data=None, size=None, **changes):
    """Write the file again with another table, by hand."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    table = json.loads(raw[8 : 8 + length])
    for name, change in changes.items():
        if name == "metadata":
            table["__metadata__"].update(change)
        elif change is None:
            del table[name]
        else:
            table.setdefault(name, {}).update(change)
    encoded = json.dumps(table).encode()
    data = raw[8 + length :] if data is None else data
    path.write_bytes(
        (len(encoded) if size is None else size).to_bytes(8, "little") + encoded + data
    )


# What was written comes back


def test_reading_gives_back_what_was_written(written):
    header, tensors = read(written)
    assert header == HEADER
    assert_same(tensors, TENSORS)


@given(
    tensors=st.dictionaries(
        st.text(max_size=8),
        hnp.arrays(
            st.sampled_from(["f2", "f4", "f8", ">f4", "i8", "u1", "?"]),
            hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
            elements={"allow_nan": False, "allow_infinity": False},
        ),
        max_size=4,
    )
)
def test_tensors_of_any_shape_and_type_come_back(tensors, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model"
    write_model_file(path, HEADER, tensors)
    shapes = {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}
    _, again = read_model_file(path, lambda header: shapes)
    native = {k: v.astype(v.dtype.newbyteorder("=")) for k, v in tensors.items()}
    assert_same(again, native)


def test_tensors_that_are_views_are_written_as_they_look(path):
    tensors = {"view": np.arange(12.0).reshape(3, 4).T[::2]}
    write_model_file(path, HEADER, tensors)
    _, again = read_model_file(path, lambda header: {"view": ((2, 3), float)})
    assert_same(again, tensors)


def test_the_same_model_gives_the_same_bytes(tmp_path):
    write_model_file(tmp_path / "a", HEADER, TENSORS)
    write_model_file(tmp_path / "b", HEADER, dict(reversed(TENSORS.items())))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_file_is_one_that_safetensors_reads(written):
    numpy = pytest.importorskip("safetensors.numpy")
    assert_same(numpy.load_file(written), TENSORS)


def test_arrays_that_were_read_can_be_written_to(written):
    _, tensors = read(written)
    assert all(tensor.flags.writeable for tensor in tensors.values())


# A file appears whole or not at all


def test_writing_replaces_the_old_file(written):
    write_model_file(written, {"class": "Noise", "params": {}}, {})
    header, _ = read_model_file(written, lambda header: {})
    assert header["class"] == "Noise"
    assert os.listdir(written.parent) == [written.name]


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(written, monkeypatch):
    before = written.read_bytes()

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("skdenoise._whole_file.os.fsync", full_disk)
    with pytest.raises(ModelFileError, match="No space left"):
        write_model_file(written, HEADER, {"kernel": np.ones(9)})
    assert written.read_bytes() == before
    assert os.listdir(written.parent) == [written.name]


def test_a_folder_is_not_replaced(tmp_path):
    with pytest.raises(ModelFileError, match="is a folder"):
        write_model_file(tmp_path, HEADER, TENSORS)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ModelFileError, match=r"missing.* does not exist"):
        write_model_file(tmp_path / "missing" / "model", HEADER, TENSORS)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such devices")
def test_a_device_is_not_replaced():
    with pytest.raises(ModelFileError, match="device"):
        write_model_file(os.devnull, HEADER, TENSORS)


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (np.array([1.0, np.nan]), "NaN"),
        (np.array([np.inf], np.float16), "NaN or infinity"),
        (np.array([1j]), "complex128"),
        (np.array([None]), "object"),
    ],
)
def test_tensors_that_no_file_can_hold_are_refused(path, tensor, message):
    with pytest.raises(ModelFileError, match=message):
        write_model_file(path, HEADER, {"kernel": tensor})
    assert not path.exists()


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"class": 3, "params": {}},
        {"class": "Noise", "params": []},
        {"class": "Noise", "params": {"sigma": float("nan")}},
        {"class": "Noise", "params": {"sigma": np.float32(1)}},
        {"class": "Noise", "params": {"sigma": {"odd": 1}}},
        {"class": "Noise", "params": {}, "x": functools.reduce(lambda x, _: [x], range(99), 1)},
        {"class": "Noise", "params": {}, "x": 10**5000},
        {"class": "Noise", "params": {}, "x": "long" * 2**18},
    ],
)
def test_headers_that_could_not_be_read_again_are_not_written(path, header):
    with pytest.raises(ModelFileError):
        write_model_file(path, header, TENSORS)
    assert not path.exists()


# Nothing else is read


def test_an_error_names_the_file(tmp_path):
    with pytest.raises(ModelFileError, match=r"Cannot load .*missing"):
        read(tmp_path / "missing")


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"\0" * 8, b"\xff" * 64, b"GIF89a" * 99])
def test_other_files_are_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(ModelFileError):
        read(path)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ModelFileError):
        read(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_refused_at_once(path):
    os.mkfifo(path)
    with pytest.raises(ModelFileError, match="plain file"):
        read(path)


def test_safetensors_of_others_are_refused(path):
    numpy = pytest.importorskip("safetensors.numpy")
    numpy.save_file(TENSORS, path)
    with pytest.raises(ModelFileError, match="not a model file of skdenoise"):
        read(path)


@pytest.mark.parametrize(
    ("length", "message"), [(2**20 + 1, "begin like"), (2**63, "begin like"), (3, "strict JSON")]
)
def test_the_length_of_the_header_is_checked_first(written, length, message):
    rebuild(written, size=length, data=bytes(2**21))
    with pytest.raises(ModelFileError, match=message):
        read(written)


@pytest.mark.parametrize(
    "text",
    [
        '{"class": "Denoiser", "params": {}, "n": NaN}',
        '{"class": "Denoiser", "params": {}, "n": 1e999}',
        '{"class": "Denoiser", "params": {}, "n": -Infinity}',
        '{"class": "Denoiser", "params": {}, "params": {}}',
        '{"class": "Denoiser", "params": {}, "n": ' + "9" * 5000 + "}",
        '{"class": "Denoiser", "params": {}, "n": ' + "[" * 5000 + "]" * 5000 + "}",
        '{"class": "Denoiser", "params": {}, "n": ' + "[" * 99 + "]" * 99 + "}",
        '{"class": ["Denoiser"], "params": {}}',
        '{"class": "Denoiser", "params": {"size": {"class": "os.system"}}}',
        '{"class": "Denoiser", "params": null}',
        '{"class": "Denoiser"}',
        "[]",
        "é",
        "",
    ],
)
def test_the_caller_sees_only_well_formed_headers(written, text):
    rebuild(written, metadata={"header": text})
    asked = []
    with pytest.raises(ModelFileError):
        read(written, asked.append)
    assert not asked


def test_a_newer_format_asks_for_an_update(written):
    rebuild(written, metadata={"version": "2"})
    with pytest.raises(ModelFileError, match="update skdenoise"):
        read(written)


def test_what_the_caller_raises_is_a_model_file_error(written):
    def unknown(header):
        raise KeyError(header["class"])

    with pytest.raises(ModelFileError, match="Denoiser") as caught:
        read_model_file(written, unknown)
    assert isinstance(caught.value.__cause__, KeyError)


def test_the_size_of_the_expected_tensors_is_capped_before_any_is_made(written, monkeypatch):
    with pytest.raises(ModelFileError, match="bytes of memory"):
        read_model_file(written, lambda header: {"kernel": ((2**40, 2**40), "f8")})
    monkeypatch.setattr(_file, "MAX_TENSOR_BYTES", 10)
    with pytest.raises(ModelFileError, match="at most 10 are allowed"):
        read(written)


@pytest.mark.parametrize(
    "changes",
    [
        {"kernel": None},
        {"extra": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}},
        {"kernel": {"shape": [2, 3]}},
        {"kernel": {"dtype": "I32"}},
        {"kernel": {"dtype": None}},
        {"kernel": {"comment": "hello"}},
        {"kernel": {"data_offsets": [0, 24]}},
        {"kernel": {"data_offsets": [-24, 0]}},
        {"kernel": {"data_offsets": [2**70, 2**70 + 24]}},
        {"kernel": {"data_offsets": "0"}},
        {"kernel": {"shape": [3, "2"]}},
        {"data": b""},
        {"data": bytes(100_000)},
    ],
)
def test_a_table_that_differs_from_the_expected_tensors_is_refused(written, changes):
    rebuild(written, **changes)
    with pytest.raises(ModelFileError):
        read(written)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_numbers_are_refused_whatever_their_checksum(
    written, monkeypatch, number
):
    from skdenoise._model_file import _file

    spoiled = TENSORS | {"bias": np.array([0.5, number])}
    text = json.dumps(HEADER)
    raw = written.read_bytes().replace(TENSORS["bias"].tobytes(), spoiled["bias"].tobytes())
    written.write_bytes(raw)
    rebuild(written, metadata={"sha256": _file._checksum(text, spoiled)})
    with pytest.raises(ModelFileError, match="NaN or infinity"):
        read(written)


def test_changed_weights_and_headers_are_noticed(written):
    raw = written.read_bytes()
    written.write_bytes(raw.replace(TENSORS["bias"].tobytes(), np.array([0.5, 0.25]).tobytes()))
    with pytest.raises(ModelFileError, match="checksum"):
        read(written)
    written.write_bytes(raw.replace(b"[0, 50]", b"[0, 51]"))
    with pytest.raises(ModelFileError, match="checksum"):
        read(written)


def assert_harmless(path, raw, check_header=None):
    """A file that was tampered with is refused, or is read as if it had not been."""
    path.write_bytes(raw)
    try:
        header, tensors = read(path, check_header)
    except ModelFileError:
        return
    assert header == HEADER
    assert_same(tensors, TENSORS)


def test_every_truncation_is_refused(written):
    raw = written.read_bytes()
    for length in range(len(raw)):
        written.write_bytes(raw[:length])
        with pytest.raises(ModelFileError):
            read(written)


def test_thousands_of_mutations_are_refused_or_harmless(written):
    raw = np.frombuffer(written.read_bytes(), np.uint8)
    rng = np.random.default_rng(0)
    for _ in range(3000):
        mutated = raw.copy()
        where = rng.integers(raw.size, size=rng.integers(1, 4))
        mutated[where] = rng.integers(256, size=where.size)
        assert_harmless(written, mutated.tobytes())


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda values: (
        st.lists(values, max_size=3)
        | st.dictionaries(
            st.sampled_from(["tuple", "dict", "class", "params", "dtype", "shape", "data_offsets"]),
            values,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(name=st.sampled_from([*TENSORS, "__metadata__", "extra"]), value=JSON_VALUES)
def test_any_json_in_the_table_is_refused_or_harmless(name, value, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model"
    write_model_file(path, HEADER, TENSORS)
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    table = json.loads(raw[8 : 8 + length]) | {name: value}
    encoded = json.dumps(table).encode()
    assert_harmless(path, len(encoded).to_bytes(8, "little") + encoded + raw[8 + length :])


@given(key=st.sampled_from(["class", "params", "n", "size"]), value=JSON_VALUES)
def test_any_json_in_the_header_is_refused_or_harmless(key, value, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model"
    write_model_file(path, HEADER, TENSORS)
    header = json.loads(json.dumps(HEADER))
    (header["params"] if key == "size" else header)[key] = value
    rebuild(path, metadata={"header": json.dumps(header)})

    assert_harmless(path, path.read_bytes(), lambda header: decode_estimator(header, CLASSES))


# Parameters


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
)
PARAMETERS = st.recursive(
    SCALARS,
    lambda values: (
        st.lists(values, max_size=3)
        | st.lists(values, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=6), values, max_size=3)
    ),
    max_leaves=6,
)


def encoded_and_decoded(value):
    """Return what becomes of a parameter."""
    encoded = json.loads(json.dumps(encode_estimator(Noise(sigma=value), CLASSES), allow_nan=False))
    return decode_estimator(encoded, CLASSES).sigma


@given(value=PARAMETERS)
def test_parameters_come_back_with_their_types(value):
    again = encoded_and_decoded(value)
    assert again == value
    assert repr(again) == repr(value)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float32(0.5), 0.5),
        (np.int16(3), 3),
        (np.bool_(True), True),
        (np.str_("unet"), "unet"),
        ((np.int64(1), [np.float64(2)]), (1, [2.0])),
    ],
)
def test_numpy_scalars_become_pythons(value, plain):
    assert repr(encoded_and_decoded(value)) == repr(plain)


def test_nested_estimators_come_back():
    denoiser = Denoiser(noise=Noise("poisson", sigma=(0.0, 5)), sigma="auto")
    encoded = json.loads(json.dumps(encode_estimator(denoiser, CLASSES)))
    again = decode_estimator(encoded, CLASSES)
    assert type(again) is Denoiser
    assert type(again.noise) is Noise
    assert repr(again.get_params()) == repr(denoiser.get_params() | {"noise": again.noise})


def test_parameters_that_a_file_does_not_name_have_their_defaults():
    again = decode_estimator({"class": "Denoiser", "params": {"size": "nano"}}, CLASSES)
    assert again.get_params() == Denoiser("nano").get_params()


class SubNoise(Noise):
    """A class that no table knows."""


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (print, "the function .*joblib.dump"),
        (lambda n_channels: None, "joblib.load"),
        (object(), "an object of type object.*joblib.dump"),
        (SubNoise(), "SubNoise"),
        (Noise, "joblib"),
        (np.zeros(2), "tolist"),
        (np.random.RandomState(0), "an integer or None"),
        (np.random.default_rng(0), "an integer or None"),
        (float("nan"), "finite"),
        (1j, "complex"),
        (np.complex64(1), "complex"),
        (b"bytes", "bytes"),
        ({1: 2}, "dict"),
        (functools.reduce(lambda x, _: (x,), range(99), 1), "nested too deep"),
    ],
)
def test_a_parameter_that_a_file_cannot_hold_is_named(value, message):
    noise = Noise(sigma=value)
    with pytest.raises(ModelFileError, match=message) as caught:
        encode_estimator(Denoiser(noise=noise), CLASSES)
    assert "noise__sigma" in str(caught.value)


def test_an_estimator_of_another_class_is_not_encoded():
    with pytest.raises(ModelFileError, match="SubNoise"):
        encode_estimator(SubNoise(), CLASSES)


@pytest.mark.parametrize(
    "encoded",
    [
        {"class": "SubNoise", "params": {}},
        {"class": "Noise", "params": {"self": 1}},
        {"class": "Noise", "params": {"unknown": 1}},
        {"class": "Noise", "params": {"sigma": {"class": "Popen", "params": {}}}},
        {"class": "Noise", "params": {"sigma": {"tuple": 1}}},
        {"class": "Noise", "params": {"sigma": {"tuple": [], "dict": {}}}},
        {"class": "Noise", "params": {"sigma": {}}},
        {"class": "Noise", "params": None},
        {"class": None},
        {},
        {"class": "Noise", "params": {"sigma": functools.reduce(lambda x, _: [x], range(99), 1)}},
    ],
)
def test_what_is_not_in_the_table_is_not_built(encoded):
    with pytest.raises(ModelFileError):
        decode_estimator(encoded, CLASSES)
