"""Denoising: `transform` beside a bare call of the same network, and images of a new size."""

import functools
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from benchmarks._measuring import Result, ratios, seconds, take_turns
from skdenoise import AutoencoderDenoiser, NoiseInjector
from skdenoise._keras._backend import as_given
from skdenoise._keras._network import Network

SIDE = 512
N_CALLS = {"autoencoder": 15, "unet": 5}
"""Calls of a turn, of which the median counts."""


def fitted(architecture: str) -> AutoencoderDenoiser:
    """Return a denoiser that has learnt for one step; how well does not change its speed."""
    denoiser = AutoencoderDenoiser(
        architecture, noise=NoiseInjector(noise_factor=0.1), epochs=1, random_state=0
    )
    return denoiser.fit(np.random.default_rng(0).integers(256, size=(2, 16, 16), dtype=np.uint8))


def bare_call(
    network: Network, weights: dict[str, np.ndarray]
) -> tf.types.experimental.PolymorphicFunction:
    """Return the network as a user of TensorFlow would call it, for any size of image."""
    model = network.with_weights(weights)
    signature = [tf.TensorSpec(item.shape, "float32") for item in model.inputs]

    @tf.function(input_signature=signature, autograph=False)
    def call(*inputs: tf.Tensor) -> tf.Tensor:
        return model(as_given(inputs), training=False)

    return call


def measure(n_rounds: int) -> Iterator[Result]:
    """Denoise a photograph's worth of gray levels."""
    rng = np.random.default_rng(0)
    for architecture, n_calls in N_CALLS.items():
        name = f"{architecture} small" if architecture == "unet" else architecture
        denoiser = fitted(architecture)
        X = rng.integers(256, size=(1, SIDE, SIDE), dtype=np.uint8)
        precision = denoiser._precision_of(X.dtype, denoiser.precision_loss_)
        network = denoiser._network(bfloat16=precision == "bfloat16")
        call = bare_call(network, denoiser.weights_)
        inputs = [tf.constant(X[..., None] / 255, "float32")]
        if network.steerable:
            inputs.append(tf.zeros_like(inputs[0]))

        transform = functools.partial(denoiser.transform, X)
        bare = functools.partial(call, *inputs)
        transform()
        bare()
        turns = take_turns(
            n_rounds,
            functools.partial(seconds, transform, n_calls=n_calls),
            functools.partial(seconds, bare, n_calls=n_calls),
        )
        (ours, ours_cpu), (theirs, theirs_cpu) = (zip(*turn, strict=True) for turn in turns)
        yield Result(
            "denoising",
            f"transform of {SIDE} x {SIDE}, {name}, {precision}: time, transform / bare call",
            ratios(ours, theirs),
            goal=("<=", 1.1),
            note=f"{1000 * min(ours):.0f} and {1000 * min(theirs):.0f} ms at best",
        )
        yield Result(
            "denoising",
            f"transform of {SIDE} x {SIDE}, {name}: processor time, transform / bare call",
            ratios(ours_cpu, theirs_cpu),
        )
        new, known = [], []
        for step in range(1, 2 * n_rounds + 1):
            shape = (1, SIDE - 16 * step, SIDE + 16 * step)
            other = rng.integers(256, size=shape, dtype=np.uint8)
            again = functools.partial(denoiser.transform, other)
            new.append(seconds(again).processor)
            known.append(seconds(again, n_calls=3).processor)
        yield Result(
            "denoising",
            f"transform of a new size, {name}: processor time, first call / later calls",
            ratios(new, known),
        )
