"""Finding image files: by their suffix in folders, by name otherwise."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from skdenoise._image_files._errors import ImageFileError
from skdenoise._image_files._writing import WRITERS
from skdenoise._whole_file import StrPath

ZARR_FILES = "zarr.json", ".zarray", ".zgroup"
"""One of them is in the folder of an array or a group."""


class ListedImage(NamedTuple):
    """An image file, and its path below the folder that was asked for."""

    path: Path
    relative: Path


def list_images(paths: StrPath | Iterable[StrPath], *, zarr: bool = False) -> list[ListedImage]:
    """List image files, and those in folders.

    Parameters
    ----------
    paths : path or iterable of paths
        Files, which are listed whatever their names, and folders, in which and in whose folders
        the files whose suffix `write_image` knows are listed. Hidden ones are passed over.
    zarr : bool, default=False
        Whether zarr arrays, which are folders, are images.

    Returns
    -------
    list of ListedImage
        The ``path`` of each image, and its path ``relative`` to the folder that was asked for;
        sorted within each folder, in the order of `paths`, each file once.

    Raises
    ------
    ImageFileError
        A path does not exist, or a folder holds no image.
    """
    if isinstance(paths, str | os.PathLike):
        paths = [paths]
    found: dict[str, ListedImage] = {}
    for given in paths:
        path = Path(given)
        if path.is_dir() and not (zarr and is_zarr(path)):
            listed = _list_folder(path, zarr)
        elif path.exists():
            listed = [ListedImage(path, Path(path.name))]
        else:
            raise ImageFileError(f"There is no file or folder {os.fspath(given)!r}.")
        for image in listed:
            file = os.path.realpath(image.path)
            # The name of a file is rather its own than that of a link to it.
            if file not in found or (found[file].path.is_symlink() > image.path.is_symlink()):
                found[file] = image
    return list(found.values())


def list_others(folder: StrPath, *, zarr: bool = False) -> list[Path]:
    """List what `list_images` passes over in a folder and those within, but for what is hidden.

    Files of other kinds, links to folders, and folders that cannot be read.
    """
    return [path for path, is_image in _visible(Path(folder), zarr) if not is_image]


def is_image_name(path: StrPath) -> bool:
    """Tell whether a name is that of an image: a file that is written, or a zarr array."""
    return is_zarr(path) or Path(path).suffix.lower() in WRITERS


def is_zarr(path: StrPath) -> bool:
    """Tell whether a name is that of a zarr array, or there is one, such as one in a group."""
    path = Path(path)
    return path.suffix.lower() == ".zarr" or any(
        os.path.isfile(path / name)
        for name in ZARR_FILES  # also where nothing may be read
    )


def _list_folder(folder: Path, zarr: bool) -> list[ListedImage]:
    """List the images in one folder."""
    listed = [
        ListedImage(path, path.relative_to(folder))
        for path, is_image in _visible(folder, zarr)
        if is_image
    ]
    if not listed:
        raise ImageFileError(
            f"The folder {os.fspath(folder)!r} holds no image: no file in it or its folders ends "
            f"in {' '.join(WRITERS)}."
        )
    return sorted(listed)


def _visible(folder: Path, zarr: bool) -> Iterator[tuple[Path, bool]]:
    """Yield the files in a folder, and zarr arrays if wanted, and whether they are images."""
    unread: list[OSError] = []
    for where, folders, names in os.walk(folder, onerror=unread.append):
        shown = [name for name in folders if not name.startswith(".")]
        arrays = [name for name in shown if is_zarr(Path(where, name))]
        others = [Path(where, name) for name in shown if name not in arrays]
        folders[:] = [name for name in shown if name not in arrays]
        yield from ((path, False) for path in others if path.is_symlink())
        if zarr:
            yield from ((Path(where, name), True) for name in arrays)
        for name in names:
            if not name.startswith("."):
                yield Path(where, name), Path(name).suffix.lower() in WRITERS
    yield from ((Path(error.filename), False) for error in unread)
