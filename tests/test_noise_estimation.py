"""`estimate_noise` finds the strength of noise on real photographs, and what is correlated."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from scipy import ndimage

from skdenoise.noise import NoiseEstimate, correlated, estimate_noise, gaussian, jpeg
from skdenoise.noise._even import even_sigma
from skdenoise.noise._flat_places import Pixels, flat_sigmas


@pytest.fixture(scope="module")
def pictures():
    """Return gray photographs, smooth ones and textured ones, in [0, 1]."""
    from skimage import data

    crops = [
        data.camera()[100:356, 100:356],
        data.moon()[128:384, 128:384],
        data.coins()[20:276, 60:316],
        data.brick()[:256, :256],
        data.astronaut()[:256, 100:356, 1],
        data.coffee()[100:356, 200:456, 0],
        data.chelsea()[20:276, 100:356, 1],
    ]
    return [crop / 255 for crop in crops]


def white(pictures, sigma):
    return [
        gaussian(picture, sigma=sigma / 255, rng=np.random.default_rng(seed))
        for seed, picture in enumerate(pictures)
    ]


def median_of_the_mask(image):
    """Return what the usual estimate says: the median magnitude behind Immerkaer's mask."""
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]]) / 6
    return np.median(abs(ndimage.correlate(image, mask))) / 0.6745


def error(estimates, sigma):
    return np.sqrt(np.mean((255 * np.asarray(estimates) - sigma) ** 2))


# White noise


@pytest.mark.parametrize("sigma", [5, 10, 15, 25, 50, 75])
def test_white_noise_on_photographs(pictures, sigma):
    noisy = white(pictures, sigma)
    estimate = estimate_noise(noisy)
    ours = error(estimate.sigma, sigma)
    assert ours < 0.35 + 0.01 * sigma
    assert ours < error([median_of_the_mask(image) for image in noisy], sigma)
    assert not estimate.correlated.any()


def test_white_noise_without_an_image():
    X = 0.1 * np.random.default_rng(0).standard_normal((4, 200, 200))
    estimate = estimate_noise(X)
    np.testing.assert_allclose(estimate.sigma, 0.1, rtol=0.02)
    np.testing.assert_allclose(estimate.sigma_per_stride, 0.1, rtol=0.03)
    np.testing.assert_allclose(estimate.correlation, 0, atol=0.07)
    np.testing.assert_array_equal(estimate.sigma, estimate.sigma_per_stride[:, 0])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_are_measured_in_gray_levels(pictures, dtype):
    scale = np.iinfo(dtype).max
    noisy = [np.rint(scale * np.clip(image, 0, 1)).astype(dtype) for image in white(pictures, 10)]
    sigma = estimate_noise(noisy).sigma
    np.testing.assert_allclose(sigma, 10 / 255 * scale, rtol=0.05)


def test_pictures_without_noise(pictures):
    constant = np.full((2, 20, 20, 3), 7, np.uint8)
    estimate = estimate_noise(constant)
    np.testing.assert_array_equal(estimate.sigma, 0)
    np.testing.assert_array_equal(estimate.sigma_per_stride, 0)
    assert not estimate.correlated.any()
    stairs = np.kron(np.random.default_rng(0).random((8, 8)), np.ones((32, 32)))
    assert estimate_noise(stairs[None]).sigma[0] < 1e-12


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_saturated_places_say_nothing(pictures, value):
    noisy = np.clip(white(pictures[:1], 25)[0], 0, 1)
    framed = np.pad(noisy, 100, constant_values=value)
    assert 255 * estimate_noise(framed[None]).sigma[0] == pytest.approx(25, rel=0.05)


def test_channels_count_together():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1, 150, 150, 3)) * [0.1, 0.2, 0.4]
    expected = np.sqrt(np.mean(np.square([0.1, 0.2, 0.4])))
    assert estimate_noise(X).sigma[0] == pytest.approx(expected, rel=0.03)


@given(scale=st.floats(1e-3, 1e4), offset=st.floats(-100, 100), seed=st.integers(0, 20))
def test_the_estimate_scales_with_the_image(scale, offset, seed):
    image = np.random.default_rng(seed).random((1, 24, 31))
    one = estimate_noise(image)
    other = estimate_noise(scale * (image + offset))
    np.testing.assert_allclose(other.sigma, scale * one.sigma, rtol=1e-2)
    np.testing.assert_allclose(other.correlation, one.correlation, atol=1e-6)


# Correlated noise


@pytest.mark.parametrize("length", [0.5, 0.7, 1])
@pytest.mark.parametrize("sigma", [5, 10, 25])
def test_correlated_noise_is_flagged_and_measured(pictures, sigma, length):
    noisy = [
        correlated(picture, sigma=sigma / 255, length=length, rng=np.random.default_rng(seed))
        for seed, picture in enumerate(pictures)
    ]
    estimate = estimate_noise(noisy)
    assert estimate.correlated.mean() > 0.8
    assert 255 * np.median(estimate.sigma) == pytest.approx(sigma, rel=0.3)
    assert (estimate.sigma_per_stride[:, -1] > 1.3 * estimate.sigma_per_stride[:, 0]).all()
    law = np.exp(-1 / (4 * length**2))
    np.testing.assert_allclose(np.median(estimate.correlation, axis=0), law, atol=0.15)


@pytest.mark.parametrize("quality", [30, 50, 75])
def test_noise_that_went_through_jpeg_is_flagged_and_measured(pictures, quality):
    rng = np.random.default_rng(0)
    noisy = [jpeg(image, quality=quality, rng=rng) for image in white(pictures, 8)]
    true = [np.std(image - picture) for image, picture in zip(noisy, pictures, strict=True)]
    estimate = estimate_noise(noisy)
    assert estimate.correlated.all()
    assert np.median(estimate.sigma / true) == pytest.approx(1, abs=0.35)


def test_texture_is_not_all_taken_for_correlated_noise():
    from skimage import data

    for texture in (data.grass()[:256, :256] / 255, data.gravel()[:256, :256] / 255):
        noisy = correlated(texture, sigma=20 / 255, length=0.5, rng=np.random.default_rng(0))
        estimate = estimate_noise(noisy[None])
        assert 18 < 255 * estimate.sigma[0] < 27
        assert 255 * estimate.sigma_per_stride[0, -1] > 28


def test_the_correlation_is_that_of_each_direction():
    noise = ndimage.uniform_filter1d(
        np.random.default_rng(0).standard_normal((300, 300)), 2, axis=0
    )
    estimate = estimate_noise([noise, noise.T])
    vertical, horizontal = estimate.correlation[0]
    assert vertical == pytest.approx(0.5, abs=0.1)
    assert horizontal == pytest.approx(0, abs=0.07)
    np.testing.assert_allclose(estimate.correlation[1], [horizontal, vertical], atol=0.02)


# Containers and sizes


def test_images_are_judged_one_by_one(pictures):
    noisy = white(pictures[:3], 10)
    noisy[1] = noisy[1][:100, :77]
    together = estimate_noise(noisy)
    for index, image in enumerate(noisy):
        alone = estimate_noise(image[None, ..., None])
        assert alone.sigma[0] == together.sigma[index]
        np.testing.assert_array_equal(alone.correlation[0], together.correlation[index])


def test_rows_of_a_table_are_images(pictures):
    noisy = np.stack(white(pictures[:2], 10))[:, :64, :48]
    table = noisy.reshape(2, -1)
    np.testing.assert_array_equal(
        estimate_noise(table, image_shape=(64, 48)).sigma, estimate_noise(noisy).sigma
    )
    signals = 0.1 * np.random.default_rng(0).standard_normal((2, 5000))
    estimate = estimate_noise(signals)
    np.testing.assert_allclose(estimate.sigma, 0.1, rtol=0.05)
    assert np.isnan(estimate.correlation[:, 0]).all()
    np.testing.assert_allclose(estimate.correlation[:, 1], 0, atol=0.1)
    assert not estimate.correlated.any()


def test_correlated_signals_are_flagged():
    noise = correlated(np.zeros((1, 20_000)), sigma=0.1, length=1, rng=np.random.default_rng(0))
    estimate = estimate_noise(noise[None])
    assert estimate.correlated[0]
    assert estimate.sigma[0] == pytest.approx(0.1, rel=0.1)
    assert estimate.correlation[0, 1] == pytest.approx(np.exp(-1 / 4), abs=0.1)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (1, 2), (2, 1, 3)])
def test_images_too_small_to_tell_are_nan(shape):
    estimate = estimate_noise(np.ones((2, *shape)))
    assert np.isnan(estimate.sigma).all()
    assert np.isnan(estimate.sigma_per_stride).all()
    assert np.isnan(estimate.correlation).all()
    assert not estimate.correlated.any()


@pytest.mark.parametrize("shape", [(3, 3), (1, 3), (7, 2), (8, 8), (13, 200), (31, 8)])
def test_small_images_are_estimated_as_well_as_can_be(shape):
    X = 0.1 * np.random.default_rng(0).standard_normal((200, *shape))
    estimate = estimate_noise(X)
    assert np.isfinite(estimate.sigma).all()
    assert np.median(estimate.sigma) == pytest.approx(0.1, rel=0.35)
    assert np.isfinite(estimate.sigma_per_stride).any(axis=0).sum() == max(
        1, min(4, min(side for side in shape if side >= 3) // 3)
    )


@pytest.mark.parametrize("shape", [(1200, 1500), (1, 1_500_000), (300, 5000)])
def test_large_images_are_judged_by_tiles(shape):
    image = 0.1 * np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    image[..., : shape[-1] // 2] += 1
    assert estimate_noise(image[None]).sigma[0] == pytest.approx(0.1, rel=0.02)


def test_fewer_and_more_strides(pictures):
    noisy = white(pictures[:1], 10)
    for max_stride in (1, 2, 6):
        estimate = estimate_noise(noisy, max_stride=max_stride)
        assert estimate.sigma_per_stride.shape == (1, max_stride)
        assert 255 * estimate.sigma[0] == pytest.approx(10, rel=0.05)


@pytest.mark.parametrize("shape", [(50, 90), (64, 1), (128, 128)])
def test_the_order_in_memory_does_not_matter(shape):
    image = np.random.default_rng(0).normal(0.5, 0.1, shape)
    columns_first = np.asfortranarray(image)
    every_other = np.repeat(image, 2, axis=0)[::2]
    for other in (columns_first, every_other):
        found, wanted = (dataclasses.astuple(estimate_noise([item])) for item in (other, image))
        for one, another in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(one, another)
        assert even_sigma([other[..., None]]) == even_sigma([image[..., None]])


def test_the_input_is_not_written_to(pictures):
    X = np.stack(pictures[:2])
    X.flags.writeable = False
    before = X.copy()
    estimate_noise(X)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("max_stride", [0, 17, 2.0, True, "4", None])
def test_strides_are_small_integers(max_stride):
    with pytest.raises(ValueError, match=r"max_stride must be an int in the range \[1, 16\]"):
        estimate_noise(np.ones((1, 9, 9)), max_stride=max_stride)


def test_bad_images_are_refused():
    with pytest.raises(ValueError, match="NaN or infinity"):
        estimate_noise(np.full((1, 9, 9), np.nan))
    with pytest.raises(ValueError, match=r"X\[None\]"):
        estimate_noise(np.ones((32, 32, 3)))


def test_the_result_is_readable_and_frozen():
    estimate = estimate_noise(np.zeros((2, 9, 9)), max_stride=2)
    assert isinstance(estimate, NoiseEstimate)
    assert repr(estimate).splitlines() == [
        "NoiseEstimate:",
        "  sigma            = [0. 0.]",
        "  sigma_per_stride = [[0. 0.]",
        "                      [0. 0.]]",
        "  correlation      = [[0. 0.]",
        "                      [0. 0.]]",
        "  correlated       = [False False]",
    ]
    with pytest.raises(dataclasses.FrozenInstanceError):
        estimate.sigma = 1


# White noise, equally strong everywhere


@pytest.mark.parametrize("sigma", [10, 25, 50])
def test_white_and_even_noise_is_measured(pictures, sigma):
    for picture in white(pictures, sigma):
        assert abs(255 * even_sigma([picture[..., None]]) - sigma) < 0.03 * sigma


def test_noise_that_grows_with_light_is_not_even():
    light = np.linspace(0.2, 1, 256) * np.ones((256, 1))
    noise = np.random.default_rng(0).standard_normal(light.shape)
    assert even_sigma([(light + 0.05 * noise)[..., None]]) > 0
    assert even_sigma([(light + 0.05 * np.sqrt(light) * noise)[..., None]]) == 0


def test_noise_that_varies_from_place_to_place_is_not_even():
    rng = np.random.default_rng(0)
    strength = 0.05 * (1 + np.linspace(0, 1, 256))
    assert even_sigma([(strength * rng.standard_normal((256, 256)))[..., None]]) == 0


def test_noise_of_one_channel_is_not_even():
    noise = 0.1 * np.random.default_rng(0).standard_normal((256, 256, 3))
    assert even_sigma([noise]) == pytest.approx(0.1, rel=0.03)
    assert even_sigma([noise * [1, 1, 1.5]]) == 0


def test_correlated_noise_is_not_white(pictures):
    for seed, picture in enumerate(pictures):
        noisy = correlated(picture, sigma=0.1, rng=np.random.default_rng(seed))
        assert even_sigma([noisy[..., None]]) == 0


def test_clean_and_tiny_images_have_no_even_noise(pictures):
    for picture in pictures:
        stored = np.rint(255 * picture) / 255
        assert even_sigma([stored[..., None]]) < 0.02
    assert even_sigma([np.zeros((128, 128, 1))]) == 0
    assert even_sigma([np.random.default_rng(0).standard_normal((64, 200, 1))]) == 0


@pytest.mark.parametrize("value", ["mean", 0.3])
def test_places_that_were_filled_in_say_nothing(pictures, value):
    noisy = white(pictures, 10)
    wanted = estimate_noise(noisy).sigma
    filled = [image.copy() for image in noisy]
    for image in filled:
        image[:100, :100] = image.mean() if value == "mean" else value
    np.testing.assert_allclose(estimate_noise(filled).sigma, wanted, rtol=0.1)
    even = [
        (even_sigma([one[..., None]]), even_sigma([two[..., None]]))
        for one, two in zip(noisy, filled, strict=True)
    ]
    assert sum(one > 0 for one, _ in even) == sum(two > 0 for _, two in even) > 0


def test_a_drawing_without_noise_has_none():
    y, x = np.mgrid[:128, :128]
    disk = ((y - 60) ** 2 + (x - 50) ** 2 < 900) * 0.5 + ((x + y) // 64) * 0.1
    assert estimate_noise(disk[None]).sigma == 0
    assert even_sigma([disk[..., None]]) == 0


@pytest.mark.parametrize("saturated", [False, True])
def test_parts_are_judged_at_once_as_one_by_one(pictures, saturated):
    planes = np.stack([picture[:64, :64] for picture in white(pictures, 20)])
    planes[2] = 0.5
    if saturated:
        planes = planes.clip(0.2, 0.6)
    parts = Pixels.of_each(planes)
    alone = [Pixels.of([plane], 1) for plane in planes]
    for part, other in zip(parts, alone, strict=True):
        for field in ("residual", "lightness", "gradient"):
            np.testing.assert_array_equal(getattr(part, field), getattr(other, field))
    sigmas = [part.flat_sigma(0.05) for part in alone]
    np.testing.assert_allclose(flat_sigmas(parts, 0.05), sigmas, rtol=1e-9)
    assert (len({part.residual.size for part in parts}) > 1) is saturated


def test_large_images_are_judged_by_their_windows():
    noise = np.random.default_rng(0).standard_normal((256, 256, 1))
    windows = [noise[i : i + 64, j : j + 64] for i in (0, 64, 128, 192) for j in (0, 64, 128, 192)]
    assert even_sigma(windows) == even_sigma([noise])
    windows[:8] = [2 * window for window in windows[:8]]
    assert even_sigma(windows) == 0


def drawing():
    """Return black lines on white paper, (192, 192) uint8."""
    image = Image.new("L", (768, 768), 255)
    draw, rng = ImageDraw.Draw(image), np.random.default_rng(0)
    for first, last in rng.integers(0, 768, (40, 2, 2)).tolist():
        draw.line((*first, *last), fill=0, width=5)
    return np.asarray(image.resize((192, 192), Image.Resampling.LANCZOS))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("sigma", [1, 5, 15])
def test_half_of_the_noise_on_paper_tells_how_strong_it_is_at_most(sigma, sign):
    noise = np.random.default_rng(1).normal(0, sigma, (192, 192))
    noisy = np.rint(drawing() + noise).clip(0, 255).astype(np.uint8)
    if sign < 0:
        noisy = 255 - noisy
    assert 0.8 * sigma < estimate_noise(noisy[None]).sigma[0] < 1.5 * sigma + 0.5
