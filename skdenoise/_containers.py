"""Which containers hold images, how they are read, and what is said where they hold none."""

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils import check_array

from skdenoise._images import COLORS_WITH_ALPHA, Images, scale_of, with_channels
from skdenoise._stored import (
    Stored,
    StoredStack,
    blocks_of,
    give_back,
    is_stored,
    unstored_chunks,
)
from skdenoise._warning import warn

LARGEST = 1e150
"""Squares of larger values, of which there are none in float32, overflow."""
NARROW = "uint8", "uint16", "int16"
"""Dtypes of images that are often held in wider ones."""
ARRAY_LIKE = "ndim", "__array__", "__array_interface__"
"""What things have that NumPy can read."""
PILLOW_MODES = "1", "L", "RGB", "RGBA", "I", "I;16", "F"
"""Those whose numbers are light; palettes and inks are not."""
SINGLE_IMAGE_SIDE = 16
"""Rows and columns from which (H, W, C) is one image, and not H images with one channel."""
SMALLEST_PHOTO = 32
"""Rows and columns from which a table without `image_shape` is probably one image."""


class _Rows:
    """The rows of a table, seen as images."""

    def __init__(self, table: np.ndarray, image_shape: tuple[int, ...]) -> None:
        self.table, self.image_shape = table, image_shape

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, index):
        return self.table[index].reshape(self.image_shape)


def is_image_sequence(X: Any) -> bool:
    """Tell whether `X` is a list, tuple or object array whose items are images."""
    if isinstance(X, np.ndarray):
        if X.dtype != object or X.ndim != 1:
            return False
    elif not isinstance(X, (list, tuple)):
        return False
    return len(X) > 0 and not isinstance(X[0], str) and _n_dimensions(X[0]) >= 2


def holds_labels(y: Any, images: Images) -> bool:
    """Tell labels of a surrounding pipeline, also encoded ones, from images like `images`.

    Raises
    ------
    ValueError
        Where `y` holds flattened images, and X does not.
    """
    if is_image_sequence(y):
        return False
    # Not numpy.shape, which not all that NumPy can read lets itself be asked for.
    shape = y.shape if hasattr(y, "shape") else np.asarray(y).shape
    if len(shape) != 2:
        return len(shape) < 2
    n_values = math.prod(images.shapes[0])
    if images.kind != "table" and shape[1] == n_values > 1:
        msg = (
            f"y of shape {shape} looks like flattened images, but those of X have the shape "
            f"{images.shapes[0]}. Pass y.reshape(X.shape), or a list of images of these shapes."
        )
        raise ValueError(msg)
    # Rows are flattened images only where those of X are.
    return images.kind != "table" or (shape[1] == 1 and n_values != 1)


def _n_dimensions(item: Any) -> int:
    """Count dimensions; nested lists of unequal lengths count as far as they nest."""
    if hasattr(item, "ndim"):
        return item.ndim
    if hasattr(item, "__array_interface__") or hasattr(item, "__array__"):
        return np.asarray(item).ndim  # such as images of Pillow
    return 1 + _n_dimensions(item[0]) if isinstance(item, (list, tuple)) and len(item) else 0


def read_images(
    X: Any,
    image_shape: tuple[int, ...] | None = None,
    *,
    name: str = "X",
    check_table: Callable[[Any], np.ndarray] | None = None,
    lazily: bool = False,
) -> Images:
    """Read images from any container.

    Parameters
    ----------
    X : array of shape (n, H, W) or (n, H, W, C), sequence of arrays, or table (n, features)
        The images.
    image_shape : tuple (H, W) or (H, W, C), default=None
        Shape of the image in each row of a table; None means 1 x features.
    name : str, default="X"
        What messages call the container.
    check_table : callable, default=None
        Turns a table-like `X` into a 2-D array; None means
        :func:`sklearn.utils.check_array`.
    lazily : bool, default=False
        Whether the pixels of an array are not looked at: nothing is said about NaN.

    Returns
    -------
    Images
        What was read, and how to give it back.

    Raises
    ------
    ValueError, TypeError
        Where `X` does not hold images; the message says what to type.
    """
    if is_image_sequence(X):
        return _read_sequence(X, name)
    check_container(X, name)
    if getattr(X, "ndim", None) in (3, 4) or (
        not hasattr(X, "ndim") and _n_dimensions(X) in (3, 4)
    ):
        return _read_array(
            X if isinstance(X, np.ndarray) or is_stored(X) else np.asarray(X), name, lazily
        )
    if getattr(X, "ndim", 0) > 4:
        msg = (
            f"Expected {name} of shape (n_images, height, width[, n_channels]), got an array "
            f"of shape {X.shape}. For a stack of volumes pass {name}.reshape(-1, height, width), "
            f"or {name}.reshape(-1, height, width, n_channels) where the last axis is color."
        )
        raise ValueError(msg)
    try:
        table = check_array(X, input_name=name) if check_table is None else check_table(X)
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        msg = (
            f"{name} is ragged: its rows have different lengths, or some are no images. Pass a "
            f"list of arrays of shape (height, width[, n_channels]), or rows of one length."
        )
        raise ValueError(msg) from error
    return replace(_read_table(table, image_shape, name), source=X)


def check_container(X: Any, name: str) -> None:
    """Refuse what scikit-learn would take for a table that has to be reshaped."""
    first = X[0] if isinstance(X, (list, tuple)) and len(X) else X
    if isinstance(first, (str, os.PathLike)):
        msg = (
            f"{name} holds names of files, {first!r} first. Read the images first, for example "
            f"with skimage.io.imread."
        )
    elif isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X):
        msg = (
            f"{name} has masked pixels, and a network needs all of them. Fill them first, for "
            f"example with image.filled(image.mean())."
        )
    elif isinstance(X, Iterator):
        msg = f"{name} is {type(X).__name__}, which can be read once only. Pass list({name})."
    elif isinstance(X, (list, tuple)) and not X:
        msg = f"{name} holds no image: it is {X!r}."
    elif hasattr(X, "getbands") and X.mode not in PILLOW_MODES:
        msg = (
            f"{name} is an image of mode {X.mode!r}, whose numbers are no brightness. Pass "
            f"image.convert('RGB')."
        )
    elif hasattr(X, "iloc") and getattr(getattr(X, "dtype", None), "kind", "") == "O":
        msg = f"{name} is a {type(X).__name__} of objects. Pass list({name}) if these are images."
    elif not isinstance(X, (list, tuple)) and not any(hasattr(X, name) for name in ARRAY_LIKE):
        msg = (
            f"{name} is of type {type(X).__name__}, and holds no images. Pass an array of shape "
            f"(n_images, height, width[, n_channels]), or a list of images."
        )
    else:
        return
    raise ValueError(msg)


def _read_sequence(X: Any, name: str) -> Images:
    raw = []
    for index, item in enumerate(X):
        check_container(item, f"Image {index} of {name}")
        try:
            image = Stored(item) if is_stored(item) else np.asarray(item)
        except ValueError as error:
            msg = f"Image {index} of {name} is ragged: its rows have different lengths."
            raise ValueError(msg) from error
        if image.ndim not in (2, 3):
            msg = (
                f"Expected images of shape (height, width[, n_channels]) in {name}, but image "
                f"{index} has shape {image.shape}."
            )
            raise ValueError(msg)
        if image.ndim == 3 and image.shape[0] < SINGLE_IMAGE_SIDE <= min(image.shape[1:]):
            msg = (
                f"Image {index} of {name} has shape {image.shape}, which looks like channels first "
                f"or a stack of images; expected (height, width[, n_channels]). Pass "
                f"numpy.moveaxis(image, 0, -1), or each image of the stack by itself."
            )
            raise ValueError(msg)
        _warn_of_gaps(item, f"image {index} of {name}")
        raw.append(image)
    return _checked("sequence", raw, X, name)


def _read_array(X: Any, name: str, lazily: bool = False) -> Images:
    shape = X.shape
    if (
        X.ndim == 3
        and shape[-1] in (1, 3, COLORS_WITH_ALPHA)
        and min(shape[:2]) >= SINGLE_IMAGE_SIDE
    ):
        msg = (
            f"{name} of shape {shape} looks like a single image, but its first axis must count "
            f"images. Pass {name}[None] for a single image, or {name}[..., None] if these are "
            f"{shape[0]} gray images that are {shape[2]} pixels wide."
        )
        raise ValueError(msg)
    if X.ndim == 4 and shape[1] in (1, 3) and min(shape[2:]) >= SINGLE_IMAGE_SIDE:
        msg = (
            f"{name} of shape {shape} looks like channels-first data; expected (n_images, height, "
            f"width, n_channels). Pass numpy.moveaxis({name}, 1, -1)."
        )
        raise ValueError(msg)
    if X.ndim == 4 and shape[1] < SINGLE_IMAGE_SIDE <= min(shape[2:]):
        msg = (
            f"{name} of shape {shape} looks like channels first or stacks of images; expected "
            f"(n_images, height, width, n_channels). Pass numpy.moveaxis({name}, 1, -1) for the "
            f"former, {name}.reshape(-1, {shape[2]}, {shape[3]}) for the latter."
        )
        raise ValueError(msg)
    if shape[0] == 0:
        msg = f"Found array with 0 sample(s) (shape={shape}) while a minimum of 1 is required."
        raise ValueError(msg)
    _warn_of_gaps(X, name)
    return _checked("array", StoredStack(X) if is_stored(X) else X, X, name, lazily)


def _warn_of_gaps(array: Any, name: str) -> None:
    """Say so where zarr makes up pixels, as it does for what was never written, or was lost."""
    n_gaps = unstored_chunks(array)
    if n_gaps:
        warn(
            f"{name} lacks {n_gaps} of its {array.nchunks} chunks, which are read as "
            f"{array.fill_value}, its fill value. That is right where nothing was recorded, and "
            f"wrong where chunks were lost: then copy them again."
        )


def _read_table(table: np.ndarray, image_shape: tuple[int, ...] | None, name: str) -> Images:
    n_features = table.shape[1]
    if image_shape is None and min(table.shape) >= SMALLEST_PHOTO:
        warn(
            f"{name} of shape {table.shape} is read as a table of {len(table)} images of one row. "
            f"For a single image pass {name}[None]. For flattened images set "
            f"image_shape=(height, width), or (1, {n_features}) if they are signals.",
        )
    shape = (1, n_features) if image_shape is None else image_shape
    if (
        not isinstance(shape, (tuple, list))
        or len(shape) not in (2, 3)
        or not all(isinstance(side, int | np.integer) and side > 0 for side in shape)
    ):
        msg = f"Expected image_shape=(height, width) or (height, width, n_channels), got {shape!r}."
        raise ValueError(msg)
    if int(np.prod(shape)) != n_features:
        msg = (
            f"image_shape={shape} needs {int(np.prod(shape))} features, but {name} has "
            f"{n_features} features."
        )
        raise ValueError(msg)
    return _checked("table", _Rows(table, tuple(shape)), table, name)


def _checked(kind: str, raw: Any, container: Any, name: str, lazily: bool = False) -> Images:
    """Refuse what is not an image, and describe the rest."""
    dtypes, shapes = [], []
    for index in range(len(raw)):
        image = raw[index]
        _check_numbers(image, index, name)
        if kind != "table" and image.dtype.kind == "f" and not lazily:
            _check_finite(image, index, name)
        height, width, n_channels = (*image.shape, 1)[:3]
        dtypes.append(image.dtype)
        shapes.append((height, width, 3 if n_channels == COLORS_WITH_ALPHA else n_channels))
        if shapes[-1][2] != shapes[0][2]:
            msg = (
                f"All images must have the same number of channels, but in {name} image 0 has "
                f"{shapes[0][2]} and image {index} has {shapes[-1][2]}. Convert gray images with "
                f"numpy.repeat(image[..., None], 3, axis=-1), or pass them separately."
            )
            raise ValueError(msg)
    scales = [scale_of(dtype) for dtype in dtypes]
    images = Images(
        kind, shapes[0][2], dtypes, scales, shapes, raw, container, container, (), len(raw)
    )
    if images.has_rows and not lazily:
        _warn_of_wide_integers(raw, dtypes, name)
    return images


def _check_numbers(image: Any, index: int, name: str) -> None:
    if image.dtype.kind == "c":
        msg = f"Complex data not supported: image {index} of {name} has dtype {image.dtype}."
        raise ValueError(msg)
    if image.dtype.kind not in "biuf":
        msg = (
            f"Expected numbers in {name}, but image {index} has dtype {image.dtype}. "
            f"Convert it, for example with image.astype(numpy.float32)."
        )
        raise TypeError(msg)
    if 0 in image.shape:
        msg = f"Image {index} of {name} is empty: its shape is {image.shape}."
        raise ValueError(msg)


def _check_finite(image: Any, index: int, name: str) -> None:
    n_bad, first = 0, []
    for rows, columns in blocks_of(image):
        pixels = with_channels(np.asarray(image[rows, columns]))
        good = np.isfinite(pixels)
        is_wide = pixels.dtype.itemsize > 4 and good.all()
        if is_wide and max(pixels.max(), -pixels.min()) > LARGEST:
            msg = (
                f"Image {index} of {name} has values from {pixels.min():.3g} to "
                f"{pixels.max():.3g}, whose squares overflow. Divide it, for example by "
                f"numpy.abs({name}).max()."
            )
            raise ValueError(msg)
        if not good.all():
            n_bad += good.size - int(good.sum())
            row, column, channel = (int(axis) for axis in np.argwhere(~good)[0])
            first.append((rows.start + row, columns.start + column, channel))
        give_back(image)
    if n_bad:
        msg = (
            f"Image {index} of {name} contains NaN or infinity: {n_bad} of "
            f"{math.prod(image.shape)} values, the first at {min(first)}. Fill them first, for "
            f"example with numpy.nan_to_num({name})."
        )
        raise ValueError(msg)


def _warn_of_wide_integers(raw: Any, dtypes: list[np.dtype], name: str) -> None:
    """Say so where integers lie in a corner of their dtype's range, as int64 usually does."""
    for index, dtype in enumerate(dtypes):
        if dtype.kind not in "iu" or dtype.itemsize < 4:
            continue
        image = raw[index]
        lowest, highest = _extremes(image)
        ranges = ((kind, np.iinfo(kind)) for kind in NARROW)
        fitting = [kind for kind, info in ranges if info.min <= lowest and highest <= info.max]
        if not fitting:
            continue
        warn(
            f"Image {index} of {name} has dtype {dtype} but only values from {lowest} to "
            f"{highest}. Integers are scaled by the range of their dtype, so these have hardly any "
            f"contrast. Pass {name}.astype(numpy.{fitting[0]}) if that is what they are.",
        )
        return


def _extremes(image: Any) -> tuple[int, int]:
    """Return the lowest and the highest value of an image, which may be larger than memory."""
    lows, highs = [], []
    for block in blocks_of(image):
        pixels = np.asarray(image[block])
        lows.append(int(pixels.min()))
        highs.append(int(pixels.max()))
        give_back(image)
    return min(lows), max(highs)
