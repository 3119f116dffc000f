"""Reading image files: known by their first bytes, measured by their header, then decoded.

Nothing is decoded before the header has been compared with the pixels that are allowed.
"""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np

from skdenoise._choices import MAX_PIXELS
from skdenoise._image_files._decoded import Decoded, Limits, Notes, native
from skdenoise._image_files._errors import ImageFileError
from skdenoise._image_files._pillow import decode_bmp, decode_jpeg, decode_png, decode_webp
from skdenoise._image_files._tiff import decode_tiff
from skdenoise._whole_file import StrPath, plain_file

SIDEWAYS = 5, 6, 7, 8
"""Values of the orientation tag that exchange rows and columns."""


def read_image(path: StrPath, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Read an image file.

    Parameters
    ----------
    path : str or path-like
        A PNG, JPEG, TIFF, BMP, WebP, or binary PGM or PPM file, whatever its name.
    max_pixels : int, default=268435456
        Refuse a file whose header speaks of more pixels; checked before they are decoded.

    Returns
    -------
    ndarray of shape (H, W) or (H, W, C)
        Gray, gray and alpha (2), RGB (3) or RGB and alpha (4); upright, if the file says how it
        was held. Printing colors become RGB, by the plain formula. The data type is that of the
        file: uint8 also for fewer bits, which fill its range, uint16 for 16 bits, the integers and
        floats of a TIFF.

    Raises
    ------
    ImageFileError
        The file is missing, of another format, cut, damaged, too large, or it holds several
        images.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from skdenoise._image_files import read_image, write_image
    >>> path = Path(tempfile.mkdtemp()) / "deep.png"
    >>> write_image(path, np.full((2, 3, 3), 4660, dtype=np.uint16))
    >>> image = read_image(path)
    >>> image.shape, image.dtype, int(image.max())
    ((2, 3, 3), dtype('uint16'), 4660)
    """
    with opened_file(path) as (file, decode):
        return upright(decode(file, Limits(max_pixels)))


def read_notes(path: StrPath) -> Notes:
    """Read what an image file says besides its pixels: color profile, resolution, EXIF.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    notes : Notes
        Of the image that `read_image` returns, for `write_image`.

    Raises
    ------
    ImageFileError
        The file is missing, of another format or damaged.
    """
    with opened_file(path) as (file, decode):
        _, orientation, notes = decode(file, Limits(sys.maxsize, pixels=False))
        if notes.dpi is not None and orientation in SIDEWAYS:
            notes = notes._replace(dpi=notes.dpi[::-1])
        return notes


Decoder = Callable[[BinaryIO, Limits], Decoded]


@contextmanager
def opened_file(path: StrPath) -> Iterator[tuple[BinaryIO, Decoder]]:
    """Open a file, choose its decoder; whatever goes wrong in the block is an ImageFileError."""
    name = os.fspath(path)
    try:
        with plain_file(path) as file:
            first = file.read(16)
            file.seek(0)
            for decode, signature in DECODERS:
                if re.match(signature, first, re.DOTALL):
                    yield file, decode
                    return
            raise ImageFileError(f"it is none of {FORMATS}" if first else "it is empty")
    except ImageFileError as error:
        raise ImageFileError(f"Cannot read {name!r}: {error}.") from error.__cause__
    except FileNotFoundError as error:
        raise ImageFileError(f"Cannot read {name!r}: there is no such file.") from error
    except MemoryError as error:
        raise ImageFileError(f"Cannot read {name!r}: it does not fit into memory.") from error
    except Exception as error:  # decoders stumble over damaged files in every way there is
        if isinstance(error, OSError) and error.strerror:  # the system's word, not a decoder's
            raise ImageFileError(f"Cannot read {name!r}: {error.strerror}.") from error
        reason = str(error) or type(error).__name__
        raise ImageFileError(
            f"Cannot read {name!r}: it is damaged, cut or of an unknown kind ({reason})."
        ) from error


def upright(decoded: Decoded) -> np.ndarray:
    """Turn and mirror an image as its orientation tag, 1 to 8, asks for."""
    pixels, orientation, _ = decoded
    if orientation in SIDEWAYS:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.require(pixels, requirements=["C", "W"])


def _decode_pnm(file: BinaryIO, limits: Limits) -> Decoded:
    """Decode a binary PGM or PPM file; numbers are stretched to the range of their data type."""
    head = _PNM_HEADER.match(file.read(2**16))
    if head is None:
        raise ImageFileError("its header is damaged")
    width, height, largest = (int(number) for number in head.groups()[1:])
    limits.check_size(width, height)
    if not 1 <= largest <= 65535:
        raise ImageFileError(f"its largest value is {largest}, 1 to 65535 are allowed")
    if not limits.pixels:
        return Decoded(np.empty((0, 0)))
    shape = (height, width) if head[1] == b"5" else (height, width, 3)
    dtype = np.dtype(">u2" if largest > 255 else "u1")
    n_bytes = int(np.prod(shape)) * dtype.itemsize
    if os.fstat(file.fileno()).st_size - head.end() < n_bytes:
        raise ImageFileError("it was cut")
    file.seek(head.end())
    pixels = native(np.frombuffer(file.read(n_bytes), dtype).reshape(shape))
    full = np.iinfo(pixels.dtype).max
    if largest < full:
        if pixels.max() > largest:
            raise ImageFileError(f"it holds values above {largest}, its own largest value")
        pixels = ((pixels * np.uint32(full) + largest // 2) // largest).astype(pixels.dtype)
    return Decoded(pixels)


_PNM_HEADER = re.compile(rb"P([56])" + rb"(?:\s|#[^\n\r]*[\n\r])+([0-9]{1,9})" * 3 + rb"\s")

FORMATS = "PNG, JPEG, TIFF, BMP, WebP and binary PGM or PPM"

DECODERS: tuple[tuple[Decoder, bytes], ...] = (
    (decode_png, rb"\x89PNG\r\n\x1a\n"),
    (decode_jpeg, rb"\xff\xd8\xff"),
    (decode_tiff, rb"II[\x2a\x2b]\x00|MM\x00[\x2a\x2b]"),
    (decode_bmp, rb"BM"),
    (decode_webp, rb"RIFF....WEBP"),
    (_decode_pnm, rb"P[56]\s"),
)
"""The decoders, and the first bytes of the files that they take."""
