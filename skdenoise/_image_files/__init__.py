"""Image files: one reader and one writer between files and arrays, over Pillow and tifffile.

The array is what a person sees: upright, with colors instead of palette entries, in the file's own
bit depth. Whatever is wrong with a file is an `ImageFileError`.
"""

from skdenoise._image_files._creating import check_creatable, created
from skdenoise._image_files._decoded import NO_NOTES, Notes
from skdenoise._image_files._errors import ImageExistsError, ImageFileError
from skdenoise._image_files._listing import (
    ListedImage,
    is_image_name,
    is_zarr,
    list_images,
    list_others,
)
from skdenoise._image_files._reading import read_image, read_notes
from skdenoise._image_files._stack import check_holds_stacks, n_pages, read_pages, write_pages
from skdenoise._image_files._streaming import is_streamed, opened, read_whole
from skdenoise._image_files._tiff import is_ome_tiff
from skdenoise._image_files._writing import check_writable, write_image

__all__ = [
    "NO_NOTES",
    "ImageExistsError",
    "ImageFileError",
    "ListedImage",
    "Notes",
    "check_creatable",
    "check_holds_stacks",
    "check_writable",
    "created",
    "is_image_name",
    "is_ome_tiff",
    "is_streamed",
    "is_zarr",
    "list_images",
    "list_others",
    "n_pages",
    "opened",
    "read_image",
    "read_notes",
    "read_pages",
    "read_whole",
    "write_image",
    "write_pages",
]
