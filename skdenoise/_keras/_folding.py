"""Batch normalization becomes part of the convolution before it, where that changes nothing.

It does where only the normalization sees what the convolution returns. Behind an activation, the
scale could go into the next convolution, but not the shift: that would be another one at the
borders, where there are zeros. Such a normalization stays, as one operation.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from skdenoise._keras._network import Network, Weights
from skdenoise._keras._quick_choice import (
    BIASED,
    POOLING,
    doubling_before,
    operations_of,
    pooled_before,
    quick_to_apply,
)
from skdenoise._keras._rebuilding import first_of, rebuilt, remade

FOLDED_INTO = keras.layers.Conv2D, keras.layers.Conv2DTranspose
"""Layers whose output channels are the last axis of their kernel, and a transposed one."""

Key = tuple[str, str, int]
"""Names of a layer and of its variable, and how many of that name it had before."""


@dataclass(frozen=True, eq=False)
class Folded:
    """A network for applying, and where its weights come from.

    Attributes
    ----------
    network : Network
        The template, without the normalizations in `pairs`.
    keys : list of (str, str, int)
        Of the variables of the network as it was.
    pairs : dict of str to BatchNormalization
        What is folded into the convolution of that name.
    pooled : dict of str to BatchNormalization
        What follows the convolution of that name after a pooling, which it preceded.
    """

    network: Network
    keys: list[Key]
    pairs: dict[str, keras.layers.BatchNormalization]
    pooled: dict[str, keras.layers.BatchNormalization]

    def weights(self, weights: Weights) -> list[np.ndarray]:
        """Return the weights of the template, in the order of its variables.

        They are as precise as `weights`, also where variables are not; new biases are zeros.
        """
        known = dict(zip(self.keys, weights.values(), strict=True))
        for name, norm in self.pairs.items():
            values = {
                variable: known[layer, variable, 0]
                for layer, variable, _ in list(known)
                if layer in (name, norm.name)
            }
            known[name, "kernel", 0], known[name, "bias", 0] = merged(norm, values)
        for name, norm in self.pooled.items():
            # The least of what the normalization turns round is the largest afterwards.
            for key in known.keys() & {(name, "kernel", 0), (name, "bias", 0)}:
                known[key] = known[key] * np.sign(known[norm.name, "gamma", 0])
        keys, variables = variable_keys(self.network.model), self.network.variables
        return [
            np.zeros(variable.shape, np.float32)
            if key[1] == "bias" and key not in known
            else known[key]
            for key, variable in zip(keys, variables, strict=True)
        ]


def variable_keys(model: keras.Model) -> list[Key]:
    """Return a name for each variable that a copy of the model has, too; trainable ones first."""
    keys = {}
    for layer in model.layers:
        count: Counter[str] = Counter()
        for variable in layer.variables:
            keys[id(variable)] = layer.name, variable.name, count[variable.name]
            count[variable.name] += 1
    variables = [*model.trainable_variables, *model.non_trainable_variables]
    return [keys[id(variable)] for variable in variables]


def folded(network: Network) -> Folded:
    """Return a network that gives the same in less time."""
    model = network.model
    inside = operations_of(model)
    kinds = {layer.name: quick_to_apply(layer, inside) for layer in model.layers}
    pairs: dict[str, Any] = {}
    pooled: dict[str, Any] = {}
    swapped: dict[str, Any] = {}
    gone = set()
    for layer in model.layers:
        convolution, doubling = convolution_before(layer), doubling_before(layer, inside)
        if convolution is not None:
            pairs[convolution.name] = layer
            gone.add(layer.name)
        if doubling is not None:
            gone.add(doubling.name)
        found = pooled_before(layer, inside)
        if found is not None:
            convolution, pooling = found
            pooled[convolution.name] = layer
            swapped |= {layer.name: pooling, pooling.name: layer}
            if kinds[convolution.name] in POOLING:
                gone.add(pooling.name)
    quick = any(kinds[layer.name] is not type(layer) for layer in model.layers)

    def quickly(layer: keras.layers.Layer, config: dict[str, Any]) -> keras.layers.Layer:
        if layer.name in swapped:
            layer = swapped[layer.name]
            config = layer.get_config()
        kind = kinds[layer.name]
        if layer.name in pairs or kind in BIASED:
            config["use_bias"] = True
        if layer.name in pooled:
            config["activation"] = None
        if type(layer) in FOLDED_INTO and layer.compute_dtype == "bfloat16":
            # Weights are rounded once, and not in every call.
            config["dtype"] = "bfloat16"
        return remade(layer, config, kind)

    def called(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if layer.name in gone:
            return first_of(args, kwargs)
        # What the other one was told, such as a mask, it does not know.
        return layer(*args) if layer.name in swapped else layer(*args, **kwargs)

    # Not `network` itself, which is the weak key of what is made of this.
    is_new = quick or bool(gone)
    template = replace(network, model=rebuilt(model, quickly, called) if is_new else model)
    return Folded(template, variable_keys(model), pairs, pooled)


def merged(norm: Any, values: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel and bias of a normalization and the convolution before it, together.

    Parameters
    ----------
    norm : BatchNormalization
        The layer.
    values : dict of str to ndarray
        The variables of both, by their names.
    """
    gain = 1 / np.sqrt(values["moving_variance"].astype(np.float64) + norm.epsilon)
    if norm.scale:
        gain = gain * values["gamma"]
    shift = (values.get("bias", 0.0) - values["moving_mean"]) * gain
    if norm.center:
        shift = shift + values["beta"]
    transposed = isinstance(convolution_before(norm), keras.layers.Conv2DTranspose)
    kernel = values["kernel"] * (gain[:, None] if transposed else gain)
    return kernel.astype(np.float32), shift.astype(np.float32)


def convolution_before(layer: Any) -> Any:
    """Return the convolution that a normalization can be folded into; None where there is none."""
    if type(layer) is not keras.layers.BatchNormalization or len(layer._inbound_nodes) != 1:
        return None
    (tensor,) = layer._inbound_nodes[0].input_tensors
    convolution = tensor._keras_history.operation
    plain = type(convolution) in FOLDED_INTO and convolution.activation is keras.activations.linear
    alone = plain and len(convolution._inbound_nodes) == len(convolution._outbound_nodes) == 1
    last_axis = layer.axis in (-1, 3) and plain and convolution.data_format == "channels_last"
    return convolution if alone and last_axis else None
