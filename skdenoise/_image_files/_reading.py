"""Reading image files: known by their first bytes, measured by their header, then decoded.

Nothing is decoded before the header has been compared with the pixels that are allowed.
"""

import os
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import tifffile
from PIL import (
    BmpImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from skdenoise._choices import MAX_PIXELS
from skdenoise._image_files._errors import ImageFileError
from skdenoise._whole_file import plain_file

ORIENTATION_TAG = 274
COLOR_PROFILE_TAG = 34675
PIXEL_SIZE = "PhysicalSizeX", "PhysicalSizeXUnit", "PhysicalSizeY", "PhysicalSizeYUnit"
"""What OME-TIFF says about it."""

StrPath = str | os.PathLike[str]


class _Decoded(NamedTuple):
    """What a decoder takes from a file: pixels as stored, how to turn them, how to see them."""

    pixels: np.ndarray
    orientation: int = 1
    color_profile: bytes | None = None


def read_image(path: StrPath, *, max_pixels: int = MAX_PIXELS, cmyk: str = "convert") -> np.ndarray:
    """Read an image file.

    Parameters
    ----------
    path : str or path-like
        A PNG, JPEG, TIFF, BMP, WebP, or binary PGM or PPM file, whatever its name.
    max_pixels : int, default=268435456
        Refuse a file whose header speaks of more pixels; checked before they are decoded.
    cmyk : {"convert", "refuse"}, default="convert"
        Whether images in printing colors become RGB, by the plain formula, or are an error.

    Returns
    -------
    ndarray of shape (H, W) or (H, W, C)
        Gray, gray and alpha (2), RGB (3) or RGB and alpha (4); upright, if the file says how it
        was held. The data type is that of the file: uint8 also for fewer bits, which fill its
        range, uint16 for 16 bits, the integers and floats of a TIFF.

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
    if cmyk not in ("convert", "refuse"):
        raise ValueError(f"cmyk must be 'convert' or 'refuse', got {cmyk!r}.")
    with _opened(path) as (file, decode):
        decoded = decode(file, _Limits(max_pixels, cmyk))
        upright = _upright(decoded.pixels, decoded.orientation)
        return np.require(upright, requirements=["C", "W"])


def read_pixel_size(path: StrPath) -> dict[str, Any]:
    """Return how large pixels are, in the words of OME-TIFF; empty where no file says so."""
    try:
        with plain_file(path) as file, tifffile.TiffFile(file) as tiff:
            found: Any = tifffile.xml2dict(tiff.ome_metadata or "")
            pixels = found["OME"]["Image"]["Pixels"]
            return {name: pixels[name] for name in PIXEL_SIZE if name in pixels}
    except Exception:  # no TIFF file, or one of several images, or damaged: reading will tell
        return {}


def read_color_profile(path: StrPath) -> bytes | None:
    """Read the ICC profile of an image file, without its pixels.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    bytes or None
        What `write_image` takes, None if the file has none that fits the colors of `read_image`.

    Raises
    ------
    ImageFileError
        The file is missing, of another format or damaged.
    """
    with _opened(path) as (file, decode):
        return decode(file, _Limits(sys.maxsize, "convert", pixels=False)).color_profile


@dataclass(frozen=True)
class _Limits:
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
                f"it has {width} x {height} pixels, at most {self.max_pixels} are allowed; raise "
                f"max_pixels if the file can be trusted"
            )


_Decoder = Callable[[BinaryIO, _Limits], _Decoded]


@contextmanager
def _opened(path: StrPath) -> Iterator[tuple[BinaryIO, _Decoder]]:
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


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn and mirror an image as its orientation tag, 1 to 8, asks for."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


# Pillow's classes are called by name, since Image.open would stop at a size of its own choice.


def _decode_png(file: BinaryIO, limits: _Limits) -> _Decoded:
    return _decode_with_pillow(PngImagePlugin.PngImageFile, file, limits)


def _decode_jpeg(file: BinaryIO, limits: _Limits) -> _Decoded:
    return _decode_with_pillow(JpegImagePlugin.JpegImageFile, file, limits)


def _decode_bmp(file: BinaryIO, limits: _Limits) -> _Decoded:
    return _decode_with_pillow(BmpImagePlugin.BmpImageFile, file, limits)


def _decode_webp(file: BinaryIO, limits: _Limits) -> _Decoded:
    return _decode_with_pillow(WebPImagePlugin.WebPImageFile, file, limits)


def _decode_with_pillow(kind: Any, file: BinaryIO, limits: _Limits) -> _Decoded:
    """Decode a file of one format; `kind` is Pillow's class for it."""

    def reopen(rawmode: str | None = None) -> Any:
        """Open the file as Pillow does, or with its bytes unpacked in another way."""
        file.seek(0)
        image = kind(file)
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
    profile = None if image.mode == "CMYK" else image.info.get("icc_profile")
    if not limits.pixels:
        return _Decoded(np.empty((0, 0)), 1, profile)
    if image.mode == "CMYK" and limits.cmyk == "refuse":
        raise ImageFileError("its colors are CMYK; convert it to RGB first")
    if kind is TiffImagePlugin.TiffImageFile:
        return _Decoded(_pixels(image, reopen), 1, profile)  # Pillow turns TIFF files by itself
    pixels = _pixels(image, reopen)
    return _Decoded(pixels, _orientation(image), profile)


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
        pixels = _native(np.asarray(image))
    elif rawmode == "LA;16B":
        pairs = np.asarray(reopen("RGBA")).astype(np.uint16)
        pixels = pairs[..., 0::2] << 8 | pairs[..., 1::2]
    elif image.mode in ("RGB", "RGBX", "RGBA") and ";16" in rawmode:
        pixels = _both_bytes(rawmode, reopen)[..., : 3 if "X" in rawmode else None]
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


#: Pillow's modes of 8 bits and fewer -> the mode that holds the same colors as plain numbers.
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


def _native(pixels: np.ndarray) -> np.ndarray:
    """Return the pixels in the byte order of this machine."""
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _decode_tiff(file: BinaryIO, limits: _Limits) -> _Decoded:
    """Decode a TIFF file of one page.

    tifffile knows every number type, and Pillow every compression: what is stored plainly or
    deflated goes to the first, the rest to the second.
    """
    with tifffile.TiffFile(file) as tiff:
        page: Any = tiff.pages[0]
        limits.check_size(page.imagewidth, page.imagelength)
        for other in tiff.pages[1:] if limits.pixels else ():
            if not other.subfiletype & _PREVIEW_OR_MASK:  # type: ignore[union-attr]
                raise ImageFileError(
                    f"it is a stack of {len(tiff.pages)} pages, one image is wanted; read it with "
                    f"tifffile.imread and pass the array to the estimator"
                )
        if _is_plain(page):
            profile = page.tags.get(COLOR_PROFILE_TAG)
            orientation = page.tags.get(ORIENTATION_TAG)
            return _Decoded(
                _page_pixels(page, file) if limits.pixels else np.empty((0, 0)),
                1 if orientation is None else orientation.value,
                None if profile is None else profile.value,
            )
        stored = f"compression {page.compression}, {page.bitspersample} bits"
        inverted = page.photometric == 0 and page.bitspersample == 16
    try:
        decoded = _decode_with_pillow(TiffImagePlugin.TiffImageFile, file, limits)
    except SyntaxError as error:
        raise ImageFileError(f"this kind of TIFF is not supported ({stored}: {error})") from error
    return decoded._replace(pixels=65535 - decoded.pixels) if inverted else decoded


_PREVIEW_OR_MASK = 1 | 4
_NOT_COMPRESSED = 1
_DEFLATED = (8, 32946)


def _is_plain(page: Any) -> bool:
    """Whether a page holds whole numbers or floats, gray or RGB, that tifffile reads by itself."""
    return (
        page.compression in (_NOT_COMPRESSED, *_DEFLATED)
        and page.photometric in (0, 1, 2)
        and page.bitspersample in (8, 16, 32, 64)
        and page.dtype is not None
        and page.dtype.kind in "uif"
        and page.axes in ("YX", "YXS", "SYX")
        and page.samplesperpixel <= 4
    )


def _page_pixels(page: Any, file: BinaryIO) -> np.ndarray:
    """Return the pixels of a page for which `_is_plain` holds."""
    _check_segments(page, file)
    pixels = _native(page.asarray(maxworkers=1))
    if page.axes == "SYX":
        pixels = np.moveaxis(pixels, 0, -1)
    if page.photometric == 0 and pixels.dtype.kind == "u":  # white is zero
        gray = pixels[..., :1] if pixels.ndim == 3 else pixels
        np.subtract(np.iinfo(pixels.dtype).max, gray, out=gray)
    return pixels


def _check_segments(page: Any, file: BinaryIO) -> None:
    """Check that the parts of an image are all there and not larger than they may be.

    tifffile takes missing bytes for black pixels, and inflates a part of the file whatever its
    size, so that a few kilobytes could fill the memory.
    """
    size = os.fstat(file.fileno()).st_size
    largest = int(np.prod(page.chunks)) * page.dtype.itemsize
    found = 0
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        if offset + count > size:
            raise ImageFileError("it was cut")
        if page.compression in _DEFLATED:
            file.seek(offset)
            inflater = zlib.decompressobj()
            count = len(inflater.decompress(file.read(count), largest + 1))
            if count > largest:
                raise ImageFileError("a part of it is larger than it may be")
        found += count
    if found < page.nbytes:
        raise ImageFileError("it was cut")


def _decode_pnm(file: BinaryIO, limits: _Limits) -> _Decoded:
    """Decode a binary PGM or PPM file; numbers are stretched to the range of their data type."""
    head = _PNM_HEADER.match(file.read(2**16))
    if head is None:
        raise ImageFileError("its header is damaged")
    width, height, largest = (int(number) for number in head.groups()[1:])
    limits.check_size(width, height)
    if not 1 <= largest <= 65535:
        raise ImageFileError(f"its largest value is {largest}, 1 to 65535 are allowed")
    if not limits.pixels:
        return _Decoded(np.empty((0, 0)))
    shape = (height, width) if head[1] == b"5" else (height, width, 3)
    dtype = np.dtype(">u2" if largest > 255 else "u1")
    n_bytes = int(np.prod(shape)) * dtype.itemsize
    if os.fstat(file.fileno()).st_size - head.end() < n_bytes:
        raise ImageFileError("it was cut")
    file.seek(head.end())
    pixels = _native(np.frombuffer(file.read(n_bytes), dtype).reshape(shape))
    full = np.iinfo(pixels.dtype).max
    if largest < full:
        if pixels.max() > largest:
            raise ImageFileError(f"it holds values above {largest}, its own largest value")
        pixels = ((pixels * np.uint32(full) + largest // 2) // largest).astype(pixels.dtype)
    return _Decoded(pixels)


_PNM_HEADER = re.compile(rb"P([56])" + rb"(?:\s|#[^\n\r]*[\n\r])+([0-9]{1,9})" * 3 + rb"\s")

FORMATS = "PNG, JPEG, TIFF, BMP, WebP and binary PGM or PPM"

#: The decoders, and the first bytes of the files that they take.
DECODERS: tuple[tuple[_Decoder, bytes], ...] = (
    (_decode_png, rb"\x89PNG\r\n\x1a\n"),
    (_decode_jpeg, rb"\xff\xd8\xff"),
    (_decode_tiff, rb"II[\x2a\x2b]\x00|MM\x00[\x2a\x2b]"),
    (_decode_bmp, rb"BM"),
    (_decode_webp, rb"RIFF....WEBP"),
    (_decode_pnm, rb"P[56]\s"),
)
