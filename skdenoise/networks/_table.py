"""The table of networks; a new network is one module, one line in `__init__.pyi` and one here."""

from skdenoise._lazy_table import LazyTable

NETWORKS = LazyTable("skdenoise.networks", ["unet", "autoencoder", "dncnn", "ridnet"])
