"""Networks in OpenVINO: converted, quantized to 8 bits where that is asked for, and run.

The convolutions between the first and the last one are quantized: their kernels per output channel,
their inputs per tensor, over the range that is best for the calibration images. What rounding
changes in the mean of each output channel on these is added to it again [1]_.

References
----------
.. [1] M. Nagel, M. van Baalen, T. Blankevoort, M. Welling, "Data-Free Quantization Through Weight
   Equalization and Bias Correction", ICCV 2019. https://arxiv.org/abs/1906.04721
"""

import functools
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from skdenoise._keras._backend import BACKEND, has_fast_bfloat16, traced_with
from skdenoise._keras._network import Network, Weights
from skdenoise._side_by_side import n_cores

Inputs = list[np.ndarray]
"""A batch for each input of a network."""
Arrays = dict[str, np.ndarray]
"""The same, by name."""

RANGES = np.linspace(0.2, 1.0, 33)
"""Largest value that is told from larger ones, as a share of the largest that there is."""
MANY = 8
"""So many calls must have come while others ran: to compile a model anew takes as long."""
SAMPLED = 8192
"""About how many values of a tensor, per image, tell what range is best."""


def openvino_runner(
    network: Network,
    weights: Weights,
    precision: str,
    calibration: Iterable[Inputs],
    at_once: int,
) -> Callable[[Inputs], np.ndarray]:
    """Compile a network; return what applies it, in several threads at once where need be.

    Parameters
    ----------
    network : Network
        The template, in float32.
    weights : dict of str to ndarray
        Its weights.
    precision : {"float32", "bfloat16", "int8"}
        Arithmetic.
    calibration : iterable of list of ndarray
        Inputs of the network, for "int8".
    at_once : int
        Calls, at most, among which the cores are divided.
    """
    if BACKEND != "tensorflow":
        msg = (
            f"engine='openvino' reads networks from TensorFlow, but Keras runs on {BACKEND}. Set "
            f"engine='keras', or the environment variable KERAS_BACKEND=tensorflow."
        )
        raise RuntimeError(msg)
    import openvino

    whole = network.with_weights(weights)  # whose variables the graph only refers to
    model = openvino.convert_model(traced_with(whole))
    if precision == "int8":
        model = quantized(model, list(calibration))
    # What is not quantized is in bfloat16, but for the operations behind the last convolution.
    rough = precision == "bfloat16" or (precision == "int8" and has_fast_bfloat16())
    return _Runner(model, "bf16" if rough else "f32", at_once)


class _Runner:
    """Applies a model; calls that come while others run share the cores with these.

    All cores work on a call that comes alone. Of several, each is quicker with some cores of its
    own than when all of them work on each: they need not wait for each other after every layer.
    """

    def __init__(self, model: Any, precision: str, at_once: int) -> None:
        self._model, self._precision = model, precision
        self._at_once = min(at_once, n_cores())
        self._alone = _Requests(program_of(model, precision))
        self._beside_others: _Requests | None = None
        self._lock = threading.Lock()
        self._n_running = self._n_overlapping = 0

    def __call__(self, inputs: Inputs) -> np.ndarray:
        with self._lock:
            overlaps = self._n_running > 0
            self._n_running += 1
            self._n_overlapping += overlaps
            worthwhile = overlaps and self._n_overlapping == MANY and self._at_once > 1
        try:
            if worthwhile:
                program = program_of(self._model, self._precision, self._at_once)
                self._beside_others = _Requests(program)
            requests = self._beside_others if overlaps else None
            return (requests or self._alone)(inputs)
        finally:
            with self._lock:
                self._n_running -= 1


class _Requests:
    """Runs a compiled model, in several threads at once."""

    def __init__(self, program: Any) -> None:
        self._program = program
        # A request belongs to one thread at a time.
        self._idle: deque[Any] = deque()

    def __call__(self, inputs: Inputs) -> np.ndarray:
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._program.create_infer_request()
        output: np.ndarray = request.infer(inputs, share_inputs=True)[0]
        self._idle.append(request)
        return output


@functools.cache
def _core() -> Any:
    import openvino

    return openvino.Core()


def program_of(model: Any, precision: str, n_streams: int = 1) -> Any:
    """Compile a model, or a file, for so many calls at a time; these share the cores."""
    how: dict[str, Any] = {"INFERENCE_PRECISION_HINT": precision}
    if n_streams > 1:
        # Threads that are bound to a core would wait for what else has to be done there.
        how |= {"NUM_STREAMS": n_streams, "ENABLE_CPU_PINNING": False}
    else:
        how |= {"PERFORMANCE_HINT": "LATENCY"}
    return _core().compile_model(model, "CPU", how)


def quantized(model: Any, calibration: Sequence[Inputs | Arrays]) -> Any:
    """Return the same model with convolutions of 8-bit integers, whose kernels are stored as such.

    Parameters
    ----------
    model : openvino.Model
        In float32; not changed.
    calibration : sequence of list of ndarray, or of dict of str to ndarray
        Inputs.
    """
    from openvino import opset13 as ops

    model = model.clone()
    convolutions = [
        node
        for node in model.get_ordered_ops()
        if node.get_type_name() == "Convolution"
        and node.input_value(1).get_node().get_type_name() == "Constant"
    ][1:-1]
    if not convolutions:
        return model
    # Several convolutions may see the same tensor; it is quantized once.
    sources = {_name(node.input_value(0)): node.input_value(0) for node in convolutions}
    values: dict[Any, list[np.ndarray]] = {name: [] for name in sources}
    for outputs in _probed(model, sources.values(), calibration):
        for seen, output in zip(values.values(), outputs, strict=True):
            flat = output.ravel()
            seen.append(flat[:: (flat.size // SAMPLED) | 1])
    rounded = {
        name: ops.fake_quantize(source, *_range(np.concatenate(values[name])), 256)
        for name, source in sources.items()
    }
    kernels = [_rounded_kernel(node) for node in convolutions]
    inputs = [rounded[_name(node.input_value(0))] for node in convolutions]
    changes = [
        ops.reduce_mean(
            ops.subtract(node.output(0), _like(node, source, kernel)), [0, 2, 3], keep_dims=True
        ).output(0)
        for node, source, kernel in zip(convolutions, inputs, kernels, strict=True)
    ]
    found = zip(*_probed(model, changes, calibration), strict=True)
    biases = [np.mean(changes_of_one, axis=0) for changes_of_one in found]
    for node, source, kernel, bias in zip(convolutions, inputs, kernels, biases, strict=True):
        readers = list(node.output(0).get_target_inputs())
        corrected = ops.add(node.output(0), ops.constant(bias.astype(np.float32)))
        for reader in readers:
            # The probes read it, too, but they are gone.
            reader.replace_source_output(corrected.output(0))
        node.input(0).replace_source_output(source.output(0))
        node.input(1).replace_source_output(kernel.output(0))
    return model


def _name(tensor: Any) -> tuple[str, int]:
    return tensor.get_node().get_friendly_name(), tensor.get_index()


def _probed(
    model: Any, tensors: Iterable[Any], calibration: Sequence[Inputs | Arrays]
) -> Iterator[list[np.ndarray]]:
    """Yield the values of inner tensors of a model, for each of the inputs."""
    import openvino
    from openvino import opset13 as ops

    results = [ops.result(tensor) for tensor in tensors]
    request = program_of(
        openvino.Model(results, model.get_parameters(), "probe"), "f32"
    ).create_infer_request()
    for inputs in calibration:
        found = request.infer(inputs)
        yield [found[index] for index in range(len(results))]


def _range(values: np.ndarray) -> tuple[np.float32, ...]:
    """Return the range with the least squared error, for inputs and for outputs of rounding."""
    signed = bool(values.min() < 0)
    n_steps = 127 if signed else 255
    sizes = np.abs(values)
    largest = float(sizes.max()) or 1.0

    def error(limit: float) -> float:
        step = limit / n_steps
        return float(np.square(np.minimum(np.rint(sizes / step), n_steps) * step - sizes).mean())

    limit = min(largest * RANGES, key=error)
    low, high = np.float32(-limit * 128 / 127 if signed else 0), np.float32(limit)
    return low, high, low, high


def _rounded_kernel(convolution: Any) -> Any:
    from openvino import opset13 as ops

    array = convolution.input_value(1).get_node().get_data()
    step = np.abs(array).max(axis=tuple(range(1, array.ndim)), keepdims=True) / np.float32(127)
    step[step == 0] = 1
    stored = ops.constant(np.rint(array / step).astype(np.int8))
    return ops.multiply(ops.convert(stored, "f32"), ops.constant(step.astype(np.float32)))


def _like(convolution: Any, source: Any, kernel: Any) -> Any:
    """Return a convolution of the same geometry."""
    from openvino import opset13 as ops

    how = convolution.get_attributes()
    geometry = (how[name] for name in ("strides", "pads_begin", "pads_end", "dilations"))
    return ops.convolution(source, kernel, *geometry, how["auto_pad"])
