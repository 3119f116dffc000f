"""What a network is told about the noise of each image, out of `sigma` and `strength`."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from skdenoise._images import Images
from skdenoise.noise._estimation import estimate_of_windows

Windows = Callable[[], Sequence[np.ndarray]]
"""Returns the pixels by which an image is judged, see `skdenoise._tiling.windows`."""
NoiseMap = Callable[[int, tuple[int, ...], Windows], Any]
"""(index, shape of the image, its windows) -> standard deviation of the noise in working units: a
float, or an array (H, W, 1)."""


def noise_maps(sigma: Any, strength: float, images: Images) -> NoiseMap:
    """Return the function that says what the network is told; 0 leaves it blind.

    Parameters
    ----------
    sigma : float, array-like, "auto" or None
        The parameter of the estimator, in the images' own units.
    strength : float
        Multiplies it.
    images : Images
        The noisy images.

    Raises
    ------
    ValueError
        Where an array does not match the images or holds negative numbers.
    """
    if sigma is None and strength == 1:
        return lambda index, shape, windows: 0.0
    if sigma is None or isinstance(sigma, str):
        # There is no estimate, NaN, for images of a pixel or two: then the network stays blind.
        return lambda index, shape, windows: (
            strength * float(np.nan_to_num(estimate_of_windows(windows()).sigma))
        )
    given = np.asarray(sigma, dtype=np.float64)
    if not np.isfinite(given).all() or (given < 0).any():
        msg = f"sigma must be finite and not negative. Got {sigma!r}."
        raise ValueError(msg)
    n_images = images.n_in_container
    if given.ndim > 3 or (given.ndim in (1, 3) and len(given) != n_images):
        msg = (
            f"sigma must be a number, one number per image or a map (height, width) or "
            f"(n_images, height, width). Got shape {given.shape} for {n_images} images."
        )
        raise ValueError(msg)

    def of_image(index: int, shape: tuple[int, ...], windows: Windows) -> Any:
        position = images.positions[index] if images.positions else index
        one = given[position] if given.ndim in (1, 3) else given
        if one.ndim == 2 and one.shape != shape[:2]:
            msg = (
                f"The map sigma has shape {one.shape}, but image {position} has shape {shape[:2]}."
            )
            raise ValueError(msg)
        scaled = strength * one / images.scales[index]
        return scaled[..., None] if scaled.ndim == 2 else float(scaled)

    return of_image
