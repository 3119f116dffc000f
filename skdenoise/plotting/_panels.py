"""What all displays need: panels of a figure, and what of an image is shown in one."""

import math
from typing import Any

import numpy as np

from skdenoise._images import Images
from skdenoise._unit_range import HIGHEST, LOWEST
from skdenoise.metrics._reading import container_of, in_own_units

PANEL = 3.2
"""Side of a panel in inches."""


def first(container: Any, n_images: int) -> Any:
    """Return the first images of a container."""
    if container is None:
        return None
    return container.iloc[:n_images] if hasattr(container, "iloc") else container[:n_images]


def first_images(
    container: Any, image_shape: tuple[int, ...] | None, name: str, n_images: int
) -> Any:
    """Return the first images of a container, which may be a single image."""
    return first(container_of(container, image_shape, name), n_images)


def refuse_no_images(max_images: int) -> None:
    if max_images < 1:
        msg = f"max_images must be 1 or more, to show anything. Got {max_images!r}."
        raise ValueError(msg)


def pixels_of(images: Images) -> list[np.ndarray]:
    """Return the images in their own units."""
    return [in_own_units(images, index) for index in range(len(images))]


def limits_of(reference: Images, data_range: float | None) -> list[tuple[float, float]]:
    """Return black and white of each image in its own units."""
    limits = []
    for index, scale in enumerate(reference.scales):
        low = 0.0
        own = reference.own(index)
        lowest, highest = float(own.min()), float(own.max())
        if data_range is not None:
            # Integers begin at black, unless they cannot.
            begins = own.dtype.kind != "f" and lowest >= 0 and highest <= data_range
            low = 0.0 if begins else lowest
        elif own.dtype.kind == "f" and (lowest < LOWEST or highest > HIGHEST):
            msg = (
                f"Image {index} has floats from {lowest:.4g} to {highest:.4g}, but without a "
                f"data_range black is 0 and white is 1. Pass data_range=255 for gray levels, "
                f"or white minus black."
            )
            raise ValueError(msg)
        limits.append((low, low + (scale if data_range is None else data_range)))
    return limits


def shown_part(
    shape: tuple[int, ...], zoom: tuple[int, int, int, int] | None
) -> tuple[slice, slice]:
    """Return the rows and columns of an image that are shown."""
    if zoom is None:
        return slice(None), slice(None)
    top, left, height, width = zoom
    inside = min(top, left) >= 0 and top + height <= shape[0] and left + width <= shape[1]
    if not inside or height < 1 or width < 1:
        msg = (
            f"zoom=(top, left, height, width) must lie in every image. Got {tuple(zoom)} for an "
            f"image of {shape[0]} x {shape[1]} pixels."
        )
        raise ValueError(msg)
    return slice(top, top + height), slice(left, left + width)


def for_eyes(pixels: np.ndarray) -> np.ndarray:
    """Return (H, W) or (H, W, 3) in [0, 1]; other channels are averaged, nobody can see them."""
    pixels = np.clip(pixels, 0, 1)
    return pixels if pixels.shape[-1] == 3 else pixels.mean(axis=-1)


def decibels_of(values: Any, index: int) -> str:
    if values is None:
        return ""
    return ", equal" if math.isinf(values[index]) else f", {values[index]:.1f} dB"


def figure_and_axes(axes: Any, shape: tuple[int, int], side: float) -> tuple[Any, np.ndarray]:
    """Return a figure and its axes in rows and columns; a new one where `axes` is None."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        msg = "Pictures need matplotlib. To install it, type: pip install skdenoise[plot]"
        raise ImportError(msg) from error
    rows, columns = shape
    if axes is None:
        size = (columns * side, rows * side)
        return plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    axes = np.asarray(axes, dtype=object)
    if axes.size != rows * columns:
        msg = f"{rows * columns} axes are needed, {rows} x {columns}. Got {axes.size} in `axes`."
        raise ValueError(msg)
    axes = axes.reshape(shape)
    return axes[0, 0].figure, axes
