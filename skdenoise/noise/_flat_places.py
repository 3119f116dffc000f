"""What the flat places of an image tell of its noise: how strong it is, and how correlated."""

import functools
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_WINDOW = 7
"""Side of the window over which the gradient tells how flat a place is."""

_WHITE = {1: (6.98, 0.9955), 2: (7.31, 1.0)}
"""What white noise of variance one does, in images of one and of two dimensions: the mean squared
central difference in a window that it rarely exceeds (four standard deviations above the mean), and
the standard deviation of the residual where it stays below."""
ENOUGH_PIXELS = 4096
"""So many tell the deviation of a part."""
CACHED_PIXELS = 40_000
"""So many are measured at once, that all intermediate results stay in the cache."""


@dataclass(frozen=True)
class Pixels:
    """What the estimate needs to know about each pixel, in no order.

    Attributes
    ----------
    residual : ndarray
        What the second difference (along both axes) leaves, scaled to keep white noise.
    lightness : ndarray
        Mean with the next pixels, which white noise moves independently of the residual.
    gradient : ndarray
        Mean squared gradient in the window around.
    n_axes : int
        Axes along which there are differences, 0 where the image is too small.
    """

    residual: np.ndarray
    lightness: np.ndarray
    gradient: np.ndarray
    n_axes: int

    @classmethod
    def together(cls, parts: Sequence["Pixels"]) -> "Pixels":
        """Return the pixels of all parts of an image."""
        return cls(
            np.concatenate([part.residual for part in parts]),
            np.concatenate([part.lightness for part in parts]),
            np.concatenate([part.gradient for part in parts]),
            max(part.n_axes for part in parts),
        )

    @classmethod
    def of(cls, planes: list[np.ndarray], stride: int) -> "Pixels":
        """Measure on every pixel that is `stride` apart, on all sub-lattices of that kind."""
        axes = [axis for axis in (0, 1) if planes[0].shape[axis] >= 3]
        if not axes or any(planes[0].shape[axis] < 3 * stride for axis in axes):
            return cls(np.empty(0), np.empty(0), np.empty(0), 0)
        low, high = min(map(np.min, planes)), max(map(np.max, planes))
        starts = [range(stride) if axis in axes else range(1) for axis in (0, 1)]
        steps = [stride if axis in axes else 1 for axis in (0, 1)]
        found = []
        for plane in planes:
            for row in starts[0]:
                for column in starts[1]:
                    sub = plane[row :: steps[0], column :: steps[1]]
                    found.append([part.ravel() for part in _measured(sub, axes, low, high)])
        return cls._usable(map(np.concatenate, zip(*found, strict=True)), len(axes))

    @classmethod
    def of_each(cls, planes: np.ndarray) -> list["Pixels"]:
        """Measure on pixels of each of some planes, (n, h, w), from everywhere."""
        found = []
        n_together = max(1, CACHED_PIXELS // planes[0].size)
        for first in range(0, len(planes), n_together):
            some = planes[first : first + n_together]
            low, high = (extreme(some, axis=(1, 2), keepdims=True) for extreme in (np.min, np.max))
            flat = (part.reshape(len(some), -1) for part in _measured(some, [0, 1], low, high))
            found += [cls._usable(parts, 2, ENOUGH_PIXELS) for parts in zip(*flat, strict=True)]
        return found

    @classmethod
    def _usable(
        cls, parts: Iterable[np.ndarray], n_axes: int, enough: int | None = None
    ) -> "Pixels":
        """Leave out pixels whose gradient is infinite, unless there are hardly others.

        Of the others, take one in so many that about `enough` remain.
        """
        residual, lightness, gradient = parts
        usable = np.isfinite(gradient)
        n_usable = int(np.count_nonzero(usable))
        if n_usable < 0.05 * usable.size:
            gradient, n_usable = np.where(usable, gradient, 0), usable.size
        step = 1 if enough is None else 1 + n_usable // enough
        taken: Any = slice(None, None, step)
        if n_usable < usable.size:
            taken = np.flatnonzero(usable)[taken]
        return cls(residual[taken], lightness[taken], gradient[taken], n_axes)

    def some(self, which: np.ndarray) -> "Pixels":
        """Return those with these indices."""
        return type(self)(
            self.residual[which], self.lightness[which], self.gradient[which], self.n_axes
        )

    def median_sigma(self) -> float:
        """Return what the median absolute deviation of all pixels says."""
        return float(_robust(self.residual)) if self.n_axes else np.nan

    def flat_sigma(self, least: float) -> float:
        """Return what flat places say: where no more than noise is seen.

        They make up a part of at least `least` of the pixels.
        """
        return float(flat_sigmas([self], least)[0])

    def sigma_by_lightness(self, sigma: float) -> np.ndarray:
        """Return what flat places say, from the darkest to the lightest quarter of them."""
        flat = self.flat(sigma, 0.05)
        flat = flat[:: 1 + flat.size // (4 * ENOUGH_PIXELS)]
        borders = [flat.size * part // 4 for part in (1, 2, 3)]
        flat = flat[np.argpartition(self.lightness[flat], borders)]
        quarters = np.split(np.square(self.residual[flat]), borders)
        return np.array([math.sqrt(part.mean()) for part in quarters])

    def flat(self, sigma: float, least: float) -> np.ndarray:
        """Return the indices of pixels around which there is no more than noise, or the flattest.

        They make up at least a part of `least`.
        """
        limit, _ = _WHITE[self.n_axes]
        flat = np.flatnonzero(self.gradient <= limit * sigma**2)
        n_least = int(least * self.gradient.size)
        if flat.size < n_least:
            flat = np.argpartition(self.gradient, n_least)[:n_least]
        return flat

    def compressed_sigma(self) -> float:
        """Return what all pixels say where compression has emptied the flat places."""
        return min(self.median_sigma(), 2 * self.flat_sigma(0.25))


def flat_sigmas(parts: Sequence[Pixels], least: float) -> np.ndarray:
    """Return `flat_sigma` of each part, at once."""
    n_axes = parts[0].n_axes
    if not n_axes:
        return np.full(len(parts), np.nan)
    limit, spread = _WHITE[n_axes]
    # Shorter rows end with pixels that are never flat.
    shape = len(parts), max(part.residual.size for part in parts)
    gradient = np.full(shape, np.inf, parts[0].gradient.dtype)
    square = np.zeros(shape, parts[0].residual.dtype)
    sigma, flattest = np.empty((2, len(parts)))
    for row, part in enumerate(parts):
        n_pixels = part.residual.size
        gradient[row, :n_pixels] = part.gradient
        np.square(part.residual, out=square[row, :n_pixels])
        count = min(max(int(least * n_pixels), 200), n_pixels)
        flattest[row] = np.partition(part.gradient, count - 1)[count - 1]
        sigma[row] = _robust(part.residual)
    rows = np.arange(len(parts))
    for _ in range(20):
        textured = limit * sigma[rows] ** 2 <= flattest[rows]
        for row in rows[textured]:
            part = parts[row]
            sigma[row] = _robust(part.residual[part.gradient <= flattest[row]])
        rows = rows[~textured]
        if not rows.size:
            break
        before = sigma[rows]
        seen = gradient[rows] <= limit * before[:, None] ** 2
        sums = np.einsum("ij,ij->i", square[rows], seen)
        sigma[rows] = np.sqrt(sums / seen.sum(axis=1)) / spread
        rows = rows[np.abs(sigma[rows] - before) > 1e-3 * before]
    return sigma


def _robust(residual: np.ndarray) -> Any:
    """Return the standard deviation of Gaussian values from their median magnitude, by row."""
    magnitude, half = np.abs(residual), residual.shape[-1] // 2
    # NumPy's median looks for two places at once, which takes six times as long.
    magnitude.partition(half, axis=-1)
    median = magnitude[..., half]
    if residual.shape[-1] % 2 == 0:
        median = (magnitude[..., :half].max(axis=-1) + median) / 2
    return median / 0.6744897501960817


def _measured(planes: np.ndarray, axes: list[int], low: Any, high: Any) -> list[np.ndarray]:
    """Return what `Pixels` has, (..., h, w) without the border.

    The gradient is infinite where nothing is told of the noise: by saturation, and in windows of
    one value, which was filled in.
    """
    residual, lightness, gradient = _differences(planes, axes)
    untold = _saturates(planes, low, high) | (gradient == 0)
    if untold.any():
        gradient[untold] = np.inf
    inside = tuple(slice(1, -1) if axis in axes else slice(None) for axis in (0, 1))
    return [part[(..., *inside)] for part in (residual, lightness, gradient)]


def _differences(planes: np.ndarray, axes: list[int]) -> list[np.ndarray]:
    """Return the second difference of unit gain, the mean and the mean squared gradient around.

    The axes are counted from the one before the last.
    """
    # Beyond the border, the image is mirrored. All of it is one row: a step along an axis is one
    # along that row, and NumPy is faster than with many rows. What wraps around is left out.
    margin = _WINDOW // 2 + 1
    wide = _mirrored(planes, axes, margin)
    steps = {axis: (wide.shape[-1], 1)[axis] for axis in axes}
    row = wide.ravel()
    residual = lightness = row
    energy: Any = 0.0
    for step in steps.values():
        before, here, after = (_shifted(residual, i * step, 2 * step) for i in range(3))
        residual = before + after
        residual -= here
        residual -= here
        before, here, after = (_shifted(lightness, i * step, 2 * step) for i in range(3))
        lightness = before + here
        lightness += after
        gradient = _shifted(row, 2 * step, 2 * step) - _shifted(row, 0, 2 * step)
        others = sum(steps.values()) - step
        gradient = _shifted(gradient, others, 2 * others)
        energy = energy + gradient * gradient
    residual *= 6 ** (-len(axes) / 2)
    lightness /= 3 ** len(axes)
    energy = _window_mean(energy, steps.values())
    first = (margin - 1) * sum(steps.values())
    return [_unrolled(item, planes, wide) for item in (residual[first:], lightness[first:], energy)]


def _mirrored(planes: np.ndarray, axes: Sequence[int], margin: int) -> np.ndarray:
    if any(planes.shape[axis - 2] < margin for axis in axes):
        margins = [(margin, margin) if axis in axes else (0, 0) for axis in (0, 1)]
        return np.pad(planes, [(0, 0)] * (planes.ndim - 2) + margins, mode="symmetric")
    # np.pad takes five times as long.
    down, across = (margin if axis in axes else 0 for axis in (0, 1))
    height, width = planes.shape[-2:]
    wide = np.empty((*planes.shape[:-2], height + 2 * down, width + 2 * across), planes.dtype)
    wide[..., down : down + height, across : across + width] = planes
    for side, first in ((wide, down), (wide.swapaxes(-1, -2), across)):
        if first:
            side[..., :first, :] = side[..., 2 * first - 1 : first - 1 : -1, :]
            side[..., -first:, :] = side[..., -first - 1 : -2 * first - 1 : -1, :]
    return wide


def _unrolled(row: np.ndarray, planes: np.ndarray, wide: np.ndarray) -> np.ndarray:
    """Return a view with the shape of `planes` of what begins with its first pixel."""
    strides = [step // wide.itemsize * row.itemsize for step in wide.strides]
    return np.lib.stride_tricks.as_strided(row, planes.shape, strides)


def _shifted(row: np.ndarray, start: int, less: int) -> np.ndarray:
    """Return what begins at `start`, and is so much shorter."""
    return row[start : start + len(row) - less]


def _window_mean(row: np.ndarray, steps: Collection[int]) -> np.ndarray:
    """Return the means of all whole windows of what lies in a row."""
    for step in steps:
        two = _shifted(row, 0, step) + _shifted(row, step, step)
        four = _shifted(two, 0, 2 * step) + _shifted(two, 2 * step, 2 * step)
        row = _shifted(row, 6 * step, 6 * step) + _shifted(two, 4 * step, 5 * step)
        row += _shifted(four, 0, 3 * step)
    row /= _WINDOW ** len(steps)
    return row


def _saturates(plane: np.ndarray, low: Any, high: Any) -> np.ndarray:
    """Tell where more than a twentieth of the window is at the image's darkest or brightest."""
    extreme = (plane <= low) | (plane >= high)
    extreme &= np.count_nonzero(extreme, axis=(-2, -1), keepdims=True) > 2
    if not extreme.any():
        return extreme
    wide = _mirrored(extreme.astype(np.float32), [0, 1], _WINDOW // 2)
    return _unrolled(_window_mean(wide.ravel(), (wide.shape[-1], 1)), plane, wide) > 0.05


def correlation_of_neighbors(planes: list[np.ndarray]) -> np.ndarray:
    """Return the correlation of vertical and of horizontal neighbors in the flattest blocks."""
    height, width = planes[0].shape
    n_rows, n_columns = (1, 64) if height == 1 else (64, 1) if width == 1 else (8, 8)
    if height < n_rows or width < n_columns:
        return np.full(2, np.nan)
    blocks = np.concatenate([blocks_of(plane, n_rows, n_columns) for plane in planes])
    blocks = blocks.reshape(len(blocks), -1)
    basis = _planes(n_rows, n_columns)
    blocks = blocks - (blocks @ basis) @ basis.T
    variance = np.einsum("ij,ij->i", blocks, blocks) / blocks.shape[1]
    order = np.argsort(variance)[np.count_nonzero(variance <= 1e-12 * variance.max()) :]
    if not order.size:
        return np.zeros(2)
    flattest = blocks[order[: max(4, order.size // 10)]].reshape(-1, n_rows, n_columns)
    basis = basis.T.reshape(-1, n_rows, n_columns)
    variance = (flattest**2).mean() / (1 - len(basis) / blocks.shape[1])
    result = np.full(2, np.nan)
    for axis, length in enumerate((n_rows, n_columns)):
        if length > 1:
            # Removing the plane makes neighbors of white noise opposite; add that back.
            lost = products_of_neighbors(basis, axis).sum(axis=0).mean()
            result[axis] = products_of_neighbors(flattest, axis).mean() / variance + lost
    # The flattest blocks, less their planes, hold only so much of the correlation of all.
    return np.clip(result / (0.75 if np.isfinite(result).all() else 0.9), -1, 1)


@functools.cache
def _planes(n_rows: int, n_columns: int) -> np.ndarray:
    """Return an orthonormal basis of the planes over a block, (pixels, at most 3)."""
    rows, columns = np.mgrid[:n_rows, :n_columns].reshape(2, -1)
    plane = np.stack([np.ones(rows.size), rows, columns], axis=1)
    basis, sizes, _ = np.linalg.svd(plane, full_matrices=False)
    return basis[:, sizes > 1e-9]


def blocks_of(image: np.ndarray, n_rows: int, n_columns: int) -> np.ndarray:
    """Cut (H, W, ...) into blocks, (n, n_rows, n_columns, ...); what is left over is dropped."""
    down, across = image.shape[0] // n_rows, image.shape[1] // n_columns
    cut = image[: down * n_rows, : across * n_columns]
    cut = cut.reshape(down, n_rows, across, n_columns, *image.shape[2:]).swapaxes(1, 2)
    return cut.reshape(down * across, n_rows, n_columns, *image.shape[2:])


def products_of_neighbors(stack: np.ndarray, axis: int) -> np.ndarray:
    """Return the product of each value and the next along `axis` of every image of a stack."""
    if axis == 0:
        return stack[:, 1:] * stack[:, :-1]
    return stack[:, :, 1:] * stack[:, :, :-1]
