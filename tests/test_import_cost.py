"""What a process has not imported when it has not used it."""

import functools
import json
import os
import subprocess
import sys
from textwrap import dedent

import pytest

HEAVY = {"jax", "keras", "matplotlib", "skimage", "tensorflow", "torch"}

SMALL_STEPS = {
    "import": "import skdenoise",
    "names": "import skdenoise; dir(skdenoise), skdenoise.__version__, skdenoise.__all__",
    "numpy side": """
        from skdenoise import NoiseInjector, estimate_noise, psnr, psnr_scorer, ssim, sure_scorer
        """,
    "clone": """
        from sklearn.base import clone
        from skdenoise import AutoencoderDenoiser, NoiseInjector
        denoiser = AutoencoderDenoiser(noise=NoiseInjector(noise_factor=0.2), epochs=3)
        clone(denoiser).set_params(noise__noise_factor=0.1).get_params()
        repr(denoiser), denoiser._repr_html_()
        """,
    "grid": """
        from sklearn.model_selection import GridSearchCV
        from sklearn.pipeline import Pipeline
        from skdenoise import AutoencoderDenoiser, NoiseInjector, psnr_scorer
        pipeline = Pipeline([("noise", NoiseInjector()), ("denoise", AutoencoderDenoiser())])
        grid = {"noise__noise_factor": [0.1, 0.2], "denoise__architecture": ["unet", "dncnn"]}
        GridSearchCV(pipeline, grid, scoring=psnr_scorer, cv=3).get_params()
        """,
    "add noise": """
        import numpy as np
        from skdenoise import NoiseInjector
        NoiseInjector(random_state=0).fit_transform(np.full((2, 8, 8), 128, np.uint8))
        """,
    "help": """
        import runpy
        sys.argv = ["skdenoise", "--help"]
        try:
            runpy.run_module("skdenoise", run_name="__main__")
        except SystemExit as leaving:
            assert not leaving.code
        """,
}


@functools.cache
def imported_by(code):
    """Run `code` in a new process; return the packages that it imported, and what it printed."""
    report = "import json\nprint(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    finished = subprocess.run(
        [sys.executable, "-c", f"import sys\n{dedent(code)}\n{report}"],
        capture_output=True,
        check=False,
        env={name: text for name, text in os.environ.items() if name != "EAGER_IMPORT"},
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    *printed, modules = finished.stdout.splitlines()
    return set(json.loads(modules)), "\n".join(printed)


@pytest.mark.parametrize("step", SMALL_STEPS)
def test_heavy_packages_wait_until_they_are_used(step):
    modules, _ = imported_by(SMALL_STEPS[step])
    assert "skdenoise" in modules
    assert not HEAVY & modules


def test_import_alone_loads_neither_scikit_learn_nor_numpy():
    modules, _ = imported_by(SMALL_STEPS["import"])
    assert not {"numpy", "scipy", "sklearn"} & modules


def test_help_is_printed():
    _, printed = imported_by(SMALL_STEPS["help"])
    assert "usage: skdenoise" in printed


def test_building_a_network_loads_keras():
    modules, _ = imported_by("from skdenoise.networks import dncnn; dncnn(1)")
    assert "keras" in modules
