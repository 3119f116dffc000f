"""``skdenoise export``: a model in, a file for another runtime out."""

import argparse
import os
from pathlib import Path
from typing import Any

import skdenoise
from skdenoise._cli._jobs import check_output_file
from skdenoise._cli._messages import Messages
from skdenoise._cli._waking import wake_keras


def export(args: argparse.Namespace, say: Messages) -> None:
    """Run ``skdenoise export``."""
    if args.output.endswith(("/", os.sep)) and Path(args.output).suffix:
        args.wrong_usage(f"{args.output!r} is the name of a folder; that of a file is wanted")
    check_output_file(args)
    wake_keras()
    model, n_channels = _model(args)
    report = skdenoise.export(
        model,
        args.output,
        format=args.format,
        precision=args.precision,
        sigma_input=args.sigma_input,
        n_channels=n_channels,
        overwrite=args.overwrite,
    )
    for line in str(report).splitlines():
        say.note(line)


def _model(args: argparse.Namespace) -> tuple[Any, int | None]:
    """Return an estimator, and the number of channels where its name says it."""
    cards = {card["name"]: card for card in skdenoise.model_cards()}
    if Path(args.model).exists():
        return skdenoise.load(args.model), None
    if args.model not in cards:
        args.wrong_usage(
            f"{args.model!r} is no file, and no weights of this package: {', '.join(cards)}"
        )
    card = cards[args.model]
    kinds = {
        "AutoencoderDenoiser": skdenoise.AutoencoderDenoiser,
        "ZeroDCEEnhancer": skdenoise.ZeroDCEEnhancer,
    }
    parameters = {
        name: card[name] for name in ("architecture", "size", "weights") if card[name] is not None
    }
    return kinds[card["estimator"]](**parameters), card["n_channels"]
