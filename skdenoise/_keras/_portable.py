"""A network with its weights, of less to compute and of layers that every runtime has.

It is the template of a file, made of what Keras itself has; an engine of this package need not be.
"""

from typing import Any

import keras
import numpy as np

from skdenoise._keras._network import preserved_random_state
from skdenoise._keras._sizes import enlarged


def portable(model: keras.Model) -> keras.Model:
    """Return a network that computes the same, with its own weights.

    A batch normalization that follows a convolution, and nothing in between, goes into the
    convolution's kernel and bias; after an activation it stays, since the zeros around an image
    come later. Up-sampling that repeats pixels becomes an operation that keeps channels known.
    """
    merged = _convolutions_before_norms(model)
    convolutions = {convolution.name: norm for norm, convolution in merged.items()}

    def cloned(layer: keras.layers.Layer) -> keras.layers.Layer:
        if layer.name not in convolutions:
            return type(layer).from_config(layer.get_config())
        return type(layer).from_config(
            layer.get_config() | {"use_bias": True, "bias_initializer": "zeros"}
        )

    def called(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if layer.name in norms:
            return args[0]
        if _repeats(layer):
            x = args[0]
            for axis, times in zip((1, 2), layer.size, strict=True):
                x = enlarged(x, axis, times)
            return x
        return layer(*args, **kwargs)

    norms = {norm.name for norm in merged}
    with preserved_random_state():
        copy = keras.models.clone_model(model, clone_function=cloned, call_function=called)
    kept = {layer.name: layer for layer in copy.layers}
    for layer in model.layers:
        if layer.name in convolutions:
            kept[layer.name].set_weights(_merged(layer, convolutions[layer.name]))
        elif layer.name in kept and layer.weights:
            kept[layer.name].set_weights(layer.get_weights())
    return copy


def _repeats(layer: Any) -> bool:
    return (
        isinstance(layer, keras.layers.UpSampling2D)
        and layer.interpolation == "nearest"
        and layer.data_format == "channels_last"
    )


def _convolutions_before_norms(model: keras.Model) -> dict[Any, Any]:
    """Return {batch normalization: the convolution whose output it alone takes}."""
    of_output = {
        id(layer.output): layer
        for layer in model.layers
        if type(layer) is keras.layers.Conv2D and layer.activation is keras.activations.linear
    }
    n_takers: dict[int, int] = {}
    for operation in model.operations:
        for tensor in keras.tree.flatten(operation.input):
            n_takers[id(tensor)] = n_takers.get(id(tensor), 0) + 1
    outputs = {id(tensor) for tensor in model.outputs}
    return {
        layer: of_output[id(layer.input)]
        for layer in model.layers
        if type(layer) is keras.layers.BatchNormalization
        and layer.axis in (-1, 3)
        and id(layer.input) in of_output
        and n_takers[id(layer.input)] == 1
        and id(layer.input) not in outputs
    }


def _merged(convolution: Any, norm: Any) -> list[np.ndarray]:
    """Return the kernel and the bias of both together."""
    names = [variable.name for variable in norm.weights]
    values = dict(zip(names, map(np.float64, norm.get_weights()), strict=True))
    gain = values.get("gamma", 1.0) / np.sqrt(values["moving_variance"] + norm.epsilon)
    kernel, *bias = map(np.float64, convolution.get_weights())
    shift = (bias[0] if bias else 0.0) - values["moving_mean"]
    return [
        (kernel * gain).astype(np.float32),
        (shift * gain + values.get("beta", 0.0)).astype(np.float32),
    ]
