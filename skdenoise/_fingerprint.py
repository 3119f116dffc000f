"""A short text that differs where estimators, or what they were given, differ."""

import functools
import hashlib
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

WITHOUT_EFFECT = frozenset(
    {
        "verbose",
        "callbacks",
        "history_",
        "_optimizer_state",
        "_learned_with",
        "_began_trained",
        # Measured, for int8 when it is asked for; the arithmetic follows from the weights.
        "_precision_loss",
    }
)
"""What an estimator has that does not change what it does to images."""
PLAIN = bool, int, float, complex, str, bytes, list, tuple
"""Types of values that say by themselves what a function reads."""


def fingerprint(*things: Any) -> str:
    """Return a hash of parameters, weights and other plain things.

    Parameters
    ----------
    *things : object
        Numbers, texts, arrays, estimators, functions, generators of random numbers, and containers
        of these. Functions are told apart by their names, what they do, what they enclose, and
        the functions and plain values of their module that they name; generators by their state.

    Returns
    -------
    str
        The same in every process.

    Examples
    --------
    >>> from skdenoise._fingerprint import fingerprint
    >>> fingerprint({"a": 1, "b": [2.0]}) == fingerprint({"b": [2.0], "a": 1})
    True
    """
    digest = hashlib.sha256()
    for thing in things:
        _feed(digest, thing)
    return digest.hexdigest()


def _feed(digest: Any, thing: Any, around: tuple[Any, ...] = ()) -> None:
    """Add a thing and its parts, but for those that it is itself a part of."""
    digest.update(f"({type(thing).__name__}".encode())
    if isinstance(thing, np.ndarray) and not thing.dtype.hasobject:
        digest.update(f"{thing.dtype.str}{thing.shape}".encode())
        digest.update(np.ascontiguousarray(thing))
    elif isinstance(thing, bytes):
        digest.update(thing)
    elif not any(thing is outer for outer in around):
        parts = _parts(thing)
        if parts is None:
            digest.update(repr(thing).encode())
        for part in parts or ():
            _feed(digest, part, (*around, thing))
    digest.update(b")")


def _parts(thing: Any) -> Iterable[Any] | None:
    """Return what makes a thing what it is; None where its text says it."""
    if isinstance(thing, np.ndarray):
        return [thing.tolist()]  # of objects, whose bytes are addresses
    if isinstance(thing, dict):
        return [part for key in sorted(thing, key=str) for part in (key, thing[key])]
    if isinstance(thing, (list, tuple)):
        return thing
    if isinstance(thing, (set, frozenset)):
        return sorted(thing, key=repr)
    if isinstance(thing, np.random.Generator):
        return [thing.bit_generator.state]
    if isinstance(thing, np.random.RandomState):
        return [thing.get_state(legacy=False)]
    if isinstance(thing, BaseEstimator):
        return [{name: own for name, own in vars(thing).items() if name not in WITHOUT_EFFECT}]
    if is_dataclass(thing) and not isinstance(thing, type):
        return [getattr(thing, field.name) for field in fields(thing)]
    if isinstance(thing, functools.partial):
        return [thing.func, thing.args, thing.keywords]
    if isinstance(thing, MethodType):
        return [thing.__self__, thing.__func__]
    if isinstance(thing, CodeType):
        return [thing.co_code, thing.co_names, thing.co_consts]
    if isinstance(thing, FunctionType):
        cells = thing.__closure__ or ()
        enclosed = [cell.cell_contents for cell in cells if cell != CellType()]
        defaults = thing.__defaults__, thing.__kwdefaults__
        return [_name(thing), thing.__code__, *defaults, enclosed, _named_by(thing)]
    if callable(thing) and hasattr(thing, "__qualname__"):
        return [_name(thing)]
    if repr(thing) == object.__repr__(thing):  # an address
        return [_name(type(thing)), object.__getstate__(thing)]  # of slots, too
    return None


def _named_by(function: FunctionType) -> dict[str, Any]:
    """Return what it reads of its module, such as the cells of a notebook define anew."""
    around = {name: function.__globals__.get(name) for name in _names(function.__code__)}
    return {
        name: value
        for name, value in around.items()
        if isinstance(value, PLAIN)
        or (isinstance(value, FunctionType) and value.__module__ == function.__module__)
    }


def _names(code: CodeType) -> set[str]:
    inner = (_names(part) for part in code.co_consts if isinstance(part, CodeType))
    return {*code.co_names}.union(*inner)


def _name(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"
