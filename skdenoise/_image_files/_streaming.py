"""Files that are too large to be read at once: TIFF files and zarr arrays, part by part.

What is opened here is an array to slice, and what is created is an array to fill; a new file has
its name when it is complete, as small ones do.
"""

import math
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from skdenoise._choices import MAX_PIXELS
from skdenoise._image_files._decoded import NO_NOTES, Notes, native
from skdenoise._image_files._errors import ImageFileError, refuse_existing
from skdenoise._image_files._listing import ZARR_FILES, is_zarr
from skdenoise._image_files._reading import read_image
from skdenoise._image_files._tiff import (
    TiffPixels,
    is_ome_tiff,
    is_simple_tiff,
    is_tiff_name,
    write_tiff,
)
from skdenoise._large import note_beside
from skdenoise._whole_file import StrPath, place_of_file, plain_file, reserve, take_places

STREAMED_PIXELS = 2**26
"""TIFF files of more pixels are read and written part by part."""
ZARR_CHUNK = 1024
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
    zarr = _zarr()
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


@contextmanager
def created(
    path: StrPath,
    shape: tuple[int, ...],
    dtype: np.dtype,
    *,
    overwrite: bool = False,
    notes: Notes = NO_NOTES,
    resume: bool = False,
) -> Iterator[Any]:
    """Create an image, to be filled part by part.

    Parameters
    ----------
    path : path
        What it is called when the block ends without an error: a TIFF file of tiles, an OME-TIFF
        file where the name ends in ``.ome.tif``, or a zarr array.
    shape : tuple
        (H, W) or (H, W, C).
    dtype : data type
        Of the pixels.
    overwrite : bool, default=False
        Whether an existing image is replaced or an error.
    notes : Notes, default=NO_NOTES
        What `read_notes` returned, for TIFF files.
    resume : bool, default=False
        Whether what was filled is kept when something stops the filling, in a hidden file or
        folder beside `path`, and what an earlier call has kept is gone on with.

    Yields
    ------
    array-like
        To assign to.

    Raises
    ------
    ImageExistsError
        It exists and `overwrite` is False.
    ImageFileError
        What exists is of another kind, or what an earlier call has kept is of another shape or
        dtype, or is being worked on by another process. Or the image is finished and cannot have
        its name, as where somebody else was faster; then the error says under which name it is
        kept.
    OSError
        The disk is full, or no file can have such a name.
    """
    path = Path(path)
    place = check_creatable(path, overwrite=overwrite)
    beside, raw = _places(place, place.stem if resume else secrets.token_hex(8))
    with _alone_with(beside, path) if resume else nullcontext():
        try:
            if is_zarr(path):
                yield _zarr_to_fill(beside, shape, dtype)
                _check_there(beside)
            else:
                pixels = _memory_map_to_fill(raw, shape, dtype)
                yield pixels
                write_tiff(beside, pixels, notes, ome=is_ome_tiff(path))
        except BaseException:
            if not resume:
                _forget(beside, raw)
            elif not beside.is_dir():
                beside.unlink(missing_ok=True)
            raise
        try:
            refuse_existing(path, overwrite=overwrite)  # somebody else may have been faster
            take_places({beside: place})
        except OSError as error:  # hours of work may be in it
            other = place.with_name(f"{secrets.token_hex(4)}-{place.name}")
            os.replace(beside, other)
            _forget(beside, raw)
            raise ImageFileError(
                f"The finished image is in {str(other)!r} and not in {str(path)!r}: "
                f"{error.strerror or error}"
            ) from error
        _forget(beside, raw)
    # What an earlier call has kept is of no use any more, unless it is being worked on.
    kept = _places(place, place.stem)
    with suppress(ImageFileError, OSError), _alone_with(kept[0], path):
        _forget(*kept)


def check_creatable(path: StrPath, *, overwrite: bool = False) -> Path:
    """Raise the error that `created` would raise, before the work that leads to it.

    Parameters
    ----------
    path : path
        A TIFF file or a zarr array.
    overwrite : bool, default=False
        Whether an existing image may be replaced.

    Returns
    -------
    Path
        Where it will be, behind symbolic links.
    """
    refuse_existing(path, overwrite=overwrite)
    if not is_zarr(path):
        return place_of_file(path)
    place = Path(os.path.realpath(path))
    if place.exists():
        zarr = _zarr()
        try:
            zarr.open_array(place, mode="r")
        except Exception as error:
            raise ImageFileError(
                f"Cannot write {os.fspath(path)!r}: it exists, and is no zarr array that could be "
                f"replaced (a group may hold more than that). Delete it, or choose another name."
            ) from error
    return place


def _places(path: Path, stem: str) -> tuple[Path, Path]:
    """Return where an image is while it is not finished, and where its pixels are."""
    beside = path.with_name(f".{stem}.part{path.suffix}")
    return beside, path.with_name(f"{beside.name}.raw")


@contextmanager
def _alone_with(beside: Path, path: StrPath) -> Iterator[None]:
    """Let nobody else work on what is not finished, until this ends or the process does."""
    if fcntl is None:
        yield
        return
    lock = beside.with_name(f"{beside.name}.lock")
    with open(lock, "wb") as file:
        if not _locked(file):
            raise ImageFileError(
                f"Cannot go on with {os.fspath(path)!r}: another process is working on it. Wait "
                f"until it ends, or choose another name."
            )
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _locked(file: BinaryIO) -> bool:
    """Tell whether a file could be locked, or its file system knows no locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return os.fstat(file.fileno()).st_nlink > 0  # who had it may have removed it meanwhile


def _check_there(path: Path) -> None:
    """Raise an error where somebody else has taken away what was being filled."""
    if any((path / name).is_file() for name in ZARR_FILES):
        return
    _forget(path)
    raise ImageFileError(
        f"{str(path)!r} was removed or renamed while it was filled, so that nothing of it is left. "
        f"Begin anew with the same command."
    )


def _forget(*places: Path) -> None:
    """Remove what is not finished, and the notes about it, as far as the system lets us.

    Windows keeps files that are mapped. What is left behind must not hide what went wrong before.
    """
    for place in places:
        with suppress(OSError):
            note_beside(place).unlink(missing_ok=True)
        with suppress(OSError):
            if place.is_dir():
                shutil.rmtree(place, ignore_errors=True)
            else:
                place.unlink(missing_ok=True)


def _zarr_to_fill(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    zarr = _zarr()
    if not path.exists():
        chunks = tuple(min(ZARR_CHUNK, side) for side in shape[:2]) + tuple(shape[2:])
        return zarr.create_array(store=path, shape=shape, dtype=dtype, chunks=chunks)
    found = zarr.open_array(path, mode="r+")
    if (found.shape, found.dtype) != (shape, dtype):
        raise _of_another(path)
    return found


class _Unpacked(np.memmap):
    """The pixels of a TIFF file to come: what is finished is noted until there is that file."""

    keeps_note = True


def _memory_map_to_fill(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    n_bytes = math.prod(shape) * dtype.itemsize
    if not path.exists():
        note_beside(path).unlink(missing_ok=True)  # of pixels that are gone
        try:
            with open(path, "wb") as file:
                reserve(file.fileno(), n_bytes)
                file.truncate(n_bytes)
        except OSError:
            path.unlink(missing_ok=True)
            raise
    elif path.stat().st_size != n_bytes:
        raise _of_another(path)
    return _Unpacked(path, dtype, "r+", shape=shape)


def _of_another(path: Path) -> ImageFileError:
    return ImageFileError(
        f"Cannot go on with {str(path)!r}: it was kept of an image of another size or dtype. "
        f"Delete it to begin anew, or leave out --resume."
    )


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


def _zarr() -> Any:
    try:
        import zarr
    except ImportError as error:
        raise ImageFileError(
            "zarr arrays need another package: pip install 'skdenoise[zarr]'."
        ) from error
    return zarr
