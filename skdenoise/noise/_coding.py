"""Noise of storage: values are rounded, or compressed with loss. Chance plays no part.

The generator is taken like in every model, and not used.
"""

import io

import numpy as np

from skdenoise.noise._definition import as_picture, noise_model, whole_number


@noise_model
def quantization(image: np.ndarray, *, levels: int = 16, rng: np.random.Generator) -> np.ndarray:
    """Round to a few gray levels.

    Parameters
    ----------
    image : ndarray of float
        Pixels in [0, 1]; any shape.
    levels : int, default=16
        Number of levels from 0 to 1, both included; at least 2. The same steps continue
        outside of [0, 1].
    rng : numpy.random.Generator
        Not used.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        Multiples of ``step = 1 / (levels - 1)``, never further than ``step / 2`` from the
        image; on images that vary by several steps the error has mean 0 and variance
        ``step**2 / 12``.

    References
    ----------
    .. [1] W. R. Bennett, "Spectra of Quantized Signals", Bell System Technical Journal 27(3),
       1948.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import quantization
    >>> coarse = quantization(np.array([0.1, 0.3, 0.8]), levels=3, rng=np.random.default_rng(0))
    >>> coarse.tolist()
    [0.0, 0.5, 1.0]
    """
    steps = whole_number("levels", levels, 2) - 1
    return np.rint(image * steps) / steps


@noise_model
def jpeg(image: np.ndarray, *, quality: int = 50, rng: np.random.Generator) -> np.ndarray:
    """Compress as JPEG and decompress.

    Parameters
    ----------
    image : ndarray of float, shape (H, W) or (H, W, C)
        Pixels in [0, 1]; three channels are RGB (its colors at half resolution, as usual),
        any other number is compressed channel by channel.
    quality : int, default=50
        From 1, the worst, to 100.
    rng : numpy.random.Generator
        Not used.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        What a reader of the file sees: multiples of 1 / 255 in [0, 1]. What the image exceeds
        [0, 1] by cannot be stored; it is added again afterwards.

    Raises
    ------
    ValueError
        Where a side exceeds the 65,500 pixels that a JPEG file can have.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import jpeg
    >>> rng = np.random.default_rng(0)
    >>> clean = rng.random((16, 16, 3))
    >>> errors = [abs(jpeg(clean, quality=q, rng=rng) - clean).mean() for q in (10, 90)]
    >>> bool(errors[0] > errors[1])
    True
    """
    quality = whole_number("quality", quality, 1, 100)
    picture = as_picture(image)
    if max(picture.shape[:2]) > 65500:
        msg = f"A JPEG file holds at most 65500 x 65500 pixels, got {picture.shape[:2]}."
        raise ValueError(msg)
    inside = np.clip(picture, 0, 1)
    pixels = np.rint(inside * 255).astype(np.uint8)
    if picture.shape[-1] == 3:
        decoded = _through_file(pixels, quality)
    else:
        planes = [_through_file(plane, quality) for plane in np.moveaxis(pixels, -1, 0)]
        decoded = np.stack(planes, axis=-1)
    result = (decoded / np.array(255, image.dtype)) + (picture - inside)
    return result.reshape(image.shape)


def _through_file(pixels: np.ndarray, quality: int) -> np.ndarray:
    """Encode (H, W) or (H, W, 3) uint8 pixels, and return what is decoded."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "JPEG", quality=quality)
    file.seek(0)
    with Image.open(file) as decoded:
        return np.asarray(decoded)
