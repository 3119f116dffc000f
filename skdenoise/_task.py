"""What a network is given: one image, and what is known about it."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

BATCH_PIXELS = 2 * 64 * 64 - 1
"""Images share a batch of at most this size; one of 64 x 64 is alone, as most of these are."""


@dataclass(frozen=True)
class Task:
    """One image for a network.

    Attributes
    ----------
    pixels : ndarray of shape (H, W, C)
        In working units.
    mean, gain : float
        The network sees ``(pixels - mean) / gain``.
    sigma : float or ndarray of shape (H, W, 1)
        Standard deviation of the noise in working units; 0 for unknown.
    precision : {"float32", "bfloat16", "int8"}
        Arithmetic of the network, but for its last layers.
    """

    pixels: np.ndarray
    mean: float = 0.0
    gain: float = 1.0
    sigma: float | np.ndarray = 0.0
    precision: str = "float32"

    @property
    def is_normalized(self) -> bool:
        """Whether the network sees other values than those in `pixels`."""
        return self.mean != 0 or self.gain != 1


Run = Callable[[Iterable[Task]], Iterator[np.ndarray]]
"""Yields an output for each task, as `skdenoise._keras._prediction.predict` does."""


def beside(
    run: Run, items: Iterable[Any], task_of: Callable[[Any], Task]
) -> Iterator[tuple[Any, np.ndarray]]:
    """Yield each item together with the output for its task, however far ahead `run` reads."""
    waiting: deque[Any] = deque()

    def tasks() -> Iterator[Task]:
        for item in items:
            waiting.append(item)
            yield task_of(item)

    for output in run(tasks()):
        yield waiting.popleft(), output
