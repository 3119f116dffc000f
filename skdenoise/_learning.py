"""What the images say about how to learn from them: which way, from which patches, in which range.

They know no network.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from skdenoise._decibels import psnr_of
from skdenoise._images import Images
from skdenoise._patches import Batch, PatchSampler
from skdenoise._task import Run, Task, beside
from skdenoise._unit_range import HIGHEST, LOWEST
from skdenoise._warning import warn
from skdenoise.noise import NoiseInjector
from skdenoise.noise._clipping import share_of_clipped_noise
from skdenoise.noise._estimation import estimate_of_windows

VALIDATION_PATCHES = 64
PROBED_IMAGES = 8
"""At most so many images are looked at to find out what their noise is like."""
SMALLEST_SIDE = 32
"""Pixels of height and width below which an image shows too little."""
MOST_CLIPPED = 0.1
"""Share of the pixels around which noise may be clipped, whose mean is not 0 there."""
WEAKEST_NOISE = 0.001
"""Deviation, as a share of the range of the pixels, below which images look free of noise."""


class Start(NamedTuple):
    """Where learning begins.

    Attributes
    ----------
    weights : dict of str to ndarray
        Of the network.
    is_trained : bool
        Whether they are, or were made from, weights of the package.
    goes_on : bool, default=False
        Whether the estimator had learned them before.
    shipped : str, default=None
        The name of weights of the package.
    """

    weights: dict[str, np.ndarray]
    is_trained: bool
    goes_on: bool = False
    shipped: str | None = None


class Learnt(NamedTuple):
    """What is remembered of learning.

    Attributes
    ----------
    weights : dict of str to ndarray
        Of the network.
    history : dict of str to list of float
        Numbers of each epoch.
    learning : str
        In which way.
    data_range : float, default=1.0
        White minus black that decibels refer to, in working units.
    adaptation : Adaptation, default=None
        What came of adapting trained weights.
    precision_loss : dict of str to float, default=()
        What each precision costs in dB.
    began_trained : bool, default=False
        Whether the weights were made from those of the package.
    """

    weights: dict[str, np.ndarray]
    history: dict[str, list[float]]
    learning: str
    data_range: float = 1.0
    adaptation: Any = None
    precision_loss: Mapping[str, float] | tuple = ()
    began_trained: bool = False


class Lesson(NamedTuple):
    """What is learned from.

    Attributes
    ----------
    sampler : PatchSampler
        Cuts patches out of images.
    training : list of int
        The images to learn from.
    batches : list of Batch
        What every epoch is judged on.
    trained : {"gains", "all"}
        Whether one factor per channel is learned, or all weights.
    """

    sampler: PatchSampler
    training: list[int]
    batches: list[Batch]
    trained: str


def way_to_learn(images: Images, target: Images | None, noise: NoiseInjector | None) -> str:
    """Choose among the three ways to learn, and say so where the choice looks like a mistake.

    Parameters
    ----------
    images, target : Images, Images or None
        What `fit` was given as X and y.
    noise : NoiseInjector or None
        The parameter of the estimator.

    Returns
    -------
    {"supervised", "fresh noise", "self-supervised"}
        What `learning_` will say.

    Raises
    ------
    ValueError
        Where there are both a noise and pairs.

    Warns
    -----
    UserWarning
        Where X and y are the same images and there is no noise.
    """
    if noise is not None:
        if target is not None and not images.same_as(target):
            msg = (
                "AutoencoderDenoiser has a noise and got clean images y that differ from X: "
                "with noise=NoiseInjector(...) it makes noisy images itself, out of clean X. "
                "Call fit(X_clean), or set noise=None to learn from pairs: fit(X_noisy, X_clean)."
            )
            raise ValueError(msg)
        return "fresh noise"
    if target is None:
        return "self-supervised"
    if images.same_as(target):
        warn(
            "X and y are the same images, so there is no noise to learn from. Pass noisy images "
            "as X, put a NoiseInjector before the denoiser in a Pipeline, or use "
            "AutoencoderDenoiser(noise=NoiseInjector(...)).",
        )
    return "supervised"


def warn_of_range(images: Images, noise: NoiseInjector | None, *, ends_in_sigmoid: bool) -> None:
    """Say so where a noise or a network that only knows [0, 1] is given something else."""
    scaled = noise is not None and noise._factor_matters()
    if not images.has_floats or not (scaled or ends_in_sigmoid):
        return
    low, high = extremes(images)
    if noise is not None and scaled:
        noise._warn_of_range("X", high)
    if ends_in_sigmoid and (low < LOWEST or high > HIGHEST):
        warn(
            f"architecture='autoencoder' ends in a sigmoid and returns values in [0, 1], but X "
            f"ranges from {low:.4g} to {high:.4g}. Pass X / 255 if these are gray levels, or "
            f"integers, or choose architecture='unet', which takes any range.",
        )


def pace_of(
    optimizer: str, rate: float | str, adapted: str | None, *, by_error: bool, as_identity: bool
) -> tuple[str, float]:
    """Return the optimizer and its highest rate, where "auto" leaves them open.

    Parameters
    ----------
    optimizer : str
        The parameter of the estimator.
    rate : float or "auto"
        The same.
    adapted : {"gains", "all"} or None
        What is learned of trained weights; None where they are learned from nothing.
    by_error : bool
        Whether Stein's estimate is minimized.
    as_identity : bool
        Whether the network starts as the identity.
    """
    if optimizer == "auto":
        optimizer = "muon" if adapted is None else "adam"
    if not isinstance(rate, str):
        return optimizer, rate
    if adapted is not None:
        gains, all_ = (1e-2, 1e-4) if by_error else (2e-3, 3e-4)
        return optimizer, gains if adapted == "gains" else all_
    if optimizer == "muon":
        return optimizer, 5e-3
    return optimizer, 3e-3 if as_identity else 1e-3


def independent_stride(images: Images) -> int:
    """Return the distance at which pixels have independent noise: 2 where it is correlated.

    Parameters
    ----------
    images : Images
        Noisy ones.

    Returns
    -------
    int
        In pixels.

    Warns
    -----
    UserWarning
        Where there is hardly any noise to learn from.
    """
    estimates = list(map(estimate_of_windows, _probes(images)))
    if not estimates:
        return 1
    low, high = extremes(images)
    if max(found.sigma for found in estimates) < WEAKEST_NOISE * (high - low):
        warn(
            "X has hardly any noise to learn from. If X is clean, give the denoiser a "
            "noise=NoiseInjector(...); if it is noisy, pass clean images as y.",
        )
    n_correlated = sum(found.correlated for found in estimates)
    return 2 if n_correlated > len(estimates) / 2 else 1


def is_clipped(images: Images) -> bool:
    """Tell whether the noise of most images ends at black or white in a good part of them."""
    shares = list(map(share_of_clipped_noise, _probes(images)))
    return bool(shares) and float(np.median(shares)) > MOST_CLIPPED


def large_enough(images: Images) -> list[int]:
    """Return which of the images show what their noise is like, and what becomes of it."""
    return [i for i, shape in enumerate(images.shapes) if min(shape[:2]) >= SMALLEST_SIDE]


def _probes(images: Images) -> Iterator[list[np.ndarray]]:
    """Yield the windows by which some of the images are judged that are large enough."""
    large = large_enough(images)
    for index in (large[i] for i in _spread(len(large), PROBED_IMAGES)):
        yield list(images.windows(index))


def extremes(images: Images, *, most: int = 64) -> tuple[float, float]:
    """Return the smallest and the largest pixel, of at most `most` images."""
    pairs = [
        (float(block.min()), float(block.max()))
        for index in _spread(len(images), most)
        for block in images.blocks(index)
    ]
    return min(low for low, _ in pairs), max(high for _, high in pairs)


def _spread(n: int, most: int) -> range:
    """Return the indices of `most` things at most, evenly spread among all."""
    return range(0, n, max(1, -(-n // most)))


def data_range_of(images: Images) -> float:
    """Return white minus black in working units.

    It is 1 for integers, and for floats that fit [0, 1] but for noise; otherwise the range of
    the pixels.
    """
    if not images.has_floats:
        return 1.0
    low, high = extremes(images)
    if low >= LOWEST and high <= HIGHEST and high - low >= 0.25:
        return 1.0
    return high - low if high > low else 1.0


def split(n_images: int, fraction: float, rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Return the images to learn from and those to be judged on; one of the latter at least."""
    order = rng.permutation(n_images).tolist()
    n_held_out = 0
    if fraction and n_images > 1:
        n_held_out = min(max(1, round(n_images * fraction)), n_images - 1)
    return sorted(order[n_held_out:]), sorted(order[:n_held_out])


def validation_batches(
    sampler: PatchSampler, held_out: list[int], rng: np.random.Generator
) -> list[Batch]:
    """Draw the patches, noise included, on which every epoch is judged."""
    batches: list[Batch] = []
    if held_out:
        for batch in sampler.epoch(held_out, 16, rng=rng, augment=False):
            batches.append(batch)
            if sum(len(item.noisy) for item in batches) >= VALIDATION_PATCHES:
                break
    return batches


def errors_on(run: Run, batches: Sequence[Batch]) -> list[np.ndarray]:
    """Return the squared errors of the pixels of each patch, blind to the strength of the noise.

    They are means over the channels, of shape (h, w), where 1 is white.
    """
    patches = itertools.chain.from_iterable(
        zip(batch.noisy, batch.clean, batch.share, strict=True) for batch in batches
    )
    # All at once, since to prepare the weights takes as long as a batch.
    return [
        np.square((output - clean) * share.item(), dtype=np.float64).mean(axis=-1)
        for (_, clean, share), output in beside(run, patches, lambda patch: Task(patch[0]))
    ]


def psnr_on(run: Run, batches: Sequence[Batch]) -> float:
    """Return the mean PSNR over patches, in dB, blind to the strength of the noise."""
    return float(np.mean([psnr_of(float(error.mean())) for error in errors_on(run, batches)]))
