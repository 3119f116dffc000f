"""What a decoder is asked for and what it returns, whatever the format."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skdenoise._image_files._errors import ImageFileError

ORIENTATION_TAG = 274


class Decoded(NamedTuple):
    """What a decoder takes from a file: pixels as stored, how to turn them, how to see them."""

    pixels: np.ndarray
    orientation: int = 1
    color_profile: bytes | None = None


@dataclass(frozen=True)
class Limits:
    """What a decoder may do: how many pixels, printing colors or not, or only the header."""

    max_pixels: int
    cmyk: str
    pixels: bool = True

    def check_size(self, width: int, height: int) -> None:
        """Refuse an image that is too large, or empty."""
        if width < 1 or height < 1:
            raise ImageFileError(f"it has {width} x {height} pixels")
        if width * height > self.max_pixels:
            raise ImageFileError(
                f"it has {width} x {height} pixels, at most {self.max_pixels} are allowed; if the "
                f"file can be trusted, pass --max-pixels (in Python max_pixels)"
            )


def native(pixels: np.ndarray) -> np.ndarray:
    """Return the pixels in the byte order of this machine."""
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
