"""Losses that compare pixel by pixel, and average over everything."""

from typing import Any

from keras import ops


def mse(clean: Any, denoised: Any) -> Any:
    """Average the squared difference, which is what PSNR measures.

    Parameters
    ----------
    clean : tensor of shape (n_images, height, width, n_channels)
        The wanted images.
    denoised : tensor of the same shape
        The images to be judged.

    Returns
    -------
    scalar tensor
        In squared units of the images. Zero where the two are equal, and only there.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.losses import mse
    >>> float(mse(np.zeros((1, 2, 2, 1)), np.full((1, 2, 2, 1), 0.5)))
    0.25
    """
    return ops.mean(ops.square(_difference(clean, denoised)))


def l1(clean: Any, denoised: Any) -> Any:
    """Average the absolute difference, which forgives outliers more than `mse`.

    Parameters
    ----------
    clean : tensor of shape (n_images, height, width, n_channels)
        The wanted images.
    denoised : tensor of the same shape
        The images to be judged.

    Returns
    -------
    scalar tensor
        In the units of the images. Zero where the two are equal, and only there.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.losses import l1
    >>> float(l1(np.zeros((1, 2, 2, 1)), np.full((1, 2, 2, 1), 0.5)))
    0.5
    """
    return ops.mean(ops.abs(_difference(clean, denoised)))


def charbonnier(clean: Any, denoised: Any, *, epsilon: float = 1e-3) -> Any:
    """Average the absolute difference, rounded to a parabola below `epsilon`.

    The formula is sqrt(d ** 2 + epsilon ** 2) - epsilon for a difference d: smooth
    everywhere, unlike `l1`, and zero at zero, unlike the penalty as published [1]_, from
    which it differs by the constant.

    Parameters
    ----------
    clean : tensor of shape (n_images, height, width, n_channels)
        The wanted images.
    denoised : tensor of the same shape
        The images to be judged.
    epsilon : float, default=1e-3
        Difference, in the units of the images, at which the parabola passes into the
        straight line; positive.

    Returns
    -------
    scalar tensor
        In the units of the images. Zero where the two are equal, and only there; elsewhere
        less than `l1`, by at most `epsilon`.

    Raises
    ------
    ValueError
        If the shapes differ, or `epsilon` is not positive.

    References
    ----------
    .. [1] P. Charbonnier, L. Blanc-Feraud, G. Aubert, M. Barlaud, "Two Deterministic
       Half-Quadratic Regularization Algorithms for Computed Imaging", IEEE International
       Conference on Image Processing, 1994. https://doi.org/10.1109/ICIP.1994.413553

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.losses import charbonnier
    >>> round(float(charbonnier(np.zeros((1, 2, 2, 1)), np.full((1, 2, 2, 1), 0.5))), 3)
    0.499
    """
    if not epsilon > 0:
        msg = f"epsilon is a positive number, such as 1e-3; got {epsilon!r}."
        raise ValueError(msg)
    squared = ops.square(_difference(clean, denoised))
    # This form of the same formula does not cancel where the difference is small.
    return ops.mean(squared / (ops.sqrt(squared + epsilon**2) + epsilon))


def _difference(clean: Any, denoised: Any) -> Any:
    clean, denoised = ops.convert_to_tensor(clean), ops.convert_to_tensor(denoised)
    shapes = tuple(clean.shape), tuple(denoised.shape)
    # A size that is known only when the function runs is None, and fits any other.
    fit = len(shapes[0]) == len(shapes[1]) and all(
        a == b or None in (a, b) for a, b in zip(*shapes, strict=True)
    )
    if not fit:
        msg = (
            f"The clean and the denoised images must have the same shape, got {shapes[0]} and "
            f"{shapes[1]}; they would be stretched to each other without a word."
        )
        raise ValueError(msg)
    return ops.subtract(denoised, clean)
