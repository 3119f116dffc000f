"""Adapting weights to noisy images: judged on what was held out, kept only where it is of use."""

import numpy as np
import pytest

from skdenoise import AutoencoderDenoiser, load, psnr
from skdenoise._adaptation import (
    LEAST_GAIN,
    Adaptation,
    can_adapt,
    masked_psnr,
    parts,
    what_to_train,
)
from skdenoise._images import read_images


@pytest.fixture(scope="module")
def scene():
    """Return a gray photograph, (128, 128) uint8."""
    from skimage import data

    return data.camera()[64:192, 180:308]


@pytest.fixture
def speckled(scene):
    """Noise that the weights were not trained on."""
    clean = scene / np.float32(255)
    return clean, (clean * np.random.default_rng(0).gamma(8, 1 / 8, clean.shape)).astype("f4")


def test_no_pixel_is_both_learned_from_and_judged_on():
    X = [np.arange(40.0 * 9).reshape(40, 9), np.arange(1000.0, 1000 + 33 * 7).reshape(33, 7)]
    learned, judged = parts(read_images(X))
    assert judged.shapes == [(10, 9, 1), (9, 7, 1)]
    pixels = [np.concatenate([image.ravel() for image in some]) for some in (learned, judged)]
    everything = np.concatenate([image.ravel() for image in X])
    np.testing.assert_array_equal(np.sort(np.concatenate(pixels)), everything)


def test_few_of_many_images_are_judged():
    learned, judged = parts(read_images(np.zeros((50, 40, 5))))
    assert len(learned) == 100
    assert 4 <= len(judged) <= 8


def test_what_learns_depends_on_how_much_there_is():
    small, large = (read_images(np.zeros((n, 512, 512), np.uint8)) for n in (1, 16))
    assert [what_to_train("auto", images) for images in (small, large)] == ["gains", "all"]
    assert what_to_train("all", small) == "all"
    assert can_adapt(small)
    assert not can_adapt(read_images(np.zeros((1, 31, 99))))


def test_only_an_improvement_is_kept():
    assert Adaptation.of(20.0, 20.0 + 2 * LEAST_GAIN, 1, "gains").kept
    assert not Adaptation.of(20.0, 20.0 + 0.5 * LEAST_GAIN, 1, "gains").kept
    assert not Adaptation.of(20.0, 19.0, 2, "all").kept


def test_hidden_pixels_cannot_be_seen():
    images = read_images([np.random.default_rng(0).random((64, 64))])
    smooth = read_images([np.full((32, 32), 0.5)])
    seen = masked_psnr(lambda noisy: noisy, images, 1.0)
    mean = masked_psnr(lambda noisy: (np.full_like(image, 0.5) for image in noisy), images, 1.0)
    assert mean == pytest.approx(10 * np.log10(12), abs=0.3)  # the variance of the pixels
    assert seen < mean
    assert masked_psnr(lambda noisy: noisy, smooth, 1.0) > 100


def test_unknown_noise_is_learned_from_one_image(speckled, tmp_path):
    clean, noisy = speckled
    denoiser = AutoencoderDenoiser(epochs=40, random_state=0).fit(noisy[None])
    found = denoiser.adaptation_
    assert denoiser.learning_ == "adapted"
    assert found.kept
    assert (found.trained, found.estimate, found.stride) == ("gains", "masked", 1)
    assert found.after > found.before
    before = AutoencoderDenoiser(weights="natural").transform(noisy[None])[0]
    after = denoiser.transform(noisy[None])[0]
    assert psnr(clean, after, data_range=1) > psnr(clean, before, data_range=1) + 0.1
    denoiser.save(tmp_path / "adapted.safetensors")
    np.testing.assert_array_equal(
        load(tmp_path / "adapted.safetensors").transform(noisy[None])[0], after
    )


def test_what_is_of_no_use_is_dropped(speckled):
    _, noisy = speckled
    denoiser = AutoencoderDenoiser(epochs=1, learning_rate=1e-30, random_state=0).fit(noisy[None])
    assert not denoiser.adaptation_.kept
    np.testing.assert_array_equal(
        denoiser.transform(noisy[None]),
        AutoencoderDenoiser(weights="natural").transform(noisy[None]),
    )


def test_all_weights_can_learn(speckled):
    _, noisy = speckled
    denoiser = AutoencoderDenoiser(trainable="all", epochs=2, random_state=0).fit(noisy[None])
    assert denoiser.adaptation_.trained == "all"


def test_correlated_noise_is_judged_by_pairs(scene):
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 40, (64, 64)).repeat(2, axis=0).repeat(2, axis=1)
    noisy = (scene + noise).astype(np.float32) / 255
    denoiser = AutoencoderDenoiser(epochs=1, random_state=0).fit(noisy[None])
    assert denoiser.adaptation_.stride > 1
    assert denoiser.adaptation_.estimate == "pairs"


def test_tiny_images_cannot_be_adapted_to():
    X = np.random.default_rng(0).random((2, 16, 16))
    as_they_are = AutoencoderDenoiser(weights="natural").fit(X)
    assert as_they_are.adaptation_ is None
    np.testing.assert_array_equal(
        as_they_are.transform(X), AutoencoderDenoiser(weights="natural").transform(X)
    )
    assert AutoencoderDenoiser(epochs=1).fit(X).learning_ == "self-supervised"
    with pytest.raises(ValueError, match="'trainable' parameter"):
        AutoencoderDenoiser(trainable="some").fit(X)
