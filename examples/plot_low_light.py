"""
Dark photographs
================

Brighten a photograph that was exposed too little, remove the noise that this brings to light, and
see what the network did.
"""

# %%
# A dark photograph
# -----------------
# A photograph is made darker by three stops, in linear light as a camera would see it, with the
# noise of the few photons that are left.

import numpy as np
from skimage import data

from skdenoise.noise import shot_read

photograph = data.coffee()[40:296, 150:470]
light = (photograph / 255) ** 2.2 / 2**3
seen = shot_read(light, shot=0.0005, rng=np.random.default_rng(0))
dark = np.rint(255 * seen.clip(0, 1) ** (1 / 2.2)).astype(np.uint8)

# %%
# Brightening
# -----------
# :class:`~skdenoise.ZeroDCEEnhancer` comes with weights, so there is nothing to fit. It takes
# containers of images like all of scikit-learn's estimators take tables; ``dark[None]`` is one
# image.

from skdenoise import ZeroDCEEnhancer

enhancer = ZeroDCEEnhancer(weights="default")
bright = enhancer.transform(dark[None])
print(f"Mean brightness: {dark.mean() / 255:.2f} before, {bright.mean() / 255:.2f} after")

# %%
# The network draws a curve for every pixel. A curve never leaves the range from black to white,
# and where it brightens shadows, it is steep: that is what amplifies their noise.

from skdenoise.plotting import CurvesDisplay

display = CurvesDisplay.from_estimator(enhancer, dark[None])

# %%
# How bright
# ----------
# How bright a picture should be is a matter of taste. ``exposure`` is the mean brightness that is
# wanted; nothing is learnt again. ``keep_hue`` brightens the channels of a pixel by one factor.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 4, figsize=(12, 2.8), layout="constrained")
axes[0].imshow(dark)
axes[0].set_title("dark")
for ax, exposure in zip(axes[1:], (0.25, 0.35, 0.45), strict=True):
    enhancer = ZeroDCEEnhancer(weights="default", exposure=exposure, keep_hue=True)
    ax.imshow(enhancer.transform(dark[None])[0])
    ax.set_title(f"exposure={exposure}")
for ax in axes:
    ax.set_axis_off()

# %%
# Noise
# -----
# A denoiser within the enhancer works before the image is brightened, or after it: then it is
# told how strong the noise has become at each pixel, by the slope of its curve. Here we know the
# photograph as it was, and can see what either is worth. The brightness that is wanted is that of
# the photograph, so that PSNR tells of noise, rather than of taste.

from skdenoise import AutoencoderDenoiser, psnr, ssim

settings = {"weights": "default", "exposure": photograph.mean() / 255, "keep_hue": True}
denoiser = AutoencoderDenoiser(weights="natural")
results = {
    "brightened": ZeroDCEEnhancer(**settings),
    "denoised before": ZeroDCEEnhancer(**settings, denoiser=denoiser),
    "denoised after": ZeroDCEEnhancer(**settings, denoiser=denoiser, denoise="after"),
}
figure, axes = plt.subplots(1, 4, figsize=(12, 3.6), layout="constrained")
part = slice(60, 200), slice(90, 230)
for ax, (name, enhancer) in zip(axes, results.items(), strict=False):
    found = enhancer.transform(dark[None])[0]
    ax.imshow(found[part])
    ax.set_title(f"{name}\n{psnr(photograph, found):.1f} dB, SSIM {ssim(photograph, found):.2f}")
axes[3].imshow(photograph[part])
axes[3].set_title("as it was")
for ax in axes:
    ax.set_axis_off()

# %%
# What was done to it
# -------------------
# Most dark photographs have no bright twin. Some things can be told without: whether highlights
# were lost, whether colors changed, whether what was lighter is still lighter. Each of these
# numbers has a scorer, such as ``exposure_scorer``, for a search over the parameters.

from skdenoise import clipped_share, color_shift, exposure_error, hue_shift, lightness_order_error

candidates = {
    "untouched": dark[None],
    "weights as they are": bright,
    "keep_hue": results["brightened"].transform(dark[None]),
}
print(f"{'':20} exposure  clipped   hue  color  order")
for name, found in candidates.items():
    print(
        f"{name:20} {exposure_error(found):8.3f} {clipped_share(dark[None], found):8.2%}"
        f" {hue_shift(dark[None], found):5.1f} {color_shift(dark[None], found):6.1f}"
        f" {lightness_order_error(dark[None], found):6.3f}"
    )
