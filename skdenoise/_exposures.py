"""Training patches for enhancement: images as they are, or as a camera would have exposed them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from skdenoise._curves import reduced
from skdenoise._patches import Noise, PatchSampler
from skdenoise.noise import shot_read

STOPS = -7.0, 1.5
"""Range of the change of exposure, in factors of two of the light: the darkest photographs that
people want brightened have a hundredth of it."""
DISPLAY_GAMMA = 2.2
TONES = 0.8, 1.5
"""Range of the exponent by which a camera's tones differ from the display's."""
SHOT = 1e-4, 3e-3
"""Range of the variance that white light has, as a share of white squared."""


def re_exposed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a photograph as a camera would have taken it with more or less light.

    Parameters
    ----------
    image : ndarray of float, shape (H, W, C)
        A well-lit photograph with pixels in [0, 1].
    rng : numpy.random.Generator
        Source of randomness; the only one.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        The light, which is the image to the power of 2.2, times a factor from ``2 ** -7`` to
        ``2 ** 1.5``, with shot and read noise of a random strength; then back to an image, whose
        tones a random exponent shifts. In [0, 1].
    """
    light = np.clip(image, 0, 1) ** DISPLAY_GAMMA * 2 ** rng.uniform(*STOPS)
    shot = np.exp(rng.uniform(*np.log(SHOT)))
    seen = shot_read(light, shot=float(shot), rng=rng).clip(0, 1)
    return (seen ** (rng.uniform(*TONES) / DISPLAY_GAMMA)).astype(image.dtype)


def re_exposing(share: float) -> Callable[[float], Noise]:
    """Return the noise of a `PatchSampler` that exposes a `share` of the images anew."""

    def expose(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return re_exposed(image, rng) if rng.random() < share else image.copy()

    # Working units are light, whatever an image's own units are.
    return lambda scale: expose


@dataclass(frozen=True)
class ExposureBatch:
    """Color patches to be enhanced.

    Attributes
    ----------
    image, wanted : ndarray of float32, shape (n, h, w, 3)
        Before, and how they should look where that is known.
    paired : ndarray of float32, shape (n, 1, 1, 1)
        1 where it is known, 0 elsewhere.
    """

    image: np.ndarray
    wanted: np.ndarray
    paired: np.ndarray

    def arrays(self) -> list[np.ndarray]:
        """Return the arrays in the order of the fields."""
        return [self.image, self.wanted, self.paired]


def exposure_batches(
    sampler: PatchSampler,
    indices: Sequence[int],
    batch_size: int,
    *,
    paired: bool,
    rng: np.random.Generator,
) -> Iterator[ExposureBatch]:
    """Draw batches whose patches cover the images once, within [0, 1] and in color."""
    for batch in sampler.epoch(indices, batch_size, rng=rng):
        image, wanted = (in_color(patches) for patches in (batch.noisy, batch.clean))
        known = np.full((len(image), 1, 1, 1), paired, np.float32)
        yield ExposureBatch(image, wanted, known)


def seen_by_network(image: np.ndarray, reduction: int) -> np.ndarray:
    """Return an image of any dtype as a network sees it: smaller, in color, as float32."""
    # Means of integers need not be kept within the range first.
    return in_color(reduced(image if image.dtype.kind in "iu" else in_color(image), reduction))


def in_color(pixels: np.ndarray) -> np.ndarray:
    """Return pixels within [0, 1] as float32, with three channels; perhaps the same array."""
    clipped = pixels.astype(np.float32, copy=False)
    if clipped.min() < 0 or clipped.max() > 1:
        clipped = clipped.clip(0, 1)
    return np.repeat(clipped, 3, axis=-1) if clipped.shape[-1] == 1 else clipped
