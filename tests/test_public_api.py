"""Each public name can be imported, is listed where people look, and is documented."""

import ast
import importlib
import inspect
from dataclasses import is_dataclass
from itertools import chain
from pathlib import Path

import pytest
from numpydoc.docscrape import FunctionDoc
from public_names import (
    public_callables,
    public_methods,
    public_modules,
    public_names,
    public_things,
)

import skdenoise

ROOT = Path(__file__).parent.parent
MODULES = public_modules()
CALLABLES = public_callables()
METHODS = public_methods()
STUBS = {
    path: stub
    for path, module in MODULES.items()
    if (stub := Path(module.__file__).with_suffix(".pyi")).exists()
}

PROMISED = {
    "estimators": [
        "AutoencoderDenoiser",
        "NoiseInjector",
        "ZeroDCEEnhancer",
        "load",
        "without_noise",
    ],
    "files for others": ["ExportReport", "export"],
    "images": ["denoise", "procedural_images"],
    "weights": ["ModelFileError", "model_cards"],
    "numbers": ["estimate_noise", "psnr", "psnr_gain", "ssim"],
    "numbers of enhancement": [
        "clipped_share",
        "color_shift",
        "exposure_error",
        "hue_shift",
        "lightness_order_error",
    ],
    "trust": ["Adaptation", "ConformalDenoiser", "DenoisingReport", "denoising_report"],
    "scorers": ["noise2self_scorer", "psnr_scorer", "ssim_scorer", "sure_scorer"],
    "kinds of scorers": ["Noise2SelfScorer", "PSNRScorer", "SSIMScorer", "SUREScorer"],
    "scorers of enhancement": [
        "clipping_scorer",
        "color_scorer",
        "exposure_scorer",
        "hue_scorer",
        "lightness_order_scorer",
    ],
    "kinds of scorers of enhancement": [
        "ClippingScorer",
        "ColorScorer",
        "ExposureScorer",
        "HueScorer",
        "LightnessOrderScorer",
    ],
    "modules": ["losses", "metrics", "networks", "noise", "plotting", "scoring"],
}


def test_the_package_offers_what_was_promised():
    assert sorted(chain.from_iterable(PROMISED.values())) == sorted(skdenoise.__all__)


@pytest.mark.parametrize("path", MODULES)
def test_names_are_sorted_and_reachable(path):
    module = importlib.import_module(path)
    names = public_names(module)
    assert names
    assert all(hasattr(module, name) for name in names)
    assert set(names) <= set(dir(module))
    if hasattr(module, "__all__"):
        assert list(module.__all__) == sorted(set(module.__all__))


@pytest.mark.parametrize("path", STUBS)
def test_a_stub_lists_what_it_imports(path):
    imported, listed = set(), []
    for statement in ast.parse(STUBS[path].read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.ImportFrom):
            imported |= {alias.asname or alias.name for alias in statement.names}
        if isinstance(statement, ast.Assign):
            listed = ast.literal_eval(statement.value)
    assert sorted(imported) == listed == list(MODULES[path].__all__)


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="denoise_everything"):
        skdenoise.denoise_everything  # noqa: B018


@pytest.mark.parametrize("path", MODULES)
def test_modules_open_with_a_sentence(path):
    first_line = MODULES[path].__doc__.strip().splitlines()[0]
    assert first_line[0].isupper() or first_line.startswith("`")
    assert "." in MODULES[path].__doc__


def test_the_reference_pages_show_every_name():
    lines = (ROOT / "docs" / "api.rst").read_text(encoding="utf-8").splitlines()
    shown = {line.split()[-1] for line in lines if line.strip()}
    assert {path.rpartition(".")[2] for path in public_things()} <= shown


def names_documented(thing, *sections):
    """Return the names that these sections of a docstring explain."""
    return [
        name.strip().lstrip("*")
        for section in sections
        for entry in FunctionDoc(thing)[section]
        for name in entry.name.split(",")
    ]


def missing_sections(thing, *, example):
    """Return the sections that the documentation of a class or function lacks."""
    documentation = FunctionDoc(thing)
    wanted = []
    if inspect.isfunction(thing) and inspect.signature(thing).return_annotation is not None:
        wanted.append("Returns")
    if example and not is_dataclass(thing):
        wanted.append("Examples")
    missing = [section for section in wanted if not documentation[section]]
    return missing if any(documentation["Summary"]) else ["Summary", *missing]


@pytest.mark.parametrize("path", CALLABLES)
def test_classes_and_functions_are_documented(path):
    assert missing_sections(CALLABLES[path], example=True) == []


@pytest.mark.parametrize("path", METHODS)
def test_methods_are_documented(path):
    assert missing_sections(METHODS[path], example=False) == []


@pytest.mark.parametrize("path", {**CALLABLES, **METHODS})
def test_every_parameter_is_documented_and_no_other(path):
    thing = {**CALLABLES, **METHODS}[path]
    # A dataclass is a result: people read its attributes, only we make one.
    sections = ["Attributes"] if is_dataclass(thing) else ["Parameters", "Other Parameters"]
    accepted = [name for name in inspect.signature(thing).parameters if name not in {"self", "cls"}]
    assert names_documented(thing, *sections)[: len(accepted)] == accepted
    assert is_dataclass(thing) or len(names_documented(thing, *sections)) == len(accepted)
