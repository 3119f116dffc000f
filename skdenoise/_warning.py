"""Warnings that point to a line of the caller's, however deep inside they are given."""

import sys
import warnings

INSIDE = "skdenoise", "sklearn", "joblib"
"""Packages whose lines the caller did not write."""


def warn(message: str) -> None:
    """Give a UserWarning, at the first line on the way out that is not inside."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _package_of(frame.f_globals) in INSIDE:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level)


def _package_of(names: dict[str, object]) -> str:
    return str(names.get("__name__", "")).partition(".")[0]
