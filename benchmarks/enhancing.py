"""Enhancing: training beside PyTorch, and what `transform` adds to the network alone."""

import itertools
import statistics
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import tensorflow as tf

from benchmarks._measuring import (
    Rate,
    Result,
    calls_per_second,
    n_cores,
    ratios,
    seconds,
    take_turns,
)
from benchmarks.denoising import bare_call
from benchmarks.training import TorchTraining
from skdenoise import ZeroDCEEnhancer
from skdenoise._background import in_background
from skdenoise._exposures import exposure_batches
from skdenoise._images import read_images
from skdenoise._keras._backend import has_fast_bfloat16
from skdenoise._keras._network import draw_weights, get_curve_network
from skdenoise._keras._training import Trainer
from skdenoise._patches import PatchSampler
from skdenoise._precision import precision_for

BATCH_SIZE, PATCH_SIZE = 8, 256
DURATION = 8.0
"""Seconds of a turn."""
HEIGHT, WIDTH = 900, 1200


class OurTraining:
    """What `fit` does between two epochs, without references."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        X = rng.integers(256, size=(40, 256, 256, 3), dtype=np.uint8)
        network = get_curve_network("dce", 3, bfloat16=has_fast_bfloat16())
        objective = ZeroDCEEnhancer()._objective(network.n_outputs, "zero-reference")
        weights = draw_weights(network, rng)
        self.n_parameters = sum(array.size for array in weights.values())
        self._trainer = Trainer(network, weights, loss=objective, optimizer="adam")
        images = read_images(X)
        sampler = PatchSampler(
            images,
            images,
            None,
            patch_size=PATCH_SIZE,
            multiple=network.stride,
            normalized=False,
            data_range=1.0,
        )

        def epoch() -> Iterator:
            return exposure_batches(sampler, range(len(X)), BATCH_SIZE, paired=False, rng=rng)

        self._batches = itertools.chain.from_iterable(
            in_background(epoch()) for _ in itertools.count()
        )
        for _ in range(2):
            self._step()

    def _step(self) -> None:
        self._trainer.step(next(self._batches), 1e-4)

    def rate(self) -> Rate:
        """Train, where patches are drawn for every step."""
        return calls_per_second(self._step, DURATION)


def measure(n_rounds: int) -> Iterator[Result]:
    """Train DCE-Net here and in torch; enhance a photograph with either network and with none."""
    yield from _training(n_rounds)
    yield from _transform(n_rounds)


def _training(n_rounds: int) -> Iterator[Result]:
    ours = OurTraining()
    threads = "--threads", str(n_cores())
    with closing(TorchTraining("torch_zero_dce", *threads)) as torch:
        if torch.n_parameters != ours.n_parameters:
            msg = f"{ours.n_parameters} parameters here, {torch.n_parameters} in torch."
            raise RuntimeError(msg)
        theirs, own = take_turns(n_rounds, lambda: torch.rate(DURATION), ours.rate)
    for kind in Rate._fields:
        fast, slow = ([getattr(rate, kind) for rate in rates] for rates in (own, theirs))
        pace = " and ".join(
            f"{BATCH_SIZE * statistics.median(rates):.1f}" for rates in (fast, slow)
        )
        of = "second" if kind == "wall" else "second of processor time"
        yield Result(
            "enhancing",
            f"training dce: images of {PATCH_SIZE} pixels per {of}, ours / torch",
            ratios(fast, slow),
            goal=(">=", 0.9) if kind == "wall" else None,
            note=f"{pace}, torch {torch.version}",
        )


def _transform(n_rounds: int) -> Iterator[Result]:
    """Compare `transform` with a `tf.function` of the network, at the precision it chooses."""
    X = np.random.default_rng(0).integers(64, size=(1, HEIGHT, WIDTH, 3), dtype=np.uint8)
    dce, plus = (ZeroDCEEnhancer(name, weights="default") for name in ("dce", "dce++"))
    precision = precision_for("auto", dce.precision_loss_, fast=has_fast_bfloat16())
    call = bare_call(dce._network(bfloat16=precision == "bfloat16"), dce._weights())
    image = tf.constant(X / np.float32(255))

    def bare() -> np.ndarray:
        return call(image).numpy()

    for function in (bare, lambda: dce.transform(X), lambda: plus.transform(X)):
        function()
    turns = take_turns(
        n_rounds,
        lambda: seconds(bare).wall,
        lambda: seconds(lambda: dce.transform(X)).wall,
        lambda: seconds(lambda: plus.transform(X), n_calls=3).wall,
    )
    alone, whole, quick = turns
    place = f"{WIDTH} x {HEIGHT}"
    yield Result(
        "enhancing",
        f"transform of {place} with dce / its network alone, in {precision}",
        ratios(whole, alone),
        goal=("<=", 1.10),
        note=f"{statistics.median(whole):.2f} s and {statistics.median(alone):.2f} s",
    )
    yield Result(
        "enhancing",
        f"transform of {place}: dce / dce++",
        ratios(whole, quick),
        goal=(">=", 20.0),
        note=f"dce++ {1000 * statistics.median(quick):.0f} ms",
    )
