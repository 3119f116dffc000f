"""What the person reads, on stderr: notes, warnings, errors and progress."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skdenoise._cli._words import in_words_of_options


class Messages:
    """What the person reads, on stderr; errors are counted."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.n_errors = 0
        self._worked_on: Path | None = None
        self._warned: set[str] = set()

    def note(self, text: str) -> None:
        """Say what is going on, unless told to be quiet."""
        if not self.quiet:
            self._write(text)

    def error(self, text: str) -> None:
        """Say what went wrong."""
        self.n_errors += 1
        self._write(f"error: {text}")

    def failure(self, error: Exception, name: Path | None = None) -> None:
        """Say in which way an exception means that something went wrong."""
        text = str(error) or type(error).__name__
        if isinstance(error, MemoryError):
            text = f"not enough memory ({text})"
        elif not isinstance(error, (ValueError, TypeError, OSError, ArithmeticError)):
            text = f"{type(error).__name__}: {text}"
        self.error(_of(name, in_words_of_options(text)))

    def warning(self, message: Warning | str, *_: Any) -> None:
        """Say what may be wrong, once of each file; the place of ``warnings.showwarning``."""
        text = _of(self._worked_on, in_words_of_options(str(message)))
        if text not in self._warned:
            self._warned.add(text)
            self.note(f"warning: {text}")

    @contextmanager
    def trying(self, name: Path | None = None) -> Iterator[None]:
        """Say what goes wrong in a block, and go on."""
        before, self._worked_on = self._worked_on, name
        try:
            yield
        except Exception as error:  # whatever it is, the other files have a right to their turn
            self.failure(error, name)
        finally:
            self._worked_on = before

    @property
    def shows_progress(self) -> bool:
        """Whether there are progress bars: not in the file that stderr may be."""
        return not self.quiet and sys.stderr.isatty()

    def progress(self, items: Sequence[Any], what: str) -> Iterator[Any]:
        """Go through items with a progress bar."""
        yield from self._bar(items, desc=what, unit="image")

    def pages(self, items: Iterator[Any], number: int) -> Iterator[Any]:
        """Go through the pages of an image with a progress bar, which goes with the last one."""
        yield from self._bar(items, desc="page", unit="page", total=number, leave=False)

    def _bar(self, items: Iterable[Any], **how: Any) -> Iterable[Any]:
        from tqdm import tqdm

        return tqdm(items, file=sys.stderr, disable=not self.shows_progress, **how)

    def _write(self, text: str) -> None:
        from tqdm import tqdm

        tqdm.write(f"skdenoise: {text}", file=sys.stderr)


def _of(name: Path | None, text: str) -> str:
    """Say which file is spoken of, where the text does not."""
    # With backslashes, errors say a name as Python would.
    said = name is None or str(name) in text or repr(str(name)) in text
    return text if said else f"{str(name)!r}: {text}"


def count(number: int, what: str) -> str:
    """Write a number of things."""
    return f"{number} {what}{'' if number == 1 else 's'}"
