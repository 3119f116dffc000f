"""``skdenoise train``: clean images and noise in, one model file out."""

import argparse
import os
import secrets
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone

import skdenoise
from skdenoise._cli._arguments import EPOCHS
from skdenoise._cli._channels import to_color, to_gray
from skdenoise._cli._jobs import check_output_file, read_clean
from skdenoise._cli._messages import Messages, count
from skdenoise._cli._waking import wake_keras
from skdenoise._image_files import is_image_name
from skdenoise._model_file import ModelFileError
from skdenoise.noise import NOISE_MODELS


def train(args: argparse.Namespace, say: Messages) -> None:
    """Run ``skdenoise train``."""
    output = Path(args.output)
    if output.is_dir() or args.output.endswith(("/", os.sep)):
        args.wrong_usage(f"{args.output!r} is a folder; the name of a file is wanted")
    if is_image_name(output):
        args.wrong_usage(f"{args.output!r} is the name of an image; type -o model.safetensors")
    if output.resolve() in [path.resolve() for path in args.inputs]:
        args.wrong_usage(f"{args.output!r} is what is to be learned from; choose another name")
    if args.size is not None and args.architecture != "unet":
        args.wrong_usage(f"--size is that of a unet; --architecture {args.architecture} has one")
    check_output_file(args)
    noise = _noise(args)
    images = _read(args, say)
    if not images:
        say.error("there is no image to learn from")
        return
    denoiser = skdenoise.AutoencoderDenoiser(
        args.architecture,
        size=args.size or "small",
        noise=noise,
        epochs=EPOCHS if args.epochs is None and args.time_budget is None else args.epochs,
        time_budget=args.time_budget,
        random_state=args.seed,
        verbose=int(say.shows_progress),
    )
    kind = "gray" if images[0].shape[-1] == 1 else "color"
    say.note(f"training on {count(len(images), f'{kind} image')}")
    wake_keras()
    denoiser.fit(images)
    _save(denoiser, output)
    say.note(f"saved as {args.output!r}; use it with: skdenoise denoise IN -o OUT --model MODEL")


def _save(denoiser: Any, output: Path) -> None:
    """Write the model, if need be under another name: hours of work are in it."""
    try:
        denoiser.save(output)
    except ModelFileError as error:
        other = output.with_name(f"trained-{secrets.token_hex(4)}-{output.name}")
        try:
            denoiser.save(other)
        except ModelFileError:
            raise error from None
        raise ModelFileError(f"{error} The trained model is in {str(other)!r}.") from error


def _noise(args: argparse.Namespace) -> Any:
    """Make the noise that is asked for, and check it before the images are read."""
    if args.noise_factor is not None and args.noise is None:
        args.wrong_usage(
            "--noise-factor is the strength of --noise NAME; type --sigma for Gaussian noise"
        )
    low_high = [0.0, 50.0] if args.sigma is None else args.sigma
    if len(low_high) > 2 or low_high != sorted(low_high):
        args.wrong_usage(
            f"--sigma takes one number, or a smaller and a larger one, got "
            f"{' '.join(f'{sigma:g}' for sigma in low_high)}"
        )
    if args.noise is not None:
        if args.noise not in NOISE_MODELS:
            known = " ".join(sorted(NOISE_MODELS))
            args.wrong_usage(f"there is no --noise {args.noise!r}; known: {known}")
        factor = 0.1 if args.noise_factor is None else args.noise_factor
        noise = skdenoise.NoiseInjector(args.noise, noise_factor=factor)
    elif len(low_high) == 1:
        noise = skdenoise.NoiseInjector("gaussian", noise_factor=low_high[0] / 255)
    else:
        low, high = (sigma / 255 for sigma in low_high)
        noise = skdenoise.NoiseInjector(
            "gaussian_range", noise_factor=high, noise_params={"low": low}
        )
    try:
        clone(noise).fit(np.zeros((1, 8, 8, 3), np.uint8))
    except ValueError as error:
        args.wrong_usage(str(error))
    return noise


def _read(args: argparse.Namespace, say: Messages) -> list[np.ndarray]:
    """Read the images to learn from, all gray or all in color."""
    images = read_clean(args, say, lambda image: image)
    n_gray = sum(image.shape[-1] == 1 for image in images)
    if not (args.gray or args.color) and 0 < n_gray < len(images):
        args.wrong_usage(
            f"{n_gray} of {count(len(images), 'image')} are gray and the others are not; choose "
            f"--gray or --color"
        )
    if args.gray:
        return [to_gray(image) for image in images]
    return [to_color(image) for image in images] if args.color else images
