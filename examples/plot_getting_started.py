"""
Getting started
===============

Train a denoiser on clean photographs, and remove noise from one that it never saw.
"""

# %%
# Images
# ------
# Images are arrays, or lists of arrays where their sizes differ. Integers and floats, gray and
# color are all welcome, and the result is always of the same kind. These photographs are gray,
# with pixels from 0 to 255.

from skimage import data

clean_images = [data.brick(), data.coins(), data.grass(), data.gravel(), data.moon(), data.text()]
photograph = data.camera()[None]  # images come first: (1, 512, 512)

# %%
# Noise
# -----
# :class:`~skdenoise.NoiseInjector` adds noise. ``sigma`` is its standard deviation in the units
# of the images, here gray levels.

from skdenoise import NoiseInjector, estimate_noise

noisy = NoiseInjector(sigma=25, random_state=0).fit_transform(photograph)
print(noisy.dtype, noisy.shape)
print(f"Estimated from the noisy photograph alone: {estimate_noise(noisy).sigma[0]:.1f}")

# %%
# Learning
# --------
# :class:`~skdenoise.AutoencoderDenoiser` has a noise of its own for learning from clean images:
# each patch is given fresh noise every time it is seen. "gaussian_range" draws the strength, too,
# so that the denoiser copes with noise of any strength up to that ``sigma``. A nano network and
# a few epochs keep this page quick.

from skdenoise import AutoencoderDenoiser

denoiser = AutoencoderDenoiser(
    size="nano",
    noise=NoiseInjector("gaussian_range", sigma=50),
    epochs=15,
    batch_size=16,
    random_state=0,
)
denoiser.fit(clean_images)

# %%
# One of the images was held out, to see how well the network does on what it does not learn from.

from skdenoise.plotting import DenoisingDisplay, HistoryDisplay

display = HistoryDisplay.from_estimator(denoiser)

# %%
# Denoising
# ---------
# ``transform`` takes any number of images of any size.

denoised = denoiser.transform(noisy)
print(denoised.dtype, denoised.shape)

# %%
# How good is it? A peak signal-to-noise ratio says so in decibels.

from skdenoise import psnr, ssim

for name, images in {"noisy": noisy, "denoised": denoised}.items():
    print(f"{name}: {psnr(photograph, images):.2f} dB, SSIM {ssim(photograph, images):.3f}")

# %%
# The last panel shows what was removed. It should look like noise; where edges show in it, the
# denoiser took some of the photograph away, too, and should learn longer.

display = DenoisingDisplay.from_estimator(denoiser, noisy, photograph, zoom=(60, 130, 192, 192))

# %%
# Keeping it
# ----------
# One file holds the parameters and the weights, and no code, so a file from somebody else can be
# loaded without trusting them.

import tempfile
from pathlib import Path

import skdenoise

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "denoiser.safetensors"
    denoiser.save(path)
    print(f"{path.stat().st_size / 1000:.0f} kB")
    again = skdenoise.load(path)

print((again.transform(noisy) == denoised).all())
