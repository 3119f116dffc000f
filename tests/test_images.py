"""The image contract: what was read comes back as it was, and what is no image is refused."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from strategies import (
    DTYPES,
    FLOATS,
    INTEGERS,
    assert_same_container,
    copied,
    image_containers,
    image_stacks,
    objects,
    tables,
)

from skdenoise._containers import is_image_sequence, read_images

SMALL_INTEGERS = ["bool", "uint8", "int8", "uint16", "int16"]
EXACT = [*SMALL_INTEGERS, "uint32", "int32", *FLOATS]
"""A 64-bit integer has more digits than a float."""

exact = st.sampled_from(EXACT).map(np.dtype)


# Laws of reading and restoring


@given(image_containers(exact))
def test_reading_then_restoring_changes_nothing(X):
    before = copied(X)
    images = read_images(X)
    assert_same_container(images.restore(images), before)
    assert_same_container(X, before)


@given(tables(exact))
def test_tables_come_back_too(table_and_shape):
    table, image_shape = table_and_shape
    images = read_images(table, image_shape)
    assert images.kind == "table"
    assert_same_container(images.restore(images), table)


@given(image_stacks(st.sampled_from(["uint64", "int64"]).map(np.dtype)))
def test_wide_integers_come_back_to_the_precision_of_floats(X):
    images = read_images(X)
    restored = images.restore(images)
    assert restored.dtype == X.dtype
    np.testing.assert_allclose(restored.astype(float), X.astype(float), rtol=1e-15, atol=1e4)


@given(image_containers())
def test_images_are_described_without_alpha(X):
    images = read_images(X)
    assert len(images) == len(X)
    for index, raw in enumerate(X):
        n_channels = 1 if raw.ndim == 2 else raw.shape[2]
        assert images.n_channels == (3 if n_channels == 4 else n_channels)
        assert images.shapes[index] == (*raw.shape[:2], images.n_channels)
        assert images.dtypes[index] == raw.dtype
        assert images[index].shape == images.shapes[index]


@given(image_containers())
def test_integers_are_fractions_of_their_largest_value_and_floats_as_they_are(X):
    images = read_images(X)
    for index, raw in enumerate(X):
        largest = {"b": 1, "f": 1}.get(raw.dtype.kind) or np.iinfo(raw.dtype).max
        assert images.scales[index] == float(largest)
        wanted = raw.reshape(*raw.shape[:2], -1)[..., : images.n_channels].astype(float) / largest
        np.testing.assert_allclose(images[index], wanted, rtol=1e-6)
        if raw.dtype.kind in "bu":
            assert images[index].min() >= 0
            assert images[index].max() <= 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_work_is_done_in_the_smallest_float_that_holds_the_pixels(dtype):
    images = read_images(np.full((1, 2, 2), 100000 if dtype[-2:] in ("32", "64") else 1, dtype))
    wide = dtype in ("uint32", "int32", "uint64", "int64", "float64")
    assert images[0].dtype == (np.float64 if wide else np.float32)


@given(image_containers(), st.data())
def test_a_crop_is_a_part_of_the_image(X, data):
    images = read_images(X)
    index = data.draw(st.integers(0, len(images) - 1))
    rows, columns = (data.draw(st.slices(side)) for side in images.shapes[index][:2])
    np.testing.assert_array_equal(images.crop(index, rows, columns), images[index][rows, columns])


def test_what_is_taken_of_images_that_were_taken_remembers_its_first_positions():
    images = read_images([np.zeros((2, side)) for side in range(1, 7)])
    taken = images.take([5, 1, 3]).take([2, 0])
    assert taken.positions == [3, 5]
    assert taken.n_in_container == 6
    assert [image.shape for image in taken] == [images.shapes[index] for index in (3, 5)]


@given(image_containers())
def test_images_are_fresh_arrays(X):
    before = copied(X)
    images = read_images(X)
    for image in images:
        image += 1
    for restored in images.restore(images):
        restored[...] = 0
    assert_same_container(X, before)


@given(image_stacks(st.sampled_from(SMALL_INTEGERS).map(np.dtype)), st.data())
def test_integers_are_rounded_and_saturate(X, data):
    images = read_images(X)
    largest = 1.0 if X.dtype == bool else float(np.iinfo(X.dtype).max)
    lowest = 0.0 if X.dtype == bool else float(np.iinfo(X.dtype).min)
    shape = images.shapes[0]
    result = data.draw(hnp.arrays(np.float64, shape, elements=st.floats(-3, 3)))
    restored = images.restore([result] * len(images))
    ideal = (result * largest).clip(lowest, largest)
    found = restored[0].reshape(*shape[:2], -1)[..., : shape[2]]
    assert np.abs(found.astype(float) - ideal).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("dtype", [dtype for dtype in INTEGERS if dtype != "bool"])
@pytest.mark.parametrize("value", [-1e30, -1.5, 1.0, 1.5, 1e30])
def test_no_integer_wraps(dtype, value):
    info = np.iinfo(dtype)
    images = read_images(np.full((1, 1, 1), info.max, dtype))
    restored = images.restore([np.full((1, 1, 1), value)]).item()
    # The largest 64-bit integers are not floats, so the floats next to them must do.
    wanted = info.max if value > 0 else info.min
    assert abs(restored - wanted) <= info.max * 1e-15


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("kind", ["array", "list"])
def test_alpha_passes_through(dtype, kind):
    X = (np.random.default_rng(0).random((2, 5, 5, 4)) * 200).astype(dtype)
    images = read_images(X if kind == "array" else list(X))
    restored = images.restore(np.zeros((5, 5, 3)) for _ in images)
    for image, raw in zip(restored, X, strict=True):
        np.testing.assert_array_equal(image[..., 3], raw[..., 3])
        assert not image[..., :3].any()


def test_gray_and_rgba_may_be_stored_in_any_byte_order():
    X = np.arange(12, dtype=">u2").reshape(1, 3, 4)
    images = read_images(X)
    np.testing.assert_array_equal(images.restore(images), X)
    np.testing.assert_allclose(images[0][..., 0], X[0] / 65535, rtol=1e-6)


@pytest.mark.parametrize(
    "view", [lambda X: X[::-1, ::2], lambda X: X.swapaxes(1, 2), np.asfortranarray]
)
def test_views_are_read_as_they_look(view):
    X = view(np.arange(2 * 6 * 5, dtype=np.uint8).reshape(2, 6, 5))
    images = read_images(X)
    np.testing.assert_array_equal(images.restore(images), X)


def test_read_only_images_are_read():
    X = np.ones((2, 3, 3), np.float32)
    X.flags.writeable = False
    images = read_images(X)
    images[0][...] = 5
    assert images.restore(images).flags.writeable


def test_nested_lists_of_numbers_are_an_array():
    images = read_images([[[0.0, 0.5], [1.0, 0.25]]])
    assert images.shapes == [(2, 2, 1)]


def test_memory_maps_stay_on_disk(tmp_path):
    X = np.memmap(tmp_path / "images", np.uint8, "w+", shape=(3, 4, 5))
    X[:] = np.arange(60).reshape(3, 4, 5)
    images = read_images(X)
    assert images.kind == "array"
    restored = images.restore(images)
    assert not isinstance(restored, np.memmap)
    np.testing.assert_array_equal(restored, X)


def test_frames_are_tables():
    frame = pd.DataFrame(np.arange(12.0).reshape(2, 6))
    images = read_images(frame, (2, 3))
    assert images.shapes == [(2, 3, 1)] * 2
    np.testing.assert_array_equal(images.restore(images), frame.to_numpy())


def test_a_list_of_rows_is_a_table_and_a_list_of_images_is_not():
    assert read_images([[1.0, 2.0], [3.0, 4.0]]).kind == "table"
    assert not is_image_sequence([np.zeros(3)])
    assert is_image_sequence([np.zeros((1, 3))])
    assert not is_image_sequence(["ab", "cd"])
    assert not is_image_sequence([])


def test_sizes_and_dtypes_mix_in_a_list():
    X = [
        np.full((2, 3), 255, np.uint8),
        np.ones((1, 1), np.float32),
        np.full((4, 1), 65535, np.uint16),
    ]
    images = read_images(X)
    assert [float(image.max()) for image in images] == [1, 1, 1]
    assert images.scales == [255.0, 1.0, 65535.0]


# What is no image


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.ones((32, 48, 3), np.uint8), ValueError, r"X\[None\] for a single image"),
        (np.ones((32, 48, 4), np.uint8), ValueError, r"X\[\.\.\., None\] if these are 32 gray"),
        (np.ones((2, 3, 32, 32)), ValueError, r"numpy\.moveaxis\(X, 1, -1\)"),
        (np.ones((2, 1, 32, 32)), ValueError, "channels-first"),
        (np.ones((2, 5, 32, 48)), ValueError, r"moveaxis\(X, 1, -1\).*X\.reshape\(-1, 32, 48\)"),
        (np.ones((2, 3, 4, 5, 3)), ValueError, r"X\.reshape\(-1, height, width, n_channels\)"),
        (pd.Series([np.ones((4, 4))]), ValueError, r"Series of objects\. Pass list\(X\)"),
        (np.ones((1, 2, 3, 4, 5)), ValueError, r"X\.reshape\(-1, height, width\)"),
        (np.ones((0, 4, 4)), ValueError, r"0 sample\(s\)"),
        (np.ones((2, 0, 4)), ValueError, "empty"),
        ([], ValueError, "X holds no image"),
        ([np.ones((2, 0))], ValueError, "Image 0 of X is empty"),
        (np.ones((2, 4, 4), complex), ValueError, "Complex data not supported"),
        ([np.ones((4, 4)), np.ones((4, 4), complex)], ValueError, "image 1 of X has dtype complex"),
        (np.full((2, 4, 4), "a"), TypeError, "has dtype <U1"),
        ([np.ones((4, 4)), np.full((4, 4), None)], TypeError, "image 1 has dtype object"),
        ([np.ones((4, 4)), np.ones(4)], ValueError, r"image 1 has shape \(4,\)"),
        ([np.ones((4, 4)), np.ones((4, 4, 4, 4))], ValueError, "image 1 has shape"),
        ([[[1, 2], [3]], [[1, 2], [3, 4]]], ValueError, "Image 0 of X is ragged"),
        ([[1, 2], [3]], ValueError, "X is ragged: its rows have different lengths"),
        ([None, np.ones((4, 4))], ValueError, "X is ragged: .* or some are no images"),
        ([np.ones((4, 4)), np.ones((4, 4, 3))], ValueError, "image 0 has 1 and image 1 has 3"),
        (np.ones(5), ValueError, "1D array"),
        (np.ones(()), ValueError, "scalar|0D"),
        (scipy.sparse.csr_array(np.eye(4)), TypeError, "(?i)sparse"),
        ("images", ValueError, "names of files"),
        (None, ValueError, "scalar|0D|NoneType"),
        (np.full((3, 4), np.nan), ValueError, "NaN"),
        (np.full((3, 4), np.inf), ValueError, "infinity"),
    ],
    ids=str,
)
def test_what_is_no_image_is_refused_with_a_word_on_what_to_do(X, error, message):
    with pytest.raises(error, match=message):
        read_images(X)


@given(image_containers(st.sampled_from(FLOATS).map(np.dtype)), st.data())
def test_a_value_that_is_not_finite_is_found_and_located(X, data):
    index = data.draw(st.integers(0, len(X) - 1))
    where = tuple(data.draw(st.integers(0, side - 1)) for side in X[index].shape)
    X[index][where] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    place = where if len(where) == 3 else (*where, 0)
    with pytest.raises(ValueError, match="NaN or infinity: 1 of") as caught:
        read_images(X)
    assert f"Image {index} of X" in str(caught.value)
    assert f"the first at {place}" in str(caught.value)


@given(tables())
def test_the_shape_of_an_image_must_fit_the_row(table_and_shape):
    table, _ = table_and_shape
    assume(table.shape[1] != 7 * 5)
    with pytest.raises(ValueError, match=r"image_shape=\(7, 5\) needs 35 features"):
        read_images(table, (7, 5))


@pytest.mark.parametrize("image_shape", [(4,), (2, 2, 1, 1), (0, 4), (-2, -2), (1.5, 2)])
def test_the_shape_of_an_image_has_two_or_three_positive_sides(image_shape):
    with pytest.raises(ValueError, match="Expected image_shape="):
        read_images(np.ones((2, 4)), image_shape)


@pytest.mark.parametrize("shape", [(3, 40, 50), (1, 40, 50), (5, 40, 40)])
def test_channels_that_come_first_are_told_in_a_list(shape):
    with pytest.raises(ValueError, match=r"Image 0 of X has shape .* channels first or a stack"):
        read_images([np.zeros(shape, np.uint8)])


def test_one_image_with_one_channel_is_told():
    with pytest.raises(ValueError, match=r"looks like a single image.*Pass X\[None\]"):
        read_images(np.zeros((40, 50, 1), np.uint8))


@pytest.mark.parametrize("mode", ["P", "CMYK", "LAB"])
def test_palettes_and_inks_are_no_light(mode):
    image = Image.new(mode, (20, 20))
    with pytest.raises(ValueError, match=rf"mode '{mode}'.*Pass image.convert\('RGB'\)"):
        read_images([image])


def test_messages_name_the_container():
    with pytest.raises(ValueError, match="Image 0 of y contains NaN"):
        read_images(np.full((1, 2, 2), np.nan), name="y")


# Warnings where it may be a mistake


@pytest.mark.parametrize(
    ("largest", "advice"), [(255, "uint8"), (256, "uint16"), (65535, "uint16")]
)
@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint64"])
def test_wide_integers_that_are_almost_black_are_told(dtype, largest, advice):
    with pytest.warns(UserWarning, match=rf"Pass X\.astype\(numpy\.{advice}\)"):
        read_images(np.full((1, 2, 2), largest, dtype))


def test_negative_ones_are_not_wrapped_by_what_is_advised():
    with pytest.warns(UserWarning, match=r"from -1000 to 3000.*Pass X\.astype\(numpy\.int16\)"):
        read_images(np.array([[[-1000, 3000]]], np.int32))


def test_a_table_that_is_probably_one_image_is_told():
    image = np.zeros((40, 50), np.uint8)
    with pytest.warns(UserWarning, match=r"a table of 40 images of one row.*pass X\[None\]"):
        read_images(image)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_images(image, (1, 50))
        read_images(image, (5, 10))


def test_flattened_images_are_told_of_their_range():
    with pytest.warns(UserWarning, match=r"Pass X\.astype\(numpy\.uint8\)"):
        read_images(np.full((2, 64), 200, np.int64), (8, 8))


def test_narrow_integers_and_tables_are_not_told():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_images(np.ones((1, 2, 2), np.uint16))
        read_images(np.ones((2, 4), np.int64))
        read_images(np.full((1, 4, 4), -(2**31) + 5, np.int32))
        read_images(objects([np.full((2, 2), 2**16, np.int64)]))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([], "X holds no image"),
        (["a.png", "b.png"], "names of files, 'a.png' first.*skimage.io.imread"),
        ("a.png", "names of files"),
        ((image for image in [np.zeros((8, 8))]), r"Pass list\(X\)"),
        (np.ma.masked_less(np.eye(4)[None], 1), "X has masked pixels"),
        ([np.eye(4), np.ma.masked_less(np.eye(4), 1)], "Image 1 of X has masked pixels"),
    ],
)
def test_what_is_no_table_is_not_told_to_be_reshaped(X, message):
    with pytest.raises(ValueError, match=message):
        read_images(X)


def test_images_of_pillow_are_images():
    from PIL import Image

    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    images = read_images([Image.fromarray(pixels), Image.fromarray(pixels[:4])])
    assert images.shapes == [(8, 8, 1), (4, 8, 1)]
    np.testing.assert_array_equal(images.restore([images[0], images[1]])[0], pixels)


def test_values_whose_squares_overflow_are_refused():
    for values in ([0, 1e160], [-1e308, 1e308], [-1e300, -1e300]):
        with pytest.raises(ValueError, match="Divide it"):
            read_images([np.array([values])])
    read_images([np.array([[0, 1e149]])])
