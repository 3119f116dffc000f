"""`denoise`: one image in, the same kind of image out, in one line."""

from typing import Any

import numpy as np

from skdenoise._containers import check_container
from skdenoise._denoiser import AutoencoderDenoiser
from skdenoise._shipped import largest_size, shipped_sizes

MOST_CHANNELS = 4
"""Longer last axes are taken for the width of a stack of gray images."""


def denoise(
    image: Any,
    *,
    sigma: float | np.ndarray | str | None = None,
    strength: float = 1.0,
    n_augment: int = 1,
    weights: str = "natural",
    size: str = "auto",
) -> np.ndarray:
    """Remove the noise of one image with weights that come with the package.

    Parameters
    ----------
    image : array-like of shape (height, width) or (height, width, n_channels)
        The noisy image, of any dtype and scale, with at most 4 channels; a fourth one is
        alpha, which stays as it is.
    sigma : float, ndarray of shape (height, width), "auto" or None, default=None
        Standard deviation of the noise in the image's own units, gray levels for integers, or
        "auto" to estimate it. None lets the network see for itself.
    strength : float, default=1.0
        Below 1, the share that is taken away of what the network would remove; 0 returns the
        image as it is. Above 1 it multiplies the standard deviation that the network is told.
    n_augment : {1, 2, 4, 8}, default=1
        In how many orientations the image is denoised; their mean is a little better, and takes
        so many times as long.
    weights : {"natural", "procedural"}, default="natural"
        What the network has learned from, see `skdenoise.model_cards`.
    size : {"auto", "small", "base"}, default="auto"
        Size of the network. "auto" is the best that these weights come in, "base" for "natural"
        ones; "small" is a little worse, and up to four times as fast.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        The denoised image, a new array.

    Raises
    ------
    ValueError
        Where `image` is not one image of finite numbers, or a parameter is not what it may be.

    See Also
    --------
    AutoencoderDenoiser : For many images, for images with more channels, and to learn. Its `size`
        is "small" unless told otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> import skdenoise
    >>> noisy = np.random.default_rng(0).normal(128, 25, (64, 64)).clip(0, 255).astype(np.uint8)
    >>> denoised = skdenoise.denoise(noisy)
    >>> denoised.dtype, denoised.shape, bool(denoised.std() < 0.3 * noisy.std())
    (dtype('uint8'), (64, 64), True)
    """
    check_container(image, "image")
    try:
        pixels = np.asarray(image)
    except ValueError as error:
        msg = "image is ragged: its rows have different lengths."
        raise ValueError(msg) from error
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[-1] > MOST_CHANNELS):
        msg = (
            f"denoise takes one image of shape (height, width) or (height, width, n_channels) "
            f"with at most {MOST_CHANNELS} channels; got shape {pixels.shape}. For several images, "
            f"or more channels, type AutoencoderDenoiser(weights={weights!r}).transform(images), "
            f"where images is a list of arrays."
        )
        raise ValueError(msg)
    if weights == "auto" or weights is None:
        msg = (
            f"weights must be 'natural' or 'procedural' where nothing is learned. Got {weights!r}."
        )
        raise ValueError(msg)
    if size == "auto":
        size = largest_size(weights)
    sizes = shipped_sizes(weights)
    if sizes and size not in sizes:
        msg = (
            f"The size of weights={weights!r} must be 'auto' or one of "
            f"{', '.join(map(repr, sizes))}. Got {size!r}."
        )
        raise ValueError(msg)
    denoiser = AutoencoderDenoiser(
        size=size, weights=weights, sigma=sigma, strength=strength, n_augment=n_augment
    )
    return denoiser.transform([pixels])[0]
