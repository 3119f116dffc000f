"""Strategies of hypothesis for images in every container, dtype and size that is taken."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

INTEGERS = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
FLOATS = ["float16", "float32", "float64"]
DTYPES = [*INTEGERS, *FLOATS]

dtypes = st.sampled_from(DTYPES).map(np.dtype)
channels = st.sampled_from([1, 2, 3, 4])
sides = st.integers(1, 9)


def pixels(dtype):
    """Return a strategy for one value; wide integers lie in the upper part of their range."""
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return st.floats(-1000, 1000, width=8 * dtype.itemsize)
    if dtype.kind in "iu" and dtype.itemsize >= 4:
        # Integers that fill a corner of their range are taken with a warning, tested elsewhere.
        return st.integers(2**16, np.iinfo(dtype).max)
    return hnp.from_dtype(dtype)


@st.composite
def image_stacks(draw, dtypes=dtypes):
    """Draw an array (n, H, W) or (n, H, W, C)."""
    shape = (draw(st.integers(1, 4)), draw(sides), draw(sides))
    if draw(st.booleans()):
        shape = (*shape, draw(channels))
    dtype = draw(dtypes)
    return draw(hnp.arrays(dtype, shape, elements=pixels(dtype)))


@st.composite
def image_sequences(draw, dtypes=dtypes):
    """Draw a list, tuple or object array of images of mixed sizes and dtypes."""
    tail = draw(st.sampled_from([(), (1,), (2,), (3,), (4,)]))
    images = [
        draw(hnp.arrays(dtype, (draw(sides), draw(sides), *tail), elements=pixels(dtype)))
        for dtype in draw(st.lists(dtypes, min_size=1, max_size=4))
    ]
    kind = draw(st.sampled_from([list, tuple, objects]))
    return kind(images)


def objects(images):
    """Return an object array of the images."""
    array = np.empty(len(images), dtype=object)
    array[:] = images
    return array


def image_containers(dtypes=dtypes):
    """Return a strategy for any container that is no table."""
    return image_stacks(dtypes) | image_sequences(dtypes)


@st.composite
def tables(draw, dtypes=dtypes):
    """Draw a table of flattened images, and the shape of an image or None."""
    n_images, height, width = draw(st.integers(1, 4)), draw(sides), draw(sides)
    shape = draw(st.sampled_from([None, (height, width), (height, width, 2)]))
    n_features = height * width if shape is None else int(np.prod(shape))
    dtype = draw(dtypes)
    table = draw(hnp.arrays(dtype, (n_images, n_features), elements=pixels(dtype)))
    return table, shape


def copied(X):
    """Return a deep copy of a container."""
    if isinstance(X, np.ndarray) and X.dtype != object:
        return X.copy()
    return (
        objects([item.copy() for item in X])
        if isinstance(X, np.ndarray)
        else type(X)(item.copy() for item in X)
    )


def assert_same_container(found, wanted):
    """Compare type, shapes, dtypes and pixels of two containers."""
    assert type(found) is type(wanted)
    assert len(found) == len(wanted)
    if isinstance(wanted, np.ndarray):
        assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    for one, other in zip(found, wanted, strict=True):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        np.testing.assert_array_equal(one, other)
