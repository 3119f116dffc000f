"""The weights that come with the package: for any image, better than before, and described."""

import json
from itertools import pairwise

import numpy as np
import pytest
from skimage import data
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import skdenoise
from skdenoise import AutoencoderDenoiser, denoise, load, model_cards, psnr
from skdenoise._choices import KINDS
from skdenoise._cli import main
from skdenoise._precision import are_losses
from skdenoise._shipped import FOLDER, shipped_name

CARD = {
    "name": str,
    "estimator": str,
    "weights": str,
    "architecture": str,
    "size": str | None,
    "n_channels": int,
    "n_parameters": int,
    "data": list,
    "license": str,
    "command": list,
    "seed": int,
    "hours": float,
    "hardware": str,
    "remarks": list,
    "metrics": dict,
    "limits": list,
    "precision_loss": dict,
}
CARDS = model_cards()
DENOISERS = [card for card in CARDS if card["estimator"] == "AutoencoderDenoiser"]


def noisy(photo, sigma, seed=0):
    noise = np.random.default_rng(seed).normal(0, sigma, photo.shape)
    return np.clip(photo + noise, 0, 255).round().astype(np.uint8)


# Files and cards


def test_there_are_weights_for_gray_and_color_images():
    assert {(card["weights"], card["n_channels"]) for card in DENOISERS} >= {
        ("natural", 1),
        ("natural", 3),
    }


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card["name"])
def test_all_cards_have_the_same_entries_of_the_same_types(card):
    assert list(card) == list(CARD)
    for entry, kind in CARD.items():
        assert isinstance(card[entry], kind)
        assert card[entry] not in ("", {}, []) or entry == "remarks"
    for entry in ("data", "command", "remarks", "limits"):
        assert all(isinstance(sentence, str) for sentence in card[entry])
    assert all(isinstance(found, str) for found in card["metrics"].values())
    assert set(card["precision_loss"]) == {"bfloat16", "int8"}
    assert are_losses(card["precision_loss"])


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card["name"])
def test_a_card_says_what_its_weights_are(card):
    path = FOLDER / f"{card['name']}.safetensors"
    estimator = load(path)
    assert type(estimator).__name__ == card["estimator"]
    assert estimator.architecture == card["architecture"]
    assert sum(array.size for array in estimator.weights_.values()) == card["n_parameters"]
    assert path.stat().st_size < min(2 * card["n_parameters"] + 10_000, 10e6)


@pytest.mark.parametrize("card", DENOISERS, ids=lambda card: card["name"])
def test_weights_of_denoisers_are_found_by_what_their_card_says(card):
    denoiser = load(FOLDER / f"{card['name']}.safetensors")
    assert (denoiser.size, denoiser.n_channels_in_) == (card["size"], card["n_channels"])
    assert shipped_name(card["weights"], card["size"], card["n_channels"]) == card["name"]


def test_every_file_of_weights_has_a_card():
    assert {path.stem for path in FOLDER.glob("*.safetensors")} == {card["name"] for card in CARDS}


def test_cards_are_printed(capsys):
    assert main(["models"]) == 0
    printed = capsys.readouterr().out
    for card in CARDS:
        assert card["name"] in printed
    assert main(["models", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == CARDS


# Without fit


@pytest.mark.parametrize("sigma", [5, 15, 25, 50, 75, 100])
def test_gray_images_get_better_at_every_strength(photo, sigma):
    before = noisy(photo, sigma)
    assert psnr(photo, denoise(before)) > psnr(photo, before) + 1


@pytest.mark.parametrize("sigma", [5, 25, 75])
def test_color_images_get_better_at_every_strength(color_photos, sigma):
    photo = color_photos[0]
    before = noisy(photo, sigma)
    assert psnr(photo, denoise(before)) > psnr(photo, before) + 1


@pytest.mark.parametrize("unit", [1e-33, 1e-26, 1e18, 1e36])
@pytest.mark.parametrize("sigma", [0.004, 0.2])
def test_units_of_any_size_do_not_matter(unit, sigma):
    clean = data.camera()[100:228, 100:228] / 255
    noise = np.random.default_rng(0).normal(0, sigma, clean.shape)
    image = (clean + (noise if sigma < 0.1 else noise * clean)).astype(np.float32)
    found = denoise(image * np.float32(unit)) / np.float32(unit)
    np.testing.assert_allclose(found, denoise(image), atol=1e-5)


@pytest.mark.parametrize("weights", KINDS)
def test_scale_and_offset_of_floats_do_not_matter(photo, weights):
    if shipped_name(weights, "small", 1) is None:
        pytest.skip(f"no {weights} weights")
    image = noisy(photo, 25).astype(np.float32)
    expected = denoise(image, weights=weights)
    for scale, offset in ((1 / 255, 0.0), (1e-3, 5.0), (257.0, -1000.0)):
        found = (denoise(image * scale + offset, weights=weights) - offset) / scale
        np.testing.assert_allclose(found, expected, atol=1e-4 * 255)


def test_sixteen_bits_are_like_eight(photo):
    image = noisy(photo, 25)
    wide = denoise(image.astype(np.uint16) * 257)
    assert wide.dtype == np.uint16
    assert np.abs(wide / 257 - denoise(image)).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("n_channels", [1, 2, 3, 5])
def test_any_number_of_channels(photo, n_channels):
    clean = np.repeat(photo[..., None], n_channels, axis=-1)
    image = noisy(clean, 25)
    denoiser = AutoencoderDenoiser(weights="natural")
    (denoised,) = denoiser.transform([image])
    assert denoised.shape == image.shape
    assert psnr(clean, denoised) > psnr(clean, image) + 3
    if n_channels in (2, 5):
        for channel in range(n_channels):
            alone = denoise(image[..., channel], size="small")
            np.testing.assert_array_equal(denoised[..., channel], alone)


def test_alpha_is_left_alone(photo):
    image = np.dstack([noisy(photo, 25)] * 3 + [photo])
    denoised = denoise(image)
    np.testing.assert_array_equal(denoised[..., 3], photo)
    np.testing.assert_array_equal(denoised[..., :3], denoise(image[..., :3]))


def test_sigma_and_strength_steer(photo):
    image = noisy(photo, 25)
    residuals = [
        np.std(image - denoise(image.astype(float), sigma=25, strength=strength))
        for strength in (0, 0.5, 1, 1.5)
    ]
    assert residuals[0] == 0
    assert all(less < more for less, more in pairwise(residuals))
    with_map = denoise(image, sigma=np.full(image.shape, 25.0))
    assert np.abs(with_map.astype(int) - denoise(image, sigma=25)).max() <= 1


def test_orientations_are_averaged(photo):
    image = noisy(photo, 25)
    assert psnr(photo, denoise(image, n_augment=8)) > psnr(photo, denoise(image)) + 0.03


def test_only_what_has_weights_needs_no_fit(photo):
    with pytest.raises(NotFittedError):
        AutoencoderDenoiser().transform(photo[None])
    ready = AutoencoderDenoiser(weights="natural")
    np.testing.assert_array_equal(clone(ready).transform(photo[None]), ready.predict(photo[None]))
    assert ready.score(noisy(photo, 25)[None], photo[None]) > 25
    with pytest.raises(NotFittedError):
        ready.save("anything.safetensors")


def test_weights_that_do_not_exist_are_refused(photo):
    with pytest.raises(ValueError, match=r"There are weights='natural' .* size='small'.*'nano'"):
        AutoencoderDenoiser(size="nano", weights="natural").transform(photo[None])
    with pytest.raises(ValueError, match=r"weights='natural' must be 'auto' or one of .*'tiny'"):
        denoise(photo, size="tiny")
    with pytest.raises(ValueError, match="architecture='dncnn'"):
        AutoencoderDenoiser("dncnn", weights="natural").fit(photo[None])
    with pytest.raises(ValueError, match="'weights' parameter"):
        AutoencoderDenoiser(weights="heavy").fit(photo[None])


def test_the_large_network_is_better(photo):
    from skimage import data

    # Of a small part, either network may know a little more than the other.
    for clean in (data.camera(), data.astronaut()):
        image = noisy(clean, 25)
        small, base = (psnr(clean, denoise(image, size=size)) for size in ("small", "base"))
        assert base > small + 0.02
    image = noisy(photo, 25)
    assert denoise(np.dstack([image, image]), size="base").shape == (*image.shape, 2)


@pytest.mark.parametrize(("weights", "size"), [("natural", "base"), ("procedural", "small")])
def test_one_line_takes_the_best_network_that_there_is(photo, weights, size):
    image = noisy(photo, 25)
    best = AutoencoderDenoiser(weights=weights, size=size).transform([image])[0]
    np.testing.assert_array_equal(denoise(image, weights=weights), best)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros(9), r"one image of shape .*got shape \(9,\)"),
        (np.zeros((2, 32, 32)), r"at most 4 channels; got shape \(2, 32, 32\)"),
        (np.full((8, 8), np.nan), "NaN or infinity"),
        (np.zeros((8, 8), complex), "[Cc]omplex"),
    ],
)
def test_what_is_not_one_image_is_refused(image, message):
    with pytest.raises(ValueError, match=message):
        denoise(image)


def test_weights_are_named(photo):
    with pytest.raises(ValueError, match="'natural' or 'procedural'"):
        denoise(photo, weights="auto")


# With fit


def test_learning_goes_on_from_the_weights(photo):
    noise = skdenoise.NoiseInjector(sigma=25)
    X = photo[None, :64, :64]
    started, random = (
        AutoencoderDenoiser(weights=weights, noise=noise, epochs=1, random_state=0).fit(X)
        for weights in ("natural", None)
    )
    assert started.learning_ == "fresh noise"
    assert started.adaptation_ is None
    assert started.history_["psnr"][0] > random.history_["psnr"][0] + 3
    with pytest.raises(ValueError, match="2 channels to go on learning from"):
        AutoencoderDenoiser(weights="natural", noise=noise).fit(np.dstack([photo] * 2)[None])


def test_weights_of_the_package_are_not_saved_once_more(tmp_path):
    denoiser = AutoencoderDenoiser(weights="natural")
    with pytest.raises(NotFittedError, match="no weights of its own yet"):
        denoiser.save(tmp_path / "denoiser.safetensors")
    with pytest.raises(NotFittedError, match="Call fit first"):
        _ = denoiser.network_
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("estimator", "advice"),
    [(AutoencoderDenoiser(), "natural"), (skdenoise.ZeroDCEEnhancer(), "default")],
)
def test_who_did_not_fit_hears_of_weights_that_need_no_fit(estimator, advice):
    X = np.zeros((1, 32, 32, 3))
    for call in (
        lambda: estimator.transform(X),
        lambda: estimator.precision_loss_,
        *([lambda: estimator.score(X)] if hasattr(estimator, "score") else []),
    ):
        with pytest.raises(NotFittedError, match=f"weights='{advice}', which needs no fit"):
            call()


def test_what_becomes_of_weights_that_were_kept_does_not_change_those_of_the_package():
    X = np.random.default_rng(0).random((1, 16, 16))
    with pytest.warns(UserWarning, match="Nothing was learned"):
        kept = AutoencoderDenoiser(size="small").fit(X)
    before = AutoencoderDenoiser(weights="natural", size="small").transform(X)
    kept.weights_.clear()
    after = AutoencoderDenoiser(weights="natural", size="small").transform(X)
    np.testing.assert_array_equal(after, before)


def test_columns_that_were_never_fitted_may_have_any_names():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(np.zeros((3, 64)), columns=[f"pixel {i}" for i in range(64)])
    denoiser = AutoencoderDenoiser(weights="natural", image_shape=(8, 8))
    assert denoiser.transform(table).shape == table.shape
