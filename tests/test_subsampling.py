"""Pairs from one image: neighbors, drawn evenly, and independent where the noise is."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skdenoise._subsampling import neighbor_pair

sides = st.integers(1, 12)
strides = st.integers(1, 3)
seeds = st.integers(0, 2**32)


def places(height, width):
    """Return an image whose two channels are the row and the column of each pixel."""
    return np.stack(np.mgrid[:height, :width], axis=-1)


@given(sides, sides, strides, seeds)
def test_a_pair_has_half_of_the_size_and_at_least_one_pixel(height, width, stride, seed):
    image = places(height, width)
    first, second = neighbor_pair(image, rng=np.random.default_rng(seed), stride=stride)
    assert first.shape == second.shape
    for side, halved in zip((height, width), first.shape[:2], strict=True):
        # The lattice begins at a random pixel, so it may have one less.
        assert max(side // stride // 2, 1) <= halved <= max(-(-side // stride) // 2, 1)


@given(sides, sides, strides, seeds)
@example(height=3, width=3, stride=2, seed=0)
def test_pixels_of_a_pair_are_neighbors(height, width, stride, seed):
    image = places(height, width)
    first, second = neighbor_pair(image, rng=np.random.default_rng(seed), stride=stride)
    distance = np.abs(first - second).sum(axis=-1)
    lattice = [-(-side // stride) for side in (height, width)]
    if max(height, width) == 1:
        assert (distance == 0).all()
    elif min(lattice) > 1:
        assert (distance == stride).all()
    else:
        assert np.isin(distance, [0, stride]).all()


@given(sides, sides, strides, seeds)
def test_no_pixel_is_drawn_twice_in_one_image(height, width, stride, seed):
    image = places(height, width)
    for half in neighbor_pair(image, rng=np.random.default_rng(seed), stride=stride):
        drawn = half.reshape(-1, 2)
        assert len(np.unique(drawn, axis=0)) == len(drawn)


@given(sides, sides, seeds)
def test_channels_stay_together(height, width, seed):
    image = np.repeat(np.arange(height * width).reshape(height, width, 1), 3, axis=2)
    for half in neighbor_pair(image, rng=np.random.default_rng(seed)):
        assert (half == half[..., :1]).all()


def test_every_neighbor_is_as_likely_in_either_image():
    image = np.tile(np.array([[0, 1], [2, 3]]), (200, 200))[..., None]
    first, second = neighbor_pair(image, rng=np.random.default_rng(0))
    n_pairs = first.size
    for half in (first, second):
        np.testing.assert_allclose(np.bincount(half.ravel()) / n_pairs, 0.25, atol=0.01)
    pairs, counts = np.unique(np.stack([first, second]).reshape(2, -1), axis=1, return_counts=True)
    assert {tuple(pair) for pair in pairs.T.tolist()} == {
        *[(0, 1), (1, 0), (0, 2), (2, 0), (1, 3), (3, 1), (2, 3), (3, 2)]
    }
    np.testing.assert_allclose(counts / n_pairs, 1 / 8, atol=0.01)


@pytest.mark.parametrize("stride", [1, 2])
def test_independent_noise_makes_independent_pairs(stride):
    rng = np.random.default_rng(0)
    first, second = neighbor_pair(rng.normal(size=(400, 400, 1)), rng=rng, stride=stride)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 4 / first.size**0.5


def test_a_wider_stride_makes_correlated_noise_independent():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(401, 401, 1))
    noise = noise[1:, 1:] + noise[:-1, 1:] + noise[1:, :-1] + noise[:-1, :-1]
    correlations = [
        np.corrcoef(*(half.ravel() for half in neighbor_pair(noise, rng=rng, stride=stride)))[0, 1]
        for stride in (1, 2)
    ]
    assert correlations[0] == pytest.approx(0.5, abs=0.02)
    assert correlations[1] == pytest.approx(0, abs=0.03)


def test_the_same_generator_draws_the_same_pair():
    image = np.random.default_rng(1).random((9, 10, 3))
    pairs = [neighbor_pair(image, rng=np.random.default_rng(5)) for _ in range(2)]
    np.testing.assert_array_equal(pairs[0], pairs[1])
