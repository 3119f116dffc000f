"""What each loss is zero for, what it equals, and that it can be trained on."""

import inspect
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skdenoise import losses
from skdenoise.losses import LOSSES, charbonnier, l1, mse

SHAPES = hnp.array_shapes(min_dims=4, max_dims=4, max_side=4)
VALUES = st.floats(-4, 4, width=32)


@st.composite
def pairs_of_images(draw):
    shape = draw(SHAPES)
    image = hnp.arrays(np.float32, shape, elements=VALUES)
    return draw(image), draw(image)


@pytest.fixture(params=LOSSES)
def loss(request):
    return LOSSES[request.param]


def test_the_table_holds_the_public_functions():
    assert {name: LOSSES[name] for name in LOSSES} == {
        name: getattr(losses, name)
        for name in losses.__all__
        if name != "LOSSES" and "clean" in inspect.signature(getattr(losses, name)).parameters
    }


def test_the_names_are_known_without_keras():
    code = """if True:
        import sys
        from skdenoise.losses import LOSSES
        print(*LOSSES, "keras" in sys.modules)
        """
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert printed.split() == b"mse l1 charbonnier False".split()


@pytest.mark.parametrize("name", LOSSES)
@given(pair=pairs_of_images())
def test_zero_where_the_images_are_equal_and_only_there(name, pair):
    clean, denoised = pair
    assert float(LOSSES[name](clean, clean)) == 0
    away = np.where(np.abs(denoised - clean) < 1e-3, clean + 1, denoised)
    assert float(LOSSES[name](clean, away)) > 0


@given(pair=pairs_of_images())
def test_values_are_those_of_the_formulas_in_numpy(pair):
    clean, denoised = (image.astype(np.float64) for image in pair)
    difference = denoised - clean
    smooth = np.sqrt(difference**2 + 0.1**2) - 0.1
    # The square of a tiny float32 is zero.
    np.testing.assert_allclose(float(mse(*pair)), np.mean(difference**2), rtol=1e-5, atol=1e-30)
    np.testing.assert_allclose(float(l1(*pair)), np.mean(np.abs(difference)), rtol=1e-5)
    np.testing.assert_allclose(
        float(charbonnier(*pair, epsilon=0.1)), np.mean(smooth), rtol=1e-4, atol=1e-12
    )


@given(pair=pairs_of_images(), epsilon=st.floats(1e-4, 1))
def test_charbonnier_is_below_l1_by_at_most_epsilon(pair, epsilon):
    absolute, smooth = float(l1(*pair)), float(charbonnier(*pair, epsilon=epsilon))
    assert smooth <= absolute * (1 + 1e-5)
    assert smooth >= absolute * (1 - 1e-5) - epsilon


def test_charbonnier_is_right_where_the_difference_is_tiny():
    clean, denoised = np.zeros((1, 1, 1, 1), "float32"), np.full((1, 1, 1, 1), 1e-6, "float32")
    np.testing.assert_allclose(float(charbonnier(clean, denoised)), 1e-12 / 2e-3, rtol=1e-5)


def test_the_loss_is_a_scalar_in_float32_whatever_is_mixed(loss):
    clean = keras.ops.zeros((2, 3, 3, 1), "float32")
    denoised = keras.ops.full((2, 3, 3, 1), 0.5, "bfloat16")
    value = loss(clean, denoised)
    assert value.shape == ()
    assert value.dtype == tf.float32


@pytest.mark.parametrize("level", [0.0, 1.0, 0.3])
def test_gradients_are_finite_where_the_images_are_equal_and_constant(loss, level):
    clean = tf.fill((2, 4, 4, 1), level)
    with tf.GradientTape() as tape:
        tape.watch(clean)
        value = loss(tf.identity(clean), clean)
    assert np.all(tape.gradient(value, clean) == 0)


def test_gradients_point_from_the_clean_to_the_denoised_image(loss):
    denoised = tf.constant([0.1, -0.2, 0.7, 0.0], shape=(1, 2, 2, 1))
    with tf.GradientTape() as tape:
        tape.watch(denoised)
        value = loss(tf.zeros_like(denoised), denoised)
    np.testing.assert_array_equal(np.sign(tape.gradient(value, denoised)), np.sign(denoised))


def test_images_that_would_be_broadcast_are_an_error(loss):
    with pytest.raises(ValueError, match=r"same shape, got \(2, 4, 4, 1\) and \(2, 4, 4, 3\)"):
        loss(np.zeros((2, 4, 4, 1)), np.zeros((2, 4, 4, 3)))
    with pytest.raises(ValueError, match="same shape"):
        loss(np.zeros((4, 4, 1)), np.zeros((2, 4, 4, 1)))


def test_sizes_that_are_not_known_yet_are_no_error(loss):
    any_size = tf.TensorSpec((None, None, None, 1))
    traced = tf.function(loss, input_signature=[any_size, any_size])
    assert float(traced(tf.zeros((1, 2, 3, 1)), tf.ones((1, 2, 3, 1)))) > 0.9


@pytest.mark.parametrize("epsilon", [0, -1e-3, float("nan")])
def test_epsilon_must_be_positive(epsilon):
    with pytest.raises(ValueError, match="epsilon is a positive number"):
        charbonnier(np.zeros((1, 1, 1, 1)), np.zeros((1, 1, 1, 1)), epsilon=epsilon)
