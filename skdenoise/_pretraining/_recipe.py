"""What decides the result of a long training, besides the images."""

from dataclasses import dataclass

import numpy as np

CHUNK = 500
"""Steps between two checkpoints."""
WARM_UP = 500
"""Steps over which the learning rate rises."""
DECAY = 0.8
"""Share of the training over which it falls, along a cosine."""
LARGE_PATCHES = 128, 8
"""Patch size and batch size while it falls; the network then sees more of the surroundings."""
TOLD_WHITE = {1: 0.75, 3: 0.5}
"""Of gray images and of those in color, which come from cameras more often: the share of patches
that have white noise, of a strength that the network is told."""


@dataclass(frozen=True)
class Recipe:
    """What decides the result, besides the images.

    Attributes
    ----------
    n_channels : int
        Channels of the images.
    size : str
        Size of the U-Net.
    n_steps : int
        Length of the training.
    learning_rate : float
        The highest.
    patch_size, batch_size : int
        Pixels of a side, and patches of a step, until the learning rate falls.
    largest_sigma : float
        Of the noise, in gray levels.
    known_sigma : float
        Share of the patches with noise of any kind for which the network is told its strength.
    told_white : float
        Share of all patches that have white noise, of a strength that the network is told;
        `TOLD_WHITE` has the one for such images.
    largest_white : float
        Of that noise. What a network without biases knows of it holds for stronger noise, too.
    seed : int
        Of everything random.
    n_procedural : int
        Images that are computed from random numbers, besides those that are given.
    """

    n_channels: int
    size: str = "small"
    n_steps: int = 40_000
    learning_rate: float = 1e-3
    patch_size: int = 64
    batch_size: int = 16
    largest_sigma: float = 75.0
    known_sigma: float = 0.25
    told_white: float = TOLD_WHITE[1]
    largest_white: float = 55.0
    seed: int = 0
    n_procedural: int = 0

    @property
    def stable_steps(self) -> int:
        """Steps before the learning rate falls; a multiple of a chunk."""
        return round((1 - DECAY) * self.n_steps) // CHUNK * CHUNK

    def chunk(self, step: int) -> tuple[int, int]:
        """Return the first of the steps that end with one checkpoint, and how many they are."""
        first = step // CHUNK * CHUNK
        return first, min(CHUNK, self.n_steps - first)

    def patches(self, step: int) -> tuple[int, int]:
        """Return patch size and batch size."""
        return LARGE_PATCHES if step >= self.stable_steps else (self.patch_size, self.batch_size)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step."""
        rising = min(1.0, (step + 1) / WARM_UP)
        along = max(0.0, (step - self.stable_steps) / (self.n_steps - self.stable_steps))
        return self.learning_rate * rising * (0.5 * (1 + np.cos(np.pi * along)) + 1e-3)


def generator(seed: int, *parts: int) -> np.random.Generator:
    """Return the randomness of a part of a training."""
    # (0,) draws the weights to begin with, (1 + step,) the units that begin anew at a step, and
    # (1 + step, n) the patches of the chunk from a step on, with n chosen kinds of noise. A 0 at
    # the end changes no number.
    return np.random.Generator(np.random.SFC64([seed, *parts]))
