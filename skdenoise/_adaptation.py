"""Adapting trained weights to noisy images: what is held out of them, and what is kept.

A network learns from most rows of each image and is judged on the others, by an estimate that
needs no clean image. The adapted weights are kept where that estimate improves.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from skdenoise._images import Images
from skdenoise._learning import validation_batches
from skdenoise._masking import fill_masked, grid_masks
from skdenoise._patches import Batch, PatchSampler

HELD_OUT_ROWS = 0.375, 0.625
"""The strip of each image that is not learned from."""
SMALLEST_SIDE = 32
"""Pixels of the shorter side of an image that is large enough for that."""
JUDGED = 8
"""At most so many strips are judged."""
STRIDE = 4
"""One pixel out of `STRIDE` x `STRIDE` is hidden at a time."""
LEAST_GAIN = 0.01
"""Decibels of the estimate below which an improvement may be chance."""
DATA_SET = 2**22
"""Pixels from which on all weights learn, and not their gains alone."""


@dataclass(frozen=True)
class Adaptation:
    """What came of adapting trained weights to noisy images.

    Attributes
    ----------
    kept : bool
        Whether the adapted weights are used; otherwise those that it began with.
    before, after : float
        The estimate on held-out rows in dB, of the weights that it began with and of the adapted
        ones. It stays below the PSNR of the noisy images; only the difference has a meaning.
    estimate : {"masked", "pairs"}
        How it was judged: by how well hidden pixels are predicted, as `Noise2SelfScorer` does,
        or, where the noise of neighbors is correlated, by the PSNR of one sub-sampled image
        against another.
    stride : int
        Distance in pixels of what was sub-sampled for learning.
    trained : {"gains", "all"}
        Whether one factor per channel was learned, or all weights.
    """

    kept: bool
    before: float
    after: float
    estimate: str
    stride: int
    trained: str

    @classmethod
    def of(cls, before: float, after: float, stride: int, trained: str) -> "Adaptation":
        """Decide: adapted weights are kept where the estimate improves, and not by chance."""
        estimate = "masked" if stride == 1 else "pairs"
        return cls(after - before > LEAST_GAIN, before, after, estimate, stride, trained)


def can_adapt(images: Images) -> bool:
    """Tell whether the images are large enough to hold out a part."""
    return min(min(shape[:2]) for shape in images.shapes) >= SMALLEST_SIDE


def what_to_train(trainable: str, images: Images) -> str:
    """Return "gains" or "all"."""
    if trainable != "auto":
        return trainable
    n_pixels = sum(height * width for height, width, _ in images.shapes)
    return "all" if n_pixels >= DATA_SET else "gains"


def parts(images: Images) -> tuple[Images, Images]:
    """Return the parts of the images to learn from, and those to be judged on."""
    low, high = HELD_OUT_ROWS
    return images.strips((0, low), (high, 1)), images.strips((low, high), every=_every(images))


def judged(images: Images) -> Images:
    """Return the images of which a part is judged on."""
    return images.strips((0, 1), every=_every(images))


def _every(images: Images) -> int:
    return -(-len(images) // JUDGED)


def masked_psnr(
    denoise: Callable[[Iterator[np.ndarray]], Iterator[np.ndarray]],
    held_out: Images,
    data_range: float,
) -> float:
    """Return how well hidden pixels are predicted from the others, in dB, over all images."""
    error, n_hidden = 0.0, 0
    for run in range(STRIDE):
        masks = [grid_masks(shape[:2], STRIDE)[run] for shape in held_out.shapes]
        filled = (fill_masked(image, mask) for image, mask in zip(held_out, masks, strict=True))
        for image, mask, denoised in zip(held_out, masks, denoise(filled), strict=True):
            error += float(np.square(image[mask] - denoised[mask], dtype=np.float64).sum())
            n_hidden += image[mask].size
    return 10 * math.log10(data_range**2 / max(error / n_hidden, 1e-30))


def pairs_to_judge(held_out: Images, data_range: float, stride: int, multiple: int) -> list[Batch]:
    """Return sub-sampled pairs of the strips, the same for all weights."""
    sampler = PatchSampler(
        held_out,
        None,
        None,
        patch_size=128,
        multiple=multiple,
        normalized=True,
        data_range=data_range,
        stride=stride,
    )
    rng = np.random.default_rng(0)
    return validation_batches(sampler, list(range(len(held_out))), rng)
