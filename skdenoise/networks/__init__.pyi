from ._autoencoder import autoencoder
from ._dncnn import dncnn
from ._ridnet import ridnet
from ._table import NETWORKS
from ._unet import unet

__all__ = ["NETWORKS", "autoencoder", "dncnn", "ridnet", "unet"]
