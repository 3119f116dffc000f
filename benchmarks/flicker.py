"""Flicker: how much the brightness of a scene jumps between enhanced frames, by the smoothing.

A camera pans over a photograph of scikit-image, three stops too dark, with the noise of few
photons; once it is steady, and once its exposure jitters by a quarter of a stop. All frames show
one piece of the scene, whose mean brightness is followed.
``python -m benchmarks.flicker`` prints the table.
"""

import numpy as np
from skimage import data

from skdenoise import ZeroDCEEnhancer
from skdenoise.noise import shot_read

N_FRAMES, SIDE, STEP = 24, 128, 3
SMOOTHINGS = (0.0, 0.5, 0.8)
SETTINGS: dict[str, dict[str, float]] = {"as learnt": {}, "exposure=0.4": {"exposure": 0.4}}


def clip(jitter: float) -> list[np.ndarray]:
    """Return the frames, uint8; `jitter` is the standard deviation of the exposure in stops."""
    rng = np.random.default_rng(0)
    photograph = data.coffee()[100 : 100 + SIDE, 180:]
    frames = []
    for index in range(N_FRAMES):
        light = (photograph[:, STEP * index : STEP * index + SIDE] / 255) ** 2.2
        exposed = light * 2 ** (-3 + jitter * rng.standard_normal())
        seen = shot_read(exposed, shot=0.0005, rng=rng).clip(0, 1)
        frames.append(np.rint(255 * seen ** (1 / 2.2)).astype(np.uint8))
    return frames


def flicker(frames: list[np.ndarray]) -> float:
    """Return the standard deviation of the change of brightness, as a part of white."""
    last = STEP * (N_FRAMES - 1)
    means = [
        frame[:, last - STEP * index : SIDE - STEP * index].mean() / 255
        for index, frame in enumerate(frames)
    ]
    return float(np.std(np.diff(means)))


def main() -> None:
    """Print the table."""
    clips = [clip(0.0), clip(0.25)]
    print("| enhancer | smoothing | brightness | flicker, steady | flicker, jittering |")
    print("|---|---:|---:|---:|---:|")
    _print_row("input", "", clips)
    for name, options in SETTINGS.items():
        for smoothing in SMOOTHINGS:
            enhancer = ZeroDCEEnhancer(weights="default", smoothing=smoothing, **options)
            enhanced = [enhancer.transform(frames) for frames in clips]
            _print_row(name, f"{smoothing:g}", enhanced)


def _print_row(name: str, smoothing: str, clips: list[list[np.ndarray]]) -> None:
    brightness = np.mean([frame.mean() / 255 for frame in clips[0]])
    values = " | ".join(f"{flicker(frames):.2%}" for frames in clips)
    print(f"| {name} | {smoothing} | {brightness:.2f} | {values} |", flush=True)


if __name__ == "__main__":
    main()
