"""What the pixels of an image in [0, 1] may be: where white begins, and how far noise reaches."""

WHITE = 254 / 255
"""A channel from here on is clipped, or as good as: rounding may miss white by one level."""
LOWEST, HIGHEST = -1.0, 2.0
"""Floats beyond these are no images in [0, 1] with some noise."""
FAINTEST = 1e-3
"""Nor are those of which the largest is smaller."""
