"""Learn how strong a network is to be told that the noise of a camera is.

Photographs for training get the noise of simulated cameras, and are denoised by networks that are
told strengths of all kinds. A linear regression learns which would have been best. ``python -m
benchmarks.camera_noise`` prints it for `skdenoise._camera_noise`, after half an hour, and how
often photographs with and without noise are taken for noisy. They are looked for in the folder
that SKDENOISE_DATA names, or in ../shared/data.
"""

import os
from collections.abc import Iterator
from typing import NamedTuple
from unittest import mock

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from PIL import Image
from scipy import ndimage
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GroupKFold, cross_val_predict

from benchmarks._photographs import folder
from skdenoise import AutoencoderDenoiser
from skdenoise._camera_noise import PROBED, noise_of_camera, range_of, taken_from_flat_places
from skdenoise._choices import SHIPPED_SIZES
from skdenoise._image_files import read_image
from skdenoise.noise._coding import jpeg
from skdenoise.noise._universal import _of_camera

N_IMAGES = {"BSD432_color": 27, "LOL_our485/high": 12, "ZeroDCE_train401": 25}
DARKEST = 60
"""Photographs of a lower mean have noise of their own."""
SIDE = 256
STRENGTHS = np.array([1.5, 2.5, 4, 6, 9, 13, 20]) / 255
"""What the network is told, to see what is best."""
LEAST_GAIN = 0.1
"""Noise whose removal wins fewer decibels is of no interest."""
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


class Scene(NamedTuple):
    """An image with noise, or without."""

    photograph: int
    clean: np.ndarray
    noisy: np.ndarray


class Case(NamedTuple):
    """What a network took from a scene, and what it should have been told."""

    photograph: int
    has_noise: bool
    is_found: bool
    taken: float
    """Logarithm of what is taken from flat places, in units of what the network was told."""
    strengths: np.ndarray
    """Logarithms of what it may be told, in the same units."""
    gains: np.ndarray
    """In dB, of each."""


def scenes() -> Iterator[Scene]:
    """Yield parts of photographs, float32 in [0, 1]."""
    paths = [path for name, n_images in N_IMAGES.items() for path in folder(name, n_images)]
    for index, path in enumerate(paths):
        photo, rng = read_image(path), np.random.default_rng(index)
        if photo.mean() < DARKEST:
            continue
        sharp, soft = _part(photo, rng), _part(_oversampled(photo, rng), rng)
        yield Scene(index, sharp, sharp)
        yield Scene(index, soft, soft)
        for _ in range(2):
            clean = soft if rng.random() < 0.7 else sharp
            strength = np.exp(rng.uniform(*np.log([1.2, 9]))) / 255
            noisy = (clean + np.float32(strength) * _of_camera(clean, rng)).clip(0, 1)
            yield Scene(index, clean, _stored(noisy, rng, 0.7))
        # The same camera, once without noise.
        clean, noisy = _developed(soft if rng.random() < 0.5 else sharp, rng)
        seed = rng.integers(2**31)
        stored = [_stored(image, np.random.default_rng(seed), 1) for image in (clean, noisy)]
        yield Scene(index, stored[0], stored[0])
        yield Scene(index, clean, stored[1])


def _part(photo: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = (min(SIDE, length // 4 * 4) for length in photo.shape[:2])
    top, left = (
        rng.integers(n - m + 1) for n, m in zip(photo.shape, (height, width), strict=False)
    )
    return photo[top : top + height, left : left + width] / np.float32(255)


def _oversampled(photo: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a photograph whose pixels lie closer than its detail."""
    height, width = photo.shape[:2]
    share = rng.uniform(0.45, 0.8)
    small = Image.fromarray(photo).resize((int(width * share), int(height * share)), Image.LANCZOS)
    return np.asarray(small.resize((width, height), Image.BICUBIC))


def _stored(image: np.ndarray, rng: np.random.Generator, compressed: float) -> np.ndarray:
    if rng.random() < compressed:
        return jpeg(image.clip(0, 1), quality=int(rng.integers(88, 100)), rng=rng)
    return np.rint(image.clip(0, 1) * 255) / np.float32(255)


def _developed(light: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Return what a camera makes of a scene, without noise and with it.

    The sensor sees one color per pixel and counts photons; the camera fills in the others, balances
    white, bends the curve, and smooths, colors more than lightness.
    """
    light = ndimage.gaussian_filter(light, (0.5, 0.5, 0)) ** np.float32(2.2)
    white, gain = np.array([2.0, 1.0, 1.6]), 10 ** rng.uniform(-4.3, -2.9)
    electronics = rng.uniform(0.015, 0.15) * gain
    sensor = light / white
    noise = rng.standard_normal(light.shape) * np.sqrt(sensor * gain + electronics**2)
    seen = np.zeros(light.shape)
    seen[::2, ::2, 0] = seen[::2, 1::2, 1] = seen[1::2, ::2, 1] = seen[1::2, 1::2, 2] = 1
    tent = np.outer([1, 2, 1], [1, 2, 1])[..., None] / 4
    luma, chroma = rng.uniform(0.4, 1.2), rng.uniform(0.5, 2.5)
    kept = rng.uniform(0.3, 1)
    results = []
    for raw in (sensor, sensor + noise):
        filled = ndimage.convolve(raw * seen, tent) / ndimage.convolve(seen, tent)
        picture = (filled * white).clip(0, 1) ** (1 / 2.2)
        lightness = (picture @ LUMA)[..., None]
        colors = ndimage.gaussian_filter(picture - lightness, (chroma, chroma, 0))
        smooth = ndimage.gaussian_filter(lightness, (luma, luma, 0))
        developed = kept * lightness + (1 - kept) * smooth + colors
        results.append(developed.astype(np.float32).clip(0, 1))
    return results


def cases(denoiser: AutoencoderDenoiser, *, gray: bool) -> Iterator[Case]:
    """Yield what the network does to scenes that may have weak noise of a camera."""
    for scene in scenes():
        has_noise = scene.clean is not scene.noisy
        clean, noisy = (
            (image @ LUMA)[..., None] if gray else image for image in (scene.clean, scene.noisy)
        )
        with mock.patch("skdenoise._restraint.noise_of_camera", return_value=(0.0, 0.0)) as asked:
            denoiser.transform([noisy])
        if not asked.called:
            continue
        windows, blind, again = asked.call_args.args
        unit = PROBED * range_of(windows)
        results = [again(windows, float(strength))[0] for strength in STRENGTHS]
        gains = _decibels(results, clean) - _decibels([noisy], clean)
        if unit and (gains.max() > LEAST_GAIN or not has_noise):
            taken, _ = taken_from_flat_places(windows, again(windows, unit))
            is_found = noise_of_camera(windows, blind, again)[0] > 0
            units = np.log(STRENGTHS / unit)
            yield Case(scene.photograph, has_noise, is_found, np.log(taken / unit), units, gains)


def _decibels(images: list[np.ndarray], clean: np.ndarray) -> np.ndarray:
    errors = [np.square(image - clean).mean() for image in images]
    return -10 * np.log10(np.maximum(errors, 1e-6))


def main() -> None:
    """Print what is learned, and what cross-validation says of it."""
    networks = {
        f"{size}, {'gray' if gray else 'color'}": list(
            cases(AutoencoderDenoiser(size=size, weights="natural"), gray=gray)
        )
        for size in SHIPPED_SIZES
        for gray in (True, False)
    }
    noisy = [case for found in networks.values() for case in found if case.has_noise]
    X = np.array([[case.taken] for case in noisy])
    best = np.array([case.strengths[np.argmax(case.gains)] for case in noisy])
    photographs = [case.photograph for case in noisy]
    model, folds = LinearRegression(), GroupKFold(6)
    told = iter(cross_val_predict(model, X, best, groups=photographs, cv=folds))
    for name, found in networks.items():
        clean = [case.is_found for case in found if not case.has_noise]
        own = [(case, next(told)) for case in found if case.has_noise]
        gains = [np.interp(one, case.strengths, case.gains) for case, one in own]
        print(
            f"{name}: {np.mean(clean):.3f} of {len(clean)} without noise are taken for noisy, and "
            f"{np.mean([case.is_found for case, _ in own]):.3f} of {len(own)} with noise, which "
            f"wins {np.mean(gains):.2f} dB where it is told this, and "
            f"{np.mean([case.gains.max() for case, _ in own]):.2f} where it is told the best"
        )
    model.fit(X, best)
    print(f"GAIN = {np.exp(model.intercept_):.2f}, POWER = {model.coef_[0]:.2f}")


if __name__ == "__main__":
    main()
