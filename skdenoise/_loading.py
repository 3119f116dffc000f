"""`load`: read a fitted estimator from a file that nobody needs to trust."""

import os
from typing import Any

import numpy as np

from skdenoise import _keras
from skdenoise._adaptation import decoded
from skdenoise._denoiser import AutoencoderDenoiser
from skdenoise._enhancer import ZeroDCEEnhancer
from skdenoise._model_file import (
    WEIGHT_DTYPES,
    ModelFileError,
    decode_estimator,
    read_model_file,
)
from skdenoise._network_transformer import read_only
from skdenoise._precision import are_losses
from skdenoise.noise import NoiseInjector

CLASSES: dict[str, Any] = {
    "AutoencoderDenoiser": AutoencoderDenoiser,
    "NoiseInjector": NoiseInjector,
    "ZeroDCEEnhancer": ZeroDCEEnhancer,
}
"""What a file may name; nothing is imported because a file says so."""

MOST_CHANNELS = 1024
"""More would make a small file build a large network."""


def load(path: str | os.PathLike[str]) -> AutoencoderDenoiser | ZeroDCEEnhancer:
    """Read an estimator that `save` has written.

    The file is data: no code in it is run, and the shape of every weight is compared with what
    the parameters ask for before anything is read. `history_` is not kept in the file.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    AutoencoderDenoiser or ZeroDCEEnhancer
        The fitted estimator; it transforms as the one that was saved.

    Raises
    ------
    ModelFileError
        Where the file is missing, damaged, or not a model of this package.

    Examples
    --------
    >>> import skdenoise
    >>> skdenoise.load("missing.safetensors")
    Traceback (most recent call last):
    ...
    skdenoise._model_file._parameters.ModelFileError: ...
    """
    header, tensors = read_model_file(path, _expected_tensors)
    estimator = _estimator(header)
    fitted = header["fitted"]
    names = fitted.pop("feature_names_in_")
    estimator._precision_loss = fitted.pop("precision_loss_", {})
    if isinstance(estimator, AutoencoderDenoiser):
        estimator.adaptation_ = decoded(fitted.pop("adaptation_", None))
        estimator._began_trained = fitted.pop("began_trained_", fitted["learning_"] == "adapted")
    for name, value in fitted.items():
        if value is not None:
            setattr(estimator, name, value)
    if names is not None:
        estimator.feature_names_in_ = np.array(names, dtype=object)
    weights = {name: array.astype(np.float32) for name, array in tensors.items()}
    estimator.weights_ = read_only(weights)
    estimator.history_ = {}
    return estimator


def _expected_tensors(header: dict[str, Any]) -> dict[str, tuple[tuple[int, ...], Any]]:
    """Return name, shape and dtype of each weight that the parameters ask for."""
    estimator = _estimator(header)
    fitted = header.get("fitted")
    wanted = FITTED[type(estimator).__name__]
    # Files of before they were known do not say these.
    new = {"precision_loss_", "adaptation_", "began_trained_"} & set(wanted)
    if not isinstance(fitted, dict) or set(fitted) | new != set(wanted):
        raise ModelFileError(f"it must say what was learnt: {', '.join(wanted)}")
    for name, value in fitted.items():
        if not wanted[name](value):
            raise ModelFileError(f"its {name} is {value!r}")
    if isinstance(estimator, ZeroDCEEnhancer):
        network = _keras.get_curve_network(estimator.architecture, 3)
    else:
        network = _keras.get_network(
            estimator.architecture, estimator.size, fitted["n_channels_in_"]
        )
    # Files of before there was a choice do not say it.
    dtype = header.get("dtype", "float32")
    if dtype not in WEIGHT_DTYPES:
        raise ModelFileError(f"its weights are of dtype {dtype!r:.40}")
    return {name: (shape, dtype) for name, shape in network.shapes().items()}


def _estimator(header: dict[str, Any]) -> AutoencoderDenoiser | ZeroDCEEnhancer:
    """Make the unfitted estimator and check its parameters."""
    estimator = decode_estimator(header, CLASSES)
    if not isinstance(estimator, AutoencoderDenoiser | ZeroDCEEnhancer):
        raise ModelFileError(f"it holds a {type(estimator).__name__}, which has nothing to load")
    estimator._check_parameters()
    return estimator


def _is_count(value: Any, most: float) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _is_adaptation(value: Any) -> bool:
    try:
        decoded(value)
    except (TypeError, ValueError):
        return False
    return True


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


IN_ALL = {
    "n_features_in_": lambda value: value is None or _is_count(value, 2**62),
    "feature_names_in_": lambda value: value is None or _are_names(value),
    # Files of before it was measured do not have it.
    "precision_loss_": are_losses,
}
FITTED: dict[str, dict[str, Any]] = {
    "AutoencoderDenoiser": {
        "n_channels_in_": lambda value: _is_count(value, MOST_CHANNELS),
        **IN_ALL,
        "learning_": {
            "supervised",
            "fresh noise",
            "self-supervised",
            "adapted",
        }.__contains__,
        "data_range_": lambda value: isinstance(value, int | float) and value > 0,
        "adaptation_": _is_adaptation,
        "began_trained_": lambda value: isinstance(value, bool),
    },
    "ZeroDCEEnhancer": {
        "n_channels_in_": lambda value: value is None or value in (1, 3),
        **IN_ALL,
        "learning_": {"zero-reference", "paired", "re-exposed"}.__contains__,
    },
}
"""What is learnt besides the weights, and what each may be."""
