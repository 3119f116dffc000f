"""How far a network sees: the margin that makes tiles equal the whole, found layer by layer.

Of each tensor three numbers are kept: the pixels between two of its positions, and how many
pixels the position's value depends on before and after the pixel it stands for. Where a layer
looks at the whole image, such as global pooling, there is no margin and the answer is None.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import keras

# Layers and operations that treat each position by itself.
POINTWISE = {
    *("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "BatchNormalization"),
    *("LayerNormalization", "Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout"),
    *("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Rescaling"),
    *("Identity", "Divide", "Relu", "Sigmoid", "Tanh", "Negative", "Absolute", "Square", "Clip"),
    *("LeakyRelu", "Elu", "Gelu", "Silu", "Softplus", "Cast"),
}


@dataclass(frozen=True)
class View:
    """What one position of a tensor depends on, in pixels of the input."""

    step: Fraction
    before: Fraction = Fraction(0)
    after: Fraction = Fraction(0)


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
    steps = [Fraction(1)]
    seen: dict[int, View | None] = {}

    def view_of(tensor: Any) -> View | None:
        if id(tensor) not in seen:
            operation, node_index, _ = tensor._keras_history
            inputs = operation._inbound_nodes[node_index].input_tensors
            views = [view_of(item) for item in inputs]
            seen[id(tensor)] = _through(operation, views)
            if seen[id(tensor)] is not None:
                steps.append(seen[id(tensor)].step)
        return seen[id(tensor)]

    views = [view_of(tensor) for tensor in model.outputs]
    stride = max(step.numerator for step in steps if step.denominator == 1)
    if any(view is None or view.step != 1 for view in views):
        return None, stride
    margin = max(max(view.before, view.after) for view in views)
    return -(-int(-(-margin // 1)) // stride) * stride, stride


def _through(operation: Any, views: list[View | None]) -> View | None:
    """Follow one layer; pointwise ones unite what their inputs depend on."""
    kind = type(operation).__name__
    if kind == "InputLayer":
        return View(Fraction(1))
    if not views or any(view is None for view in views):
        return None
    known = [view for view in views if view is not None]
    view = View(
        known[0].step,
        max(item.before for item in known),
        max(item.after for item in known),
    )
    if len({item.step for item in known}) > 1:
        return None
    if kind in POINTWISE:
        return view
    if kind in ("Conv2D", "DepthwiseConv2D", "SeparableConv2D"):
        return _window(operation, operation.kernel_size, operation.dilation_rate, view)
    if kind in ("MaxPooling2D", "AveragePooling2D"):
        return _window(operation, operation.pool_size, (1, 1), view)
    if kind == "Conv2DTranspose":
        return _transposed_window(operation, view)
    if kind == "UpSampling2D":
        return _upsampling(operation, view)
    return None


def _one(sides: Any) -> int | None:
    """Return the size that height and width share, None where they differ."""
    height, width = (sides, sides) if isinstance(sides, int) else sides
    return height if height == width else None


def _window(operation: Any, size: Any, dilation: Any, view: View) -> View | None:
    kernel, stride, rate = _one(size), _one(operation.strides), _one(dilation)
    if None in (kernel, stride, rate):
        return None
    reach = (kernel - 1) * rate
    if operation.padding != "same" and (reach + 1 != stride):
        return None
    before = max(reach + 1 - stride, 0) // 2
    return View(
        view.step * stride,
        view.before + view.step * before,
        view.after + view.step * (reach - before),
    )


def _transposed_window(operation: Any, view: View) -> View | None:
    kernel, stride = _one(operation.kernel_size), _one(operation.strides)
    if None in (kernel, stride) or operation.padding != "same" or kernel < stride:
        return None
    before = (kernel - stride) // 2
    step = view.step / stride
    return View(step, view.before + step * (kernel - 1 - before), view.after + step * before)


def _upsampling(operation: Any, view: View) -> View | None:
    factor = _one(operation.size)
    if factor is None or operation.interpolation not in ("nearest", "bilinear"):
        return None
    step = view.step / factor
    # Bilinear interpolation looks at one more position on either side.
    more = view.step if operation.interpolation == "bilinear" else 0
    return View(step, view.before + step * (factor - 1) + more, view.after + more)
