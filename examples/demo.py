"""Train a denoiser on photographs, and compare it with classical methods on others: `make demo`.

The photographs are those that scikit-image ships, so nothing is downloaded. Four of them are
held out; they look like none of the others. They get Gaussian noise of three strengths, which
no method is told: the denoiser is blind, and the classical methods estimate the strength as
their documentation proposes.
"""

import argparse
import os
import time
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "agg")

import numpy as np
from PIL import Image, ImageDraw
from skimage import data
from skimage.color import rgb2gray
from skimage.restoration import (
    cycle_spin,
    denoise_nl_means,
    denoise_tv_chambolle,
    denoise_wavelet,
    estimate_sigma,
)

from skdenoise import AutoencoderDenoiser, NoiseInjector, psnr, ssim

HELD_OUT = ["astronaut", "camera", "chelsea", "coffee"]
TRAINING = [
    "brick",
    "cell",
    "clock",
    "coins",
    "grass",
    "gravel",
    "hubble_deep_field",
    "immunohistochemistry",
    "moon",
    "page",
    "retina",
    "rocket",
    "stereo_motorcycle",
    "text",
]
SIGMAS = [15, 25, 50]
SECONDS = 180
PICTURE = Path("results") / "demo.png"


def photographs(names):
    """Return gray photographs, (H, W) uint8; the two of the stereo pair both."""
    found = []
    for name in names:
        images = getattr(data, name)()
        # The third part of the stereo pair is a map of distances.
        for image in images[:2] if isinstance(images, tuple) else [images]:
            gray = image if image.ndim == 2 else np.rint(255 * rgb2gray(image)).astype(np.uint8)
            found.append(gray)
    return found


def with_noise(clean, sigma):
    """Return a float image, black 0 and white 1 but for the noise, which is not clipped."""
    noise = np.random.RandomState(0).standard_normal(clean.shape)
    return (clean / 255 + sigma / 255 * noise).astype(np.float32)


def to_gray_levels(image):
    """Clip and round to uint8, as a file would hold it."""
    return np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)


def non_local_means(noisy):
    """Settings of the scikit-image gallery, "Non-local means denoising"."""
    sigma = estimate_sigma(noisy)
    return denoise_nl_means(
        noisy, h=0.6 * sigma, sigma=sigma, fast_mode=True, patch_size=5, patch_distance=6
    )
