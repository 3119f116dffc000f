"""``skdenoise models``: the cards of the weights that come with the package, on stdout."""

import argparse
import json
import sys
import textwrap

from skdenoise._cli._messages import Messages
from skdenoise._shipped import model_cards


def models(args: argparse.Namespace, say: Messages) -> None:
    """Run ``skdenoise models``."""
    cards = model_cards()
    if args.json:
        sys.stdout.write(json.dumps(cards, indent=2) + "\n")
        return
    for card in cards:
        lines = [card["name"]]
        for name, value in card.items():
            if name == "name" or value in (None, []):
                continue
            if isinstance(value, dict):
                lines.append(f"  {name}:")
                lines += [f"    {key}: {found}" for key, found in value.items()]
                continue
            text = "; ".join(map(str, value)) if isinstance(value, list) else str(value)
            lines += textwrap.wrap(
                f"{name}: {text}", 100, initial_indent="  ", subsequent_indent="    "
            )
        sys.stdout.write("\n".join(lines) + "\n\n")
