"""What `sigma` and `strength` say: what a network is told, and how much it may take away."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from skdenoise._images import Images
from skdenoise._task import Run, Task, beside
from skdenoise._warning import warn
from skdenoise._windows import together
from skdenoise.noise._estimation import noise_of_windows
from skdenoise.noise._level_function import Noise, deviation_at, times

LIKELY = 5.0
"""How often the deviation of all pixels that of the noise may be without a warning; it is less."""

Windows = Callable[[], Sequence[np.ndarray]]
"""Returns the pixels by which an image is judged, see `skdenoise._windows.windows`."""


class Told(NamedTuple):
    """What is said about the noise of one image.

    Attributes
    ----------
    noise : float, LevelFunction, or ndarray of shape (H, W, 1)
        Standard deviation in working units, which the network is told; 0 for unknown.
    share : float or ndarray of shape (H, W, 1)
        How much is taken away of what the network would take, in [0, 1].
    """

    noise: Noise | np.ndarray
    share: float | np.ndarray

    def sigma_of(
        self, pixels: np.ndarray, rows: slice = slice(None), columns: slice = slice(None)
    ) -> float | np.ndarray:
        """Return what the network is told of some rows and columns, of which these are pixels."""
        if isinstance(self.noise, np.ndarray):
            return self.noise[rows, columns]
        return deviation_at(self.noise, pixels)


NoiseMap = Callable[[int, tuple[int, ...], Windows], Told]
"""(index, shape of the image, its windows) -> what is said about it."""


def noise_maps(sigma: Any, strength: float, images: Images) -> NoiseMap:
    """Return the function that says what the network is told, and how much is taken away.

    Told of less noise than there is, a network takes part of it for texture, and much less for
    unknown. So a strength below 1 takes a share of what the network removes.

    Parameters
    ----------
    sigma : float, array-like, "auto" or None
        The parameter of the estimator, in the images' own units. Where it is 0, nothing is taken
        away.
    strength : float
        Above 1 it multiplies what the network is told.
    images : Images
        The noisy images.

    Raises
    ------
    ValueError
        Where an array does not match the images or holds negative numbers.
    """
    multiple, share = max(strength, 1.0), min(strength, 1.0)
    if sigma is None and multiple == 1:
        return lambda index, shape, windows: Told(0.0, share)
    if sigma is None or isinstance(sigma, str):
        return lambda index, shape, windows: Told(
            times(noise_of_windows(windows()), multiple), share
        )
    given = read_sigma(sigma, images.n_in_container)
    warned = False

    def of_image(index: int, shape: tuple[int, ...], windows: Windows) -> Told:
        nonlocal warned
        position = images.positions[index] if images.positions else index
        one = given[position] if isinstance(given, list) else given
        if one.ndim == 2 and one.shape != shape[:2]:
            msg = (
                f"The map sigma has shape {one.shape}, but image {position} has shape {shape[:2]}."
            )
            raise ValueError(msg)
        scale = images.scales[index]
        deviation = scale * float(together(windows()).std(dtype=np.float64))
        if not warned and one.min() > LIKELY * deviation > 0:
            warned = True
            warn(
                f"sigma={one.min():g} cannot be the noise of image {position}, whose pixels have a "
                f"standard deviation of {deviation:.3g}. Give it in the units of the image, which "
                f"are gray levels for integers.",
            )
        scaled = multiple * one / scale
        if scaled.ndim == 0:
            return Told(float(scaled), share if scaled else 0.0)
        is_noisy = scaled[..., None] > 0
        return Told(scaled[..., None], share if is_noisy.all() else share * is_noisy)

    return of_image


def read_sigma(sigma: Any, n_images: int) -> np.ndarray | list[np.ndarray]:
    """Return the numbers of `sigma`: for all of so many images, or a list with those of each.

    Raises
    ------
    ValueError
        Where it is something else.
    """
    wanted = (
        f"sigma must be 'auto' or a number, one number per image, or a map (height, width), or one "
        f"per image; finite and not negative. Got {sigma!r}."
    )
    try:
        each = [np.asarray(one, dtype=np.float64) for one in sigma] if np.iterable(sigma) else []
        given = (
            np.asarray(sigma, dtype=np.float64) if len({one.shape for one in each}) < 2 else each
        )
    except (TypeError, ValueError) as error:
        raise ValueError(wanted) from error
    if isinstance(given, np.ndarray) and given.ndim in (1, 3):
        given = list(given)
    for one in given if isinstance(given, list) else [given]:
        if one.ndim not in (0, 2) or not np.isfinite(one).all() or (one < 0).any():
            raise ValueError(wanted)
    if isinstance(given, list) and len(given) != n_images:
        msg = f"sigma has {len(given)} entries, but there are {n_images} images."
        raise ValueError(msg)
    return given


def taken_in_part(
    run: Run, pairs: Iterable[tuple[Task, float | np.ndarray]]
) -> Iterator[np.ndarray]:
    """Yield what `run` yields for tasks, with no more taken away than the share of each.

    Parameters
    ----------
    run : callable
        Yields an output for each task, or an output and its deviation.
    pairs : iterable of (Task, float or ndarray of shape (H, W, 1))
        Images and shares.
    """
    for (task, share), result in beside(run, pairs, itemgetter(0)):
        if result.ndim > task.pixels.ndim:
            yield np.stack([in_part(task.pixels, result[0], share), share * result[1]])
        else:
            yield in_part(task.pixels, result, share)


def in_part(noisy: np.ndarray, denoised: np.ndarray, share: float | np.ndarray) -> np.ndarray:
    """Return the image from which that share is taken of what was removed."""
    if np.min(share) == 1:
        return denoised
    return (noisy + share * (denoised - noisy)).astype(noisy.dtype)
