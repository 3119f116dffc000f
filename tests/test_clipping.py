"""Noise that was clipped is told from noise that was not, and from photons that were counted."""

import numpy as np
import pytest

from skdenoise.noise._clipping import share_of_clipped_noise

RNG = np.random.default_rng(0)
WHITE_BELOW = np.where(np.arange(120)[:, None] < 90, 0.5, 1.0) * np.ones((120, 80))


def noisy(clean, sigma=0.1):
    return clean + RNG.normal(0, sigma, clean.shape)


def in_bytes(image):
    return np.rint(255 * image.clip(0, 1)) / 255


@pytest.mark.parametrize("kept", [in_bytes, lambda image: image.clip(0, 1)])
@pytest.mark.parametrize("turned_round", [False, True])
def test_the_share_is_where_noise_ends(kept, turned_round):
    image = kept(noisy(WHITE_BELOW))
    if turned_round:
        image = 1 - image
    assert share_of_clipped_noise([image[..., None]]) == pytest.approx(0.25, abs=0.03)
    windows = [image[:60, :, None], image[60:, :, None]]
    assert share_of_clipped_noise(windows) == pytest.approx(0.25, abs=0.03)
    both = np.stack([image, 0.5 + 0 * image], axis=-1)
    assert share_of_clipped_noise([both]) == pytest.approx(0.125, abs=0.015)


@pytest.mark.parametrize(
    "image",
    [
        noisy(WHITE_BELOW),
        WHITE_BELOW,
        np.rint(noisy(255 * WHITE_BELOW, 1.0)).clip(0, 255),
        RNG.poisson(np.where(WHITE_BELOW < 1, 4.0, 0.3)).astype(float),
        np.full((40, 40), 3.0),
        np.zeros((1, 1)),
    ],
    ids=["as it was", "none", "weak", "counted", "constant", "a pixel"],
)
def test_what_was_not_clipped_is_not_said_to_be(image):
    assert share_of_clipped_noise([image[..., None]]) < 0.05
