"""
The catalog of noise models
===========================

Every name that :class:`~skdenoise.NoiseInjector` knows, on the same photograph.
"""

# %%
# ``noise_factor`` says how strong the noise is, on images scaled to [0, 1]. For most models it is
# a standard deviation; for impulses it is a fraction of the pixels; the class documents it for
# each. It is 0.1 here, but for JPEG, of which one sees nothing before 0.9.

import matplotlib.pyplot as plt
from skimage import data

from skdenoise import NoiseInjector, psnr
from skdenoise.noise import NOISE_MODELS

clean = data.camera()[None, 60:188, 160:288]

figure, axes = plt.subplots(3, 7, figsize=(14, 7.2), layout="constrained")
for ax, name in zip(axes.flat, NOISE_MODELS, strict=True):
    factor = 0.9 if name == "jpeg" else 0.1
    noisy = NoiseInjector(name, noise_factor=factor, random_state=0).fit_transform(clean)
    ax.imshow(noisy[0], cmap="gray", vmin=0, vmax=255)
    ax.set_title(f"{name}\n{psnr(clean, noisy):.1f} dB", fontsize=10)
    ax.set_axis_off()

# %%
# Other words for the strength
# ----------------------------
# ``sigma`` is a standard deviation in the units of the image, gray levels for integers: the 25 of
# the papers is ``sigma=25``. Models that count photons take their number in a white pixel as
# ``peak``. Further parameters go into ``noise_params``; a list is applied one after the other;
# and any function of an image and a generator is a noise, too.


def fog(image, rng):
    """Lift the dark parts at random."""
    return image + rng.uniform(0.1, 0.3) * (1 - image)


injectors = {
    "sigma=25": NoiseInjector(sigma=25, random_state=0),
    '"poisson", peak=30': NoiseInjector("poisson", peak=30, random_state=0),
    '"correlated", sigma=25,\nnoise_params={"length": 2}': NoiseInjector(
        "correlated", sigma=25, noise_params={"length": 2}, random_state=0
    ),
    '[("poisson", {"peak": 50}),\n("dead_pixels", {"fraction": 0.02})]': NoiseInjector(
        [("poisson", {"peak": 50}), ("dead_pixels", {"fraction": 0.02})], random_state=0
    ),
    "fog": NoiseInjector(fog, random_state=0),
}
figure, axes = plt.subplots(1, 5, figsize=(15, 3.6), layout="constrained")
for ax, (title, injector) in zip(axes, injectors.items(), strict=True):
    ax.imshow(injector.fit_transform(clean)[0], cmap="gray", vmin=0, vmax=255)
    ax.set_title(title, fontsize=9)
    ax.set_axis_off()

# %%
# How strong is the noise of an image?
# ------------------------------------
# :func:`~skdenoise.estimate_noise` measures it, and says whether neighbors share it: noise that
# was enlarged or compressed is correlated, and a single number then says little.

from skdenoise import estimate_noise

whole = data.camera()[None]
for injector in (
    NoiseInjector(sigma=25, random_state=0),
    NoiseInjector("correlated", sigma=25, noise_params={"length": 2}, random_state=0),
):
    found = estimate_noise(injector.fit_transform(whole))
    print(f"sigma {found.sigma[0]:.1f}, correlated: {found.correlated[0]}")
