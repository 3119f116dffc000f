"""A short text that differs where estimators, or what they were given, differ."""

import hashlib
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

WITHOUT_EFFECT = frozenset(
    {"verbose", "callbacks", "history_", "_optimizer_state", "_learned_with"}
)
"""What an estimator has that does not change what it does to images."""


def fingerprint(*things: Any) -> str:
    """Return a hash of parameters, weights and other plain things.

    Parameters
    ----------
    *things : object
        Numbers, texts, arrays, estimators, functions, generators of random numbers, and containers
        of these. Functions are told apart by their names alone, generators by their state.

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


def _feed(digest: Any, thing: Any) -> None:
    digest.update(f"({type(thing).__name__}".encode())
    if isinstance(thing, np.ndarray):
        digest.update(f"{thing.dtype.str}{thing.shape}".encode())
        if thing.dtype.hasobject:  # then its bytes are addresses
            _feed(digest, thing.tolist())
        else:
            digest.update(np.ascontiguousarray(thing))
    elif isinstance(thing, dict):
        for key in sorted(thing, key=str):
            _feed(digest, key)
            _feed(digest, thing[key])
    elif isinstance(thing, (list, tuple)):
        for item in thing:
            _feed(digest, item)
    elif isinstance(thing, np.random.Generator):
        _feed(digest, thing.bit_generator.state)
    elif isinstance(thing, np.random.RandomState):
        _feed(digest, thing.get_state(legacy=False))
    elif isinstance(thing, BaseEstimator):
        kept = {name: value for name, value in vars(thing).items() if name not in WITHOUT_EFFECT}
        _feed(digest, kept)
    elif is_dataclass(thing) and not isinstance(thing, type):
        for field in fields(thing):
            _feed(digest, getattr(thing, field.name))
    elif callable(thing):
        digest.update(f"{thing.__module__}.{getattr(thing, '__qualname__', '')}".encode())
    elif isinstance(thing, bytes):
        digest.update(thing)
    else:
        digest.update(repr(thing).encode())
    digest.update(b")")
