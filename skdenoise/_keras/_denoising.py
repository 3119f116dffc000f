"""What a denoising network minimizes: the distance from clean images, or its expectation."""

from dataclasses import dataclass
from typing import Any

from keras import ops

from skdenoise._decibels import psnr_of
from skdenoise._keras._keyed import Keyed
from skdenoise._stein import PROBE
from skdenoise.losses import LOSSES


class _OfBatch:
    """What objectives of a `Batch` have in common."""

    n_channels = None, None, 1, 1, 1

    def report(self, numbers: Any) -> dict[str, float]:
        """Return the PSNR, of a mean squared error as a share of the range's square."""
        return {"psnr": psnr_of(float(numbers))}


@dataclass(frozen=True)
class KnownError(_OfBatch):
    """The distance of a denoised from a clean image, of a `Batch`; reports the PSNR."""

    loss: Keyed

    def inputs(self, arrays: list, steerable: bool) -> Any:
        """Return the noisy images, and what is known of their noise."""
        noisy, _, sigma, _, _ = arrays
        return [noisy, sigma] if steerable else noisy

    def __call__(self, outputs: Any, arrays: list) -> tuple[Any, Any]:
        """Return the loss, and the mean squared error as a share of the range's square."""
        loss = self.loss.itself
        loss = LOSSES[loss] if isinstance(loss, str) else loss
        _, clean, _, share, weight = arrays
        error = ops.mean(ops.square((outputs - clean) * share))
        return loss(clean * weight, outputs * weight), error


@dataclass(frozen=True)
class ExpectedError(_OfBatch):
    r"""Stein's estimate of the squared error where the noise is white, of a `Batch` with steps.

    The clean images of the batch are noisy ones after a random step: :math:`y + s`, where
    :math:`s` is `PROBE` times the deviation :math:`\sigma` of the noise, with random signs. So

    .. math:: \operatorname{E} \lVert f(y) - x \rVert^2
              = \operatorname{E} \left[ \lVert f(y) - y \rVert^2 - N \sigma^2
              + 2 \sigma^2 \operatorname{div} f(y) \right],
              \quad \sigma^2 \operatorname{div} f(y) \approx
              \frac{s^T (f(y + s) - f(y))}{\text{PROBE}^2},

    which knows the clean images :math:`x` no more than the noise. Reports the PSNR.
    """

    def inputs(self, arrays: list, steerable: bool) -> Any:
        """Return the images before and after the step, one below the other."""
        noisy, stepped, sigma, _, _ = arrays
        both = ops.concatenate([noisy, stepped])
        return [both, ops.concatenate([sigma, sigma])] if steerable else both

    def __call__(self, outputs: Any, arrays: list) -> tuple[Any, Any]:
        """Return the loss, and the mean squared error as a share of the range's square."""
        noisy, stepped, _, share, weight = arrays
        denoised, moved = ops.split(outputs, 2)
        step = stepped - noisy
        error = ops.square(denoised - noisy) + step * (2 * (moved - denoised) - step) / PROBE**2
        return ops.mean(ops.square(weight) * error), ops.mean(ops.square(share) * error)
