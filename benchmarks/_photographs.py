"""The photographs that are measured on, in the folder that SKDENOISE_DATA names."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from skdenoise._image_files import list_images, read_image

DATA = Path(os.environ.get("SKDENOISE_DATA", "../shared/data"))
"""Where photographs are looked for."""


def folder(name: str, n_images: int | None = None, *, first: int = 0) -> list[Path]:
    """Return the files of a folder, or so many of them, evenly spaced, from the `first` on.

    Raises
    ------
    ImageFileError
        Where there are none; the measurement is then left out.
    """
    paths = [image.path for image in list_images(DATA / name)]
    return paths[first :: max(1, len(paths) // (n_images or len(paths)))][:n_images]


def gray(path: Path) -> np.ndarray:
    """Read an image as (H, W), from its first channel where it has several."""
    image = read_image(path)
    return image if image.ndim == 2 else image[..., 0]


def camera_pairs(every: int = 1) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Read each so many-th photograph of PolyU: the mean of many shots, and a single one."""
    for path in [path for path in folder("PolyU_cropped") if path.stem.endswith("_real")][::every]:
        mean = path.with_name(path.name.replace("_real", "_mean"))
        yield read_image(mean), read_image(path)
