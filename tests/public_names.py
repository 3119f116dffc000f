"""The public names of the package, found by walking ``__all__`` and the public methods."""

import inspect
from types import ModuleType

import skdenoise


def is_ours(thing):
    """Tell whether a class or function is written in this package."""
    return (getattr(thing, "__module__", None) or "").startswith("skdenoise")


def public_modules():
    """Return {dotted name: module} of the package and its public modules."""
    modules = {"skdenoise": skdenoise}
    for name in skdenoise.__all__:
        thing = getattr(skdenoise, name)
        if isinstance(thing, ModuleType):
            modules[f"skdenoise.{name}"] = thing
    return modules


def public_names(module):
    """Return the names that a module offers: its ``__all__``, or what it defines itself."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_") and getattr(thing, "__module__", None) == module.__name__
    ]


def public_things():
    """Return {dotted name: class, function or instance}, each thing once, by its longest name."""
    things = {}
    for path, module in reversed(public_modules().items()):
        for name in public_names(module):
            thing = getattr(module, name)
            if not isinstance(thing, ModuleType) and not any(
                thing is known for known in things.values()
            ):
                things[f"{path}.{name}"] = thing
    return things


def public_callables():
    """Return {dotted name: class or function} of ours."""
    return {
        name: thing
        for name, thing in public_things().items()
        if (inspect.isclass(thing) or inspect.isfunction(thing)) and is_ours(thing)
    }


def public_methods():
    """Return {dotted name: method} of the public classes, as far as we wrote them."""
    return {
        f"{path}.{name}": method
        for path, owner in public_callables().items()
        if inspect.isclass(owner)
        for name, method in inspect.getmembers(owner)
        if not name.startswith("_") and callable(method) and is_ours(method)
    }
