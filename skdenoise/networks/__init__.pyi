from ._autoencoder import autoencoder
from ._dce import dce, dce_plus
from ._dncnn import dncnn
from ._ridnet import ridnet
from ._table import CURVE_NETWORKS, NETWORKS
from ._unet import unet

__all__ = [
    "CURVE_NETWORKS",
    "NETWORKS",
    "autoencoder",
    "dce",
    "dce_plus",
    "dncnn",
    "ridnet",
    "unet",
]
