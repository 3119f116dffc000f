"""Which layers of a network are replaced by quicker ones that give the same."""

from typing import Any

import keras

from skdenoise._keras import _quick_layers as quick
from skdenoise._keras._backend import BACKEND

FEW = 4
"""Channels at most, of which processors compute as many as 16 at the same cost."""

Inside = frozenset[int]

HAS_QUICK_LAYERS = BACKEND == "tensorflow"

BIASED: tuple[type[keras.layers.Layer], ...] = ()
"""Classes of layers that are quicker with a bias, even of zeros."""
POOLING: tuple[type[keras.layers.Layer], ...] = ()
"""Classes of layers that do the pooling after them, too."""
if HAS_QUICK_LAYERS:
    BIASED = quick.Convolution, quick.LastConvolution
    POOLING = (quick.LargestOfConvolved,)


def operations_of(model: keras.Model) -> Inside:
    """Return the identities of what a model is made of; its layers may be parts of others, too."""
    return frozenset(map(id, getattr(model, "operations", model.layers)))


def quick_to_apply(layer: keras.layers.Layer, inside: Inside) -> type[keras.layers.Layer]:
    """Return the class of a layer, or of one that gives the same in less time.

    Parameters
    ----------
    layer : Layer
        Of a model.
    inside : frozenset of int
        The identities of all operations of the model; where there are none, the layer is looked
        at alone.
    """
    if not HAS_QUICK_LAYERS:
        return type(layer)
    given = [tensor for node in layer._inbound_nodes for tensor in node.input_tensors]
    in_bfloat16 = {tensor.dtype for tensor in given} == {"bfloat16"}
    widened = layer.compute_dtype == "float32" and in_bfloat16
    if type(layer) is keras.layers.Conv2DTranspose and _is_plain(layer):
        ratios = {side / layer.strides[0] for side in layer.kernel_size}
        even = len(ratios) == 1 and ratios <= {1.0, 3.0, 5.0} and layer.strides[0] > 1
        if even and layer.output_padding is None and layer.filters <= FEW:
            return quick.LastDepthToSpace if widened else quick.DepthToSpace
    if type(layer) is keras.layers.Conv2D and _is_plain(layer):
        if doubling_before(layer, inside) is not None:
            return quick.LastConvolutionOfRepeated if widened else quick.ConvolutionOfRepeated
        if widened:
            return quick.LastConvolution
        if _is_pooled_at_once(layer, inside):
            return quick.LargestOfConvolved
        few = layer.filters <= FEW and layer.kernel.shape[2] > 4 * layer.filters
        if few and _is_centered(layer) and max(layer.kernel_size) > 1:
            return quick.SumOfShifted
    if pooled_before(layer, inside) is not None:
        return quick.NormalizationOfLargest
    if type(layer) is keras.layers.Concatenate:
        few = all(len(item.shape) == 4 and item.shape[-1] <= FEW for item in given)
        return quick.JoinedPlanes if few and layer.axis in (-1, 3) else type(layer)
    return quick_to_learn(layer)


def quick_to_learn(layer: keras.layers.Layer) -> type[keras.layers.Layer]:
    """Return the class of a layer, or of one that learns the same in less time."""
    if not HAS_QUICK_LAYERS:
        return type(layer)
    if type(layer) is keras.layers.Conv2D and _is_plain(layer):
        return quick.Convolution
    if type(layer) is not keras.layers.BatchNormalization:
        return type(layer)
    usual = layer.trainable and layer.center and layer.scale and layer.axis in (-1, 3)
    special = layer.renorm or layer.synchronized or layer.variable_dtype != "float32"
    return quick.FusedBatchNormalization if usual and not special else type(layer)


def doubling_before(layer: keras.layers.Layer, inside: Inside) -> keras.layers.Layer | None:
    """Return the up-sampling that a convolution with few outputs can be spared, or None."""
    if not HAS_QUICK_LAYERS or type(layer) is not keras.layers.Conv2D or not _is_plain(layer):
        return None
    before = _alone_before(layer, keras.layers.UpSampling2D, inside)
    if before is None or not _is_centered(layer) or layer.filters > FEW:
        return None
    usual = before.interpolation == "nearest" and before.data_format == "channels_last"
    return before if usual and before.size == (2, 2) else None


def pooled_before(norm: keras.layers.Layer, inside: Inside) -> tuple | None:
    """Return the convolution before a normalization, and the pooling after it, or None.

    The largest may as well be taken first, of four times as many pixels.
    """
    if not HAS_QUICK_LAYERS or quick_to_learn(norm) is not quick.FusedBatchNormalization:
        return None
    convolution = _alone_before(norm, keras.layers.Conv2D, inside)
    pooling = _alone_after(norm, keras.layers.MaxPooling2D, inside)
    if convolution is None or pooling is None or pooling.data_format != "channels_last":
        return None
    is_relu = convolution.activation is keras.activations.relu
    return (convolution, pooling) if is_relu else None


def _is_pooled_at_once(layer: keras.layers.Layer, inside: Inside) -> bool:
    norm = _alone_after(layer, keras.layers.BatchNormalization, inside)
    found = norm and pooled_before(norm, inside)
    if not found or not _is_centered(layer) or layer.kernel.shape[2] > FEW:
        return False
    pooling = found[1]
    return bool(pooling.pool_size == pooling.strides == (2, 2) and pooling.padding == "valid")


def _alone_before(layer: keras.layers.Layer, kind: Any, inside: Inside) -> Any:
    """Return the layer of a kind that this one looks at, and no other, once; or None."""
    before = [
        tensor._keras_history.operation
        for node in layer._inbound_nodes
        for tensor in node.input_tensors
    ]
    return before[0] if len(before) == 1 and _is_alone(before[0], kind, inside) else None


def _alone_after(layer: keras.layers.Layer, kind: Any, inside: Inside) -> Any:
    """Return the layer of a kind that looks at this one, as no other does; or None."""
    after = _after(layer, inside)
    return after[0] if len(after) == 1 and _is_alone(after[0], kind, inside) else None


def _is_alone(layer: Any, kind: Any, inside: Inside) -> bool:
    return type(layer) is kind and len(layer._inbound_nodes) == len(_after(layer, inside)) == 1


def _after(layer: Any, inside: Inside) -> list:
    """Return who looks at a layer within its model."""
    found = [node.operation for node in layer._outbound_nodes]
    return [item for item in found if id(item) in inside]


def _is_centered(layer: keras.layers.Layer) -> bool:
    return layer.strides[0] == 1 and all(side % 2 for side in layer.kernel_size)


def _is_plain(layer: keras.layers.Layer) -> bool:
    """Tell whether a convolution has none of the options that are hardly ever used."""
    return bool(
        layer.padding == "same"
        and layer.data_format == "channels_last"
        and getattr(layer, "groups", 1) == 1
        and set(layer.dilation_rate) == {1}
        and len(set(layer.strides)) == 1
    )
