"""Parameters are compared with their constraints, and the message has the words of scikit-learn."""

import math
from numbers import Integral, Real
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skdenoise._validation import (
    INT_POSITIVE,
    REAL_NOT_NEGATIVE,
    REAL_POSITIVE,
    Interval,
    OneOf,
    check_parameters,
)

numbers = st.integers(-3, 3).map(float)


def accepts(constraint, value):
    try:
        check_parameters(SimpleNamespace(x=value), {"x": [constraint]})
    except ValueError:
        return False
    return True


@given(numbers, numbers, numbers)
def test_an_interval_holds_what_lies_between_its_bounds(low, high, value):
    assert accepts(Interval(Real, low, high, "both"), value) == (low <= value <= high)
    assert accepts(Interval(Real, low, high, "left"), value) == (low <= value < high)
    assert accepts(Interval(Real, low, high, "right"), value) == (low < value <= high)
    assert accepts(Interval(Real, low, high, "neither"), value) == (low < value < high)


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, True, np.True_, "1", None, 1j, [1]]
)
def test_an_interval_holds_finite_numbers_only(value):
    assert not accepts(Interval(Real, -math.inf, math.inf), value)


@pytest.mark.parametrize("number", [1, np.int8(1), np.uint64(1)])
def test_integers_of_any_kind_are_integers_and_reals(number):
    assert accepts(INT_POSITIVE, number)
    assert accepts(REAL_POSITIVE, number)


@pytest.mark.parametrize("number", [1.0, np.float32(1), np.float64(1)])
def test_floats_are_reals_but_no_integers(number):
    assert accepts(REAL_NOT_NEGATIVE, number)
    assert not accepts(INT_POSITIVE, number)


@pytest.mark.parametrize("zero", [0, 0.0, -0.0])
def test_zero_is_not_negative_and_not_positive(zero):
    assert accepts(REAL_NOT_NEGATIVE, zero)
    assert not accepts(REAL_POSITIVE, zero)


@pytest.mark.parametrize(
    ("constraint", "good", "bad"),
    [
        (None, [None], [0, "", False]),
        (callable, [len, lambda: 0], ["len", None]),
        ("boolean", [True, np.False_], [0, 1, None, "yes"]),
        (
            "random_state",
            [None, 0, np.int64(1), np.random.RandomState(0), np.random.default_rng(0)],
            ["seed", 0.5, -1, 2**32],
        ),
        (dict, [{}], [None, []]),
        (OneOf({"a", "b"}), ["a", "b"], ["c", None, ["a"], 1]),
        (OneOf({1, 2}), [1, 2, np.int64(2)], [3, "1", 1.0, True, None, [1]]),
    ],
)
def test_each_constraint_knows_its_own(constraint, good, bad):
    assert all(accepts(constraint, value) for value in good)
    assert not any(accepts(constraint, value) for value in bad)


class Estimator:
    """Has one parameter."""

    def __init__(self, x):
        self.x = x


@pytest.mark.parametrize(
    ("constraints", "wanted"),
    [
        ([REAL_POSITIVE], r"a float in the range \(0, inf\)"),
        ([REAL_NOT_NEGATIVE, None], r"a float in the range \[0, inf\) or None"),
        ([INT_POSITIVE], r"an int in the range \[1, inf\)"),
        ([Interval(Integral, 0, 10)], r"an int in the range \[0, 10\]"),
        ([OneOf({"b", "a"}), callable, None], "one of 'a', 'b', a callable or None"),
        (["boolean"], "a bool"),
        ([dict, "random_state"], "an instance of dict or an int from 0 to 4294967295, a"),
    ],
)
def test_the_message_says_what_is_wanted_and_what_came(constraints, wanted):
    message = rf"^The 'x' parameter of Estimator must be {wanted}.* Got 'nonsense' instead\.$"
    with pytest.raises(ValueError, match=message):
        check_parameters(Estimator("nonsense"), {"x": constraints})


def test_one_constraint_that_holds_is_enough():
    check_parameters(Estimator(None), {"x": [INT_POSITIVE, None]})


def test_the_first_wrong_parameter_is_named():
    estimator = SimpleNamespace(good=1, wrong=-1, worse=-2)
    with pytest.raises(ValueError, match="'wrong'"):
        check_parameters(estimator, {name: [INT_POSITIVE] for name in vars(estimator)})
