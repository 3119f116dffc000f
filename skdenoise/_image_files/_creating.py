"""Image files that are created part by part: TIFF files and zarr arrays larger than memory.

What is created is an array to fill. It has its name when it is complete, as small files do.
"""

import math
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from skdenoise._image_files._decoded import NO_NOTES, Notes
from skdenoise._image_files._errors import ImageFileError, refuse_existing
from skdenoise._image_files._listing import ZARR_FILES, is_zarr
from skdenoise._image_files._streaming import zarr_package
from skdenoise._image_files._tiff import is_ome_tiff, write_tiff
from skdenoise._large import note_beside
from skdenoise._whole_file import StrPath, keep_beside, place_of_file, reserve, take_places

ZARR_CHUNK = 1024


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
                pixels = _pixels_to_fill(raw, shape, dtype)
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
            kept = keep_beside(beside, place)
            _forget(raw)
            raise ImageFileError(
                f"The finished image is in {str(kept)!r} and not in {str(path)!r}: "
                f"{error.strerror or error}"
            ) from error
        _forget(beside, raw)
    # What an earlier call has kept is of no use any more, unless it is being worked on.
    earlier = _places(place, place.stem)
    with suppress(ImageFileError, OSError), _alone_with(earlier[0], path):
        _forget(*earlier)


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
        zarr = zarr_package()
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
    zarr = zarr_package()
    if not path.exists():
        chunks = tuple(min(ZARR_CHUNK, side) for side in shape[:2]) + tuple(shape[2:])
        return zarr.create_array(store=path, shape=shape, dtype=dtype, chunks=chunks)
    found = zarr.open_array(path, mode="r+")
    if (found.shape, found.dtype) != (shape, dtype):
        raise _of_another(path)
    return found


class _Unpacked:
    """The pixels of a TIFF file to come, which are mapped while they are read or written alone.

    Windows removes no file that is mapped. What is finished is noted until there is the TIFF file.
    """

    keeps_note = True

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.filename, self.shape, self.dtype = path, shape, dtype
        self.ndim = len(shape)
        self.nbytes = math.prod(shape) * dtype.itemsize

    def _mapped(self, mode: Literal["r", "r+"]) -> np.memmap:
        return np.memmap(self.filename, self.dtype, mode, shape=self.shape)

    def __getitem__(self, key: Any) -> np.ndarray:
        return np.array(self._mapped("r")[key])

    def __setitem__(self, key: Any, pixels: Any) -> None:
        mapped = self._mapped("r+")
        mapped[key] = pixels
        mapped.flush()


def _pixels_to_fill(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> _Unpacked:
    pixels = _Unpacked(path, shape, dtype)
    if not path.exists():
        note_beside(path).unlink(missing_ok=True)  # of pixels that are gone
        try:
            with open(path, "wb") as file:
                reserve(file.fileno(), pixels.nbytes)
                file.truncate(pixels.nbytes)
        except OSError:
            path.unlink(missing_ok=True)
            raise
    elif path.stat().st_size != pixels.nbytes:
        raise _of_another(path)
    return pixels


def _of_another(path: Path) -> ImageFileError:
    return ImageFileError(
        f"Cannot go on with {str(path)!r}: it was kept of an image of another size or dtype. "
        f"Delete it to begin anew, or leave out --resume."
    )
