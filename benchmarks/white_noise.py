"""White noise, measured and told: what it wins, and whether other noise is mistaken for it."""

from collections.abc import Callable, Iterator
from unittest import mock

import numpy as np
from scipy import ndimage

from benchmarks._measuring import Result
from benchmarks._photographs import folder
from skdenoise import AutoencoderDenoiser
from skdenoise._image_files import read_image
from skdenoise._protocol import quality
from skdenoise.noise import _universal

N_IMAGES = 18
SIGMAS = 5, 15, 30
"""Gray levels."""

Noise = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""Draws noise of deviation 1 for an image in [0, 1]."""


def _white(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal(image.shape, np.float32)


def _with_light(share: float) -> Noise:
    """Return noise of which this share of the variance is proportional to the light."""

    def noise(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.sqrt((1 - share) + share * image / image.mean()) * _white(image, rng)

    return noise


def _from_place_to_place(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _universal._varying(image, rng) * _white(image, rng)


def _blurred(length: float) -> Noise:
    """Return noise that a Gaussian of so many pixels has correlated."""
    return lambda image, rng: _universal._blurred(_white(image, rng), length)


def _turned(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return noise of an image that was turned by a few degrees."""
    turned = ndimage.rotate(_white(image, rng), 5, reshape=False, order=1, mode="mirror")
    return turned / turned.std()


NOISES: dict[str, Noise] = {
    "white": _white,
    "growing with the light": _with_light(1.0),
    "half of it with the light": _with_light(0.5),
    "varying from place to place": _from_place_to_place,
    "hardly correlated (0.35 pixels)": _blurred(0.35),
    "a little correlated (0.45 pixels)": _blurred(0.45),
    "correlated (1 pixel)": _blurred(1.0),
    "of an image that was turned": _turned,
    "of cameras": _universal._of_camera,
}


def measure(n_rounds: int) -> Iterator[Result]:
    """Compare the default with the network left blind, for gray and for color images."""
    photographs = [read_image(path) for path in folder("BSD432_color", N_IMAGES, first=7)]
    for mode, images in (
        ("gray", [np.rint(image.mean(axis=-1, keepdims=True)) for image in photographs]),
        ("color", photographs),
    ):
        for name, noise in NOISES.items():
            for sigma in SIGMAS:
                yield _compared(f"{mode}, {name}, sigma {sigma}", images, noise, sigma / 255)


def _compared(name: str, images: list[np.ndarray], noise: Noise, sigma: float) -> Result:
    rng = np.random.default_rng(0)
    clean = [image.astype(np.uint8) for image in images]
    scaled = [(image / 255).astype(np.float32) for image in images]
    noisy = [image + np.float32(sigma) * noise(image, rng) for image in scaled]
    denoiser = AutoencoderDenoiser(weights="natural")
    told = denoiser.transform(noisy)
    with mock.patch.object(AutoencoderDenoiser, "_measures", False):
        blind = denoiser.transform(noisy)
    gains = [
        quality(image, one) - quality(image, other)
        for image, one, other in zip(clean, told, blind, strict=True)
        if not np.array_equal(one, other)
    ]
    note = f"{len(gains)} of {len(images)} are told"
    if gains:
        note += f", from {min(gains):+.2f} to {max(gains):+.2f} dB"
    mean = sum(gains) / len(images)
    return Result("white noise", f"{name}: gain in PSNR", (mean,), unit="dB", note=note)
