"""Applying: `transform` beside bare calls of other engines with the same network.

The others are given prepared tensors of floats and return tensors; `transform` is given images of
bytes, and returns images of bytes. Torch runs in a process of its own.
"""

import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._beside import Beside
from benchmarks._measuring import Result, ratios, seconds, take_turns
from skdenoise import AutoencoderDenoiser, ZeroDCEEnhancer, procedural_images
from skdenoise._keras._backend import has_fast_bfloat16
from skdenoise._keras._network import Network, Weights
from skdenoise._keras._openvino import quantized
from skdenoise._keras._prediction import _inputs
from skdenoise._side_by_side import n_cores
from skdenoise._task import Task
from skdenoise.noise._even import even_sigma

LIMIT = 1.15
FAST = "bf16" if has_fast_bfloat16() else "f32"
"""What others compute in where they are quickest; bfloat16 takes ten times as long elsewhere."""
TURNS = 6
"""Turns per round: a call is short."""
SHAPES = (1, 512, 512), (16, 256, 256)
ONE_BY_ONE = 16
"""Images that are denoised one by one in a turn."""

Call = Callable[[], object]


class Bare:
    """A network in OpenVINO and ONNX Runtime, without anything around it."""

    def __init__(self, network: Network, weights: Weights, calibration: list[Task]) -> None:
        import onnxruntime
        import openvino

        keras_model = network.with_weights(weights)
        self._model = openvino.convert_model(keras_model)
        self.network, self._calibration = network, calibration
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "model.onnx")
            keras_model.export(path, format="onnx", verbose=False)
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = n_cores()
            self._session = onnxruntime.InferenceSession(path, options)

    def openvino(self, precision: str, arrays: list[np.ndarray]) -> Call:
        """Return a call in f32, bf16 or int8."""
        import openvino

        model, hint = self._model, precision
        if precision == "int8":
            inputs = [_inputs(self.network, [task]) for task in self._calibration]
            model, hint = quantized(model, inputs), FAST
        options = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
        request = openvino.Core().compile_model(model, "CPU", options).create_infer_request()
        return lambda: request.infer(arrays, share_inputs=True, share_outputs=True)

    def onnxruntime(self, arrays: list[np.ndarray]) -> Call:
        """Return a call in float32."""
        names = [item.name for item in self._session.get_inputs()]
        return lambda: self._session.run(None, dict(zip(names, arrays, strict=True)))


def measure(n_rounds: int) -> Iterator[Result]:
    """Compare a denoiser and an enhancer with bare engines, then with what Keras offers."""
    yield from _beside_predict(n_rounds)
    yield from _measuring_noise(n_rounds)
    denoiser = AutoencoderDenoiser(weights="natural")
    _, network, weights, _ = denoiser._network_for(1)
    bare = Bare(network, weights, denoiser._calibration(1))
    for n_images, *sides in SHAPES:
        X = procedural_images(n_images, shape=tuple(sides), random_state=0)
        yield from _compared("unet small", denoiser, _noisy(X), "unet", bare, n_rounds)
    enhancer = ZeroDCEEnhancer(weights="default")
    bare = Bare(enhancer._network(), enhancer._weights(), enhancer._calibration())
    for n_images, *sides in SHAPES:
        X = procedural_images(n_images, shape=tuple(sides), n_channels=3, random_state=0) // 4
        yield from _compared("DCE-Net", enhancer, X, "dce", bare, n_rounds)
    yield from _beside_plain_torch(n_rounds)


def _torch(name: str, shape: tuple[int, ...]) -> Beside:
    """Return a network in torch, for images of shape (n_images, height, width, n_channels)."""
    n_images, height, width, n_channels = shape
    return Beside("torch_inference", name, FAST, n_cores(), n_images, n_channels, height, width)


def _wall(call: Call) -> float:
    return seconds(call).wall


def _mean_wall(call: Call) -> float:
    return seconds(lambda: [call() for _ in range(ONE_BY_ONE)]).wall / ONE_BY_ONE


def _noisy(X: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 25, X.shape)
    return np.rint(X + noise).clip(0, 255).astype(np.uint8)


def _measuring_noise(n_rounds: int) -> Iterator[Result]:
    """Time what `transform` does that no bare engine is asked for."""
    for side in (256, 512):
        X = _noisy(procedural_images(1, shape=(side, side), random_state=0))
        pixels = [X[0, ..., None] / np.float32(255)]
        measuring = partial(even_sigma, pixels)
        measuring()
        times = [1000 * _wall(measuring) for _ in range(TURNS * n_rounds)]
        yield Result("engines", f"measuring the noise of {side} x {side}", tuple(times), unit="ms")


def _compared(
    network_name: str, estimator: Any, X: np.ndarray, torch_name: str, bare: Bare, n_rounds: int
) -> Iterator[Result]:
    """Time the ways of an estimator, and bare engines."""
    name = f"{network_name}, {' x '.join(map(str, X.shape[:3]))}"
    floats = (X[..., None] if X.ndim == 3 else X) / np.float32(255)
    arrays = [floats, np.zeros((*floats.shape[:3], 1), np.float32)]
    arrays = arrays if bare.network.steerable else arrays[:1]

    def ours(**parameters: str) -> Call:
        copy = type(estimator)(**{**estimator.get_params(deep=False), **parameters})
        return partial(copy.transform, X)

    calls: dict[str, Call] = {
        "default": ours(),
        "float32": ours(precision="float32"),
        "int8": ours(precision="int8"),
        'engine="openvino"': ours(engine="openvino"),
        **{
            f"OpenVINO {precision}": bare.openvino(precision, arrays)
            for precision in sorted({FAST, "f32", "int8"})
        },
        "ONNX Runtime f32": bare.onnxruntime(arrays),
    }
    with closing(_torch(torch_name, floats.shape)) as torch:
        timers = {key: partial(_wall, call) for key, call in calls.items()}
        for way in torch.greeting[1:]:
            if way != "plain":
                timers[f"torch {way} {FAST}"] = lambda way=way: torch.ask(way)[0]
        for timer in timers.values():
            timer()
        turns = take_turns(TURNS * n_rounds, *timers.values())
    times = dict(zip(timers, turns, strict=True))
    best = min(
        (key for key in times if key in (f"OpenVINO {FAST}", f"torch compiled {FAST}")),
        key=lambda key: statistics.median(times[key]),
    )
    for mine, other, limit in (
        ("default", best, LIMIT),
        ("float32", "OpenVINO f32", LIMIT),
        ("int8", "OpenVINO int8", LIMIT),
        *(
            ("default", key, None)
            for key in times
            if key != best and (key not in calls or key.startswith(("ONNX", "engine")))
        ),
    ):
        yield _ratio(f"{name}: {mine} / {other}", times[mine], times[other], limit)


def _ratio(name: str, ours: list[float], theirs: list[float], limit: float | None) -> Result:
    pace = " and ".join(f"{1000 * statistics.median(times):.0f}" for times in (ours, theirs))
    goal = None if limit is None else ("<=", limit)
    return Result("engines", name, ratios(ours, theirs), goal=goal, note=f"{pace} ms")


def _beside_plain_torch(n_rounds: int) -> Iterator[Result]:
    """Brighten a photograph of 1200 x 900 pixels, as the authors of Zero-DCE do, and here."""
    X = procedural_images(1, shape=(900, 1200), n_channels=3, random_state=0) // 4
    enhancer = ZeroDCEEnhancer(weights="default")
    enhancer.transform(X)
    with closing(_torch("dce", X.shape)) as torch:
        theirs, ours = take_turns(
            n_rounds,
            lambda: torch.ask("plain")[0],
            lambda: seconds(lambda: enhancer.transform(X)).wall,
        )
    pace = " and ".join(f"{1000 * statistics.median(times):.0f}" for times in (theirs, ours))
    yield Result(
        "engines",
        "enhancing 1200 x 900: plain torch Zero-DCE / default",
        ratios(theirs, ours),
        goal=(">=", 4.5),
        note=f"{pace} ms",
    )


def _beside_predict(n_rounds: int) -> Iterator[Result]:
    """Denoise image by image with the autoencoder, and with Keras's own `predict`."""
    for side, goal in ((64, 15.0), (512, 3.0)):
        X = procedural_images(1, shape=(side, side), random_state=0)
        denoiser = AutoencoderDenoiser("autoencoder", epochs=1, random_state=0)
        denoiser.fit(
            procedural_images(2, shape=(64, 64), random_state=1), np.zeros((2, 64, 64), "u1")
        )
        model, floats = denoiser.network_, X[..., None] / np.float32(255)
        calls = partial(denoiser.transform, X), partial(model.predict, floats, verbose=0)
        for call in calls:
            call()
        ours, theirs = take_turns(n_rounds, *(partial(_mean_wall, call) for call in calls))
        pace = " and ".join(f"{1000 * statistics.median(times):.1f}" for times in (theirs, ours))
        yield Result(
            "engines",
            f"autoencoder, {side} x {side}: Keras's predict / default",
            ratios(theirs, ours),
            goal=(">=", goal),
            note=f"{pace} ms",
        )
