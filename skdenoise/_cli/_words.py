"""What the package says to people who write Python, in words of the command line."""

import re

WORDS = (
    (r"\b[Ii]mage 0 of X\b|\bX(?= has values)", "it"),
    (r"Pass X\.astype\(numpy\.(\w+)\)", r"Save it as \1"),
    (r"Fill them first, for example with numpy\.nan_to_num\(X\)", "Fill them first"),
    (r"Pass clean images as y(, or X as it was before it was clipped)?", "Take clean images"),
    (r"Pass larger images", "Take larger images"),
    (r", or set weights=None to learn from nothing", ", and 'skdenoise train'"),
    (r"\bin X\b", "in the images"),
    (r"\bof X has\b", "has"),
    (
        r"sigma=\S+ cannot be the noise of image \d+, .* for integers\.",
        "--sigma is far more than its pixels differ by. It is in gray levels of 0-255, also for 16 "
        "bits, and for floats in their own units.",
    ),
    (
        r"sigma=.* and strength=\S+ have no effect, .* or from pairs\.",
        "--sigma, and a --strength above 1, are for a unet that knows clean images. Leave them "
        "out.",
    ),
    (r"Pass X / 255 if .* to \[0, 1\]\.", "Scale it to [0, 1] first."),
    (r"A file that save\(\) of a fitted estimator wrote is", "A file from 'skdenoise train' is"),
    (
        r"Try a smaller learning_rate .* weights were kept\.",
        "Try a smaller --learning-rate (pretrain), weaker noise, or look for extreme values in the "
        "images.",
    ),
    (r"format=\.\.\.", "--format"),
    (r"\b(overwrite|sigma_input)=True\b", lambda found: f"--{found[1].replace('_', '-')}"),
    (r"\b(engine|format|precision|size)='(\w+)'", r"--\1 \2"),
)
"""Patterns, and what takes the place of what they find."""


def in_words_of_options(text: str) -> str:
    """Return what is to be read by somebody who typed a command."""
    for pattern, words in WORDS:
        text = re.sub(pattern, words, text)
    return text
