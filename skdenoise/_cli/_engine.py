"""``--engine`` and ``--precision``: refused where they cannot be had, then told to an estimator."""

import argparse
from typing import Any

from skdenoise._cli._words import in_words_of_options
from skdenoise._precision import check_engine


def check(args: argparse.Namespace) -> None:
    """Refuse an engine that is not installed before anything is read."""
    try:
        check_engine(args.engine or "auto", args.precision or "auto")
    except (ImportError, ValueError) as error:
        args.wrong_usage(in_words_of_options(str(error)))


def choose(estimator: Any, args: argparse.Namespace) -> None:
    """Set what was typed; the rest is as the model has it."""
    typed = {"engine": args.engine, "precision": args.precision}
    estimator.set_params(**{key: value for key, value in typed.items() if value is not None})
