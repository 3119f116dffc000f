"""Reading and writing a model file: a table of tensors in JSON, and their bytes.

A file is checked from the outside in, each step before the next one costs anything: the size of
its header, the JSON, the class and its parameters, the tensors that these parameters call for, the
tensors that the file lists, their numbers, their checksum. Whatever is wrong is a `ModelFileError`.
"""

import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping
from io import BufferedReader
from typing import Any, NoReturn

import numpy as np

from skdenoise._model_file._parameters import ModelFileError, check_depth, check_value
from skdenoise._whole_file import plain_file, whole_file

FORMAT = "skdenoise model"
VERSION = "1"
MAX_HEADER_BYTES = 2**20
MAX_TENSOR_BYTES = 2**30
"""All tensors of a file together take at most so much memory."""

DTYPES = {
    name: np.dtype(code)
    for name, code in [
        ("F64", "<f8"),
        ("F32", "<f4"),
        ("F16", "<f2"),
        ("I64", "<i8"),
        ("U64", "<u8"),
        ("I32", "<i4"),
        ("U32", "<u4"),
        ("I16", "<i2"),
        ("U16", "<u2"),
        ("I8", "i1"),
        ("U8", "u1"),
        ("BOOL", "?"),
    ]
}
"""The name of a data type in a safetensors file -> the data type, as its bytes lie in the file."""

ExpectedTensors = Mapping[str, tuple[tuple[int, ...], Any]]


def write_model_file(
    path: str | os.PathLike[str], header: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
) -> None:
    """Write a model file, whole or not at all.

    Parameters
    ----------
    path : str or path-like
        The file to write; an existing file is replaced when the new one is complete.
    header : dict
        JSON values. ``header["class"]`` is the name of the estimator's class and
        ``header["params"]`` those that `encode_estimator` returned; other entries are the caller's.
    tensors : dict of str to ndarray
        Finite floats, integers or booleans.

    Raises
    ------
    ModelFileError
        The header is not strict JSON or is too long, a tensor holds NaN or infinity or has a data
        type that the format lacks, `path` is a folder, or the system refuses to write there.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from skdenoise._model_file import read_model_file, write_model_file
    >>> path = Path(tempfile.mkdtemp()) / "model.safetensors"
    >>> header = {"class": "Mean", "params": {"window": 3}}
    >>> write_model_file(path, header, {"weights": np.ones(3)})
    >>> header, tensors = read_model_file(
    ...     path, lambda header: {"weights": ((header["params"]["window"],), "float64")}
    ... )
    >>> header["class"], tensors["weights"]
    ('Mean', array([1., 1., 1.]))
    """
    try:
        text = json.dumps(dict(header), allow_nan=False, ensure_ascii=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"The header of a model file must be strict JSON: {error}.") from error
    try:
        _check_header(_strict_json(text))
    except ModelFileError as error:
        raise ModelFileError(f"Cannot write {os.fspath(path)!r}: {error}.") from None
    arrays = {name: _storable(name, tensor) for name, tensor in tensors.items()}
    # The widest types first, by name, so that every tensor lies aligned and files are reproducible.
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "sha256": _checksum(text, arrays),
        "header": text,
    }
    table: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name in order:
        begin, end = end, end + arrays[name].nbytes
        table[name] = {
            "dtype": _dtype_name(arrays[name].dtype),
            "shape": list(arrays[name].shape),
            "data_offsets": [begin, end],
        }
    encoded = json.dumps(table, ensure_ascii=True).encode("ascii")
    encoded += b" " * (-len(encoded) % 8)
    if len(encoded) > MAX_HEADER_BYTES:
        raise ModelFileError(
            f"The header of a model file holds at most {MAX_HEADER_BYTES} bytes, got "
            f"{len(encoded)}. Shorten the parameters or the fitted values that it holds."
        )
    try:
        with whole_file(path) as file:
            file.write(len(encoded).to_bytes(8, "little"))
            file.write(encoded)
            for name in order:
                file.write(_raw(arrays[name]))
    except OSError as error:
        reason = str(error).rstrip(".")
        raise ModelFileError(f"Cannot write {os.fspath(path)!r}: {reason}.") from error


def _storable(name: str, tensor: Any) -> np.ndarray:
    """Return the tensor as the contiguous little-endian array that lies in the file."""
    array = np.asarray(tensor)
    if name == "__metadata__":
        raise ModelFileError("A tensor cannot be called '__metadata__', the format uses this name.")
    if _dtype_name(array.dtype) is None:
        raise ModelFileError(
            f"The tensor {name!r} has the data type {array.dtype}, a model file holds "
            f"{', '.join(str(dtype) for dtype in DTYPES.values())}. Convert it with astype."
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ModelFileError(
            f"The tensor {name!r} holds NaN or infinity. A model with such weights is useless; "
            f"fit it again, for example with a smaller learning_rate."
        )
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def _raw(array: np.ndarray) -> memoryview:
    """Return a view of the bytes of a contiguous array, also of an empty one."""
    return array.reshape(-1).view(np.uint8).data


def _dtype_name(dtype: np.dtype) -> str | None:
    """Return the name of a data type in the file, None where the format has none."""
    little = np.dtype(dtype).newbyteorder("<")
    return next((name for name, known in DTYPES.items() if known == little), None)


def _checksum(text: str, tensors: Mapping[str, np.ndarray]) -> str:
    """Return the SHA-256 of a header's text and of each tensor's name, type, shape and bytes."""
    digest = hashlib.sha256(text.encode("ascii"))
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(repr((name, _dtype_name(array.dtype), array.shape)).encode())
        digest.update(_raw(array))
    return digest.hexdigest()


# Reading


def read_model_file(
    path: str | os.PathLike[str],
    expected_tensors: Callable[[dict[str, Any]], ExpectedTensors],
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read a model file that nobody needs to trust.

    Parameters
    ----------
    path : str or path-like
        The file to read.
    expected_tensors : callable
        Takes the header, of which only the form has been checked, and returns a dict: the name of
        each tensor that such a model has -> (shape, data type). It is called before any tensor is
        read. What it raises becomes a `ModelFileError`.

    Returns
    -------
    header : dict
        As it was given to `write_model_file`.
    tensors : dict of str to ndarray
        In the order of `expected_tensors`.

    Raises
    ------
    ModelFileError
        The file is missing, is no model file, was cut or changed, calls for other tensors than it
        holds or for more than `MAX_TENSOR_BYTES`, or holds NaN or infinity.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skdenoise._model_file import ModelFileError, read_model_file
    >>> path = Path(tempfile.mkdtemp()) / "model.safetensors"
    >>> path.write_bytes(b"GIF89a; not a model")
    19
    >>> try:
    ...     read_model_file(path, lambda header: {})
    ... except ModelFileError:
    ...     print("refused")
    refused
    """
    try:
        with plain_file(path) as file:
            return _read(file, os.fstat(file.fileno()).st_size, expected_tensors)
    except ModelFileError as error:
        raise ModelFileError(
            f"Cannot load {os.fspath(path)!r}: {error}. A file that save() of a fitted estimator "
            f"wrote is wanted; if this is one, it was damaged: copy or save it again."
        ) from error.__cause__
    except OSError as error:
        reason = error.strerror or error
        raise ModelFileError(f"Cannot load {os.fspath(path)!r}: {reason}.") from error


def _read(
    file: BufferedReader,
    size: int,
    expected_tensors: Callable[[dict[str, Any]], ExpectedTensors],
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Do the work of `read_model_file` on an open file; errors name no path."""
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(MAX_HEADER_BYTES, size - 8):
        raise ModelFileError("it does not begin like a model file")
    table = _strict_json(_text(file.read(length)))
    if not isinstance(table, dict):
        raise ModelFileError("its table of tensors is not a JSON object")
    text, checksum = _metadata(table.pop("__metadata__", None))
    header = _strict_json(text)
    _check_header(header)
    expected = _check_expected(header, expected_tensors)
    offsets = _check_table(table, expected, size - 8 - length)
    tensors = {name: _read_tensor(file, 8 + length, name, *offsets[name]) for name in expected}
    for name, tensor in tensors.items():
        if tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
            raise ModelFileError(f"its tensor {name!r} holds NaN or infinity")
        if tensor.dtype.kind == "b" and (tensor.view(np.uint8) > 1).any():
            raise ModelFileError(f"its tensor {name!r} holds booleans that are neither 0 nor 1")
    if _checksum(text, tensors) != checksum:
        raise ModelFileError("its checksum does not match its contents")
    return header, tensors


def _text(data: bytes) -> str:
    """Decode a header."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelFileError("its header is not text") from error


def _strict_json(text: str) -> Any:
    """Parse JSON without NaN, infinities, and names that come twice."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Make a dict of an object's entries."""
        values = dict(pairs)
        if len(values) < len(pairs):
            raise ModelFileError("a name comes twice in its header")
        return values

    def finite(digits: str) -> float:
        """Read a number with a fraction or an exponent."""
        value = float(digits)
        if not math.isfinite(value):
            _refuse_constant(digits)
        return value

    try:
        return json.loads(
            text, object_pairs_hook=unique, parse_float=finite, parse_constant=_refuse_constant
        )
    except ModelFileError:
        raise
    except (ValueError, RecursionError) as error:
        raise ModelFileError("its header is not strict JSON") from error


def _refuse_constant(digits: str) -> NoReturn:
    raise ModelFileError(f"its header holds the number {digits[:40]}")


def _metadata(metadata: Any) -> tuple[str, str]:
    """Check the entry that says what kind of file this is; return the header's text and sum."""
    wanted = {"format", "version", "sha256", "header"}
    if (
        not isinstance(metadata, dict)
        or metadata.get("format") != FORMAT
        or not all(isinstance(value, str) for value in metadata.values())
    ):
        raise ModelFileError("it is not a model file of skdenoise")
    if metadata.get("version") != VERSION:
        raise ModelFileError(
            f"it is of format version {metadata.get('version')!r:.40}, this release of skdenoise "
            f"reads version {VERSION!r}; update skdenoise"
        )
    if set(metadata) != wanted:
        raise ModelFileError(f"its metadata must hold {sorted(wanted)}")
    if not metadata["header"].isascii():
        raise ModelFileError("its header is not written in ASCII")
    return metadata["header"], metadata["sha256"]


def _check_header(header: Any) -> None:
    """Check the form of a header: a class name and parameters that `decode_estimator` knows."""
    if not isinstance(header, dict):
        raise ModelFileError("its header is not a JSON object")
    if not isinstance(header.get("class"), str):
        raise ModelFileError("its header names no class")
    if not isinstance(header.get("params"), dict):
        raise ModelFileError("its header holds no parameters")
    check_depth(header, 1)
    for value in header["params"].values():
        check_value(value)


def _check_expected(
    header: dict[str, Any],
    expected_tensors: Callable[[dict[str, Any]], ExpectedTensors],
) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Ask the caller for the tensors of such a model and check their total size."""
    try:
        expected = {
            name: (tuple(int(length) for length in shape), np.dtype(dtype).newbyteorder("<"))
            for name, (shape, dtype) in expected_tensors(header).items()
        }
        unknown = [str(dtype) for _, dtype in expected.values() if _dtype_name(dtype) is None]
    except Exception as error:  # the header may hold anything, so the caller may stumble anyhow
        raise ModelFileError(f"its header describes no model of skdenoise: {error}") from error
    if unknown:
        raise ModelFileError(f"no model file holds tensors of the data type {unknown[0]}")
    total = sum(math.prod(shape) * dtype.itemsize for shape, dtype in expected.values())
    if total > MAX_TENSOR_BYTES:
        raise ModelFileError(
            f"its weights would take {total} bytes of memory, at most {MAX_TENSOR_BYTES} are "
            f"allowed"
        )
    return expected


def _check_table(
    table: dict[str, Any], expected: dict[str, tuple[tuple[int, ...], np.dtype]], data_size: int
) -> dict[str, tuple[int, tuple[int, ...], np.dtype]]:
    """Compare the tensors that the file lists with the expected ones; return where each begins."""
    if set(table) != set(expected):
        odd = min(set(table) ^ set(expected))
        raise ModelFileError(
            f"its tensors are not those of such a model: {odd!r:.80} "
            f"{'is missing' if odd in expected else 'is unknown'}"
        )
    places = []
    for name, (shape, dtype) in expected.items():
        wanted = {"dtype": _dtype_name(dtype), "shape": list(shape)}
        match table[name]:
            case {"data_offsets": [int(begin), int(end)], **described} if described == wanted:
                places.append((begin, end, name))
            case _:
                raise ModelFileError(
                    f"its tensor {name!r:.80} must be of shape {shape} and type {dtype}, "
                    f"but is listed as {json.dumps(table[name])[:200]}"
                )
        if end - begin != math.prod(shape) * dtype.itemsize:
            raise ModelFileError(f"its tensor {name!r:.80} has the wrong number of bytes")
    places.sort()
    begins = [begin for begin, _, _ in places]
    ends = [end for _, end, _ in places]
    if [*begins, data_size] != [0, *ends]:
        raise ModelFileError("its tensors do not fill the file exactly: it was cut or is damaged")
    return {name: (begin, *expected[name]) for begin, _, name in places}


def _read_tensor(
    file: BufferedReader, start: int, name: str, begin: int, shape: tuple[int, ...], dtype: np.dtype
) -> np.ndarray:
    """Read one tensor whose place in the file has been checked."""
    tensor = np.empty(shape, dtype)
    file.seek(start + begin)
    if file.readinto(_raw(tensor)) != tensor.nbytes:
        raise ModelFileError(f"it ends within its tensor {name!r:.80}")
    return tensor.astype(dtype.newbyteorder("="), copy=False)
