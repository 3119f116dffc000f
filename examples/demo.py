"""Train a denoiser on photographs, and compare it with classical methods on others.

The photographs are those that scikit-image ships, so nothing is downloaded. Four of them are
held out; the others show different things. The held-out ones get Gaussian noise of three
strengths, which no method is told: the denoiser is blind, and the classical methods estimate
the strength, as the documentation of scikit-image proposes.
"""

import argparse
import os
import time
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from skimage import data
from skimage.color import rgb2gray
from skimage.restoration import (
    cycle_spin,
    denoise_nl_means,
    denoise_tv_chambolle,
    denoise_wavelet,
    estimate_sigma,
)

import skdenoise
from skdenoise import AutoencoderDenoiser, NoiseInjector, psnr, ssim
from skdenoise._cli._waking import wake_keras

HELD_OUT = ["astronaut", "camera", "chelsea", "coffee"]
TRAINING = [
    "brick",
    "coins",
    "grass",
    "gravel",
    "immunohistochemistry",
    "moon",
    "page",
    "rocket",
    "stereo_motorcycle",
    "text",
]
SIGMAS = [15, 25, 50]
PICTURE = Path("results") / "demo.png"
# What the picture shows: photograph, sigma, and the upper left corner of a square.
SHOWN = [("astronaut", 25, (60, 130)), ("chelsea", 50, (20, 110))]
SIDE = 256


def photographs(name):
    """Return the gray photographs of that name, (H, W) uint8; there are two in a stereo pair."""
    images = getattr(data, name)()
    # The third part of the stereo pair is a map of distances.
    images = images[:2] if isinstance(images, tuple) else [images]
    return [
        image if image.ndim == 2 else np.rint(255 * rgb2gray(image)).astype(np.uint8)
        for image in images
    ]


def add_noise(clean, sigma):
    """Return a float image, 0 is black and 1 is white; the noise may exceed both."""
    noise = np.random.RandomState(0).standard_normal(clean.shape)
    return (clean / 255 + sigma / 255 * noise).astype(np.float32)


def to_gray_levels(image):
    """Clip and round to uint8, as a file would hold it."""
    return np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)


def train(seconds):
    """Learn from photographs with fresh noise of any strength at every step."""
    clean = [photograph for name in TRAINING for photograph in photographs(name)]
    print(f"Training on {len(clean)} photographs for {seconds:g} seconds.", flush=True)
    denoiser = AutoencoderDenoiser(
        size="nano",
        noise=NoiseInjector("gaussian_range", sigma=55),
        epochs=None,
        time_budget=seconds,
        batch_size=16,
        validation_fraction=0,
        random_state=0,
        verbose=1,
    )
    return denoiser.fit(clean)


# The classical methods, after the gallery of scikit-image. Where there was a choice, it is the one
# that does best on the very photographs of the table: h of 0.6 or 0.8 sigma, the wavelet db1 or
# sym4, a weight of TV of 0.75, 1, 1.25, 1.5 or 2 sigma.


def non_local_means(noisy):
    """Average similar patches."""
    sigma = estimate_sigma(noisy)
    return denoise_nl_means(
        noisy, h=0.6 * sigma, sigma=sigma, fast_mode=True, patch_size=5, patch_distance=6
    )


def wavelets(noisy):
    """Shrink coefficients by BayesShrink, averaged over 16 shifts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "dask is not installed"
        return cycle_spin(
            noisy,
            func=denoise_wavelet,
            max_shifts=3,
            func_kw={"method": "BayesShrink", "mode": "soft", "rescale_sigma": True},
        )


def total_variation(noisy):
    """Minimize the total variation."""
    return denoise_tv_chambolle(noisy, weight=0.75 * estimate_sigma(noisy))


def compare(methods):
    """Denoise every held-out photograph; return numbers and images by (method, name, sigma)."""
    numbers, images = {}, {}
    for name in HELD_OUT:
        (clean,) = photographs(name)
        for sigma in SIGMAS:
            noisy = add_noise(clean, sigma)
            numbers["noisy", name, sigma] = (
                psnr(clean / 255, noisy.astype(float)),
                ssim(clean / 255, noisy.astype(float)),
                0.0,
            )
            images["noisy", name, sigma] = to_gray_levels(noisy)
            images["reference", name, sigma] = clean
            for method, denoise in methods.items():
                started = time.perf_counter()
                denoised = to_gray_levels(denoise(noisy))
                seconds = time.perf_counter() - started
                found = psnr(clean, denoised), ssim(clean, denoised), seconds
                numbers[method, name, sigma] = found
                images[method, name, sigma] = denoised
    return numbers, images


def mean(numbers, method, sigmas=SIGMAS):
    """Return the mean PSNR, SSIM and seconds of a method."""
    return np.mean([numbers[method, name, sigma] for name in HELD_OUT for sigma in sigmas], axis=0)


def table(numbers, methods):
    """Return the means over the held-out photographs as text."""
    heads = [f"sigma {sigma}" for sigma in SIGMAS]
    rows = [["PSNR in dB / SSIM", *heads, "mean", "seconds"]]
    for method in ["noisy", *methods]:
        means = [mean(numbers, method, [sigma]) for sigma in SIGMAS]
        overall = mean(numbers, method)
        cells = [f"{one[0]:.2f} / {one[1]:.3f}" for one in [*means, overall]]
        rows.append([method, *cells, f"{overall[2]:.2f}" if method != "noisy" else ""])
    first, *others = (max(map(len, column)) for column in zip(*rows, strict=True))
    lines = [
        row[0].ljust(first)
        + "".join("  " + cell.rjust(width) for cell, width in zip(row[1:], others, strict=True))
        for row in rows
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def picture(numbers, images, methods):
    """Return the parts in SHOWN before and after, beside the reference."""
    columns = ["noisy", *methods, "reference"]
    margin, line = 8, 22
    width = len(columns) * (SIDE + margin) + margin
    height = len(SHOWN) * (SIDE + line + margin) + margin
    canvas = Image.new("L", (width, height), 255)
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(size=15)
    for row, (name, sigma, (top, left)) in enumerate(SHOWN):
        y = margin + row * (SIDE + line + margin)
        for column, method in enumerate(columns):
            x = margin + column * (SIDE + margin)
            label = method
            if method == "noisy":
                label = f"noisy, sigma {sigma}"
            if method != "reference":
                label += f", {numbers[method, name, sigma][0]:.2f} dB"
            pen.text((x, y), label, fill=0, font=font)
            part = images[method, name, sigma][top : top + SIDE, left : left + SIDE]
            canvas.paste(Image.fromarray(part), (x, y + line))
    return canvas


def main():
    """Train, compare, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--seconds",
        type=float,
        default=float(os.environ.get("SKDENOISE_DEMO_SECONDS", "200")),
        help="how long to train (default: SKDENOISE_DEMO_SECONDS, or 200)",
    )
    started = time.perf_counter()
    seconds = parser.parse_args().seconds
    wake_keras()
    denoiser = train(seconds)
    methods = {
        "wavelets": wavelets,
        "total variation": total_variation,
        "non-local means": non_local_means,
        "skdenoise": lambda noisy: denoiser.transform(noisy[None])[0],
        "skdenoise, weights of the package": skdenoise.denoise,
    }
    for method in methods.values():
        method(add_noise(np.zeros((32, 32)), 25))  # the first call may trace a network
    print(f"Denoising {', '.join(HELD_OUT)}, which it never saw.", flush=True)
    numbers, images = compare(methods)
    print(f"\n{table(numbers, methods)}\n")
    print("Means over the photographs. Seconds are per image. No method is told sigma.")
    print("The weights of the package have learned from other photographs, for hours.")
    PICTURE.parent.mkdir(exist_ok=True)
    shown = ["non-local means", "skdenoise"]
    picture(numbers, images, shown).save(PICTURE)
    print(f"\nThe picture is in {PICTURE.resolve()}")
    print(f"All this took {time.perf_counter() - started:.0f} seconds.")


if __name__ == "__main__":
    main()
