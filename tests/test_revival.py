"""Dead units of a network: found, begun anew, and of no effect at first."""

from dataclasses import replace

import numpy as np
import pytest

from skdenoise._keras._network import draw_weights, get_curve_network, get_network
from skdenoise._keras._revival import revived
from skdenoise._pretraining import Pretraining, Recipe

RECIPE = Recipe(1, size="nano", n_steps=1000, n_procedural=4)


def drawn(network, seed=0):
    """Return weights none of which are zero."""
    rng = np.random.default_rng(seed)
    weights = draw_weights(network, rng)
    return {
        name: array if array.any() else rng.normal(0, 0.1, array.shape).astype(np.float32)
        for name, array in weights.items()
    }


def names_of(network, layer):
    """Return the names of the two kernels of a residual block."""
    found = [variable.path for variable in network.model.trainable_variables]
    names = list(network.shapes())
    return [names[found.index(f"{layer}_{conv}/kernel")] for conv in ("conv1", "conv2")]


def inputs(shape=(2, 32, 32, 1)):
    rng = np.random.default_rng(1)
    return [rng.standard_normal(shape, np.float32), np.full(shape, 0.5, np.float32)]


def test_dead_units_begin_anew_and_change_nothing_at_first():
    network = get_network("unet", "nano", 1)
    weights = drawn(network)
    written, read = names_of(network, "bottom_block1")
    weights[written][..., [3, 5]] = 0
    before = dict(weights)
    changed = revived(network, weights, inputs(), np.random.default_rng(0))
    assert set(changed) == {written, read}
    assert changed[written].any(axis=(0, 1, 2)).nonzero()[0].tolist() == [3, 5]
    assert weights[written][..., [3, 5]].any(axis=(0, 1, 2)).all()
    assert not weights[read][:, :, [3, 5]].any()
    for name, array in weights.items():
        kept = ~changed[name] if name in changed else np.ones(array.shape, bool)
        np.testing.assert_array_equal(array[kept], before[name][kept])
    outputs = [np.asarray(network.with_weights(w)(inputs())) for w in (before, weights)]
    np.testing.assert_allclose(*outputs, atol=1e-6)
    assert revived(network, weights, inputs(), np.random.default_rng(0)) == {}


def test_living_networks_and_those_with_biases_stay_as_they_are():
    network = get_network("unet", "nano", 1)
    weights = drawn(network)
    assert revived(network, dict(weights), inputs(), np.random.default_rng(0)) == {}
    network = get_curve_network("dce", 3)
    weights = {name: np.zeros_like(array) for name, array in drawn(network).items()}
    assert revived(network, weights, inputs((1, 16, 16, 3))[0], np.random.default_rng(0)) == {}


@pytest.mark.parametrize(("step", "revives"), [(0, True), (900, False)])
def test_the_recipe_revives_units_while_the_rate_is_high(step, revives, tmp_path):
    network = get_network("unet", "nano", 1)
    weights = drawn(network)
    written, read = names_of(network, "bottom_block1")
    weights[written][..., 3] = 0
    training = Pretraining([], RECIPE, tmp_path, weights)
    state = replace(training._state, step=step)
    found, mean = training._revived(state)
    assert found[written][..., 3].any() == revives
    for name in (written, read):
        np.testing.assert_array_equal(found[name], mean[name])
    # A checkpoint is what it was.
    assert not state.weights[written][..., 3].any()
    assert mean[read] is not state.mean[read]
