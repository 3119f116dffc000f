"""Check the parameters of an estimator, and say what is wrong in one sentence.

The sentence is scikit-learn's: "The 'x' parameter of C must be ... Got y instead."
A constraint is one of the classes below, a type, ``None``, ``callable`` or one of
the words ``"boolean"`` and ``"random_state"``.
"""

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, cast

import numpy as np

from skdenoise._choices import LARGEST_SEED


@dataclass(frozen=True)
class Interval:
    """A finite number between two bounds, either of which may be excluded."""

    type: type
    low: float
    high: float
    closed: str = "both"

    def accepts(self, value: Any) -> bool:
        """Tell whether `value` is a number of the right kind inside the interval."""
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, self.type):
            return False
        number = cast(float, value)
        if not math.isfinite(number):
            return False
        above = number >= self.low if self.closed in ("left", "both") else number > self.low
        below = number <= self.high if self.closed in ("right", "both") else number < self.high
        return above and below

    def __str__(self) -> str:
        """Return the words that follow "must be"."""
        kind = "an int" if self.type is Integral else "a float"
        left = "[" if self.closed in ("left", "both") and math.isfinite(self.low) else "("
        right = "]" if self.closed in ("right", "both") and math.isfinite(self.high) else ")"
        return f"{kind} in the range {left}{self.low}, {self.high}{right}"


@dataclass(frozen=True)
class OneOf:
    """One of a few strings, or of a few ints."""

    options: frozenset[str] | frozenset[int]

    def __init__(self, options) -> None:
        object.__setattr__(self, "options", frozenset(options))

    def accepts(self, value: Any) -> bool:
        """Tell whether `value` is one of the options."""
        named = isinstance(value, (str, Integral)) and not isinstance(value, bool)
        return named and value in self.options

    def __str__(self) -> str:
        """Return the words that follow "must be"."""
        return "one of " + ", ".join(repr(option) for option in sorted(self.options))


def _accepts(constraint: Any, value: Any) -> bool:
    if constraint is None:
        return value is None
    if constraint is callable:
        return callable(value)
    if constraint == "boolean":
        return isinstance(value, (bool, np.bool_))
    if constraint == "random_state":
        if isinstance(value, Integral):
            return 0 <= int(value) <= LARGEST_SEED
        return value is None or isinstance(value, (np.random.RandomState, np.random.Generator))
    if isinstance(constraint, type):
        return isinstance(value, constraint)
    return constraint.accepts(value)


def _describe(constraint: Any) -> str:
    if constraint is None:
        return "None"
    if constraint is callable:
        return "a callable"
    if constraint == "boolean":
        return "a bool"
    if constraint == "random_state":
        return (
            f"an int from 0 to {LARGEST_SEED}, a numpy.random.RandomState, a "
            f"numpy.random.Generator or None"
        )
    if isinstance(constraint, type):
        return f"an instance of {constraint.__qualname__}"
    return str(constraint)


def check_parameters(estimator: Any, constraints: dict[str, list]) -> None:
    """Compare the parameters of `estimator` with what they may be.

    Parameters
    ----------
    estimator : estimator
        The object whose attributes are checked.
    constraints : dict of str to list
        For each parameter the constraints of which one must hold.

    Raises
    ------
    ValueError
        For the first parameter that satisfies none of its constraints.
    """
    for name, allowed in constraints.items():
        value = getattr(estimator, name)
        if any(_accepts(constraint, value) for constraint in allowed):
            continue
        *head, last = [_describe(constraint) for constraint in allowed]
        wanted = f"{', '.join(head)} or {last}" if head else last
        owner = type(estimator).__name__
        msg = f"The {name!r} parameter of {owner} must be {wanted}. Got {value!r} instead."
        raise ValueError(msg)


REAL_ANY = Interval(Real, -math.inf, math.inf, closed="neither")
REAL_POSITIVE = Interval(Real, 0, math.inf, closed="neither")
REAL_NOT_NEGATIVE = Interval(Real, 0, math.inf, closed="left")
SHARE = Interval(Real, 0, 1)
INT_POSITIVE = Interval(Integral, 1, math.inf, closed="left")
SEED = Interval(Integral, 0, LARGEST_SEED)
