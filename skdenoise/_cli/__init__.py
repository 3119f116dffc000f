"""The command line: files in, files out, one sentence for each thing that went wrong.

Nothing is computed here. What a command needs is imported when it runs, so that ``--help`` answers
at once.
"""

import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from skdenoise._cli._arguments import make_parser
from skdenoise._cli._messages import Messages

__all__ = ["main"]

DONE, SOME_FAILED, INTERRUPTED = 0, 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command ``skdenoise``.

    Parameters
    ----------
    arguments : sequence of str, default=None
        What was typed after ``skdenoise``; None means ``sys.argv[1:]``.

    Returns
    -------
    int
        The exit code: 0 if all went well, 1 if an image could not be processed, 130 after Ctrl-C
        or SIGTERM.

    Raises
    ------
    SystemExit
        With code 2 for arguments that make no sense, with code 0 after ``--help`` and
        ``--version``.

    Examples
    --------
    >>> from skdenoise._cli import main
    >>> main(["denoise", "missing.png", "-o", "denoised.png", "--quiet"])
    1
    """
    try:
        args = make_parser().parse_args(arguments)
    except OSError as error:  # of what --help and --version are written to
        Messages(quiet=False).failure(error)
        return SOME_FAILED
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # or TensorFlow lists its drivers first
    if arguments is None and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files, in every code page
    if arguments is None and getattr(args, "trains", False):
        # The process is there to train, and steps are quicker with oneDNN, though `transform` is
        # not, on processors without AVX512, where TensorFlow does not use it by itself.
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    logging.getLogger("tifffile").addHandler(logging.NullHandler())  # errors are enough
    say = Messages(args.quiet)
    try:
        with _interrupted_by_sigterm(), warnings.catch_warnings():
            warnings.showwarning = say.warning  # type: ignore[assignment]
            # Each file has a right to its warnings, unless somebody has chosen otherwise.
            warnings.filterwarnings("always", category=UserWarning, append=True)
            args.run(args, say)
    except KeyboardInterrupt:
        resumable = "; the same command goes on from here" if getattr(args, "resume", False) else ""
        say.error(f"interrupted; no file was left half-written{resumable}")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever reads what is printed, such as head, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        say.failure(error)
    return SOME_FAILED if say.n_errors else DONE


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM be Ctrl-C: whoever stops a container or a job leaves no half-written file."""
    before = signal.getsignal(signal.SIGTERM)
    # Only the main thread may ask, and what was not set from Python cannot be set again.
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield
        return

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
