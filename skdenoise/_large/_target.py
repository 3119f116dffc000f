"""Where results are written: an array like that of the images, or a new one.

What is given to be filled is checked before any work: it has the shapes and dtypes of the images,
can be assigned to, and is not where they are.
"""

import mmap
import os
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from skdenoise._images import Images
from skdenoise._large._journal import note_beside
from skdenoise._large._survey import Extent
from skdenoise._stored import give_back, memory_map_of
from skdenoise._whole_file import reserve

OVERWRITTEN = "out must not be X, or in the same file: images are never written over."
MOST_WORK = 10_000
"""Steps of NumPy to tell whether two arrays overlap, less than a millisecond."""

IN_NO_FILE = ""
MAPS = "/proc/self/maps"
"""What the memory of this process is, on Linux."""


class Target:
    """Where the results go: a container like that of the images.

    Parameters
    ----------
    images : Images
        What was read.
    out : container, default=None
        What the caller wants to have filled; None makes a new one.

    Raises
    ------
    ValueError, TypeError
        Where `out` cannot hold the results, or is where the images are.
    """

    def __init__(self, images: Images, out: Any = None) -> None:
        self.given = out is not None
        self._images = images
        raws = [images.raw(index) for index in range(len(images))]
        if out is None:
            container, arrays = images.new_container()
            places = [_Place(array, None) for array in arrays]
        else:
            container, places = out, _places(images, out)
            for index, (raw, place) in enumerate(zip(raws, places, strict=True)):
                _check_place(place, raw, index)
            _check_apart(images, out)
            _check_each_has_its_own(places)
            _reserve_space(places)
        self.container = container
        self._places = places

    @property
    def keeps_note(self) -> bool:
        """Whether the caller removes the note, when the result is where it is wanted."""
        return self.given and getattr(self._first, "keeps_note", False)

    @property
    def _first(self) -> Any:
        return self.container[0] if isinstance(self.container, (list, tuple)) else self.container

    def chunks(self, index: int) -> tuple[int, int] | None:
        """Return the rows and columns that are stored together; None if not known."""
        return self._places[index].chunks

    def get(self, index: int, block: Extent | None = None) -> np.ndarray:
        """Read what was written of an image."""
        place = self._places[index]
        pixels = np.array(place[block or place.extent])
        give_back(place.array)
        return pixels

    def put(self, index: int, block: Extent | None, pixels: np.ndarray) -> None:
        """Write a block of an image, or a whole image."""
        place = self._places[index]
        place[block or place.extent] = pixels
        if self.given:
            mapped = memory_map_of(place.array)
            if mapped is not None:
                mapped.flush()
            give_back(place.array)

    def journal_path(self, resume: bool | str | os.PathLike[str]) -> Path | None:
        """Return the file that says what is finished; None where nobody asks.

        Raises
        ------
        ValueError
            Where there is no obvious place for it.
        TypeError
            Where `resume` is something else.
        """
        if not isinstance(resume, (bool, str, os.PathLike)):
            msg = f"resume must be True, False or the name of a file for the note. Got {resume!r}."
            raise TypeError(msg)
        if resume is not False and not self.given:
            msg = (
                f"resume={resume!r} goes on with what is in `out`, and there is none. Pass a "
                f"memory map or a zarr array: transform(X, out, resume={resume!r})."
            )
            raise ValueError(msg)
        if not isinstance(resume, bool):
            return Path(resume)
        place = file_of(self._first) if self.given else None
        if place is not None:
            return note_beside(place)
        if resume:
            msg = (
                "resume=True keeps beside `out` a note of what is finished, so `out` has to be a "
                "memory map or a zarr array in a folder. Name a file for the note: "
                "resume='progress.txt'."
            )
            raise ValueError(msg)
        return None


class _Place:
    """Where one image goes: to an array, or by its index to a part of an array (n, H, W[, C])."""

    def __init__(self, array: Any, index: int | None) -> None:
        self.array, self.index = array, index
        self.dtype = array.dtype
        self.shape = array.shape if index is None else array.shape[1:]

    @property
    def extent(self) -> Extent:
        """All of its rows and columns."""
        return slice(0, self.shape[0]), slice(0, self.shape[1])

    @property
    def chunks(self) -> tuple[int, int] | None:
        """Rows and columns that are stored together."""
        # The chunks of a shard are written together.
        found = getattr(self.array, "shards", None) or getattr(self.array, "chunks", None)
        if not found:
            return None
        return tuple(found[:2] if self.index is None else found[1:3])

    def __getitem__(self, block: Extent) -> np.ndarray:
        return self.array[self._key(block)]

    def __setitem__(self, block: Extent, pixels: np.ndarray) -> None:
        self.array[self._key(block)] = pixels

    @property
    def pixels(self) -> np.ndarray | None:
        """The memory that the image goes to; None where it is assigned to something else."""
        if not isinstance(self.array, np.ndarray):
            return None
        return self.array if self.index is None else self.array[self.index]

    def _key(self, block: Extent) -> tuple[int | slice, ...]:
        return block if self.index is None else (self.index, *block)


def _places(images: Images, out: Any) -> list[_Place]:
    """Return what each image is assigned to."""
    if images.kind == "sequence":
        if not isinstance(out, (list, tuple)) or len(out) != len(images):
            msg = (
                f"X is a sequence of {len(images)} images, so out must be a list of as many "
                f"arrays, each like its image. Got {_described(out)}."
            )
            raise ValueError(msg)
        return [_Place(_writable(item), None) for item in out]
    wanted = images.container
    out = _writable(out)
    if tuple(out.shape) != tuple(wanted.shape):
        msg = (
            f"out must have the shape of X, {tuple(wanted.shape)}. Got {_described(out)}. Type "
            f"for example out = numpy.empty(X.shape, X.dtype)."
        )
        raise ValueError(msg)
    if images.kind == "table":
        if not isinstance(out, np.ndarray) or not out.flags.c_contiguous:
            msg = f"out for a table must be a contiguous NumPy array. Got {_described(out)}."
            raise TypeError(msg)
        rows = out.reshape(len(images), *images.raw(0).shape)
        return [_Place(row, None) for row in rows]
    return [_Place(out, index) for index in range(len(images))]


def _writable(out: Any) -> Any:
    for name in ("shape", "dtype", "__setitem__"):
        if not hasattr(out, name):
            msg = (
                f"out must be an array that can be assigned to, such as a NumPy array, a memory "
                f"map or a zarr array. Got {_described(out)}."
            )
            raise TypeError(msg)
    read_only = isinstance(out, np.ndarray) and not out.flags.writeable
    in_read_only_file = getattr(getattr(out, "file", None), "mode", "") == "r"  # HDF5
    if read_only or in_read_only_file or getattr(out, "read_only", False):
        msg = "out is read-only. Open it for writing, for example with mode='r+'."
        raise ValueError(msg)
    return out


def _check_place(place: _Place, raw: Any, index: int) -> None:
    same = np.dtype(place.dtype).newbyteorder("=") == raw.dtype.newbyteorder("=")
    if tuple(place.shape) == tuple(raw.shape) and same:
        return
    msg = (
        f"out must have the shapes and dtypes of X, but image {index} is {tuple(raw.shape)} "
        f"{raw.dtype} in X and {tuple(place.shape)} {place.dtype} in out."
    )
    raise ValueError(msg)


def _described(out: Any) -> str:
    if hasattr(out, "shape"):
        return f"{type(out).__name__} of shape {tuple(out.shape)}"
    return f"{type(out).__name__}" + (f" of length {len(out)}" if hasattr(out, "__len__") else "")


def _check_apart(images: Images, out: Any) -> None:
    """Refuse to write over the images, whose pixels are needed around every part."""
    sources = images.source if images.kind == "sequence" else [images.source]
    targets = out if images.kind == "sequence" else [out]
    places = [place for place in map(place_of, sources) if place is not None]
    for target in targets:
        shared = place_of(target) in places or any(
            target is source
            or (
                isinstance(target, np.ndarray)
                and isinstance(source, np.ndarray)
                and _share_memory(target, source)
            )
            for source in sources
        )
        if shared:
            raise ValueError(OVERWRITTEN)


def _check_each_has_its_own(places: list[_Place]) -> None:
    """Refuse places of which one result would be written over another."""
    found: list[tuple[Any, int, int, np.ndarray, int]] = []
    elsewhere: list[tuple[Any, int]] = []
    for index, place in enumerate(places):
        pixels = place.pixels
        if pixels is not None:
            found.append((*_extent_of(pixels), pixels, index))
        elif place.index in (None, 0):  # those of a stack lie apart
            elsewhere.append((place_of(place.array) or id(place.array), index))
    for number, (one, index) in enumerate(elsewhere):
        for other, first in elsewhere[:number]:
            if one == other:
                raise _same_place(first, index)
    reaching: list[tuple[Any, int, int, np.ndarray, int]] = []
    for extent in sorted(found, key=itemgetter(0, 1)):
        file, low, _, pixels, index = extent
        reaching = [other for other in reaching if other[0] == file and other[2] > low]
        for *_, other_pixels, first in reaching:
            # Maps of one file do not know each other's memory.
            apart = file != IN_NO_FILE and _root_of(pixels) is not _root_of(other_pixels)
            if apart or _share_memory(pixels, other_pixels):
                raise _same_place(*sorted((first, index)))
        reaching.append(extent)


def _same_place(first: int, second: int) -> ValueError:
    return ValueError(
        f"out has one place for images {first} and {second}, so that the result of one would be "
        f"written over that of the other. Give each its own: [numpy.empty_like(image) for image in "
        f"X]."
    )


def _reserve_space(places: list[_Place]) -> None:
    """Take the space on the disk that memory maps are going to fill."""
    extents: dict[str, tuple[int, int]] = {}
    for pixels in (place.pixels for place in places):
        if pixels is not None:
            file, low, high = _extent_of(pixels)
            before = extents.get(file, (low, high))
            extents[file] = min(low, before[0]), max(high, before[1])
    extents.pop(IN_NO_FILE, None)
    for name, (low, high) in extents.items():
        # What has another name by now, or may not be opened again, is filled as it is.
        if not os.path.isfile(name) or os.path.getsize(name) < high or not os.access(name, os.W_OK):
            continue
        with open(name, "r+b") as opened:
            try:
                reserve(opened.fileno(), high - low, low)
            except OSError as error:
                msg = f"{error.strerror}, for the {high - low} bytes of out"
                raise OSError(error.errno, msg, name) from error


def _extent_of(pixels: np.ndarray) -> tuple[str, int, int]:
    """Return the file of a memory map, its first byte and the one after the last.

    In memory that is no file, the addresses.
    """
    low, high = np.lib.array_utils.byte_bounds(pixels)
    mapped = memory_map_of(pixels)
    if mapped is None or mapped.filename is None or mapped.mode == "c":
        return IN_NO_FILE, low, high
    root: Any = _root_of(pixels)
    start = root.offset - root.ctypes.data
    return os.path.realpath(mapped.filename), low + start, high + start


def _root_of(array: Any) -> Any:
    """Return the array that owns the memory of a view, or knows where it is from."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _share_memory(one: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether arrays have a byte in common; also yes where that would take long to tell."""
    try:
        # NumPy's types know two of the numbers only.
        return np.shares_memory(one, other, max_work=MOST_WORK)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True


def place_of(array: Any) -> Any:
    """Return what equals that of another array in the same place; None for an array in memory."""
    if hasattr(getattr(array, "file", None), "filename"):
        return array.id  # HDF5 knows its data sets by all their names
    mapped = _mapped_file(array)
    if mapped is not None:
        return mapped
    path = file_of(array)
    if path is not None:
        try:
            found = os.stat(path)  # a file may have several names
        except OSError:
            return path
        return found.st_dev, found.st_ino
    name, store = getattr(array, "store_path", None), getattr(array, "store", None)
    if name is None:
        return None
    # A store equals no copy that is read-only, and its name need not tell what it reads with.
    return str(name), getattr(store, "fs", None), getattr(store, "store", None)


def _mapped_file(array: Any) -> tuple[str, str] | None:
    """Return device and inode of the file that an array is mapped to, where Linux tells them."""
    owner = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    # A buffer does not know its file.
    if not isinstance(getattr(owner, "obj", owner), mmap.mmap) or not os.path.exists(MAPS):
        return None
    address = array.ctypes.data
    with open(MAPS, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            extent, _, _, device, inode, *_ = line.split()
            first, last = (int(edge, 16) for edge in extent.split("-"))
            if first <= address < last:
                return None if inode == "0" else (device, inode)
    return None


def file_of(array: Any) -> str | None:
    """Return the path of the file or folder that holds an array; None where there is none."""
    mapped = memory_map_of(array)
    if mapped is not None:
        return None if mapped.filename is None else os.path.realpath(mapped.filename)
    name = getattr(array, "filename", None)
    if isinstance(name, Path):  # pixels that are mapped while they are read or written
        return os.path.realpath(name)
    place = str(getattr(array, "store_path", ""))
    if place.startswith("file://"):
        return os.path.realpath(place.removeprefix("file://"))
    # dask opens folders by fsspec.
    folder = getattr(getattr(array, "store", None), "path", None)
    if isinstance(folder, str) and os.path.isdir(folder):
        return os.path.realpath(os.path.join(folder, array.path))
    return None
