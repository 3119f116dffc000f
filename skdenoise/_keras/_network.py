"""A network as the engine sees it: a template without weights of its own, shared by all fits.

Weights are a dict of NumPy arrays that belongs to an estimator. The template is built once
per architecture and process; so are the traced functions that run it.
"""

import copy
import functools
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from skdenoise._keras._backend import as_given, to_array
from skdenoise._keras._keyed import Keyed
from skdenoise._keras._rebuilding import preserved_random_state, rebuilt, remade
from skdenoise._keras._receptive_field import halo_and_stride
from skdenoise._warning import warn
from skdenoise.networks import CURVE_NETWORKS, NETWORKS

Weights = dict[str, np.ndarray]
Architecture = str | Callable[[int], keras.Model]

_building = threading.RLock()


@dataclass(frozen=True, eq=False)
class Network:
    """A template: the model whose structure is used, and what was found out about it.

    Attributes
    ----------
    model : keras.Model
        Its own weights are never used nor changed.
    steerable : bool
        Whether it takes a map of the noise's standard deviation as a second input.
    halo : int or None
        Margin that makes tiles equal the whole; None if there is no such margin.
    stride : int
        Height and width of what it gets must be multiples of it.
    """

    model: keras.Model
    steerable: bool
    halo: int | None
    stride: int

    @property
    def variables(self) -> list[Any]:
        """The trainable variables, then the others."""
        return [*self.model.trainable_variables, *self.model.non_trainable_variables]

    @property
    def n_trainable(self) -> int:
        """Count the trainable variables."""
        return len(self.model.trainable_variables)

    @property
    def n_outputs(self) -> int:
        """Count the channels of what comes out."""
        return int(self.model.outputs[0].shape[-1])

    @functools.cached_property
    def in_bfloat16(self) -> "Network":
        """The same network that computes in bfloat16, but for its last layers."""
        with _building:
            return replace(self, model=_in_bfloat16(self.model))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each weight, by a name that does not depend on the process."""
        return self._shapes.copy()

    @functools.cached_property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return {
            f"{index:03d}.{variable.name}": tuple(variable.shape)
            for index, variable in enumerate(self.variables)
        }

    def signature(self) -> list[Any]:
        """Return shape and dtype of each variable."""
        return [(tuple(variable.shape), variable.dtype) for variable in self.variables]

    def gain_shapes(self) -> list[tuple[int, ...]]:
        """Return, for each trainable variable, the shape of one factor per output channel."""
        transposed = {
            id(layer.kernel)
            for layer in self.model.layers
            if isinstance(layer, keras.layers.Conv2DTranspose)
        }
        shapes = []
        for variable in self.model.trainable_variables:
            shape = [1] * len(variable.shape)
            # Transposed convolutions keep their output channels last but one.
            axis = len(shape) - (2 if id(variable) in transposed else 1)
            shape[axis] = variable.shape[axis]
            shapes.append(tuple(shape))
        return shapes

    def with_weights(self, weights: Weights) -> keras.Model:
        """Return a new model of the same structure that holds these weights."""
        model = rebuilt(self.model)
        variables = [*model.trainable_variables, *model.non_trainable_variables]
        for variable, array in zip(variables, weights.values(), strict=True):
            variable.assign(array)
        return model


def get_network(
    architecture: Architecture, size: str, n_channels: int, *, bfloat16: bool = False
) -> Network:
    """Return the template of an architecture, building it on first use.

    Raises
    ------
    ValueError, TypeError
        Where a callable does not return a fully convolutional `keras.Model` for images of
        `n_channels` channels.
    """
    size = size if architecture == "unet" else ""
    _check_function(architecture)
    with _building:
        network = _build(Keyed.of(architecture), size, n_channels, False)
    return network.in_bfloat16 if bfloat16 else network


def get_curve_network(
    architecture: Architecture, n_channels: int, *, bfloat16: bool = False
) -> Network:
    """Return the template of a network whose outputs are curves, any number per channel.

    Raises
    ------
    ValueError, TypeError
        Where a callable returns something else.
    """
    _check_function(architecture)
    with _building:
        network = _build(Keyed.of(architecture), "", n_channels, True)
    return network.in_bfloat16 if bfloat16 else network


@functools.lru_cache(maxsize=64)
def _build(keyed: Keyed, size: str, n_channels: int, curves: bool) -> Network:
    # What it remembers of being called must not make another one of it.
    architecture = copy.copy(keyed.itself)
    with preserved_random_state():
        if callable(architecture):
            model = architecture(n_channels)
            _check_model(model, architecture, n_channels, curves)
        else:
            options = {"size": size} if size else {}
            table = CURVE_NETWORKS if curves else NETWORKS
            model = table[architecture](n_channels, **options)
        halo, stride = halo_and_stride(model)
        if callable(architecture):
            _check_sizes(model, architecture, stride)
    return Network(model, len(model.inputs) == 2, halo, stride)


def _check_function(architecture: Architecture) -> None:
    if isinstance(architecture, keras.Model):
        msg = (
            "architecture is a keras.Model; it must be a function that builds one for a number of "
            "channels: architecture=lambda n_channels: keras.Model(...)."
        )
        raise TypeError(msg)


def _name_of(architecture: Callable) -> str:
    return getattr(architecture, "__name__", repr(architecture))


def _check_model(model: Any, architecture: Callable, n_channels: int, curves: bool) -> None:
    name = _name_of(architecture)
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        msg = (
            f"architecture={name} must return a functional keras.Model when called with "
            f"n_channels={n_channels}; it returned {type(model).__name__}."
        )
        raise TypeError(msg)
    dtypes = {item.dtype for item in (*model.inputs, *model.outputs)}
    output = model.outputs[0] if isinstance(model, keras.Sequential) else model.output
    if len(model.outputs) != 1 or isinstance(output, dict | list) or dtypes != {"float32"}:
        msg = (
            f"architecture={name} must return a model with one output, keras.Model(inputs, "
            f"output), from float32 to float32; it has {len(model.outputs)} in a "
            f"{type(output).__name__}, of {', '.join(sorted(dtypes))}. The parameter "
            f"precision says in which arithmetic it is computed."
        )
        raise ValueError(msg)
    ignored = sorted(
        {
            f"{key} of {layer.name!r}"
            for layer in _all_layers(model)
            for key, value in vars(layer).items()
            if key.endswith(("_regularizer", "_constraint")) and value is not None
        }
    )
    if ignored:
        warn(f"architecture={name} has what is not heeded in training: {', '.join(ignored)}.")
    wanted = [(None, None, None, n_channels), (None, None, None, 1)][: len(model.inputs)]
    shapes = [tuple(item.shape) for item in model.inputs]
    n_outputs = model.outputs[0].shape[-1]
    if curves:
        if shapes != wanted[:1] or not n_outputs or n_outputs % n_channels:
            msg = (
                f"architecture={name} must return a model of images of any size: an input of shape "
                f"(None, None, {n_channels}), and an output with a multiple of {n_channels} "
                f"channels, the curves. Its inputs have shapes {shapes}, its output "
                f"{tuple(model.outputs[0].shape)}."
            )
            raise ValueError(msg)
    elif shapes != wanted or n_outputs != n_channels:
        msg = (
            f"architecture={name} must return a model of images of any size: an input of shape "
            f"(None, None, {n_channels}), perhaps a second one (None, None, 1) for the noise map, "
            f"and an output with {n_channels} channels. Its inputs have shapes {shapes}, its "
            f"output {tuple(model.outputs[0].shape)}."
        )
        raise ValueError(msg)


def _check_sizes(model: keras.Model, architecture: Callable, stride: int) -> None:
    """Try a small image, of a size that has no more divisors than it must."""
    height, width = 7 * stride, 11 * stride
    images = [keras.ops.zeros((1, height, width, item.shape[-1])) for item in model.inputs]
    try:
        found = tuple(model(as_given(images), training=False).shape)
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        found = (f"an error: {reason:.200}",)
    if found != (1, height, width, model.outputs[0].shape[-1]):
        msg = (
            f"architecture={_name_of(architecture)} must return a model whose output is as high "
            f"and as wide as its input. Of {height} x {width} pixels it makes {found}. Pad with "
            f"padding='same', and let all layers that make maps smaller or larger be layers of "
            f"the model itself, such as MaxPooling2D and UpSampling2D, not of a model inside it."
        )
        raise ValueError(msg)


def last_layers(model: keras.Model) -> set[str]:
    """Return the names of the layers from the outputs back to the first ones with weights."""
    names: set[str] = set()
    tensors = list(model.outputs)
    while tensors:
        operation, node_index, _ = tensors.pop()._keras_history
        if operation.name not in names and not isinstance(operation, keras.layers.InputLayer):
            names.add(operation.name)
            if not getattr(operation, "weights", None):
                tensors.extend(operation._inbound_nodes[node_index].input_tensors)
    return names


def _in_bfloat16(model: keras.Model) -> keras.Model:
    """Return the same network that computes in bfloat16, but for its last layers.

    Weights, the last convolution, and the residual that is taken from the image, stay in float32:
    a rounding at the end would show.
    """
    last = last_layers(model)

    def rounding(layer: keras.layers.Layer, config: dict[str, Any]) -> keras.layers.Layer:
        if layer.name not in last:
            config["dtype"] = "mixed_bfloat16"
        return remade(layer, config)

    return rebuilt(model, rounding)


def draw_weights(network: Network, rng: np.random.Generator) -> Weights:
    """Draw initial weights with NumPy, as the layers' initializers say, alike on every backend."""
    initializers = {}
    for layer in _all_layers(network.model):
        for variable in layer.variables:
            options = (f"{name}_initializer" for name in _names_of_option(layer, variable))
            found = (getattr(layer, option, None) for option in options)
            initializers[id(variable)] = next((item for item in found if item is not None), None)
    return {
        name: _draw(initializers.get(id(variable)), variable, rng)
        for (name, variable) in zip(network.shapes(), network.variables, strict=True)
    }


def _names_of_option(layer: keras.layers.Layer, variable: Any) -> list[str]:
    """Return what the option may be called that a variable is drawn by."""
    names = [variable.name, variable.name.removesuffix("_kernel")]
    return [*names, "depthwise"] if isinstance(layer, keras.layers.DepthwiseConv2D) else names


def _all_layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yield the layers of a model, and after each those inside it."""
    for layer in model.layers:
        yield from layer._flatten_layers()


def _draw(initializer: Any, variable: Any, rng: np.random.Generator) -> np.ndarray:
    drawn: np.ndarray
    kinds = keras.initializers
    shape, dtype = tuple(variable.shape), keras.backend.standardize_dtype(variable.dtype)
    if not variable.trainable and "int" not in dtype:
        # What is not learned is what the function has made it, such as a filter.
        drawn = to_array(variable.value)
    elif isinstance(initializer, kinds.VarianceScaling):
        area = math.prod(shape[:-2])
        fan_in, fan_out = area * shape[-2], area * shape[-1]
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
        variance = initializer.scale / max(fan[initializer.mode], 1.0)
        if initializer.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            drawn = rng.uniform(-limit, limit, shape)
        else:
            drawn = rng.normal(0, math.sqrt(variance), shape)
    elif isinstance(initializer, (kinds.RandomNormal, kinds.TruncatedNormal)):
        drawn = rng.normal(initializer.mean, initializer.stddev, shape)
    elif isinstance(initializer, kinds.RandomUniform):
        drawn = rng.uniform(initializer.minval, initializer.maxval, shape)
    elif isinstance(initializer, kinds.Initializer) and "seed" in initializer.get_config():
        # What has no NumPy form, such as orthogonal kernels, is alike on one backend only.
        seeded = {**initializer.get_config(), "seed": int(rng.integers(2**31))}
        drawn = to_array(type(initializer).from_config(seeded)(shape, dtype))
    elif "int" in dtype:
        drawn = rng.integers(2**31, size=shape)  # the state of a layer that draws, such as dropout
    else:
        # The value with which the template was built.
        drawn = to_array(variable.value)
    return drawn.astype(dtype)
