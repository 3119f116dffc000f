"""Plain files only, which are written whole or not at all.

The bytes go to a hidden file in the same folder, reach the disk, and take the name in one step, so
that a crash, a kill or a full disk leaves what was there before.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

__all__ = ["plain_file", "whole_file"]


@contextmanager
def plain_file(path: str | os.PathLike[str]) -> Iterator[BufferedReader]:
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
def whole_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
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
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"{os.fspath(path)!r} is a folder, a file name is wanted.")
    if target.exists() and not target.is_file():
        raise OSError(f"{os.fspath(path)!r} is a device or a pipe, a file name is wanted.")
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"The folder {os.fspath(target.parent)!r} does not exist. Create it first."
        )
    # Opened by hand, since tempfile makes files that nobody but their owner may read.
    beside = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with open(beside, "x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
