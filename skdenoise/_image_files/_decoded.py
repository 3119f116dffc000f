"""What a decoder is asked for and what it returns, whatever the format."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from skdenoise._image_files._errors import ImageFileError

ORIENTATION_TAG = 274


class Notes(NamedTuple):
    """What a file says of its image besides the pixels; None is what it does not say.

    Parameters
    ----------
    color_profile : bytes
        An ICC profile that fits the colors.
    dpi : tuple of (float, float)
        Pixels per inch, across and down.
    exif : bytes
        What a camera noted, as Pillow has it; it says that the image is upright.
    pixel_size : dict
        How large pixels are, in the words of OME-TIFF.
    """

    color_profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    exif: bytes | None = None
    pixel_size: dict[str, Any] | None = None


NO_NOTES = Notes()


class Decoded(NamedTuple):
    """What a decoder takes from a file: pixels as stored and how to turn them, or the notes."""

    pixels: np.ndarray
    orientation: int = 1
    notes: Notes = NO_NOTES


@dataclass(frozen=True)
class Limits:
    """What a decoder may do: how many pixels, or only the notes."""

    max_pixels: int
    pixels: bool = True

    def check_size(self, width: int, height: int) -> None:
        """Refuse an image that is too large, or empty."""
        if width < 1 or height < 1:
            raise ImageFileError(f"it has {width} x {height} pixels")
        if width * height > self.max_pixels:
            raise ImageFileError(
                f"it has {width} x {height} pixels, at most {self.max_pixels} are allowed; if the "
                f"file can be trusted, type --max-pixels"
            )


def native(pixels: np.ndarray) -> np.ndarray:
    """Return the pixels in the byte order of this machine."""
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def n_channels_of(pixels: Any) -> int:
    """Return the number of channels of an image of shape (H, W) or (H, W, C)."""
    return 1 if pixels.ndim == 2 else pixels.shape[2]


def as_dpi(found: Any) -> tuple[float, float] | None:
    """Return pixels per inch as two numbers above 0; None for whatever else a file may say."""
    try:
        across, down = map(float, found)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if min(across, down) > 0 and max(across, down) < math.inf else None
