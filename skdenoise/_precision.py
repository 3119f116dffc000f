"""Which arithmetic a network is applied in, by which engine, and images on which both are tried.

A precision is chosen by itself only where what it costs was measured: the mean absolute change of
the PSNR, in dB. The images are computed, so that they are the same everywhere.
"""

import functools
import importlib.util
from collections.abc import Mapping
from typing import Any

import numpy as np

from skdenoise._choices import PRECISIONS
from skdenoise._exposures import re_exposed
from skdenoise._procedural import procedural_stack
from skdenoise._protocol import with_white_noise

LARGEST_LOSS = 0.01
"""Decibels below which a lower precision is used by itself."""
SIGMAS = 15, 25, 50
"""Of the noise, in gray levels, with which weights of this package are tried."""
CALIBRATING_SIGMAS = 5, 15, 25, 40, 60, 75
SIDE = 128
N_TRIED, N_CALIBRATING = 9, 12


def check_engine(engine: str, precision: str) -> None:
    """Refuse what no engine does, and an engine that is not installed.

    Raises
    ------
    ValueError
        Where Keras is to compute with 8 bits.
    ImportError
        Where OpenVINO is wanted and missing.
    """
    if engine == "keras" and precision == "int8":
        msg = (
            "precision='int8' is for engine='openvino'; got engine='keras'. Set engine='auto', or "
            "precision='bfloat16'."
        )
        raise ValueError(msg)
    wanted = engine_for(engine, precision) == "openvino"
    if wanted and importlib.util.find_spec("openvino") is None:
        msg = (
            f"engine={engine!r} with precision={precision!r} needs OpenVINO, which is not "
            f"installed. Type: pip install 'skdenoise[openvino]'"
        )
        raise ImportError(msg)


def engine_for(engine: str, precision: str) -> str:
    """Return what runs a network: Keras, which needs nothing else installed, but for 8 bits."""
    if engine != "auto":
        return engine
    return "openvino" if precision == "int8" else "keras"


def precision_for(precision: str, losses: Mapping[str, float], *, fast: bool) -> str:
    """Return the arithmetic: "auto" is bfloat16 where that is `fast` and costs next to nothing."""
    if precision != "auto":
        return precision
    cheap = losses.get("bfloat16", np.inf) < LARGEST_LOSS
    return "bfloat16" if fast and cheap else "float32"


def are_losses(value: Any) -> bool:
    """Tell whether a value out of a file is a dict of decibels per precision."""
    return isinstance(value, dict) and all(
        name in PRECISIONS and isinstance(loss, int | float) and 0 <= loss < 1000
        for name, loss in value.items()
    )


def psnr_change(exact: np.ndarray, rough: np.ndarray, clean: np.ndarray) -> float:
    """Return by how much the PSNR differs between two results, at least 0."""
    errors = [
        # Nobody sees an error of 80 dB below the range.
        float(np.square(result - clean, dtype=np.float64).mean()) + 1e-8
        for result in (exact, rough)
    ]
    return abs(10 * np.log10(errors[0] / errors[1]))


@functools.lru_cache(maxsize=4)
def noisy_samples(n_channels: int, *, calibrating: bool) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return noisy and clean images in [0, 1], for calibration or others to be tried on."""
    sigmas, images = _images(n_channels, calibrating)
    return [
        (with_white_noise(image, sigmas[index % len(sigmas)]), (image / 255).astype(np.float32))
        for index, image in enumerate(images)
    ]


@functools.lru_cache(maxsize=2)
def dark_samples(*, calibrating: bool) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return color images that are exposed anew, and as they were."""
    rng = np.random.default_rng(calibrating)
    clean = [(image / 255).astype(np.float32) for image in _images(3, calibrating)[1]]
    return [(re_exposed(image, rng), image) for image in clean]


def _images(n_channels: int, calibrating: bool) -> tuple[tuple[int, ...], np.ndarray]:
    n_images = N_CALIBRATING if calibrating else N_TRIED
    images = procedural_stack(n_images, (SIDE, SIDE), n_channels, random_state=1 + calibrating)
    return CALIBRATING_SIGMAS if calibrating else SIGMAS, images
