"""Heights and widths that are known only when a graph runs: positions along an axis, as tensors.

These are operations that Keras can write to a file and that every runtime knows; a function of
`keras.ops.shape` would need code beside the file.
"""

from typing import Any

from keras import ops


def line(x: Any, axis: int) -> Any:
    """Return ones of shape (1, n, 1, 1), as many as `x` has rows (axis 1) or columns (2)."""
    part = x[:1, :, :1, :1] if axis == 1 else ops.transpose(x[:1, :1, :, :1], (0, 2, 1, 3))
    return ops.ones_like(part)


def length(ones: Any) -> Any:
    """Return how many there are."""
    return ops.cast(ops.sum(ones), "int32")


def positions(ones: Any) -> Any:
    """Return 0, 1, 2, and so on, of shape (n,)."""
    return ops.cast(ops.cumsum(ops.reshape(ones, (-1,))), "int32") - 1


def blocks(ones: Any, side: int) -> Any:
    """Return a one for each block of `side`, the last of which may be shorter."""
    # Of a single number: Keras reads a pair from a file as a list, which JAX refuses.
    return ops.max_pool(ones, side, strides=side, padding="same", data_format="channels_last")


def repeated(ones: Any, times: int) -> Any:
    """Return each so many times."""
    return ops.repeat(ones, times, axis=1)


def mirrored(x: Any, axis: int, multiple: int) -> Any:
    """Go on with a mirror image at the end, up to a multiple of `multiple`."""
    ones = line(x, axis)
    n = length(ones)
    along = positions(repeated(blocks(ones, multiple), multiple)) % (2 * n)
    return ops.take(x, ops.minimum(along, 2 * n - 1 - along), axis=axis)


def cut(x: Any, axis: int, like: Any) -> Any:
    """Keep as many rows or columns as `like` has."""
    return ops.take(x, positions(line(like, axis)), axis=axis)


def enlarged(x: Any, axis: int, times: int) -> Any:
    """Repeat each row or column so many times."""
    return ops.take(x, positions(repeated(line(x, axis), times)) // times, axis=axis)
