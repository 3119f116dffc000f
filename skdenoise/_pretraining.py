"""The recipe of the shipped weights: a long training that can be killed, resumed and repeated.

All randomness of a chunk of steps follows from the seed and from the chunk's number, so a
training that was interrupted goes on as if it had not been. The weights that are evaluated and
exported are running means of those that learn.
"""

import csv
import itertools
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skdenoise import _keras
from skdenoise._background import in_background
from skdenoise._containers import read_images
from skdenoise._denoiser import AutoencoderDenoiser
from skdenoise._fingerprint import fingerprint
from skdenoise._patches import Batch, PatchSampler, image_statistics
from skdenoise._procedural import procedural_images
from skdenoise._protocol import quality, with_white_noise
from skdenoise._task import Task
from skdenoise._warning import warn
from skdenoise._whole_file import plain_file, whole_file
from skdenoise.noise import NoiseInjector

CHUNK = 500
"""Steps between two checkpoints."""
WARM_UP = 500
"""Steps over which the learning rate rises."""
DECAY = 0.8
"""Share of the training over which it falls, along a cosine."""
LARGE_PATCHES = 128, 8
"""Patch size and batch size while it falls; the network then sees more of the surroundings."""
REDUCTIONS = 1.0, 0.75, 0.5
"""Sizes in which an image is learned from."""
OVERSAMPLED = 0.5
"""And once more without the finest detail, made so much smaller and large again: pixels of a
camera lie closer than what its lens resolves."""
SIGMAS = 15, 25, 50
HELD_OUT = 16
"""Images that are judged on, not learned from; a square of `HELD_OUT_SIDE` pixels of each."""
HELD_OUT_SIDE = 160
MEAN_EVERY = 4
"""Steps between two updates of the running mean of the weights."""
LONGEST_MEAN = 0.999
TOLD_WHITE = {1: 0.75, 3: 0.5}
"""Of gray images and of those in color, which come from cameras more often: the share of patches
that have white noise, of a strength that the network is told."""
LARGEST_GRADIENT = 0.1
"""Twice the usual length: rare longer ones throw a long training back."""

LOG = "log.csv"
"""What the training was like, a row for each checkpoint."""

Weights = dict[str, np.ndarray]


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

    def rate(self, step: int) -> float:
        """Return the learning rate of a step."""
        rising = min(1.0, (step + 1) / WARM_UP)
        along = max(0.0, (step - self.stable_steps) / (self.n_steps - self.stable_steps))
        return self.learning_rate * rising * (0.5 * (1 + np.cos(np.pi * along)) + 1e-3)

    def revives(self, step: int) -> bool:
        """Tell whether the rate is still so high that dead units should begin anew."""
        return self.rate(step) > _keras.REVIVAL_RATE * self.learning_rate


@dataclass
class State:
    """A training between two chunks."""

    step: int
    weights: Weights
    mean: Weights
    optimizer: list[np.ndarray]
    seconds: float

    def write(self, path: Path, recipe: Recipe, origin: dict[str, str] | None = None) -> None:
        """Write a checkpoint, whole or not at all, with fingerprints of what it was made of."""
        arrays = {f"weight {name}": array for name, array in self.weights.items()}
        arrays |= {f"mean {name}": array for name, array in self.mean.items()}
        arrays |= {f"optimizer {i}": array for i, array in enumerate(self.optimizer)}
        about = {
            "step": self.step,
            "seconds": self.seconds,
            "recipe": asdict(recipe),
            "origin": origin or {},
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
        about = _about(path, recipe)
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


class Pretraining:
    """A training of a network for all noises, on any images.

    Parameters
    ----------
    images : list of ndarray of uint8, shape (H, W, C)
        Clean images; may be empty where the recipe has procedural ones.
    recipe : Recipe
        What to do with them.
    folder : Path
        Where checkpoints and the log are kept.
    start : dict of str to ndarray, default=None
        Weights to begin with.
    """

    def __init__(
        self, images: list[np.ndarray], recipe: Recipe, folder: Path, start: Weights | None = None
    ) -> None:
        self.recipe, self.folder = recipe, folder
        self._origin = {
            "images": fingerprint(images),
            "weights to begin with (--start)": fingerprint(start),
        }
        drawn = _procedural(recipe)
        # Photographs, where there are some, are the better judges.
        learned, self._held_out = _split(images or drawn)
        if not self._held_out:
            side = f"{HELD_OUT_SIDE} x {HELD_OUT_SIDE} pixels"
            warn(f"no image of {side} is left to judge on, so the columns of the PSNR stay empty")
        if images:
            learned = learned + drawn
        self._sharp, self._oversampled = _in_all_sizes(learned), _without_detail(learned)
        self._network, self._reference = (
            _keras.get_network("unet", recipe.size, recipe.n_channels, bfloat16=bfloat16)
            for bfloat16 in (_keras.has_fast_bfloat16(), False)
        )
        if start is None:
            start = _keras.draw_weights(self._network, _generator(recipe.seed, 0))
        self._state = State(0, start, {name: array.copy() for name, array in start.items()}, [], 0)
        path = self._where_to_go_on()
        if path is not None:
            self._state = State.read(path, recipe)

    @property
    def weights(self) -> Weights:
        """The running mean of the weights."""
        return self._state.mean

    @property
    def step(self) -> int:
        """The steps done so far, in all runs."""
        return self._state.step

    @property
    def seconds(self) -> float:
        """The time spent so far, in all runs."""
        return self._state.seconds

    @property
    def is_furthest(self) -> bool:
        """Whether no checkpoint was kept that is further."""
        found = (_about(path, self.recipe) for path in checkpoints(self.folder))
        return all(about["step"] <= self.step for about in found)

    def estimator(self) -> AutoencoderDenoiser:
        """Return a fitted estimator with the weights as they are now."""
        denoiser = AutoencoderDenoiser(size=self.recipe.size)
        denoiser.n_channels_in_ = self.recipe.n_channels
        denoiser._remember(self.weights, {}, "fresh noise", 1.0)
        return denoiser

    def run(
        self, *, time_budget: float | None, on_chunk: Callable[[dict[str, float]], None]
    ) -> bool:
        """Train, write a checkpoint after every chunk, and return whether all steps are done.

        The step during which the time is over is the last one.
        """
        until = np.inf if time_budget is None else time.monotonic() + time_budget
        while self.step < self.recipe.n_steps:
            on_chunk(self._chunk(until))
            if time.monotonic() >= until:
                break
        return self.step == self.recipe.n_steps

    def evaluate(self) -> dict[str, float]:
        """Return the mean PSNR on the held-out images for each sigma, blind and told.

        NaN where there are none.
        """
        found = {}
        for sigma in SIGMAS:
            noisy = [with_white_noise(image, sigma) for image in self._held_out]
            for name, told in (("psnr", 0.0), ("told", sigma / 255)):
                tasks = (Task(image, *image_statistics(image), sigma=told) for image in noisy)
                denoised = _keras.predict(self._reference, self.weights, tasks)
                values = list(map(quality, self._held_out, denoised))
                found[f"{name}{sigma}"] = float(np.mean(values)) if values else np.nan
        return found

    def _where_to_go_on(self) -> Path | None:
        """Return the furthest checkpoint that is of use, and warn if it is not the last one."""
        n_steps, last = self.recipe.n_steps, self._path("last")
        found = {path: _about(path, self.recipe) for path in checkpoints(self.folder)}
        for path, about in found.items():
            self._check_origin(path, about.get("origin", {}))
        steps = {path: about["step"] for path, about in found.items()}
        lengths = {path: about["recipe"]["n_steps"] for path, about in found.items()}
        done = max(steps.values(), default=0)
        if done > n_steps:
            msg = (
                f"{done} steps are done, more than --steps {n_steps}. Type --steps {done} or more "
                f"to go on, or --overwrite to begin anew."
            )
            raise ValueError(msg)
        # What was learned at a falling rate is of no use for a longer training.
        useful = [path for path in found if lengths[path] == n_steps] or [
            path for path in found if steps[path] <= self.recipe.stable_steps
        ]
        furthest = max(useful, key=lambda path: steps[path], default=None)
        step = 0 if furthest is None else steps[furthest]
        if step < steps.get(last, 0):
            warn(
                f"going back from step {steps[last]} to step {step}: what was learned at the "
                f"learning rates of {lengths[last]} steps is of no use for {n_steps}"
                f"{'' if step else ', and there is no earlier checkpoint'}"
            )
        return furthest

    def _check_origin(self, path: Path, before: dict[str, str]) -> None:
        """Refuse a checkpoint of other images or weights; those of earlier versions do not tell."""
        changed = [name for name, now in self._origin.items() if before.get(name, now) != now]
        if changed:
            msg = (
                f"{os.fspath(path)!r} was made with other {' and '.join(changed)}. Name the same "
                f"ones, in the same order, to go on, or type --overwrite to begin anew."
            )
            raise ValueError(msg)

    def _chunk(self, until: float = np.inf) -> dict[str, float]:
        """Train for so many steps as lie between two checkpoints, or until the time is over."""
        state, recipe, began = self._state, self.recipe, time.monotonic()
        mean = {name: array.copy() for name, array in state.mean.items()}
        trainer = _keras.Trainer(
            self._network,
            state.weights,
            loss="mse",
            optimizer="muon",
            state=state.optimizer or None,
            largest_gradient=LARGEST_GRADIENT,
        )
        losses, step = [], state.step
        # A chunk that was begun goes on: what it has learned from is drawn again, and passed over.
        first = step // CHUNK * CHUNK
        n_steps = min(CHUNK, recipe.n_steps - first)
        batches = itertools.islice(self._batches(first), step - first, n_steps)
        # Steps of another size of patches are traced anew, once.
        for batch in in_background(batches):
            if step % _keras.REVIVAL_STEPS == 0 and recipe.revives(step):
                changed = trainer.revive(batch, _generator(recipe.seed, 1 + step))
                weights = trainer.weights if changed else {}
                for name, is_new in changed.items():
                    mean[name] = np.where(is_new, weights[name], mean[name])
            losses.append(trainer.step(batch, recipe.rate(step))[0])
            step += 1
            if step % MEAN_EVERY == 0:
                decay = min(LONGEST_MEAN, step / (step + 10)) ** MEAN_EVERY
                for name, array in trainer.weights.items():
                    mean[name] += (1 - decay) * (array - mean[name])
            if time.monotonic() >= until:
                break
        self._state = State(
            step,
            trainer.weights,
            mean,
            trainer.optimizer_state,
            state.seconds + time.monotonic() - began,
        )
        self._write("last")
        if step == recipe.stable_steps:
            self._write("stable")
        numbers = {
            "step": step,
            "seconds": round(self._state.seconds, 1),
            "learning_rate": recipe.rate(step - 1),
            "loss": float(np.mean(losses)),
            **self.evaluate(),
        }
        self._log(numbers)
        return numbers

    def _batches(self, step: int) -> Iterator[Batch]:
        """Draw batches without end: noise of all kinds, and white noise that is told."""
        recipe = self.recipe
        patch_size, batch_size = recipe.patch_size, recipe.batch_size
        if step >= recipe.stable_steps:
            patch_size, batch_size = LARGE_PATCHES
        n_white = round(recipe.told_white * batch_size)
        # Where cameras have left white noise, they have also left the finest detail.
        parts = [
            self._endless(images, sigma, kinds, n_patches, patch_size, known, step)
            for images, sigma, kinds, n_patches, known in (
                (
                    self._sharp + self._oversampled,
                    recipe.largest_sigma,
                    {},
                    batch_size - n_white,
                    recipe.known_sigma,
                ),
                (self._sharp, recipe.largest_white, {"white": 1.0}, n_white, 1.0),
            )
            if n_patches
        ]
        for batches in zip(*parts, strict=True):
            yield Batch(
                *map(np.concatenate, zip(*(part.arrays() for part in batches), strict=True))
            )

    def _endless(
        self,
        images: list[np.ndarray],
        sigma: float,
        kinds: dict[str, float],
        batch_size: int,
        patch_size: int,
        known: float,
        step: int,
    ) -> Iterator[Batch]:
        """Draw batches of one mixture of noise without end."""
        noise = NoiseInjector("universal", sigma=sigma, noise_params=kinds or None)
        sampler = PatchSampler(
            read_images(images),
            None,
            noise.at_scale,
            patch_size=patch_size,
            multiple=self._network.stride,
            normalized=True,
            data_range=1.0,
        )
        rng = np.random.Generator(np.random.SFC64([self.recipe.seed, 1 + step, len(kinds)]))
        everything = range(len(images))
        while True:
            yield from sampler.epoch(everything, batch_size, rng=rng, known_sigma=known)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npz"

    def _write(self, name: str) -> None:
        """Write a checkpoint; one that is further is kept under another name."""
        path = self._path(name)
        if path.exists():
            before = _about(path, self.recipe)
            if before["step"] > self.step:
                path.replace(self._path(f"{before['step']}_of_{before['recipe']['n_steps']}"))
        self._state.write(path, self.recipe, self._origin)

    def _log(self, numbers: dict[str, Any]) -> None:
        path = self.folder / LOG
        is_new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(numbers))
            if is_new:
                writer.writeheader()
            writer.writerow(
                {name: f"{value:.6g}" for name, value in numbers.items() if np.isfinite(value)}
            )


def checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints of a training, with those of other lengths that were kept."""
    named = [path for name in ("last", "stable") if (path := folder / f"{name}.npz").exists()]
    return [*named, *sorted(folder.glob("*_of_*.npz"))]


def forget(folder: Path) -> None:
    """Delete the checkpoints of a training, and its log, so that it begins anew."""
    for path in [*checkpoints(folder), folder / LOG]:
        path.unlink(missing_ok=True)


def _about(path: Path, recipe: Recipe) -> dict[str, Any]:
    """Read what a checkpoint says of itself; an error where the recipe was another."""
    with plain_file(path) as file, np.load(file, allow_pickle=False) as arrays:
        about: dict[str, Any] = json.loads(str(arrays["about"]))
    before, now = (
        # Checkpoints from before a field was added have its default.
        {**asdict(Recipe(recipe.n_channels)), **found, "n_steps": 0}
        for found in (about["recipe"], asdict(recipe))
    )
    if before != now:
        changed = sorted(name for name in now if before.get(name) != now[name])
        msg = (
            f"{os.fspath(path)!r} was made with another "
            f"{', '.join(f'{name} ({before.get(name)})' for name in changed)}. Type the same "
            f"values to go on, or --overwrite to begin anew."
        )
        raise ValueError(msg)
    return about


def _generator(seed: int, part: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64([seed, part]))


def _procedural(recipe: Recipe) -> list[np.ndarray]:
    if not recipe.n_procedural:
        return []
    images = procedural_images(
        recipe.n_procedural, n_channels=recipe.n_channels, random_state=recipe.seed
    )
    return list(images.reshape(*images.shape[:3], recipe.n_channels))


def _split(images: Sequence[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return what is learned from, and squares that are judged on."""
    large = [i for i, image in enumerate(images) if min(image.shape[:2]) >= HELD_OUT_SIDE]
    # A quarter of a few images at most, so that there is something to learn from.
    chosen = set(large[:: max(4, len(large) // HELD_OUT)][:HELD_OUT]) if len(large) > 1 else set()
    training = [image for i, image in enumerate(images) if i not in chosen]
    squares = []
    for index in sorted(chosen):
        top, left = ((length - HELD_OUT_SIDE) // 2 for length in images[index].shape[:2])
        squares.append(images[index][top : top + HELD_OUT_SIDE, left : left + HELD_OUT_SIDE])
    return training, squares


def _in_all_sizes(images: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [
        _resized(image, *_smaller(image, reduction)) for image in images for reduction in REDUCTIONS
    ]


def _without_detail(images: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [
        _resized(_resized(image, *_smaller(image, OVERSAMPLED)), *image.shape[:2])
        for image in images
    ]


def _smaller(image: np.ndarray, factor: float) -> tuple[int, int]:
    height, width = (max(1, round(factor * length)) for length in image.shape[:2])
    return height, width


def _resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    if image.shape[:2] == (height, width):
        return image
    from PIL import Image

    planes = [
        np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.LANCZOS))
        for plane in np.ascontiguousarray(np.moveaxis(image, -1, 0))
    ]
    return np.stack(planes, axis=-1)


def for_more_channels(weights: Weights, n_channels: int) -> Weights:
    """Let a U-Net for gray images begin on color images: as if it saw their mean."""
    head, *_, tail = weights
    image, sigma = weights[head][:, :, :1], weights[head][:, :, 1:]
    return {
        **weights,
        head: np.concatenate([*[image / n_channels] * n_channels, sigma], axis=2),
        tail: np.concatenate([weights[tail]] * n_channels, axis=2),
    }


def widened(weights: Weights, size: str, n_channels: int, seed: int) -> Weights:
    """Let a larger U-Net begin as the same function as one of half its widths [1]_.

    Each unit becomes two that are alike; whoever reads them takes a random share of either, so
    that they learn different things.

    Raises
    ------
    ValueError
        Where the widths are not the halves.

    References
    ----------
    .. [1] T. Chen, I. Goodfellow, J. Shlens, "Net2Net: Accelerating Learning via Knowledge
       Transfer", ICLR 2016. https://arxiv.org/abs/1511.05641
    """
    network, rng = _keras.get_network("unet", size, n_channels), _generator(seed, 0)
    wide = {}
    layers = zip(network.shapes().items(), network.gain_shapes(), weights.values(), strict=False)
    for (name, shape), gains, array in layers:
        inputs, outputs = (2, 3) if gains[3] > 1 else (3, 2)
        if shape[outputs] == 2 * array.shape[outputs]:
            array = np.concatenate([array, array], axis=outputs)
        if shape[inputs] == 2 * array.shape[inputs]:
            share = rng.uniform(0.25, 0.75, array.shape).astype(array.dtype)
            array = np.concatenate([share * array, (1 - share) * array], axis=inputs)
        wide[name] = array
    if {name: array.shape for name, array in wide.items()} != network.shapes():
        msg = f"the weights to begin with are neither for size={size!r} nor for half its widths."
        raise ValueError(msg)
    return wide
