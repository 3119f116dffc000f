"""
Choosing an architecture
========================

What the networks cost, and what they reach after the same short training.
"""

# %%
# The cost of a network
# ---------------------
# The multiply-accumulates of a network, per pixel of the image, say how long it takes to denoise,
# and three times as long to learn. They are counted on a copy for images of 64 x 64 pixels.

import keras


def multiply_accumulates(model):
    """Return the multiply-accumulates of the convolutions per pixel."""
    side = 64
    inputs = [keras.Input((side, side, item.shape[-1])) for item in model.inputs]
    copy = keras.models.clone_model(model, inputs if len(inputs) > 1 else inputs[0])
    total = 0
    for layer in copy.layers:
        if isinstance(layer, keras.layers.Conv2DTranspose):
            total += layer.input.shape[1] * layer.input.shape[2] * layer.kernel.numpy().size
        elif isinstance(layer, keras.layers.Conv2D):
            total += layer.output.shape[1] * layer.output.shape[2] * layer.kernel.numpy().size
    return total / side**2


# %%
# :mod:`skdenoise.networks` has one function for each; "unet" comes in three sizes.

from skdenoise.networks import autoencoder, dncnn, ridnet, unet

models = {
    "autoencoder": autoencoder(),
    "unet, nano": unet(size="nano"),
    "unet, small": unet(size="small"),
    "unet, base": unet(size="base"),
    "dncnn": dncnn(),
    "ridnet": ridnet(),
}
costs = {name: multiply_accumulates(model) for name, model in models.items()}
print("network       parameters  kMAC per pixel")
for name, model in models.items():
    print(f"{name:12}  {model.count_params():10,}  {costs[name] / 1000:14.1f}")

# %%
# The same patches for each
# -------------------------
# The three cheapest learn from the same photographs with the same noise, three passes over each,
# and then denoise one that they never saw. That is little: the larger the network, the more it
# gains from learning longer. Give each network what you are going to give it, on your images.

import time

from skimage import data

from skdenoise import AutoencoderDenoiser, NoiseInjector, psnr

clean_images = [data.brick(), data.coins(), data.grass(), data.gravel(), data.moon(), data.text()]
photograph = data.camera()[None]
noisy = NoiseInjector(sigma=25, random_state=0).fit_transform(photograph)

candidates = {
    "autoencoder": {"architecture": "autoencoder"},
    "unet, nano": {"size": "nano"},
    "unet, small": {"size": "small"},
}
denoised = {}
print("network           PSNR  learning in  denoising in")
print(f"{'noisy':12}  {psnr(photograph, noisy):.2f} dB")
for name, parameters in candidates.items():
    denoiser = AutoencoderDenoiser(
        **parameters,
        noise=NoiseInjector(sigma=25),
        epochs=3,
        batch_size=8,
        validation_fraction=0,
        random_state=0,
    )
    started = time.perf_counter()
    denoiser.fit(clean_images)
    learning = time.perf_counter() - started
    denoiser.transform(noisy)  # the first call also traces the network
    started = time.perf_counter()
    denoised[name] = denoiser.transform(noisy)
    denoising = time.perf_counter() - started
    decibels = psnr(photograph, denoised[name])
    print(f"{name:12}  {decibels:.2f} dB  {learning:10.1f} s  {denoising:11.2f} s")

# %%

import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 4, figsize=(13, 3.7), layout="constrained")
for ax, (name, images) in zip(axes, {"noisy": noisy, **denoised}.items(), strict=True):
    ax.imshow(images[0, 60:200, 150:290], cmap="gray", vmin=0, vmax=255)
    ax.set_title(f"{name}, {psnr(photograph, images):.1f} dB")
    ax.set_axis_off()

# %%
# What to take
# ------------
# - "unet" is made for this package: it works at three scales, has no biases, so that it copes with
#   noise of a strength that it never saw, and may be told the strength of the noise. "nano" is for
#   searches and first looks, "small" for a processor, "base" for a graphics card or a night.
# - "dncnn" and "ridnet" are the networks of their papers, for comparison.
# - "autoencoder" is the convolutional autoencoder of the Keras tutorials. It is the smallest, it
#   passes the image through a bottleneck, and it expects pixels in [0, 1] or integers.
#
# Or bring your own: ``architecture`` takes a function of the number of channels that returns a
# Keras model for images of any size.


def two_layers(n_channels):
    """Subtract what a hidden layer finds."""
    noisy = keras.Input((None, None, n_channels))
    hidden = keras.layers.Conv2D(16, 5, padding="same", activation="relu")(noisy)
    noise = keras.layers.Conv2D(n_channels, 5, padding="same")(hidden)
    return keras.Model(noisy, noisy - noise)


denoiser = AutoencoderDenoiser(
    two_layers, noise=NoiseInjector(sigma=25), epochs=3, batch_size=8, random_state=0
)
print(f"two layers: {psnr(photograph, denoiser.fit(clean_images).transform(noisy)):.2f} dB")
