"""The model file that a command is given, which may be one for another command."""

from pathlib import Path
from typing import Any

import skdenoise


def load_model(path: Path, wanted: type) -> Any:
    """Load a model; say which command it is for, if it is another class than `wanted`."""
    model = skdenoise.load(path)
    if not isinstance(model, wanted):
        other = "denoise" if isinstance(model, skdenoise.AutoencoderDenoiser) else "enhance"
        raise ValueError(
            f"{str(path)!r} holds a {type(model).__name__}; it is for 'skdenoise {other}'"
        )
    return model
