"""Writing a fitted estimator: its parameters, what it learned besides weights, and the weights."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from skdenoise._model_file._file import write_model_file
from skdenoise._model_file._parameters import encode_estimator

WEIGHT_DTYPES = "float32", "float16"
"""How weights may lie in a file."""


def write_estimator(
    path: str | os.PathLike[str],
    estimator: Any,
    classes: Mapping[str, Any],
    fitted: Mapping[str, Any],
    weights: Mapping[str, np.ndarray],
    dtype: str,
) -> None:
    """Write a fitted estimator to a model file, whole or not at all.

    Parameters
    ----------
    path : str or path-like
        The file to write.
    estimator : estimator
        Its parameters, and what it knows of the columns of a table, are written.
    classes : dict of str to type
        What the file may name.
    fitted : dict
        Its other attributes, as JSON values.
    weights : dict of str to ndarray
        What its network has learned.
    dtype : {"float32", "float16"}
        How the weights lie in the file.

    Raises
    ------
    ValueError
        Where `dtype` is another one.
    ModelFileError
        Where a parameter cannot be written, or the file.
    """
    header = encode_estimator(estimator, classes)
    if dtype not in WEIGHT_DTYPES:
        msg = f"dtype is one of {', '.join(map(repr, WEIGHT_DTYPES))}; got {dtype!r}."
        raise ValueError(msg)
    header["fitted"] = {
        "n_features_in_": getattr(estimator, "n_features_in_", None),
        "feature_names_in_": list(getattr(estimator, "feature_names_in_", [])) or None,
        **fitted,
    }
    header["dtype"] = dtype
    arrays = {name: array.astype(dtype) for name, array in weights.items()}
    write_model_file(path, header, arrays)
