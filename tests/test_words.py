"""What the package says to people who write Python is said in words of the command line there."""

import re

import numpy as np
import pytest

import skdenoise
from skdenoise import AutoencoderDenoiser, NoiseInjector, ZeroDCEEnhancer
from skdenoise._adaptation import CLIPPED, SMEARED, TINY
from skdenoise._cli._words import in_words_of_options
from skdenoise._precision import check_engine

NOISY = np.random.default_rng(0).random((32, 32)).astype(np.float32)
PYTHON = re.compile(r"\bX\b|\by\b|numpy|\w=|\w\(|learning_rate|None")


def natural(**parameters):
    return AutoencoderDenoiser(weights="natural", size="small", **parameters)


def dncnn():
    X = NOISY[None, :8, :8]
    return AutoencoderDenoiser("dncnn", noise=NoiseInjector(), epochs=1).fit(X)


def diverging():
    noise = NoiseInjector(noise_factor=0.1)
    AutoencoderDenoiser(size="nano", noise=noise, learning_rate=1e30, epochs=3).fit(NOISY[None])


SAID = {
    "wide integers": (
        lambda: natural().transform([np.eye(9, dtype=np.int32)]),
        "it has dtype int32",
    ),
    "NaN": (lambda: natural().transform([NOISY * np.nan]), "it contains NaN or infinity: 1024 of"),
    "sigma": (lambda: natural(sigma=25).transform([NOISY]), "--sigma is far more than its pixels"),
    "no noise map": (lambda: dncnn().set_params(sigma=2.0).transform([NOISY]), "--sigma, and a"),
    "range": (
        lambda: ZeroDCEEnhancer(weights="default").transform([300 * NOISY]),
        "it has values up to 299.*Scale it",
    ),
    "engine": (lambda: check_engine("keras", "int8"), "--precision int8 is for --engine openvino"),
    "no model": (lambda: skdenoise.load(__file__), "A file from 'skdenoise train' is wanted"),
    "divergence": (diverging, "Try a smaller --learning-rate"),
    "suffix": (lambda: skdenoise.export(natural(), "a.foo"), "or say --format"),
    "format": (
        lambda: skdenoise.export(natural(), "a.onnx", format="litert"),
        "A file for --format litert ends in '.tflite'",
    ),
    "stored precision": (
        lambda: skdenoise.export(natural(), "a.keras", precision="int8"),
        "--format keras has no --precision int8",
    ),
    "sigma input": (
        lambda: skdenoise.export(ZeroDCEEnhancer(weights="default"), "a.keras", sigma_input=True),
        "--sigma-input is for denoisers",
    ),
}


@pytest.mark.parametrize("case", SAID)
def test_no_python_is_spoken(case):
    make, wanted = SAID[case]
    with pytest.raises((ValueError, UserWarning, FloatingPointError)) as said:
        make()
    assert PYTHON.search(str(said.value))
    text = in_words_of_options(str(said.value))
    assert re.search(wanted, text), text
    assert not PYTHON.search(text), text


@pytest.mark.parametrize("why", [TINY, SMEARED, CLIPPED])
def test_why_nothing_is_learned_is_said_without_python(why):
    text = in_words_of_options(
        f"Nothing was learned: {why}, or set weights=None to learn from nothing."
    )
    assert text.endswith("and 'skdenoise train'.")
    assert not PYTHON.search(text), text


def test_other_words_stay_as_they_are():
    assert (
        in_words_of_options("Cannot write 'X.png': it exists.")
        == "Cannot write 'X.png': it exists."
    )
