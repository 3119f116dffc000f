"""`estimate_noise`: how strong the noise of an image is, from that image alone."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from skdenoise._images import Images, read_images
from skdenoise._tiling import windows
from skdenoise._validation import Interval

_WINDOW = 7
"""Side of the window over which the gradient tells how flat a place is."""

_WHITE = {1: (6.98, 0.9955), 2: (7.31, 1.0)}
"""What white noise of variance one does, in images of one and of two dimensions: the mean squared
central difference in a window that it rarely exceeds (four standard deviations above the mean), and
the standard deviation of the residual where it stays below."""


CELLS_PER_AXIS = 4
"""Into so many parts both ways is an image cut to see whether its noise is the same everywhere."""
SMALLEST_CELL, LARGEST_CELL = 24, 96
"""Rows and columns of a part: from fewer its noise cannot be told, and more are not needed."""
LEAST_IN_PLACES, MOST_IN_PLACES = 0.9, 1.15
"""Noise of the parts, but for a quarter of them, as a multiple of that of all flat places."""
EVEN_IN_LIGHT = 1.12
"""How much more noise there may be in a lightness than in another."""
WHITE = 0.1
"""Mean correlation of neighbors up to which noise is as good as white."""
ENOUGH_PIXELS = 4096
"""So many tell the deviation of a part."""
CACHED_PIXELS = 20_000
"""So many are measured at once, that all intermediate results stay in the cache."""


@dataclass(frozen=True, eq=False, repr=False)
class NoiseEstimate:
    """The noise of some images, in each image's own units (gray levels for integers).

    Attributes
    ----------
    sigma : ndarray of shape (n_images,)
        Standard deviation of the noise, the recommended value: that of stride 1 where the noise
        is white, near that of the largest stride where it is correlated.
        NaN for an image too small to tell, less than 3 pixels both ways.
    sigma_per_stride : ndarray of shape (n_images, max_stride)
        The same measured on every pixel, every second one, and so on; equal for white noise,
        growing for correlated noise. NaN where fewer than 3 such pixels fit in the image.
    correlation : ndarray of shape (n_images, 2)
        Correlation of the noise of vertical and of horizontal neighbors; 0 for white noise.
        NaN where the image is too small.
    correlated : ndarray of bool of shape (n_images,)
        Whether the noise is not white, as after demosaicing, scaling or compression.
    """

    sigma: np.ndarray
    sigma_per_stride: np.ndarray
    correlation: np.ndarray
    correlated: np.ndarray

    def __repr__(self) -> str:
        """Return the arrays with three digits."""
        with np.printoptions(precision=3, suppress=True, threshold=24):
            fields = (self.sigma, self.sigma_per_stride, self.correlation, self.correlated)
            names = ("sigma", "sigma_per_stride", "correlation", "correlated")
            width = max(map(len, names))
            lines = (
                f"  {name:{width}} = " + str(values).replace("\n", "\n" + " " * (width + 5))
                for name, values in zip(names, fields, strict=True)
            )
            return "NoiseEstimate:\n" + "\n".join(lines)


def estimate_noise(
    X: Any, *, image_shape: tuple[int, ...] | None = None, max_stride: int = 4
) -> NoiseEstimate:
    """Estimate the standard deviation of the noise of every image.

    Parameters
    ----------
    X : array of shape (n_images, height, width[, n_channels]), sequence of arrays, or table
        The noisy images.
    image_shape : tuple or None, default=None
        Shape (height, width) or (height, width, n_channels) of the images in the rows of a table;
        None means 1 x n_features.
    max_stride : int, default=4
        Largest distance of the pixels that are compared, from 1 to 16.

    Returns
    -------
    NoiseEstimate
        Arrays `sigma`, `sigma_per_stride`, `correlation` and `correlated`, a row per image, in
        the image's own units; of color images the root mean square over the channels.

    Raises
    ------
    ValueError, TypeError
        Where `X` does not hold images or `max_stride` is out of range.

    See Also
    --------
    skdenoise.noise.NoiseInjector : The way there: images with noise of a known strength.

    Notes
    -----
    The mask [[1, -2, 1], [-2, 4, -2], [1, -2, 1]] / 6 removes what is smooth and keeps the
    standard deviation of white noise [1]_. It is applied everywhere, and its root mean square
    taken where the image is flat: where the gradient in a 7 x 7 window is no stronger than
    noise of the present estimate explains, starting with the median absolute deviation of
    all pixels and repeated until nothing changes, in the spirit of [2]_. Windows where the
    image saturates are left out. At least the flattest twentieth of the windows is used.

    Camera noise is correlated, and neighbors then tell much too little. So the same is
    measured on each sub-lattice of every second pixel, third and so on, where correlation
    fades, while texture grows. The correlation of neighbors is that of the flattest tenth of
    8 x 8 blocks after removal of a plane. Noise counts as correlated where its mean exceeds 0.2
    and the second stride exceeds the first by as much as this correlation explains; `sigma` is
    then the value of the last stride, but no more than the first and the correlation explain,
    unless the second stride already contradicts that.

    JPEG empties flat places, so that hardly any noise is left there. Such images count as
    correlated too, and every stride uses the median absolute deviation of all its pixels,
    but at most twice what the flattest quarter says: rather too much than too little, also
    on clean photographs that went through JPEG, where noise and texture look the same.

    Images of more than 2**20 pixels are judged by a grid of 16 windows.

    References
    ----------
    .. [1] J. Immerkaer, "Fast Noise Variance Estimation", Computer Vision and Image
       Understanding 64(2), 1996.
    .. [2] X. Liu, M. Tanaka and M. Okutomi, "Single-Image Noise Level Estimation for Blind
       Denoising", IEEE Transactions on Image Processing 22(12), 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import estimate_noise, gaussian
    >>> ramp = np.linspace(0, 1, 64) * np.ones((64, 1))
    >>> noisy = gaussian(ramp, sigma=0.1, rng=np.random.default_rng(0))
    >>> estimate = estimate_noise(noisy[None])
    >>> print(f"{estimate.sigma[0]:.2f}", estimate.correlated[0])
    0.10 False
    """
    if not Interval(Integral, 1, 16).accepts(max_stride):
        msg = f"max_stride must be an int in the range [1, 16]. Got {max_stride!r} instead."
        raise ValueError(msg)
    images = read_images(X, image_shape)
    rows = [_estimate_one(_tiles(images, index), max_stride) for index in range(len(images))]
    sigma, per_stride, correlation, correlated = map(np.array, zip(*rows, strict=True))
    scales = np.array(images.scales)
    return NoiseEstimate(sigma * scales, per_stride * scales[:, None], correlation, correlated)


def _tiles(images: Images, index: int) -> list[np.ndarray]:
    """Return the image, or where it is large a grid of windows, float64."""
    cuts = windows(*images.shapes[index][:2])
    return [images.crop(index, *cut).astype(np.float64) for cut in cuts]


def even_sigma(pixels: Sequence[np.ndarray]) -> float:
    """Return the deviation of noise that is white, and equally strong everywhere.

    Parameters
    ----------
    pixels : sequence of ndarray of shape (h, w, C)
        The image, or some windows of it.

    Returns
    -------
    float
        It is 0 where the image may have other noise, or none, or is too small to tell.
    """
    n_cells = CELLS_PER_AXIS if len(pixels) == 1 else 1
    cells = [_middle(cell) for window in pixels for cell in _cells(window, n_cells)]
    height, width = (min(cell.shape[axis] for cell in cells) for axis in (0, 1))
    if min(height, width) < SMALLEST_CELL:
        return 0.0
    channels = np.moveaxis(np.stack([cell[:height, :width] for cell in cells]), -1, 0)
    parts = [part.thinned() for planes in channels for part in _Pixels.of_each(planes)]
    together = _Pixels.together(parts)
    sigma = together.flat_sigma(0.05)
    if not sigma > 0:
        return 0.0
    # Where much of a part is texture, it seems to have more noise than it has.
    low, high = np.quantile(_flat_sigmas(parts, 0.05), (0.25, 0.75))
    if low < LEAST_IN_PLACES * sigma or high > MOST_IN_PLACES * sigma:
        return 0.0
    bands = together.sigma_by_lightness(sigma)
    if bands.max() > EVEN_IN_LIGHT * bands.min():
        return 0.0
    correlation = float(np.mean([_correlation(list(planes)) for planes in channels]))
    return sigma if correlation <= WHITE else 0.0


def _cells(window: np.ndarray, n_per_axis: int) -> list[np.ndarray]:
    """Cut a window into so many parts each way."""
    return [
        cell
        for row in np.array_split(window, n_per_axis)
        for cell in np.array_split(row, n_per_axis, axis=1)
    ]


def _middle(cell: np.ndarray) -> np.ndarray:
    top, left = (max(0, (length - LARGEST_CELL) // 2) for length in cell.shape[:2])
    return cell[top : top + LARGEST_CELL, left : left + LARGEST_CELL]


class Estimate(NamedTuple):
    """What `NoiseEstimate` says of one image."""

    sigma: float
    per_stride: np.ndarray
    correlation: np.ndarray
    correlated: bool


def estimate_of_windows(pixels: Sequence[np.ndarray]) -> Estimate:
    """Judge an image of which there are windows."""
    return _estimate_one([window.astype(np.float64) for window in pixels], 4)


def _estimate_one(tiles: list[np.ndarray], max_stride: int) -> Estimate:
    channels = [[tile[..., c] for tile in tiles] for c in range(tiles[0].shape[-1])]
    strides = range(1, max_stride + 1)
    flat = _over_channels(channels, strides, lambda pixels: pixels.flat_sigma(0.05))
    if not np.isfinite(flat[0]):
        return Estimate(np.nan, flat, np.full(2, np.nan), False)
    correlation = np.mean([_correlation(planes) for planes in channels], axis=0)
    known = correlation[np.isfinite(correlation)]
    mean = known.mean() if known.size else 0.0
    if mean <= 0.2:
        return Estimate(flat[0], flat, correlation, False)
    last = np.flatnonzero(np.isfinite(flat))[-1]
    near, far = flat[min(1, last)], flat[last]
    apart = near > (1 + 1.5 * mean) ** (known.size / 2) * flat[0]
    everywhere = _over_channels(channels, [1], _Pixels.median_sigma)[0]
    if flat[0] < 0.25 * everywhere or (far > 5 * flat[0] and mean > 0.65 and not apart):
        compressed = _over_channels(channels, strides, _Pixels.compressed_sigma)
        return Estimate(compressed[last], compressed, correlation, True)
    if apart:
        explained = flat[0] * _damping(mean)
        sigma = far if near > 2 * explained else min(far, explained)
        return Estimate(sigma, flat, correlation, True)
    return Estimate(flat[0], flat, correlation, False)


def _damping(correlation: float) -> float:
    """Return by how much the mask damps noise of that correlation, filtered by a Gaussian."""
    lag_1 = min(max(correlation, 0.0), 0.9)  # then that of lag 2 is its fourth power
    return 1 / (1 - 4 / 3 * lag_1 + lag_1**4 / 3)


def _over_channels(
    channels: list[list[np.ndarray]],
    strides: Iterable[int],
    measure: Callable[["_Pixels"], float],
) -> np.ndarray:
    """Return the root mean square over the channels of what is measured, for each stride."""
    values = [[measure(_Pixels.of(planes, k)) for planes in channels] for k in strides]
    return np.sqrt(np.mean(np.square(values), axis=1))


@dataclass(frozen=True)
class _Pixels:
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
    def together(cls, parts: Sequence["_Pixels"]) -> "_Pixels":
        """Return the pixels of all parts of an image."""
        return cls(
            np.concatenate([part.residual for part in parts]),
            np.concatenate([part.lightness for part in parts]),
            np.concatenate([part.gradient for part in parts]),
            max(part.n_axes for part in parts),
        )

    @classmethod
    def of(cls, planes: list[np.ndarray], stride: int) -> "_Pixels":
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
    def of_each(cls, planes: np.ndarray) -> list["_Pixels"]:
        """Measure on every pixel of each of some planes, (n, h, w)."""
        found = []
        n_together = max(1, CACHED_PIXELS // planes[0].size)
        for first in range(0, len(planes), n_together):
            some = planes[first : first + n_together]
            low, high = (extreme(some, axis=(1, 2), keepdims=True) for extreme in (np.min, np.max))
            flat = (part.reshape(len(some), -1) for part in _measured(some, [0, 1], low, high))
            found += [cls._usable(parts, 2) for parts in zip(*flat, strict=True)]
        return found

    @classmethod
    def _usable(cls, parts: Iterable[np.ndarray], n_axes: int) -> "_Pixels":
        """Leave out pixels whose gradient is infinite, unless there are hardly others."""
        residual, lightness, gradient = parts
        usable = np.isfinite(gradient)
        if usable.all():
            return cls(residual, lightness, gradient, n_axes)
        if usable.mean() < 0.05:
            return cls(residual, lightness, np.where(usable, gradient, 0), n_axes)
        return cls(residual[usable], lightness[usable], gradient[usable], n_axes)

    def thinned(self) -> "_Pixels":
        """Return some of the pixels, from everywhere."""
        every = slice(None, None, 1 + self.residual.size // ENOUGH_PIXELS)
        return _Pixels(
            self.residual[every], self.lightness[every], self.gradient[every], self.n_axes
        )

    def median_sigma(self) -> float:
        """Return what the median absolute deviation of all pixels says."""
        return float(_robust(self.residual)) if self.n_axes else np.nan

    def flat_sigma(self, least: float) -> float:
        """Return what flat places say: where no more than noise is seen.

        They make up a part of at least `least` of the pixels.
        """
        return float(_flat_sigmas([self], least)[0])

    def sigma_by_lightness(self, sigma: float) -> np.ndarray:
        """Return what flat places say, from the darkest to the lightest quarter of them."""
        limit, _ = _WHITE[self.n_axes]
        flat = np.flatnonzero(self.gradient <= limit * sigma**2)
        if flat.size < self.gradient.size // 20:
            flat = np.argpartition(self.gradient, self.gradient.size // 20)
            flat = flat[: self.gradient.size // 20]
        flat = flat[:: 1 + flat.size // (4 * ENOUGH_PIXELS)]
        quarters = np.array_split(np.argsort(self.lightness[flat]), 4)
        return np.array([np.sqrt(np.square(self.residual[flat[part]]).mean()) for part in quarters])

    def compressed_sigma(self) -> float:
        """Return what all pixels say where compression has emptied the flat places."""
        return min(self.median_sigma(), 2 * self.flat_sigma(0.25))


def _flat_sigmas(parts: Sequence[_Pixels], least: float) -> np.ndarray:
    """Return `flat_sigma` of each part; at once where all have as many pixels."""
    if len({part.residual.size for part in parts}) > 1:
        return np.array([part.flat_sigma(least) for part in parts])
    n_axes, n_pixels = parts[0].n_axes, parts[0].residual.size
    if not n_axes:
        return np.full(len(parts), np.nan)
    gradient, residual = (
        np.stack([getattr(part, name) for part in parts]) for name in ("gradient", "residual")
    )
    limit, spread = _WHITE[n_axes]
    count = min(max(int(least * n_pixels), 200), n_pixels)
    flattest = np.partition(gradient, count - 1)[:, count - 1]
    sigma = _robust(residual)
    square = np.square(residual)
    rows = np.arange(len(parts))
    for _ in range(20):
        textured = limit * sigma[rows] ** 2 <= flattest[rows]
        for row in rows[textured]:
            sigma[row] = _robust(residual[row, np.flatnonzero(gradient[row] <= flattest[row])])
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
    """Return what `_Pixels` has, (..., h, w) without the border; gradient is inf by saturation."""
    residual, lightness, gradient = _differences(planes, axes)
    gradient[_saturates(planes, low, high)] = np.inf
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
        residual -= 2 * here
        residual *= 6**-0.5
        before, here, after = (_shifted(lightness, i * step, 2 * step) for i in range(3))
        lightness = before + here
        lightness += after
        lightness /= 3
        gradient = _shifted(row, 2 * step, 2 * step) - _shifted(row, 0, 2 * step)
        others = sum(steps.values()) - step
        gradient = _shifted(gradient, others, 2 * others)
        energy = energy + gradient * gradient
    energy = _window_mean(energy, steps.values())
    first = (margin - 1) * sum(steps.values())
    return [_unrolled(item, planes, wide) for item in (residual[first:], lightness[first:], energy)]


def _mirrored(planes: np.ndarray, axes: Sequence[int], margin: int) -> np.ndarray:
    margins = [(margin, margin) if axis in axes else (0, 0) for axis in (0, 1)]
    wide = np.pad(planes, [(0, 0)] * (planes.ndim - 2) + margins, mode="symmetric")
    return np.ascontiguousarray(wide)


def _unrolled(row: np.ndarray, planes: np.ndarray, wide: np.ndarray) -> np.ndarray:
    """Return a view with the shape of `planes` of what begins with its first pixel."""
    strides = [step // wide.itemsize * row.itemsize for step in wide.strides]
    return np.lib.stride_tricks.as_strided(row, planes.shape, strides)


def _shifted(row: np.ndarray, start: int, less: int) -> np.ndarray:
    """Return what begins at `start`, and is so much shorter."""
    return row[start : start + len(row) - less]


def _window_mean(row: np.ndarray, steps: Iterable[int]) -> np.ndarray:
    """Return the means of all whole windows of what lies in a row."""
    for step in steps:
        two = _shifted(row, 0, step) + _shifted(row, step, step)
        four = _shifted(two, 0, 2 * step) + _shifted(two, 2 * step, 2 * step)
        row = _shifted(row, 6 * step, 6 * step) + _shifted(two, 4 * step, 5 * step)
        row += _shifted(four, 0, 3 * step)
        row /= _WINDOW
    return row


def _saturates(plane: np.ndarray, low: Any, high: Any) -> np.ndarray:
    """Tell where more than a twentieth of the window is at the image's darkest or brightest."""
    extreme = (plane <= low) | (plane >= high)
    extreme &= np.count_nonzero(extreme, axis=(-2, -1), keepdims=True) > 2
    if not extreme.any():
        return extreme
    wide = _mirrored(extreme.astype(float), [0, 1], _WINDOW // 2)
    return _unrolled(_window_mean(wide.ravel(), (wide.shape[-1], 1)), plane, wide) > 0.05


def _correlation(planes: list[np.ndarray]) -> np.ndarray:
    """Return the correlation of vertical and of horizontal neighbors in the flattest blocks."""
    height, width = planes[0].shape
    n_rows, n_columns = (1, 64) if height == 1 else (64, 1) if width == 1 else (8, 8)
    if height < n_rows or width < n_columns:
        return np.full(2, np.nan)
    blocks = np.concatenate([_blocks(plane, n_rows, n_columns) for plane in planes])
    rows, columns = np.mgrid[:n_rows, :n_columns].reshape(2, -1)
    plane = np.stack([np.ones(rows.size), rows, columns], axis=1)
    basis, sizes, _ = np.linalg.svd(plane, full_matrices=False)
    basis = basis[:, sizes > 1e-9]
    blocks = blocks - (blocks @ basis) @ basis.T
    variance = (blocks**2).mean(axis=1)
    order = np.argsort(variance)[np.count_nonzero(variance <= 1e-12 * variance.max()) :]
    if not order.size:
        return np.zeros(2)
    flattest = blocks[order[: max(4, order.size // 10)]].reshape(-1, n_rows, n_columns)
    basis = basis.T.reshape(-1, n_rows, n_columns)
    variance = (flattest**2).mean() / (1 - len(basis) / rows.size)
    result = np.full(2, np.nan)
    for axis, length in enumerate((n_rows, n_columns)):
        if length > 1:
            # Removing the plane makes neighbors of white noise opposite; add that back.
            lost = _neighbors(basis, axis).sum(axis=0).mean()
            result[axis] = _neighbors(flattest, axis).mean() / variance + lost
    # The flattest blocks, less their planes, hold only so much of the correlation of all.
    return np.clip(result / (0.75 if np.isfinite(result).all() else 0.9), -1, 1)


def _blocks(plane: np.ndarray, n_rows: int, n_columns: int) -> np.ndarray:
    """Cut into blocks, one per row of the result; what is left over at the end is dropped."""
    down, across = plane.shape[0] // n_rows, plane.shape[1] // n_columns
    cut = plane[: down * n_rows, : across * n_columns]
    cut = cut.reshape(down, n_rows, across, n_columns).swapaxes(1, 2)
    return cut.reshape(-1, n_rows * n_columns)


def _neighbors(stack: np.ndarray, axis: int) -> np.ndarray:
    """Return the product of each value and the next along `axis` of every image of a stack."""
    if axis == 0:
        return stack[:, 1:] * stack[:, :-1]
    return stack[:, :, 1:] * stack[:, :, :-1]
