"""A model built anew, perhaps of other layers: the one way in which networks are changed."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np


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
        config = operation.get_config()
        if changed is None or not isinstance(operation, keras.layers.Layer):
            return type(operation).from_config(config)
        return changed(operation, config)

    if called is not None and isinstance(model, keras.Sequential):
        # Keras would call its layers by itself.
        model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    with preserved_random_state():
        return keras.models.clone_model(model, clone_function=copied, call_function=called)


@contextmanager
def preserved_random_state() -> Iterator[None]:
    """Give back the global random states, from which Keras draws seeds for unseeded layers."""
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
