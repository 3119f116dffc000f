"""Measure what was asked for, print a table, and write results/benchmarks.json."""

import argparse
import importlib
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks._measuring import Result, table
from skdenoise._image_files import ImageFileError
from skdenoise._side_by_side import n_cores

MEASUREMENTS = (
    "start",
    "training",
    "engines",
    "denoising",
    "memory",
    "noise_estimation",
    "weak_noise",
    "white_noise",
    "adaptation",
    "enhancing",
    "learning",
    "giant",
)
RESULTS = Path("results/benchmarks.json")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASUREMENTS)}; all by default"
    )
    parser.add_argument("--rounds", type=int, default=5, help="turns of each, default 5")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.names) - set(MEASUREMENTS)):
        parser.error(f"no measurement {unknown[0]!r}; there are {', '.join(MEASUREMENTS)}")
    results: list[Result] = []
    document: dict[str, object] = {"machine": machine()}
    if os.getloadavg()[0] > 0.5:
        print("Other programs are running. Programs that wait for all their threads suffer most.")
    RESULTS.parent.mkdir(exist_ok=True)
    for name in arguments.names or MEASUREMENTS:
        print(f"{name} ...", flush=True)
        try:
            for result in importlib.import_module(f"benchmarks.{name}").measure(arguments.rounds):
                results.append(result)
                print(f"  {result.name}: {result.median:.4g} {result.unit}", flush=True)
                document["results"] = [found.as_dict() for found in results]
                RESULTS.write_text(json.dumps(document, indent=2) + "\n")
        except ImageFileError as error:
            print(f"  skipped: {error} SKDENOISE_DATA names the folder of photographs.", flush=True)
    print(f"\n{table(results)}\n\nWritten to {RESULTS}.")


def machine() -> dict[str, object]:
    """Describe what ran."""
    packages = ("skdenoise", "tensorflow", "keras", "numpy", "scikit-learn")
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": n_cores(),
        "load before": os.getloadavg()[0],
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


if __name__ == "__main__":
    main()
