from ._pixelwise import charbonnier, l1, mse
from ._table import LOSSES

__all__ = ["LOSSES", "charbonnier", "l1", "mse"]
