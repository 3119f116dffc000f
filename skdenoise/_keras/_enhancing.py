"""What an enhancing network minimizes: the four losses of Zero-DCE, and a distance where known."""

from dataclasses import dataclass
from typing import Any

from keras import ops

from skdenoise.losses import (
    color_constancy,
    exposure,
    illumination_smoothness,
    l1,
    spatial_consistency,
)

TERMS = "spatial", "exposure", "color", "smoothness", "paired"


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


def bent(image: Any, curves: Any, n_iterations: int, protection: float) -> Any:
    """Apply the curves, tensors of shape (n, h, w, n_curves * C), as `Bending` does on arrays."""
    n_channels = image.shape[-1]
    n_curves = curves.shape[-1] // n_channels
    for index in range(n_iterations):
        first = index % n_curves * n_channels
        step = curves[..., first : first + n_channels] * (ops.square(image) - image)
        image = image + (step * (1 - protection * image) if protection else step)
    return image
