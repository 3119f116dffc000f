"""The tables of losses; a new one is one function, one line in `__init__.pyi` and one here."""

from skdenoise._lazy_table import LazyTable

LOSSES = LazyTable("skdenoise.losses", ["mse", "l1", "charbonnier"])

TERMS = "spatial", "exposure", "color", "smoothness", "paired"
"""Of an enhancer's loss."""
