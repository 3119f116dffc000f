"""The layers that the networks share: each has a name, and a seed that follows from the name.

A layer without a name is numbered by how many came before it in the process, and an
initializer without a seed draws one from Python's global random state; either would make
a network depend on what ran earlier.
"""

import zlib
from numbers import Integral
from typing import Any

import keras


def image_input(n_channels: int, *, name: str = "noisy") -> Any:
    """Begin a network that takes images of any size with `n_channels` channels."""
    if not isinstance(n_channels, Integral) or n_channels < 1:
        msg = (
            f"n_channels is the number of channels of the images, an int of 1 (gray) or more; "
            f"got {n_channels!r}."
        )
        raise ValueError(msg)
    return keras.Input((None, None, int(n_channels)), name=name)


def conv(filters: int, kernel_size: int, *, name: str, **options: Any) -> keras.layers.Conv2D:
    """Return a convolution that keeps the size of its input, divided by its strides."""
    return keras.layers.Conv2D(filters, kernel_size, **_settings(name) | options)


def up_conv(
    filters: int, kernel_size: int, *, name: str, **options: Any
) -> keras.layers.Conv2DTranspose:
    """Return a transposed convolution, which multiplies the size by its strides."""
    return keras.layers.Conv2DTranspose(filters, kernel_size, **_settings(name) | options)


def seed_of(name: str) -> int:
    """Return the seed of the layer of that name, the same in every process."""
    return zlib.crc32(name.encode())


def _settings(name: str) -> dict[str, Any]:
    return {
        "padding": "same",
        "data_format": "channels_last",
        "kernel_initializer": keras.initializers.HeNormal(seed=seed_of(name)),
        "name": name,
    }
