"""Generators of random numbers, which neither use nor touch the global random state."""

import hashlib
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

COMPARED = 64
"""Pairs of pixels by which images are told apart whatever their units are."""


def generators(random_state: Any, n_generators: int) -> list[np.random.Generator]:
    """Return independent generators for one `random_state`.

    Parameters
    ----------
    random_state : int, RandomState, Generator or None
        The parameter of an estimator; generators advance.
    n_generators : int
        How many.
    """
    if isinstance(random_state, np.random.Generator):
        return random_state.spawn(n_generators)
    words = None if random_state is None else words_of(check_random_state(random_state))
    # The quickest bits for normal numbers, which are half of the cost of fresh noise.
    return np.random.Generator(np.random.SFC64(words)).spawn(n_generators)


def words_of(random_state: np.random.RandomState) -> np.ndarray:
    """Return the seed of a generator, drawn from one of the old kind."""
    return random_state.randint(0, 2**32, size=4, dtype=np.uint32)


def generator_of(seed: int, image: np.ndarray) -> np.random.Generator:
    """Return a generator that depends on the seed and on the image's content only."""
    digest = hashlib.blake2b(f"{int(seed)} {image.shape}".encode(), digest_size=16)
    digest.update(image.tobytes())
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest.digest(), "little")))


def generator_of_order(seed: int, image: np.ndarray) -> np.random.Generator:
    """Return a generator that depends on the seed and on which pixels are brighter than others.

    So it is the same for an image in all units.
    """
    one, other = np.random.default_rng(seed).integers(image.size, size=(2, COMPARED))
    flat = image.ravel()
    order = np.packbits(flat[one] > flat[other])
    return np.random.default_rng([seed, *image.shape, *order])
