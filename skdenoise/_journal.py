"""What of a long transform is finished, in a small file beside the result.

Each line is written when what it speaks of has reached the result, so that it is true whenever
the program ends. The first line says whose result it is.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from skdenoise import __version__
from skdenoise._whole_file import whole_file

VERSION = f"skdenoise {__version__} progress 1"
"""Other releases may have other weights, and compute otherwise."""


def note_beside(place: str | os.PathLike[str]) -> Path:
    """Return the file of the journal for a result that lies in a file or folder."""
    return Path(f"{os.fspath(place)}.skdenoise")


def finish(path: Path, line: str) -> None:
    """Add a line to the file of a journal, perhaps from another process."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"{line}\n")
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
        Where the file speaks of another transform, or is something else.
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
        self.lines: set[str] = set()
        if self.path is None:
            return
        if not resume:
            self.path.unlink(missing_ok=True)
            self.path = None
            return
        header = f"{VERSION} {owner}\n"
        if self.path.exists():
            text = self.path.read_text(encoding="utf-8", errors="replace")
            if not (text.startswith(header) or header.startswith(text)):
                msg = (
                    f"{str(self.path)!r} tells how far another transform came: of other images, "
                    f"with other parameters, other weights or another version of skdenoise; or it "
                    f"is no such note at all. To begin anew, type resume=False, delete it or name "
                    f"another file; to go on, repeat the call that was interrupted."
                )
                raise ValueError(msg)
            # A line without an end was being written when the program ended.
            self.lines = set(text.split("\n")[1:-1])
        with whole_file(self.path) as file:
            file.write((header + "".join(f"{line}\n" for line in sorted(self.lines))).encode())

    def __contains__(self, line: str) -> bool:
        """Tell whether something is finished."""
        return line in self.lines

    def add(self, line: str) -> None:
        """Remember that something is finished."""
        self.lines.add(line)
        if self.path is not None:
            finish(self.path, line)

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
        if kind is None and self.path is not None and not self.keep:
            self.path.unlink(missing_ok=True)
