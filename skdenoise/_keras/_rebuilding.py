"""A model built anew, perhaps of other layers: the one way in which networks are changed."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

WITH_FUNCTIONS = "activation", "_initializer", "_regularizer", "_constraint"
"""How the names of those options of layers end that may be functions."""
_random_state = threading.RLock()
"""Who changes the global random states gives them back before anyone else changes them."""


def rebuilt(
    model: keras.Model,
    changed: Callable[[keras.layers.Layer, dict[str, Any]], keras.layers.Layer] | None = None,
    called: Callable[..., Any] | None = None,
) -> keras.Model:
    """Return a model of the same structure, with weights of its own.

    Parameters
    ----------
    model : keras.Model
        Made of layers, and of plain operations such as a minus sign, which have no dtype.
    changed : callable, default=None
        From a layer and its configuration, which it may write to, to the layer in its place.
        Plain operations stay what they are.
    called : callable, default=None
        Calls a new layer or operation, its first argument, with the others.
    """

    def copied(operation: keras.Operation) -> keras.Operation:
        if not isinstance(operation, keras.layers.Layer):
            return type(operation).from_config(operation.get_config())
        if isinstance(operation, keras.layers.Lambda):
            # Keras does not make functions anew that it would not trust in a file.
            return operation
        config = operation.get_config()
        return remade(operation, config) if changed is None else changed(operation, config)

    if called is not None and isinstance(model, keras.Sequential):
        # Keras would call its layers by itself.
        model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    with preserved_random_state():
        return keras.models.clone_model(model, clone_function=copied, call_function=called)


def remade(
    layer: keras.layers.Layer,
    config: dict[str, Any],
    kind: type[keras.layers.Layer] | None = None,
) -> keras.layers.Layer:
    """Return a new layer of a configuration, with the name and the functions of another.

    Parameters
    ----------
    layer : Layer
        The other one.
    config : dict
        Its configuration, perhaps changed. A layer of the user's own may forget its name there.
    kind : type, default=None
        Class of the new layer; None for that of the other one.
    """
    for key, value in config.items():
        # Functions without a registered name could not be read again.
        if isinstance(value, dict | str) and key.endswith(WITH_FUNCTIONS):
            own = getattr(layer, key, None)
            config[key] = own if callable(own) else value
    copy = (kind or type(layer)).from_config(config)
    copy.name = layer.name
    return copy


def first_of(args: tuple, kwargs: dict[str, Any]) -> Any:
    """Return what a layer is called with, by position or by name."""
    return args[0] if args else next(iter(kwargs.values()))


@contextmanager
def preserved_random_state() -> Iterator[None]:
    """Give back the global random states, from which Keras draws seeds for unseeded layers.

    Within, they are the same every time, and layers are of float32 unless they say something else.
    """
    with _random_state, _float32():
        python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)  # noqa: NPY002


@contextmanager
def _float32() -> Iterator[None]:
    """Have layers made of float32, whatever this thread has Keras make them of."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
