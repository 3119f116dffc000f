"""Curves that are applied in one compiled pass do what the plain ones do, wherever a pixel lies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_curves import BENDINGS, random_curves

from skdenoise._curves import Bending
from skdenoise._images import in_working_units
from skdenoise._keras import _backend, _bending
from skdenoise._keras._backend import BACKEND, FUSED
from skdenoise._keras._bending import FusedBending

WHOLE = [name for name in FUSED if name.startswith("uint")]
FLOATS = [name for name in FUSED if name.startswith("float")]


def fused_like(bending):
    return FusedBending(bending.n_iterations, bending.protection, bending.keep_hue)


def random_pixels(dtype, shape, seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "u":
        return rng.integers(np.iinfo(dtype).max, size=shape, dtype=dtype, endpoint=True)
    return rng.uniform(-0.25, 1.25, shape).astype(dtype)


@settings(max_examples=12)
@given(
    bending=BENDINGS,
    dtype=st.sampled_from(FUSED),
    reduction=st.sampled_from([1, 5]),
    n_channels=st.sampled_from([1, 3]),
    factor=st.sampled_from([0.5, 3.0]),
    locality=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_it_is_what_plain_bending_does(bending, dtype, reduction, n_channels, factor, locality):
    n_maps = 1 if bending.keep_hue else n_channels
    curves = random_curves(23, 31, n_curves=3, n_channels=n_maps, reduction=reduction)
    curves = curves.localized(locality).times(factor)
    image = random_pixels(dtype, (23, 31, n_channels))
    before = image.copy()
    found = fused_like(bending).enhanced(image, curves)
    np.testing.assert_array_equal(image, before)
    assert found.dtype == dtype
    wanted = bending.enhanced(in_working_units(image), curves)
    if dtype in WHOLE:
        white = np.iinfo(dtype).max
        np.testing.assert_allclose(found, wanted * white, atol=0.5 + 2e-6 * white)
    else:
        np.testing.assert_allclose(found, wanted, atol=2e-6)


@pytest.mark.parametrize("dtype", FUSED)
@pytest.mark.parametrize("reduction", [1, 4])
@pytest.mark.parametrize("n_columns", [64, 61])
def test_a_part_is_a_part_of_the_whole(dtype, reduction, n_columns, monkeypatch):
    bending, curves = FusedBending(), random_curves(96, 64, reduction=reduction).localized(0.5)
    image = random_pixels(dtype, (96, 64, 3))
    whole = bending.enhanced(image, curves)
    rows, columns = np.s_[9:90], np.s_[3 : min(3 + n_columns, 64)]
    part = bending.enhanced(image[rows, columns], curves, top=9, left=3)
    np.testing.assert_array_equal(part, whole[rows, columns])
    # Several blocks, the last one not full, and a row that is longer than all sizes.
    for sizes in ((64, 1024), (16, 32)):
        monkeypatch.setattr(_bending, "SIZES", sizes)
        np.testing.assert_array_equal(bending.enhanced(image, curves), whole)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="JAX is a compiler")
def test_without_a_compiler_it_is_slower_and_the_same(monkeypatch):
    image, curves = random_pixels("uint8", (40, 50, 3)), random_curves(40, 50)
    wanted = FusedBending().enhanced(image, curves)
    _bending._function.cache_clear()
    monkeypatch.setattr(_backend, "_has_compiler", lambda: False)
    found = FusedBending().enhanced(image, curves)
    _bending._function.cache_clear()
    assert np.abs(found.astype(int) - wanted).max() <= 1
    assert (found == wanted).mean() > 0.999


@pytest.mark.parametrize("dtype", FUSED)
def test_the_order_in_memory_does_not_matter(dtype):
    image, curves = random_pixels(dtype, (60, 80, 4)), random_curves(60, 80)
    wanted = FusedBending().enhanced(np.ascontiguousarray(image[..., :3]), curves)
    backwards = np.ascontiguousarray(image[::-1, :, :3])[::-1]
    for other in (image[..., :3], np.asfortranarray(image[..., :3]), backwards):
        np.testing.assert_array_equal(FusedBending().enhanced(other, curves), wanted)


@pytest.mark.parametrize("dtype", FLOATS)
def test_an_image_may_be_overwritten(dtype):
    image, curves = random_pixels(dtype, (40, 50, 3)), random_curves(40, 50)
    wanted = FusedBending().enhanced(image, curves)
    assert FusedBending().enhanced(image, curves, out=image) is image
    np.testing.assert_array_equal(image, wanted)


@pytest.mark.parametrize("dtype", ["bool", "int16", "uint32", "float16", ">u2", ">f4"])
def test_other_dtypes_become_floats_before(dtype):
    image = np.zeros((3, 4, 3), dtype)
    for bending in (Bending(), FusedBending()):
        taken = bending.taken(image)
        assert taken.dtype in (np.float32, np.float64)
        assert bending.enhanced(taken, random_curves(3, 4)).dtype == taken.dtype


def test_arrays_that_must_not_be_written_to_are_only_read():
    image = random_pixels("uint8", (128, 128, 3))
    image.flags.writeable = False
    curves = random_curves(128, 128)
    curves.maps.flags.writeable = False
    found = FusedBending().enhanced(image, curves)
    np.testing.assert_allclose(found, Bending().enhanced(image / 255, curves) * 255, atol=0.501)
