"""Finding image files: by their suffix in folders, by name otherwise."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from skdenoise._image_files._errors import ImageFileError
from skdenoise._image_files._writing import WRITERS
from skdenoise._whole_file import StrPath


class ListedImage(NamedTuple):
    """An image file, and its path below the folder that was asked for."""

    path: Path
    relative: Path


def list_images(
    paths: StrPath | Iterable[StrPath], *, recursive: bool = True, zarr: bool = False
) -> list[ListedImage]:
    """List image files, and those in folders.

    Parameters
    ----------
    paths : path or iterable of paths
        Files, which are listed whatever their names, and folders, in which the files whose
        suffix `write_image` knows are listed. Hidden files and folders are passed over.
    recursive : bool, default=True
        Whether the folders within folders are searched too.
    zarr : bool, default=False
        Whether zarr arrays, folders whose names end in ``.zarr``, are images.

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
            listed = _list_folder(path, recursive, zarr)
        elif path.exists():
            listed = [ListedImage(path, Path(path.name))]
        else:
            raise ImageFileError(f"There is no file or folder {os.fspath(given)!r}.")
        for image in listed:
            found.setdefault(os.path.realpath(image.path), image)
    return list(found.values())


def is_zarr(path: StrPath) -> bool:
    """Tell whether a name is that of a zarr array."""
    return Path(path).suffix.lower() == ".zarr"


def _list_folder(folder: Path, recursive: bool, zarr: bool) -> list[ListedImage]:
    """List the images in one folder."""
    listed = []
    for where, folders, names in os.walk(folder):
        visible = [name for name in folders if not name.startswith(".")]
        folders[:] = [name for name in visible if recursive and not is_zarr(name)]
        images = [name for name in visible if zarr and is_zarr(name)]
        images += [name for name in names if Path(name).suffix.lower() in WRITERS]
        for name in images:
            if not name.startswith("."):
                path = Path(where, name)
                listed.append(ListedImage(path, path.relative_to(folder)))
    if not listed:
        raise ImageFileError(
            f"The folder {os.fspath(folder)!r} holds no image: no file "
            f"{'in it or its folders ' if recursive else ''}ends in {' '.join(WRITERS)}."
        )
    return sorted(listed)
