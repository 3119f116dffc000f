"""What the files around the package say about it agrees."""

import ast
import gc
import importlib
import re
import sys
import threading
import tomllib
from pathlib import Path

import pytest

import skdenoise

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


IMPORT_NAMES = {"pillow": "PIL", "scikit-learn": "sklearn"}
TESTED_EXTRAS = ["dask", "demo", "onnx", "openvino", "plot", "test", "zarr"]


def lower_bounds(requirements):
    """Return {name: oldest version} of requirements such as "numpy>=2.0.0"."""
    bounds = (re.match(r"([\w-]+)>=([\w.]+)", requirement) for requirement in requirements)
    return {bound[1]: bound[2] for bound in bounds if bound}


def test_the_changelog_begins_with_this_version():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## \[(.+?)\]", changelog, re.MULTILINE)[1] == skdenoise.__version__


def test_every_dependency_has_a_lower_bound():
    requirements = PROJECT["project"]["dependencies"]
    assert len(lower_bounds(requirements)) == len(requirements)


def test_what_is_imported_is_a_dependency_and_the_other_way_round():
    imported = set()
    for path in (ROOT / "skdenoise").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            if isinstance(node, ast.ImportFrom):
                imported.add(node.module.partition(".")[0])
    others = {"skdenoise", *sys.stdlib_module_names}
    optional = {"bm3d", "cv2", "jax", "matplotlib", "pywt", "skimage", "torch"}
    optional |= {"ai_edge_litert", "onnx", "onnxruntime", "openvino"}
    optional |= {"cloudpickle", "dask", "distributed", "zarr"}
    assert sorted(imported - others - optional) == sorted(
        IMPORT_NAMES.get(name, name) for name in lower_bounds(PROJECT["project"]["dependencies"])
    )


def test_the_oldest_requirements_hold_every_lower_bound():
    lines = (ROOT / "tests" / "oldest-requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    extras = PROJECT["project"]["optional-dependencies"]
    tested = [PROJECT["project"]["dependencies"], *(extras[name] for name in TESTED_EXTRAS)]
    for requirements in tested:
        assert lower_bounds(requirements).items() <= pinned.items()


def test_every_module_may_touch_a_backend_or_is_checked_not_to():
    contracts = {
        contract["id"]: contract for contract in PROJECT["tool"]["importlinter"]["contracts"]
    }
    checked = [*contracts["backends"]["source_modules"], *contracts["numpy-side"]["source_modules"]]
    package = Path(skdenoise.__file__).parent
    modules = {path.stem for path in package.glob("*.py")} | {
        path.parent.name for path in package.glob("*/__init__.py")
    }
    assert sorted(checked) == sorted(
        f"skdenoise.{module}" for module in modules - {"__init__", "_keras"}
    )


@pytest.mark.parametrize("contract", PROJECT["tool"]["importlinter"]["contracts"])
def test_contracts_have_no_exceptions(contract):
    assert "ignore_imports" not in contract


@pytest.mark.parametrize(
    "name", [path.stem for path in sorted((ROOT / "benchmarks").glob("[!_]*.py"))]
)
def test_benchmarks_can_be_imported(name, monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    if name.startswith("torch"):
        pytest.importorskip("torch")
    importlib.import_module(f"benchmarks.{name}")


def test_our_side_of_the_training_benchmark_runs(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks.training import denoiser_training

    # Without moving means and variances.
    assert denoiser_training("autoencoder").n_parameters == 28_609
    gc.collect()  # it refers to itself, and keeps a thread that prepares batches
    assert not any(thread.name.startswith("skdenoise") for thread in threading.enumerate())
