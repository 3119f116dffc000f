"""Training: patches per second beside PyTorch, and what fresh noise and patches add to a step."""

import itertools
import statistics
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import numpy as np

from benchmarks._beside import Beside
from benchmarks._measuring import Rate, Result, calls_per_second, ratios, take_turns
from benchmarks.engines import FAST
from skdenoise import NoiseInjector
from skdenoise._background import in_background
from skdenoise._containers import read_images
from skdenoise._keras._backend import has_fast_bfloat16
from skdenoise._keras._network import Network, draw_weights, get_network
from skdenoise._keras._training import Trainer
from skdenoise._patches import PatchSampler
from skdenoise._randomness import generators
from skdenoise._side_by_side import n_cores

BATCH_SIZE, PATCH_SIZE = 32, 64
DURATION = 4.0
"""Seconds of a turn."""


class OurTraining:
    """What `fit` does between two epochs.

    Parameters
    ----------
    network : Network
        What learns.
    loss : str or callable
        From what.
    epoch : callable
        Draws the batches of an epoch.
    rng : numpy.random.Generator
        Draws the weights.
    """

    def __init__(
        self,
        network: Network,
        loss: Any,
        epoch: Callable[[], Iterator],
        rng: np.random.Generator,
    ) -> None:
        self.n_parameters = sum(
            variable.value.shape.num_elements() for variable in network.model.trainable_variables
        )
        self._trainer = Trainer(network, draw_weights(network, rng), loss=loss, optimizer="adam")
        self._epoch = epoch
        self._batches = itertools.chain.from_iterable(
            in_background(epoch()) for _ in itertools.count()
        )
        self._prepared_batch = next(self._batches)
        for _ in range(3):
            self._trainer.step(self._prepared_batch, 1e-4)

    def fresh(self, duration: float = DURATION) -> Rate:
        """Train, where batches are drawn for every step."""
        return self._rate(self._batches, duration)

    def prepared(self) -> Rate:
        """Train, where every step gets the same batch."""
        return self._rate(itertools.repeat(self._prepared_batch), DURATION)

    def drawing_alone(self) -> Rate:
        """Draw batches that are not used."""
        batches = itertools.chain.from_iterable(self._epoch() for _ in itertools.count())
        return calls_per_second(lambda: next(batches), DURATION / 4)

    def _rate(self, batches: Iterator, duration: float) -> Rate:
        return calls_per_second(lambda: self._trainer.step(next(batches), 1e-4), duration)


def denoiser_training(architecture: str) -> OurTraining:
    """Prepare to learn from clean images with fresh noise."""
    (rng,) = generators(0, 1)
    X = rng.integers(256, size=(64, 256, 256), dtype=np.uint8)
    network = get_network(architecture, "small", 1, bfloat16=has_fast_bfloat16())
    sampler = PatchSampler(
        read_images(X),
        None,
        NoiseInjector(noise_factor=0.1).at_scale,
        patch_size=PATCH_SIZE,
        multiple=network.stride,
        normalized=architecture != "autoencoder",
        data_range=1.0,
    )
    known_sigma = 0.5 if network.steerable else 0.0

    def epoch() -> Iterator:
        return sampler.epoch(range(len(X)), BATCH_SIZE, rng=rng, known_sigma=known_sigma)

    return OurTraining(network, "mse", epoch, rng)


@contextmanager
def in_torch(
    ours: OurTraining, module: str, *arguments: object
) -> Iterator[tuple[str, Callable[..., Rate]]]:
    """Yield the version of torch, and what trains the same network there for a duration."""
    with closing(Beside(module, *arguments)) as torch:
        version, n_parameters = torch.greeting
        if int(n_parameters) != ours.n_parameters:
            msg = f"{ours.n_parameters} parameters here, {n_parameters} in benchmarks/{module}.py."
            raise RuntimeError(msg)
        yield version, lambda duration=DURATION: Rate(*torch.ask(duration))


def measure(n_rounds: int) -> Iterator[Result]:
    """Train two networks: in torch, and here on fresh batches and on one prepared batch."""
    for architecture in ("autoencoder", "unet"):
        ours = denoiser_training(architecture)
        with in_torch(ours, "torch_training", architecture, FAST, n_cores()) as (version, torch):
            turns = take_turns(n_rounds, torch, ours.fresh, ours.prepared, ours.drawing_alone)
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
            goal=(">=", 0.95),
            note=f"{pace}, torch {version} {FAST}",
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
