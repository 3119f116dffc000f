"""Brightness curves on NumPy arrays: how they bend an image, its noise, and its mean.

A curve with the parameter r in [-1, 1] takes a value x of [0, 1] to x + r (x ** 2 - x), again and
again. It is monotone and keeps black and white; values beyond these stay as far beyond.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from scipy.optimize import bisect, brentq

BLOCK_PIXELS = 12288
"""Pixels that are bent at once, so that all intermediate results stay in the cache."""
PLACE, PLACES_PER_AXIS = 64, 16
"""Side of the squares in which pixels stand for a large image, and how many along each axis."""
SAMPLED_LINES = 128
"""About how many rows and columns of pixels that is."""
SATURATED = 4.0
"""Mean absolute parameter, if it were not kept within [-1, 1], beyond which no gain is sought."""
WHITE = 254 / 255
"""A pixel with a channel from here on is clipped, or as good as."""
MOST_CLIPPED = 0.003
"""Share of the pixels that may become so for the sake of a wanted brightness."""
BELOW_WHITE = 253 / 255
"""The brightest that is not clipped, in whole gray levels."""
DARKEST = 1e-4
"""Brightness below which the ratio of after to before is that of this brightness."""


@dataclass(frozen=True)
class Curves:
    """The curves of one image, perhaps on a coarser grid.

    Attributes
    ----------
    maps : ndarray of shape (h, w, n_curves, C)
        Parameters; C is 1 where all channels share them.
    height, width : int
        Of the image.
    reduction : int, default=1
        Pixels of the image per pixel of the maps, both ways; between them is interpolated.
    factor : float, default=1.0
        What the maps are to be multiplied by, within [-1, 1].
    locality : float, default=1.0
        What their distance from the mean over the image is to be multiplied by, before.
    middle : ndarray of shape (n_curves, C), default=None
        That mean; None where it does not matter.
    """

    maps: np.ndarray
    height: int
    width: int
    reduction: int = 1
    factor: float = 1.0
    locality: float = 1.0
    middle: np.ndarray | None = None

    def times(self, factor: float) -> "Curves":
        """Return curves that are so many times as strong."""
        return replace(self, factor=self.factor * factor)

    def shared(self) -> "Curves":
        """Return the mean of the curves over the channels."""
        n_channels = self.maps.shape[-1]
        mean = sum(self.maps[..., channel, None] for channel in range(n_channels)) / n_channels
        return replace(self, maps=mean)

    def localized(self, locality: float, mean: np.ndarray | None = None) -> "Curves":
        """Return curves whose distance from their mean over the image is so many times as large.

        `mean` is that of a whole image of which these are a part.
        """
        if locality == 1:
            return self
        middle = self.mean() if mean is None else mean
        curves = replace(self, locality=locality, middle=middle)
        # Maps of every pixel are changed where they are applied, while they are in the cache.
        return curves if self.reduction == 1 else replace(self, maps=curves._final(), factor=1.0)

    def mean(self) -> np.ndarray:
        """Return the mean of the maps, (n_curves, C), over the pixels that stand for the image."""
        sums = self.maps
        for length, lines in zip(
            (self.height, self.width), sampled_lines(self.height, self.width), strict=True
        ):
            low, high, share = (item[lines] for item in _between(length, self.reduction))
            weights = np.bincount(low, 1 - share, len(sums))
            weights += np.bincount(high, share, len(sums))
            sums = np.tensordot(np.float32(weights / len(lines)), sums, 1)
        return sums

    def mixed(self, before: "Curves | None", share: float) -> "Curves":
        """Return the mean with curves of an earlier image of the same size, if there is one."""
        maps = self._final()
        if before is not None:
            maps += share * (before._final() - maps)
        return Curves(maps, self.height, self.width, self.reduction)

    def sampled(self) -> np.ndarray:
        """Return the parameters of the pixels that stand for the image, as `at` does."""
        return self.at(*sampled_lines(self.height, self.width))

    def at(self, rows: slice | np.ndarray, columns: slice | np.ndarray = slice(None)) -> np.ndarray:
        """Return parameters of shape (n_curves, n_rows, n_columns, C), a fresh array."""
        if self.reduction == 1:
            return self._strengthened(_curves_first(self.maps[rows][:, columns]))
        low, _, share = (item[rows] for item in _between(self.height, self.reduction))
        wide, steps = (item[:, :, columns] for item in self._widened)
        part = np.take(steps, low, axis=1, mode="clip")
        part *= share[:, None, None]
        for index in range(len(part)):
            part[index] += np.take(wide[index], low, axis=0, mode="clip")
        return self._strengthened(part)

    @cached_property
    def _widened(self) -> tuple[np.ndarray, np.ndarray]:
        """The maps, interpolated along rows, curves first, and what the next row adds."""
        low, high, share = _between(self.width, self.reduction)
        maps = _curves_first(self.maps)
        # NumPy takes pixels with `take` faster than with an index.
        wide, step = (np.take(maps, columns, axis=2, mode="clip") for columns in (low, high))
        step -= wide
        step *= share[:, None]
        wide += step
        return wide, np.diff(wide, axis=1, append=wide[:, -1:])

    @cached_property
    def _middle_row(self) -> np.ndarray:
        """What is added to each row, of shape (n_curves, width * C)."""
        assert self.middle is not None
        share = self.factor * (1 - self.locality)
        return np.tile(np.float32(share) * self.middle, self.width)

    def _final(self) -> np.ndarray:
        """Return the maps as they are applied, on their own grid; a fresh array."""
        maps = self._strengthened(_curves_first(self.maps))
        return np.ascontiguousarray(np.moveaxis(maps, 0, 2))

    def _strengthened(self, maps: np.ndarray) -> np.ndarray:
        """Change maps of shape (n_curves, n_rows, n_columns, C) to what is applied, in place."""
        scale = self.factor * self.locality
        if scale != 1:
            maps *= np.float32(scale)
        if self.middle is not None:
            # In whole rows: NumPy is slow at adding three channels to every pixel.
            rows = maps.reshape(*maps.shape[:2], -1)
            rows += self._middle_row[:, None, : rows.shape[-1]]
        if abs(self.factor) > 1:
            np.clip(maps, -1, 1, out=maps)
        return maps


@lru_cache(maxsize=16)
def _between(length: int, reduction: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each pixel the two coarse pixels that it lies between, and how far along."""
    last = -(-length // reduction) - 1
    place = ((np.arange(length) + 0.5) / reduction - 0.5).clip(0, last)
    low = place.astype(int)
    return low, np.minimum(low + 1, last), (place - low).astype(np.float32)


def _curves_first(part: np.ndarray) -> np.ndarray:
    """Copy (n_rows, n_columns, n_curves, C) to (n_curves, n_rows, n_columns, C)."""
    n_rows, n_columns, n_curves, n_channels = part.shape
    # One item for all channels of a pixel: NumPy is slow at many short rows.
    items = np.ascontiguousarray(part).view(f"V{n_channels * part.itemsize}")
    first = np.array(np.moveaxis(items[..., 0], -1, 0), order="C")
    return first.view(part.dtype).reshape(n_curves, n_rows, n_columns, n_channels)


@dataclass(frozen=True)
class Bending:
    """How curves are applied.

    Attributes
    ----------
    n_iterations : int
        How many times; where there are fewer curves, they come around again.
    protection : float
        In [0, 1]: how much weaker a curve is at white, by the factor 1 - protection * x at x.
    keep_hue : bool
        Whether the largest channel is bent and the others follow in proportion.
    """

    n_iterations: int = 8
    protection: float = 0.0
    keep_hue: bool = False

    def enhanced(
        self,
        image: np.ndarray,
        curves: Curves,
        *,
        top: int = 0,
        left: int = 0,
        out: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return a new image, of the dtype of `image`, shape (H, W, C).

        Its first pixel is at row `top` and column `left` of the curves. `out` is filled, where it
        is given, and may be `image` itself.
        """
        if out is None:
            out = np.empty(image.shape, image.dtype)
        columns = slice(left, left + image.shape[1])
        for rows in _blocks(image):
            there = slice(top + rows.start, top + min(rows.stop, len(image)))
            part = image[rows]
            self._enhanced(part, curves.at(there, columns), part if out is image else out[rows])
        return out

    def noise_gain(self, image: np.ndarray, curves: Curves) -> np.ndarray:
        """Return by what the noise's standard deviation is multiplied, of shape (H, W, 1).

        It is the slope of the curve; the root mean square of the channels, where they differ.
        """
        out = np.empty((*image.shape[:2], 1), np.float32)
        for rows in _blocks(image):
            out[rows] = self._noise_gain(image[rows], curves.at(rows))
        return out

    def brightness(self, image: np.ndarray, curves: Curves) -> float:
        """Return the mean brightness that an image will have."""
        sample = _sample(image)
        return _mean(self._enhanced(sample, curves.sampled(), sample))

    def gain_for(self, target: float, image: np.ndarray, curves: Curves) -> float:
        """Return what `curves` must be multiplied by for an image of mean brightness `target`.

        Where no gain reaches it, the one that comes nearest; 0 leaves the image as it is. It is
        smaller where highlights would be lost.
        """
        maps = replace(curves, factor=1.0).sampled()
        return self.gain_for_sample(target, _sample(image), maps)

    def gain_for_sample(self, target: float, sample: np.ndarray, maps: np.ndarray) -> float:
        """Return the same for some pixels (h, w, C) and their curves (n_curves, h, w, C)."""

        def bent(gain: float) -> np.ndarray:
            stronger = np.clip(np.float32(gain) * maps, -1, 1)
            return self._enhanced(sample, stronger, np.empty_like(sample))

        def excess(gain: float) -> float:
            return _mean(bent(gain)) - target

        def newly_clipped(gain: float) -> float:
            return _clipped(bent(gain)) - most

        most = _clipped(sample) + MOST_CLIPPED
        largest = SATURATED / max(float(np.abs(maps).mean()), 1e-6)
        ends = excess(0.0), excess(largest)
        if ends[0] * ends[1] > 0:
            gain = largest if abs(ends[1]) < abs(ends[0]) else 0.0
        else:
            gain = float(brentq(excess, 0.0, largest, xtol=1e-4 * largest, rtol=1e-4))
        if newly_clipped(gain) > 0:
            step = 1e-4 * gain
            gain = max(0.0, float(bisect(newly_clipped, 0.0, gain, xtol=step)) - step)
        return gain

    def _enhanced(self, image: np.ndarray, maps: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Fill `out`, which may be `image` itself, and return it."""
        if self._by_ratio(image):
            brightness = _largest(image)
            before = np.clip(brightness, DARKEST, 1)
            ratio = self._bent(before.copy(), maps) / before
            # By rounding, the largest channel could come out a digit above white.
            return np.minimum(image * ratio, np.maximum(brightness, 1), out=out)
        if _is_within_range(image):
            if out is not image:
                out[...] = image
            return self._bent(out, maps)
        before = np.clip(image, 0, 1)
        np.subtract(image, before, out=out)
        out += self._bent(before, maps)
        return out

    def _noise_gain(self, image: np.ndarray, maps: np.ndarray) -> np.ndarray:
        if not self._by_ratio(image):
            slopes = np.where(
                (image >= 0) & (image <= 1), self._slope(np.clip(image, 0, 1), maps), 1
            )
            return _root_mean_square(slopes)
        brightness = _largest(image)
        before = np.clip(brightness, DARKEST, 1)
        ratio = self._bent(before.copy(), maps) / before
        slope = self._slope(before, maps)
        # Noise of the largest channel moves the ratio, and with it all channels.
        moved = np.square(image * (slope - ratio) / before).sum(axis=-1, keepdims=True)
        n_channels = image.shape[-1]
        others = (n_channels - 1) * np.square(ratio)
        largest = np.square(slope)
        rest = np.maximum(moved - np.square(slope - ratio), 0)
        return np.sqrt((others + largest + rest) / n_channels)

    def _by_ratio(self, image: np.ndarray) -> bool:
        return self.keep_hue and image.shape[-1] > 1

    def _bent(self, x: np.ndarray, maps: np.ndarray) -> np.ndarray:
        """Bend values of [0, 1] in place."""
        step = np.empty_like(x)
        for index in range(self.n_iterations):
            np.multiply(x, x, out=step)
            step -= x
            if self.protection:
                step *= 1 - self.protection * x
            step *= maps[index % len(maps)]
            x += step
        return x

    def _slope(self, x: np.ndarray, maps: np.ndarray) -> np.ndarray:
        """Return the derivative of what `_bent` does: the product of those of all steps."""
        x, product = x.copy(), np.ones_like(x)
        protection = self.protection
        for index in range(self.n_iterations):
            r = maps[index % len(maps)]
            product *= 1 + r * (2 * x - 1 - protection * (3 * x - 2) * x)
            x += r * (x * x - x) * (1 - protection * x)
        return product


def places(length: int) -> list[slice]:
    """Return the parts of an axis in which lines are sampled: all of it, unless it is long."""
    last = PLACES_PER_AXIS - 1
    if length <= PLACE * PLACES_PER_AXIS:
        starts = list(range(0, length, PLACE))
    else:
        starts = [index * (length - PLACE) // last for index in range(PLACES_PER_AXIS)]
    return [slice(start, min(start + PLACE, length)) for start in starts]


def sampled_within(place: slice, length: int) -> np.ndarray:
    """Return the lines of a part of an axis that stand for all."""
    step = max(1, min(length, PLACE * PLACES_PER_AXIS) // SAMPLED_LINES)
    return np.arange(place.start, place.stop, step)


def sampled_lines(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and columns whose pixels stand for an image."""
    rows, columns = (
        np.concatenate([sampled_within(place, length) for place in places(length)])
        for length in (height, width)
    )
    return rows, columns


def mean_of_maps(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Return the mean of maps (n_curves, ..., C), of shape (n_curves, C)."""
    flat = [part.reshape(len(part), -1, part.shape[-1]) for part in parts]
    return np.concatenate(flat, axis=1).mean(axis=1, dtype=np.float64).astype(np.float32)


def _sample(image: np.ndarray) -> np.ndarray:
    """Return the pixels that stand for an image."""
    rows, columns = sampled_lines(*image.shape[:2])
    return image[rows[:, None], columns]


def _mean(image: np.ndarray) -> float:
    return float(image.mean(dtype=np.float64))


def _clipped(image: np.ndarray) -> float:
    """Return the share of the pixels with a channel at white."""
    return float((_largest(image) >= WHITE).mean())


def _is_within_range(image: np.ndarray) -> bool:
    """Tell whether all pixels lie in [0, 1], in one pass over integers, which are compared faster.

    The bits of floats are in order as unsigned integers; those below 0, and NaN, are the largest.
    """
    bits = np.dtype(f"u{image.itemsize}")
    return bool(image.view(bits).max() <= np.ones(1, image.dtype).view(bits)[0])


def _largest(image: np.ndarray) -> np.ndarray:
    """Return the largest channel, of shape (H, W, 1)."""
    brightness = image[..., :1]
    for channel in range(1, image.shape[-1]):
        brightness = np.maximum(brightness, image[..., channel, None])
    return brightness


def _root_mean_square(values: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(values).mean(axis=-1, keepdims=True))


def _blocks(image: np.ndarray) -> Iterator[slice]:
    n_rows = max(1, BLOCK_PIXELS // image.shape[1])
    return (slice(top, top + n_rows) for top in range(0, len(image), n_rows))


def reduced(image: np.ndarray, factor: int) -> np.ndarray:
    """Return the means of squares of `factor` pixels; those at the end are filled up by copies."""
    if factor == 1:
        return image
    height, width, n_channels = image.shape
    margin = -height % factor, -width % factor
    if any(margin):
        image = np.pad(image, [(0, margin[0]), (0, margin[1]), (0, 0)], mode="edge")
    height, width = (height + margin[0]) // factor, (width + margin[1]) // factor
    sums = image.reshape(height, factor, -1).sum(axis=1)
    return sums.reshape(height, width, factor, n_channels).sum(axis=2) / factor**2
