"""What Pillow decodes: gray or colors, with alpha where there is one, in 8 and in 16 bits."""

import sys
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
from PIL import (
    BmpImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from skdenoise._image_files._decoded import ORIENTATION_TAG, Decoded, Limits, Notes, as_dpi, native
from skdenoise._image_files._errors import ImageFileError

EXIF_TAG = 34665
EXIF_SIZE_TAGS = 40962, 40963
"""How wide and high an image is, before it is turned."""

# Pillow's classes are called by name, since Image.open would stop at a size of its own choice.


def decode_png(file: BinaryIO, limits: Limits) -> Decoded:
    return decode_with_pillow(PngImagePlugin.PngImageFile, file, limits)


def decode_jpeg(file: BinaryIO, limits: Limits) -> Decoded:
    return decode_with_pillow(JpegImagePlugin.JpegImageFile, file, limits)


def decode_bmp(file: BinaryIO, limits: Limits) -> Decoded:
    return decode_with_pillow(BmpImagePlugin.BmpImageFile, file, limits)


def decode_webp(file: BinaryIO, limits: Limits) -> Decoded:
    return decode_with_pillow(WebPImagePlugin.WebPImageFile, file, limits)


def decode_with_pillow(kind: Any, file: BinaryIO, limits: Limits) -> Decoded:
    """Decode a file of one format; `kind` is Pillow's class for it."""

    def reopen(rawmode: str | None = None) -> Any:
        """Open the file as Pillow does, or with its bytes unpacked in another way."""
        file.seek(0)
        image = kind(file)
        stored = _rawmode(image)
        if kind is TiffImagePlugin.TiffImageFile and stored.startswith("RGBX"):
            # Pillow leaves out a fourth sample of which no tag says that it is opacity.
            image._mode = "RGBA"
            rawmode = rawmode or stored.replace("RGBX", "RGBA")
        if rawmode is not None:
            tile = image.tile[0]
            args = (rawmode, *tile[3][1:]) if isinstance(tile[3], tuple) else rawmode
            replaced = (*tile[:3], args)
            # Pillow's tiles were plain tuples before they got names.
            image.tile = [replaced if type(tile) is tuple else type(tile)(*replaced)]
        return image

    image = reopen()
    if kind is not TiffImagePlugin.TiffImageFile and getattr(image, "n_frames", 1) > 1:
        raise ImageFileError(f"it is an animation of {image.n_frames} frames, one image is wanted")
    limits.check_size(*image.size)
    if not limits.pixels:
        return Decoded(np.empty((0, 0)), _orientation(image), _notes(image))
    if kind is TiffImagePlugin.TiffImageFile:
        return Decoded(_pixels(image, reopen))  # Pillow turns TIFF files by itself
    pixels = _pixels(image, reopen)
    return Decoded(pixels, _orientation(image))


def _notes(image: Any) -> Notes:
    """Return what is said of an image besides its pixels."""
    # A profile of inks does not fit the colors that are made of them.
    profile = None if image.mode == "CMYK" else image.info.get("icc_profile")
    return Notes(profile, as_dpi(image.info.get("dpi")), _exif(image))


def _exif(image: Any) -> bytes | None:
    """Return the notes of a camera, as they are of the image that `read_image` returns."""
    try:
        exif = image.getexif()
        if not exif:
            return None
        exif[ORIENTATION_TAG] = 1
        for tag in EXIF_SIZE_TAGS:
            exif.get_ifd(EXIF_TAG).pop(tag, None)
        return exif.tobytes()
    except Exception:  # the notes of cameras break in every way there is
        return None


def _orientation(image: Any) -> int:
    """Return the orientation tag of an image; photographs with damaged notes stay as they are."""
    try:
        return image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # the notes of cameras break in every way there is
        return 1


def _pixels(image: Any, reopen: Callable[[str], Any]) -> np.ndarray:
    """Return the pixels of a Pillow image as gray or RGB, with alpha where it has one."""
    rawmode = _rawmode(image)
    if image.mode.startswith("I;16"):
        pixels = native(np.asarray(image))
    elif rawmode == "LA;16B":
        pairs = np.asarray(reopen("RGBA")).astype(np.uint16)
        pixels = pairs[..., 0::2] << 8 | pairs[..., 1::2]
    elif image.mode in ("RGB", "RGBA") and ";16" in rawmode:
        pixels = _both_bytes(rawmode, reopen)
    elif image.mode in _PLAIN_MODES and ";16" not in rawmode:
        mode = _PLAIN_MODES[image.mode]
        if image.mode in ("P", "L", "1", "RGB") and "transparency" in image.info:
            mode = "LA" if mode == "L" else "RGBA"
        return np.asarray(image if image.mode == mode else image.convert(mode))
    elif image.mode == "F":
        return np.asarray(image)
    else:
        raise ImageFileError(f"its pixels are of the kind {image.mode!r} ({rawmode})")
    return _with_key_color(pixels, image.info.get("transparency"))


_PLAIN_MODES = {
    "1": "L",
    "L": "L",
    "LA": "LA",
    "La": "LA",
    "P": "RGB",
    "PA": "RGBA",
    "RGB": "RGB",
    "RGBX": "RGB",
    "RGBA": "RGBA",
    "CMYK": "RGB",
    "YCbCr": "RGB",
}
"""Pillow's modes of 8 bits and fewer -> the mode that holds the same colors as plain numbers."""


def _rawmode(image: Any) -> str:
    """Return Pillow's name for the layout of the bytes in the file."""
    args = image.tile[0][3] if image.tile else ""
    return str(args[0]) if isinstance(args, tuple) else str(args)


def _both_bytes(rawmode: str, reopen: Callable[[str], Any]) -> np.ndarray:
    """Decode 16-bit colors, of which Pillow keeps the high byte.

    The byte that it keeps depends on the byte order that it is told. So the file is decoded twice:
    as it is, and as if its bytes were swapped, which gives the low bytes.
    """
    # "RGBa" asks for a division by alpha, which would mix up the two bytes.
    layout, order = rawmode.replace("RGBa", "RGBA").split(";16")
    big = order == "B" or (order == "N" and sys.byteorder == "big")
    high, low = ("B", "L") if big else ("L", "B")
    pixels = np.asarray(reopen(f"{layout};16{high}")).astype(np.uint16)
    pixels <<= 8
    pixels |= np.asarray(reopen(f"{layout};16{low}"))
    return pixels


def _with_key_color(pixels: np.ndarray, key: Any) -> np.ndarray:
    """Add an alpha channel to a 16-bit PNG in which one color means transparent."""
    if key is None:
        return pixels
    colors = np.atleast_3d(pixels)
    seen = (colors != np.asarray(key)).any(axis=-1, keepdims=True)
    return np.concatenate([colors, seen.astype(pixels.dtype) * np.iinfo(pixels.dtype).max], axis=-1)
