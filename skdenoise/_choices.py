"""The words and numbers that a caller chooses from, and the command line repeats.

Nothing is imported here, so that a help text can name them at once.
"""

SIZES = "nano", "small", "base"
"""Of the network "unet", in ascending order."""

KINDS = "natural", "procedural"
"""What denoisers of the package have learned from: photographs, or images made by a program."""
SHIPPED_SIZES = "base", "small"
"""Of their networks, the better ones first."""

ENGINES = "auto", "keras", "openvino"
"""What runs a network."""
PRECISIONS = "auto", "float32", "bfloat16", "int8"
"""In which arithmetic."""

ORIENTATIONS = 1, 2, 4, 8
"""How many flips and quarter turns of a square form a group."""

DENOISED = "before", "after"
"""When an enhancer denoises: before it brightens, or after that."""

FORMAT_NAMES = "onnx", "openvino", "litert", "keras", "saved_model"
"""What a network is exported to."""
STORED_PRECISIONS = "float32", "float16", "int8"
"""How its weights lie there."""

MAX_PIXELS = 2**28
"""Larger images are not read unasked: a small file may claim to be a huge image."""

LARGEST_SEED = 2**32 - 1
"""That NumPy takes."""
