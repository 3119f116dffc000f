"""What all noise models share: the decorator that guards them, and checks of their numbers."""

import functools
import math
from collections.abc import Callable
from numbers import Integral
from typing import Any, TypeVar

import numpy as np

from skdenoise._validation import REAL_ANY, REAL_NOT_NEGATIVE, REAL_POSITIVE, SHARE, Interval

Model = TypeVar("Model", bound=Callable[..., np.ndarray])


def noise_model(function: Model) -> Model:
    """Guard a noise model: check image and generator, and keep dtype, shape and caller's array.

    The model then sees finite float32 or float64 pixels that it must not write to, and may
    return any float dtype.
    """

    @functools.wraps(function)
    def guarded(image: Any, **parameters: Any) -> np.ndarray:
        image = _checked_image(image)
        if not isinstance(parameters.get("rng"), np.random.Generator):
            msg = (
                f"{function.__name__} needs rng=, a numpy.random.Generator, for example "
                f"numpy.random.default_rng(0). Got {parameters.get('rng')!r} instead."
            )
            raise TypeError(msg)
        work = np.float64 if image.dtype.itemsize > 4 else np.float32
        noisy = function(image.astype(work, copy=False), **parameters)
        return np.asarray(noisy).astype(image.dtype, copy=False)

    return guarded  # type: ignore[return-value]


def _checked_image(image: Any) -> np.ndarray:
    """Return `image` as an array of finite floats, or say what to type."""
    image = np.asarray(image)
    if image.dtype.kind != "f":
        msg = (
            f"Noise models work on float images in [0, 1], got dtype {image.dtype}. Pass "
            f"image / 255.0 for 8-bit images, or use NoiseInjector, which takes every dtype."
        )
        raise TypeError(msg)
    if not np.isfinite(image).all():
        msg = "The image contains NaN or infinity. Fill it first, with numpy.nan_to_num(image)."
        raise ValueError(msg)
    return image


def _number(name: str, value: Any, interval: Interval) -> float:
    if not interval.accepts(value):
        msg = f"{name} must be {interval}. Got {value!r} instead."
        raise ValueError(msg)
    return float(value)  # a NumPy float64 would make float32 images float64


def not_negative(name: str, value: Any) -> float:
    """Return a finite number >= 0, or raise ValueError."""
    return _number(name, value, REAL_NOT_NEGATIVE)


def positive(name: str, value: Any) -> float:
    """Return a finite number > 0, or raise ValueError."""
    return _number(name, value, REAL_POSITIVE)


def fraction_of_one(name: str, value: Any) -> float:
    """Return a number in [0, 1], or raise ValueError."""
    return _number(name, value, SHARE)


def finite(name: str, value: Any) -> float:
    """Return a finite number, or raise ValueError."""
    return _number(name, value, REAL_ANY)


def whole_number(name: str, value: Any, low: int, high: float = math.inf) -> int:
    """Return an integer in [low, high], or raise ValueError."""
    return int(_number(name, value, Interval(Integral, low, high)))


def one_of(name: str, value: Any, options: tuple[str, ...]) -> str:
    """Return `value` where it is one of `options`, or raise ValueError."""
    if value not in options:
        msg = f"{name} must be one of {', '.join(map(repr, options))}. Got {value!r} instead."
        raise ValueError(msg)
    return value


def as_picture(image: np.ndarray) -> np.ndarray:
    """Return a view (H, W, C) of an image (H, W) or (H, W, C), for models that need rows."""
    if image.ndim not in (2, 3):
        msg = (
            f"This noise has rows and columns: expected an image of shape (height, width) or "
            f"(height, width, n_channels), got shape {image.shape}. Pass one image at a time."
        )
        raise ValueError(msg)
    return image[..., None] if image.ndim == 2 else image
