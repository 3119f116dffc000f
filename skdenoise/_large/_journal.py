"""What of a long transform is finished, in a small file beside the result.

Each line is written when what it speaks of has reached the result, so that it is true whenever
the program ends. It is believed only while its place holds the same pixels: somebody may have made
the result anew. The first line says whose result it is.
"""

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from skdenoise import __version__
from skdenoise._fingerprint import fingerprint
from skdenoise._whole_file import whole_file

BEGINNING = "skdenoise "
VERSION = f"{BEGINNING}{__version__} progress 2"
"""Other releases may have other weights, and compute otherwise."""


def note_beside(place: str | os.PathLike[str]) -> Path:
    """Return the file of the journal for a result that lies in a file or folder."""
    return Path(f"{os.fspath(place)}.skdenoise")


def pixels_digest(pixels: Any) -> str:
    """Return what tells pixels from others, in whatever order their bytes are."""
    array = np.asarray(pixels)
    return fingerprint(array.astype(array.dtype.newbyteorder("="), copy=False))


def finish(path: Path, what: str, digest: str) -> None:
    """Add a line to the file of a journal, perhaps from another process."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"{what} {digest}\n")
        file.flush()
        os.fsync(file.fileno())


class Journal:
    """A file of finished things, which goes away when all of them are.

    Parameters
    ----------
    path : path-like or None
        The file; None remembers nothing.
    owner : str
        Tells one transform from another.
    resume : bool
        Whether to go on with what the file says; otherwise it is begun anew.
    keep : bool, default=False
        Whether the file stays in the end, for a caller who has more to do with the result.

    Raises
    ------
    ValueError
        Where the file speaks of another transform, or is something else, such as a folder.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        owner: str,
        *,
        resume: bool,
        keep: bool = False,
    ) -> None:
        # Absolute, since the workers of a cluster have working directories of their own.
        self.path = None if path is None else Path(path).absolute()
        self.keep = keep
        self._digests: dict[str, str] = {}
        if self.path is None:
            return
        text = _text_of(self.path)
        if not resume:
            if text.startswith(BEGINNING):  # it speaks of what is written over now
                self.path.unlink()
            self.path = None
            return
        header = f"{VERSION} {owner}\n"
        is_own = text.startswith(header) or header.startswith(text)
        if self.path.exists() and not (self.path.is_file() and is_own):
            msg = (
                f"{str(self.path)!r} tells how far another transform came: of other images, with "
                f"other parameters, other weights or another version of skdenoise; or it is no "
                f"such note at all. To begin anew, delete it, name another file or do not resume; "
                f"to go on, repeat the call that was interrupted."
            )
            raise ValueError(msg)
        # A line without an end was being written when the program ended.
        for line in text.split("\n")[1:-1]:
            what, _, digest = line.rpartition(" ")
            self._digests[what] = digest
        lines = (f"{what} {digest}\n" for what, digest in sorted(self._digests.items()))
        with whole_file(self.path) as file:
            file.write((header + "".join(lines)).encode())

    def holds(self, what: str, read: Callable[[], Any]) -> bool:
        """Tell whether something is finished, and what is read from its place what it became."""
        if what not in self._digests:
            return False
        try:
            found = read()
        except Exception:  # decoders stumble over damaged chunks in every way there is
            return False
        return self._digests[what] == pixels_digest(found)

    def add(self, what: str, pixels: np.ndarray) -> None:
        """Remember that something is finished, and what it became."""
        if self.path is not None:
            self._digests[what] = pixels_digest(pixels)
            finish(self.path, what, self._digests[what])

    def __enter__(self) -> Self:
        """Return the journal."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the file where everything went well, unless it is to be kept."""
        if self.path is None:
            return
        if error is not None:
            error.add_note(
                f"What is finished stays so, and is noted in {str(self.path)!r}: the same call "
                f"goes on from there."
            )
        elif not self.keep:
            self.path.unlink(missing_ok=True)


def _text_of(path: Path) -> str:
    """Return what is in a file; nothing where there is none."""
    if not path.is_file():
        return ""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
