"""Brightness curves on NumPy arrays: how they bend an image, its noise, and its mean.

A curve with the parameter r in [-1, 1] takes a value x of [0, 1] to x + r (x ** 2 - x), again and
again. It is monotone and keeps black and white; values beyond these stay as far beyond.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from scipy.optimize import bisect, brentq

from skdenoise._images import in_working_units
from skdenoise._unit_range import WHITE

BLOCK_PIXELS = 12288
"""Pixels that are bent at once, so that all intermediate results stay in the cache."""
PLACE, PLACES_PER_AXIS = 64, 16
"""Side of the squares in which pixels stand for a large image, and how many along each axis."""
SAMPLED_LINES = 128
"""About how many rows and columns of pixels that is."""
SATURATED = 4.0
"""Mean absolute parameter, if it were not kept within [-1, 1], beyond which no gain is sought."""
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

    @classmethod
    def of_output(
        cls, output: np.ndarray, shape: tuple[int, ...], reduction: int = 1, *, shared: bool
    ) -> "Curves":
        """Return the curves of an image of a shape; a network draws three for all channels.

        Parameters
        ----------
        output : ndarray of shape (h, w, 3 * n_curves)
            What the network returns.
        shape : tuple of int
            Height and width of the image come first.
        reduction : int, default=1
            Pixels of the image per pixel of the output, both ways.
        shared : bool
            Whether all channels take the mean of the three.
        """
        maps = output.reshape(*output.shape[:2], -1, 3)
        curves = cls(maps, shape[0], shape[1], reduction)
        return curves.shared() if shared else curves

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
        return replace(self, locality=locality, middle=self.mean() if mean is None else mean)

    def mean(self) -> np.ndarray:
        """Return the mean of the maps, (n_curves, C), over the pixels that stand for the image."""
        sums = self.maps
        for length, lines in zip(
            (self.height, self.width), sampled_lines(self.height, self.width), strict=True
        ):
            low, high, share = (item[lines] for item in _between(length, self.reduction))
            weights = np.bincount(low, 1 - share, len(sums))
            weights += np.bincount(high, share, len(sums))
            used = np.flatnonzero(weights)
            if used.size < len(sums):
                weights, sums = weights[used], sums[used]
            sums = np.tensordot(np.float32(weights / len(lines)), sums, 1)
        return sums

    def mixed(self, before: "Curves | None", share: float) -> "Curves":
        """Return the mean with curves of an earlier image of the same size, if there is one."""
        maps = self._applied(self.maps)
        if before is not None:
            maps += share * (before._applied(before.maps) - maps)
        return Curves(maps, self.height, self.width, self.reduction)

    def at(self, rows: slice | np.ndarray, columns: slice | np.ndarray = slice(None)) -> np.ndarray:
        """Return parameters of shape (n_rows, n_columns, n_curves, C) as they are applied."""
        if self.reduction == 1:
            return self._applied(self.maps[rows][:, columns])
        return self._applied(self.interpolated(rows, columns))

    def interpolated(
        self,
        rows: slice | np.ndarray,
        columns: slice | np.ndarray,
        out: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return what is between the maps of a coarser grid, in `out` where it is given."""
        low, high, share = (item[rows] for item in _between(self.height, self.reduction))
        wide = self._widened[:, columns]
        if out is None:
            out = np.empty((len(low), *wide.shape[1:]), np.float32)
        # Rows between the same two of the grid share what they are made of.
        for part in np.split(np.arange(len(low)), np.flatnonzero(np.diff(low)) + 1):
            band = slice(part[0], part[-1] + 1)
            before, after = wide[low[band.start]], wide[high[band.start]]
            np.multiply(share[band, None, None, None], after - before, out=out[band])
            out[band] += before
        return out

    @property
    def scale(self) -> float:
        """What the maps are multiplied by."""
        return self.factor * self.locality

    @property
    def offset(self) -> np.ndarray:
        """What is then added to them, of shape (n_curves, C)."""
        if self.middle is None:
            return np.zeros(self.maps.shape[2:], np.float32)
        return np.float32(self.factor * (1 - self.locality)) * self.middle

    @property
    def limit(self) -> float:
        """What they are kept within, both ways, after that."""
        return 1.0 if abs(self.factor) > 1 else np.inf

    @cached_property
    def _widened(self) -> np.ndarray:
        """The maps, interpolated along rows."""
        low, high, share = _between(self.width, self.reduction)
        # NumPy takes pixels with `take` faster than with an index.
        before, after = (np.take(self.maps, columns, axis=1) for columns in (low, high))
        after -= before
        after *= share[:, None, None]
        after += before
        return after

    def _applied(self, maps: np.ndarray) -> np.ndarray:
        """Return maps (h, w, n_curves, C) as they are applied; a fresh array."""
        applied = maps * np.float32(self.scale)
        applied += self.offset
        return np.clip(applied, -self.limit, self.limit, out=applied)


@lru_cache(maxsize=16)
def _between(length: int, reduction: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each pixel the two coarse pixels that it lies between, and how far along."""
    last = -(-length // reduction) - 1
    place = ((np.arange(length) + 0.5) / reduction - 0.5).clip(0, last)
    low = place.astype(int)
    return low, np.minimum(low + 1, last), (place - low).astype(np.float32)


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

    def taken(self, image: np.ndarray) -> np.ndarray:
        """Return an image as `enhanced` takes it: of its own dtype where it can, or as floats."""
        return image if image.dtype in (np.float32, np.float64) else in_working_units(image)

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
        self._fill(out, image, curves, top, left)
        return out

    def noise_gain(self, image: np.ndarray, curves: Curves) -> np.ndarray:
        """Return by what the noise's standard deviation is multiplied, of shape (H, W, 1).

        It is the slope of the curve; the root mean square of the channels, where they differ.
        """
        out = np.empty((*image.shape[:2], 1), np.float32)
        for rows in _blocks(image):
            out[rows] = self._noise_gain(image[rows], _curves_first(curves.at(rows)))
        return out

    def brightness(self, image: np.ndarray, curves: Curves) -> float:
        """Return the mean brightness that an image will have."""
        sample = _sample(image)
        maps = curves.at(*sampled_lines(*image.shape[:2]))
        return _mean(self._enhanced(sample, _curves_first(maps), sample))

    def gain_for(
        self, target: float, image: np.ndarray, curves: Curves, *, darken: bool = False
    ) -> float:
        """Return what `curves` must be multiplied by for an image of mean brightness `target`.

        Where no gain reaches it, the one that comes nearest; 0 leaves the image as it is, as for
        one that is as bright, unless it is to `darken`. It is smaller where highlights would be
        lost.
        """
        maps = replace(curves, factor=1.0).at(*sampled_lines(*image.shape[:2]))
        return self.gain_for_sample(target, _sample(image), maps, darken=darken)

    def gain_for_sample(
        self, target: float, sample: np.ndarray, maps: np.ndarray, *, darken: bool = False
    ) -> float:
        """Return the same for some pixels (h, w, C) and their curves (h, w, n_curves, C)."""
        if not darken and _mean(sample) >= target:
            return 0.0
        maps = np.ascontiguousarray(_curves_first(maps))

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
            # Curves that darken when they are strong may brighten when they are weaker.
            gain = gain if abs(excess(gain)) < abs(ends[0]) else 0.0
        return gain

    def _fill(
        self, out: np.ndarray, image: np.ndarray, curves: Curves, top: int, left: int
    ) -> None:
        """Do what `enhanced` says, a few rows at a time."""
        columns = slice(left, left + image.shape[1])
        for rows in _blocks(image):
            there = slice(top + rows.start, top + min(rows.stop, len(image)))
            self._enhanced(image[rows], _curves_first(curves.at(there, columns)), out[rows])

    def _enhanced(self, image: np.ndarray, maps: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Fill `out`, which may be `image` itself, and return it."""
        if self._by_ratio(image):
            brightness = _largest(image)
            before = np.clip(brightness, DARKEST, 1)
            ratio = self._bent(before.copy(), maps) / before
            # By rounding, the largest channel could come out a digit above white.
            return np.minimum(image * ratio, np.maximum(brightness, 1), out=out)
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
    """Return the mean of maps (h, w, n_curves, C), of shape (n_curves, C)."""
    flat = [part.reshape(-1, *part.shape[2:]) for part in parts]
    return np.concatenate(flat).mean(axis=0, dtype=np.float64).astype(np.float32)


def _sample(image: np.ndarray) -> np.ndarray:
    """Return the pixels that stand for an image, in working units."""
    rows, columns = sampled_lines(*image.shape[:2])
    return in_working_units(image[rows[:, None], columns])


def _mean(image: np.ndarray) -> float:
    return float(image.mean(dtype=np.float64))


def _clipped(image: np.ndarray) -> float:
    """Return the share of the pixels with a channel at white."""
    return float((_largest(image) >= WHITE).mean())


def _curves_first(maps: np.ndarray) -> np.ndarray:
    return np.moveaxis(maps, 2, 0)


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
    """Return the means of squares of `factor` pixels; those at the end are filled up by copies.

    In working units: of integers they are the exact sums, divided.
    """
    whole = image.dtype.kind in "iu"
    if factor == 1:
        return in_working_units(image) if whole else image
    height, width, n_channels = image.shape
    margin = -height % factor, -width % factor
    if any(margin):
        image = np.pad(image, [(0, margin[0]), (0, margin[1]), (0, 0)], mode="edge")
    height, width = image.shape[0] // factor, image.shape[1]
    white = int(np.iinfo(image.dtype).max) if whole else 1
    # NumPy adds the faster, the smaller the integers are.
    lines, squares = (np.min_scalar_type(white * n) if whole else None for n in (factor, factor**2))
    sums = np.add.reduce(image.reshape(height, factor, -1), axis=1, dtype=lines)
    sums = sums.reshape(height, width, n_channels)
    sums = np.add.reduceat(sums, np.arange(0, width, factor), axis=1, dtype=squares)
    return np.divide(sums, white * factor**2, dtype=np.float32 if whole else None)
