"""Masks and the values that replace hidden pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skdenoise._masking import fill_masked, grid_masks, neighbor_mean

sides = st.integers(1, 20)
strides = st.integers(2, 6)


def random_image(height, width, n_channels=1, seed=0):
    return np.random.default_rng(seed).random((height, width, n_channels))


@given(sides, sides, strides)
def test_no_pixel_is_hidden_twice(height, width, stride):
    masks = grid_masks((height, width), stride)
    assert len(masks) == stride
    assert masks[0].any()
    assert np.sum(masks, axis=0).max() == 1


@given(st.integers(1, 4), strides)
def test_one_pixel_out_of_stride_is_hidden_in_all(cells, stride):
    masks = grid_masks((cells * stride, cells * stride), stride)
    assert np.mean(masks) * stride == pytest.approx(1 / stride)
    hidden = np.sum(masks, axis=0)
    assert (hidden.sum(axis=0) == cells).all()
    assert (hidden.sum(axis=1) == cells).all()


@given(sides, sides, strides)
def test_every_pixel_may_be_hidden_once(height, width, stride):
    masks = grid_masks((height, width), stride, everywhere=True)
    assert len(masks) == stride**2
    assert (np.sum(masks, axis=0) == 1).all()


@given(sides, sides, strides, st.booleans())
def test_hidden_pixels_do_not_touch(height, width, stride, everywhere):
    for mask in grid_masks((height, width), stride, everywhere=everywhere):
        rows, columns = np.nonzero(mask)
        apart = np.maximum(abs(rows[:, None] - rows[None]), abs(columns[:, None] - columns[None]))
        np.fill_diagonal(apart, stride)
        assert (apart >= 2).all()


@given(sides, st.integers(2, 20), strides, st.sampled_from([1, 3]))
def test_filled_images_do_not_depend_on_what_is_hidden(height, width, stride, n_channels):
    image = random_image(height, width, n_channels)
    for mask in grid_masks((height, width), stride):
        other = image.copy()
        other[mask] = 1e9
        np.testing.assert_array_equal(fill_masked(image, mask), fill_masked(other, mask))


@given(sides, st.integers(2, 20))
def test_seen_pixels_stay_as_they_are(height, width):
    image = random_image(height, width)
    image.flags.writeable = False
    mask = grid_masks((height, width))[0]
    filled = fill_masked(image, mask)
    np.testing.assert_array_equal(filled[~mask], image[~mask])
    assert (filled[mask] != image[mask]).all()


@given(sides, st.integers(2, 20), st.sampled_from(["float32", "float64"]))
def test_a_constant_image_is_its_own_neighborhood(height, width, dtype):
    image = np.full((height, width, 2), 0.3, dtype=dtype)
    mean = neighbor_mean(image)
    assert mean.dtype == dtype
    np.testing.assert_allclose(mean, image, rtol=1e-6)


def test_a_ramp_is_reproduced_inside():
    rows, columns = np.mgrid[:8, :9].astype(float)
    ramp = (2 * rows - 3 * columns)[..., None]
    np.testing.assert_allclose(neighbor_mean(ramp)[1:-1, 1:-1], ramp[1:-1, 1:-1], atol=1e-12)


def test_direct_neighbors_count_twice():
    image = np.zeros((3, 3, 1))
    image[0, 1], image[2, 2] = 1, 1
    assert neighbor_mean(image)[1, 1, 0] == pytest.approx(3 / 12)


def test_a_single_pixel_cannot_be_filled():
    with pytest.raises(ValueError, match="at least two pixels"):
        neighbor_mean(np.zeros((1, 1, 3)))
