"""Parameters of estimators as JSON values, and back.

The values come from a file that nobody needs to trust, so an estimator is named, looked up in a
table that the caller fixes, and built by its constructor, which only assigns.
"""

import inspect
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

MAX_DEPTH = 32


class ModelFileError(ValueError):
    """A model file that cannot be read or written, and why.

    Parameters
    ----------
    message : str
        What is wrong, and what to do about it.

    Examples
    --------
    >>> import skdenoise
    >>> try:
    ...     skdenoise.load("missing.safetensors")
    ... except skdenoise.ModelFileError as error:
    ...     print("missing" in str(error))
    True
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)


def encode_estimator(estimator: Any, classes: Mapping[str, Any]) -> dict[str, Any]:
    """Return an estimator's class name and parameters as JSON values.

    Parameters
    ----------
    estimator : object with ``get_params``
        An instance of one of the `classes` itself, not of a subclass. Its parameters are None,
        booleans, integers, finite floats, strings, their NumPy scalars (which become Python's),
        lists, tuples, dicts with strings as keys, and estimators of these classes.
    classes : dict of str to type
        The fixed table: the name of a class -> the class.

    Returns
    -------
    dict
        ``{"class": name, "params": {...}}``. A tuple is ``{"tuple": [...]}``, a dict
        ``{"dict": {...}}``, and an estimator that is a parameter like the whole.

    Raises
    ------
    ModelFileError
        The class is not in the table, or a parameter is a function or another object, or a float
        that is NaN or infinite.
    """
    name = type(estimator).__name__
    if classes.get(name) is not type(estimator):
        raise ModelFileError(
            f"A model file holds estimators of the classes {sorted(classes)}, got an instance of "
            f"{name}. {_PICKLE}"
        )
    params = {
        key: _encode(key, value, classes, 1)
        for key, value in estimator.get_params(deep=False).items()
    }
    return {"class": name, "params": params}


def decode_estimator(encoded: Mapping[str, Any], classes: Mapping[str, Any]) -> Any:
    """Make the unfitted estimator that `encode_estimator` was given.

    Parameters
    ----------
    encoded : dict
        The entries ``"class"`` and ``"params"``, which need not be trusted; the header of a model
        file will do.
    classes : dict of str to type
        The fixed table: the name of a class -> the class.

    Returns
    -------
    object
        An instance of the class. Parameters that are not given have their defaults.

    Raises
    ------
    ModelFileError
        The class is not in the table, or has no parameter of a given name.
    """
    return _decode_estimator(encoded, classes, 1)


_PICKLE = (
    "A model file holds no code. Keep such an estimator with joblib.dump(estimator, path) and read "
    "it with joblib.load(path), which runs whatever the file holds: only files that you trust."
)


def _encode(name: str, value: Any, classes: Mapping[str, Any], depth: int) -> Any:
    """Return one parameter, or a part of it, as JSON values."""
    if depth > MAX_DEPTH // 4:  # a tuple is two levels of JSON
        raise ModelFileError(f"The parameter {name!r} is nested too deep for a model file.")
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        raise ModelFileError(f"The parameter {name!r} must be finite to be saved, got {value}.")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list):
        return [_encode(name, item, classes, depth + 1) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [_encode(name, item, classes, depth + 1) for item in value]}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        entries = {
            key: _encode(f"{name}[{key!r}]", value[key], classes, depth + 1) for key in value
        }
        return {"dict": entries}
    kind = type(value).__name__
    if classes.get(kind) is type(value):
        entries = {
            key: _encode(f"{name}__{key}", item, classes, depth + 1)
            for key, item in value.get_params(deep=False).items()
        }
        return {"class": kind, "params": entries}
    if isinstance(value, np.ndarray):
        hint = "Give it as a list, with tolist(), or set it after loading."
    elif isinstance(value, np.random.RandomState | np.random.Generator):
        hint = "Give an integer or None instead."
    else:
        hint = _PICKLE
    described = f"the function {value!r}" if callable(value) else f"an object of type {kind}"
    raise ModelFileError(
        f"The parameter {name!r} is {described}, a model file holds None, numbers, strings, lists, "
        f"tuples, dicts and estimators of the classes {sorted(classes)}. {hint}"
    )


def _decode(value: Any, classes: Mapping[str, Any], depth: int) -> Any:
    """Make one parameter, or a part of it, of JSON values."""
    if depth > MAX_DEPTH:
        raise ModelFileError(f"its header is nested deeper than {MAX_DEPTH} levels")
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list():
            return [_decode(item, classes, depth + 1) for item in value]
        case {"tuple": list(items), **rest} if not rest:
            return tuple(_decode(item, classes, depth + 1) for item in items)
        case {"dict": dict(entries), **rest} if not rest:
            return {key: _decode(item, classes, depth + 1) for key, item in entries.items()}
        case {"class": str(), "params": dict(), **rest} if not rest:
            return _decode_estimator(value, classes, depth + 1)
    raise ModelFileError("a parameter in its header is a JSON object of unknown form")


def _decode_estimator(encoded: Mapping[str, Any], classes: Mapping[str, Any], depth: int) -> Any:
    """Make an unfitted estimator; the constructors in the table only assign."""
    name, entries = encoded.get("class"), encoded.get("params")
    if not isinstance(name, str) or name not in classes:
        raise ModelFileError(
            f"it holds an estimator of the class {name!r:.80}, known are {sorted(classes)}"
        )
    if not isinstance(entries, Mapping):
        raise ModelFileError(f"it holds no parameters of {name}")
    unknown = sorted(set(entries) - set(inspect.signature(classes[name]).parameters))
    if unknown:
        raise ModelFileError(f"{name} has no parameter {unknown[0]!r:.80}")
    params = {key: _decode(value, classes, depth + 1) for key, value in entries.items()}
    return classes[name](**params)


def check_depth(value: Any, depth: int) -> None:
    """Refuse deep nesting, which would exhaust the stack of whoever walks the header."""
    if depth > MAX_DEPTH:
        raise ModelFileError(f"its header is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            check_depth(item, depth + 1)


def check_value(value: Any) -> None:
    """Check the form of one parameter, see `encode_estimator`."""
    if isinstance(value, list):
        items = value
    elif isinstance(value, dict):
        match value:
            case {"tuple": list(items), **rest} if not rest:
                pass
            case {"dict": dict(entries), **rest} if not rest:
                items = list(entries.values())
            case {"class": str(), "params": dict(entries), **rest} if not rest:
                items = list(entries.values())
            case _:
                raise ModelFileError("a parameter in its header is a JSON object of unknown form")
    else:
        items = []  # null, a boolean, a number or a string: nothing else comes out of JSON
    for item in items:
        check_value(item)
