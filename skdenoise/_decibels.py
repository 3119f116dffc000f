"""Mean squares in decibels."""

import math

NOTHING = 1e-30
"""What an error of nothing counts as, where decibels are to be finite."""


def decibels(mean_square: float) -> float:
    """Return ten times the decimal logarithm; minus infinity for 0."""
    return 10 * math.log10(mean_square) if mean_square > 0 else -math.inf


def psnr_of(mean_square: float) -> float:
    """Return the PSNR for a mean squared error where white is 1; finite, also for none."""
    return -decibels(max(mean_square, NOTHING))
