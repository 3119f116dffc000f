"""``skdenoise denoise``: by which network, and what it is told."""

import argparse
import functools
import math
import random
from typing import Any

import numpy as np

import skdenoise
from skdenoise._cli import _engine
from skdenoise._cli._arguments import TIME_BUDGET
from skdenoise._cli._channels import mean_channel, split_alpha, to_color
from skdenoise._cli._jobs import Job, change, checked, fill, in_parts, parts, plan, read_some
from skdenoise._cli._loading import load_model
from skdenoise._cli._messages import Messages, count
from skdenoise._cli._waking import wake_keras
from skdenoise._shipped import shipped_sizes

LEARNING_PIXELS = 2**26
"""Noisy images are learned from until they have so many pixels together."""


def denoise(args: argparse.Namespace, say: Messages) -> None:
    """Run ``skdenoise denoise``."""
    if args.adapt and args.model is not None:
        args.wrong_usage("--adapt goes on from the --weights of this package, not from a --model")
    if args.model is not None and (args.weights, args.size) != (None, None):
        args.wrong_usage("--weights and --size choose weights of this package; --model has its own")
    weights = args.weights or "natural"
    sizes = shipped_sizes(weights)
    if args.size not in (None, *sizes):
        args.wrong_usage(f"--weights {weights} come in --size {' or '.join(sizes)}")
    which = {"weights": weights, "size": args.size or sizes[0]}
    if not args.adapt and (args.epochs, args.time_budget, args.seed) != (None, None, None):
        args.wrong_usage("--epochs, --time-budget and --seed are for --adapt; nothing learns here")
    if args.adapt and args.resume:
        args.wrong_usage("--adapt would learn something else from the images that are left")
    _engine.check(args)
    jobs = plan(args, say)
    if not jobs:
        return
    wake_keras()
    if args.model is not None:
        model = load_model(args.model, skdenoise.AutoencoderDenoiser)
        denoisers = {1: model, 3: model}
    elif args.adapt:
        jobs, denoisers = _adapt(jobs, which, args, say)
    else:
        model = skdenoise.AutoencoderDenoiser(**which)
        denoisers = {1: model, 3: model}
    for denoiser in denoisers.values():
        _engine.choose(denoiser, args)
    denoised = functools.partial(_denoised, denoisers, args)
    n_done = 0
    for job in say.progress(jobs, "denoising"):
        with say.trying(job.source):
            if in_parts(job):
                _denoise_parts(denoisers, job, args)
            else:
                change(job, denoised, args, say)
            n_done += 1
    say.note(f"{count(n_done, 'image')} denoised")


def _adapt(
    jobs: list[Job], which: dict[str, str], args: argparse.Namespace, say: Messages
) -> tuple[list[Job], dict[int, Any]]:
    """Learn from the noisy images: a network for each number of channels that they have."""
    images: dict[int, list[np.ndarray]] = {}
    channels: dict[Job, set[int]] = {}
    n_pixels = 0
    shuffled = list(jobs)
    random.Random(args.seed or 0).shuffle(shuffled)
    for job in say.progress(shuffled, "reading"):
        with say.trying(job.source):
            found = read_some(job, args, say, LEARNING_PIXELS)
            colors = [checked(split_alpha(image)[0]) for image in found]
            channels[job] = {color.shape[-1] for color in colors}
            for color in colors:
                chosen = images.setdefault(color.shape[-1], [])
                if not chosen or n_pixels + color[..., 0].size <= LEARNING_PIXELS:
                    chosen.append(color)
                    n_pixels += color[..., 0].size
    seconds = args.time_budget
    if seconds is None and args.epochs is None:
        seconds = TIME_BUDGET
    denoisers = {}
    for n_channels, noisy in images.items():
        kind = "gray" if n_channels == 1 else "color"
        limits = [
            *([f"{seconds / len(images):g} seconds (--time-budget)"] if seconds else []),
            *([count(args.epochs, "epoch")] if args.epochs else []),
        ]
        say.note(
            f"learning from {count(len(noisy), f'noisy {kind} image')} for at most "
            f"{' or '.join(limits)}"
        )
        with say.trying():
            denoiser: Any = skdenoise.AutoencoderDenoiser(
                **which,
                epochs=args.epochs,
                time_budget=seconds / len(images) if seconds else None,
                random_state=args.seed,
                verbose=int(say.shows_progress),
            )
            found = denoiser.fit(noisy).adaptation_
            denoisers[n_channels] = denoiser
            if found is None:
                say.note("nothing was learned from them; the weights stay as they are")
                continue
            kept = "kept" if found.kept else "not kept"
            say.note(
                f"what was learned is {kept}: by the estimate it is "
                f"{found.after - found.before:+.3f} dB better, and "
                + (
                    f"{found.least_gain:.3f} may be chance"
                    if math.isfinite(found.least_gain)
                    else "tells nothing of so fine a structure"
                )
            )
    return [job for job in jobs if channels.get(job, set()) & denoisers.keys()], denoisers


def _steer(denoiser: Any, args: argparse.Namespace, image: Any) -> None:
    """Tell a network how strong the noise is, in the units of the image, and how to work."""
    if args.strength is not None:
        denoiser.set_params(strength=args.strength)
    if args.augment is not None:
        denoiser.set_params(n_augment=args.augment)
    if args.sigma is not None:
        is_float = args.sigma == "auto" or image.dtype.kind == "f"
        scale = 1 if is_float else np.iinfo(image.dtype).max / 255
        denoiser.set_params(sigma=args.sigma if is_float else args.sigma * scale)


def _denoised(denoisers: dict[int, Any], args: argparse.Namespace, image: np.ndarray) -> np.ndarray:
    """Denoise an image or a page by the network for its number of channels."""
    n_channels = split_alpha(image)[0].shape[-1]
    if n_channels not in denoisers:
        raise ValueError(f"nothing was learned from images with {count(n_channels, 'channel')}")
    _steer(denoisers[n_channels], args, image)
    return apply(denoisers[n_channels], image)


def _denoise_parts(denoisers: dict[int, Any], job: Job, args: argparse.Namespace) -> None:
    """Denoise an image that may be larger than memory, from file to file."""
    with parts(job, args) as (image, denoised):
        denoiser = denoisers[1 if image.ndim == 2 or image.shape[2] == 1 else 3]
        _steer(denoiser, args, image)
        fill(denoiser, image, denoised, functools.partial(apply, denoiser), args)


def apply(denoiser: Any, image: np.ndarray) -> np.ndarray:
    """Denoise one image of any number of channels, and give alpha back."""
    color, alpha = split_alpha(image)
    n_channels = color.shape[-1]
    n_wanted = getattr(denoiser, "n_channels_in_", n_channels)
    if n_wanted == n_channels:
        denoised = denoiser.transform([color])[0]
    elif n_wanted == 1:
        planes = denoiser.transform([color[..., [index]] for index in range(n_channels)])
        denoised = np.concatenate(planes, axis=-1)
    elif n_wanted == 3 and n_channels == 1:
        denoised = mean_channel(denoiser.transform([to_color(color)])[0])
    else:
        raise ValueError(
            f"the model is for images of {n_wanted} channels, this one has {n_channels}"
        )
    return np.concatenate([denoised, alpha], axis=-1).reshape(image.shape)
