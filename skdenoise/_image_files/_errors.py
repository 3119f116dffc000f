"""What may be wrong with an image file, as types."""

import os

from skdenoise._whole_file import StrPath


class ImageFileError(ValueError):
    """An image file that cannot be read or written, and why."""


class ImageExistsError(ImageFileError, FileExistsError):
    """A file that would be overwritten, without leave to do so."""


def refuse_existing(path: StrPath, *, overwrite: bool) -> None:
    """Raise an ImageExistsError where something has that name and may not be overwritten."""
    if not overwrite and os.path.lexists(path):
        raise ImageExistsError(
            f"Cannot write {os.fspath(path)!r}: it exists. Choose another "
            f"name, or type --overwrite."
        )
