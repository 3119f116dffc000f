"""Measure what lower precisions cost the weights of the package, and write it into their cards.

Run it where the processor is quick at bfloat16, with OpenVINO: ``python -m benchmarks.precision``.
"""

import json
import os
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from skdenoise import AutoencoderDenoiser, ZeroDCEEnhancer, model_cards
from skdenoise._shipped import FOLDER


def main() -> None:
    """Write ``precision_loss`` into each card."""
    for card in model_cards():
        losses = {}
        for precision in ("bfloat16", "int8"):
            estimator: Any
            if card["estimator"] == "AutoencoderDenoiser":
                estimator = AutoencoderDenoiser(size=card["size"], weights=card["weights"])
                estimator.n_channels_in_ = card["n_channels"]
            else:
                estimator = ZeroDCEEnhancer(card["architecture"], weights=card["weights"])
            losses[precision] = round(estimator._loss_on_samples(precision), 4)
        path = FOLDER / f"{card.pop('name')}.json"
        card["precision_loss"] = losses
        path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        print(path.stem, losses)


if __name__ == "__main__":
    main()
