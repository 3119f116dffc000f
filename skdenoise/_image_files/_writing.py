"""Writing image files: the suffix chooses the format, which holds the array as it is or refuses."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from skdenoise._image_files._decoded import NO_NOTES, Notes, n_channels_of
from skdenoise._image_files._errors import ImageExistsError, ImageFileError, refuse_existing
from skdenoise._image_files._tiff import encode_tiff, is_ome_tiff
from skdenoise._whole_file import StrPath, whole_file

JPEG_DPI, JPEG_EXIF_BYTES = 65535, 65533
"""The most that a JPEG file holds."""


def write_image(
    path: StrPath,
    image: np.ndarray,
    *,
    overwrite: bool = False,
    notes: Notes = NO_NOTES,
) -> None:
    """Write an image file, whole or not at all.

    Parameters
    ----------
    path : str or path-like
        The file to write. Its suffix chooses the format: .png, .jpg, .tif, .bmp, .webp (without
        loss), .pgm, .ppm.
    image : ndarray of shape (H, W) or (H, W, C)
        Gray, gray and alpha, RGB, or RGB and alpha, in the full range of its data type. It is
        never converted: if the format cannot hold it, the error says which one can.
    overwrite : bool, default=False
        Whether an existing file is replaced or an error.
    notes : Notes, default=NO_NOTES
        What `read_notes` returned; each format keeps what it has a place for. The size of pixels
        is for OME-TIFF files, whose names end in ``.ome.tif``.

    Raises
    ------
    ImageExistsError
        The file exists and `overwrite` is False.
    ImageFileError
        The format cannot hold such an image, or the system refuses to write there.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from skdenoise._image_files import ImageFileError, write_image
    >>> try:
    ...     write_image("photo.jpg", np.zeros((8, 8), np.uint16))
    ... except ImageFileError as error:
    ...     print(error)
    Cannot write 'photo.jpg': .jpg files cannot hold uint16 gray images, .png .tif .pgm files can.
    """
    image = np.asarray(image)
    if image.ndim not in (2, 3) or image.size == 0:
        raise ImageFileError(
            f"Cannot write {os.fspath(path)!r}: an array of shape (height, width) or (height, "
            f"width, n_channels) is wanted, got {image.shape}."
        )
    check_writable(path, image, overwrite=overwrite)
    encode = WRITERS[Path(path).suffix.lower()].encode
    is_gray = image.ndim == 3 and n_channels_of(image) == 1
    pixels = np.ascontiguousarray(image[..., 0] if is_gray else image)
    try:
        with whole_file(path) as file:
            if is_ome_tiff(path):
                encode_tiff(file, pixels, notes, ome=True)
            else:
                encode(file, pixels, notes)
            refuse_existing(path, overwrite=overwrite)  # somebody else may have been faster
    except ImageExistsError:
        raise
    except Exception as error:  # the disk is full, or the format has a limit on sizes
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageFileError(f"Cannot write {os.fspath(path)!r}: {reason}.") from error


def check_writable(path: StrPath, image: Any = None, *, overwrite: bool = False) -> None:
    """Raise the error that `write_image` would raise, before the work that leads to it.

    Parameters
    ----------
    path : str or path-like
        The file that will be written.
    image : ndarray of shape (H, W) or (H, W, C), default=None
        What has the data type and the channels that will be written; None if it is not known yet.
    overwrite : bool, default=False
        Whether an existing file may be replaced.

    Raises
    ------
    ImageExistsError
        The file exists and `overwrite` is False.
    ImageFileError
        No format has such a suffix, or the format cannot hold such images.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in WRITERS:
        raise ImageFileError(
            f"Cannot write {os.fspath(path)!r}: the suffix of the name chooses the format, "
            f"{' '.join(WRITERS)} are known. Type a name that ends in one, such as "
            f"{str(Path(path).with_suffix('.png'))!r}."
        )
    refuse_existing(path, overwrite=overwrite)
    if image is None:
        return
    dtype, n_channels = np.dtype(image.dtype), n_channels_of(image)
    if not WRITERS[suffix].holds(dtype, n_channels):
        kind = _CHANNELS.get(n_channels, f"{n_channels}-channel")
        able = [name for name in _PREFERRED if WRITERS[name].holds(dtype, n_channels)]
        hint = f"{' '.join(able)} files can" if able else "and neither can any other"
        raise ImageFileError(
            f"Cannot write {os.fspath(path)!r}: {suffix} files cannot hold {dtype.name} {kind} "
            f"images, {hint}."
        )


def _encode_png(file: BinaryIO, pixels: np.ndarray, notes: Notes) -> None:
    if pixels.dtype == np.uint8:
        kept = _told(notes, "icc_profile", "dpi", "exif")
        Image.fromarray(pixels).save(file, "PNG", **kept)
    else:
        _encode_deep_png(file, pixels, notes)


def _told(notes: Notes, *kept: str) -> dict[str, Any]:
    """Return the notes that a format keeps as Pillow calls them; of what is not said, nothing."""
    told = {"icc_profile": notes.color_profile, "dpi": notes.dpi, "exif": notes.exif}
    return {name: told[name] for name in kept if told[name] is not None}


def _encode_deep_png(file: BinaryIO, pixels: np.ndarray, notes: Notes) -> None:
    """Encode 16 bits per channel, which Pillow cannot; each pixel less its left neighbor."""
    height, width = pixels.shape[:2]
    n_channels = n_channels_of(pixels)
    color_type = {1: 0, 2: 4, 3: 2, 4: 6}[n_channels]
    rows = pixels.reshape(height, -1).astype(">u2").view(np.uint8)
    filtered = np.ones((height, 1 + rows.shape[1]), np.uint8)  # 1 names the filter of a row
    filtered[:, 1:] = rows
    filtered[:, 1 + 2 * n_channels :] -= rows[:, : -2 * n_channels]

    def chunk(name: bytes, data: bytes) -> None:
        """Write one part of the file, with its length and checksum."""
        file.write(struct.pack(">I", len(data)) + name)
        file.write(data)
        file.write(struct.pack(">I", zlib.crc32(data, zlib.crc32(name))))

    file.write(b"\x89PNG\r\n\x1a\n")
    chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0))
    if notes.color_profile is not None:
        chunk(b"iCCP", b"ICC\0\0" + zlib.compress(notes.color_profile))
    if notes.dpi is not None:
        per_meter = (round(number / 0.0254) for number in notes.dpi)
        chunk(b"pHYs", struct.pack(">IIB", *per_meter, 1))
    if notes.exif is not None:
        chunk(b"eXIf", notes.exif.removeprefix(b"Exif\0\0"))
    deflater = zlib.compressobj(level=4)
    for start in range(0, height, 64):  # a chunk holds at most 2 GiB
        chunk(b"IDAT", deflater.compress(filtered[start : start + 64].data))
    chunk(b"IDAT", deflater.flush())
    chunk(b"IEND", b"")


def _encode_jpeg(file: BinaryIO, pixels: np.ndarray, notes: Notes) -> None:
    kept = _told(notes, "icc_profile", "dpi", "exif")
    if notes.dpi is not None and not 1 <= min(notes.dpi) <= max(notes.dpi) <= JPEG_DPI:
        kept.pop("dpi")
    if len(notes.exif or b"") > JPEG_EXIF_BYTES:
        kept.pop("exif")
    Image.fromarray(pixels).save(file, "JPEG", quality=95, subsampling=0, **kept)


def _encode_bmp(file: BinaryIO, pixels: np.ndarray, notes: Notes) -> None:
    Image.fromarray(pixels).save(file, "BMP", **_told(notes, "dpi"))


def _encode_webp(file: BinaryIO, pixels: np.ndarray, notes: Notes) -> None:
    kept = _told(notes, "icc_profile", "exif")
    Image.fromarray(pixels).save(file, "WEBP", lossless=True, method=1, exact=True, **kept)


def _encode_pnm(file: BinaryIO, pixels: np.ndarray, notes: Notes) -> None:
    kind, largest = 5 if pixels.ndim == 2 else 6, np.iinfo(pixels.dtype).max
    file.write(b"P%d\n%d %d\n%d\n" % (kind, pixels.shape[1], pixels.shape[0], largest))
    file.write(pixels.astype(pixels.dtype.newbyteorder(">")).data)


class _Writer(NamedTuple):
    """How a format is written, and which images it holds."""

    encode: Callable[[BinaryIO, np.ndarray, Notes], None]
    dtypes: frozenset[str]
    n_channels: frozenset[int]

    def holds(self, dtype: np.dtype, n_channels: int) -> bool:
        """Whether the format holds such an image as it is."""
        return dtype.name in self.dtypes and n_channels in self.n_channels


def _writer(encode: Any, dtypes: str, *n_channels: int) -> _Writer:
    return _Writer(encode, frozenset(dtypes.split()), frozenset(n_channels))


_NUMBERS = "uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 float32 float64"
_CHANNELS = {1: "gray", 2: "gray and alpha", 3: "RGB", 4: "RGB and alpha"}

WRITERS = {
    ".png": _writer(_encode_png, "uint8 uint16", 1, 2, 3, 4),
    ".tif": _writer(encode_tiff, _NUMBERS, 1, 2, 3, 4),
    ".tiff": _writer(encode_tiff, _NUMBERS, 1, 2, 3, 4),
    ".jpg": _writer(_encode_jpeg, "uint8", 1, 3),
    ".jpeg": _writer(_encode_jpeg, "uint8", 1, 3),
    ".bmp": _writer(_encode_bmp, "uint8", 1, 3),
    ".webp": _writer(_encode_webp, "uint8", 3, 4),
    ".pgm": _writer(_encode_pnm, "uint8 uint16", 1),
    ".ppm": _writer(_encode_pnm, "uint8 uint16", 3),
    ".pnm": _writer(_encode_pnm, "uint8 uint16", 1, 3),
}
"""The suffix of a name -> how such a file is written."""
_PREFERRED = (".png", ".tif", ".webp", ".pgm", ".ppm")
