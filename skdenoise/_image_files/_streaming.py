"""Image files that are read part by part: TIFF files and zarr arrays larger than memory.

What is opened here is an array to slice; `_creating` has those to fill.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from skdenoise._choices import MAX_PIXELS
from skdenoise._image_files._decoded import native
from skdenoise._image_files._errors import ImageFileError
from skdenoise._image_files._listing import is_zarr
from skdenoise._image_files._reading import read_image
from skdenoise._image_files._tiff import TiffPixels, is_simple_tiff, is_tiff_name
from skdenoise._whole_file import StrPath, plain_file

STREAMED_PIXELS = 2**26
"""TIFF files of more pixels are read and written part by part."""
NAMED = 5
"""Arrays in a group that an error lists."""
MOST_CHANNELS = 4
"""Of an image; more are a stack of images, or rows of one whose channels come first."""


def is_streamed(source: StrPath, target: StrPath) -> bool:
    """Tell whether an image is to be read and written part by part.

    Parameters
    ----------
    source, target : path
        Where it lies, and where the result goes: only TIFF files and zarr arrays are written so.
    """
    if is_zarr(target):
        return True
    if not is_tiff_name(target):
        return False
    return is_zarr(source) or is_simple_tiff(source, more_than=STREAMED_PIXELS)


def read_whole(path: StrPath, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Read an image into memory.

    Parameters
    ----------
    path : path
        An image file, or the folder of a zarr array.
    max_pixels : int, default=268435456
        Refuse an image of more pixels.

    Returns
    -------
    ndarray of shape (H, W) or (H, W, C)
        As `read_image` and `opened` have it.

    Raises
    ------
    ImageFileError
        It is missing, damaged, too large, or of another kind.
    """
    if not is_zarr(path):
        return read_image(path, max_pixels=max_pixels)
    with opened(path) as image:
        height, width = image.shape[:2]
        if height * width > max_pixels:
            raise ImageFileError(
                f"Cannot read {os.fspath(path)!r} at once: it has {width} x {height} pixels, at "
                f"most {max_pixels} are allowed. Type --max-pixels, or let "
                f"the result end in .tif or .zarr, which are written part by part."
            )
        return native(np.asarray(image[:]))


@contextmanager
def opened(path: StrPath, *, max_pixels: int = MAX_PIXELS) -> Iterator[Any]:
    """Open an image, to be read part by part.

    Parameters
    ----------
    path : path
        A TIFF file, the folder of a zarr array, or that of an OME-Zarr image whose level "0" is
        an array of shape (H, W) or (H, W, C). Other image files are read whole.
    max_pixels : int, default=268435456
        Refuse a file that is read whole and has more pixels.

    Yields
    ------
    array-like of shape (H, W) or (H, W, C)
        With `shape`, `dtype` and `chunks`; slicing reads.

    Raises
    ------
    ImageFileError
        It is missing, damaged, or of another kind.
    """
    if not is_zarr(path):
        if not is_simple_tiff(path):
            yield read_image(path, max_pixels=max_pixels)
            return
        with plain_file(path) as file, tifffile.TiffFile(file) as tiff:
            yield TiffPixels(tiff)
        return
    zarr = zarr_package()
    try:
        found = zarr.open(path, mode="r")
        image = found if isinstance(found, zarr.Array) else _first_level(found, path)
    except ImageFileError:
        raise
    except Exception as error:
        raise ImageFileError(f"Cannot read {os.fspath(path)!r}: {error}.") from error
    shape: tuple[int, ...] = getattr(image, "shape", ())
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] > MOST_CHANNELS):
        raise ImageFileError(
            f"Cannot read {os.fspath(path)!r}: an array of shape (height, width) or (height, "
            f"width, n_channels) is wanted, with up to {MOST_CHANNELS} channels; it holds "
            f"{shape or 'none'}. Channels come last; images of a stack are given one by one."
        )
    yield image


def _first_level(group: Any, path: StrPath) -> Any:
    """Return the image of which others in a zarr group are smaller copies."""
    if "0" in group:
        return group["0"]
    arrays = [name for name, found in group.members(max_depth=None) if hasattr(found, "dtype")]
    held = ", ".join(map(repr, sorted(arrays)[:NAMED])) + (", ..." if len(arrays) > NAMED else "")
    raise ImageFileError(
        f"Cannot read {os.fspath(path)!r}: it is a zarr group without an array '0', which would be "
        f"the image of an OME-Zarr folder. "
        + (
            f"It holds {held}; name one of them, such as {str(Path(path, min(arrays)))!r}."
            if arrays
            else "It holds no array."
        )
    )


def zarr_package() -> Any:
    """Return the optional package; an error that says how to install it where it is not."""
    try:
        import zarr
    except ImportError as error:
        raise ImageFileError(
            "zarr arrays need another package: pip install 'skdenoise[zarr]'."
        ) from error
    return zarr
