"""The channels of an image from a file: gray or color, and alpha."""

import numpy as np


def split_alpha(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split an image into gray or color of shape (H, W, 1 or 3), and alpha, of 0 or 1 channels."""
    channels = image[..., None] if image.ndim == 2 else image
    n_colors = 1 if channels.shape[-1] < 3 else 3
    return channels[..., :n_colors], channels[..., n_colors:]


def to_gray(image: np.ndarray) -> np.ndarray:
    """Return the luma of a color image, with the weights of ITU-R BT.601, in its data type."""
    if image.shape[-1] == 1:
        return image
    luma = image @ np.array([[0.299], [0.587], [0.114]])
    return (luma if image.dtype.kind == "f" else np.rint(luma)).astype(image.dtype)


def mean_channel(image: np.ndarray) -> np.ndarray:
    """Return the mean of all channels, in the image's data type."""
    mean = image.mean(axis=-1, keepdims=True, dtype=np.float64)
    return (mean if image.dtype.kind == "f" else np.rint(mean)).astype(image.dtype)


def to_color(image: np.ndarray) -> np.ndarray:
    """Return three equal channels for a gray image."""
    return np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image
