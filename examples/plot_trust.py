"""
Can the result be trusted?
==========================

What the removed noise says about a result without a clean image, and how wide the doubt about each
pixel is.
"""

# %%
# A denoiser
# ----------
# A nano network learns from a few photographs, for a few seconds, and denoises another one.

from skimage import data

from skdenoise import AutoencoderDenoiser, NoiseInjector

photograph = data.camera()[None]
noisy = NoiseInjector(sigma=25, random_state=0).fit_transform(photograph)

denoiser = AutoencoderDenoiser(
    size="nano",
    noise=NoiseInjector("gaussian_range", sigma=50),
    epochs=10,
    batch_size=16,
    random_state=0,
)
denoiser.fit([data.brick(), data.coins(), data.grass(), data.gravel(), data.moon(), data.text()])
denoised = denoiser.transform(noisy)

# %%
# The removed noise as a witness
# ------------------------------
# :func:`~skdenoise.denoising_report` needs the noisy and the denoised image only. What was removed
# should be as strong as the noise (``ratio`` below 1, but not far), white (``corr.`` about 0), and
# without edges (``leak`` about 0). With the denoiser at hand, it estimates the PSNR, too.

from skdenoise import denoising_report, psnr

report = denoising_report(noisy, denoised, denoiser=denoiser)
print(report)
print(f"True PSNR, for which a clean image is needed: {psnr(photograph, denoised):.2f} dB")

# %%
# The estimate is too favorable by as much as the black coat explains: 8-bit pixels stop at 0, so
# noise there has no longer a mean of 0, which nobody can see without the clean image.

# %%
# A blur removes noise as well, and edges with it. The report says so.

from scipy import ndimage

blurred = ndimage.gaussian_filter(noisy, (0, 1.5, 1.5))
print(denoising_report(noisy, blurred))

# %%
# It shows, too: nothing of the photograph should be recognized in the residual, and where the last
# panel is red, more was removed than noise.

from skdenoise.plotting import ReportDisplay

display = ReportDisplay.from_images(noisy, denoised, zoom=(60, 130, 192, 192))
display = ReportDisplay.from_images(noisy, blurred, zoom=(60, 130, 192, 192))

# %%
# Eight opinions
# --------------
# The network does not see an image and its mirror image quite alike. ``n_augment=8`` averages over
# all flips and quarter turns, which is a little better, and ``predict`` tells by how much they
# differ. That is a hint at where the network is unsure, but not a calibrated one.

denoiser.set_params(n_augment=8)
averaged, deviation = denoiser.predict(noisy, return_std=True)
print(f"one: {psnr(photograph, denoised):.2f} dB, eight: {psnr(photograph, averaged):.2f} dB")

# %%
# Intervals
# ---------
# :class:`~skdenoise.ConformalDenoiser` compares denoised with clean images which the denoiser has
# not learnt from, and finds the width with which 90 % of the clean pixels lie in their intervals:
# in expectation over images *like these*. So the photograph is cut into 64 pieces, of which 40 are
# for calibration, and the others for a test.

import numpy as np
from skimage.util import view_as_blocks

from skdenoise import ConformalDenoiser

pieces = view_as_blocks(photograph[0], (64, 64)).reshape(-1, 64, 64)
pieces = np.random.default_rng(0).permutation(pieces)
noise = NoiseInjector(sigma=25, random_state=1)

conformal = ConformalDenoiser(denoiser, confidence=0.9, noise=noise).fit(pieces[:40])

test = pieces[40:]
shares = conformal.coverage(noise.fit_transform(test), test, per_image=True)
print(f"Clean pixels inside: {shares.mean():.1%} of all, {shares.min():.1%} in the worst piece")

# %%
# Intervals are wide at edges and narrow in the sky.

import matplotlib.pyplot as plt

low, high = conformal.predict_interval(noisy)
part = slice(60, 252), slice(130, 322)
figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
panels = {
    "denoised": (averaged[0], "gray"),
    "width of the interval": (high[0].astype(int) - low[0], "viridis"),
    "outside": ((photograph[0] < low[0]) | (photograph[0] > high[0]), "gray_r"),
}
for ax, (title, (pixels, colors)) in zip(axes, panels.items(), strict=True):
    ax.imshow(pixels[part], cmap=colors)
    ax.set_title(title)
    ax.set_axis_off()
bar = figure.colorbar(axes[1].images[0], ax=axes[1])
