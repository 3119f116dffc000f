"""Denoising a large image part by part, so that no seam shows where parts meet.

Whatever depends on the whole image, such as its mean, its noise, and how much of what the network
would take away is noise, is judged once. The rest is a matter of a pixel's surroundings.
"""

import functools
from typing import NamedTuple

import numpy as np

from skdenoise._denoising import Denoising
from skdenoise._ensemble import ensemble, mirrored_axes, turned
from skdenoise._large import Extent, Findings, Pixels
from skdenoise._noise_maps import Told, in_part
from skdenoise._normalization import gain_of
from skdenoise._restraint import Verdict, verdict_on_windows
from skdenoise._task import Task
from skdenoise._tiling import on_grid, within
from skdenoise._windows import windows
from skdenoise.noise._level_function import deviation_at


class Judged(NamedTuple):
    """What is the same for all parts of an image.

    Attributes
    ----------
    told : Told
        What the network is told about the noise, and how much is taken away.
    precision : str
        Arithmetic of the network.
    of_channels : list of (float, float, Verdict)
        For each group of channels that the network takes: mean, gain, and what is to be done.
    """

    told: Told
    precision: str
    of_channels: list[tuple[float, float, Verdict]]


class LargeDenoising:
    """How a denoiser works on parts of large images.

    Parameters
    ----------
    whole : Denoising
        What it does with images.
    halo : int
        How far the network sees.
    grid : int
        What the origin of an image for the network must be a multiple of.
    """

    largest_tile = None

    def __init__(self, whole: Denoising, *, halo: int, grid: int) -> None:
        self._whole = whole
        self._halo, self._grid = halo + whole.reach, grid
        self.needs_moments = whole.normalizes
        self.margin = self._halo + grid - 1

    def windows(self, height: int, width: int) -> list[Extent]:
        """Return the windows that an image is judged by."""
        return windows(height, width)

    def judge(self, index: int, findings: Findings) -> Judged:
        """Return statistics, the noise that is expected, and how much is to be taken away."""
        cuts = self.windows(findings.height, findings.width)
        seen = [part.crop(*cut) for part, cut in zip(findings.windows, cuts, strict=True)]
        shape = findings.height, findings.width, findings.n_channels
        told = self._whole.told(index, shape, lambda: seen)
        once, measured = self._whole.once, self._whole.measures
        run = functools.partial(ensemble, once, n_augment=self._whole.n_augment)
        precision = self._whole.precisions[index]
        of_channels: list[tuple[float, float, Verdict]] = []
        for _ in range(0, findings.n_channels, self._whole.n_channels):
            channels = self._channels(len(of_channels))
            mean, gain = 0.0, 1.0
            if findings.moments is not None:
                mean, spread = findings.moments.mean_and_spread(channels)
                gain = gain_of(mean, spread)
            verdict = Verdict(1.0)
            if self._whole.is_restrained:
                task = Task(seen[0], mean, gain, 0.0, precision)
                pixels = [window[..., channels] for window in seen]
                verdict = verdict_on_windows(run, once, task, pixels, measured=measured)
            of_channels.append((mean, gain, verdict))
        return Judged(told, precision, of_channels)

    def _channels(self, index: int) -> slice:
        """Return the channels of a group that the network takes at once."""
        return slice(index * self._whole.n_channels, (index + 1) * self._whole.n_channels)

    def apply(self, image: Pixels, rows: slice, columns: slice, judged: Judged) -> np.ndarray:
        """Return a part of the denoised image."""
        found = [
            self._part(image, rows, columns, judged, index)
            for index in range(len(judged.of_channels))
        ]
        return found[0] if len(found) == 1 else np.concatenate(found, axis=-1)

    def _part(
        self, image: Pixels, rows: slice, columns: slice, judged: Judged, index: int
    ) -> np.ndarray:
        share, (*_, verdict) = judged.told.share, judged.of_channels[index]
        denoised = np.empty(0)
        for orientation in range(self._whole.n_augment):
            output = self._turned(image, (rows, columns), judged, index, orientation)
            if self._whole.n_augment == 1:
                denoised = output
            elif orientation == 0:
                denoised = output.astype(np.float64)
            else:
                denoised += (output - denoised) / (orientation + 1)
        noisy = image.crop(rows, columns)[..., self._channels(index)]
        denoised = denoised.astype(noisy.dtype, copy=False)
        if verdict.is_partial:
            denoised = verdict.applied(noisy, denoised)
        if isinstance(share, np.ndarray):
            share = share[rows, columns]
        return in_part(noisy, denoised, share)

    def _turned(
        self, image: Pixels, inner: Extent, judged: Judged, index: int, orientation: int
    ) -> np.ndarray:
        """Denoise a part in one orientation: on the grid that the whole image would lie on."""
        lengths = image.height, image.width
        mirrored = mirrored_axes(orientation)
        rows, columns = (
            on_grid(part, length, halo=self._halo, grid=self._grid, from_the_end=from_the_end)
            for part, length, from_the_end in zip(inner, lengths, mirrored, strict=True)
        )
        mean, gain, verdict = judged.of_channels[index]
        pixels = image.crop(rows, columns)
        sigma = judged.told.sigma_of(pixels, rows, columns)
        pixels = pixels[..., self._channels(index)]
        if verdict.noise:
            sigma = deviation_at(verdict.noise, pixels)
        if isinstance(sigma, np.ndarray):
            sigma = turned(sigma, orientation)
        task = Task(turned(pixels, orientation), mean, gain, sigma, judged.precision)
        output = turned(next(self._whole.once([task])), orientation, back=True)
        return output[within(inner, (rows, columns))]
