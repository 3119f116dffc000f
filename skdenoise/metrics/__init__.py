"""Arrays to numbers: how close images are to clean ones, and what brightening did to them.

Every function takes whole containers of the image contract and returns the mean of the
per-image values. Pixels are compared in float64 in their own units, so integers never
wrap. What the dtypes do not say about the range of the pixels has to be said by
`data_range`; it is never read off the values.

A single image may be passed as it is: a 2-D array is one gray (H, W) image, and a 3-D
array with a last axis of 1, 3 or 4 and at least 16 rows and columns is one (H, W, C)
image. (H, W, 4) is RGBA, whose alpha is left out. Every other 3-D array is a stack
(n, H, W). The rows of a 2-D array are images only where `image_shape` says so; a data
frame is always a table.
"""

from skdenoise.metrics._enhancement import (
    clipped_share,
    color_shift,
    exposure_error,
    hue_shift,
    lightness_order_error,
)
from skdenoise.metrics._reference import psnr, psnr_gain, ssim

__all__ = [
    "clipped_share",
    "color_shift",
    "exposure_error",
    "hue_shift",
    "lightness_order_error",
    "psnr",
    "psnr_gain",
    "ssim",
]
