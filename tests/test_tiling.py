"""Tiles cover an image once, lie on the grid, and have their margin."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from skdenoise._tiling import iterate_tiles

lengths = st.integers(1, 40)


@st.composite
def grids(draw):
    """Draw the side and the halo of tiles, and the stride that they are multiples of."""
    stride = draw(st.integers(1, 4))
    return stride * draw(st.integers(1, 5)), stride * draw(st.integers(0, 5)), stride


@given(lengths, lengths, grids())
def test_tiles_cover_each_pixel_once(height, width, grid):
    side, halo, _ = grid
    count = np.zeros((height, width), int)
    for tile in iterate_tiles(height, width, side=side, halo=halo):
        count[tile.inner] += 1
    assert (count == 1).all()


@given(lengths, lengths, grids())
def test_what_is_kept_of_the_outer_part_is_the_inner_part(height, width, grid):
    side, halo, _ = grid
    image = np.arange(height * width).reshape(height, width)
    for tile in iterate_tiles(height, width, side=side, halo=halo):
        np.testing.assert_array_equal(image[tile.outer][tile.kept], image[tile.inner])


@given(lengths, lengths, grids())
def test_margins_are_whole_unless_the_image_ends(height, width, grid):
    side, halo, stride = grid
    for tile in iterate_tiles(height, width, side=side, halo=halo):
        for outer, inner, length in zip(tile.outer, tile.inner, (height, width), strict=True):
            assert outer.start % stride == 0
            assert inner.start - outer.start == halo or outer.start == 0
            assert outer.stop - inner.stop == halo or outer.stop == length
            assert outer.stop - outer.start <= side + 2 * halo


@given(lengths, lengths, st.integers(1, 9), st.integers(0, 3))
def test_a_filter_does_not_see_the_tiles(height, width, side, radius):
    image = np.random.default_rng(0).random((height, width))
    size = 2 * radius + 1
    whole = ndimage.uniform_filter(image, size, mode="constant")
    tiled = np.empty_like(image)
    for tile in iterate_tiles(height, width, side=side, halo=radius):
        part = ndimage.uniform_filter(image[tile.outer], size, mode="constant")
        tiled[tile.inner] = part[tile.kept]
    np.testing.assert_allclose(tiled, whole, atol=1e-12)
