"""``skdenoise benchmark``: which images and methods, and the files that say how it went."""

import argparse
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import skdenoise
from skdenoise._benchmark import (
    METHODS,
    Comparison,
    Denoise,
    Method,
    MethodMissingError,
    markdown,
    numbers,
    page,
)
from skdenoise._cli._channels import split_alpha, to_color, to_gray
from skdenoise._cli._denoise import apply
from skdenoise._cli._jobs import check_output
from skdenoise._cli._loading import load_model
from skdenoise._cli._messages import Messages, count
from skdenoise._cli._waking import wake_keras
from skdenoise._image_files import list_images, read_image
from skdenoise._whole_file import whole_file

OURS = {"ours": ("small", 1), "ours-base": ("base", 1), "ours-best": ("base", 8)}
"""Size of the network of this package, and in how many orientations it sees an image."""


class _Item(NamedTuple):
    """An image to measure, and its noisy version where there is one."""

    name: str
    clean: Path
    noisy: Path | None


def benchmark(args: argparse.Namespace, say: Messages) -> None:
    """Run ``skdenoise benchmark``."""
    _check(args)
    items = _list(args)
    n_channels = _channels(items, args)
    comparison = Comparison(_methods(args, say))
    for item in say.progress(items, "measuring"):
        with say.trying(item.clean):
            _measure(comparison, item, args, n_channels)
    if not comparison.measured:
        say.error("no image could be measured; nothing was written")
        return
    kind = "gray" if n_channels == 1 else "color"
    title = f"{count(len(comparison.images), f'{kind} image')} of {args.folder.resolve().name}"
    about = {
        "skdenoise": skdenoise.__version__,
        "folder": args.folder.resolve().name,
        "n_images": len(comparison.images),
        "n_channels": n_channels,
    }
    table = markdown(comparison, title)
    files = {
        "table.md": table,
        "results.json": numbers(comparison, about),
        "index.html": page(comparison, title),
    }
    args.output.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        with whole_file(args.output / name) as file:
            file.write(text.encode())
    if not args.quiet:
        print(table, end="")
    say.note(f"written to {str(args.output / 'index.html')!r}, with table.md and results.json")


def _check(args: argparse.Namespace) -> None:
    """Refuse what cannot end well, before any work."""
    if args.output.exists() and not args.output.is_dir():
        args.wrong_usage(f"{str(args.output)!r} is a file; a folder is wanted")
    check_output(args)
    if args.pairs is not None and (not args.pairs[0] or args.pairs[0] == args.pairs[1]):
        args.wrong_usage(
            f"--pairs takes two words in which paths differ, such as _real _mean; got {args.pairs}"
        )
    unknown = [name for name in args.methods or [] if name not in {*OURS, *METHODS}]
    if unknown:
        args.wrong_usage(f"there is no method {unknown[0]!r}; known: {' '.join([*OURS, *METHODS])}")
    stems = [path.stem for path in args.model]
    if len(set(stems)) < len(stems) or set(stems) & {*OURS, *METHODS}:
        args.wrong_usage(f"models are told apart by the names of their files, got {stems}")


def _list(args: argparse.Namespace) -> list[_Item]:
    """Find the images, and the noisy version of each."""
    if not args.folder.is_dir():
        args.wrong_usage(f"{str(args.folder)!r} is no folder")
    listed = {image.relative.as_posix(): image.path for image in list_images(args.folder)}
    if args.pairs is None:
        items = [_Item(name, path, None) for name, path in listed.items()]
    else:
        noisy, clean = args.pairs
        items = []
        for name, path in listed.items():
            before, found, after = name.rpartition(noisy)
            if found and f"{before}{clean}{after}" in listed:
                items.append(_Item(name, listed[f"{before}{clean}{after}"], path))
        if not items:
            args.wrong_usage(
                f"no image in {str(args.folder)!r} has {noisy!r} in its path, and beside it one "
                f"with {clean!r} in its place"
            )
    return items[: args.max_images]


def _channels(items: list[_Item], args: argparse.Namespace) -> int:
    """Return how many channels are measured, as typed or as the images have."""
    if args.gray or args.color:
        return 1 if args.gray else 3
    found = set()
    for item in items:
        with suppress(Exception):  # it is said when that image is to be measured
            found.add(_read(item.clean, args).shape[-1])
        if len(found) > 1:
            args.wrong_usage("some images are gray and some are not; choose --gray or --color")
    return found.pop() if found else 1


def _methods(args: argparse.Namespace, say: Messages) -> dict[str, Method]:
    """Return what is compared: other people's methods, and networks last."""
    methods = {}
    for name, method in METHODS.items():
        if args.methods is None:
            try:
                method.load()
            except MethodMissingError as error:
                say.note(f"left out: {error}")
                continue
        elif name not in args.methods:
            continue
        methods[name] = method
    for name, (size, n_augment) in OURS.items():
        if name not in (args.methods or ([] if args.model else OURS)):
            continue
        wake_keras()
        denoiser = skdenoise.AutoencoderDenoiser(size=size, weights="natural", n_augment=n_augment)
        often = f", {n_augment} orientations" if n_augment > 1 else ""
        methods[name] = _ours(denoiser, f"skdenoise, {size}{often}")
    for path in args.model:
        wake_keras()
        model = load_model(path, skdenoise.AutoencoderDenoiser)
        methods[path.stem] = _ours(model, f"skdenoise, {path.stem}")
    return methods


def _ours(denoiser: Any, title: str) -> Method:
    """Describe a network, which is told nothing."""
    denoiser.set_params(sigma=None, strength=1.0)

    def make() -> Denoise:
        return lambda noisy, sigma: apply(denoiser, noisy)

    return Method(title, make, "skdenoise", "blind, the same weights for all images", False)


def _measure(
    comparison: Comparison, item: _Item, args: argparse.Namespace, n_channels: int
) -> None:
    """Read an image and measure what the methods make of it."""
    convert = to_gray if n_channels == 1 else to_color
    clean = convert(_read(item.clean, args))
    if item.noisy is None:
        comparison.add_noise(item.name, clean, args.sigmas)
    else:
        comparison.add_pair(item.name, convert(_read(item.noisy, args)), clean)


def _read(path: Path, args: argparse.Namespace) -> np.ndarray:
    """Read an 8-bit image without its alpha."""
    image = split_alpha(read_image(path, max_pixels=args.max_pixels))[0]
    if image.dtype != np.uint8:
        raise ValueError(f"{str(path)!r} has pixels of {image.dtype}; 8-bit images are wanted")
    return image
