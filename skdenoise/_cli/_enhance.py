"""``skdenoise enhance``: by which network, and how bright."""

import argparse
import itertools
from typing import Any

import numpy as np

import skdenoise
from skdenoise._cli import _engine
from skdenoise._cli._channels import mean_channel, split_alpha, to_color
from skdenoise._cli._jobs import Job, change, fill, in_parts, parts, plan, read, write
from skdenoise._cli._loading import load_model
from skdenoise._cli._messages import Messages, count
from skdenoise._cli._waking import wake_keras

FRAME_SMOOTHING = 0.8
"""Share of the curves of the frames before, where the images are frames."""


def enhance(args: argparse.Namespace, say: Messages) -> None:
    """Run ``skdenoise enhance``."""
    if args.model is not None and args.architecture is not None:
        args.wrong_usage("--architecture is that of the weights of this package; --model has one")
    if args.denoise_order is not None and not args.denoise:
        args.wrong_usage("--denoise-order is for --denoise; nothing is denoised here")
    if args.frames and args.resume:
        args.wrong_usage("--frames depend on those before, which --resume would leave out")
    _engine.check(args)
    jobs = plan(args, say)
    if not jobs:
        return
    wake_keras()
    enhancer = _enhancer(args)
    n_done = (_enhance_frames if args.frames else _enhance_each)(enhancer, jobs, args, say)
    say.note(f"{count(n_done, 'image')} enhanced")


def _enhancer(args: argparse.Namespace) -> Any:
    """Make the enhancer, and tell it what was typed."""
    if args.model is not None:
        enhancer = load_model(args.model, skdenoise.ZeroDCEEnhancer)
    else:
        enhancer = skdenoise.ZeroDCEEnhancer(args.architecture or "dce", weights="default")
    denoiser = skdenoise.AutoencoderDenoiser(weights="natural") if args.denoise else None
    for estimator in (enhancer, denoiser):
        if estimator is not None:
            _engine.choose(estimator, args)
    typed = {
        "exposure": args.exposure,
        "strength": args.strength,
        "locality": args.locality,
        "n_iterations": args.iterations,
        "keep_hue": args.keep_hue,
        "protect_highlights": args.protect_highlights,
        "denoiser": denoiser,
        "denoise": args.denoise_order,
        "smoothing": FRAME_SMOOTHING if args.frames else None,
    }
    return enhancer.set_params(**{key: value for key, value in typed.items() if value is not None})


def _enhance_each(enhancer: Any, jobs: list[Job], args: argparse.Namespace, say: Messages) -> int:
    """Enhance images one by one, so that few are in memory; return how many were written."""
    n_done = 0
    for job in say.progress(jobs, "enhancing"):
        with say.trying(job.source):
            if in_parts(job):
                with parts(job, args) as (image, enhanced):
                    fill(enhancer, image, enhanced, lambda whole: apply(enhancer, [whole])[0], args)
            else:
                change(job, lambda image: apply(enhancer, [image])[0], args, say)
            n_done += 1
    return n_done


def _enhance_frames(enhancer: Any, jobs: list[Job], args: argparse.Namespace, say: Messages) -> int:
    """Enhance all frames of a sequence, which depend on each other; return as for each."""
    frames: dict[Job, list[np.ndarray]] = {}
    for job in say.progress(jobs, "reading"):
        with say.trying(job.source):
            frames[job] = list(read(job, args, say))
    n_done = 0
    with say.trying(jobs[0].source if len(jobs) == 1 else None):
        enhanced = iter(apply(enhancer, list(itertools.chain(*frames.values()))) if frames else ())
        for job, pages in frames.items():
            results = list(itertools.islice(enhanced, len(pages)))
            with say.trying(job.source):
                write(job, results, args)
                n_done += 1
    return n_done


def apply(enhancer: Any, images: list[np.ndarray]) -> list[np.ndarray]:
    """Enhance a sequence of images, and give alpha back."""
    colors, alphas = zip(*map(split_alpha, images), strict=True)
    n_wanted = getattr(enhancer, "n_channels_in_", None)
    if n_wanted == 1 and any(color.shape[-1] == 3 for color in colors):
        raise ValueError("the model is for gray images, this one is in color")
    if n_wanted == 3 or len({color.shape[-1] for color in colors}) > 1:
        found = [
            result if color.shape[-1] == 3 else mean_channel(result)
            for color, result in zip(
                colors, enhancer.transform([to_color(color) for color in colors]), strict=True
            )
        ]
    else:
        found = enhancer.transform(list(colors))
    return [
        np.concatenate([result, alpha], axis=-1).reshape(image.shape)
        for image, result, alpha in zip(images, found, alphas, strict=True)
    ]
