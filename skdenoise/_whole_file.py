"""Plain files only, which are written whole or not at all.

The bytes go to a hidden file in the same folder, reach the disk, and take the name in one step, so
that a crash, a kill or a full disk leaves what was there before. Several that belong together, and
folders, have no such step: what was there is set aside, and put back if something fails.
"""

import errno
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

__all__ = [
    "StrPath",
    "hidden_beside",
    "keep_beside",
    "place_of_file",
    "plain_file",
    "reserve",
    "take_places",
    "whole_file",
    "whole_files",
]

StrPath = str | os.PathLike[str]

WINDOWS = os.name == "nt"
PAUSES = 0.1, 0.3, 0.6, 1.0
"""Seconds after which Windows is asked again for a file that another program has open."""


def reserve(file: int, n_bytes: int, offset: int = 0) -> None:
    """Take the space on the disk that a memory map is to fill; what is there stays.

    Where the disk is full, writing to a page would end the program.

    Parameters
    ----------
    file : int
        Descriptor of the file, open for writing.
    n_bytes, offset : int
        How many bytes, and the first of them.

    Raises
    ------
    OSError
        The disk has less space.
    """
    if not hasattr(os, "posix_fallocate"):
        _check_space(file, n_bytes)
        return
    try:
        os.posix_fallocate(file, offset, n_bytes)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # a file system that cannot
            raise


def _check_space(file: int, n_bytes: int) -> None:
    """Raise the error of a full disk where a system can tell its space but not take it."""
    if not hasattr(os, "fstatvfs"):  # Windows takes the space of a file that is made longer
        return
    disk, found = os.fstatvfs(file), os.fstat(file)
    if n_bytes - 512 * found.st_blocks > disk.f_bavail * disk.f_frsize:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def plain_file(path: StrPath) -> Iterator[BufferedReader]:
    """Open a binary file for reading, but no pipe or device, which might never end.

    Parameters
    ----------
    path : str or path-like
        The file to read.

    Yields
    ------
    binary file
        Open for reading.

    Raises
    ------
    OSError
        The file is missing, cannot be read, or is a folder, a pipe or a device.

    Examples
    --------
    >>> from skdenoise._whole_file import plain_file
    >>> with plain_file(__file__) as file:
    ...     first = file.read(1)
    """
    with open(path, "rb", opener=_open_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is not a plain file")
        yield file


def _open_at_once(path: str, flags: int) -> int:
    """Open a file; a pipe does not wait for somebody to write into it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


@contextmanager
def whole_file(path: StrPath) -> Iterator[BinaryIO]:
    """Open a binary file that replaces `path` when the block ends without an error.

    Parameters
    ----------
    path : str or path-like
        The file to write. An existing file is replaced; a symbolic link is followed.

    Yields
    ------
    binary file
        Open for writing and reading. If the block raises, nothing has changed under `path`.

    Raises
    ------
    OSError
        `path` is a folder or a device, its folder is missing or cannot be written, or the disk
        is full.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skdenoise._whole_file import whole_file
    >>> path = Path(tempfile.mkdtemp()) / "answer.txt"
    >>> with whole_file(path) as file:
    ...     written = file.write(b"42")
    >>> path.read_bytes()
    b'42'
    """
    with whole_files([path]) as (file,):
        yield file


@contextmanager
def whole_files(paths: Sequence[StrPath]) -> Iterator[Sequence[BinaryIO]]:
    """Open binary files that belong together, as `whole_file` does: all are replaced, or none."""
    places = [place_of_file(path) for path in paths]
    # Opened by hand, since tempfile makes files that nobody but their owner may read.
    written = {hidden_beside(place): place for place in places}
    try:
        with ExitStack() as stack:
            files = [stack.enter_context(open(beside, "x+b")) for beside in written]
            yield files
            for file in files:
                file.flush()
                os.fsync(file.fileno())
        take_places(written)
    finally:
        for beside in written:
            with suppress(OSError):
                beside.unlink(missing_ok=True)


def place_of_file(path: StrPath) -> Path:
    """Return where a file is written, behind symbolic links; an OSError where none can be."""
    place = Path(os.path.realpath(path))
    if place.is_dir():
        raise IsADirectoryError(f"{os.fspath(path)!r} is a folder, a file name is wanted.")
    if place.exists() and not place.is_file():
        raise OSError(f"{os.fspath(path)!r} is a device or a pipe, a file name is wanted.")
    if not place.parent.is_dir():
        raise FileNotFoundError(
            f"The folder {os.fspath(place.parent)!r} does not exist. Create it first."
        )
    return place


def hidden_beside(place: Path) -> Path:
    """Return a name in the same folder that nobody else has."""
    return place.with_name(f".{secrets.token_hex(8)}.part")


def keep_beside(finished: Path, place: Path) -> Path:
    """Give what is finished, and cannot have its place, a name that is seen; return where it is."""
    kept = place.with_name(f"{secrets.token_hex(4)}-{place.name}")
    try:
        _replace(finished, kept)
    except OSError:
        return finished
    return kept


def take_places(finished: Mapping[Path, Path]) -> None:
    """Move finished files or folders to their places: all of them, or none.

    Parameters
    ----------
    finished : dict of Path to Path
        What is finished -> its place on the same disk, which is no symbolic link. A file replaces
        a file, and a folder a folder.

    Raises
    ------
    OSError
        Something cannot be moved. What was in the places is there again, and what is finished is
        where it was.
    """
    *_, last = finished
    moved: list[tuple[Path, Path]] = []
    replaced: list[Path] = []
    try:
        for source, place in finished.items():
            # The last file needs no way back: it replaces another in one step.
            if place.is_dir() if source.is_dir() else place.is_file() and source != last:
                aside = hidden_beside(place)
                _replace(place, aside)
                moved.append((place, aside))
                replaced.append(aside)
            _replace(source, place)
            moved.append((source, place))
    except BaseException:
        for before, after in reversed(moved):
            with suppress(OSError):  # what cannot be put back is kept where it is
                os.replace(after, before)
        raise
    for aside in replaced:
        if aside.is_dir():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            with suppress(OSError):
                aside.unlink()


def _replace(source: Path, place: Path) -> None:
    """Move a file or folder, on Windows as soon as those who look at new files let go of it."""
    for pause in PAUSES if WINDOWS else ():
        try:
            os.replace(source, place)
        except PermissionError:
            time.sleep(pause)
        else:
            return
    os.replace(source, place)
