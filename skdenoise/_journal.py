"""What of a long transform is finished, in a small file beside the result.

Each line is written when what it speaks of has reached the result, so that it is true whenever
the program ends. The first line says whose result it is.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from skdenoise._whole_file import whole_file

VERSION = "skdenoise progress 1"


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

    Raises
    ------
    ValueError
        Where the file speaks of another transform.
    """

    def __init__(self, path: str | os.PathLike[str] | None, owner: str, *, resume: bool) -> None:
        self.path = None if path is None else Path(path)
        self.lines: set[str] = set()
        if self.path is None:
            return
        if not resume:
            self.path.unlink(missing_ok=True)
            self.path = None
            return
        header = f"{VERSION} {owner}"
        if self.path.exists():
            text = self.path.read_text(encoding="utf-8")
            # A line without an end was being written when the program ended.
            first, *others = text.split("\n")[:-1] or [""]
            if first and first != header:
                msg = (
                    f"{str(self.path)!r} tells how far another transform came: of other images, "
                    f"with other parameters or other weights. To begin anew, type resume=False or "
                    f"delete it; to go on, repeat the call that was interrupted."
                )
                raise ValueError(msg)
            if first:
                self.lines = set(others)
        with whole_file(self.path) as file:
            file.write("\n".join([header, *sorted(self.lines), ""]).encode())

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
        """Remove the file where everything went well."""
        if kind is None and self.path is not None:
            self.path.unlink(missing_ok=True)
