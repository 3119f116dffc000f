"""The whole way from image to image as one Keras model, of what Keras itself has.

So it can be saved, and used where this package is not installed. Images are float32, of shape
(n, H, W, C) and in working units: white is 1 for integers, floats are as they are.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from skdenoise._curves import PLACE, PLACES_PER_AXIS, SAMPLED_LINES, Bending
from skdenoise._keras._backend import as_given
from skdenoise._keras._enhancing import brightened
from skdenoise._keras._network import Network, Weights
from skdenoise._keras._portable import portable
from skdenoise._keras._rebuilding import preserved_random_state
from skdenoise._keras._sizes import blocks, cut, length, line, mirrored, positions, repeated
from skdenoise._normalization import LEAST_SPREAD

IMAGES = 1, 2, 3
"""Axes of an image."""

# What is of shape (n, 1, 1, 1) comes first in a sum: second, Keras takes it for a bias along the
# channels or rows where there are n of these.


def denoising_graph(
    network: Network, weights: Weights, *, normalized: bool, sigma_input: bool
) -> keras.Model:
    """Return a model from ``noisy`` images to denoised ones.

    Parameters
    ----------
    network : Network
        The template, in float32.
    weights : dict of str to ndarray
        Its weights.
    normalized : bool
        Whether the network sees images normalized by their own mean and deviation.
    sigma_input : bool
        Whether there is a second input, ``sigma`` of shape (n or 1, H or 1, W or 1, 1): the
        standard deviation of the noise, 0 where unknown.
    """
    model = portable(network.with_weights(weights))
    with preserved_random_state():
        noisy = keras.Input((None, None, model.inputs[0].shape[-1]), name="noisy")
        inputs = [noisy]
        mean, gain = _statistics(noisy) if normalized else (0.0, 1.0)
        seen = [(noisy - mean) / gain if normalized else noisy]
        if network.steerable:
            blind = ops.zeros_like(noisy[..., :1])
            if sigma_input:
                inputs.append(keras.Input((None, None, 1), name="sigma"))
                blind = inputs[1] / gain + blind
            seen.append(blind)
        denoised = _applied(model, seen, network.stride)
        if normalized:
            denoised = mean + denoised * gain
        denoised = keras.layers.Identity(name="denoised")(denoised)
        return keras.Model(inputs if sigma_input else noisy, denoised, name="denoiser")


def _applied(model: Any, images: list, stride: int) -> Any:
    """Apply a network whose images have to be multiples of its stride; return as large a one."""
    if stride == 1:
        return model(as_given(images))
    output = model(as_given([_on_grid(image, stride) for image in images]))
    return cut(cut(output, 1, images[0]), 2, images[0])


def _statistics(image: Any) -> tuple[Any, Any]:
    """Return mean and standard deviation of each image; 1 for the latter if it is constant."""
    # In two steps, since sums of millions of float32 lose digits.
    mean = ops.mean(image, axis=IMAGES, keepdims=True)
    mean = mean + ops.mean(image - mean, axis=IMAGES, keepdims=True)
    spread = ops.sqrt(ops.mean(ops.square(image - mean), axis=IMAGES, keepdims=True))
    is_constant = spread <= ops.maximum(LEAST_SPREAD * ops.abs(mean), 1e-30)
    return mean, ops.where(is_constant, ops.ones_like(spread), spread)


def _on_grid(image: Any, stride: int) -> Any:
    return mirrored(mirrored(image, 1, stride), 2, stride)


def enhancing_graph(
    network: Network,
    weights: Weights,
    *,
    n_channels: int,
    reduction: int,
    strength: float,
    locality: float,
    bending: Bending,
) -> keras.Model:
    """Return a model from ``image`` to brightened ones, in the manner of `Bending`.

    Parameters
    ----------
    network : Network
        The template, in float32.
    weights : dict of str to ndarray
        Its weights.
    n_channels : {1, 3}
        Of the images.
    reduction : int
        How many times smaller the network sees them.
    strength : float
        What they are multiplied by.
    locality : float
        How much they differ between places.
    bending : Bending
        How they are applied.
    """
    model = portable(network.with_weights(weights))
    with preserved_random_state():
        image = keras.Input((None, None, n_channels), name="image")
        seen = ops.clip(image, 0, 1)
        seen = ops.concatenate([seen] * 3, axis=-1) if n_channels == 1 else seen
        small = _reduced(seen, reduction)
        curves = _applied(model, [small], network.stride)
        if n_channels == 1 or bending.keep_hue:
            curves = ops.concatenate(
                [
                    ops.mean(curves[..., first : first + 3], axis=-1, keepdims=True)
                    for first in range(0, network.n_outputs, 3)
                ],
                axis=-1,
            )
        if reduction > 1:
            for axis in (2, 1):
                curves = _interpolated(curves, axis, image, reduction)
        if locality != 1:
            middle = _mean_of_sample(curves)
            curves = middle + locality * (curves - middle)
        curves = curves * strength
        if strength > 1:
            curves = ops.clip(curves, -1, 1)
        enhanced = brightened(image, curves, bending)
        enhanced = keras.layers.Identity(name="enhanced")(enhanced)
        return keras.Model(image, enhanced, name="enhancer")


def _mean_of_sample(curves: Any) -> Any:
    """Return the mean over the pixels that `sampled_lines` chooses."""
    rows, columns = (_sampled(line(curves, axis)) for axis in (1, 2))
    columns = ops.transpose(columns, (0, 2, 1, 3))
    means = ops.sum(curves * columns, axis=2, keepdims=True) / ops.sum(columns)
    return ops.sum(means * rows, axis=1, keepdims=True) / ops.sum(rows)


def _sampled(ones: Any) -> Any:
    """Return 1 for the lines of an axis that `sampled_lines` chooses, 0 for others."""
    along = ops.cast(positions(ones), "float32")
    n_lines = ops.cast(length(ones), "float32")
    longest = PLACE * PLACES_PER_AXIS
    step = ops.maximum(ops.floor(ops.minimum(n_lines, longest) / SAMPLED_LINES), 1.0)
    numbers = np.arange(PLACES_PER_AXIS, dtype="float32")
    starts = ops.floor((n_lines - PLACE) * numbers / (PLACES_PER_AXIS - 1))
    # Every place begins at a multiple of its side where there are no gaps between them.
    within = along - PLACE * ops.floor(along / PLACE)
    apart = ops.expand_dims(along, 1) - ops.expand_dims(starts, 0)
    apart = ops.where((apart >= 0) & (apart < PLACE), apart, 0.5)
    chosen = ops.where(
        n_lines <= longest,
        within - step * ops.floor(within / step),
        ops.min(apart - step * ops.floor(apart / step), axis=1),
    )
    return ops.reshape(ops.cast(ops.equal(chosen, 0), "float32"), (1, -1, 1, 1))


def _reduced(image: Any, factor: int) -> Any:
    """Return the means of squares of `factor` pixels; those at the end are filled up by copies."""
    if factor == 1:
        return image
    for axis in (1, 2):
        ones = line(image, axis)
        along = positions(repeated(blocks(ones, factor), factor))
        image = ops.take(image, ops.minimum(along, length(ones) - 1), axis=axis)
    return ops.average_pool(image, factor, strides=factor, data_format="channels_last")


def _interpolated(curves: Any, axis: int, image: Any, reduction: int) -> Any:
    """Draw curves between those of a coarse grid, for each row or column of the image."""
    along = ops.cast(positions(line(image, axis)), "float32")
    last = length(line(curves, axis)) - 1
    place = ops.maximum((along + 0.5) / reduction - 0.5, 0.0)
    place = ops.minimum(place, ops.cast(last, "float32"))
    low = ops.cast(ops.floor(place), "int32")
    shape = (1, -1, 1, 1) if axis == 1 else (1, 1, -1, 1)
    share = ops.reshape(place - ops.cast(low, "float32"), shape)
    before = ops.take(curves, low, axis=axis)
    after = ops.take(curves, ops.minimum(low + 1, last), axis=axis)
    return before + share * (after - before)
