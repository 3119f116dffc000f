"""The channels of an image from a file: gray or color, and alpha."""

import numpy as np


def split_alpha(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split an image into gray or color of shape (H, W, 1 or 3), and alpha, of 0 or 1 channels."""
    channels = image[..., None] if image.ndim == 2 else image
    n_colors = 1 if channels.shape[-1] < 3 else 3
    return channels[..., :n_colors], channels[..., n_colors:]
