"""A table whose names are known at once and whose functions are imported when one is asked for."""

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any


class LazyTable(Mapping[str, Callable[..., Any]]):
    """Functions of a package by name; iterating, counting and ``in`` import nothing.

    Parameters
    ----------
    package : str
        Package that has the functions as attributes, by their full name.
    names : sequence of str, or dict of str to str
        Names in the order of the table; a dict says which function each name stands for, where
        a function cannot have that name.

    Examples
    --------
    >>> table = LazyTable("math", ["sin", "cos"])
    >>> list(table), "tan" in table
    (['sin', 'cos'], False)
    >>> table["cos"](0.0)
    1.0
    """

    def __init__(self, package: str, names: Sequence[str] | Mapping[str, str]) -> None:
        self._package = package
        self._names = dict(names if isinstance(names, Mapping) else zip(names, names, strict=True))

    def __getitem__(self, name: str) -> Callable[..., Any]:
        """Import the function of that name."""
        if name not in self:
            choice = ", ".join(repr(known) for known in self)
            msg = f"{name!r} is not in the table of {self._package}; choose one of {choice}."
            raise KeyError(msg)
        return getattr(importlib.import_module(self._package), self._names[name])

    def __contains__(self, name: object) -> bool:
        """Tell whether the table has that name."""
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        """Go through the names."""
        return iter(self._names)

    def __len__(self) -> int:
        """Count the names."""
        return len(self._names)

    def __repr__(self) -> str:
        """Show the package and the names."""
        return f"LazyTable({self._package!r}, {list(self._names)})"
