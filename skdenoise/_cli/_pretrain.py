"""``skdenoise pretrain``: weights for all noises, by a training that can be killed and resumed."""

import argparse
import os
from pathlib import Path

import numpy as np

import skdenoise
from skdenoise._cli._channels import to_color, to_gray
from skdenoise._cli._jobs import check_output_file, read_clean
from skdenoise._cli._loading import load_model
from skdenoise._cli._messages import Messages, count
from skdenoise._cli._waking import wake_keras


def pretrain(args: argparse.Namespace, say: Messages) -> None:
    """Run ``skdenoise pretrain``."""
    from skdenoise._pretraining import LOG, TOLD_WHITE, Pretraining, Recipe, checkpoints, forget

    output = Path(args.output)
    is_folder = output.is_dir() or args.output.endswith(("/", os.sep))
    if is_folder or output.suffix != ".safetensors":
        args.wrong_usage(f"-o names the file to write, WEIGHTS.safetensors, got {args.output!r}")
    if not (args.inputs or args.procedural):
        args.wrong_usage("name a FOLDER of clean images, or type --procedural N to make some")
    if args.start is not None and args.start.resolve() == output.resolve():
        args.wrong_usage("-o would replace the weights of --start; choose another name")
    args.resume = not args.overwrite  # to be said where it is interrupted
    folder = output.with_suffix(".training")
    if not checkpoints(folder):  # by which the file would be known to be of this training
        check_output_file(args)
    n_channels = 3 if args.color else 1
    images = _read(args, say, n_channels)
    if not (images or args.procedural):
        say.error("there is no image to learn from")
        return
    wake_keras()
    start = None if args.start is None else _start(args, n_channels)
    recipe = Recipe(
        n_channels=n_channels,
        size=args.size,
        n_steps=args.steps,
        learning_rate=args.learning_rate,
        told_white=TOLD_WHITE[n_channels],
        seed=args.seed,
        n_procedural=args.procedural,
    )
    folder.mkdir(exist_ok=True)
    if args.overwrite:
        forget(folder)
    training = Pretraining(images, recipe, folder, start)
    say.note(
        f"{count(len(images) + args.procedural, 'image')}, {training.step} of {args.steps} steps "
        f"done; progress in {str(folder / LOG)!r}"
    )

    def report(numbers: dict[str, float]) -> None:
        say.note(
            "  ".join(
                f"{name} {value:.5g}"
                for name, value in numbers.items()
                if name != "loss" and np.isfinite(value)
            )
        )

    done = training.run(time_budget=args.time_budget, on_chunk=report)
    if training.is_furthest or not output.exists():
        training.estimator().save(output, dtype="float16")
        saved = f"saved as {args.output!r}"
    else:
        saved = f"{args.output!r} stays as it is until more steps are done than it has behind it"
    same = "the same command, without --overwrite," if args.overwrite else "the same command"
    say.note(saved if done else f"{saved}; {same} goes on")


def _start(args: argparse.Namespace, n_channels: int) -> dict[str, np.ndarray]:
    """Read the weights to begin with."""
    from skdenoise._pretraining import for_more_channels, widened

    model = load_model(args.start, skdenoise.AutoencoderDenoiser)
    known, weights = model.n_channels_in_, model.weights_
    if model.architecture != "unet" or known not in (1, n_channels):
        colors = "color images; type --color" if known == 3 else f"images of {known} channels"
        args.wrong_usage(
            f"--start is a {model.architecture} for {colors}"
            if model.architecture == "unet"
            else f"--start must be a unet, and is a {model.architecture}"
        )
    if known != n_channels:
        weights = for_more_channels(weights, n_channels)
    if model.size != args.size:
        try:
            weights = widened(weights, args.size, n_channels, args.seed)
        except ValueError as error:
            args.wrong_usage(f"--start: {error}")
    return weights


def _read(args: argparse.Namespace, say: Messages, n_channels: int) -> list[np.ndarray]:
    """Read 8-bit images, gray or in color as asked for."""
    n_gray = 0

    def taken(image: np.ndarray) -> np.ndarray | None:
        if image.dtype != np.uint8:
            raise ValueError(f"it has pixels of {image.dtype}; 8-bit images are wanted")
        if n_channels == 3 and image.shape[-1] == 1:
            nonlocal n_gray
            n_gray += 1
            return None
        return to_gray(image) if n_channels == 1 else to_color(image)

    images = read_clean(args, say, taken)
    if n_gray:
        say.note(f"{count(n_gray, 'gray image')} left out (--color)")
    return images
