"""Learning from noisy images alone: what adapting the package's weights wins, and SURE's aim."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from skimage import data

from benchmarks._measuring import Result
from benchmarks._photographs import DATA, folder, gray
from skdenoise import AutoencoderDenoiser, NoiseInjector, SUREScorer, estimate_noise, psnr

SIDE = 256
PHOTOGRAPHS = "brick", "camera", "coins", "moon"
"""Of scikit-image, some of fine structure, in which weak noise is hard to judge."""
OTHER_TEXTS = range(62, 97)
"""Numbers of pages whose texts, each of which comes four times, are on no other page."""
SECONDS = 300
SIGMAS = 15, 25, 50
STRENGTHS = 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6


class Scene(NamedTuple):
    """A clean and a noisy image in [0, 1]."""

    clean: np.ndarray
    noisy: np.ndarray


def measure(n_rounds: int) -> Iterator[Result]:
    """Adapt to single images with noise that the weights know, and noise that they do not."""
    clean = [_square(path) for path in folder("Set12", 6)]
    known = [_with_noise(image, NoiseInjector(sigma=25 / 255)) for image in clean]
    yield from _adapted("Set12, sigma 25", known)
    texts = [_square(path) for path in folder("DirtyDocuments/train_cleaned", 6, first=5)]
    unlike = [_with_noise(text, NoiseInjector(sigma=25 / 255)) for text in texts]
    yield from _adapted("DirtyDocuments, sigma 25", unlike)
    yield _together()
    for name, noise in (
        ("gamma speckle", NoiseInjector("gamma_speckle", noise_factor=0.3)),
        ("poisson", NoiseInjector("poisson", peak=20)),
    ):
        yield from _adapted(f"Set12, {name}", [_with_noise(image, noise) for image in clean])
    for name, noise in (
        ("weak speckle", NoiseInjector("speckle", noise_factor=0.1)),
        ("weak poisson", NoiseInjector("poisson", peak=100)),
    ):
        photographs = [getattr(data, name)()[60:316, 60:316] for name in PHOTOGRAPHS]
        scenes = [_with_noise(image / np.float32(255), noise, seed=1) for image in photographs]
        yield from _adapted(f"scikit-image, {name}", scenes)
    yield from _adapted("W2S_8bit", list(_microscopy()))
    whole = [_scaled(path) for path in folder("Set12")]
    for sigma in SIGMAS:
        noise = NoiseInjector(sigma=sigma / 255)
        scenes = [_with_noise(image, noise, seed) for seed, image in enumerate(whole)]
        yield from _estimated(f"sigma {sigma}", scenes, sigma)
    for name, noise in (
        ("poisson with a peak of 30", NoiseInjector("poisson", peak=30)),
        ("poisson with a peak of 100", NoiseInjector("poisson", peak=100)),
        ("speckle of 0.15", NoiseInjector("speckle", noise_factor=0.15)),
    ):
        scenes = [_with_noise(image, noise, seed) for seed, image in enumerate(whole)]
        yield from _estimated(name, scenes)


def _scaled(path: Path) -> np.ndarray:
    return gray(path) / np.float32(255)


def _square(path: Path) -> np.ndarray:
    return _scaled(path)[:SIDE, :SIDE]


def _with_noise(clean: np.ndarray, noise: NoiseInjector, seed: int = 0) -> Scene:
    noisy = noise.corrupt(clean[..., None], rng=np.random.default_rng(seed))[..., 0]
    return Scene(clean, noisy)


def _microscopy() -> Iterator[Scene]:
    """Pairs whose contrast was stretched one by one: clean images are fitted to noisy ones."""
    for path in folder("W2S_8bit/noisy_avg1", 6):
        noisy = _square(path)
        target = DATA / "W2S_8bit/clean_avg400" / path.name.replace("input_avg1", "target_avg400")
        clean = _square(target)
        slope, offset = np.polyfit(clean.ravel(), noisy.ravel(), 1)
        yield Scene((slope * clean + offset).astype(np.float32), noisy)


def _psnr(scene: Scene, denoised: np.ndarray) -> float:
    return float(psnr(scene.clean, denoised, data_range=1.0))


def _adapted(name: str, scenes: list[Scene]) -> Iterator[Result]:
    """Yield what adapting to each image alone wins over the weights as they are."""
    gains, kept, seconds = [], [], []
    for scene in scenes:
        X = scene.noisy[None]
        began = time.monotonic()
        adapted = AutoencoderDenoiser(random_state=0).fit(X)
        seconds.append(time.monotonic() - began)
        before = AutoencoderDenoiser(weights="natural").transform(X)[0]
        gains.append(_psnr(scene, adapted.transform(X)[0]) - _psnr(scene, before))
        found = adapted.adaptation_
        kept.append(found is not None and found.kept)
    yield Result(
        "adaptation",
        f"{name}: gain of adapting to one image",
        (float(np.mean(gains)),),
        unit="dB",
        note=f"from {min(gains):.2f} to {max(gains):.2f}, kept in {np.mean(kept):.0%}, "
        f"{np.median(seconds):.0f} s each",
    )


def _together() -> Result:
    """Return what adapting to many noisy pages wins on pages with other texts."""
    parts: tuple[list[Scene], list[Scene]] = ([], [])
    for seed, path in enumerate(folder("DirtyDocuments/train_cleaned")):
        page = _with_noise(_scaled(path), NoiseInjector(sigma=25 / 255), seed)
        parts[int(path.stem) in OTHER_TEXTS].append(page)
    learned, others = parts
    adapted = AutoencoderDenoiser(epochs=None, time_budget=SECONDS, random_state=0)
    adapted.fit([scene.noisy for scene in learned])
    noisy = [scene.noisy for scene in others]
    before = AutoencoderDenoiser(weights="natural").transform(noisy)
    gains = [
        _psnr(scene, then) - _psnr(scene, first)
        for scene, first, then in zip(others, before, adapted.transform(noisy), strict=True)
    ]
    return Result(
        "adaptation",
        f"DirtyDocuments, sigma 25: gain of adapting to {len(learned)} images on {len(others)}",
        (float(np.mean(gains)),),
        unit="dB",
        note=f"from {min(gains):.2f} to {max(gains):.2f}, after {SECONDS} s",
    )


def _estimated(name: str, scenes: list[Scene], sigma: int | None = None) -> Iterator[Result]:
    """Yield how far SURE is off, and how often it chooses the best strength."""
    name = f"Set12, {name}"
    errors, flat_errors, told_errors, chosen = [], [], [], []
    scorer = SUREScorer(data_range=1.0)
    measured = None if sigma is None else "auto"
    for scene in scenes:
        X = scene.noisy[None]
        flat = SUREScorer(float(estimate_noise(X).sigma[0]), data_range=1.0)
        true, estimated = [], []
        for strength in STRENGTHS:
            denoiser = AutoencoderDenoiser(weights="natural", sigma=measured, strength=strength)
            true.append(_psnr(scene, denoiser.transform(X)[0]))
            estimated.append(scorer(denoiser, X))
            if strength == 1:
                errors.append(estimated[-1] - true[-1])
                flat_errors.append(flat(denoiser, X) - true[-1])
                if sigma is not None:
                    told = SUREScorer(sigma / 255, data_range=1.0)
                    told_errors.append(told(denoiser, X) - true[-1])
        chosen.append(np.argmax(true) == np.argmax(estimated))
    for text, values in (
        ("error of sure_scorer", errors),
        ("told what estimate_noise says", flat_errors),
        ("and told sigma", told_errors),
    ):
        if values:
            yield Result(
                "adaptation",
                f"{name}: {text}",
                (float(np.mean(np.abs(values))),),
                unit="dB",
                note=f"at most {max(np.abs(values)):.2f}, of their mean {np.mean(values):+.2f}",
            )
    yield Result(
        "adaptation",
        f"{name}: best of {len(STRENGTHS)} strengths found by sure_scorer",
        (float(np.mean(chosen)),),
    )
