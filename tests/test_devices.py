"""Several devices that share a batch learn what one device learns from it."""

import importlib.util
import json
import os
import socket
import subprocess
import sys
from textwrap import dedent

import numpy as np
import pytest

import skdenoise
from skdenoise import AutoencoderDenoiser, ZeroDCEEnhancer

BATCHES = """
    import json
    import numpy as np
    from skdenoise._keras._devices import chosen_devices
    from skdenoise._keras._network import draw_weights, get_network
    from skdenoise._keras._training import Trainer
    from skdenoise._patches import Batch

    def batch(n_images):
        rng = np.random.default_rng(n_images)
        clean = rng.random((n_images, 8, 16, 1))
        noisy, one = clean + 0.1 * rng.standard_normal(clean.shape), np.ones((n_images, 1, 1, 1))
        weight = one * rng.random(one.shape)  # no two images count alike
        arrays = noisy, clean, np.full_like(clean, 0.1), 0.3 * one, weight
        return Batch(*map(np.float32, arrays))

    def learn(architecture, devices):
        network = get_network(architecture, "nano", 1)
        weights = draw_weights(network, np.random.default_rng(0))
        trainer = Trainer(network, weights, loss="mse", optimizer="sgd", devices=devices)
        # Divided evenly and not, and fewer images than devices.
        reports = [[float(number) for number in trainer.step(batch(n), 0.05)] for n in (4, 5, 1)]
        changes = [trainer.weights[name] - weights[name] for name in weights]
        return np.array(reports), np.concatenate([change.ravel() for change in changes])

    devices = chosen_devices("all", 0, None)
    found = {"devices": devices, "architectures": {}}
    for architecture in ARCHITECTURES:
        one, several = learn(architecture, ()), learn(architecture, devices)
        found["architectures"][architecture] = [
            *(float(np.abs(a - b).max()) for a, b in zip(one, several)),
            float(np.abs(one[1]).max()),
        ]
"""

TWO_CPUS = """
    import tensorflow as tf

    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
"""

FIT = """
    import json, sys
    import jax

    number, port = map(int, sys.argv[1:])
    if port:
        jax.distributed.initialize(f"localhost:{port}", num_processes=2, process_id=number)
    import numpy as np
    import skdenoise
from skdenoise import AutoencoderDenoiser, NoiseInjector

    X = np.random.default_rng(0).random((8, 16, 16))
    denoiser = AutoencoderDenoiser(
        size="nano",
        noise=NoiseInjector(noise_factor=0.1),
        devices="all",
        epochs=2,
        batch_size=4,
        patch_size=16,
        optimizer="sgd",
        learning_rate=0.01,
        random_state=0,
    )
    denoiser.fit(X)
    weights = np.concatenate([array.ravel() for array in denoiser.weights_.values()])
    found = {"n": jax.process_count(), "loss": denoiser.history_["loss"]}
    found["weights"] = weights[::97].tolist()
    if port:
        try:
            denoiser.set_params(time_budget=1.0).fit(X)
        except ValueError as error:
            found["error"] = str(error)
"""


def start(code, *arguments, **environment):
    """Start a process that runs the code, and at the end prints what it found."""
    return subprocess.Popen(
        [sys.executable, "-c", dedent(code) + "\nprint(json.dumps(found))", *map(str, arguments)],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result(process):
    printed, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    return json.loads(printed.splitlines()[-1])


def free_port():
    with socket.socket() as waiting:
        waiting.bind(("localhost", 0))
        return waiting.getsockname()[1]


needs_jax = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX is not installed"
)


def test_two_devices_of_tensorflow_take_the_step_of_one():
    code = dedent(TWO_CPUS) + dedent(BATCHES).replace("ARCHITECTURES", "['unet']")
    code += dedent("""
        from skdenoise._keras._keyed import Keyed
        from skdenoise._keras._denoising import KnownError
        from skdenoise._keras._training import _step
        step = _step(
            get_network("unet", "nano", 1), KnownError(Keyed.of("mse")), "sgd", False, 1.0, devices
        )
        operations = step.graph.get_operations()
        found["used"] = sorted({op.device[-5:].lower() for op in operations if op.type == "Conv2D"})
        """)
    found = result(start(code, KERAS_BACKEND="tensorflow"))
    assert found["devices"] == found["used"] == ["cpu:0", "cpu:1"]
    of_reports, of_weights, change = found["architectures"]["unet"]
    assert of_reports < 1e-6
    assert of_weights < 1e-6 < 1e-3 < change


@needs_jax
def test_two_devices_of_jax_take_the_step_of_one_even_with_batch_normalization():
    code = dedent(BATCHES).replace("ARCHITECTURES", "['unet', 'autoencoder']")
    flags = "--xla_force_host_platform_device_count=2"
    found = result(start(code, KERAS_BACKEND="jax", XLA_FLAGS=flags))
    assert found["devices"] == ["cpu:0", "cpu:1"]
    for of_reports, of_weights, change in found["architectures"].values():
        assert of_reports < 1e-6
        assert of_weights < 2e-6 < 1e-3 < change


@needs_jax
def test_two_processes_of_jax_learn_what_one_learns():
    port = free_port()
    started = [start(FIT, number, port, KERAS_BACKEND="jax") for number in range(2)]
    first, second = map(result, started)
    alone = result(start(FIT, 0, 0, KERAS_BACKEND="jax"))
    assert first == second
    assert (first["n"], alone["n"]) == (2, 1)
    np.testing.assert_allclose(first["weights"], alone["weights"], atol=1e-6)
    np.testing.assert_allclose(first["loss"], alone["loss"], rtol=1e-5)
    assert "time_budget=None" in first["error"]


@pytest.mark.parametrize("devices", [99, ["gpu:7"], [["cpu:0"]], []])
@pytest.mark.parametrize("estimator", [AutoencoderDenoiser, ZeroDCEEnhancer])
def test_a_device_that_is_not_there_is_said_with_those_that_are(estimator, devices):
    X = np.random.default_rng(0).random((2, 8, 8, 3))
    with pytest.raises(ValueError, match=r"has these: .*cpu:0.*'all'"):
        estimator(devices=devices).fit(X, X)


@pytest.mark.parametrize("devices", ["some", 0, 1.5])
def test_what_is_no_device_is_refused(devices):
    with pytest.raises(ValueError, match="'devices' parameter"):
        AutoencoderDenoiser(devices=devices).fit(np.zeros((2, 8, 8)))


def test_an_estimator_learns_on_a_device_by_name(tmp_path):
    clean = np.random.default_rng(0).random((4, 16, 16))
    noisy = clean + 0.1 * np.random.default_rng(1).standard_normal(clean.shape)

    def fitted(devices):
        denoiser = AutoencoderDenoiser(size="nano", devices=devices, epochs=1, random_state=0)
        return denoiser.fit(noisy, clean)

    usual, named = fitted(None), fitted(["CPU:0"])
    for name, weights in usual.weights_.items():
        np.testing.assert_allclose(named.weights_[name], weights, atol=1e-6)
    named.save(tmp_path / "d.safetensors")
    assert skdenoise.load(tmp_path / "d.safetensors").devices == ["CPU:0"]
