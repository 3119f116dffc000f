"""Optimizers as functions: old weights, gradient and state in, new weights and state out.

Keras optimizers keep their state in variables of their own, which the TensorFlow backend
cannot pass in and out of a traced step; one step for all fits needs that.
"""

from collections.abc import Callable
from typing import Any

from keras import ops

Update = Callable[..., tuple[Any, list[Any]]]


def adam(
    weight: Any, gradient: Any, state: list[Any], *, rate: Any, count: Any, decay: float = 0.0
) -> tuple[Any, list[Any]]:
    """Step by the ratio of the gradient's running mean and root mean square (Kingma & Ba 2015)."""
    mean, square = state
    mean = mean + 0.1 * (gradient - mean)
    square = square + 0.001 * (ops.square(gradient) - square)
    unbiased = mean / (1 - ops.power(0.9, count))
    spread = ops.sqrt(square / (1 - ops.power(0.999, count)))
    step = unbiased / (spread + 1e-8) + decay * weight
    return weight - rate * step, [mean, square]


def adamw(
    weight: Any, gradient: Any, state: list[Any], *, rate: Any, count: Any
) -> tuple[Any, list[Any]]:
    """Step as Adam, and shrink the weights by a share of the rate (Loshchilov & Hutter 2019)."""
    return adam(weight, gradient, state, rate=rate, count=count, decay=0.004)


def sgd(
    weight: Any, gradient: Any, state: list[Any], *, rate: Any, count: Any
) -> tuple[Any, list[Any]]:
    """Step along the gradient with Nesterov's momentum of 0.9 (Sutskever et al. 2013)."""
    (velocity,) = state
    velocity = 0.9 * velocity - rate * gradient
    return weight + 0.9 * velocity - rate * gradient, [velocity]


# Name -> (function, arrays of state per weight).
OPTIMIZERS: dict[str, tuple[Update, int]] = {
    "adam": (adam, 2),
    "adamw": (adamw, 2),
    "sgd": (sgd, 1),
}


def clip_by_norm(gradients: list[Any], largest: float) -> list[Any]:
    """Shorten the gradient as a whole where it is longer than `largest`."""
    norm = ops.sqrt(sum(ops.sum(ops.square(gradient)) for gradient in gradients))
    shrink = largest / ops.maximum(norm, largest)
    return [gradient * shrink for gradient in gradients]
