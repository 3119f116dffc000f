"""A training between two chunks of steps, as it is kept in a folder."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skdenoise._pretraining._recipe import Recipe
from skdenoise._whole_file import plain_file, whole_file

LOG = "log.csv"
"""What the training was like, a row for each checkpoint."""

Weights = dict[str, np.ndarray]


@dataclass
class State:
    """A training between two chunks."""

    step: int
    weights: Weights
    mean: Weights
    optimizer: list[np.ndarray]
    seconds: float

    def write(self, path: Path, recipe: Recipe, origin: dict[str, str]) -> None:
        """Write a checkpoint, whole or not at all, with fingerprints of what it was made of."""
        arrays = {f"weight {name}": array for name, array in self.weights.items()}
        arrays |= {f"mean {name}": array for name, array in self.mean.items()}
        arrays |= {f"optimizer {i}": array for i, array in enumerate(self.optimizer)}
        about = {
            "step": self.step,
            "seconds": self.seconds,
            "recipe": asdict(recipe),
            "origin": origin,
        }
        with whole_file(path) as file:
            np.savez(file, about=np.array(json.dumps(about)), allow_pickle=False, **arrays)

    @classmethod
    def read(cls, path: Path, recipe: Recipe) -> "State":
        """Read a checkpoint of the same recipe; the number of steps may be another.

        Raises
        ------
        ValueError
            Where the recipe was another.
        """
        about = read_about(path, recipe)
        with plain_file(path) as file, np.load(file, allow_pickle=False) as arrays:
            parts: dict[str, dict[str, np.ndarray]] = {"weight": {}, "mean": {}, "optimizer": {}}
            for key in arrays.files:
                kind, _, name = key.partition(" ")
                if kind in parts:
                    parts[kind][name] = arrays[key]
        return cls(
            about["step"],
            parts["weight"],
            parts["mean"],
            list(parts["optimizer"].values()),
            about["seconds"],
        )


def checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints of a training, with those of other lengths that were kept."""
    named = [path for name in ("last", "stable") if (path := folder / f"{name}.npz").exists()]
    return [*named, *sorted(folder.glob("*_of_*.npz"))]


def forget(folder: Path) -> None:
    """Delete the checkpoints of a training, and its log, so that it begins anew."""
    for path in [*checkpoints(folder), folder / LOG]:
        path.unlink(missing_ok=True)


def read_about(path: Path, recipe: Recipe) -> dict[str, Any]:
    """Read what a checkpoint says of itself; an error where the recipe was another."""
    with plain_file(path) as file, np.load(file, allow_pickle=False) as arrays:
        about: dict[str, Any] = json.loads(str(arrays["about"]))
    before, now = ({**found, "n_steps": 0} for found in (about["recipe"], asdict(recipe)))
    if before != now:
        changed = sorted(name for name in now if before[name] != now[name])
        msg = (
            f"{os.fspath(path)!r} was made with another "
            f"{', '.join(f'{name} ({before[name]})' for name in changed)}. Type the same "
            f"values to go on, or --overwrite to begin anew."
        )
        raise ValueError(msg)
    return about
