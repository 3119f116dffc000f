"""The recipe of the enhancer's shipped weights: ``python -m skdenoise._enhancer_pretraining``.

Every second batch holds photographs of mixed exposures, which nobody says how to correct; the
others hold well-lit photographs that were exposed anew, so that the wanted image is known. The
same command gives the same weights on the same machine.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from skdenoise import _keras
from skdenoise._background import in_background
from skdenoise._containers import read_images
from skdenoise._enhancer import SMOOTHNESS, ZeroDCEEnhancer
from skdenoise._exposures import ExposureBatch, exposure_batches, re_exposed, re_exposing
from skdenoise._image_files import list_images, read_image
from skdenoise._patches import PatchSampler
from skdenoise.metrics import psnr

HELD_OUT = 12
"""Well-lit photographs that are judged on, not learned from; a square of `SIDE` pixels of each."""
SIDE = 192
REPORT = 100
"""Steps between two lines of the report."""

INITIAL_DEVIATION = 0.02
N_MAPS = {"dce": 24, "dce++": 3}
SMALLER = {"dce": 2, "dce++": 4}
"""How much smaller photographs are made to be learned from: less to compute, more to be seen."""
EXPOSURE_WEIGHT = {"dce": 8.0, "dce++": 4.0}
"""Weight of the brightness of regions. "dce" sees too little of a photograph to tell a dark one
from a dark thing, and leaves both dark unless this says more."""


@dataclass(frozen=True)
class Recipe:
    """What decides the result, besides the images.

    Attributes
    ----------
    architecture : {"dce", "dce++"}
        The network.
    n_steps : int
        Length of the training.
    patch_size, batch_size : int
        Pixels of a side, and patches of a step.
    learning_rate : float
        The highest.
    seed : int
        Of everything random.
    """

    architecture: str
    n_steps: int = 1500
    patch_size: int = 72
    batch_size: int = 8
    learning_rate: float = 5e-3
    seed: int = 0


def pretrain(
    mixed: Sequence[np.ndarray], well_lit: Sequence[np.ndarray], recipe: Recipe
) -> ZeroDCEEnhancer:
    """Train on color images of uint8, and return the fitted enhancer; its progress is printed."""
    enhancer, learning = ZeroDCEEnhancer(recipe.architecture), _learning(recipe.architecture)
    every = max(2, len(well_lit) // HELD_OUT)
    held_out = [_square(image) for image in well_lit[::every]]
    well_lit = [image for i, image in enumerate(well_lit) if i % every]
    network = enhancer._template(training=True)
    rng = np.random.default_rng(recipe.seed)
    trainer = _keras.Trainer(
        network,
        _widened(_keras.draw_weights(network, rng)),
        loss=learning._objective(network.n_outputs, "re-exposed"),
        optimizer="muon",
    )
    sources = [
        _batches(images, recipe, learning._reduction, rng, exposed_anew=exposed_anew)
        for images, exposed_anew in ((mixed, False), (well_lit, True))
    ]
    began = time.monotonic()
    batches = in_background(next(sources[step % 2]) for step in range(recipe.n_steps))
    losses, terms = [], []
    for step, batch in enumerate(batches, start=1):
        rate = _keras.scheduled_rate(recipe.learning_rate, (step - 1) / recipe.n_steps)
        loss, numbers = trainer.step(batch, rate)
        losses.append(loss)
        terms.append(numbers)
        if step % REPORT == 0 or step == recipe.n_steps:
            enhancer._remember(trainer.weights, {}, "re-exposed")
            report = {
                "seconds": time.monotonic() - began,
                "loss": float(np.mean(losses)),
                **trainer.objective.report(np.mean(terms, axis=0)),
                "psnr": _quality(enhancer, held_out),
            }
            line = "  ".join(f"{name} {value:.4g}" for name, value in report.items())
            sys.stdout.write(f"step {step}  {line}\n")
            sys.stdout.flush()
            losses, terms = [], []
    enhancer._remember(_rounded(trainer.weights), {}, "re-exposed")
    return enhancer


def _rounded(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return weights that bfloat16 holds exactly: then it costs next to nothing to apply them."""
    return {name: _keras.rounded_to_bfloat16(array) for name, array in weights.items()}


def _widened(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return weights that let all of the signal through: they learn many times sooner."""
    *hidden, last, bias = weights
    widened = {}
    for name in hidden:
        shape = weights[name].shape
        # A depthwise kernel (h, w, C, 1) sees one channel.
        n_inputs = np.prod(shape[:2]) if shape[-1] == 1 else np.prod(shape[:-1])
        widened[name] = (
            weights[name] / np.float32(INITIAL_DEVIATION) * np.float32(np.sqrt(2 / n_inputs))
        )
    return {**widened, last: weights[last], bias: weights[bias]}


def _learning(architecture: str) -> ZeroDCEEnhancer:
    """Return the parameters of the training; on smaller images all sides are smaller."""
    smaller = SMALLER[architecture]
    return ZeroDCEEnhancer(
        architecture,
        reduction=max(1, ZeroDCEEnhancer(architecture)._reduction // smaller),
        spatial_region=4 // smaller,
        exposure_region=16 // smaller,
        # At full size the maps are so much less steep.
        smoothness_weight=SMOOTHNESS / N_MAPS[architecture] / smaller**2,
        # The known images have a say: a scene need be neither gray on average nor as bright.
        target_exposure=0.5,
        exposure_weight=EXPOSURE_WEIGHT[architecture],
        color_weight=1.0,
        paired_weight=6.0,
    )


def _batches(
    images: Sequence[np.ndarray],
    recipe: Recipe,
    multiple: int,
    rng: np.random.Generator,
    *,
    exposed_anew: bool,
) -> Iterator[ExposureBatch]:
    """Draw batches without end."""
    smaller = SMALLER[recipe.architecture]
    read = read_images([np.asarray(Image.fromarray(image).reduce(smaller)) for image in images])
    sampler = PatchSampler(
        read,
        None if exposed_anew else read,
        re_exposing(1.0) if exposed_anew else None,
        patch_size=recipe.patch_size,
        multiple=multiple,
        normalized=False,
        data_range=1.0,
    )
    while True:
        yield from exposure_batches(
            sampler, range(len(images)), recipe.batch_size, paired=exposed_anew, rng=rng
        )


def _quality(enhancer: ZeroDCEEnhancer, held_out: Sequence[np.ndarray]) -> float:
    """Return the mean PSNR in dB of well-lit images that were exposed anew, then enhanced."""
    values: list[Any] = []
    for index, image in enumerate(held_out):
        dark = re_exposed(image / np.float32(255), np.random.default_rng(index))
        values.append(psnr(image / np.float32(255), enhancer.transform(dark[None])[0]))
    return float(np.mean(values))


def _square(image: np.ndarray) -> np.ndarray:
    top, left = (max(0, (length - SIDE) // 2) for length in image.shape[:2])
    return image[top : top + SIDE, left : left + SIDE]


def _read(folder: str) -> list[np.ndarray]:
    """Read the color images of a folder."""
    images = (read_image(listed.path) for listed in list_images(folder))
    return [
        image[..., :3] for image in images if image.dtype == np.uint8 and image.shape[-1] in (3, 4)
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m skdenoise._enhancer_pretraining",
        description="Train the weights that ZeroDCEEnhancer(weights='default') uses.",
    )
    parser.add_argument("mixed", help="folder of photographs of mixed exposures")
    parser.add_argument("well_lit", help="folder of well-lit photographs")
    parser.add_argument("-o", "--output", required=True, help="file to write: X.safetensors")
    parser.add_argument("--architecture", choices=N_MAPS, default="dce")
    parser.add_argument("--steps", type=int, default=Recipe.n_steps)
    parser.add_argument("--patch-size", type=int, default=Recipe.patch_size)
    parser.add_argument("--batch-size", type=int, default=Recipe.batch_size)
    parser.add_argument("--learning-rate", type=float, default=Recipe.learning_rate)
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    args = parser.parse_args(arguments)
    recipe = Recipe(
        args.architecture,
        args.steps,
        args.patch_size,
        args.batch_size,
        args.learning_rate,
        args.seed,
    )
    pretrain(_read(args.mixed), _read(args.well_lit), recipe).save(args.output, dtype="float16")


if __name__ == "__main__":
    main()
