"""Tiles cover an image once, lie on the grid, and have their margin."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from skdenoise._tiling import cut, on_grid, quickest_tile, with_margin, within

lengths = st.integers(1, 40)


@st.composite
def grids(draw):
    """Draw the side and the halo of tiles, and the stride that they are multiples of."""
    stride = draw(st.integers(1, 4))
    return stride * draw(st.integers(1, 5)), stride * draw(st.integers(0, 5)), stride


def tiles(height, width, side, halo, grid=1):
    """Yield what a tile is responsible for, and what it reads."""
    for inner in cut(slice(0, height), slice(0, width), side, side):
        lengths = zip(inner, (height, width), strict=True)
        yield inner, tuple(on_grid(part, length, halo=halo, grid=grid) for part, length in lengths)


@given(lengths, lengths, grids())
def test_tiles_cover_each_pixel_once(height, width, grid):
    count = np.zeros((height, width), int)
    for inner, _ in tiles(height, width, *grid):
        count[inner] += 1
    assert (count == 1).all()


@given(lengths, lengths, grids())
def test_what_is_kept_of_the_outer_part_is_the_inner_part(height, width, grid):
    image = np.arange(height * width).reshape(height, width)
    for inner, outer in tiles(height, width, *grid):
        np.testing.assert_array_equal(image[outer][within(inner, outer)], image[inner])


@given(lengths, lengths, grids())
def test_margins_are_whole_unless_the_image_ends(height, width, grid):
    side, halo, stride = grid
    for tile in tiles(height, width, *grid):
        for inner, outer, length in zip(*tile, (height, width), strict=True):
            assert outer == with_margin(inner, length, halo)
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
    for inner, outer in tiles(height, width, side, radius):
        part = ndimage.uniform_filter(image[outer], size, mode="constant")
        tiled[inner] = part[within(inner, outer)]
    np.testing.assert_allclose(tiled, whole, atol=1e-12)


@given(st.integers(1, 400), st.integers(1, 400), grids(), st.integers(30, 200))
def test_the_quickest_tiles_are_small_enough_and_no_squares_are_quicker(height, width, grid, root):
    _, halo, stride = grid

    def n_pixels(*sides):
        pairs = list(zip(sides, (height, width), strict=True))
        largest = [min(side + 2 * halo, length) for side, length in pairs]
        all_pixels = [length + 2 * halo * (-(-length // side) - 1) for side, length in pairs]
        return np.prod(largest), np.prod(all_pixels)

    tile = quickest_tile(height, width, halo=halo, grid=stride, most=root**2)
    assert all(side % stride == 0 for side in tile)
    square = (root - 2 * halo) // stride * stride
    if square >= 4 * stride:
        assert n_pixels(*tile)[0] <= root**2
        assert n_pixels(*tile)[1] <= n_pixels(square, square)[1]


def test_an_image_that_is_small_enough_is_not_cut():
    assert quickest_tile(900, 1200, halo=7, grid=1, most=900 * 1200) == (900, 1200)
    assert quickest_tile(900, 1200, halo=7, grid=1, most=200_000) == (450, 400)
