"""How a denoiser works on images: what its network is told, and how much is taken away."""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from skdenoise._ensemble import ensemble
from skdenoise._images import Images
from skdenoise._noise_maps import NoiseMap, taken_in_part
from skdenoise._normalization import task_of
from skdenoise._restraint import restrained
from skdenoise._task import Run, Task
from skdenoise._windows import windows_of


@dataclass(frozen=True)
class Denoising:
    """What a denoiser does with some images.

    Attributes
    ----------
    once : callable
        Yields the output of the network for each task.
    n_channels : int
        How many channels the network takes at once.
    normalizes : bool
        Whether the network sees images normalized.
    told : callable
        Says what the network is told about the noise of an image, and how much is taken away.
    precisions : sequence of str
        Arithmetic of the network for each image.
    is_restrained : bool
        Whether less is taken away where there is hardly any noise.
    measures : bool
        Whether noise is measured where it is white, and the network told; only where less may be
        taken away.
    reach : int
        How far around a pixel its noise is read off.
    n_augment : int
        In how many orientations each is denoised.
    """

    once: Run
    n_channels: int
    normalizes: bool
    told: NoiseMap
    precisions: Sequence[str]
    is_restrained: bool
    measures: bool
    reach: int
    n_augment: int

    def results(self, images: Images, *, return_std: bool = False) -> Iterator[np.ndarray]:
        """Yield what becomes of each image, (H, W, C) in working units.

        Parameters
        ----------
        images : Images
            Those that the other attributes speak of; taken whole.
        return_std : bool, default=False
            Whether to yield arrays (2, H, W, C): also the standard deviation over orientations.
        """
        run: Callable[..., Iterator] = self.once
        if self.n_augment > 1:
            run = functools.partial(ensemble, run, n_augment=self.n_augment, return_std=return_std)
        if self.is_restrained:
            run = functools.partial(restrained, run, self.once, measured=self.measures)
        denoised = taken_in_part(run, self._tasks(images))
        n_parts = images.n_channels // self.n_channels
        if n_parts == 1:
            return denoised
        return (
            np.concatenate([first, *itertools.islice(denoised, n_parts - 1)], axis=-1)
            for first in denoised
        )

    def _tasks(self, images: Images) -> Iterator[tuple[Task, float | np.ndarray]]:
        """Yield the channels of each image that the network takes at once, and their share."""
        for index, image in enumerate(images):
            told = self.told(index, image.shape, functools.partial(windows_of, image))
            sigma = told.sigma_of(image)
            for first in range(0, images.n_channels, self.n_channels):
                part = image[..., first : first + self.n_channels]
                yield (
                    task_of(part, sigma, self.precisions[index], normalized=self.normalizes),
                    told.share,
                )
