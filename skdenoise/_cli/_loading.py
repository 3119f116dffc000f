"""The model file that a command is given, which may be one for another command."""

from pathlib import Path
from typing import Any

import skdenoise


def load_model(path: Path, wanted: type) -> Any:
    """Load a model; say which command it is for, if it is another class than `wanted`."""
    named = () if path.exists() else skdenoise.model_cards()
    for card in named:
        if card["name"] != str(path):
            continue
        choice = (
            f"--architecture {card['architecture']}"
            if card["size"] is None
            else f"--weights {card['weights']} --size {card['size']}"
        )
        raise ValueError(f"there is no file {str(path)!r}; the weights of that name are {choice}")
    model = skdenoise.load(path)
    if not isinstance(model, wanted):
        is_denoiser = isinstance(model, skdenoise.AutoencoderDenoiser)
        kind, command = ("a denoiser", "denoise") if is_denoiser else ("an enhancer", "enhance")
        raise ValueError(f"{str(path)!r} holds {kind}; it is for 'skdenoise {command}'")
    return model
