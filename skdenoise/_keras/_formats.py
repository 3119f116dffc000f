"""Writing a Keras model for each runtime, and running what was written with that runtime.

A writer fills a folder of its own with files that bear the final name; a runner needs nothing but
these files. What a format needs beside Keras is imported when it is used.
"""

import contextlib
import errno
import io
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from skdenoise._keras._backend import BACKEND, as_given, to_array
from skdenoise._keras._openvino import Arrays, program_of, quantized

Examples = Callable[[], list[Arrays]]
"""Returns inputs from which a format learns the ranges of numbers, for "int8"."""

Run = Callable[[Arrays], np.ndarray]

Paths = dict[str, Path]
"""Where each precision goes; what they have in common is done once."""

SMALLEST_HALVED = 64
"""Constants with fewer numbers stay in float32 where the others are halved."""
ATTEMPTS = 10
"""Conversions to ONNX at most, until one is right."""


@dataclass(frozen=True)
class Runtime:
    """How a format is written and run.

    Attributes
    ----------
    write : callable
        (model, path of each precision, examples) -> None.
    read : callable
        Path -> function from arrays by name to the output.
    backends : tuple of str
        The backends of Keras that can write it.
    """

    write: Callable[[keras.Model, Paths, Examples], None]
    read: Callable[[Path], Run]
    backends: tuple[str, ...] = ("tensorflow",)


def write_exported(name: str, model: keras.Model, paths: Paths, examples: Examples) -> None:
    """Write a model in the format of that name, and in one precision or more.

    Raises
    ------
    ValueError
        Where the format has no such operations, or the backend of Keras cannot write it.
    """
    runtime = RUNTIMES[name]
    if BACKEND not in runtime.backends:
        msg = (
            f"format={name!r} is written by Keras on {' or '.join(runtime.backends)}, but it runs "
            f"on {BACKEND}. Set the environment variable KERAS_BACKEND=tensorflow before Python "
            f"starts, and load the estimator there; or choose format='keras'."
        )
        raise ValueError(msg)
    try:
        with _quiet():
            runtime.write(model, paths, examples)
    except (OSError, MemoryError, ImportError):
        raise
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        # Errors of TensorFlow that were the system's.
        for number in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            if os.strerror(number) in str(error):
                place = os.fspath(paths["float32"].parent.parent)
                raise OSError(number, os.strerror(number), place) from error
        others = ", ".join(repr(other) for other in RUNTIMES if other != name)
        msg = (
            f"The network cannot be written as format={name!r}: {reason[0]:.300} Try another "
            f"format: {others}."
        )
        raise ValueError(msg) from error


def read_exported(name: str, path: Path) -> Run:
    """Return the function that runs the files in the runtime of that format."""
    with _quiet():
        return RUNTIMES[name].read(path)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the converters' progress bars and advice to developers to themselves."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


# Keras


def _write_keras(model: keras.Model, paths: Paths, examples: Examples) -> None:
    model.save(paths["float32"])


def _read_keras(path: Path) -> Run:
    model = keras.models.load_model(path)
    names = [image.name for image in model.inputs]

    def run(inputs: Arrays) -> np.ndarray:
        return to_array(model(as_given([inputs[name] for name in names])))

    return run


# TensorFlow


def _write_saved_model(model: keras.Model, paths: Paths, examples: Examples) -> None:
    import tensorflow as tf

    def serve(*images: Any) -> dict[str, Any]:
        return {model.output_names[0]: model(as_given(images), training=False)}

    signature = [tf.TensorSpec(image.shape, image.dtype, image.name) for image in model.inputs]
    # Keras's own archive would hold each weight twice.
    archive = tf.Module()
    archive.weights = [variable.value for variable in model.variables]
    archive.serve = tf.function(serve, signature, autograph=False)
    tf.saved_model.save(archive, str(paths["float32"]), signatures=archive.serve)


def _read_saved_model(path: Path) -> Run:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    serve = loaded.signatures["serving_default"]

    def run(inputs: Arrays, _: Any = loaded) -> np.ndarray:
        outputs = serve(**{name: tf.constant(array) for name, array in inputs.items()})
        return to_array(next(iter(outputs.values())))

    return run


@contextlib.contextmanager
def _saved_model(model: keras.Model, paths: Paths) -> Iterator[Path]:
    """Write a model, on the same disk, for the converters that begin with a SavedModel."""
    beside = paths["float32"].parent.parent
    with tempfile.TemporaryDirectory(dir=beside, ignore_cleanup_errors=True) as folder:
        _write_saved_model(model, {"float32": Path(folder)}, list)
        yield Path(folder)


# LiteRT


def _write_litert(model: keras.Model, paths: Paths, examples: Examples) -> None:
    import tensorflow as tf

    with _saved_model(model, paths) as folder:
        for precision, path in paths.items():
            converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
            # Kernels in int8, and activations on the fly: static ranges would cover the whole
            # graph, the normalization and the image that the noise is subtracted from included.
            if precision != "float32":
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
            if precision == "float16":
                converter.target_spec.supported_types = [tf.float16]
            path.write_bytes(converter.convert())


def _read_litert(path: Path) -> Run:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        import tensorflow as tf

        Interpreter = tf.lite.Interpreter

    # Read here: it opens no name that is not ASCII on Windows, and holds the file.
    runner = Interpreter(model_content=path.read_bytes()).get_signature_runner()
    return lambda inputs: next(iter(runner(**inputs).values()))


# ONNX


def _write_onnx(model: keras.Model, paths: Paths, examples: Examples) -> None:
    import onnx

    sample = [keras.ops.zeros((1, 8, 8, image.shape[-1])) for image in model.inputs]
    model(as_given(sample))  # Keras asks for a model that was called
    exact = paths["float32"]
    for _ in range(ATTEMPTS):
        model.export(exact, format="onnx", verbose=False)
        graph = onnx.load(exact)
        # The optimizer of tf2onnx makes another rank of some graphs, in a random order.
        if len(graph.graph.output[0].type.tensor_type.shape.dim) == len(model.outputs[0].shape):
            break
    else:
        raise ValueError("tf2onnx makes a graph of another rank of it.")
    _name_output(graph.graph, model.output_names[0])
    _name_sides(graph.graph)
    onnx.checker.check_model(graph)
    onnx.save(graph, exact)
    if "int8" in paths:
        _quantize_onnx(exact, paths["int8"], examples())
    if "float16" in paths:
        _halve(graph.graph)
        onnx.save(graph, paths["float16"])


def _name_output(graph: Any, name: str) -> None:
    (output,) = graph.output
    for node in graph.node:
        for names in (node.input, node.output):
            for index, used in enumerate(names):
                if used == output.name:
                    names[index] = name
    output.name = name


def _name_sides(graph: Any) -> None:
    """Say what the sides of an image are; those of a noise map may also be 1."""
    for value in [*graph.input, *graph.output]:
        prefix = "sigma_" if value.name == "sigma" else ""
        sides = value.type.tensor_type.shape.dim
        for side, name in zip(sides[:3], ("n_images", "height", "width"), strict=True):
            side.dim_param = prefix + name


def _halve(graph: Any) -> None:
    """Store large constants in float16; the runtime widens them once, when it loads the file."""
    from onnx import TensorProto, helper, numpy_helper

    widened = []
    for constant in graph.initializer:
        array = numpy_helper.to_array(constant)
        if array.dtype != np.float32 or array.size < SMALLEST_HALVED:
            continue
        name = constant.name
        constant.CopyFrom(numpy_helper.from_array(array.astype(np.float16), f"{name}_half"))
        widened.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*widened, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _quantize_onnx(exact: Path, path: Path, examples: list[Arrays]) -> None:
    """Quantize the convolutions; the normalization and the subtraction stay as they are."""
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Examples(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self.rest = iter(examples)

        def get_next(self) -> Arrays | None:
            return next(self.rest, None)

    prepared = exact.with_suffix(".prepared")
    quant_pre_process(exact, prepared, skip_symbolic_shape=True, skip_optimization=True)
    quantization.quantize_static(
        prepared,
        path,
        Examples(),
        quant_format=quantization.QuantFormat.QDQ,
        op_types_to_quantize=["Conv"],
        per_channel=True,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
    )
    prepared.unlink()


def _read_onnx(path: Path) -> Run:
    from onnxruntime import InferenceSession

    session = InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(None, inputs)[0]


# OpenVINO


def _write_openvino(model: keras.Model, paths: Paths, examples: Examples) -> None:
    import openvino

    with _saved_model(model, paths) as folder:
        graph = openvino.convert_model(str(folder))
        for precision, path in paths.items():
            if precision == "int8":
                graph = quantized(graph, examples())
            openvino.save_model(graph, path, compress_to_fp16=precision == "float16")


def _read_openvino(path: Path) -> Run:
    # Such processors would compute in bfloat16 otherwise.
    program = program_of(path, "f32")
    return lambda inputs: np.array(next(iter(program(inputs).values())))


RUNTIMES = {
    "keras": Runtime(_write_keras, _read_keras, ("tensorflow", "jax", "torch")),
    "litert": Runtime(_write_litert, _read_litert),
    "onnx": Runtime(_write_onnx, _read_onnx),
    "openvino": Runtime(_write_openvino, _read_openvino),
    "saved_model": Runtime(_write_saved_model, _read_saved_model),
}
