"""Low light: enhanced photographs against those of a longer exposure, and what else people do.

The photographs are the pairs in ``LOL_our485/{low,high}`` of the folder that SKDENOISE_DATA names,
or of ../shared/data; nothing was trained on them. Images are compared as they come out, without
scaling them to the brightness of the reference, which would add up to 8 dB.
``python -m benchmarks.low_light`` prints the table; ``--reference WEIGHTS.npz`` adds a network that
`benchmarks.torch_zero_dce` has trained with the losses and settings of Zero-DCE's authors.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import exposure

from benchmarks._photographs import DATA
from skdenoise import AutoencoderDenoiser, ZeroDCEEnhancer, psnr, ssim

PAIRS = DATA / "LOL_our485"
MIDDLE_GRAY = 0.46
"""What reflects 18 % of the light, as sRGB has it: where photographers put the middle."""
GAMMAS = np.arange(0.2, 1.01, 0.05)
Method = Callable[[np.ndarray], np.ndarray]


def pairs() -> list[tuple[np.ndarray, np.ndarray]]:
    """Read the dark images and the long exposures, uint8."""
    files = sorted((PAIRS / "low").glob("*.png"))
    return [
        tuple(np.asarray(Image.open(path).convert("RGB")) for path in (file, _high(file)))
        for file in files
    ]


def _high(low: Path) -> Path:
    return low.parent.parent / "high" / low.name


def _gamma(value: float) -> Method:
    return lambda image: np.rint(255 * (image / 255) ** value).astype(np.uint8)


def _in_floats(function: Callable[..., np.ndarray]) -> Method:
    return lambda image: np.rint(255 * function(image)).clip(0, 255).astype(np.uint8)


def methods(reference: str | None) -> dict[str, Method]:
    """Return what is compared, by name."""
    denoiser = AutoencoderDenoiser(weights="natural")
    found: dict[str, Method] = {
        "input": lambda image: image,
        "histogram equalization": _in_floats(exposure.equalize_hist),
        "CLAHE": _in_floats(exposure.equalize_adapthist),
    }
    if reference is not None:
        found["Zero-DCE as published"] = _one(published(reference))
        found["Zero-DCE as published, denoised before"] = _one(
            published(reference).set_params(denoiser=denoiser)
        )
    for architecture in ("dce++", "dce"):
        bright = {"exposure": MIDDLE_GRAY}
        local = [{"locality": share} for share in (1.0, 0.0)]
        for options in ({}, *local, bright, {**bright, "keep_hue": True}):
            enhancer = ZeroDCEEnhancer(architecture, weights="default", **options)
            text = "".join(f", {name}={value}" for name, value in options.items())
            found[f"ZeroDCEEnhancer({architecture!r}{text})"] = _one(enhancer)
        for order in ("before", "after"):
            enhancer = ZeroDCEEnhancer(
                architecture, weights="default", denoiser=denoiser, denoise=order, **bright
            )
            text = f"ZeroDCEEnhancer({architecture!r}, exposure={MIDDLE_GRAY}), denoised {order}"
            found[text] = _one(enhancer)
    return found


def published(path: str) -> ZeroDCEEnhancer:
    """Return an enhancer with the weights of `benchmarks.torch_zero_dce`."""
    enhancer = ZeroDCEEnhancer("dce", locality=1.0)
    names = enhancer._template().shapes()
    with np.load(path) as arrays:
        weights = {name: arrays[key] for name, key in zip(names, sorted(arrays), strict=True)}
    enhancer.n_channels_in_ = 3
    enhancer._remember(weights, {}, "zero-reference")
    return enhancer


def _one(enhancer: ZeroDCEEnhancer) -> Method:
    return lambda image: enhancer.transform(image[None])[0]


# docs/low-light.md tells both from the metrics of the same names in the package: its table was made
# with these.
def clipped(image: np.ndarray) -> float:
    """Return the share of the pixels with a channel at white."""
    return float((image.max(-1) >= 254).mean())


def hue_shift(before: np.ndarray, after: np.ndarray) -> float:
    """Return the median change of hue, in degrees, of pixels that have one."""
    hues, colored = [], np.ones(before.shape[:2], bool)
    for image in (before, after):
        red, green, blue = np.moveaxis(image.astype(np.float64), -1, 0)
        hues.append(np.arctan2(3**0.5 * (green - blue), 2 * red - green - blue))
        colored &= np.ptp(image, axis=-1) >= 10
    turn = np.abs(np.angle(np.exp(1j * (hues[0] - hues[1]))))
    return float(np.degrees(np.median(turn[colored]))) if colored.any() else 0.0


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.low_light")
    parser.add_argument("--reference", metavar="WEIGHTS.npz")
    arguments = parser.parse_args()
    images = pairs()
    if not images:
        print(f"no images in {PAIRS}; name the folder of LOL_our485 with SKDENOISE_DATA")
        return
    best = max(
        GAMMAS,
        key=lambda value: np.mean([psnr(high, _gamma(value)(low)) for low, high in images]),
    )
    compared = {f"gamma {best:.2f}, the best for all": _gamma(best), **methods(arguments.reference)}
    print(f"{len(images)} pairs\n")
    print("| method | PSNR (dB) | SSIM | brightness | newly clipped | hue shift |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, method in compared.items():
        rows = []
        for low, high in images:
            found = method(low)
            rows.append(
                (
                    psnr(high, found),
                    ssim(high, found),
                    found.mean() / 255,
                    clipped(found) - clipped(low),
                    hue_shift(low, found),
                )
            )
        means = np.mean(rows, axis=0)
        print(
            f"| {name} | {means[0]:.2f} | {means[1]:.3f} | {means[2]:.2f} | {means[3]:.2%} "
            f"| {means[4]:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
