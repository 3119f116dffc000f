"""Dead units of a network: found, begun anew, and of no effect at first."""

from typing import ClassVar

import numpy as np
import pytest

from skdenoise import AutoencoderDenoiser, procedural_images
from skdenoise._keras import _revival
from skdenoise._keras._denoising import KnownError
from skdenoise._keras._keyed import Keyed
from skdenoise._keras._network import draw_weights, get_curve_network, get_network
from skdenoise._keras._revival import revival_is_due, revived
from skdenoise._keras._training import Plan, Trainer, train
from skdenoise._patches import Batch
from skdenoise._pretraining import Pretraining, Recipe, _recipe


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


def a_batch():
    """Return a batch of pure noise."""
    rng = np.random.default_rng(1)
    clean = np.zeros((4, 32, 32, 1), np.float32)
    noisy = rng.standard_normal(clean.shape, np.float32)
    ones = np.ones((4, 1, 1, 1), np.float32)
    return Batch(noisy, clean, np.full_like(noisy, 0.5), ones, ones)


@pytest.mark.parametrize("bfloat16", [False, True])
def test_a_trainer_revives_units_and_goes_on(bfloat16):
    network = get_network("unet", "nano", 1, bfloat16=bfloat16)
    weights = drawn(network)
    written, read = names_of(network, "bottom_block1")
    weights[written][..., 3] = 0
    trainer = Trainer(network, weights, loss="mse", optimizer="muon")
    batch = a_batch()
    assert set(trainer.revive(batch, np.random.default_rng(0))) == {written, read}
    assert trainer.weights[written][..., 3].any()
    assert not weights[written][..., 3].any()
    trainer.step(batch, 1e-3)
    assert trainer.weights[read][:, :, 3].any()


class Recorder:
    """A trainer that learns nothing, and knows when it was to revive units."""

    objective = KnownError(Keyed.of("mse"))
    weights: ClassVar = {}

    def __init__(self):
        self.steps, self.revivals = 0, []

    def step(self, batch, rate):
        self.steps += 1
        return 0.0, np.float32(0)

    def revive(self, batch, rng):
        self.revivals.append(self.steps)
        return {}

    def finite_weights(self, rate):
        return self.weights


@pytest.mark.parametrize("asked", [True, False])
def test_a_fit_revives_units_while_the_rate_is_high(asked):
    trainer = Recorder()
    train(
        trainer,
        lambda: iter([None] * 100),
        100,
        plan=Plan(epochs=20, time_budget=None, learning_rate=1e-3, patience=None),
        validate=None,
        on_step=lambda numbers: None,
        on_epoch=lambda numbers: False,
        revival=np.random.default_rng(0) if asked else None,
    )
    assert trainer.steps == 2000
    assert trainer.revivals == ([200, 400, 600, 800, 1000] if asked else [])


@pytest.mark.parametrize(("dead", "partial"), [(True, False), (False, False), (True, True)])
def test_learning_from_nothing_revives_units(dead, partial, monkeypatch):
    monkeypatch.setattr(_revival, "REVIVAL_STEPS", 2)
    monkeypatch.setattr(_revival, "LEAST_ACTIVE", 2.0 if dead else -1.0)
    found = []
    real = Trainer.revive

    def revive(self, batch, rng):
        found.append(real(self, batch, rng))
        return found[-1]

    monkeypatch.setattr(Trainer, "revive", revive)
    denoiser = AutoencoderDenoiser(size="nano", epochs=6, patch_size=16, random_state=0)
    X = procedural_images(3, random_state=0)
    fit = denoiser.partial_fit if partial else denoiser.fit
    fit(X[:, :16, :16])
    assert bool(found) is not partial
    assert any(map(bool, found)) is (dead and not partial)
    assert np.isfinite(denoiser.transform(X[:1])).all()


def test_the_recipe_revives_units_while_the_rate_is_high(tmp_path, monkeypatch):
    monkeypatch.setattr(_revival, "REVIVAL_STEPS", 4)
    monkeypatch.setattr(_recipe, "WARM_UP", 4)
    monkeypatch.setattr(_recipe, "CHUNK", 8)
    network = get_network("unet", "nano", 1)
    weights = drawn(network)
    written = names_of(network, "bottom_block1")[0]
    weights[written][..., 3] = 0
    recipe = Recipe(1, size="nano", n_steps=40, patch_size=16, batch_size=4, n_procedural=4)
    training = Pretraining([], recipe, tmp_path, weights)
    due = [step for step in range(40) if revival_is_due(step, recipe.rate(step), 1e-3)]
    assert due == [4, 8, 12, 16, 20, 24]
    training._chunk(until=np.inf)
    for found in (training._state.weights, training.weights):
        assert found[written][..., 3].any()
    assert not weights[written][..., 3].any()
