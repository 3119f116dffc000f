"""The numbers of a comparison: means over the images, as a table to read and as JSON."""

import json
import math
import os
import platform
from statistics import fmean, median
from typing import Any

from skdenoise._benchmark._measuring import NOISY, Comparison

PROTOCOL = (
    "White Gaussian noise of standard deviation sigma, in gray levels of 0-255, from "
    "numpy.random.RandomState(0) made new for each image, is added and neither clipped nor "
    "rounded; the PSNR of the noisy images is that of this noise."
)
PAIRS = "The noise is real: each noisy image is compared with a clean one of the same scene."
MEASURES = (
    "Results are clipped and rounded to 8 bits. PSNR: "
    "20 log10(255 / RMSE) over all pixels and channels; SSIM: Gaussian window of deviation 1.5; "
    "both are means over the images. Seconds per megapixel: one run per image after a warm-up, "
    "the median over the images."
)


TIMES = "seconds_per_megapixel", "processor_seconds_per_megapixel"


def means(comparison: Comparison) -> list[dict[str, Any]]:
    """Return for each method and sigma the mean PSNR and SSIM, and the median time."""
    found = []
    for method in (NOISY, *comparison.methods):
        for sigma in comparison.sigmas:
            these = [
                one for one in comparison.measured if one.method == method and one.sigma == sigma
            ]
            found.append(
                {
                    "method": method,
                    "sigma": sigma,
                    "psnr": fmean(one.psnr for one in these),
                    "ssim": fmean(one.ssim for one in these),
                    **{
                        name: None if method == NOISY else median(vars(one)[name] for one in these)
                        for name in TIMES
                    },
                }
            )
    return found


def numbers(comparison: Comparison, about: dict[str, Any]) -> str:
    """Return everything that was measured, as JSON; an infinite PSNR is null.

    Parameters
    ----------
    comparison : Comparison
        What was measured.
    about : dict
        What else the file says.
    """
    contents = {
        **about,
        "protocol": f"{sentence_on_noise(comparison)} {MEASURES}",
        "machine": machine(),
        "methods": {
            name: {
                "title": method.title,
                "settings": method.settings,
                "told_sigma": method.told_sigma,
                "package": method.package,
                "version": method.version,
            }
            for name, method in comparison.methods.items()
        },
        "results": means(comparison),
        "images": [vars(one) for one in comparison.measured],
    }
    return json.dumps(_finite(contents), indent=1, allow_nan=False) + "\n"


def markdown(comparison: Comparison, title: str) -> str:
    """Return the table and what has to be known to read it.

    Parameters
    ----------
    comparison : Comparison
        What was measured.
    title : str
        What the images are.
    """
    rows = [header(comparison), ["---"] * len(header(comparison)), *body(comparison)]
    notes = [f"- {note}" for note in notes_on_methods(comparison)]
    lines = [
        f"{title}. PSNR in dB / SSIM / seconds per megapixel.",
        "",
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
        f"{sentence_on_noise(comparison)} {MEASURES} Measured on {machine_in_words()}.",
        "",
        *notes,
    ]
    return "\n".join(lines) + "\n"


def header(comparison: Comparison) -> list[str]:
    """Return the titles of the columns."""
    sigmas = ["real noise" if sigma is None else f"sigma {sigma:g}" for sigma in comparison.sigmas]
    return ["method", "is told sigma", *sigmas]


def body(comparison: Comparison) -> list[list[str]]:
    """Return the rows; the best PSNR of each column is bold."""
    found = {(one["method"], one["sigma"]): one for one in means(comparison)}
    rows = []
    for name in (NOISY, *comparison.methods):
        if name == NOISY:
            row = ["noisy images", ""]
        else:
            method = comparison.methods[name]
            row = [method.title, "yes" if method.told_sigma else "no"]
        for sigma in comparison.sigmas:
            one = found[name, sigma]
            best = max(found[other, sigma]["psnr"] for other in comparison.methods)
            psnr = f"{one['psnr']:.2f}"
            cell = [f"**{psnr}**" if one["psnr"] == best and name != NOISY else psnr]
            cell.append(f"{one['ssim']:.4f}")
            if one["seconds_per_megapixel"] is not None:
                cell.append(f"{one['seconds_per_megapixel']:.3g}")
            row.append(" / ".join(cell))
        rows.append(row)
    return rows


def notes_on_methods(comparison: Comparison) -> list[str]:
    """Return a sentence on the settings of each method."""
    return [
        f"{method.title}: {method.settings}"
        + (f" ({method.package} {method.version})" if method.version else "")
        for method in comparison.methods.values()
    ]


def sentence_on_noise(comparison: Comparison) -> str:
    """Say what noise it was, and who knew of it."""
    noise = PAIRS if comparison.sigmas == [None] else PROTOCOL
    told = [method.told_sigma for method in comparison.methods.values()]
    if not any(told):
        return noise
    what = "the standard deviation of the noise" if comparison.sigmas == [None] else "sigma"
    return f"{noise} Methods that need it are told the true value of {what}; the others see it."


def machine() -> dict[str, Any]:
    """Return what the times depend on."""
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def machine_in_words() -> str:
    """Say what the times depend on."""
    about = machine()
    return f"{about['cores']} cores ({about['processor']}, {about['system']})"


def _finite(value: Any) -> Any:
    """Replace numbers that JSON does not know by None."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
