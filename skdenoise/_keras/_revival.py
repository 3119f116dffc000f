"""Units of a network that have stopped to respond: they begin anew, and change nothing at first.

A ReLU whose input is negative wherever one looks returns 0 and has no gradient, so it stays like
that. Each step of a high learning rate moves the mean of that input, too, at random; within some
thousand steps the lower levels of a network without biases end so as a whole.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from skdenoise._keras._backend import to_array
from skdenoise._keras._network import Network, Weights, draw_weights

LEAST_ACTIVE = 1e-3
"""Share of the places to which a unit responds, below which it counts as dead."""
REVIVAL_STEPS = 200
"""Steps between two looks for dead units."""
REVIVAL_RATE = 0.5
"""Share of the highest learning rate down to which they begin anew: then there is time to learn."""


def revival_is_due(step: int, rate: float, highest: float) -> bool:
    """Tell whether dead units should begin anew at a step that has this rate of learning."""
    return step % REVIVAL_STEPS == 0 and rate > REVIVAL_RATE * highest


def revived(
    network: Network, weights: Weights, inputs: Any, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw the kernels of dead units anew, and let those who read them begin at zero [1]_.

    Parameters
    ----------
    network : Network
        The template.
    weights : dict of str to ndarray
        Changed in place.
    inputs : ndarray or list of ndarray
        What the network is given, a list where it has two inputs; it tells which units are dead.
    rng : numpy.random.Generator
        Source of the new kernels.

    Returns
    -------
    dict of str to ndarray of bool
        For each changed weight, which of its numbers are new.

    References
    ----------
    .. [1] G. Sokar, R. Agarwal, P. S. Castro, U. Evci, "The Dormant Neuron Phenomenon in Deep
       Reinforcement Learning", ICML 2023. https://arxiv.org/abs/2302.12902
    """
    model = network.with_weights(weights)
    readers = {
        layer.name: reader for layer in model.layers if (reader := _only_reader(layer)) is not None
    }
    if not readers:
        return {}
    outputs = keras.Model(model.inputs, [model.get_layer(name).output for name in readers])(inputs)
    names = _names_of_kernels(model, weights)
    fresh, changed = draw_weights(network, rng), {}
    for (name, reader), output in zip(readers.items(), outputs, strict=True):
        array = to_array(output)
        dead = (array.reshape(-1, array.shape[-1]) > 0).mean(axis=0) < LEAST_ACTIVE
        if dead.any():
            written, read = names[name], names[reader]
            changed[written] = np.broadcast_to(dead, weights[written].shape)
            changed[read] = np.broadcast_to(dead[:, None], weights[read].shape)
            weights[written] = np.where(changed[written], fresh[written], weights[written])
            weights[read] = np.where(changed[read], np.float32(0), weights[read])
    return changed


def _only_reader(layer: Any) -> str | None:
    """Return the name of the convolution that alone reads a convolution with a ReLU."""
    plain = isinstance(layer, keras.layers.Conv2D) and not layer.use_bias
    if not plain or layer.activation is not keras.activations.relu:
        return None
    readers = [node.operation for node in layer._outbound_nodes]
    # A transposed one has its axes the other way around.
    alone = len(readers) == 1 and type(readers[0]) is type(layer)
    return readers[0].name if alone else None


def _names_of_kernels(model: keras.Model, weights: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Return by what name `weights` knows the kernel of each layer."""
    layer_of = {
        id(variable): layer.name for layer in model.layers for variable in layer.trainable_variables
    }
    return {
        layer_of[id(variable)]: name
        for name, variable in zip(weights, model.trainable_variables, strict=False)
        if variable.name == "kernel"
    }
