"""The default that a docstring names is the default of the signature."""

import ast
import inspect
import re

import pytest
from numpydoc.docscrape import FunctionDoc
from public_names import public_callables, public_methods

CALLABLES = {**public_callables(), **public_methods()}


def literal(text):
    """Return the value that `text` writes down, or the text where it is no literal."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def documented_defaults(thing):
    """Return {parameter: default} as the docstring says it."""
    return {
        name.strip(): literal(default[1].strip())
        for section in ("Parameters", "Other Parameters")
        for parameter in FunctionDoc(thing)[section]
        for name in parameter.name.split(",")
        if (default := re.search(r"default\s*[=:]?\s*(.+)$", parameter.type))
    }


def signature_defaults(thing):
    """Return {parameter: default} as the signature says it."""
    return {
        name: parameter.default
        for name, parameter in inspect.signature(thing).parameters.items()
        if parameter.default is not parameter.empty
    }


@pytest.mark.parametrize("path", CALLABLES)
def test_documented_defaults_are_the_defaults(path):
    documented = documented_defaults(CALLABLES[path])
    actual = {
        # What is not a literal, such as a function, is documented by its name.
        name: default
        if isinstance(default, type(None) | bool | int | float | str | tuple)
        else getattr(default, "__name__", repr(default))
        for name, default in signature_defaults(CALLABLES[path]).items()
    }
    assert documented == actual
    assert {name: type(default) for name, default in documented.items()} == {
        name: type(default) for name, default in actual.items()
    }


def test_a_wrong_default_is_found():
    def blur(image, width=3):
        """Blur.

        Parameters
        ----------
        image : ndarray
            Pixels.
        width : int, default=5
            Pixels.
        """

    assert documented_defaults(blur) == {"width": 5}
    assert signature_defaults(blur) == {"width": 3}
