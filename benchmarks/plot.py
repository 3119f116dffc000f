"""Draw quality against time, from what `skdenoise benchmark` wrote.

``python -m benchmarks.plot results/set12/results.json -o docs/images/quality_and_time.png``
"""

import argparse
import json
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

OURS = "ours", "ours-base", "ours-best"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plot", description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("-o", "--output", required=True, type=Path)
    arguments = parser.parse_args()
    mpl.use("Agg")
    found = json.loads(arguments.results.read_text())
    titles = {name: method["title"] for name, method in found["methods"].items()}
    sigmas = sorted({row["sigma"] for row in found["results"]})
    figure, panels = plt.subplots(
        1, len(sigmas), figsize=(4 * len(sigmas), 4), sharex=True, layout="constrained"
    )
    for panel, sigma in zip(panels, sigmas, strict=True):
        for row in found["results"]:
            if row["sigma"] == sigma and row.get("seconds_per_megapixel"):
                panel.plot(
                    row["seconds_per_megapixel"],
                    row["psnr"],
                    "*" if row["method"] in OURS else "o",
                    markersize=12 if row["method"] in OURS else 7,
                    label=titles.get(row["method"], "skdenoise"),
                )
        panel.set(xscale="log", title=f"sigma {sigma:g}", xlabel="seconds per megapixel")
        panel.margins(0.1)
    panels[0].set_ylabel("PSNR (dB)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    figure.savefig(arguments.output, dpi=100)


if __name__ == "__main__":
    main()
