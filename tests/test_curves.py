"""Curves are monotone, stay in range, and their slope, mean and grid are what is said of them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skdenoise import _curves
from skdenoise._curves import MOST_CLIPPED, SATURATED, Bending, Curves, reduced
from skdenoise._unit_range import WHITE


def random_curves(height, width, *, n_curves=8, n_channels=3, reduction=1, low=-1, high=1, seed=0):
    rng = np.random.default_rng(seed)
    sides = -(-height // reduction), -(-width // reduction)
    maps = rng.uniform(low, high, (*sides, n_curves, n_channels)).astype(np.float32)
    return Curves(maps, height, width, reduction)


def random_image(height, width, n_channels=3, seed=1):
    return np.random.default_rng(seed).random((height, width, n_channels)).astype(np.float32)


BENDINGS = st.builds(
    Bending,
    n_iterations=st.integers(1, 12),
    protection=st.floats(0, 1),
    keep_hue=st.booleans(),
)


def test_a_curve_is_the_formula_of_the_paper():
    image, curves = random_image(5, 4), random_curves(5, 4)
    wanted = image.astype(np.float64)
    for index in range(8):
        wanted += curves.maps[:, :, index] * (wanted**2 - wanted)
    np.testing.assert_allclose(Bending().enhanced(image, curves), wanted, atol=1e-6)


def test_fewer_curves_than_iterations_come_around_again():
    image, curves = random_image(5, 4), random_curves(5, 4, n_curves=1)
    same = replace(curves, maps=np.repeat(curves.maps, 8, axis=2))
    np.testing.assert_array_equal(
        Bending().enhanced(image, curves), Bending().enhanced(image, same)
    )


def test_one_curve_keeps_black_and_white_to_the_last_digit():
    curves = random_curves(300, 300, n_curves=1, n_channels=1)
    near = np.random.default_rng(0).integers(0, 64, (300, 300, 1)) / np.float32(2**24)
    assert Bending().enhanced(1 - near, curves).max() <= 1
    assert Bending().enhanced(near, curves).min() >= 0
    for level in (0, 1):
        image = np.full_like(near, level)
        np.testing.assert_array_equal(Bending().enhanced(image, curves), image)


@pytest.mark.parametrize("reduction", [1, 4])
def test_locality_moves_curves_towards_their_mean(reduction):
    curves = random_curves(21, 30, reduction=reduction, low=-0.5, high=0.1)
    assert curves.localized(1.0) is curves
    own, half, none = (curves.localized(locality).at(slice(None)) for locality in (1.0, 0.5, 0.0))
    mean = own.mean(axis=(0, 1), keepdims=True)
    np.testing.assert_allclose(none, np.broadcast_to(mean, own.shape), atol=1e-6)
    np.testing.assert_allclose(half, 0.5 * (own + mean), atol=1e-6)
    twice = curves.localized(0.5).times(2).at(slice(None))
    np.testing.assert_allclose(twice, np.clip(own + mean, -1, 1), atol=1e-6)
    mixed = curves.localized(0.5).times(2).mixed(curves.localized(0.0), 0.25).at(slice(None))
    np.testing.assert_allclose(mixed, 0.75 * twice + 0.25 * none, atol=1e-6)


def test_a_few_pixels_stand_for_an_image():
    for length in (1, 63, 64, 65, 128, 1000, 1024, 1025, 50_000):
        lines, _ = _curves.sampled_lines(length, 1)
        assert np.all(np.diff(lines) > 0)
        assert lines[0] == 0
        assert length - 16 <= lines[-1] < length
        assert min(length, 128) <= len(lines) <= 256


@given(
    r=st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=8),
    bending=BENDINGS,
)
def test_curves_are_monotone_and_stay_between_black_and_white(r, bending):
    ramp = np.linspace(0, 1, 257)[None, :, None]
    maps = np.broadcast_to(np.float32(r)[:, None], (1, 257, len(r), 1))
    out = bending.enhanced(ramp, Curves(maps, 1, 257))[0, :, 0]
    assert (np.diff(out) >= -1e-9).all()
    assert out[0] == 0
    assert out[-1] == 1


@given(bending=BENDINGS, seed=st.integers(0, 99), dtype=st.sampled_from(["float32", "float64"]))
def test_images_stay_in_range_and_keep_their_dtype(bending, seed, dtype):
    image = random_image(6, 7, seed=seed).astype(dtype)
    n_channels = 1 if bending.keep_hue else 3
    before = image.copy()
    out = bending.enhanced(image, random_curves(6, 7, n_channels=n_channels, seed=seed))
    assert out.dtype == dtype
    assert out.min() >= 0
    assert out.max() <= 1
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("protection", [0.0, 0.5, 1.0])
def test_what_is_beyond_black_and_white_stays_as_far_beyond(protection):
    image = np.array([-0.25, 0, 1, 1.5]).reshape(1, 4, 1)
    curves = random_curves(1, 4, n_channels=1, low=-1, high=-0.5)
    out = Bending(protection=protection).enhanced(image, curves)
    np.testing.assert_allclose(out, image, atol=1e-12)


@given(seed=st.integers(0, 99))
def test_hue_and_saturation_are_kept(seed):
    image = random_image(4, 5, seed=seed) * 0.8 + 0.1
    curves = random_curves(4, 5, n_channels=1, seed=seed)
    out = Bending(keep_hue=True).enhanced(image, curves)
    ratios = out / out.max(axis=-1, keepdims=True), image / image.max(axis=-1, keepdims=True)
    np.testing.assert_allclose(*ratios, rtol=1e-5)


def test_protection_spares_highlights_and_not_shadows():
    image = np.array([0.001, 0.9]).reshape(1, 2, 1)
    curves = Curves(np.full((1, 2, 1, 1), -0.9, np.float32), 1, 2)
    plain, spared = (Bending(4, protection).enhanced(image, curves) for protection in (0.0, 1.0))
    assert spared[0, 0, 0] == pytest.approx(plain[0, 0, 0], rel=0.02)
    assert plain[0, 1, 0] > 0.999
    assert spared[0, 1, 0] < 0.94


# The slope, by which noise is multiplied


@pytest.mark.parametrize("protection", [0.0, 0.7])
def test_the_slope_is_the_derivative(protection):
    bending = Bending(protection=protection)
    image, curves = 0.1 + 0.8 * random_image(5, 6, 1).astype(np.float64), random_curves(5, 6)
    curves = curves.shared()
    step = 1e-6
    up, down = (bending.enhanced(image + move, curves) for move in (step, -step))
    np.testing.assert_allclose(
        bending.noise_gain(image, curves), (up - down) / (2 * step), rtol=1e-4
    )


@pytest.mark.parametrize("keep_hue", [False, True])
def test_noise_is_multiplied_by_the_gain(keep_hue):
    rng = np.random.default_rng(0)
    color = np.broadcast_to([0.2, 0.3, 0.5], (60, 60, 3))
    maps = np.broadcast_to(np.float32([[-0.3], [-0.2]]), (60, 60, 2, 1))
    curves, bending = Curves(maps, 60, 60), Bending(5, keep_hue=keep_hue)
    sigma = 0.002
    noise = sigma * rng.standard_normal((10, *color.shape))
    change = np.stack([bending.enhanced(color + item, curves) for item in noise])
    change -= bending.enhanced(color, curves)
    gain = bending.noise_gain(color, curves)
    assert np.ptp(gain) < 1e-6
    assert np.sqrt(np.mean(change**2)) == pytest.approx(sigma * gain.mean(), rel=0.02)


def test_noise_beyond_black_and_white_is_not_multiplied():
    image = np.array([-0.5, 1.5]).reshape(1, 2, 1)
    gain = Bending().noise_gain(image, random_curves(1, 2, n_channels=1))
    np.testing.assert_array_equal(gain[..., 0], 1)


# The exposure


@given(target=st.floats(0.2, 0.9), keep_hue=st.booleans(), protection=st.sampled_from([0.0, 0.8]))
def test_the_gain_leads_to_the_wanted_brightness(target, keep_hue, protection):
    bending = Bending(protection=protection, keep_hue=keep_hue)
    image = 0.2 * random_image(20, 30)
    curves = random_curves(20, 30, low=-0.3, high=-0.01)
    curves = curves.shared() if keep_hue else curves

    def brightness(gain):
        return bending.enhanced(image, curves.times(gain)).mean()

    # No gain leads further than that which saturates the curves.
    most = brightness(SATURATED / np.abs(curves.at(slice(None), slice(None))).mean())
    gain = bending.gain_for(target, image, curves)
    if clipped(bending, image, curves.times(1.001 * gain)) <= MOST_CLIPPED:
        assert brightness(gain) == pytest.approx(min(target, most), abs=0.01)
    else:
        assert brightness(gain) <= min(target, most) + 0.01


def clipped(bending, image, curves):
    return (bending.enhanced(image, curves).max(axis=-1) >= WHITE).mean()


def test_highlights_are_not_lost_for_the_sake_of_brightness():
    image = 0.05 + 0.1 * random_image(40, 60)
    image[:4] *= 6
    curves = random_curves(40, 60, low=-0.3, high=-0.2)
    gain = Bending().gain_for(0.95, image, curves)
    assert 0 < clipped(Bending(), image, curves.times(gain)) <= MOST_CLIPPED
    # What is white already costs nothing.
    image[:4] = 1.0
    gain = Bending().gain_for(0.5, image, curves)
    assert Bending().enhanced(image, curves.times(gain)).mean() == pytest.approx(0.5, abs=0.01)


@given(target=st.floats(0.2, 0.6))
def test_large_images_are_sampled(target):
    image = np.tile(0.2 * random_image(10, 10), (20, 20, 1))
    curves = random_curves(200, 200, low=-0.5, high=-0.1)
    gain = Bending().gain_for(target, image, curves)
    assert Bending().enhanced(image, curves.times(gain)).mean() == pytest.approx(target, abs=0.02)


def test_an_image_that_is_brighter_than_wanted_is_left_alone():
    image, curves = 0.5 + 0.5 * random_image(8, 8), random_curves(8, 8, low=-0.5, high=-0.1)
    assert Bending().gain_for(0.3, image, curves) == 0


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_black_and_white_stay_whatever_is_wanted(level):
    image, curves = np.full((8, 8, 3), level), random_curves(8, 8)
    gain = Bending().gain_for(0.5, image, curves)
    np.testing.assert_allclose(Bending().enhanced(image, curves.times(gain)), level, atol=1e-12)


def test_curves_of_zero_change_nothing():
    image, curves = random_image(8, 8), random_curves(8, 8, low=0, high=0)
    gain = Bending().gain_for(0.9, image, curves)
    np.testing.assert_array_equal(Bending().enhanced(image, curves.times(gain)), image)


# The grid


@pytest.mark.parametrize("reduction", [1, 5])
def test_blocks_are_the_whole(reduction, monkeypatch):
    image, curves = random_image(37, 23), random_curves(37, 23, reduction=reduction)
    whole = Bending().enhanced(image, curves)
    monkeypatch.setattr(_curves, "BLOCK_PIXELS", 30)
    np.testing.assert_array_equal(Bending().enhanced(image, curves), whole)


@given(height=st.integers(1, 40), width=st.integers(1, 40), reduction=st.integers(1, 13))
def test_maps_are_brought_back_to_any_size(height, width, reduction):
    curves = random_curves(height, width, n_curves=2, reduction=reduction)
    maps = curves.at(slice(None))
    assert maps.shape == (height, width, 2, 3)
    assert maps.min() >= curves.maps.min()
    assert maps.max() <= curves.maps.max()
    part = curves.at(slice(height // 2, None), slice(0, width, 2))
    np.testing.assert_array_equal(part, maps[height // 2 :, ::2])


def test_a_ramp_of_coarse_maps_is_a_ramp():
    maps = np.linspace(-0.5, 0.5, 5, dtype=np.float32).reshape(1, 5, 1, 1)
    fine = Curves(maps, 4, 20, 4).at(slice(None))[0, :, 0, 0]
    np.testing.assert_allclose(np.diff(fine[2:18]), 0.25 / 4, rtol=1e-5)
    assert fine[9] + fine[10] == pytest.approx(0, abs=1e-6)  # the middle stays in the middle


def test_a_factor_multiplies_within_the_range():
    curves = random_curves(4, 4)
    twice = curves.times(4.0).times(0.5)
    np.testing.assert_allclose(
        twice.at(slice(None)), np.clip(2 * curves.at(slice(None)), -1, 1), rtol=1e-6
    )


def test_mixing_is_an_average():
    one, other = random_curves(4, 4, seed=1).times(0.5), random_curves(4, 4, seed=2).times(3.0)
    every = slice(None)
    np.testing.assert_allclose(
        other.mixed(one, 0.25).at(every), 0.25 * one.at(every) + 0.75 * other.at(every), atol=1e-6
    )
    np.testing.assert_array_equal(other.mixed(None, 0.25).at(every), other.at(every))


@given(height=st.integers(1, 30), width=st.integers(1, 30), factor=st.integers(1, 12))
def test_a_reduced_image_has_the_means_of_squares(height, width, factor):
    image = random_image(height, width)
    small = reduced(image, factor)
    assert small.shape == (-(-height // factor), -(-width // factor), 3)
    whole = np.s_[: height // factor * factor, : width // factor * factor]
    if image[whole].size:
        wanted = image[whole].mean((0, 1))
        found = small[: height // factor, : width // factor].mean((0, 1))
        np.testing.assert_allclose(found, wanted, rtol=1e-4)
    np.testing.assert_allclose(reduced(np.full_like(image, 0.3), factor), 0.3, rtol=1e-5)
