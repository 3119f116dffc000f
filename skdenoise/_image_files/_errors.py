"""What may be wrong with an image file, as types."""


class ImageFileError(ValueError):
    """An image file that cannot be read or written, and why."""


class ImageExistsError(ImageFileError, FileExistsError):
    """A file that would be overwritten, without leave to do so."""
