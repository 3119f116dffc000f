"""Optimizers as functions: old weights, gradient and state in, new weights and state out.

Keras optimizers keep their state in variables of their own, which the TensorFlow backend
cannot pass in and out of a traced step; one step for all fits needs that.
"""

import math
from collections.abc import Callable
from typing import Any

from keras import ops

from skdenoise._keras._backend import has_fast_bfloat16

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


def muon(
    weight: Any, gradient: Any, state: list[Any], *, rate: Any, count: Any
) -> tuple[Any, list[Any]]:
    """Step by the orthogonal matrix closest to the gradient's running mean [1]_.

    All directions of a kernel then learn equally fast, also those with a small gradient. A
    step is as long as Adam's usual one [2]_; what is no kernel takes the step of Adam.

    References
    ----------
    .. [1] K. Jordan, Y. Jin, V. Boza, J. You, F. Cesista, L. Newhouse, J. Bernstein, "Muon: An
       optimizer for hidden layers in neural networks", 2024.
       https://kellerjordan.github.io/posts/muon/
    .. [2] J. Liu et al., "Muon is Scalable for LLM Training", 2025.
       https://arxiv.org/abs/2502.16982
    """
    if len(weight.shape) < 2:
        return adam(weight, gradient, state, rate=rate, count=count)
    mean, square = state
    mean = mean + 0.05 * (gradient - mean)
    ahead = gradient + 0.95 * (mean - gradient)
    # One row per pair of pixel and channel that is read, one column per channel that is written.
    matrix = ops.reshape(ahead, (-1, weight.shape[-1]))
    longest = max(math.prod(weight.shape[:-1]), weight.shape[-1])
    step = 0.2 * math.sqrt(longest) * ops.reshape(_orthogonal(matrix), weight.shape)
    return weight - rate * step, [mean, square]


def _orthogonal(matrix: Any) -> Any:
    """Bring all singular values close to 1, by an iteration of Newton and Schulz."""
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = ops.transpose(matrix) if is_tall else matrix
    # In two steps, since the squares of very small numbers are 0.
    x = x / ops.maximum(ops.max(ops.abs(x)), 1e-30)
    x = x / ops.maximum(ops.sqrt(ops.sum(ops.square(x))), 1.0)
    if has_fast_bfloat16():
        x = ops.cast(x, "bfloat16")
    for _ in range(5):
        square = ops.matmul(x, ops.transpose(x))
        polynomial = -4.7750 * square + 2.0315 * ops.matmul(square, square)
        x = 3.4445 * x + ops.matmul(polynomial, x)
    x = ops.cast(x, matrix.dtype)
    return ops.transpose(x) if is_tall else x


OPTIMIZERS: dict[str, tuple[Update, int]] = {
    "adam": (adam, 2),
    "adamw": (adamw, 2),
    "muon": (muon, 2),
    "sgd": (sgd, 1),
}
"""Name -> (function, arrays of state per weight)."""


def clip_by_norm(gradients: list[Any], largest: float) -> list[Any]:
    """Shorten the gradient as a whole where it is longer than `largest`."""
    norm = ops.sqrt(sum(ops.sum(ops.square(gradient)) for gradient in gradients))
    shrink = largest / ops.maximum(norm, largest)
    return [gradient * shrink for gradient in gradients]
