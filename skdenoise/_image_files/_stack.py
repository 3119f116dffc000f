"""Stacks: TIFF files of several pages, read and written page by page, so that few are in memory.

What their dimensions mean is kept: the channels, planes and times of OME-TIFF and of ImageJ.
"""

import functools
import itertools
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from skdenoise._choices import MAX_PIXELS
from skdenoise._image_files._decoded import Limits
from skdenoise._image_files._errors import ImageExistsError, ImageFileError, refuse_existing
from skdenoise._image_files._reading import opened_file, read_image, read_notes, upright
from skdenoise._image_files._tiff import (
    LARGEST_CLASSIC,
    decode_page,
    is_ome_tiff,
    is_tiff_name,
    pages_of,
    pixel_size_of,
    tiff_options,
)
from skdenoise._image_files._writing import check_writable
from skdenoise._whole_file import StrPath, plain_file, whole_file

STEPS = "TZC"
"""Times, planes and channels, of which OME-TIFF and ImageJ make stacks."""
IMAGEJ_KEPT = "unit", "spacing", "finterval", "fps", "Labels"
"""What ImageJ says of a stack besides its shape."""


def n_pages(path: StrPath) -> int:
    """Return how many images a file holds: the pages of a TIFF file, or 1.

    Parameters
    ----------
    path : path
        An image file.
    """
    try:
        with plain_file(path) as file, tifffile.TiffFile(file) as tiff:
            return len(pages_of(tiff))
    except Exception:  # no TIFF file, or damaged: whoever reads it will say so
        return 1


def read_pages(path: StrPath, *, max_pixels: int = MAX_PIXELS) -> Iterator[np.ndarray]:
    """Read the pages of a TIFF file one by one, or the one image of another file.

    Parameters
    ----------
    path : path
        An image file.
    max_pixels : int, default=268435456
        Refuse a page of more pixels.

    Yields
    ------
    ndarray of shape (H, W) or (H, W, C)
        As `read_image` returns it.

    Raises
    ------
    ImageFileError
        As with `read_image`; it tells the page.
    """
    if n_pages(path) == 1:
        yield read_image(path, max_pixels=max_pixels)
        return
    with opened_file(path) as (file, _), tifffile.TiffFile(file) as tiff:
        pages = pages_of(tiff)
        for number, index in enumerate(pages, start=1):
            try:
                decoded = decode_page(tiff, index, file, Limits(max_pixels))
            except Exception as error:  # decoders stumble over damaged files in every way there is
                raise ImageFileError(f"page {number} of {len(pages)}: {error}") from error
            yield upright(decoded)


def write_pages(
    path: StrPath, pages: Iterable[np.ndarray], source: StrPath, *, overwrite: bool = False
) -> None:
    """Write what was made of each page of a stack as another stack, whole or not at all.

    Parameters
    ----------
    path : path
        The TIFF file to write, an OME-TIFF file where its name ends in ``.ome.tif``.
    pages : iterable of ndarray of shape (H, W) or (H, W, C)
        One for each page of `source`.
    source : path
        The file that they were made of: from there come color profile, resolution, the size of
        pixels, and what the dimensions mean.
    overwrite : bool, default=False
        Whether an existing file is replaced or an error.

    Raises
    ------
    ImageExistsError
        The file exists and `overwrite` is False.
    ImageFileError
        It is no TIFF file, or the system refuses to write there.
    """
    check_holds_stacks(path)
    pages = iter(pages)
    first = next(pages)
    check_writable(path, first, overwrite=overwrite)
    notes = read_notes(source)
    kind, at_once = _described(path, first, source)
    options = functools.partial(tiff_options, notes=notes, ome=is_ome_tiff(path))
    every = itertools.chain([first], pages)
    try:
        with whole_file(path) as file:
            with tifffile.TiffWriter(file, **kind) as tiff:
                if at_once:
                    tiff.write(every, **options(first) | at_once)
                else:
                    for page in every:
                        tiff.write(page, **options(page))
            refuse_existing(path, overwrite=overwrite)  # somebody else may have been faster
    except ImageExistsError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise ImageFileError(f"Cannot write {os.fspath(path)!r}: {reason}.") from error


def _described(
    path: StrPath, page: np.ndarray, source: StrPath
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return of which kind a stack is, and how to write it at once; nothing where pages differ."""
    ome = is_ome_tiff(path)
    with plain_file(source) as file, tifffile.TiffFile(file) as tiff:
        first: Any = tiff.pages[0]
        count = len(pages_of(tiff))  # before there are series, which make pages know less
        series = tiff.series[0]
        steps, axes = series.shape[: -len(first.axes)], series.axes[: -len(first.axes)]
        of_imagej, resolution = tiff.imagej_metadata or {}, first.resolution
        pixel_size = pixel_size_of(tiff)
        is_one = len(tiff.series) == 1 and math.prod(steps) == count
    large = count * page.nbytes > LARGEST_CLASSIC
    as_imagej = bool(of_imagej) and not ome and not large and _is_of_imagej(page)
    if not is_one or not (ome or as_imagej):
        return {"bigtiff": large, "ome": ome}, {}
    kind: dict[str, Any] = {"imagej": True}
    written: dict[str, Any] = {"resolution": resolution, "resolutionunit": None}
    if as_imagej:
        said = {name: of_imagej[name] for name in IMAGEJ_KEPT if name in of_imagej}
    else:
        kind, written, said = {"bigtiff": large, "ome": True}, {}, pixel_size or {}
        if not set(axes) <= set(STEPS):  # other programs do not say what a step is
            steps, axes = (count,), STEPS[0]
    metadata = {**said, "axes": axes + "YXS"[: page.ndim]}
    every = {"shape": (*steps, *page.shape), "dtype": page.dtype, "metadata": metadata}
    return kind, written | every


def _is_of_imagej(page: np.ndarray) -> bool:
    """Whether ImageJ has such images."""
    if page.ndim == 3:
        return page.dtype == np.uint8 and page.shape[2] == 3
    return page.dtype.name in ("uint8", "uint16", "float32")


def check_holds_stacks(path: StrPath) -> None:
    """Raise an error where a file cannot hold several pages."""
    if not is_tiff_name(path):
        raise ImageFileError(
            f"Cannot write {os.fspath(path)!r}: several pages are to be written, which TIFF files "
            f"hold; type {str(Path(path).with_suffix('.tif'))!r}"
        )
