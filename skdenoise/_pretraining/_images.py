"""What is learned from: images in several sizes, but for those that are judged on."""

from collections.abc import Sequence

import numpy as np

from skdenoise._pretraining._recipe import Recipe
from skdenoise._procedural import procedural_images

REDUCTIONS = 1.0, 0.75, 0.5
"""Sizes in which an image is learned from."""
OVERSAMPLED = 0.5
"""And once more without the finest detail, made so much smaller and large again: pixels of a
camera lie closer than what its lens resolves."""
HELD_OUT = 16
"""Images that are judged on, not learned from; a square of `HELD_OUT_SIDE` pixels of each."""
HELD_OUT_SIDE = 160


def procedural(recipe: Recipe) -> list[np.ndarray]:
    """Compute as many images as the recipe wants."""
    if not recipe.n_procedural:
        return []
    images = procedural_images(
        recipe.n_procedural, n_channels=recipe.n_channels, random_state=recipe.seed
    )
    return list(images.reshape(*images.shape[:3], recipe.n_channels))


def split(images: Sequence[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return what is learned from, and squares that are judged on."""
    large = [i for i, image in enumerate(images) if min(image.shape[:2]) >= HELD_OUT_SIDE]
    # A quarter of a few images at most, so that there is something to learn from.
    chosen = set(large[:: max(4, len(large) // HELD_OUT)][:HELD_OUT]) if len(large) > 1 else set()
    training = [image for i, image in enumerate(images) if i not in chosen]
    squares = []
    for index in sorted(chosen):
        top, left = ((length - HELD_OUT_SIDE) // 2 for length in images[index].shape[:2])
        squares.append(images[index][top : top + HELD_OUT_SIDE, left : left + HELD_OUT_SIDE])
    return training, squares


def in_all_sizes(images: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the images, and smaller ones."""
    return [
        _resized(image, *_smaller(image, reduction)) for image in images for reduction in REDUCTIONS
    ]


def without_detail(images: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the images without their finest detail."""
    return [
        _resized(_resized(image, *_smaller(image, OVERSAMPLED)), *image.shape[:2])
        for image in images
    ]


def _smaller(image: np.ndarray, factor: float) -> tuple[int, int]:
    height, width = (max(1, round(factor * length)) for length in image.shape[:2])
    return height, width


def _resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    if image.shape[:2] == (height, width):
        return image
    from PIL import Image

    planes = [
        np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.LANCZOS))
        for plane in np.ascontiguousarray(np.moveaxis(image, -1, 0))
    ]
    return np.stack(planes, axis=-1)
