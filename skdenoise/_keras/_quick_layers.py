"""Layers that give what those of Keras give, in less time; other backends have none."""

import functools
from typing import Any

import keras
import numpy as np

from skdenoise._keras._backend import BACKEND

MANY = 16
"""Channels at least of which convolutions are as fast, for each, as of more."""

if BACKEND == "tensorflow":
    import tensorflow as tf

    def convolved(inputs: Any, kernel: Any, bias: Any = None, *, strides: int = 1) -> Any:
        """Convolve, with a bias in any case: TensorFlow joins only then what follows to it."""
        if bias is None:
            # It would see through plain zeros, and leave them out.
            zero = tf.zeros([], kernel.dtype)
            bias = tf.stop_gradient(
                tf.raw_ops.ClipByValue(t=kernel[0, 0, 0], clip_value_min=zero, clip_value_max=zero)
            )
        return tf.nn.bias_add(tf.nn.conv2d(inputs, kernel, strides, "SAME"), bias)

    def convolved_exactly(inputs: Any, kernel: Any, bias: Any = None, *, strides: int = 1) -> Any:
        """Convolve in bfloat16, and return float32 with what its rounding took away.

        Sums are float32 until they are stored. So what was stored is subtracted from the same
        sum, before that is rounded in its turn.
        """
        kernel = tf.cast(kernel, inputs.dtype)
        bias = None if bias is None else tf.cast(bias, inputs.dtype)
        stored = convolved(inputs, kernel, bias, strides=strides)
        widened = tf.cast(stored, "float32")
        # What is added to a convolution may be overwritten by it, so it must have been read.
        with tf.control_dependencies([widened]):
            opposite = None if bias is None else -bias
            excess = convolved(inputs, -kernel, opposite, strides=strides) + stored
        return widened - tf.cast(excess, "float32")

    class Convolution(keras.layers.Conv2D):
        """The same layer, in one operation with its activation or what is added to it."""

        convolved = staticmethod(convolved)

        def call(self, inputs: Any) -> Any:
            """Convolve."""
            bias = self.bias if self.use_bias else None
            convolve = functools.partial(self.convolved, strides=self.strides[0])
            parts, kernels = _joined(inputs), [self.kernel]
            if len(parts) > 1:
                kernels = tf.split(self.kernel, [part.shape[-1] for part in parts], axis=2)
            *others, last = zip(parts, kernels, strict=True)
            outputs = convolve(*last, bias)
            for part, kernel in others:
                outputs = outputs + convolve(part, kernel)
            return self.activation(outputs)

    def _joined(inputs: Any) -> list:
        """Return what was joined along the channels, which then need not be done."""
        made_by = getattr(inputs, "op", None)
        if made_by is None or made_by.type != "ConcatV2":
            return [inputs]
        *items, axis = made_by.inputs
        along = tf.get_static_value(axis)
        many = all(len(item.shape) == 4 and (item.shape[-1] or 0) >= MANY for item in items)
        return items if along in (-1, 3) and many else [inputs]

    class DepthToSpace(keras.layers.Conv2DTranspose):
        """The same layer as a convolution, whose channels are then spread over the finer grid.

        For few output channels that takes a fourth of the time.
        """

        convolved = staticmethod(convolved)

        def call(self, inputs: Any) -> Any:
            """Convolve."""
            stride, filters = self.strides[0], self.filters
            n = self.kernel_size[0] // stride
            kernel = tf.reshape(self.kernel, [n, stride, n, stride, filters, -1])[::-1, :, ::-1]
            kernel = tf.transpose(kernel, [0, 2, 5, 1, 3, 4])
            kernel = tf.reshape(kernel, [n, n, -1, stride**2 * filters])
            outputs = tf.nn.depth_to_space(self.convolved(inputs, kernel), stride)
            if self.use_bias:
                outputs = outputs + self.bias
            return self.activation(outputs)

    class ConvolutionOfRepeated(keras.layers.Conv2D):
        """Up-sampling that doubles all pixels and a convolution, given what is to be doubled.

        The convolution has all four outputs of a pixel in its channels, which are then spread.
        """

        convolved = staticmethod(convolved)

        def call(self, inputs: Any) -> Any:
            """Convolve."""
            rows, columns = map(_taps_of_doubled, self.kernel_size)
            kernel = tf.cast(self.kernel, "float32")
            kernel = tf.einsum("pay,qbx,yxio->abipqo", rows, columns, kernel)
            kernel = tf.reshape(kernel, [*kernel.shape[:3], 4 * self.filters])
            kernel = tf.cast(kernel, inputs.dtype)
            outputs = tf.nn.depth_to_space(self.convolved(inputs, kernel), 2)
            if self.use_bias:
                outputs = outputs + self.bias
            return self.activation(outputs)

    def _taps_of_doubled(side: int) -> np.ndarray:
        """Return which tap sees which pixel: (one of the two outputs, pixel, tap)."""
        before = side // 2
        farthest = -(-before // 2)
        taps = np.zeros((2, 2 * farthest + 1, side), np.float32)
        for output in range(2):
            for tap in range(side):
                taps[output, (output + tap - before) // 2 + farthest, tap] = 1
        return taps

    class LargestOfConvolved(Convolution):
        """The same layer and pooling of 2 x 2, as four convolutions of every second pixel.

        What is pooled is four times as large, and never stored. For few input channels, that
        takes most of the time.
        """

        def call(self, inputs: Any) -> Any:
            """Convolve and pool."""
            size, (rows, columns) = tf.shape(inputs), self.kernel_size
            high, wide = size[1] + rows - 2, size[2] + columns - 2
            margins = [[side // 2] * 2 for side in self.kernel_size]
            inputs = tf.pad(inputs, [[0, 0], *margins, [0, 0]])
            outputs = None
            for top in range(2):
                for left in range(2):
                    part = inputs[:, top : top + high, left : left + wide]
                    found = tf.nn.conv2d(part, self.kernel, 2, "VALID")
                    outputs = found if outputs is None else tf.maximum(outputs, found)
            return tf.nn.bias_add(outputs, self.bias) if self.use_bias else outputs

    class GivenBfloat16(keras.layers.Layer):
        """What makes such a layer return float32, as two convolutions in bfloat16."""

        convolved = staticmethod(convolved_exactly)

        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.autocast = False

    class LastConvolution(GivenBfloat16, Convolution):
        """A layer in float32 that is given bfloat16."""

    class LastDepthToSpace(GivenBfloat16, DepthToSpace):
        """A layer in float32 that is given bfloat16."""

    class LastConvolutionOfRepeated(GivenBfloat16, ConvolutionOfRepeated):
        """A layer in float32 that is given bfloat16."""

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

    class JoinedPlanes(keras.layers.Concatenate):
        """The same layer for few channels, whose planes are joined and then mixed.

        That takes half of the time, since TensorFlow copies the channels of a pixel one by one.
        """

        def call(self, inputs: Any) -> Any:
            """Join channels."""
            planes = [tf.transpose(item, [0, 3, 1, 2]) for item in inputs]
            return tf.transpose(tf.concat(planes, 1), [0, 2, 3, 1])

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

    class NormalizationOfLargest(FusedBatchNormalization):
        """Normalization of what was made smaller, by taking the largest pixels, before.

        It was taken before the activation, a ReLU, too, and of what the normalization subtracts it
        is the smallest: the signs of these channels have been changed.
        """

        def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
            """Give back the signs, activate and normalize."""
            signs = tf.cast(tf.sign(self.gamma), inputs.dtype)
            return super().call(tf.nn.relu(inputs * signs), training, mask)
