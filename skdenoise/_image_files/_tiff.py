"""TIFF: what is stored plainly or deflated goes through tifffile, the rest through Pillow.

tifffile knows every number type, and Pillow every compression. Large images are read and written
part by part, and each part is measured before it is inflated.
"""

import math
import os
import threading
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import tifffile
from PIL import TiffImagePlugin

from skdenoise._image_files._decoded import (
    ORIENTATION_TAG,
    Decoded,
    Limits,
    Notes,
    as_dpi,
    n_channels_of,
    native,
)
from skdenoise._image_files._errors import ImageFileError
from skdenoise._image_files._pillow import decode_with_pillow
from skdenoise._tiling import within
from skdenoise._whole_file import StrPath, plain_file

COLOR_PROFILE_TAG = 34675
RESOLUTION_UNIT_TAG = 296
_INCH_OR_CENTIMETER = 2, 3
PIXEL_SIZE = tuple(
    f"{name}{unit}"
    for name in ("PhysicalSizeX", "PhysicalSizeY", "PhysicalSizeZ", "TimeIncrement")
    for unit in ("", "Unit")
)
"""What OME-TIFF says about it, and about the steps from page to page."""
REMEMBERED_BYTES = 2**26
"""Decoded parts of a TIFF file that are kept, since neighboring blocks share them."""
TIFF_TILE = 512
LARGEST_CLASSIC = 2**31
"""Bytes of pixels up to which a file is no BigTIFF, which not every program reads."""
_PREVIEW_OR_MASK = 1 | 4
_NOT_COMPRESSED = 1
_DEFLATED = (8, 32946)
_PALETTE, _INKS = 3, 5
_N_COLORS = {0: 1, 1: 1, 2: 3, 3: 1, _INKS: 4, 6: 3, 8: 3}
"""Samples of a pixel that are its color, for each photometric interpretation of TIFF."""
_UNSPECIFIED, _ASSOCIATED, _STRAIGHT = range(3)
"""What a sample beyond the colors is: unknown, or opacity, multiplied with the colors or not."""


def decode_tiff(file: BinaryIO, limits: Limits) -> Decoded:
    """Decode a TIFF file of one page."""
    with tifffile.TiffFile(file) as tiff:
        if limits.pixels and (count := len(pages_of(tiff))) > 1:
            raise ImageFileError(
                f"it is a stack of {count} pages, one image is wanted; put each page into a file "
                f"of its own, or pass tifffile.imread(name) to an estimator"
            )
        return decode_page(tiff, 0, file, limits)


def pages_of(tiff: tifffile.TiffFile) -> list[int]:
    """Return which pages of a file are images, and not smaller copies or masks of others.

    An error where there are more images, of which tifffile tells nothing.
    """
    others = enumerate(tiff.pages[1:], start=1)
    found = [0, *(index for index, page in others if not page.subfiletype & _PREVIEW_OR_MASK)]  # type: ignore[union-attr]
    size = tiff.tiff.offsetsize
    if _read(tiff.filehandle, tiff.pages.next_page_offset or 0, size) != bytes(size):  # type: ignore[arg-type]
        raise ImageFileError(f"it was cut, or its list of pages is, after page {len(tiff.pages)}")
    if len(tiff.pages) == 1 and (count := _images_of_one_page(tiff)) > 1:
        raise ImageFileError(
            f"it is a stack of {count} images behind one page; pass tifffile.imread(name) to an "
            f"estimator"
        )
    return found


def _images_of_one_page(tiff: tifffile.TiffFile) -> int:
    """Return how many images a file of one page holds: some programs write no page for each."""
    page: Any = tiff.pages[0]
    if page.imagedepth > 1 or tiff.is_ome:  # whose other images are in other files
        return page.imagedepth
    try:
        return math.prod(tiff.series[0].shape) // math.prod(page.shape)
    except Exception:  # what a program says of its file is damaged
        return 1


def decode_page(tiff: tifffile.TiffFile, index: int, file: BinaryIO, limits: Limits) -> Decoded:
    """Decode one page of a TIFF file, which is open."""
    page: Any = tiff.pages[index]
    limits.check_size(page.imagewidth, page.imagelength)
    _check_samples(page)
    orientation = page.tags.valueof(ORIENTATION_TAG, default=1)
    if not limits.pixels:
        return Decoded(np.empty((0, 0)), orientation, _notes(tiff))
    if _is_plain(page, of_imagej=tiff.is_imagej):
        return Decoded(_page_pixels(page, file), orientation)
    try:
        alone: Any = _OfOnePage(file, page)
        decoded = decode_with_pillow(TiffImagePlugin.TiffImageFile, alone, limits)
    except SyntaxError as error:
        stored = f"compression {page.compression}, {page.bitspersample} bits"
        raise ImageFileError(f"this kind of TIFF is not supported ({stored}: {error})") from error
    if page.photometric == 0 and page.bitspersample == 16:
        decoded = decoded._replace(pixels=65535 - decoded.pixels)
    # Pillow divides by opacity itself, but for the 16 bits that it does not know.
    if _is_associated(page) and page.bitspersample == 16:
        _divide_by_opacity(decoded.pixels)
    return decoded


class _OfOnePage:
    """A TIFF file that seems to hold one page alone.

    Pillow would pass over all pages before, and look for more behind, whenever it is asked for one.
    """

    def __init__(self, file: BinaryIO, page: Any) -> None:
        self._file = file
        how = page.parent.tiff
        size, order = how.offsetsize, "little" if how.byteorder == "<" else "big"
        n_tags = int.from_bytes(_read(file, page.offset, how.tagnosize), order)  # type: ignore[arg-type]
        behind = page.offset + how.tagnosize + n_tags * how.tagsize
        self._other = {
            size: page.offset.to_bytes(size, order),  # in the header, behind what is as long
            behind: bytes(size),
        }
        file.seek(0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, size: int = -1) -> bytes:
        """Read bytes, among them perhaps where the first and the next page are."""
        start = self._file.tell()
        data = bytearray(self._file.read(size))
        for place, other in self._other.items():
            first = max(place, start)
            end = min(place + len(other), start + len(data))
            if first < end:
                data[first - start : end - start] = other[first - place : end - place]
        return bytes(data)


def _read(file: BinaryIO, start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size)


def _check_samples(page: Any) -> None:
    """Refuse samples that are neither colors nor opacity: they would be lost, or taken for it."""
    n_samples = page.samplesperpixel
    n_colors = _N_COLORS.get(page.photometric, n_samples)
    extra = tuple(page.extrasamples) or (_UNSPECIFIED,) * (n_samples - n_colors)
    if (
        n_samples <= n_colors
        or (n_colors < 4 and extra in ((_ASSOCIATED,), (_STRAIGHT,)))
        or (n_colors == 3 and extra == (_UNSPECIFIED,))  # opacity, for many programs
        or (n_colors == 1 and extra == (_UNSPECIFIED,) * 2)  # three channels, which are kept
    ):
        return
    of_one = "[0]" if page.axes.startswith("S") else "[..., 0]"
    raise ImageFileError(
        f"it has {n_samples} channels, which is neither gray nor RGB, with opacity or without; put "
        f"each into a file of its own, such as tifffile.imwrite('channel0.tif', "
        f"tifffile.imread(name){of_one})"
    )


def _is_associated(page: Any) -> bool:
    return _ASSOCIATED in page.extrasamples


def _divide_by_opacity(pixels: np.ndarray) -> None:
    """Turn colors that were multiplied with opacity into those that are seen, in place."""
    white = 1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max
    for row in pixels:
        colors, opacity = row[..., :-1], row[..., -1:]
        divided = np.zeros(colors.shape)
        np.divide(colors * float(white), opacity, out=divided, where=opacity > 0)
        colors[...] = divided if white == 1 else np.rint(np.minimum(divided, white))


def _is_plain(page: Any, *, of_imagej: bool) -> bool:
    """Whether a page holds whole numbers or floats, gray or RGB, that tifffile reads by itself.

    The palettes of ImageJ show on the screen what was measured in gray.
    """
    return (
        page.compression in (_NOT_COMPRESSED, *_DEFLATED)
        and page.photometric in ((0, 1, 2, _PALETTE) if of_imagej else (0, 1, 2))
        and page.bitspersample in (8, 16, 32, 64)
        and page.dtype is not None
        and page.dtype.kind in "uif"
        and page.axes in ("YX", "YXS", "SYX")
        and page.samplesperpixel <= 4
    )


def _page_pixels(page: Any, file: BinaryIO) -> np.ndarray:
    """Return the pixels of a page for which `_is_plain` holds."""
    _check_segments(page, file)
    pixels = native(page.asarray(maxworkers=1))
    if page.axes == "SYX":
        pixels = np.moveaxis(pixels, 0, -1)
    if page.photometric == 0 and pixels.dtype.kind == "u":  # white is zero
        gray = pixels[..., :1] if pixels.ndim == 3 else pixels
        np.subtract(np.iinfo(pixels.dtype).max, gray, out=gray)
    if _is_associated(page):
        _divide_by_opacity(pixels)
    return pixels


def _check_segments(page: Any, file: BinaryIO) -> None:
    """Check that the parts of an image are all there and not larger than they may be.

    tifffile takes missing bytes for black pixels, and inflates a part of the file whatever its
    size, so that a few kilobytes could fill the memory.
    """
    size = os.fstat(file.fileno()).st_size
    found = 0
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        if offset + count > size:
            raise ImageFileError("it was cut")
        if page.compression in _DEFLATED:
            file.seek(offset)
            count = _inflated_size(page, file.read(count))
        found += count
    if found < page.nbytes:
        raise ImageFileError("it was cut")


def _inflated_size(page: Any, data: bytes) -> int:
    """Return how many bytes a deflated part of an image holds; more than it may are refused."""
    largest = _segment_size(page)
    count = len(zlib.decompressobj().decompress(data, largest + 1))
    if count > largest:
        raise ImageFileError("a part of it is larger than it may be")
    return count


def _segment_size(page: Any) -> int:
    return math.prod(page.chunks) * page.dtype.itemsize


def _notes(tiff: tifffile.TiffFile) -> Notes:
    """Return what is said of an image besides its pixels."""
    page: Any = tiff.pages[0]
    # A profile of inks does not fit the colors that are made of them.
    profile = None if page.photometric == _INKS else page.tags.valueof(COLOR_PROFILE_TAG)
    dpi = None
    if page.tags.valueof(RESOLUTION_UNIT_TAG) in _INCH_OR_CENTIMETER:
        dpi = as_dpi(page.get_resolution("inch"))
    return Notes(profile, dpi, pixel_size=pixel_size_of(tiff))


def pixel_size_of(tiff: tifffile.TiffFile) -> dict[str, Any] | None:
    """Return how large pixels are, in the words of OME-TIFF; None where no file says so."""
    try:
        found: Any = tifffile.xml2dict(tiff.ome_metadata or "")
        pixels = found["OME"]["Image"]["Pixels"]
        return {name: pixels[name] for name in PIXEL_SIZE if name in pixels}
    except Exception:  # no OME-TIFF file, or one of several images
        return None


def is_tiff_name(path: StrPath) -> bool:
    """Tell whether a name is that of a TIFF file."""
    return os.fspath(path).lower().endswith((".tif", ".tiff"))


def is_ome_tiff(path: StrPath) -> bool:
    """Tell whether a name is that of an OME-TIFF file."""
    return os.fspath(path).lower().endswith((".ome.tif", ".ome.tiff"))


def is_simple_tiff(path: StrPath, *, more_than: int = 0) -> bool:
    """Whether a file holds one image, as it is seen, in parts that can be read one by one."""
    try:
        with plain_file(path) as file, tifffile.TiffFile(file) as tiff:
            page: Any = tiff.pages[0]
            orientation = page.tags.get(ORIENTATION_TAG)
            _check_samples(page)
            return (
                page.imagewidth * page.imagelength > more_than
                and _is_plain(page, of_imagej=tiff.is_imagej)
                and page.axes in ("YX", "YXS")
                and page.photometric != 0
                and not _is_associated(page)
                and (orientation is None or orientation.value == 1)
                and len(pages_of(tiff)) == 1
            )
    except Exception:  # no TIFF file, or damaged: whoever reads it will say so
        return False


class TiffPixels:
    """The pixels of a TIFF file, of which only what is asked for is read.

    Parameters
    ----------
    tiff : tifffile.TiffFile
        The file, open; its first page is the image, further ones may be smaller copies.
    """

    def __init__(self, tiff: tifffile.TiffFile) -> None:
        self._page: Any = tiff.pages[0]
        self._file: Any = tiff.filehandle
        self.shape = tuple(self._page.shape)
        self.dtype = self._page.dtype
        self.ndim = len(self.shape)
        self.chunks = tuple(self._page.chunks)
        self._kept: dict[int, np.ndarray] = {}
        self._reading = threading.Lock()

    def __getitem__(self, key: Any) -> np.ndarray:
        """Read some rows and columns."""
        rows, columns = (
            slice(*part.indices(side)[:2]) for part, side in zip(key, self.shape, strict=False)
        )
        size = rows.stop - rows.start, columns.stop - columns.start
        out = np.empty((*size, *self.shape[2:]), self.dtype)
        high, wide = self.chunks[:2]
        for row in range(rows.start // high, -(-rows.stop // high)):
            for column in range(columns.start // wide, -(-columns.stop // wide)):
                part = self._segment(row, column)
                down = slice(row * high, row * high + part.shape[0])
                across = slice(column * wide, column * wide + part.shape[1])
                both = _overlap(rows, down), _overlap(columns, across)
                out[within(both, (rows, columns))] = part[within(both, (down, across))]
        return out

    def _segment(self, row: int, column: int) -> np.ndarray:
        """Return a tile or strip; the last ones are remembered."""
        index = row * -(-self.shape[1] // self.chunks[1]) + column
        with self._reading:
            if index not in self._kept:
                largest = _segment_size(self._page)
                while self._kept and len(self._kept) * largest >= REMEMBERED_BYTES:
                    del self._kept[next(iter(self._kept))]
                self._kept[index] = self._decoded(index)
            return self._kept[index]

    def _decoded(self, index: int) -> np.ndarray:
        self._file.seek(self._page.dataoffsets[index])
        count = self._page.databytecounts[index]
        data = self._file.read(count)
        try:
            if not count or len(data) < count:
                raise ImageFileError("it was cut")
            if self._page.compression in _DEFLATED:
                _inflated_size(self._page, data)
            found, _, _ = self._page.decode(data, index)
        except Exception as error:  # decoders stumble over damaged files in every way there is
            raise ImageFileError(f"Cannot read {self._file.path!r}: {error}.") from error
        return found[0] if self.ndim == 3 else found[0, ..., 0]


def _overlap(one: slice, other: slice) -> slice:
    return slice(max(one.start, other.start), min(one.stop, other.stop))


def encode_tiff(file: BinaryIO, pixels: np.ndarray, notes: Notes, *, ome: bool = False) -> None:
    """Write an image at once.

    Parameters
    ----------
    file : binary file
        Where to.
    pixels : ndarray of shape (H, W) or (H, W, C)
        The image.
    notes : Notes
        What is said of it.
    ome : bool, default=False
        Whether it is an OME-TIFF file.
    """
    tifffile.imwrite(file, pixels, ome=ome, **tiff_options(pixels, notes, ome=ome))


def write_tiff(path: StrPath, pixels: Any, notes: Notes, *, ome: bool) -> None:
    """Write an array to slice as `encode_tiff` does, in deflated tiles, one after the other."""

    def tiles() -> Iterator[np.ndarray]:
        for top in range(0, pixels.shape[0], TIFF_TILE):
            for left in range(0, pixels.shape[1], TIFF_TILE):
                part = pixels[top : top + TIFF_TILE, left : left + TIFF_TILE]
                missing = TIFF_TILE - part.shape[0], TIFF_TILE - part.shape[1]
                margin = [(0, missing[0]), (0, missing[1]), (0, 0)][: pixels.ndim]
                yield np.pad(part, margin)

    tifffile.imwrite(
        path,
        tiles(),
        shape=pixels.shape,
        dtype=pixels.dtype,
        tile=(TIFF_TILE, TIFF_TILE),
        bigtiff=pixels.nbytes > LARGEST_CLASSIC,
        ome=ome,
        **tiff_options(pixels, notes, ome=ome),
    )


def tiff_options(pixels: Any, notes: Notes, *, ome: bool) -> dict[str, Any]:
    """Return how such an image is stored in a TIFF file."""
    n_channels = n_channels_of(pixels)
    return {
        "photometric": "rgb" if n_channels > 2 else "minisblack",
        "planarconfig": "contig" if n_channels > 1 else None,
        "extrasamples": ["unassalpha"] if n_channels in (2, 4) else None,
        "compression": "zlib",
        # As tifffile can.
        "predictor": pixels.dtype.kind != "f" and pixels.dtype.itemsize < 8,
        "iccprofile": notes.color_profile,
        "resolution": notes.dpi,
        "resolutionunit": None if notes.dpi is None else "INCH",
        "metadata": {"axes": "YXS"[: pixels.ndim], **(notes.pixel_size or {})} if ome else None,
        "software": False,
    }
