"""Model files: one safetensors file of numbers and strict JSON, with no code in it.

The file is one module, what may be a parameter in it another, a fitted estimator the third; all
raise `ModelFileError`.
"""

from skdenoise._model_file._estimator import WEIGHT_DTYPES, write_estimator
from skdenoise._model_file._file import read_model_file, write_model_file
from skdenoise._model_file._parameters import (
    ModelFileError,
    decode_estimator,
    encode_estimator,
)

__all__ = [
    "WEIGHT_DTYPES",
    "ModelFileError",
    "decode_estimator",
    "encode_estimator",
    "read_model_file",
    "write_estimator",
    "write_model_file",
]
