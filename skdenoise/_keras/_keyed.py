"""Functions and other callables as keys of what is made with them once per process."""

import copy
import functools
from dataclasses import dataclass, field
from typing import Any, Self

from skdenoise._fingerprint import fingerprint


@dataclass(frozen=True)
class Keyed:
    """A callable, or a name, that is known again as long as its state is the same.

    Attributes
    ----------
    itself : callable or str
        What is known again.
    key : tuple
        What equality and hash are those of.
    """

    itself: Any = field(compare=False)
    key: tuple[Any, str]

    @classmethod
    def of(cls, itself: Any) -> Self:
        """Return the callable together with its state of now."""
        if isinstance(itself, str):
            return cls(itself, (itself, ""))
        if isinstance(itself, functools.partial) and not _takes_callables(itself):
            # Each clone of an estimator has one of its own.
            state = fingerprint(itself.args, itself.keywords)
            return cls(itself, (cls.of(itself.func).key, state))
        state = fingerprint(itself, object.__getstate__(itself))
        try:
            hash(itself)
        except TypeError:
            # Such as a dataclass, whose likes are equal; so it must not change along with one.
            return cls(copy.copy(itself), (type(itself), state))
        return cls(itself, (itself, state))


def _takes_callables(partial: functools.partial) -> bool:
    """Tell whether it is given what a fingerprint does not tell apart to the last."""
    return any(map(callable, (*partial.args, *partial.keywords.values())))
