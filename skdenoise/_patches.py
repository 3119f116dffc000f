"""Training patches: where they lie, and what is learnt from them.

There are four ways to learn, and a sampler knows one of them: pairs of noisy and clean images,
clean images with fresh noise at every draw, and noisy images alone, with white noise or any.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from skdenoise._images import Images
from skdenoise._normalization import statistics_of
from skdenoise._stein import PROBE, random_step
from skdenoise._subsampling import neighbor_pair

Noise = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""``noise(image, rng)`` returns a noisy copy of a clean image."""

WIDER = 2
"""How many times as wide patches are where Stein's step is taken, and a batch has fewer of them: a
network that was adapted to the borders of small ones is worse inside."""
NOISE_FLOOR = 0.02
"""Noise, as a share of the data's range, below which patches do not count for more."""


@dataclass(frozen=True)
class Batch:
    """Patches as a network sees them: ``(pixels - mean) / gain``, in float32.

    Attributes
    ----------
    noisy, clean : ndarray of shape (n, h, w, C)
        What goes in and what should come out; where that is unknown, and the noise is white, the
        same after a random step, which tells as much of the error.
    sigma : ndarray of shape (n, h, w, 1)
        Standard deviation of the noise; 0 where the network is to do without it.
    share : ndarray of shape (n, 1, 1, 1)
        What share of the data's range a unit of the network is.
    weight : ndarray of shape (n, 1, 1, 1)
        What differences are multiplied by in the loss.
    """

    noisy: np.ndarray
    clean: np.ndarray
    sigma: np.ndarray
    share: np.ndarray
    weight: np.ndarray

    def arrays(self) -> list[np.ndarray]:
        """Return the arrays in the order of the fields."""
        return [self.noisy, self.clean, self.sigma, self.share, self.weight]


class PatchSampler:
    """Draws batches of patches.

    Parameters
    ----------
    images : Images
        Noisy images, or clean ones where `noise` is given.
    target : Images or None
        The clean images.
    noise : callable or None
        Makes fresh noise, ``noise(scale)(image, rng)``, for images of `scale` own units per
        working unit; excludes `target`.
    sigmas : sequence of float, default=None
        Deviation of the white noise of each image, in working units; excludes both. With none of
        these, pairs are sub-sampled.
    patch_size : int
        Side of a patch where images are large enough; with `sigmas` it is `WIDER` times that.
    multiple : int
        What height and width of a patch must be multiples of.
    normalized : bool
        Whether each patch is normalized with the statistics of its whole image.
    data_range : float
        Distance of black and white in working units.
    stride : int, default=1
        Distance of independent pixels, for pairs from one image.
    """

    def __init__(
        self,
        images: Images,
        target: Images | None,
        noise: Callable[[float], Noise] | None,
        *,
        sigmas: Sequence[float] | None = None,
        patch_size: int,
        multiple: int,
        normalized: bool,
        data_range: float,
        stride: int = 1,
    ) -> None:
        self.images, self.target = images, target
        self._noises: dict[float, Noise] = {}
        if noise is not None:
            self._noises = {scale: noise(scale) for scale in set(images.scales)}
        self.sigmas = sigmas
        self.knows_clean = target is not None or noise is not None
        self.in_pairs = not self.knows_clean and sigmas is None
        self.normalized = normalized
        self.data_range = data_range
        self.stride = stride
        sides = np.array([shape[:2] for shape in images.shapes]).max(axis=0)
        if self.in_pairs:
            sides = np.maximum(sides // (2 * stride), 1)
        side = patch_size if sigmas is None else WIDER * patch_size
        self.height, self.width = (
            int(-(-min(int(most), side) // multiple) * multiple) for most in sides
        )
        # A pair from one image is sub-sampled from a larger place.
        factor = 2 * stride if self.in_pairs else 1
        self._rows, self._columns = factor * self.height, factor * self.width
        self._statistics: dict[int, tuple[float, float]] = {}
        self._memory = np.empty(0)

    def n_patches(self, index: int) -> int:
        """Return how many patches cover an image once."""
        height, width, _ = self.images.shapes[index]
        return max(1, round(height * width / (self.height * self.width)))

    def n_batches(self, indices: Sequence[int], batch_size: int) -> int:
        """Return how many batches cover the images once."""
        n_patches = sum(self.n_patches(index) for index in indices)
        return -(-n_patches // self._n_together(batch_size))

    def _n_together(self, batch_size: int) -> int:
        """Return how many patches make a batch."""
        return batch_size if self.sigmas is None else max(1, batch_size // WIDER**2)

    def epoch(
        self,
        indices: Sequence[int],
        batch_size: int,
        *,
        rng: np.random.Generator,
        known_sigma: float = 0.0,
        augment: bool = True,
    ) -> Iterator[Batch]:
        """Draw batches whose patches cover the images once, in random order.

        Parameters
        ----------
        indices : sequence of int
            The images to draw from.
        batch_size : int
            Patches per batch, or as many pixels; the last batch is filled up.
        rng : numpy.random.Generator
            Source of randomness; the only one.
        known_sigma : float, default=0.0
            Share of the patches for which the network is told the standard deviation.
        augment : bool, default=True
            Whether patches are flipped and turned at random.

        Yields
        ------
        Batch
        """
        batch_size = self._n_together(batch_size)
        visits = [index for index in indices for _ in range(self.n_patches(index))]
        order = rng.permutation(visits)
        missing = -len(order) % batch_size
        order = np.concatenate([order, rng.choice(visits, missing)])
        # Top, left and turn of every patch, drawn at once; only squares have all eight turns.
        sides = np.array([shape[:2] for shape in self.images.shapes])[order]
        free = np.maximum(sides - np.array([self._rows, self._columns]), 0) + 1
        turns = 1 if not augment else 8 if self.height == self.width else 4
        moves = rng.integers(np.column_stack([free, np.full(len(order), turns)]))
        for start in range(0, len(order), batch_size):
            part = slice(start, start + batch_size)
            drawn = [
                self._draw(index, move, rng)
                for index, move in zip(order[part].tolist(), moves[part].tolist(), strict=True)
            ]
            yield self._batch(drawn, rng, known_sigma)

    def _draw(
        self, index: int, move: Sequence[int], rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, float, float]:
        """Return a noisy patch, what is learned from it, and mean and gain for both."""
        mean, gain = self._image_statistics(index)
        top, left, turn = move
        place = index, slice(top, top + self._rows), slice(left, left + self._columns)
        image = self.images.crop(*place)
        if self.in_pairs:
            noisy, clean = neighbor_pair(image, rng=rng, stride=self.stride)
        elif self.target is not None:
            noisy, clean = image, self.target.crop(*place)
        elif self.sigmas is not None:
            noisy, clean = image, random_step(image, PROBE * self.sigmas[index], rng)
        else:
            noisy, clean = self._noises[self.images.scales[index]](image, rng), image
            if self.normalized:
                # What the statistics of the whole image would be with this noise.
                noise = noisy - clean
                shift = float(noise.mean())
                variance = float(np.square(noise, out=noise).mean()) - shift**2
                mean += shift
                gain = math.sqrt(gain**2 + max(variance, 0.0))
        noisy, clean = (self._turned(self._filled(patch), turn) for patch in (noisy, clean))
        return noisy, clean, mean, gain

    def _image_statistics(self, index: int) -> tuple[float, float]:
        if not self.normalized:
            return 0.0, 1.0
        if index not in self._statistics:
            self._statistics[index] = statistics_of(self.images, index)
        return self._statistics[index]

    def _filled(self, patch: np.ndarray) -> np.ndarray:
        """Mirror a patch of an image that is smaller than a patch."""
        missing = self.height - patch.shape[0], self.width - patch.shape[1]
        if not any(missing):
            return patch
        return np.pad(patch, [(0, missing[0]), (0, missing[1]), (0, 0)], mode="symmetric")

    @staticmethod
    def _turned(patch: np.ndarray, turn: int) -> np.ndarray:
        """Turn or flip: all eight ways are flips of rows, of columns, and of the diagonal."""
        patch = patch[:: -1 if turn & 1 else 1, :: -1 if turn & 2 else 1]
        return patch.swapaxes(0, 1) if turn & 4 else patch

    def _batch(
        self,
        drawn: list[tuple[np.ndarray, np.ndarray, float, float]],
        rng: np.random.Generator,
        known_sigma: float,
    ) -> Batch:
        noisy = np.stack([item[0] for item in drawn])
        clean = np.stack([item[1] for item in drawn])
        # In the precision of the pixels, as for prediction; float64 takes three times as long.
        mean, gain = (
            np.array([item[part] for item in drawn], noisy.dtype)[:, None, None, None]
            for part in (2, 3)
        )
        # In shares of the range, so that squares neither overflow nor vanish.
        share = gain / self.data_range
        difference = np.subtract(noisy, clean, out=self._memory_like(noisy))
        difference /= self.data_range
        noise = np.sqrt(np.square(difference, out=difference).mean(axis=(1, 2, 3), keepdims=True))
        if self.sigmas is not None:
            noise /= PROBE
        # PSNR is a logarithm: little error on weak noise is worth as much as more on strong noise.
        weight = share / np.sqrt(noise + NOISE_FLOOR)
        weight = weight / np.sqrt(np.square(weight).mean())
        told = rng.random(noise.shape) < known_sigma
        sigma = np.zeros((*noisy.shape[:3], 1), np.float32)
        if known_sigma:
            sigma += np.where(told, noise / share, 0)
        for pixels in (noisy, clean):
            pixels -= mean
            pixels /= gain
        arrays = [noisy, clean, sigma, share, weight]
        return Batch(*(np.ascontiguousarray(array, dtype=np.float32) for array in arrays))

    def _memory_like(self, array: np.ndarray) -> np.ndarray:
        """Return memory for intermediate results; new pages cost more than the arithmetic."""
        if self._memory.shape != array.shape or self._memory.dtype != array.dtype:
            self._memory = np.empty_like(array)
        return self._memory
