"""The three things that Keras does not do alike on every backend: compile, differentiate, convert.

TensorFlow is the backend that the tests use. XLA stays off on a CPU: it halves the speed there.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np

BACKEND = keras.backend.backend()

FEW = 4
"""Output channels at most, of which processors compute as many as 16 at the same cost."""

Signature = list[Any]
"""For each argument a pair (shape, dtype), None for sides that vary, or a list of these."""

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
            return model(list(inputs) if len(inputs) > 1 else inputs[0], training=False)

        specs = [tf.TensorSpec(item.shape, "float32") for item in model.inputs]
        return tf.function(apply, specs, autograph=False).get_concrete_function()

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

    class FusedBatchNormalization(keras.layers.BatchNormalization):
        """The same layer in one operation, which learns six times as fast."""

        def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
            """Normalize, and remember the moments."""
            if len(inputs.shape) != 4:
                return super().call(inputs, training=training, mask=mask)
            if not training:
                return tf.raw_ops.FusedBatchNormV3(
                    x=inputs,
                    scale=self.gamma,
                    offset=self.beta,
                    mean=self.moving_mean,
                    variance=self.moving_variance,
                    epsilon=self.epsilon,
                    is_training=False,
                ).y
            outputs = tf.raw_ops.FusedBatchNormV3(
                x=inputs,
                scale=self.gamma,
                offset=self.beta,
                mean=tf.zeros([0]),
                variance=tf.zeros([0]),
                epsilon=self.epsilon,
                is_training=True,
            )
            # The operation divides by n - 1, the layer by n.
            n = tf.cast(tf.reduce_prod(tf.shape(inputs)[:-1]), tf.float32)
            variance = outputs.batch_variance * (tf.maximum(n - 1, 1) / n)
            for moving, new in (
                (self.moving_mean, outputs.batch_mean),
                (self.moving_variance, variance),
            ):
                moving.assign(moving * self.momentum + new * (1 - self.momentum))
            return outputs.y

    class DepthToSpace(keras.layers.Conv2DTranspose):
        """The same layer as a convolution, whose channels are then spread over the finer grid.

        For few output channels that takes a fourth of the time.
        """

        def call(self, inputs: Any) -> Any:
            """Convolve."""
            stride, filters = self.strides[0], self.filters
            n = self.kernel_size[0] // stride
            kernel = tf.reshape(self.kernel, [n, stride, n, stride, filters, -1])[::-1, :, ::-1]
            kernel = tf.transpose(kernel, [0, 2, 5, 1, 3, 4])
            kernel = tf.reshape(kernel, [n, n, -1, stride**2 * filters])
            outputs = tf.nn.depth_to_space(tf.nn.conv2d(inputs, kernel, 1, "SAME"), stride)
            if self.use_bias:
                outputs = outputs + self.bias
            return self.activation(outputs)

    class SumOfShifted(keras.layers.Conv2D):
        """The same layer as a product of matrices, whose columns are shifted and added.

        For few output channels that takes a third of the time.
        """

        def call(self, inputs: Any) -> Any:
            """Convolve."""
            (height, width), filters = self.kernel_size, self.filters
            n_inputs = inputs.shape[-1]
            size = tf.shape(inputs)
            kernel = tf.transpose(self.kernel, [2, 0, 1, 3])
            products = tf.matmul(
                tf.reshape(inputs, [-1, n_inputs]), tf.reshape(kernel, [n_inputs, -1])
            )
            products = tf.reshape(products, [*tf.unstack(size)[:3], height * width * filters])
            margins = [[side // 2] * 2 for side in self.kernel_size]
            products = tf.pad(products, [[0, 0], *margins, [0, 0]])
            outputs = tf.add_n(
                [
                    products[:, i : i + size[1], j : j + size[2], first : first + filters]
                    for i in range(height)
                    for j in range(width)
                    for first in [(i * width + j) * filters]
                ]
            )
            if self.use_bias:
                outputs = outputs + self.bias
            return self.activation(outputs)

    def quick_to_apply(layer: keras.layers.Layer) -> type[keras.layers.Layer]:
        """Return the class of a layer, or of one that gives the same in less time."""
        usual = isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose)) and (
            layer.padding == "same"
            and layer.data_format == "channels_last"
            and getattr(layer, "groups", 1) == 1
            and set(layer.dilation_rate) == {1}
            and len(set(layer.strides)) == 1
        )
        if usual and type(layer) is keras.layers.Conv2DTranspose:
            ratios = {side / layer.strides[0] for side in layer.kernel_size}
            even = len(ratios) == 1 and ratios <= {1.0, 3.0, 5.0} and layer.strides[0] > 1
            if even and layer.output_padding is None and layer.filters <= FEW:
                return DepthToSpace
        if usual and type(layer) is keras.layers.Conv2D and layer.filters <= FEW:
            odd = all(side % 2 for side in layer.kernel_size) and max(layer.kernel_size) > 1
            if odd and layer.strides[0] == 1 and layer.kernel.shape[2] > 4 * layer.filters:
                return SumOfShifted
        return quick_class(layer)

    def quick_class(layer: keras.layers.Layer) -> type[keras.layers.Layer]:
        """Return the class of a layer, or of one that learns the same in less time."""
        if type(layer) is not keras.layers.BatchNormalization:
            return type(layer)
        usual = layer.trainable and layer.center and layer.scale and layer.axis in (-1, 3)
        special = layer.renorm or layer.synchronized or layer.variable_dtype != "float32"
        return FusedBatchNormalization if usual and not special else type(layer)

elif BACKEND == "jax":
    import jax

    def compiled(function: Callable, signature: Signature) -> Callable:
        """Compile `function` once for each shape of its arguments; `signature` is not needed."""
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

    def traced_with(model: keras.Model) -> Any:
        """Return the graph of a model; TensorFlow alone has one."""
        raise NotImplementedError

    def quick_class(layer: keras.layers.Layer) -> type[keras.layers.Layer]:
        """Return the class of a layer, or of one that learns the same in less time."""
        return type(layer)

    quick_to_apply = quick_class


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
