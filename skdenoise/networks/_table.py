"""The tables of networks; a new network is one module, one line in `__init__.pyi` and one here."""

from skdenoise._lazy_table import LazyTable

NETWORKS = LazyTable("skdenoise.networks", ["unet", "autoencoder", "dncnn", "ridnet"])

CURVE_NETWORKS = LazyTable("skdenoise.networks", {"dce": "dce", "dce++": "dce_plus"})
