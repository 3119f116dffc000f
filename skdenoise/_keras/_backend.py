"""What Keras does not do alike on every backend, such as compile, differentiate and convert.

TensorFlow is the backend that the tests use. XLA stays off for networks on a CPU: it halves their
speed there. What is done to each pixel alone is another matter.
"""

import functools
import math
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np

BACKEND = keras.backend.backend()

Signature = list[Any]
"""For each argument a pair (shape, dtype), None for sides that vary, or a list of these."""

FUSED = {
    "tensorflow": ("uint8", "uint16", "float32", "float64"),
    "jax": ("uint8", "uint16", "float32"),
}.get(BACKEND, ())
"""The dtypes of arrays for which `fused` compiles functions; on other backends there is none."""
LEAST_VIEWED = 4096
"""Elements from which on memory is shared with a tensor, rather than copied."""
ALIGNMENT = 64
"""Bytes, at a multiple of which a tensor begins."""

_users: set[int] = set()
"""The processes, by their numbers, that have used a network, this one or those before a fork."""


def check_not_forked() -> None:
    """Refuse to work where threads are missing that a fork does not copy: it would never end.

    Raises
    ------
    RuntimeError
        In a process that was forked from one in which this has been called.
    """
    _users.add(os.getpid())
    if len(_users) > 1:
        msg = (
            "This process was forked from one that had used a network, whose threads were not "
            "copied. Start processes afresh, with multiprocessing.get_context('spawn') or joblib."
        )
        raise RuntimeError(msg)


def as_given(inputs: Sequence[Any]) -> Any:
    """Return inputs as a model takes them: in a list, unless there is one alone."""
    return list(inputs) if len(inputs) > 1 else inputs[0]


if BACKEND == "tensorflow":
    import tensorflow as tf

    def compiled(function: Callable, signature: Signature) -> Callable:
        """Trace `function` once, for images of any size; for each size where it needs that."""

        def specs(item: Any) -> Any:
            if isinstance(item, list):
                return [specs(part) for part in item]
            return tf.TensorSpec(*item)

        traced = tf.function(function, [specs(item) for item in signature], autograph=False)
        try:
            # It need not look for the graph that its arguments want, at every call.
            return traced.get_concrete_function()
        except (TypeError, ValueError):
            # Some layers of Keras, such as bilinear up-sampling, must know the size.
            return tf.function(function, autograph=False)

    def traced_with(model: keras.Model) -> Any:
        """Return the graph of a model, with its weights, for images of any size."""

        def apply(*inputs: Any) -> Any:
            return model(as_given(inputs), training=False)

        specs = [tf.TensorSpec(item.shape, "float32") for item in model.inputs]
        return tf.function(apply, specs, autograph=False).get_concrete_function()

    def fused(function: Callable, signature: Signature) -> Callable:
        """Compile `function`, of arrays of just these shapes, to one pass over them."""
        specs = [tf.TensorSpec(*item) for item in signature]
        compile_it = True if _has_compiler() else None
        traced = tf.function(function, specs, autograph=False, jit_compile=compile_it)
        return traced.get_concrete_function()

    @functools.cache
    def _has_compiler() -> bool:
        """Tell whether this build of TensorFlow has XLA for its processor."""
        try:
            tf.function(tf.identity, jit_compile=True)(tf.zeros([]))
        except tf.errors.OpError:
            return False
        return True

    def to_tensor_views(arrays: Iterable[np.ndarray]) -> list:
        """Return tensors that are only read, and may share the memory of arrays."""
        return [_view(array) for array in arrays]

    def _view(array: np.ndarray) -> Any:
        if array.size < LEAST_VIEWED or not is_aligned(array):
            return tf.constant(array)
        # NumPy does not lend arrays that are read-only, although they are only read.
        lent = np.asarray(_Lent(array))
        return tf.experimental.dlpack.from_dlpack(lent.__dlpack__())

    class _Lent:
        """An array that says that it may be written to."""

        def __init__(self, array: np.ndarray) -> None:
            self.array = array
            interface = array.__array_interface__
            self.__array_interface__ = interface | {"data": (interface["data"][0], False)}

    def to_view(tensor: Any) -> np.ndarray:
        """Return what a tensor holds as an array that is not to be written to."""
        return np.asarray(tensor)

    def with_gradient(function: Callable) -> Callable:
        """Return the value of ``function(weights, ...) -> (loss, rest)``, and loss's gradient."""

        def run(weights: list, *arguments: Any) -> tuple:
            with tf.GradientTape() as tape:
                tape.watch(weights)
                loss, rest = function(weights, *arguments)
            gradient = tape.gradient(
                loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO
            )
            return (loss, rest), gradient

        return run

elif BACKEND == "jax":
    import jax

    def compiled(function: Callable, signature: Signature) -> Callable:
        """Compile `function` once for each shape of its arguments; `signature` is not needed."""
        return jax.jit(function)

    def fused(function: Callable, signature: Signature) -> Callable:
        """Compile `function`, of arrays of just these shapes, to one pass over them."""
        return jax.jit(function)

    def to_view(tensor: Any) -> np.ndarray:
        """Return what a tensor holds as an array that is not to be written to."""
        return np.asarray(tensor)

    def with_gradient(function: Callable) -> Callable:
        """Return the value of ``function(weights, ...) -> (loss, rest)``, and loss's gradient."""
        return jax.value_and_grad(function, has_aux=True)

elif BACKEND == "torch":
    import torch

    def compiled(function: Callable, signature: Signature) -> Callable:
        """Run `function` as it is: torch compiles slowly, and anew for each image size."""

        def run(*arguments: Any) -> Any:
            with torch.no_grad():
                return function(*arguments)

        return run

    def fused(function: Callable, signature: Signature) -> Callable:
        """Return the function; it is not asked for, since there are no dtypes in `FUSED`."""
        return function

    def to_view(tensor: Any) -> np.ndarray:
        """Return what a tensor holds as an array that is not to be written to."""
        return tensor.detach().cpu().numpy()

    def with_gradient(function: Callable) -> Callable:
        """Return the value of ``function(weights, ...) -> (loss, rest)``, and loss's gradient."""

        def run(weights: list, *arguments: Any) -> tuple:
            with torch.enable_grad():
                leaves = [weight.detach().requires_grad_() for weight in weights]
                loss, rest = function(leaves, *arguments)
                gradient = torch.autograd.grad(loss, leaves, materialize_grads=True)
            return (loss.detach(), rest), list(gradient)

        return run

else:
    msg = (
        f"The Keras backend {BACKEND!r} cannot train networks. Set the environment variable "
        f"KERAS_BACKEND to tensorflow, jax or torch before Python starts."
    )
    raise ImportError(msg)


if BACKEND != "tensorflow":

    def to_tensor_views(arrays: Iterable[np.ndarray]) -> list:
        """Return tensors that are only read, and may share the memory of arrays."""
        return to_tensors(arrays)

    def traced_with(model: keras.Model) -> Any:
        """Return the graph of a model; TensorFlow alone has one."""
        raise NotImplementedError


def is_aligned(array: np.ndarray) -> bool:
    """Tell whether a tensor could lie where an array does."""
    return array.flags.c_contiguous and array.__array_interface__["data"][0] % ALIGNMENT == 0


def aligned_zeros(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an array of zeros that lies where a tensor could."""
    n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.zeros(n_bytes + ALIGNMENT, np.uint8)
    first = -memory.__array_interface__["data"][0] % ALIGNMENT
    return memory[first : first + n_bytes].view(dtype).reshape(shape)


def to_tensors(arrays: Iterable[np.ndarray]) -> list:
    """Copy NumPy arrays to tensors of the backend."""
    return [keras.ops.convert_to_tensor(array) for array in arrays]


def to_array(tensor: Any) -> np.ndarray:
    """Copy a tensor to NumPy."""
    return np.array(to_view(tensor))


def to_arrays(tensors: Iterable[Any]) -> list[np.ndarray]:
    """Copy tensors of the backend to NumPy arrays."""
    return [to_array(tensor) for tensor in tensors]


def rounded_to_bfloat16(array: np.ndarray) -> np.ndarray:
    """Return the nearest numbers that bfloat16 has, as float32."""
    return to_array(keras.ops.cast(keras.ops.cast(array, "bfloat16"), "float32"))


def has_fast_bfloat16() -> bool:
    """Tell whether bfloat16 is quicker than float32 here; on a CPU, a matter of its flags."""
    if BACKEND == "tensorflow" and tf.config.list_physical_devices("GPU"):
        return True
    if BACKEND == "jax" and jax.default_backend() != "cpu":
        return True
    if BACKEND == "torch":
        return torch.cuda.is_available()
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(_flags_of_processor())


@functools.cache
def _flags_of_processor() -> frozenset[str]:
    """Return the names of its instructions, where the system tells them."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="ignore") as file:
            return frozenset(next((line for line in file if line.startswith("flags")), "").split())
    except OSError:
        return frozenset()
