"""What several commands can be told, and how words become numbers."""

import argparse
import glob
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from skdenoise._choices import ENGINES, LARGEST_SEED, MAX_PIXELS, PRECISIONS
from skdenoise._whole_file import WINDOWS


def add_colors(parser: argparse.ArgumentParser, verb: str) -> None:
    """Add the choice between gray and color."""
    colors = parser.add_mutually_exclusive_group()
    colors.add_argument(
        "--gray", action="store_true", help=f"{verb} gray images; color images become gray"
    )
    colors.add_argument(
        "--color", action="store_true", help=f"{verb} color images; gray images become color"
    )


def add_common(parser: argparse.ArgumentParser, *, epochs: str, time_budget: str) -> None:
    """Add the options of commands that may learn."""
    parser.add_argument("--epochs", type=positive_integer, metavar="N", help=epochs)
    add_limits(parser, time_budget)
    parser.add_argument(
        "--seed",
        type=seed,
        metavar="N",
        help="with --epochs and no --time-budget, the same integer gives the same result on the "
        "same machine",
    )


def add_limits(parser: argparse.ArgumentParser, time_budget: str) -> None:
    """Add the options on how much is done and said."""
    parser.add_argument("--time-budget", type=positive, metavar="SECONDS", help=time_budget)
    add_bounds(parser)


def add_files(parser: argparse.ArgumentParser) -> None:
    """Add which images, and where to."""
    add_inputs(parser, "+", "IN", "image files, and folders of them")
    add_output(
        parser,
        "OUT",
        "for one image a file, whose suffix chooses the format; for several, or for a folder, a "
        "folder, in which the folders within folders are kept",
    )
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="replace existing files")
    existing.add_argument(
        "--resume",
        action="store_true",
        help="leave out what exists, and keep the finished parts of large images if anything "
        "stops this, so that the same command goes on from there",
    )


def add_inputs(parser: argparse.ArgumentParser, nargs: str, metavar: str, what: str) -> None:
    """Add which images, in files or folders."""
    parser.add_argument(
        "inputs", nargs=nargs, type=file_path, action=_Matching, metavar=metavar, help=what
    )


class _Matching(argparse.Action):
    """Takes paths, among them patterns such as *.png, which the shells of Windows leave to us."""

    def __call__(self, _: Any, args: argparse.Namespace, paths: Any, __: Any = None) -> None:
        """Set the paths."""
        setattr(args, self.dest, [found for path in paths for found in _matching(path)])


def _matching(path: Path) -> Sequence[Path]:
    found = [] if not WINDOWS or path.exists() else sorted(glob.glob(str(path)))
    return [Path(name) for name in found] or [path]


def add_output(parser: argparse.ArgumentParser, metavar: str, what: str) -> None:
    """Add where the result goes."""
    parser.add_argument("-o", "--output", required=True, type=file_name, metavar=metavar, help=what)


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Add what runs the network, and in which arithmetic."""
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        help="what runs the network; openvino comes with pip install 'skdenoise[openvino]' "
        "(default: auto, which is keras, but for int8)",
    )
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="arithmetic of the network; int8 needs openvino and is the quickest (default: auto, "
        "bfloat16 where the processor is quick at it and the loss is less than 0.01 dB)",
    )


def add_bounds(parser: argparse.ArgumentParser) -> None:
    """Add the options on how much is read and said."""
    parser.add_argument(
        "--max-pixels",
        type=positive_integer,
        default=MAX_PIXELS,
        metavar="N",
        help=f"refuse images with more pixels (default: {MAX_PIXELS})",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")


def file_name(text: str) -> str:
    """Read a name; none is the empty text that a variable of the shell may hold."""
    if not text:
        raise argparse.ArgumentTypeError("the name of a file or folder is wanted, got ''")
    return text


def file_path(text: str) -> Path:
    return Path(file_name(text))


def _number(
    kind: type, wanted: str, is_allowed: Callable[[Any], bool]
) -> Callable[[str], int | float]:
    """Make a reader of numbers whose error says what is wanted."""

    def read(text: str) -> int | float:
        try:
            number = kind(text)
        except ValueError:
            number = None
        if number is None or not is_allowed(number):
            raise argparse.ArgumentTypeError(f"{wanted} is wanted, got {text!r}")
        return number

    return read


_INFINITY = float("inf")
positive = _number(float, "a number above 0", lambda number: 0 < number < _INFINITY)
not_negative = _number(float, "a number, at least 0,", lambda number: 0 <= number < _INFINITY)
share = _number(float, "a number from 0 to 1", lambda number: 0 <= number <= 1)
inner_share = _number(float, "a number between 0 and 1", lambda number: 0 < number < 1)
positive_integer = _number(int, "an integer above 0", lambda number: number > 0)
seed = _number(
    int, f"an integer from 0 to {LARGEST_SEED}", lambda number: 0 <= number <= LARGEST_SEED
)
_sigma_number = _number(
    float, "a number, at least 0, or 'auto'", lambda number: 0 <= number < _INFINITY
)


def sigma_or_auto(text: str) -> str | int | float:
    """Read a number or the word auto."""
    return text if text == "auto" else _sigma_number(text)
