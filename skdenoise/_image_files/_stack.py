"""Stacks: TIFF files of several pages, read and written page by page, so that few are in memory.

What their dimensions mean is kept: the channels, planes and times of OME-TIFF and of ImageJ.
"""

import functools
import itertools
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile

from skdenoise._choices import MAX_PIXELS
from skdenoise._image_files._decoded import ORIENTATION_TAG, Limits
from skdenoise._image_files._errors import ImageExistsError, ImageFileError, refuse_existing
from skdenoise._image_files._reading import (
    SIDEWAYS,
    opened_file,
    read_image,
    read_notes,
    upright,
)
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
LARGEST_OF_IMAGEJ = 2**32 - 2**25
"""Bytes of pixels that a file for ImageJ can hold."""
COUNTED = "ImageJ", "images", "channels", "slices", "frames", "hyperstack", "SCIFIO"
"""What ImageJ says of the shape of a stack, which is counted anew; all else stays."""


class Layout(NamedTuple):
    """What a file says of its pages.

    Attributes
    ----------
    pages : list of int
        Which of them are images, in the order of the dimensions.
    steps, axes : tuple of int, str
        Shape and names of the dimensions besides those of a page; none where it is not said.
    ome : bool
        Whether it is an OME-TIFF file.
    said : dict
        What else OME-TIFF or ImageJ say.
    resolution : tuple of float
        The units of which are said there.
    n_bytes : int
        Of all pixels.
    """

    pages: list[int]
    steps: tuple[int, ...]
    axes: str
    ome: bool
    said: dict[str, Any]
    resolution: tuple[float, ...]
    n_bytes: int

    @classmethod
    def of(cls, path: StrPath) -> "Layout":
        """Look into a TIFF file."""
        with plain_file(path) as file, tifffile.TiffFile(file) as tiff:
            pages = pages_of(tiff)
            first: Any = tiff.pages[0]
            n_bytes = sum(tiff.pages[index].nbytes for index in pages)
            resolution = first.resolution
            if first.tags.valueof(ORIENTATION_TAG, default=1) in SIDEWAYS:
                resolution = resolution[::-1]
            said = dict(pixel_size_of(tiff) or {} if tiff.is_ome else tiff.imagej_metadata or {})
            steps: tuple[int, ...] = ()
            axes = ""
            with suppress(Exception):  # what a program says of its file is damaged
                (series,) = tiff.series  # from here on, pages know less
                order: Any = [page.index for page in series.pages]  # type: ignore[union-attr]
                n_axes = len(first.axes)
                shape = series.shape[:-n_axes]
                if sorted(order) == pages and math.prod(shape) == len(pages):
                    pages, steps, axes = order, shape, series.axes[:-n_axes]
            return cls(pages, steps, axes, tiff.is_ome, said, resolution, n_bytes)


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
        pages = Layout.of(path).pages
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
    kind, at_once = _described(Layout.of(source), first, ome=is_ome_tiff(path))
    options = functools.partial(tiff_options, notes=notes, ome=kind.get("ome", False))
    every = itertools.chain([first], pages)
    try:
        with whole_file(path) as file:
            with tifffile.TiffWriter(file, **kind) as tiff:
                if at_once:
                    tiff.write(_alike(every, first), **options(first) | at_once)
                    for _ in every:  # none is left, but the source is closed then
                        pass
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
    layout: Layout, page: np.ndarray, *, ome: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return of which kind a stack is, and how to write it at once; nothing where pages differ."""
    pages, steps, axes, was_ome, said, resolution, n_bytes = layout
    large = n_bytes > LARGEST_CLASSIC
    ordered = "".join(axis for axis in STEPS if axis in axes) == axes
    if steps and (ome or was_ome):
        kind: dict[str, Any] = {"bigtiff": large, "ome": True}
        written: dict[str, Any] = {}
        said = said if was_ome else {}
        if not set(axes) <= set(STEPS):  # other programs do not say what a step is
            steps, axes = (len(pages),), STEPS[0]
    elif steps and said and ordered and n_bytes < LARGEST_OF_IMAGEJ and _is_of_imagej(page):
        kind = {"imagej": True}
        written = {"resolution": resolution, "resolutionunit": None}
        written |= {"compression": None, "predictor": False}  # as ImageJ writes
        said = {name: _escaped(name, item) for name, item in said.items() if name not in COUNTED}
    else:
        return {"bigtiff": large, "ome": ome}, {}
    written |= {"shape": (*steps, *page.shape), "dtype": page.dtype}
    return kind, written | {"metadata": {**said, "axes": axes + "YXS"[: page.ndim]}}


def _escaped(name: str, item: Any) -> Any:
    """Return text in the letters of ImageJ's description, which has all names in small letters."""
    if not (isinstance(item, str) and name.islower()):
        return item
    return "".join(char if char.isascii() else f"\\u{ord(char):04X}" for char in item)


def _is_of_imagej(page: np.ndarray) -> bool:
    """Whether ImageJ has such images."""
    if page.ndim == 3:
        return page.dtype == np.uint8 and page.shape[2] == 3
    return page.dtype.name in ("uint8", "uint16", "float32")


def _alike(pages: Iterable[np.ndarray], first: np.ndarray) -> Iterator[np.ndarray]:
    """Yield pages that are as large as the first."""
    for number, page in enumerate(pages, start=1):
        if (page.shape, page.dtype) != (first.shape, first.dtype):
            raise ImageFileError(
                f"page {number} has shape {page.shape} and dtype {page.dtype}, the first one "
                f"{first.shape} and {first.dtype}; put them into files of their own"
            )
        yield page


def check_holds_stacks(path: StrPath) -> None:
    """Raise an error where a file cannot hold several pages."""
    if not is_tiff_name(path):
        raise ImageFileError(
            f"Cannot write {os.fspath(path)!r}: TIFF files alone hold several pages, as its source "
            f"has. Type {str(Path(path).with_suffix('.tif'))!r}."
        )
