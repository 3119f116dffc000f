"""Procedural images are repeatable, of any size, and have the statistics of photographs."""

import numpy as np
import pytest

from skdenoise import procedural_images
from skdenoise._procedural import TEXTURES, TILE, _texture


@pytest.fixture(scope="module")
def gray():
    return procedural_images(32, shape=(128, 128), random_state=0)


def slope_of_spectrum(image):
    """Return the exponent of the power of frequencies, averaged over directions."""
    height, width = image.shape
    window = np.hanning(height)[:, None] * np.hanning(width)
    power = np.abs(np.fft.fft2((image - image.mean()) * window)) ** 2
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    ring = np.digitize(frequency, np.geomspace(4 / height, 0.35, 10))
    rings = [ring == index for index in range(1, 10)]
    averages = [(frequency[which].mean(), power[which].mean()) for which in rings]
    return np.polyfit(*np.log(averages).T, 1)[0]


def kurtosis(values):
    centered = values - values.mean()
    return np.mean(centered**4) / np.mean(centered**2) ** 2


# Repeatable


@pytest.mark.parametrize("n_channels", [1, 3])
def test_the_same_seed_makes_the_same_images_and_more_begin_with_the_same(n_channels):
    options = {"shape": (40, 56), "n_channels": n_channels}
    few = procedural_images(2, random_state=5, **options)
    many = procedural_images(4, random_state=5, **options)
    np.testing.assert_array_equal(many[:2], few)
    assert (procedural_images(2, random_state=6, **options) != few).mean() > 0.5


@pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState])
def test_generators_are_taken_and_advance(make):
    once, again = make(3), make(3)
    first = procedural_images(2, shape=(16, 16), random_state=once)
    np.testing.assert_array_equal(procedural_images(2, shape=(16, 16), random_state=again), first)
    assert (procedural_images(2, shape=(16, 16), random_state=once) != first).any()


def test_the_global_random_state_is_not_touched():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the state that must not change
    procedural_images(1, shape=(16, 16))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


# Of any size


@pytest.mark.parametrize("shape", [(1, 1), (1, 60), (7, 5), (33, 300)])
@pytest.mark.parametrize("n_channels", [1, 3])
def test_images_are_bytes_of_the_shape_asked_for(shape, n_channels):
    images = procedural_images(3, shape=shape, n_channels=n_channels, random_state=0)
    assert images.dtype == np.uint8
    assert images.shape == (3, *shape) + ((3,) if n_channels == 3 else ())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_images": 0}, "n_images must be"),
        ({"n_images": 2.0}, "n_images must be"),
        ({"n_images": 1, "shape": (8,)}, "shape must be"),
        ({"n_images": 1, "shape": (8, 0)}, "shape must be"),
        ({"n_images": 1, "shape": 8}, "shape must be"),
        ({"n_images": 1, "n_channels": 2}, "1 for gray or 3 for color"),
        ({"n_images": 1, "random_state": "zero"}, "cannot be used to seed"),
    ],
)
def test_arguments_that_make_no_sense_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        procedural_images(**arguments)


# Like photographs


def test_power_falls_about_like_one_over_the_squared_frequency(gray):
    slopes = [slope_of_spectrum(image.astype(float)) for image in gray]
    assert -2.9 < np.mean(slopes) < -1.9
    assert np.std(slopes) > 0.2  # as scenes differ


def test_differences_of_neighbors_have_heavy_tails(gray):
    tails = [kurtosis(np.diff(image.astype(float), axis=axis)) for image in gray for axis in (0, 1)]
    assert np.median(tails) > 8  # 3 were Gaussian
    assert min(tails) > 3


def test_brightness_and_contrast_vary(gray):
    means, spreads = gray.mean(axis=(1, 2)), gray.std(axis=(1, 2))
    assert 80 < means.mean() < 140
    assert means.std() > 12
    assert 25 < spreads.mean() < 65
    assert spreads.std() > 5
    assert gray.min() < 5
    assert gray.max() > 250


def test_no_two_images_are_alike(gray):
    flat = gray.reshape(len(gray), -1).astype(float)
    correlations = np.corrcoef(flat)[np.triu_indices(len(gray), 1)]
    assert np.abs(correlations).max() < 0.5


def test_colors_vary_less_than_light_as_in_nature():
    images = procedural_images(16, shape=(64, 64), n_channels=3, random_state=0) / 255.0
    red, green, blue = np.moveaxis(images, -1, 0)
    light = (red + green + blue).std()
    assert 0.02 * light < (red - green).std() < 0.5 * light
    assert 0.02 * light < (red + green - 2 * blue).std() < 0.8 * light


@pytest.mark.parametrize("kind", range(len(TEXTURES)))
def test_textures_have_unit_variance_and_join_at_their_borders(monkeypatch, kind):
    monkeypatch.setattr("skdenoise._procedural.TEXTURES", [TEXTURES[kind]])
    texture = _texture(np.random.default_rng(kind))
    assert texture.shape == (TILE, TILE)
    assert texture.mean() == pytest.approx(0, abs=1e-3)
    assert texture.std() == pytest.approx(1, rel=1e-3)
    for axis in (0, 1):
        steps = np.abs(np.diff(texture, axis=axis)).mean()
        joint = np.abs(texture.take(0, axis) - texture.take(-1, axis)).mean()
        assert joint < 2 * steps + 0.05
