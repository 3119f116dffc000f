"""Training: patches per second beside PyTorch, and what fresh noise and patches add to a step."""

import itertools
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks._measuring import Result, calls_per_second, n_cores, ratios, take_turns
from skdenoise import AutoencoderDenoiser, NoiseInjector
from skdenoise._images import read_images
from skdenoise._keras._network import draw_weights
from skdenoise._keras._training import Trainer
from skdenoise._patches import Batch, PatchSampler, in_background

BATCH_SIZE, PATCH_SIZE = 32, 64
N_ROUNDS, DURATION = 5, 4.0


class OurTraining:
    """The training of a denoiser from clean images, as `fit` does it, step by step."""

    def __init__(self, architecture: str) -> None:
        rng = np.random.default_rng(0)
        X = rng.integers(256, size=(64, 256, 256), dtype=np.uint8)
        denoiser = AutoencoderDenoiser(architecture, noise=NoiseInjector(noise_factor=0.1))
        images = denoiser._read(X, reset=True)
        network = denoiser._template(training=True)
        weights = draw_weights(network, rng)
        self.n_parameters = sum(
            math.prod(array.shape) for array in list(weights.values())[: network.n_trainable]
        )
        self._trainer = Trainer(network, weights, loss="mse", optimizer="adam")
        self._sampler = PatchSampler(
            read_images(X) if images is None else images,
            None,
            denoiser.noise.corrupt,
            patch_size=PATCH_SIZE,
            multiple=network.stride,
            normalized=denoiser._normalizes,
            data_range=1.0,
        )
        self._n_images = len(X)
        self._known_sigma = 0.5 if network.steerable else 0.0
        self._rng = rng
        self._prepared = next(self._epoch())
        for _ in range(3):
            self._learn(self._prepared)

    def fresh(self) -> float:
        """Return patches per second with patches and noise drawn for every step."""
        epochs = (in_background(self._epoch()) for _ in itertools.count())
        batches = itertools.chain.from_iterable(epochs)
        return self._rate(batches)

    def prepared(self) -> float:
        """Return patches per second with the same batch in every step."""
        return self._rate(itertools.repeat(self._prepared))

    def drawing(self) -> float:
        """Return patches per second of drawing alone."""
        return self._rate_of(itertools.chain.from_iterable(iter(self._epoch, None)))

    def _epoch(self) -> Iterator[Batch]:
        return self._sampler.epoch(
            range(self._n_images), BATCH_SIZE, rng=self._rng, known_sigma=self._known_sigma
        )

    def _learn(self, batch: Batch) -> None:
        self._trainer.step(batch, 1e-4)

    def _rate(self, batches: Iterator[Batch]) -> float:
        return BATCH_SIZE * calls_per_second(lambda: self._learn(next(batches)), DURATION)

    def _rate_of(self, batches: Iterator[Batch]) -> float:
        return BATCH_SIZE * calls_per_second(lambda: next(batches), DURATION / 4)


