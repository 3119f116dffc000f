"""How far a network sees: the margin that makes tiles equal the whole, found layer by layer.

Of each tensor three numbers are kept: the pixels between two of its positions, and how many
pixels the position's value depends on before and after the pixel it stands for. Where a layer
looks at the whole image, such as global pooling, or is not known here, there is no margin.
"""

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import keras

POINTWISE = {
    *("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "BatchNormalization"),
    *("LayerNormalization", "Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout"),
    *("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Rescaling"),
    *("Identity", "Divide", "Relu", "Sigmoid", "Tanh", "Negative", "Absolute", "Square", "Clip"),
    *("LeakyRelu", "Elu", "Gelu", "Silu", "Softplus", "Cast"),
}
"""Layers and operations that treat each position by itself."""


@dataclass(frozen=True)
class View:
    """What one position of a tensor depends on, in pixels of the input."""

    step: Fraction = Fraction(1)
    before: Fraction = Fraction(0)
    after: Fraction = Fraction(0)
    bounded: bool = True


def halo_and_stride(model: keras.Model) -> tuple[int | None, int]:
    """Return the margin of a tile and the number that its origin must be a multiple of.

    Parameters
    ----------
    model : keras.Model
        A functional model from images to images of the same size.

    Returns
    -------
    halo : int or None
        Pixels, a multiple of `stride`; None if an output pixel depends on the whole image or
        the model has a layer that is not known here.
    stride : int
        The coarsest grid that the network works on.
    """
    views: dict[int, View] = {}

    def view_of(tensor: Any) -> View:
        if id(tensor) not in views:
            operation, node_index, _ = tensor._keras_history
            inputs = operation._inbound_nodes[node_index].input_tensors
            views[id(tensor)] = _through(operation, [view_of(item) for item in inputs])
        return views[id(tensor)]

    outputs = [view_of(tensor) for tensor in model.outputs]
    stride = math.lcm(*(math.ceil(view.step) for view in views.values()))
    if any(not view.bounded or view.step != 1 for view in outputs):
        return None, stride
    margin = max(max(view.before, view.after) for view in outputs)
    return math.ceil(margin / stride) * stride, stride


def _through(operation: Any, inputs: list[View]) -> View:
    """Follow one layer, from what its inputs depend on to what its output does."""
    if not inputs:
        return View()
    united = View(
        max(view.step for view in inputs),
        max(view.before for view in inputs),
        max(view.after for view in inputs),
        all(view.bounded and view.step == inputs[0].step for view in inputs),
    )
    kind = type(operation).__name__
    if kind in POINTWISE:
        along_channels = getattr(operation, "axis", -1) in (-1, 3, [-1], [3], (-1,), (3,))
        return replace(united, bounded=united.bounded and along_channels)
    if kind in ("Conv2D", "DepthwiseConv2D", "SeparableConv2D"):
        return _window(united, operation, operation.kernel_size, operation.dilation_rate)
    if kind in ("MaxPooling2D", "AveragePooling2D"):
        return _window(united, operation, operation.pool_size, 1)
    if kind == "Conv2DTranspose":
        return _transposed_window(united, operation)
    if kind == "UpSampling2D":
        return _upsampling(united, operation)
    return replace(united, bounded=False)


def _common(sides: Any) -> int:
    """Return what is a multiple of height and width."""
    return sides if isinstance(sides, int) else math.lcm(*sides)


def _is_even(sides: Any) -> bool:
    """Tell whether height and width are the same."""
    return isinstance(sides, int) or len(set(sides)) == 1


def _side(sides: Any) -> int:
    """Return the larger of height and width."""
    return sides if isinstance(sides, int) else max(sides)


def _window(view: View, operation: Any, size: Any, dilation: Any) -> View:
    """Follow a window of `size` that moves by the layer's strides."""
    stride = _side(operation.strides)
    reach = (_side(size) - 1) * _side(dilation)
    before = max(reach + 1 - stride, 0) // 2
    return View(
        view.step * _common(operation.strides),
        view.before + view.step * before,
        view.after + view.step * (reach - before),
        # Without padding, sizes match only where windows lie side by side.
        view.bounded
        and _is_even(operation.strides)
        and (operation.padding == "same" or reach + 1 == stride),
    )


def _transposed_window(view: View, operation: Any) -> View:
    """Follow a window that spreads each position over the finer grid."""
    kernel, stride = _side(operation.kernel_size), _side(operation.strides)
    before = max(kernel - stride, 0) // 2
    step = view.step / _common(operation.strides)
    return View(
        step,
        view.before + step * (kernel - 1 - before),
        view.after + step * before,
        view.bounded
        and _is_even(operation.strides)
        and operation.padding == "same"
        and kernel >= stride,
    )


def _upsampling(view: View, operation: Any) -> View:
    """Follow an interpolation; a bilinear one looks at one more position on either side."""
    factor = _side(operation.size)
    step = view.step / _common(operation.size)
    more = view.step if operation.interpolation == "bilinear" else Fraction(0)
    return View(
        step,
        view.before + step * (factor - 1) + more,
        view.after + more,
        view.bounded
        and _is_even(operation.size)
        and operation.interpolation in ("nearest", "bilinear"),
    )
