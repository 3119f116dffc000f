"""The recipe of the shipped weights: a long training that can be killed, resumed and repeated."""

from skdenoise._pretraining._checkpoints import LOG, checkpoints, forget
from skdenoise._pretraining._recipe import TOLD_WHITE, Recipe
from skdenoise._pretraining._starting import for_more_channels, widened
from skdenoise._pretraining._training import Pretraining

__all__ = [
    "LOG",
    "TOLD_WHITE",
    "Pretraining",
    "Recipe",
    "checkpoints",
    "for_more_channels",
    "forget",
    "widened",
]
