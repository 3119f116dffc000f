"""What each loss of an enhanced image is zero for, what it sees, and that gradients are finite."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skdenoise.losses import (
    color_constancy,
    exposure,
    illumination_smoothness,
    spatial_consistency,
)

VALUES = st.floats(0, 1, width=32)
IMAGES = hnp.arrays(
    np.float32,
    st.tuples(st.just(2), st.integers(1, 20), st.integers(1, 20), st.sampled_from([1, 3])),
    elements=VALUES,
)


def ramp(height, width, *, along, slope=0.01, n_channels=1):
    """Return an image that rises by `slope` per pixel along one axis."""
    counts = np.arange(height)[:, None] if along == "rows" else np.arange(width)[None]
    image = np.broadcast_to(slope * counts, (height, width)).astype(np.float32)
    return np.repeat(image[None, ..., None], n_channels, axis=-1)


# Spatial consistency


@given(image=IMAGES, constant=st.floats(-1, 1, width=32))
def test_differences_are_kept_where_a_constant_is_added(image, constant):
    assert float(spatial_consistency(image, image + np.float32(constant))) < 1e-12


@pytest.mark.parametrize("along", ["rows", "columns"])
def test_vertical_and_horizontal_differences_are_seen_alike(along):
    image = ramp(16, 16, along=along)
    # Regions of 4 pixels differ by 0.04; after doubling the contrast, by 0.08.
    wanted = 2 * 0.04**2
    np.testing.assert_allclose(spatial_consistency(image, 2 * image), wanted, rtol=1e-4)


@given(image=IMAGES)
def test_upside_down_and_mirrored_change_nothing(image):
    enhanced = np.sqrt(image)
    value = float(spatial_consistency(image, enhanced, region=1))
    for turned in (np.s_[:, ::-1], np.s_[:, :, ::-1]):
        np.testing.assert_allclose(
            spatial_consistency(image[turned], enhanced[turned], region=1), value, rtol=1e-4
        )


def test_brightening_evenly_costs_nothing_but_brightening_a_half_does():
    image = np.full((1, 8, 8, 3), 0.2, np.float32)
    half = image.copy()
    half[:, :4] += 0.4
    assert float(spatial_consistency(image, image + 0.4)) < 1e-12
    np.testing.assert_allclose(spatial_consistency(image, half), 2 * 0.4**2, rtol=1e-5)


# Exposure


@given(target=st.floats(0, 1, width=32), height=st.integers(1, 40), width=st.integers(1, 40))
def test_exposure_is_zero_at_the_target_and_only_there(target, height, width):
    at_target = np.full((1, height, width, 3), target, np.float32)
    assert float(exposure(at_target, target=target)) < 1e-11  # rounding, squared
    np.testing.assert_allclose(exposure(at_target + 0.5, target=target), 0.25, rtol=1e-4)


def test_exposure_sees_the_mean_of_a_region_not_its_texture():
    stripes = np.zeros((1, 32, 32, 3), np.float32)
    stripes[:, ::2] = 1
    assert float(exposure(stripes, target=0.5)) < 1e-12
    np.testing.assert_allclose(exposure(stripes, target=0.5, region=1), 0.25, rtol=1e-6)


# Color


@given(image=IMAGES.filter(lambda image: image.shape[-1] == 1))
def test_gray_images_have_no_color(image):
    assert float(color_constancy(np.repeat(image, 3, axis=-1))) < 1e-12


def test_color_is_the_formula_of_the_paper():
    image = np.random.default_rng(0).random((2, 6, 5, 3)).astype(np.float32)
    red, green, blue = image.mean((1, 2)).T
    wanted = np.mean((red - green) ** 2 + (red - blue) ** 2 + (green - blue) ** 2)
    np.testing.assert_allclose(color_constancy(image), wanted, rtol=1e-4)


# Smoothness


@given(
    height=st.integers(2, 64),
    width=st.integers(2, 64),
    along=st.sampled_from(["rows", "columns"]),
)
def test_a_ramp_counts_the_same_whatever_its_size(height, width, along):
    value = illumination_smoothness(ramp(height, width, along=along, n_channels=24))
    np.testing.assert_allclose(value, 2 * 24 * 0.01**2, rtol=1e-2)


@given(level=st.floats(-1, 1, width=32))
def test_constant_maps_are_smooth(level):
    assert float(illumination_smoothness(np.full((1, 5, 7, 3), level, np.float32))) == 0


# All


def constant(*color):
    return np.broadcast_to(np.float32(color), (2, 32, 32, 3))


FLAT = {
    "black": constant(0, 0, 0),
    "white": constant(1, 1, 1),
    "gray": constant(0.5, 0.5, 0.5),
    "dark": constant(0.01, 0.01, 0.01),
    "red": constant(1, 0, 0),
    "teal": constant(0, 0.4, 0.4),
    "a pixel": constant(0.2, 0.3, 0.4)[:, :1, :1],
}
LOSSES = {
    "spatial": lambda image, enhanced: spatial_consistency(image, enhanced),
    "exposure": lambda image, enhanced: exposure(enhanced),
    "color": lambda image, enhanced: color_constancy(enhanced),
    "smoothness": lambda image, enhanced: illumination_smoothness(enhanced),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("kind", FLAT)
def test_values_and_gradients_are_finite(name, kind):
    image = tf.constant(FLAT[kind])
    with tf.GradientTape() as tape:
        tape.watch(image)
        value = LOSSES[name](FLAT[kind], image)
    assert value.shape == ()
    assert value.dtype == tf.float32
    assert np.isfinite(value)
    gradient = tape.gradient(value, image)
    assert gradient is not None
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", LOSSES)
def test_sizes_that_are_not_known_yet_are_no_error(name):
    any_size = tf.TensorSpec((None, None, None, 3))
    traced = tf.function(LOSSES[name], input_signature=[any_size, any_size])
    image = np.random.default_rng(0).random((2, 20, 33, 3)).astype(np.float32)
    np.testing.assert_allclose(traced(image, image**2), LOSSES[name](image, image**2), rtol=1e-5)


@pytest.mark.parametrize(
    "loss", [lambda x: exposure(x, region=0), lambda x: exposure(x, region=-4)]
)
def test_a_region_has_a_pixel_at_least(loss):
    with pytest.raises(ValueError, match="region is the side"):
        loss(np.zeros((1, 4, 4, 3), np.float32))
