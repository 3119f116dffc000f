"""Adapting weights to noisy images: judged on what was held out, kept only where it is of use."""

import functools
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from skdenoise import AutoencoderDenoiser, load, psnr
from skdenoise._adaptation import (
    LEAST_GAIN,
    STRIDE,
    Adaptation,
    Adapting,
    decided,
    decoded,
    encoded,
    masked_errors,
    sure_errors,
)
from skdenoise._containers import read_images
from skdenoise._learning import Learnt, large_enough


@pytest.fixture(scope="module")
def scene():
    """Return a gray photograph, (128, 128) uint8."""
    from skimage import data

    return data.camera()[64:192, 180:308]


@pytest.fixture
def speckled(scene):
    """Noise that the weights were not trained on: speckle as strong as the picture."""
    clean = scene / np.float32(255)
    return clean, (clean * np.random.default_rng(0).exponential(1, clean.shape)).astype("f4")


@pytest.fixture
def text():
    """Print, with white noise."""
    from skimage import data

    clean = data.page()[:128, :128] / np.float32(255)
    noise = np.random.default_rng(0).normal(0, 25 / 255, clean.shape)
    return clean, (clean + noise).astype(np.float32)


def test_no_pixel_is_both_learned_from_and_judged_on():
    X = [np.arange(40.0 * 9).reshape(40, 9), np.arange(1000.0, 1000 + 33 * 7).reshape(33, 7)]
    adapting = Adapting(read_images(X), "auto", 1.0)
    learned, judged = adapting.images, adapting.held_out
    assert judged.shapes == [(10, 9, 1), (9, 7, 1)]
    pixels = [np.concatenate([image.ravel() for image in some]) for some in (learned, judged)]
    everything = np.concatenate([image.ravel() for image in X])
    np.testing.assert_array_equal(np.sort(np.concatenate(pixels)), everything)


def test_few_of_many_images_are_judged():
    X = np.random.default_rng(0).random((50, 40, 5))
    adapting = Adapting(read_images(X), "auto", 1.0)
    assert len(adapting.images) == 100
    assert 4 <= len(adapting.held_out) <= 8


def test_what_learns_depends_on_how_much_there_is():
    X = np.random.default_rng(0).integers(0, 256, (16, 512, 512), np.uint8)
    small, large = read_images(X[:1]), read_images(X)
    trained = [Adapting(images, "auto", 1.0).trained for images in (small, large)]
    assert trained == ["gains", "all"]
    assert Adapting(small, "all", 1.0).trained == "all"
    assert large_enough(small) == list(range(len(small)))
    assert large_enough(read_images([np.zeros((31, 99)), np.zeros((32, 99))])) == [1]


decided_when_told = functools.partial(decided, was_told=True)


def errors_of(psnr_value, shape=(64, 64)):
    return [np.full(shape, 10 ** (-psnr_value / 10))]


def test_only_an_improvement_is_kept():
    before = errors_of(20.0)
    assert decided_when_told(before, errors_of(20.0 + 2 * LEAST_GAIN), "masked", "gains").kept
    assert not decided_when_told(before, errors_of(20.0 + 0.5 * LEAST_GAIN), "masked", "gains").kept
    assert not decided_when_told(before, errors_of(19.0), "sure", "all").kept
    found = decided_when_told(before, errors_of(21.0), "masked", "gains")
    assert (found.before, found.after) == pytest.approx((20, 21))
    assert found.least_gain == LEAST_GAIN


def kept_by_chance(gain, n_trials=400, n_images=1):
    """Return how often errors are said to be better that are so by a share, and otherwise noise."""
    rng = np.random.default_rng(0)
    kept = 0
    for _ in range(n_trials):
        before, after = rng.chisquare(1, (2, n_images, 64, 96))
        kept += decided_when_told(list(before), list((1 - gain) * after), "masked", "gains").kept
    return kept / n_trials


def test_chance_is_seldom_kept():
    assert kept_by_chance(0.0) == pytest.approx(0.025, abs=0.02)
    # The standard error is sqrt(2 x 2 / 6144) = 2.6 %.
    assert kept_by_chance(0.15) > 0.95
    assert kept_by_chance(0.04, n_images=8) > 0.95


def test_pixels_that_were_not_judged_do_not_count():
    rng = np.random.default_rng(0)
    before, after = rng.chisquare(1, (2, 60, 70))
    judged_rows = np.where(np.arange(60)[:, None] < 32, 1, np.nan)
    part = decided_when_told([before * judged_rows], [after * judged_rows], "masked", "gains")
    whole = decided_when_told([before[:32]], [after[:32]], "masked", "gains")
    for name in ("before", "after", "least_gain"):
        assert getattr(part, name) == pytest.approx(getattr(whole, name))


def test_a_single_square_tells_nothing():
    assert not decided_when_told(
        errors_of(20.0, (9, 9)), errors_of(30.0, (9, 9)), "masked", "gains"
    ).kept


def blurred(share):
    """Return what mixes an image with its local mean; it stands for a network."""

    def run(tasks):
        for task in tasks:
            mean = ndimage.uniform_filter(task.pixels, (9, 9, 1))
            yield task.pixels + share * (mean - task.pixels)

    return run


def judged(noisy, sigmas, before, after):
    adapting = Adapting(read_images(noisy[None]), "gains", 1.0)
    adapting.sigmas = sigmas
    return adapting.judge(lambda run: run, before, after, was_told=True)


def test_what_a_wrong_sigma_flatters_is_not_kept():
    noisy = np.random.default_rng(0).normal(0.5, 0.1, (256, 256)).astype("f4")
    smooth, rough = blurred(1.0), blurred(0.7)
    assert judged(noisy, [0.1, 0.1], rough, smooth).kept
    right = judged(noisy, [0.1, 0.1], smooth, rough)
    assert (right.kept, right.estimate) == (False, "sure")
    # Told of too little noise, Stein's lemma takes part of it for structure.
    wrong = judged(noisy, [0.08, 0.08], smooth, rough)
    assert (wrong.kept, wrong.estimate, wrong.told) == (False, "masked", True)


def test_structure_that_cannot_be_guessed_says_nothing_of_noise():
    rng = np.random.default_rng(0)
    texture = rng.normal(0.5, 0.2, (256, 256)).astype("f4")
    nothing, smooth = blurred(0.05), blurred(0.5)
    found = judged(texture, None, nothing, smooth)
    assert found.after > found.before
    assert (found.kept, found.least_gain, found.told) == (False, math.inf, True)

    def brighter(tasks):
        return (result + np.float32(0.05) for result in blurred(1.0)(tasks))

    assert judged(texture, None, brighter, blurred(1.0)).kept


def test_hidden_pixels_cannot_be_seen():
    images = read_images([np.random.default_rng(0).random((64, 64))])
    smooth = read_images([np.full((32, 32), 0.5)])
    (seen,) = masked_errors(lambda noisy: noisy, images, 1.0)
    (mean,) = masked_errors(
        lambda noisy: (np.full_like(image, 0.5) for image in noisy), images, 1.0
    )
    assert np.isfinite(seen).all()
    assert np.nanmean(mean) == pytest.approx(1 / 12, rel=0.07)  # the variance of the pixels
    assert np.nanmean(seen) > np.nanmean(mean)
    (exact,) = masked_errors(lambda noisy: noisy, smooth, 1.0)
    assert np.nanmax(exact) < 1e-10
    (scaled,) = masked_errors(lambda noisy: noisy, images, 2.0)
    np.testing.assert_allclose(scaled, seen / 4)


def test_of_many_pixels_some_are_hidden(monkeypatch):
    monkeypatch.setattr("skdenoise._adaptation.FEW", 1000)
    images = read_images([np.random.default_rng(0).random((64, 64))])
    (errors,) = masked_errors(lambda noisy: noisy, images, 1.0)
    assert np.isfinite(errors).mean() == 1 / STRIDE


def test_errors_are_estimated_where_noise_is_white():
    rng = np.random.default_rng(0)
    clean = np.broadcast_to(np.linspace(0, 2, 400), (2, 300, 400))[..., None]
    sigmas = 0.1, 0.3
    noisy = [image + rng.normal(0, s, image.shape) for image, s in zip(clean, sigmas, strict=True)]
    half = sure_errors(
        lambda images: (0.5 * image for image in images), read_images(noisy), sigmas, 2.0
    )
    for errors, image, original in zip(half, noisy, clean, strict=True):
        assert errors.shape == (300, 400)
        assert errors.mean() == pytest.approx(
            np.square(0.5 * image - original).mean() / 4, rel=0.02
        )
    exact = sure_errors(
        lambda images: (clean[0] + 0 * image for image in images),
        read_images(noisy[:1]),
        sigmas[:1],
        1.0,
    )
    assert exact[0].mean() >= 0.99 * 0.1**2 * np.sqrt(2 / 120_000)


def test_unknown_noise_is_learned_from_one_image(speckled, tmp_path):
    clean, noisy = speckled
    denoiser = AutoencoderDenoiser(epochs=40, random_state=0).fit(noisy[None])
    found = denoiser.adaptation_
    assert denoiser.learning_ == "adapted"
    assert found.kept
    assert (found.trained, found.estimate) == ("gains", "masked")
    assert found.after > found.before
    before = AutoencoderDenoiser(weights="natural").transform(noisy[None])[0]
    after = denoiser.transform(noisy[None])[0]
    assert psnr(clean, after, data_range=1) > psnr(clean, before, data_range=1) + 0.1
    denoiser.save(tmp_path / "adapted.safetensors")
    np.testing.assert_array_equal(
        load(tmp_path / "adapted.safetensors").transform(noisy[None])[0], after
    )


def test_images_unlike_photographs_are_learned_from_their_white_noise(text):
    clean, noisy = text
    X = noisy[None]
    denoiser = AutoencoderDenoiser(epochs=25, random_state=0).fit(X)
    found = denoiser.adaptation_
    assert (found.kept, found.estimate, found.trained, found.told) == (True, "sure", "gains", True)
    before = AutoencoderDenoiser(weights="natural").transform(X)[0]
    after = denoiser.transform(X)[0]
    assert psnr(clean, after, data_range=1) > psnr(clean, before, data_range=1) + 0.05
    # The estimates know the noise, not the clean image.
    assert found.after == pytest.approx(psnr(clean[48:80], after[48:80], data_range=1), abs=1.5)
    blind = denoiser._with(adaptation_=replace(found, told=False))
    assert not np.array_equal(blind.transform(X)[0], after)


def test_images_with_other_noise_are_left_out_where_most_have_white_noise(text, speckled):
    white, other = text[1], speckled[1]
    adapting = Adapting(read_images([white, other, white[:96]]), "auto", 1.0)
    assert [shape[1] for shape in adapting.images.shapes] == [128] * 4
    assert adapting.sigmas == pytest.approx([25 / 255] * 4, rel=0.1)
    assert adapting.sigmas[0] == adapting.sigmas[1] != adapting.sigmas[2] == adapting.sigmas[3]
    mixed = Adapting(read_images([white, other]), "auto", 1.0)
    assert (len(mixed.images), mixed.sigmas) == (4, None)


def test_adapted_weights_are_not_told_of_white_noise_after_loading_either(
    speckled, scene, tmp_path
):
    _, noisy = speckled
    denoiser = AutoencoderDenoiser(epochs=40, random_state=0).fit(noisy[None])
    assert denoiser.adaptation_.kept
    denoiser.save(tmp_path / "adapted.safetensors")
    again = load(tmp_path / "adapted.safetensors")
    assert again.adaptation_ == denoiser.adaptation_
    white = (scene + np.random.default_rng(1).normal(0, 25, scene.shape)).astype(np.float32) / 255
    X = white[None]
    np.testing.assert_array_equal(again.transform(X), denoiser.transform(X))
    told = AutoencoderDenoiser(weights="natural")
    told._remember(Learnt(denoiser.weights_, {}, "adapted"))
    told.n_channels_in_ = 1
    assert not np.array_equal(told.transform(X), denoiser.transform(X))


@pytest.mark.parametrize(
    "changed", [{"kept": 1}, {"told": 0}, {"estimate": "pairs"}, {"trained": "none"}, {"x": 1}]
)
def test_a_file_may_not_say_anything_else_of_it(changed):
    found = Adaptation(True, 20.0, 21.0, math.inf, "sure", "gains", told=False)
    assert decoded(encoded(found)) == found
    assert decoded(encoded(None)) is None
    with pytest.raises((TypeError, ValueError)):
        decoded({**encoded(found), **changed})


@pytest.mark.parametrize("trainable", ["gains", "all"])
def test_adapting_goes_on(speckled, trainable):
    _, noisy = speckled
    X = noisy[None]
    denoiser = AutoencoderDenoiser(trainable=trainable, random_state=0).partial_fit(X)
    first = denoiser.weights_
    for count in (2, 3):
        denoiser.partial_fit(X)
        assert denoiser.learning_ == "adapted"
        assert denoiser._learned_with == ("adam", trainable)
        assert denoiser.adaptation_.trained == trainable
        assert len(denoiser.history_["loss"]) == count
    assert denoiser._optimizer_state[0] > 2
    assert denoiser.weights_.keys() == first.keys()
    denoiser.set_params(optimizer="sgd").partial_fit(X)
    assert denoiser._learned_with == ("sgd", trainable)
    denoiser.set_params(warm_start=True, epochs=1).fit(X)
    assert denoiser.learning_ == "adapted"
    assert denoiser._optimizer_state is None


def test_trained_weights_stay_so_whatever_they_learn_from(speckled, tmp_path):
    scene, noisy = speckled
    X, y = (image[None].astype(np.float32) for image in (noisy, scene))
    denoiser = AutoencoderDenoiser(random_state=0).partial_fit(X)
    denoiser.partial_fit(X, y)
    assert denoiser.learning_ == "supervised"
    denoiser.save(tmp_path / "denoiser.safetensors")
    for one in (denoiser, load(tmp_path / "denoiser.safetensors")):
        one.partial_fit(X, y)
        assert one._learned_with == ("adam", "all")


def test_what_was_adapted_before_is_still_not_told(speckled):
    _, noisy = speckled
    denoiser = AutoencoderDenoiser(epochs=40, random_state=0).fit(noisy[None])
    assert denoiser.adaptation_.kept
    denoiser.set_params(warm_start=True, learning_rate=1e-30, epochs=1).fit(noisy[None])
    assert not denoiser.adaptation_.kept
    assert not denoiser.adaptation_.told


def test_adapting_that_diverges_keeps_what_it_began_with(speckled, monkeypatch):
    _, noisy = speckled
    denoiser = AutoencoderDenoiser(epochs=2, learning_rate=1e30, random_state=0)
    with pytest.raises(FloatingPointError):
        denoiser.fit(noisy[None])
    assert not hasattr(denoiser, "weights_")


def test_small_images_are_left_out(speckled):
    _, noisy = speckled
    denoiser = AutoencoderDenoiser(epochs=1, random_state=0)
    assert denoiser.fit([noisy, noisy[:31]]).learning_ == "adapted"
    alone = AutoencoderDenoiser(epochs=1, random_state=0).fit([noisy])
    assert denoiser.adaptation_ == alone.adaptation_


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


def test_weights_stay_where_the_noise_is_correlated(scene):
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 40, (64, 64)).repeat(2, axis=0).repeat(2, axis=1)
    noisy = ((scene + noise).astype(np.float32) / 255)[None]
    with pytest.warns(UserWarning, match="Nothing was learned: the noise .* clean images as y"):
        denoiser = AutoencoderDenoiser(epochs=1, random_state=0).fit(noisy)
    assert (denoiser.learning_, denoiser.adaptation_) == ("adapted", None)
    as_they_are = AutoencoderDenoiser(weights="natural").transform(noisy)
    np.testing.assert_array_equal(denoiser.transform(noisy), as_they_are)


def test_weights_stay_where_the_noise_is_clipped(text):
    noisy = np.rint(400 * text[1]).clip(0, 255).astype(np.uint8)[None]
    with pytest.warns(UserWarning, match="Nothing was learned: much of the noise .* is clipped"):
        denoiser = AutoencoderDenoiser(epochs=1, random_state=0).fit(noisy)
    assert (denoiser.learning_, denoiser.adaptation_) == ("adapted", None)
    as_they_are = AutoencoderDenoiser(weights="natural").transform(noisy)
    np.testing.assert_array_equal(denoiser.transform(noisy), as_they_are)


def test_tiny_images_cannot_be_adapted_to():
    X = np.random.default_rng(0).random((2, 16, 16))
    for weights in ("auto", "natural"):
        with pytest.warns(UserWarning, match="Nothing was learned.*weights=None to learn"):
            as_they_are = AutoencoderDenoiser(weights=weights).fit(X)
        assert (as_they_are.learning_, as_they_are.adaptation_) == ("adapted", None)
        np.testing.assert_array_equal(
            as_they_are.transform(X), AutoencoderDenoiser(weights="natural").transform(X)
        )
        with pytest.warns(UserWarning, match="Nothing was learned"):
            as_they_are.partial_fit(X)
        assert as_they_are.history_ == {}
        with pytest.warns(UserWarning, match="Nothing was learned"):
            as_they_are.partial_fit(5 * X)
        assert as_they_are.data_range_ == pytest.approx(5, rel=0.01)
    nothing = AutoencoderDenoiser(weights=None, epochs=1).fit(X)
    assert nothing.learning_ == "self-supervised"
    with pytest.raises(ValueError, match="'trainable' parameter"):
        AutoencoderDenoiser(trainable="some").fit(X)
