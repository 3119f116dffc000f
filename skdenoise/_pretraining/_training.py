"""Training in chunks of steps, each of which ends with a checkpoint.

All randomness of a chunk follows from the seed and from the chunk's number, so a training that was
interrupted goes on as if it had not been. The weights that are evaluated and exported are running
means of those that learn.
"""

import csv
import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from skdenoise import _keras
from skdenoise._background import in_background
from skdenoise._containers import read_images
from skdenoise._denoiser import AutoencoderDenoiser
from skdenoise._fingerprint import fingerprint
from skdenoise._learning import Learnt
from skdenoise._normalization import task_of
from skdenoise._patches import Batch, PatchSampler
from skdenoise._pretraining._checkpoints import LOG, State, Weights, checkpoints, read_about
from skdenoise._pretraining._images import (
    HELD_OUT_SIDE,
    in_all_sizes,
    procedural,
    split,
    without_detail,
)
from skdenoise._pretraining._recipe import Recipe, generator
from skdenoise._protocol import quality, with_white_noise
from skdenoise._warning import warn
from skdenoise.noise import NoiseInjector

SIGMAS = 15, 25, 50
MEAN_EVERY = 4
"""Steps between two updates of the running mean of the weights."""
LONGEST_MEAN = 0.999
LARGEST_GRADIENT = 0.1
"""Twice the usual length: rare longer ones throw a long training back."""


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
        drawn = procedural(recipe)
        # Photographs, where there are some, are the better judges.
        learned, self._held_out = split(images or drawn)
        if not self._held_out:
            side = f"{HELD_OUT_SIDE} x {HELD_OUT_SIDE} pixels"
            warn(f"no image of {side} is left to judge on, so the columns of the PSNR stay empty")
        if images:
            learned = learned + drawn
        self._sharp, self._oversampled = in_all_sizes(learned), without_detail(learned)
        self._network, self._reference = (
            _keras.get_network("unet", recipe.size, recipe.n_channels, bfloat16=bfloat16)
            for bfloat16 in (_keras.has_fast_bfloat16(), False)
        )
        if start is None:
            start = _keras.draw_weights(self._network, generator(recipe.seed, 0))
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
    def is_furthest(self) -> bool:
        """Whether no checkpoint was kept that is further."""
        found = (read_about(path, self.recipe) for path in checkpoints(self.folder))
        return all(about["step"] <= self.step for about in found)

    def estimator(self) -> AutoencoderDenoiser:
        """Return a fitted estimator with the weights as they are now."""
        denoiser = AutoencoderDenoiser(size=self.recipe.size)
        denoiser.n_channels_in_ = self.recipe.n_channels
        denoiser._remember(Learnt(self.weights, {}, "fresh noise"))
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
                tasks = (task_of(image, told) for image in noisy)
                denoised = _keras.predict(self._reference, self.weights, tasks)
                values = list(map(quality, self._held_out, denoised))
                found[f"{name}{sigma}"] = float(np.mean(values)) if values else np.nan
        return found

    def _where_to_go_on(self) -> Path | None:
        """Return the furthest checkpoint that is of use, and warn if it is not the last one."""
        n_steps, last = self.recipe.n_steps, self._path("last")
        found = {path: read_about(path, self.recipe) for path in checkpoints(self.folder)}
        for path, about in found.items():
            self._check_origin(path, about["origin"])
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
        """Refuse a checkpoint of other images or weights."""
        changed = [name for name, now in self._origin.items() if before[name] != now]
        if changed:
            msg = (
                f"{os.fspath(path)!r} was made with other {' and '.join(changed)}. Name the same "
                f"ones, in the same order, to go on, or type --overwrite to begin anew."
            )
            raise ValueError(msg)

    def _chunk(self, until: float) -> dict[str, float]:
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
        first, n_steps = recipe.chunk(step)
        batches = itertools.islice(self._batches(first), step - first, n_steps)
        # Steps of another size of patches are traced anew, once.
        for batch in in_background(batches):
            rate = recipe.rate(step)
            if _keras.revival_is_due(step, rate, recipe.learning_rate):
                changed = trainer.revive(batch, generator(recipe.seed, 1 + step))
                weights = trainer.weights if changed else {}
                for name, is_new in changed.items():
                    mean[name] = np.where(is_new, weights[name], mean[name])
            losses.append(trainer.step(batch, rate)[0])
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
        patch_size, batch_size = recipe.patches(step)
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
        rng = generator(self.recipe.seed, 1 + step, len(kinds))
        everything = range(len(images))
        while True:
            yield from sampler.epoch(everything, batch_size, rng=rng, known_sigma=known)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npz"

    def _write(self, name: str) -> None:
        """Write a checkpoint; one that is further is kept under another name."""
        path = self._path(name)
        if path.exists():
            before = read_about(path, self.recipe)
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
