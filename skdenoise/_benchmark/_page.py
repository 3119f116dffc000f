"""The page of a comparison: one HTML file that holds its table and its pictures."""

import base64
import io
import re
from html import escape

import numpy as np
from PIL import Image

from skdenoise._benchmark._measuring import NOISY, Comparison, Sample
from skdenoise._benchmark._tables import (
    MEASURES,
    body,
    header,
    machine_in_words,
    notes_on_methods,
    sentence_on_noise,
)

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { text-align: left; padding: .3rem .8rem; border-bottom: 1px solid #8885; }
.row { display: flex; flex-wrap: wrap; gap: .8rem; margin-bottom: 1.5rem; }
figure { margin: 0; }
figcaption { font-size: .85rem; max-width: 256px; }
.crop { width: 256px; image-rendering: pixelated; display: block; }
.whole { position: relative; display: inline-block; }
.whole img { height: 256px; display: block; }
.whole span { position: absolute; outline: 2px solid #f40; }
"""


def page(comparison: Comparison, title: str) -> str:
    """Return the page as HTML; it needs no other file.

    Parameters
    ----------
    comparison : Comparison
        What was measured.
    title : str
        What the images are.
    """
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        "<p>PSNR in dB / SSIM / seconds per megapixel.</p>",
        _table(comparison),
        f"<p>{escape(sentence_on_noise(comparison))} {escape(MEASURES)} "
        f"Measured on {escape(machine_in_words())}.</p>",
        "<ul>",
        *(f"<li>{escape(note)}</li>" for note in notes_on_methods(comparison)),
        "</ul>",
    ]
    shown = None
    for sample in comparison.samples:
        if sample.image != shown:
            shown = sample.image
            parts += [f"<h2>{escape(sample.image)}</h2>", _whole(sample)]
        noise = "real noise" if sample.sigma is None else f"sigma {sample.sigma:g}"
        parts += [f"<h3>{noise}</h3>", '<div class="row">', _figure(_clean(sample), "clean")]
        for name, (crop, psnr) in sample.crops.items():
            label = "noisy" if name == NOISY else comparison.methods[name].title
            parts.append(_figure(crop, f"{label}, {psnr:.2f} dB"))
        parts.append("</div>")
    return "\n".join([*parts, "</body></html>", ""])


def _table(comparison: Comparison) -> str:
    rows = ["".join(f"<th>{escape(title)}</th>" for title in header(comparison))]
    for row in body(comparison):
        cells = (re.sub(r"\*\*(.+)\*\*", r"<b>\1</b>", escape(cell)) for cell in row)
        rows.append("".join(f"<td>{cell}</td>" for cell in cells))
    inside = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="wide"><table>\n{inside}\n</table></div>'


def _whole(sample: Sample) -> str:
    """Show the whole image, and where the crops lie in it."""
    height, width = sample.clean.shape[:2]
    top, left, tall, wide = sample.place
    place = (
        f"top:{100 * top / height:.2f}%;left:{100 * left / width:.2f}%;"
        f"height:{100 * tall / height:.2f}%;width:{100 * wide / width:.2f}%"
    )
    return (
        f'<p class="whole"><img src="{_png(sample.clean)}" alt="the clean image">'
        f'<span style="{place}"></span></p>'
    )


def _clean(sample: Sample) -> np.ndarray:
    top, left, height, width = sample.place
    return sample.clean[top : top + height, left : left + width]


def _figure(pixels: np.ndarray, caption: str) -> str:
    text = escape(caption)
    return (
        f'<figure><img class="crop" src="{_png(pixels)}" alt="{text}">'
        f"<figcaption>{text}</figcaption></figure>"
    )


def _png(pixels: np.ndarray) -> str:
    """Return an image as an address that holds it."""
    file = io.BytesIO()
    plane = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    Image.fromarray(np.ascontiguousarray(plane)).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
