"""Training: patches per second beside PyTorch, and what fresh noise and patches add to a step."""

import itertools
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from benchmarks._measuring import Rate, Result, calls_per_second, n_cores, ratios, take_turns
from skdenoise import NoiseInjector
from skdenoise._background import in_background
from skdenoise._images import read_images
from skdenoise._keras._backend import has_fast_bfloat16
from skdenoise._keras._network import draw_weights, get_network
from skdenoise._keras._training import Trainer
from skdenoise._patches import Batch, PatchSampler
from skdenoise._randomness import generators

BATCH_SIZE, PATCH_SIZE = 32, 64
DURATION = 4.0
"""Seconds of a turn."""


class OurTraining:
    """What `fit` does between two epochs, from clean images with fresh noise."""

    def __init__(self, architecture: str) -> None:
        (rng,) = generators(0, 1)
        X = rng.integers(256, size=(64, 256, 256), dtype=np.uint8)
        network = get_network(architecture, "small", 1, bfloat16=has_fast_bfloat16())
        self.n_parameters = sum(
            variable.value.shape.num_elements() for variable in network.model.trainable_variables
        )
        self._trainer = Trainer(network, draw_weights(network, rng), loss="mse", optimizer="adam")
        self._sampler = PatchSampler(
            read_images(X),
            None,
            NoiseInjector(noise_factor=0.1).at_scale,
            patch_size=PATCH_SIZE,
            multiple=network.stride,
            normalized=architecture != "autoencoder",
            data_range=1.0,
        )
        self._known_sigma = 0.5 if network.steerable else 0.0
        self._n_images, self._rng = len(X), rng
        self._batches = itertools.chain.from_iterable(
            in_background(self._epoch()) for _ in itertools.count()
        )
        self._prepared_batch = next(self._batches)
        for _ in range(3):
            self._step(self._prepared_batch)

    def fresh(self) -> Rate:
        """Train, where patches and noise are drawn for every step."""
        return self._rate(self._batches)

    def prepared(self) -> Rate:
        """Train, where every step gets the same batch."""
        return self._rate(itertools.repeat(self._prepared_batch))

    def drawing_alone(self) -> Rate:
        """Draw batches that are not used."""
        batches = itertools.chain.from_iterable(self._epoch() for _ in itertools.count())
        return calls_per_second(lambda: next(batches), DURATION / 4)

    def _epoch(self) -> Iterator[Batch]:
        return self._sampler.epoch(
            range(self._n_images), BATCH_SIZE, rng=self._rng, known_sigma=self._known_sigma
        )

    def _step(self, batch: Batch) -> None:
        self._trainer.step(batch, 1e-4)

    def _rate(self, batches: Iterator[Batch]) -> Rate:
        return calls_per_second(lambda: self._step(next(batches)), DURATION)


class TorchTraining:
    """The same network in a process of its own.

    Parameters
    ----------
    module : str
        Program that trains as often as it gets a line, such as ``"torch_training"``.
    *arguments : str
        Its arguments.

    Raises
    ------
    RuntimeError
        Where that Python has no torch.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        python = os.environ.get("SKDENOISE_TORCH_PYTHON") or sys.executable
        self._process = subprocess.Popen(
            [python, "-m", f"benchmarks.{module}", *arguments],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        greeting = self._process.stdout.readline().split()
        if len(greeting) != 2:
            self._process.kill()
            msg = (
                f"{python} cannot run benchmarks/{module}.py, see above. Install torch, "
                f"python -m pip install '.[bench]', or set SKDENOISE_TORCH_PYTHON to a Python "
                f"that has it."
            )
            raise RuntimeError(msg)
        self.version, self.n_parameters = greeting[0], int(greeting[1])

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait()

    def rate(self, duration: float = DURATION) -> Rate:
        """Train on a prepared batch."""
        print(duration, file=self._process.stdin, flush=True)
        return Rate(*map(float, self._process.stdout.readline().split()))


def measure(n_rounds: int) -> Iterator[Result]:
    """Train two networks: in torch, and here on fresh batches and on one prepared batch."""
    for architecture in ("autoencoder", "unet"):
        ours = OurTraining(architecture)
        with closing(TorchTraining("torch_training", architecture, str(n_cores()))) as torch:
            if torch.n_parameters != ours.n_parameters:
                msg = (
                    f"{architecture} has {ours.n_parameters} parameters here, "
                    f"{torch.n_parameters} in benchmarks/torch_training.py."
                )
                raise RuntimeError(msg)
            turns = take_turns(n_rounds, torch.rate, ours.fresh, ours.prepared, ours.drawing_alone)
        name = f"training {architecture}"
        (theirs, theirs_cpu), (fresh, fresh_cpu), (prepared, prepared_cpu), (_, drawn_cpu) = (
            zip(*rates, strict=True) for rates in turns
        )
        pace = " and ".join(
            f"{BATCH_SIZE * statistics.median(rates):.0f}" for rates in (fresh, theirs)
        )
        yield Result(
            "training",
            f"{name}: patches per second, ours / torch",
            ratios(fresh, theirs),
            goal=(">=", 0.9),
            note=f"{pace}, torch {torch.version}",
        )
        yield Result(
            "training",
            f"{name}: patches per second of processor time, ours / torch",
            ratios(fresh_cpu, theirs_cpu),
        )
        yield Result(
            "training",
            f"{name}: what fresh patches and noise add to a step",
            tuple(100 * (ratio - 1) for ratio in ratios(prepared, fresh)),
            unit="%",
            goal=("<", 5.0),
            note="time",
        )
        yield Result(
            "training",
            f"{name}: what fresh patches and noise add to a step",
            tuple(100 * (ratio - 1) for ratio in ratios(prepared_cpu, fresh_cpu)),
            unit="%",
            goal=("<", 5.0),
            note="processor time",
        )
        yield Result(
            "training",
            f"{name}: drawing a batch, share of a step",
            tuple(100 * ratio for ratio in ratios(prepared_cpu, drawn_cpu)),
            unit="%",
            note="processor time",
        )
