"""Denoisers compared as papers do it: which methods, how they are measured, how it is shown.

Networks come from outside, as functions of an image; nothing here knows how they work.
"""

from skdenoise._benchmark._measuring import Comparison
from skdenoise._benchmark._methods import METHODS, Denoise, Method, MethodMissingError
from skdenoise._benchmark._page import page
from skdenoise._benchmark._tables import markdown, numbers

__all__ = [
    "METHODS",
    "Comparison",
    "Denoise",
    "Method",
    "MethodMissingError",
    "markdown",
    "numbers",
    "page",
]
