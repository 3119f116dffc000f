"""What all metrics share: reading containers or single images, matching them, and their range."""

import math
from numbers import Real
from typing import Any

import numpy as np

from skdenoise._containers import SINGLE_IMAGE_SIDE, is_image_sequence, read_images
from skdenoise._images import Images

SLACK = 1e-3
"""Part of the range by which pixels may leave it: rounding and resampling, not another scale."""


def in_own_units(images: Images, index: int) -> np.ndarray:
    """Return one image (H, W, C) as float64 in its own units: integers exactly."""
    return images.own(index).astype(np.float64)


def container_of(X: Any, image_shape: tuple[int, ...] | None, name: str) -> Any:
    """Return a container, of one image where `X` is a single one."""
    if isinstance(X, (list, tuple)) and len(X) > 0 and not is_image_sequence(X):
        X = np.asarray(X)
    if getattr(X, "ndim", None) == 1 and X.dtype != object:
        msg = (
            f"Expected images in {name}, got an array of shape {X.shape}: labels cannot be "
            f"compared as images. Pass images, or {name}.reshape(height, width) for one flat image."
        )
        raise ValueError(msg)
    if isinstance(X, np.ndarray) and _is_single_image(X, image_shape):
        X = X[None]
    return X


def read(X: Any, image_shape: tuple[int, ...] | None, name: str) -> Images:
    """Read a container, or a single image as a container of one."""
    return read_images(container_of(X, image_shape, name), image_shape, name=name)


def read_both(
    noisy: Any, denoised: Any, image_shape: tuple[int, ...] | None
) -> tuple[Images, Images]:
    """Read noisy and denoised images, or raise ValueError where they do not match one by one."""
    before, after = read(noisy, image_shape, "noisy"), read(denoised, image_shape, "denoised")
    check_matching(before, after, ("noisy", "denoised"))
    return before, after


def _is_single_image(X: np.ndarray, image_shape: tuple[int, ...] | None) -> bool:
    if X.ndim == 3:
        return X.shape[-1] in (1, 3, 4) and min(X.shape[:2]) >= SINGLE_IMAGE_SIDE
    return X.ndim == 2 and image_shape is None


def check_matching(
    reference: Images, other: Images, names: tuple[str, str] = ("clean", "denoised")
) -> None:
    """Raise ValueError at the first image of `other` that cannot be compared with its reference.

    Parameters
    ----------
    reference, other : Images
        The two containers.
    names : tuple of two str, default=("clean", "denoised")
        What messages call their images.
    """
    first, second = names
    if len(reference) != len(other):
        msg = (
            f"There are {len(reference)} {first} images, but {len(other)} {second} ones. "
            f"Pass as many {second} images as {first} ones."
        )
        raise ValueError(msg)
    for index in range(len(reference)):
        shapes = reference.shapes[index], other.shapes[index]
        if shapes[0] != shapes[1]:
            msg = (
                f"Image {index} has shape {shapes[0]} among the {first} images, but shape "
                f"{shapes[1]} among the {second} ones. They are compared pixel by pixel, so pass "
                f"images of the same shape, in the same order."
            )
            raise ValueError(msg)
        dtypes = reference.dtypes[index], other.dtypes[index]
        if dtypes[0] != dtypes[1] and {dtype.kind for dtype in dtypes} != {"f"}:
            msg = (
                f"Image {index} is {dtypes[0]} among the {first} images, but {dtypes[1]} among "
                f"the {second} ones, so white is not the same number in both. Convert both to one "
                f"dtype and scale, for example uint8 images to floats with images / 255."
            )
            raise ValueError(msg)


def ranges_of(clean: Images, data_range: float | np.ndarray | None) -> np.ndarray:
    """Return the range of each clean image in its own units; refuse pixels that exceed it."""
    if not isinstance(data_range, np.ndarray):
        check_data_range(data_range)
    given = clean.scales if data_range is None else data_range
    ranges = np.broadcast_to(np.asarray(given, float), len(clean))
    for index, white in enumerate(ranges):
        pixels = in_own_units(clean, index)
        low, high = float(pixels.min()), float(pixels.max())
        if data_range is not None and high - low > white * (1 + SLACK):
            msg = (
                f"Clean image {index} spans {low:g} to {high:g}, more than "
                f"data_range={white:g}. Pass the difference between white and black in the "
                f"images' own units, or clip the images to that range."
            )
            raise ValueError(msg)
        is_float = clean.dtypes[index].kind == "f"
        if data_range is None and is_float and (low < -SLACK or high > 1 + SLACK):
            raise ValueError(float_range_message(index, f"spans {low:g} to {high:g}"))
    return ranges


def check_data_range(data_range: Any) -> None:
    """Raise ValueError unless `data_range` is None or a positive finite number."""
    if data_range is None:
        return
    is_number = isinstance(data_range, Real) and not isinstance(data_range, (bool, np.bool_))
    if not is_number or not 0 < float(data_range) < math.inf:
        msg = f"data_range must be None or a float in the range (0, inf). Got {data_range!r}."
        raise ValueError(msg)


def float_range_message(index: int, finding: str) -> str:
    """Say that a float image is not in [0, 1], and what to pass."""
    return (
        f"Float images are taken to be in [0, 1], but image {index} {finding}. Pass the difference "
        f"between white and black, for example data_range=255 for gray levels, or scale the images "
        f"to [0, 1]."
    )


def reduced(values: np.ndarray, per_image: bool) -> float | np.ndarray:
    return values if per_image else float(values.mean())
