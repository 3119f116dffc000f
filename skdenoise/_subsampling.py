"""Two images of the same scene from one noisy image: neighboring pixels, drawn cell by cell.

Where the noise of neighbors is independent, one image of the pair is a target for the other
whose expectation is, nearly, the clean image (Huang et al., "Neighbor2Neighbor", CVPR 2021).
"""

import numpy as np

NEIGHBORS = {
    (2, 2): np.array([(0, 1), (1, 0), (0, 2), (2, 0), (1, 3), (3, 1), (2, 3), (3, 2)]),
    (1, 2): np.array([(0, 1), (1, 0)]),
    (2, 1): np.array([(0, 1), (1, 0)]),
    (1, 1): np.array([(0, 0)]),
}
"""Ordered pairs of neighbors in a cell, by its height and width; pixels are counted row by row."""


def cell_shape(height: int, width: int) -> tuple[int, int]:
    """Return the height and width of a cell: 2, or 1 along an axis of a single pixel."""
    return min(height, 2), min(width, 2)


def _n_starts(side: int, stride: int) -> int:
    """Return at how many pixels a lattice can begin, so that it has two if there are two."""
    return min(stride, side - stride if side > stride else side)


def neighbor_pair(
    image: np.ndarray, *, rng: np.random.Generator, stride: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Sub-sample an image twice, to half of its size.

    Parameters
    ----------
    image : ndarray of shape (H, W, C)
        A noisy image.
    rng : numpy.random.Generator
        Source of randomness; the only one.
    stride : int, default=1
        Distance of the pixels that count as neighbors: 1 for white noise, more where the noise
        of adjacent pixels is correlated.

    Returns
    -------
    first, second : ndarray of shape (H // stride // 2, W // stride // 2, C)
        In each 2 x 2 cell (1 x 2 in an image of a single row), `first` has one pixel and
        `second` a pixel beside it. A single pixel is paired with itself.

    References
    ----------
    T. Huang, S. Li, X. Jia, H. Lu, J. Liu, "Neighbor2Neighbor: Self-Supervised Denoising from
    Single Noisy Images", CVPR 2021. https://arxiv.org/abs/2101.02824

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise._subsampling import neighbor_pair
    >>> image = np.arange(16.0).reshape(4, 4, 1)
    >>> first, second = neighbor_pair(image, rng=np.random.default_rng(0))
    >>> first.shape, sorted(set(np.abs(first - second).ravel()))
    ((2, 2, 1), [np.float64(1.0), np.float64(4.0)])
    """
    top, left = (int(rng.integers(_n_starts(side, stride))) for side in image.shape[:2])
    lattice = image[top::stride, left::stride]
    high, wide = cell_shape(*lattice.shape[:2])
    rows, columns = lattice.shape[0] // high, lattice.shape[1] // wide
    n_channels = image.shape[2]
    cells = lattice[: rows * high, : columns * wide].reshape(rows, high, columns, wide, n_channels)
    cells = cells.transpose(0, 2, 1, 3, 4).reshape(rows, columns, high * wide, n_channels)
    pairs = NEIGHBORS[high, wide]
    chosen = pairs[rng.integers(len(pairs), size=(rows, columns))]
    picked = np.take_along_axis(cells, chosen[..., None], axis=2)
    return picked[:, :, 0], picked[:, :, 1]
