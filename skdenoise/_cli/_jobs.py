"""Which images a command works on, and the files that it reads and writes."""

import argparse
import itertools
import math
import os
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skdenoise._cli._channels import split_alpha
from skdenoise._cli._messages import Messages, count
from skdenoise._containers import read_images
from skdenoise._image_files import (
    NO_NOTES,
    ImageFileError,
    Notes,
    check_creatable,
    check_holds_stacks,
    check_writable,
    created,
    is_image_name,
    is_streamed,
    is_zarr,
    list_images,
    list_others,
    n_pages,
    opened,
    read_notes,
    read_pages,
    read_whole,
    write_image,
    write_pages,
)
from skdenoise._whole_file import hidden_beside

IGNORES_CASE = sys.platform in ("darwin", "win32")


class Job(NamedTuple):
    """An image to work on, or a stack of several pages, and the file for the result."""

    source: Path
    target: Path
    n_pages: int

    @property
    def is_stack(self) -> bool:
        """Whether the file holds several images."""
        return self.n_pages > 1


def plan(args: argparse.Namespace, say: Messages) -> list[Job]:
    """Find the images, and choose the file for each result."""
    output = Path(args.output)
    is_file = len(args.inputs) == 1 and (_is_one(args.inputs[0]) or not args.inputs[0].is_dir())
    into_folder = args.output.endswith(("/", os.sep)) or (output.is_dir() and not is_zarr(output))
    if is_file and not into_folder:
        try:
            _check_target(output, overwrite=True)
        except ImageFileError as error:
            args.wrong_usage(f"{error} For a folder, end its name with '/'.")
        targets = {output: args.inputs[0]}
    elif output.exists() and not output.is_dir():
        args.wrong_usage(f"{args.output!r} is a file; for several images a folder is wanted")
    elif not into_folder and is_image_name(output):
        args.wrong_usage(
            f"{args.output!r} is the name of one image; for several images a folder is wanted, "
            f"whose name ends with '/' if it is to look like that"
        )
    else:
        targets = {}
        sources: dict[str, Path] = {}
        others: list[Path] = []
        for given in args.inputs:
            with say.trying(given):
                inside = given.is_dir() and given.resolve() in output.resolve().parents
                others += _others(given, zarr=True)
                for image in list_images(given, zarr=True):
                    if inside and output.resolve() in image.path.resolve().parents:
                        continue  # what an earlier run has written
                    target = output / image.relative
                    first = sources.setdefault(_as_the_disk_has_it(target), image.path)
                    if first.resolve() == image.path.resolve():
                        targets.setdefault(target, image.path)
                    else:
                        say.error(
                            f"{str(image.path)!r}: its result would be written to "
                            f"{str(target)!r}, like that of {str(first)!r}; do it on its own"
                        )
        _tell_others(
            [path for path in others if output.resolve() not in path.resolve().parents], say
        )
        if not targets and not say.n_errors:
            say.error(f"there is no image but those in {args.output!r}, from an earlier run")
    jobs = []
    n_done = 0
    for target, source in targets.items():
        with say.trying(source):
            if not source.exists():
                list_images(source)
            if args.resume and target.exists() and not target.samefile(source):
                n_done += 1
                continue
            _check_target(target, overwrite=args.overwrite)
            job = Job(source, target, 1 if is_zarr(source) else n_pages(source))
            if job.is_stack:
                check_holds_stacks(target)
            jobs.append(job)
    if n_done:
        say.note(f"{count(n_done, 'image')} left out, whose results exist")
    return jobs


def _as_the_disk_has_it(path: Path) -> str:
    """Return what names of one file have in common: on many disks, case makes no difference."""
    return unicodedata.normalize("NFC", str(path)).casefold() if IGNORES_CASE else str(path)


def _is_one(path: Path) -> bool:
    """Whether a folder is one image."""
    return is_zarr(path) and path.is_dir()


def _others(given: Path, *, zarr: bool) -> list[Path]:
    """List what is no image in a folder that is no image itself."""
    return list_others(given, zarr=zarr) if given.is_dir() and not is_zarr(given) else []


def _tell_others(paths: list[Path], say: Messages) -> None:
    """Say what was passed over, since it may be images of a kind that is not read."""
    files, n_linked = [], 0
    for path in paths:
        if not path.is_dir():
            files.append(path)
        elif path.is_symlink():
            n_linked += 1
        else:
            say.error(f"{str(path)!r}: the folder cannot be read")
    if n_linked:
        say.note(f"{count(n_linked, 'link')} to folders passed over; name them to search there")
    kinds = Counter(path.suffix.lower() or "without suffix" for path in files)
    if kinds:
        listed = ", ".join(f"{kind} {number}" for kind, number in kinds.most_common())
        say.note(f"{count(len(files), 'file')} passed over ({listed})")


def _check_target(path: Path, *, overwrite: bool) -> None:
    """Raise the error that writing would raise."""
    check = check_creatable if is_zarr(path) else check_writable
    check(path, overwrite=overwrite)


def check_output_file(args: argparse.Namespace) -> None:
    """Refuse to write a file where there is no folder, or over what exists unless told to."""
    folder = Path(args.output).parent
    if not folder.is_dir():
        args.wrong_usage(f"the folder {str(folder)!r} does not exist; create it first")
    probe = hidden_beside(Path(args.output))
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        args.wrong_usage(f"nothing can be written to the folder {str(folder)!r}: {error.strerror}")
    check_output(args)


def check_output(args: argparse.Namespace) -> None:
    """Refuse to write over what exists, unless told to."""
    if Path(args.output).exists() and not args.overwrite:
        raise ValueError(f"{str(args.output)!r} exists; choose another name, or type --overwrite")
    if Path(args.output).is_file() and not os.access(args.output, os.W_OK):
        raise ValueError(f"{str(args.output)!r} is protected; choose another name, or unprotect it")


def read_clean(
    args: argparse.Namespace, say: Messages, taken: Callable[[np.ndarray], np.ndarray | None]
) -> list[np.ndarray]:
    """Read the images to learn from, without alpha, as what is taken of each; None is left out."""
    listed: list[Path] = []
    others: list[Path] = []
    for given in args.inputs:
        with say.trying(given):
            others += _others(given, zarr=False)
            listed += [image.path for image in list_images(given)]
    _tell_others(others, say)
    images = []
    for path in say.progress(list(dict.fromkeys(listed)), "reading"):
        with say.trying(path):
            pages = read_pages(path, max_pixels=args.max_pixels)
            found = [taken(checked(split_alpha(page)[0])) for page in pages]
            images += [image for image in found if image is not None]
    return images


def checked(image: np.ndarray) -> np.ndarray:
    """Return an image to learn from; an error while its name is known, where it holds NaN."""
    if image.dtype.kind == "f":
        read_images(image[None])
    return image


def in_parts(job: Job) -> bool:
    """Whether an image is read and written part by part, as `parts` does."""
    return is_streamed(job.source, job.target) and not job.is_stack


def read(job: Job, args: argparse.Namespace, say: Messages) -> Iterator[np.ndarray]:
    """Read an image whose result can be written, or one page of a stack after the other."""
    if job.is_stack:
        pages = say.pages(read_pages(job.source, max_pixels=args.max_pixels), job.n_pages)
    else:
        pages = iter([read_whole(job.source, max_pixels=args.max_pixels)])
    for image in pages:
        if not is_zarr(job.target):
            check_writable(job.target, image, overwrite=args.overwrite)
        yield image


def read_some(job: Job, args: argparse.Namespace, say: Messages, n_pixels: int) -> list[np.ndarray]:
    """Read an image, or so many pages from all over a stack that they have `n_pixels` together."""
    return [
        image
        for number, image in enumerate(read(job, args, say))
        if number % max(1, math.ceil(job.n_pages * math.prod(image.shape[:2]) / n_pixels)) == 0
    ]


def change(
    job: Job,
    made: Callable[[np.ndarray], np.ndarray],
    args: argparse.Namespace,
    say: Messages,
) -> None:
    """Write what is made of an image, or of one page of a stack after the other."""
    images = read(job, args, say)
    write(job, _each(made, images) if job.is_stack else map(made, images), args)


def _each(
    made: Callable[[np.ndarray], np.ndarray], pages: Iterable[np.ndarray]
) -> Iterator[np.ndarray]:
    for number, page in enumerate(pages, start=1):
        try:
            result = made(page)
        except Exception as error:
            raise ValueError(f"page {number}: {error}") from error
        yield result


def write(job: Job, images: Iterable[np.ndarray], args: argparse.Namespace) -> None:
    """Write a result, or one for each page, with what is said of the file that it was made of."""
    images = iter(images)
    image = next(images)
    job.target.parent.mkdir(parents=True, exist_ok=True)
    if job.is_stack:
        pages = itertools.chain([image], images)
        write_pages(job.target, pages, job.source, overwrite=args.overwrite)
    elif is_zarr(job.target):  # frames, which are enhanced together
        with created(job.target, image.shape, image.dtype, overwrite=args.overwrite) as result:
            result[:] = image
    else:
        write_image(job.target, image, overwrite=args.overwrite, notes=_notes(job))


def _notes(job: Job) -> Notes:
    """Read what is said of an image besides its pixels."""
    return NO_NOTES if is_zarr(job.source) else read_notes(job.source)


def fill(
    estimator: Any,
    image: Any,
    result: Any,
    in_memory: Callable[[np.ndarray], np.ndarray],
    args: argparse.Namespace,
) -> None:
    """Fill a result part by part; at once where the model is for other channels."""
    height, width, n_channels = (*image.shape, 1)[:3]
    n_colors = 1 if n_channels == 1 else 3
    if getattr(estimator, "n_channels_in_", n_colors) == n_colors:
        estimator.transform([image], [result], resume=args.resume)
        return
    if height * width > args.max_pixels:
        raise ValueError(
            f"the model is for images with another number of channels, so that this one has to be "
            f"in memory, but has {height * width} pixels; pass --max-pixels, or train a model for "
            f"such images"
        )
    everything = slice(0, height), slice(0, width)
    result[everything] = in_memory(np.asarray(image[everything]))


@contextmanager
def parts(job: Job, args: argparse.Namespace) -> Iterator[tuple[Any, Any]]:
    """Open an image that may be larger than memory, and create its result, to be filled."""
    job.target.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as sources:
        image = sources.enter_context(opened(job.source, max_pixels=args.max_pixels))
        if image.ndim == 3 and image.shape[2] == 2:
            raise ValueError("gray with opacity cannot be read part by part; store them apart")
        with created(
            job.target,
            image.shape,
            image.dtype,
            overwrite=args.overwrite,
            notes=_notes(job),
            resume=args.resume,
        ) as result:
            yield image, result
            sources.close()  # it may be what is replaced now, and Windows replaces no open file
