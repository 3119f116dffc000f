"""Hide pixels of an image and fill them from their neighbors, for scores without a clean image.

A value put in the place of a hidden pixel never depends on that pixel. This is all
that the masked score of Noise2Self needs, and all that is here.
"""

import itertools

import numpy as np

NEIGHBORS = {
    (row, column): float((2 - abs(row)) * (2 - abs(column)))
    for row in (-1, 0, 1)
    for column in (-1, 0, 1)
    if (row, column) != (0, 0)
}
"""Weight of each of the eight neighbors: the binomial 3 x 3 kernel without its center."""


def grid_masks(
    shape: tuple[int, int], stride: int = 4, *, everywhere: bool = False
) -> list[np.ndarray]:
    """Choose pixels to hide, on `stride` grids of `stride` x `stride` cells.

    Each mask takes one pixel of every cell; together they take one row and one column
    of a cell once each, so that a pixel out of `stride` is hidden in all.

    Parameters
    ----------
    shape : tuple (H, W)
        Size of the image.
    stride : int, default=4
        Side of a cell in pixels, at least 2.
    everywhere : bool, default=False
        Whether each pixel is hidden once, by `stride` times as many masks.

    Returns
    -------
    list of boolean ndarrays of shape (H, W)
        `stride` of them, or the square of it. True where the pixel is hidden. No two masks
        share a pixel, and no two hidden pixels of a mask touch. Masks of an image smaller
        than a cell may be empty; the first one never is.
    """
    masks = []
    # Even columns before odd ones: pixels hidden by consecutive masks are far apart.
    columns = [*range(0, stride, 2), *range(1, stride, 2)]
    for shift, (row, column) in itertools.product(
        range(stride if everywhere else 1), enumerate(columns)
    ):
        mask = np.zeros(shape, dtype=bool)
        mask[row::stride, (column + shift) % stride :: stride] = True
        masks.append(mask)
    return masks


def neighbor_mean(image: np.ndarray) -> np.ndarray:
    """Average the eight neighbors of every pixel, without the pixel itself.

    Parameters
    ----------
    image : ndarray of shape (H, W, C)
        Float pixels, at least two of them.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        At the border, the mean of the neighbors that exist. A constant image is
        unchanged, and so is the inside of a linear ramp.
    """
    height, width = image.shape[:2]
    if height * width < 2:
        msg = (
            "A single pixel has no neighbors, so it cannot be filled from them. "
            "Pass images of at least two pixels; rows of a table need image_shape=(height, width)."
        )
        raise ValueError(msg)
    total = np.zeros_like(image)
    weights = np.zeros((height, width, 1), dtype=image.dtype)
    for (down, right), weight in NEIGHBORS.items():
        here = _overlap(height, down), _overlap(width, right)
        there = _overlap(height, -down), _overlap(width, -right)
        total[here] += weight * image[there]
        weights[here] += weight
    return total / weights


def _overlap(length: int, shift: int) -> slice:
    """Return the positions of which the neighbor at `shift` is inside the image."""
    return slice(max(0, -shift), max(0, length - max(0, shift)))


def fill_masked(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Replace hidden pixels by the mean of their neighbors.

    Parameters
    ----------
    image : ndarray of shape (H, W, C)
        Float pixels.
    mask : ndarray of bool of shape (H, W)
        True where the pixel is hidden; hidden pixels must not touch.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        Equal to `image` outside the mask; independent of the pixels under the mask.
    """
    return np.where(mask[..., None], neighbor_mean(image), image)
