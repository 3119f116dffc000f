from ._enhancement import (
    color_constancy,
    exposure,
    illumination_smoothness,
    spatial_consistency,
)
from ._pixelwise import charbonnier, l1, mse
from ._table import LOSSES

__all__ = [
    "LOSSES",
    "charbonnier",
    "color_constancy",
    "exposure",
    "illumination_smoothness",
    "l1",
    "mse",
    "spatial_consistency",
]
