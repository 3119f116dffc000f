"""The table knows its names without importing, and imports the right function."""

import math

import pytest

from skdenoise._lazy_table import LazyTable


def test_names_are_known_without_importing_the_package():
    table = LazyTable("a package that does not exist", ["one", "two"])
    assert list(table) == ["one", "two"]
    assert len(table) == 2
    assert "one" in table
    assert "three" not in table
    assert "'two'" in repr(table)


def test_a_name_gives_the_function_itself():
    assert LazyTable("math", ["cos"])["cos"] is math.cos


def test_a_name_may_stand_for_a_function_of_another():
    table = LazyTable("math", {"cos++": "cosh"})
    assert table["cos++"] is math.cosh
    assert list(table) == ["cos++"]


def test_an_unknown_name_is_an_error_that_lists_the_names():
    with pytest.raises(KeyError, match=r"'sin' is not in the table of math; .* 'cos', 'tan'"):
        LazyTable("math", ["cos", "tan"])["sin"]
