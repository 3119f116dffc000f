"""What an enhancing network minimizes: the four losses of Zero-DCE, and a distance where known."""

from dataclasses import dataclass
from typing import Any

from keras import ops

from skdenoise._curves import DARKEST, Bending
from skdenoise.losses import (
    color_constancy,
    exposure,
    illumination_smoothness,
    l1,
    spatial_consistency,
)
from skdenoise.losses._table import TERMS


@dataclass(frozen=True)
class Enhancing:
    """The weighted sum of the losses of an `ExposureBatch`; reports each without its weight.

    Attributes
    ----------
    weights : tuple of 5 floats
        Of the `TERMS`.
    target : float
        Brightness that the exposure term wants.
    spatial_region, exposure_region : int
        Sides of the regions of those terms, in pixels.
    n_iterations : int
        How often curves are applied; where there are fewer, they come around again.
    protection : float
        How much weaker a curve is at white.
    reduction : int
        Pixels of an image per pixel that the network sees, both ways.
    """

    weights: tuple[float, ...]
    target: float
    spatial_region: int
    exposure_region: int
    n_iterations: int
    protection: float
    reduction: int
    n_channels = (None, None, 1)

    def inputs(self, arrays: list, steerable: bool) -> Any:
        """Return the images, made smaller."""
        if self.reduction == 1:
            return arrays[0]
        return ops.average_pool(
            arrays[0], self.reduction, strides=self.reduction, data_format="channels_last"
        )

    def __call__(self, outputs: Any, arrays: list) -> tuple[Any, Any]:
        """Return the loss, and its terms."""
        image, wanted, paired = arrays
        curves = outputs
        if self.reduction > 1:
            # Here a block shares its curve; only applying a network interpolates.
            for axis in (1, 2):
                curves = ops.repeat(curves, self.reduction, axis=axis)
        enhanced = bent(image, curves, self.n_iterations, self.protection)
        terms = [
            spatial_consistency(image, enhanced, region=self.spatial_region),
            exposure(enhanced, target=self.target, region=self.exposure_region),
            color_constancy(enhanced),
            # As steep as the maps are at full size.
            illumination_smoothness(outputs) / self.reduction**2,
            l1(wanted * paired, enhanced * paired),
        ]
        loss = sum(weight * term for weight, term in zip(self.weights, terms, strict=True))
        return loss, ops.stack(terms)

    def report(self, numbers: Any) -> dict[str, float]:
        """Return the terms by name, as far as they have a weight."""
        pairs = zip(TERMS, self.weights, numbers, strict=True)
        return {name: float(value) for name, weight, value in pairs if weight}


def brightened(image: Any, curves: Any, bending: Bending) -> Any:
    """Apply curves to images of any range, tensors (..., C), as `Bending` does to arrays."""

    def bent_within(before: Any) -> Any:
        return bent(before, curves, bending.n_iterations, bending.protection)

    if bending.keep_hue and image.shape[-1] > 1:
        brightness = ops.max(image, axis=-1, keepdims=True)
        before = ops.clip(brightness, DARKEST, 1)
        # By rounding, the largest channel could come out a digit above white.
        return ops.minimum(image * (bent_within(before) / before), ops.maximum(brightness, 1.0))
    before = ops.clip(image, 0, 1)
    return image - before + bent_within(before)


def bent(image: Any, curves: Any, n_iterations: int, protection: float) -> Any:
    """Apply the curves, tensors (..., n_curves * C), to images within [0, 1]."""
    n_channels = image.shape[-1]
    n_curves = curves.shape[-1] // n_channels
    for index in range(n_iterations):
        first = index % n_curves * n_channels
        step = curves[..., first : first + n_channels] * (ops.square(image) - image)
        image = image + (step * (1 - protection * image) if protection else step)
    return image
