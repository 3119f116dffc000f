"""How strong white noise is that grows or falls with the lightness: its noise level function [1]_.

So is the noise of light, whose photons are counted, and that of coherent light, or of ultrasound.

References
----------
.. [1] C. Liu, W. T. Freeman, R. Szeliski and S. B. Kang, "Noise Estimation from a Single Image",
   Computer Vision and Pattern Recognition, 2006.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from scipy import ndimage
from scipy.optimize import nnls

from skdenoise.noise._even import Cells, even_sigma
from skdenoise.noise._flat_places import Pixels, flat_sigmas

SMOOTHING, REACH = 2.0, 6
"""Deviation of the Gaussian that smooths pixels before their noise is read off them; and how far it
reaches."""
QUANTILES = 1 / 128, 1 / 32, 1 / 8, 1 / 4, 3 / 8, 1 / 2, 5 / 8, 3 / 4, 7 / 8, 31 / 32, 127 / 128
"""Of the lightness, where pixels are divided into groups whose noise is measured."""
FEWEST, FEWEST_GROUPS = 256, 4
"""Pixels of a group, and groups."""
LEAST_FLAT = 0.1
"""At least this share of a group is measured."""
FURTHEST = 2.0
"""Beyond so many times the lightness of the groups, noise counts as constant."""
LEAST = 0.05
"""Of the strongest noise of the groups, at least this deviation is assumed everywhere."""
CORRELATED = 0.4
"""Mean correlation of neighbors above which noise is not white, however uneven; that of white noise
is less, where the flattest places are those with the least noise."""
LEAST_UNEVEN, LEAST_UNEVEN_IF_LIKELY = 1.55, 2.0
"""How many times as strong noise has to be in some lightness as in another, since texture makes
even noise seem uneven; the latter where nothing else shows that it is white."""
MOST_SKEWED = 0.6
"""Skewness up to which networks are told the noise: of few photons they know more when blind."""
SKEWNESS_LEFT = 1 / 6
"""So much of it the second difference leaves."""
N_KNOTS = 257
"""Where the integral that stabilizes is known."""


@dataclass(frozen=True, eq=False)
class LevelFunction:
    """How strong noise is at each lightness: a sum of parabolas.

    Attributes
    ----------
    dark, span : float
        Where the lightness that was seen begins, and how far it reaches.
    variances : ndarray of shape (n_channels, 5)
        Shares of the variance: constant, growing with the lightness and with its square, and with
        the darkness and with its square; those are 1 at the lightest and the darkest seen.
    """

    dark: float
    span: float
    variances: np.ndarray

    def at(self, pixels: np.ndarray) -> np.ndarray:
        """Return the deviation of the noise of (H, W, C) pixels, over the channels, (H, W, 1)."""
        smooth = ndimage.gaussian_filter(
            pixels, (SMOOTHING, SMOOTHING, 0), mode="reflect", radius=(REACH, REACH, 0)
        )
        variance = np.zeros(pixels.shape[:2])
        for channel, shares in enumerate(self.variances):
            variance += self.variance(smooth[..., channel], shares)
        return self.span * np.sqrt(variance / len(self.variances))[..., None]

    def times(self, multiple: float) -> Self:
        """Return that of noise which is so many times as strong."""
        return type(self)(self.dark, self.span, multiple**2 * self.variances)

    def in_units(self, gain: float, offset: float) -> Self:
        """Return that of the image times `gain` plus `offset`."""
        return type(self)(gain * self.dark + offset, gain * self.span, self.variances)

    def stabilized(self, pixels: np.ndarray) -> np.ndarray:
        """Return (h, w, C) pixels whose noise has a deviation of 1 at each lightness."""
        found = np.empty_like(pixels)
        for channel, shares in enumerate(self.variances):
            plane = pixels[..., channel]
            knots = np.linspace(plane.min(), plane.max(), N_KNOTS)
            slope = 1 / (self.span * np.sqrt(self.variance(knots, shares)))
            steps = 0.5 * (slope[1:] + slope[:-1]) * np.diff(knots)
            found[..., channel] = np.interp(plane, knots, np.append(0, np.cumsum(steps)))
        return found

    def variance(self, lightness: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Return the variance of a channel at each lightness, in units of the span."""
        basis = _basis((lightness - self.dark) / self.span)
        variance = sum(share * part for share, part in zip(shares, basis, strict=True) if share)
        return np.maximum(variance, LEAST**2 * shares.max())


Noise = float | LevelFunction
"""White noise: its deviation where it is equally strong everywhere, 0 for none or other noise."""


def deviation_at(noise: Noise, pixels: np.ndarray) -> float | np.ndarray:
    """Return the deviation of the noise of (H, W, C) pixels: of all, or (H, W, 1)."""
    return noise.at(pixels) if isinstance(noise, LevelFunction) else noise


def times(noise: Noise, multiple: float) -> Noise:
    """Return noise that is so many times as strong."""
    return noise.times(multiple) if isinstance(noise, LevelFunction) else multiple * noise


def white_noise(windows: Sequence[np.ndarray], *, certain: bool = True) -> Noise:
    """Return how strong white noise is, everywhere or at each lightness.

    Parameters
    ----------
    windows : sequence of ndarray of float32, shape (h, w, C)
        The image, or some parts of it.
    certain : bool, default=True
        Whether noise that differs by the lightness has to pass for white, which texture may hide.

    Returns
    -------
    float or LevelFunction
        It is 0 where the image may have other noise, or none, or is too small to tell.
    """
    cells = Cells(windows)
    return cells.even_sigma() or level_function(cells, certain=certain) or 0.0


def level_function(cells: Cells, *, certain: bool = True) -> LevelFunction | None:
    """Return how strong white noise is at each lightness; None where it is not known to be.

    Groups of pixels of like lightness tell it, each by its flat places. It is certain where the
    image has even noise once it is stabilized.
    """
    fit = _fit(cells)
    if fit is None or fit.unevenness < LEAST_UNEVEN:
        return None
    if abs(fit.skewness) <= MOST_SKEWED:
        sigma = even_sigma([fit.function.stabilized(cell) for cell in cells.pixels])
        if sigma:
            return fit.function.times(sigma)
    return None if certain or fit.unevenness < LEAST_UNEVEN_IF_LIKELY else fit.function


class _Fit(NamedTuple):
    """A function laid through what flat places tell of each lightness.

    Attributes
    ----------
    function : LevelFunction
        How strong the noise is there.
    unevenness : float
        How many times as strong it is in one as in another.
    skewness : float
        Of the noise.
    """

    function: LevelFunction
    unevenness: float
    skewness: float


def _fit(cells: Cells) -> _Fit | None:
    """Lay a function through what flat places tell; None where that is too little."""
    if not cells.channels or not all(cells.channels) or cells.correlation > CORRELATED:
        return None
    found = [_groups(Pixels.together(parts)) for parts in cells.channels]
    channels = [groups for groups in found if groups is not None]
    if len(channels) < len(found):
        return None
    lightness = np.concatenate([groups.lightness for groups in channels])
    dark, span = float(lightness.min()), float(np.ptp(lightness))
    if not span > 0:
        return None
    function = LevelFunction(dark, span, np.stack([_shares(one, dark, span) for one in channels]))
    skewness = float(np.mean([groups.skewness for groups in channels]))
    return _Fit(function, _unevenness(function, channels), skewness)


class Groups(NamedTuple):
    """Pixels of like lightness, from the darkest to the lightest, in flat places.

    Attributes
    ----------
    lightness, deviation : ndarray of shape (n_groups,)
        Mean, and deviation of the noise.
    n_pixels : ndarray of shape (n_groups,)
        How many they are.
    skewness : float
        Of the noise of all.
    """

    lightness: np.ndarray
    deviation: np.ndarray
    n_pixels: np.ndarray
    skewness: float


def _groups(pixels: Pixels) -> Groups | None:
    """Divide pixels by their lightness; None where they are too few, or some have no noise."""
    order = np.argsort(pixels.lightness, kind="stable")
    cuts = [int(share * order.size) for share in QUANTILES]
    groups = [pixels.some(which) for which in np.split(order, cuts) if which.size >= FEWEST]
    if len(groups) < FEWEST_GROUPS:
        return None
    deviation = flat_sigmas(groups, LEAST_FLAT)
    if not deviation.all():
        return None
    flat = [
        group.some(group.flat(sigma, LEAST_FLAT))
        for group, sigma in zip(groups, deviation, strict=True)
    ]
    lightness = np.array([group.lightness.mean() for group in flat])
    residual = np.concatenate(
        [group.residual / sigma for group, sigma in zip(flat, deviation, strict=True)]
    )
    skewness = float((residual**3).mean()) / SKEWNESS_LEFT
    return Groups(lightness, deviation, np.array([group.residual.size for group in flat]), skewness)


def _shares(groups: Groups, dark: float, span: float) -> np.ndarray:
    """Return the sum of parabolas that is nearest, relative to the variance."""
    weight = np.sqrt(groups.n_pixels)
    variance = np.square(groups.deviation / span)
    basis = np.stack(_basis((groups.lightness - dark) / span), axis=1)
    shares, _ = nnls(basis * (weight / variance)[:, None], weight)
    return shares


def _unevenness(function: LevelFunction, channels: Sequence[Groups]) -> float:
    """Return how many times as strong noise is in a group as in another, but for the outermost."""
    variance = np.concatenate(
        [
            function.variance(groups.lightness[1:-1], shares)
            for groups, shares in zip(channels, function.variances, strict=True)
        ]
    )
    return math.sqrt(variance.max() / variance.min())


def _basis(light: np.ndarray) -> list[np.ndarray]:
    light = light.clip(1 - FURTHEST, FURTHEST)
    bright, dark = np.maximum(light, 0), np.maximum(1 - light, 0)
    return [np.ones_like(light), bright, bright**2, dark, dark**2]
