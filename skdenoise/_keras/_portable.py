"""A network with its weights, of less to compute and of layers that every runtime has.

It is the template of a file, made of what Keras itself has; an engine of this package need not be.
"""

from typing import Any

import keras

from skdenoise._keras._backend import to_array
from skdenoise._keras._folding import convolution_before, merged
from skdenoise._keras._rebuilding import first_of, rebuilt, remade
from skdenoise._keras._sizes import enlarged


def portable(model: keras.Model) -> keras.Model:
    """Return a network that computes the same, with its own weights.

    A batch normalization that follows a convolution, and nothing in between, goes into the
    convolution's kernel and bias; after an activation it stays, since the zeros around an image
    come later. Up-sampling that repeats pixels becomes an operation that keeps channels known.
    """
    norms = {convolution_before(layer): layer for layer in model.layers}
    convolutions = {before.name: norm for before, norm in norms.items() if before is not None}
    gone = {norm.name for norm in convolutions.values()}

    def changed(layer: keras.layers.Layer, config: dict[str, Any]) -> keras.layers.Layer:
        if layer.name in convolutions:
            config |= {"use_bias": True, "bias_initializer": "zeros"}
        return remade(layer, config)

    def called(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if layer.name in gone:
            return first_of(args, kwargs)
        if _repeats(layer):
            x = first_of(args, kwargs)
            for axis, times in zip((1, 2), layer.size, strict=True):
                x = enlarged(x, axis, times)
            return x
        return layer(*args, **kwargs)

    copy = rebuilt(model, changed, called)
    kept = {layer.name: layer for layer in copy.layers}
    for layer in model.layers:
        if layer.name in convolutions:
            norm = convolutions[layer.name]
            values = {item.name: to_array(item) for item in (*layer.weights, *norm.weights)}
            kept[layer.name].set_weights(merged(norm, values))
        elif layer.name in kept and layer.weights:
            kept[layer.name].set_weights(layer.get_weights())
    return copy


def _repeats(layer: Any) -> bool:
    return (
        isinstance(layer, keras.layers.UpSampling2D)
        and layer.interpolation == "nearest"
        and layer.data_format == "channels_last"
    )
