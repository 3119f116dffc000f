"""Enhancing: training beside PyTorch, and what `transform` adds to the network alone."""

import statistics
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from benchmarks._measuring import Rate, Result, ratios, seconds, take_turns
from benchmarks.denoising import bare_call
from benchmarks.training import OurTraining, in_torch
from skdenoise import ZeroDCEEnhancer
from skdenoise._containers import read_images
from skdenoise._exposures import exposure_batches
from skdenoise._keras._backend import has_fast_bfloat16
from skdenoise._keras._network import get_curve_network
from skdenoise._patches import PatchSampler
from skdenoise._precision import precision_for
from skdenoise._side_by_side import n_cores

BATCH_SIZE, PATCH_SIZE = 8, 256
DURATION = 8.0
"""Seconds of a turn."""
HEIGHT, WIDTH = 900, 1200


def enhancer_training() -> OurTraining:
    """Prepare to learn without references."""
    rng = np.random.default_rng(0)
    X = rng.integers(256, size=(40, 256, 256, 3), dtype=np.uint8)
    network = get_curve_network("dce", 3, bfloat16=has_fast_bfloat16())
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

    objective = ZeroDCEEnhancer()._objective(network.n_outputs, "zero-reference")
    return OurTraining(network, objective, epoch, rng)


def measure(n_rounds: int) -> Iterator[Result]:
    """Train DCE-Net here and in torch; enhance a photograph with either network and with none."""
    yield from _training(n_rounds)
    yield from _transform(n_rounds)


def _training(n_rounds: int) -> Iterator[Result]:
    ours = enhancer_training()
    with in_torch(ours, "torch_zero_dce", "--threads", n_cores()) as (version, torch):
        theirs, own = take_turns(n_rounds, lambda: torch(DURATION), lambda: ours.fresh(DURATION))
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
            note=f"{pace}, torch {version}",
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
