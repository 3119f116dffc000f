"""Measuring: of every image and method the PSNR, the SSIM and the time, and crops to look at."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from skdenoise._benchmark._methods import Method
from skdenoise._protocol import noise_quality, quality, similarity, stored, with_white_noise

NOISY = "noisy"
"""The name under which the noisy images themselves are measured."""

CROP = 128
"""Side of the crops that are shown, in pixels."""

N_SHOWN = 4
"""Images that are shown, the first ones."""


@dataclass(frozen=True)
class Measured:
    """What a method made of one image.

    Attributes
    ----------
    image, method : str
        Their names.
    sigma : float or None
        Standard deviation of the noise in gray levels; None for real noise.
    psnr, ssim : float
        Of the result as an 8-bit file holds it; the PSNR of noisy images is that of the noise.
    seconds_per_megapixel : float or None
        The time it took; None for the noisy image.
    processor_seconds_per_megapixel : float or None
        The same summed over the threads, which tells more where other programs run.
    """

    image: str
    method: str
    sigma: float | None
    psnr: float
    ssim: float
    seconds_per_megapixel: float | None
    processor_seconds_per_megapixel: float | None


@dataclass(frozen=True)
class Sample:
    """What is shown of one image and one noise.

    Attributes
    ----------
    image : str
        Its name.
    sigma : float or None
        As in `Measured`.
    clean : ndarray of uint8, shape (H, W, C)
        The whole image.
    place : tuple (top, left, height, width)
        Where the crops lie.
    crops : dict of str to tuple (ndarray of uint8, float)
        For the noisy image and each method the crop, and the PSNR of the whole image.
    """

    image: str
    sigma: float | None
    clean: np.ndarray
    place: tuple[int, int, int, int]
    crops: dict[str, tuple[np.ndarray, float]]


class Comparison:
    """Methods, and what they made of the images so far.

    Parameters
    ----------
    methods : dict of str to Method
        What is compared.

    Attributes
    ----------
    measured : list of Measured
        All numbers.
    samples : list of Sample
        The pictures of the first images.

    Raises
    ------
    MethodMissingError
        Where the package of a method is not installed.
    """

    def __init__(self, methods: Mapping[str, Method]) -> None:
        self.methods = dict(methods)
        self._denoise = {name: method.load() for name, method in methods.items()}
        self._is_warm: set[str] = set()
        self.measured: list[Measured] = []
        self.samples: list[Sample] = []

    @property
    def images(self) -> list[str]:
        """The names of the images so far."""
        return list(dict.fromkeys(one.image for one in self.measured))

    @property
    def sigmas(self) -> list[float | None]:
        """The strengths of the noise so far."""
        return list(dict.fromkeys(one.sigma for one in self.measured))

    def add_noise(self, image: str, clean: np.ndarray, sigmas: Iterable[float]) -> None:
        """Measure an image with white noise of several strengths.

        Parameters
        ----------
        image : str
            Its name.
        clean : ndarray of uint8, shape (H, W, C)
            The image.
        sigmas : iterable of float
            Standard deviations in gray levels.
        """
        self._add(
            image,
            clean,
            [(sigma, sigma / 255, with_white_noise(clean, sigma)) for sigma in sigmas],
        )

    def add_pair(self, image: str, noisy: np.ndarray, clean: np.ndarray) -> None:
        """Measure a noisy image of which there is a clean one.

        Parameters
        ----------
        image : str
            Its name.
        noisy, clean : ndarray of uint8, shape (H, W, C)
            The two images. Methods that have to be told are told the standard deviation of
            their difference.
        """
        if noisy.shape != clean.shape:
            raise ValueError(
                f"the noisy image has shape {noisy.shape} and the clean one {clean.shape}; they "
                f"are compared pixel by pixel"
            )
        sigma = float(np.std(noisy.astype(float) - clean)) / 255
        self._add(image, clean, [(None, sigma, (noisy / 255).astype(np.float32))])

    def _add(
        self, image: str, clean: np.ndarray, all_noisy: list[tuple[float | None, float, np.ndarray]]
    ) -> None:
        """Measure all methods on noisy versions of one image, or raise and add nothing."""
        measured, samples = [], []
        place = _most_varied(clean)
        for label, sigma, noisy in all_noisy:
            crops = {}
            for name in (NOISY, *self.methods):
                pixels, *seconds = self._timed(name, noisy, sigma)
                psnr = (noise_quality if name == NOISY else quality)(clean, pixels)
                ssim = similarity(clean, pixels)
                measured.append(Measured(image, name, label, psnr, ssim, *seconds))
                crops[name] = _cut(stored(pixels), place), psnr
            samples.append(Sample(image, label, clean, place, crops))
        if len(self.images) < N_SHOWN:
            self.samples += samples
        self.measured += measured

    def _timed(
        self, name: str, noisy: np.ndarray, sigma: float
    ) -> tuple[np.ndarray, float | None, float | None]:
        """Return the result and the seconds per megapixel, by the clock and of the processor."""
        if name == NOISY:
            return noisy, None, None
        denoise = self._denoise[name]
        if name not in self._is_warm:
            # The first call may import, trace and look for processors.
            denoise(noisy.copy(), sigma)
            self._is_warm.add(name)
        pixels = noisy.copy()
        megapixels = noisy.shape[0] * noisy.shape[1] / 1e6
        began = time.perf_counter(), time.process_time()
        denoised = np.asarray(denoise(pixels, sigma))
        ended = time.perf_counter(), time.process_time()
        if denoised.shape != noisy.shape or not np.isfinite(denoised).all():
            raise ValueError(
                f"{self.methods[name].title} made no image of it, but an array of shape "
                f"{denoised.shape} with {np.count_nonzero(~np.isfinite(denoised))} pixels that "
                f"are not finite; leave it out with --methods"
            )
        wall, processor = (end - begin for begin, end in zip(began, ended, strict=True))
        return denoised, wall / megapixels, processor / megapixels


def _most_varied(image: np.ndarray) -> tuple[int, int, int, int]:
    """Return where the crop lies in which most is going on."""
    height, width = (min(CROP, side) for side in image.shape[:2])
    places = [
        (top, left, height, width)
        for top in range(0, image.shape[0] - height + 1, max(1, height // 2))
        for left in range(0, image.shape[1] - width + 1, max(1, width // 2))
    ]
    return max(places, key=lambda place: float(_cut(image, place).std()))


def _cut(image: np.ndarray, place: tuple[int, int, int, int]) -> np.ndarray:
    top, left, height, width = place
    return image[top : top + height, left : left + width].copy()
