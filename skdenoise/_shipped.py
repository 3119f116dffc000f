"""The weights that come with the package, and their model cards.

A network's weights are one model file in the folder ``weights``; beside it lies a card, a JSON
file of the same name.
"""

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from skdenoise._choices import SHIPPED_SIZES
from skdenoise._model_file import read_model_file

FOLDER = Path(__file__).parent / "weights"


def model_cards() -> list[dict[str, Any]]:
    """Describe the weights that come with the package.

    Returns
    -------
    list of dict
        A model card for each file of weights, all with the same entries: ``name``, what it is
        for (``estimator``, ``weights``, ``architecture``, ``size``, None where there is one size,
        ``n_channels``, ``n_parameters``), what it was made of and how (``data``, ``license``,
        ``command``, ``seed``, ``hours``, ``hardware``, ``remarks``), ``metrics``, ``limits``,
        and ``precision_loss``: what "bfloat16" and "int8" cost in dB.

    Examples
    --------
    >>> import skdenoise
    >>> cards = skdenoise.model_cards()
    >>> "natural" in {card["weights"] for card in cards}
    True
    """
    cards = []
    for path in sorted(FOLDER.glob("*.json")):
        with path.open(encoding="utf-8") as file:
            cards.append({"name": path.stem, **json.load(file)})
    return cards


@functools.cache
def shipped_losses(name: str) -> dict[str, float]:
    """Return what each precision costs weights of this package, in dB, as their card says."""
    with (FOLDER / f"{name}.json").open(encoding="utf-8") as file:
        return json.load(file).get("precision_loss", {})


def shipped_name(kind: str, size: str, n_channels: int) -> str | None:
    """Return the name of a denoiser's weights; None where there are none."""
    name = f"{kind}_{'gray' if n_channels == 1 else 'color'}_{size}"
    known = n_channels in (1, 3) and (FOLDER / f"{name}.safetensors").is_file()
    return name if known else None


def shipped_for(kind: str, size: str, n_channels: int) -> tuple[str, int]:
    """Return the name of weights that exist, and for how many channels at once they are.

    One where there are none for so many.
    """
    name = shipped_name(kind, size, n_channels)
    return (name, n_channels) if name else (f"{kind}_gray_{size}", 1)


def shipped_sizes(kind: str) -> list[str]:
    """Return the sizes in which weights of a kind come, the best ones first."""
    return [size for size in SHIPPED_SIZES if shipped_name(kind, size, 1)]


def largest_size(kind: str) -> str:
    """Return the size of the best weights of a kind; also of one that is not known."""
    return next(iter(shipped_sizes(kind)), SHIPPED_SIZES[-1])


def shipped_weights(name: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Read weights once per process; the arrays cannot be written to.

    Parameters
    ----------
    name : str
        What `shipped_name` returned.
    shapes : mapping of str to tuple of int
        The shape of each weight that the network has.

    Returns
    -------
    dict of str to ndarray
        In float32.
    """
    return _read_once(name, tuple(shapes.items()))


@functools.lru_cache(maxsize=8)
def _read_once(name: str, shapes: tuple[tuple[str, tuple[int, ...]], ...]) -> dict[str, np.ndarray]:
    _, tensors = read_model_file(
        FOLDER / f"{name}.safetensors", lambda _: {key: (shape, "float16") for key, shape in shapes}
    )
    weights = {key: tensors[key].astype(np.float32) for key, _ in shapes}
    for array in weights.values():
        array.flags.writeable = False
    return weights
