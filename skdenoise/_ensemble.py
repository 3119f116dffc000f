"""Self-ensemble: an image is denoised in several orientations, and the results are averaged.

The orientations are the first 1, 2, 4 or all 8 of the flips and quarter turns of a square. Each
of these sets is a group, so that the average turns with the image, whatever the network does.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from skdenoise._task import BATCH_PIXELS, Run, Task


def turned(image: np.ndarray, orientation: int, *, back: bool = False) -> np.ndarray:
    """Return a view of an image (H, W, C) in another orientation.

    Parameters
    ----------
    image : ndarray of shape (H, W, C)
        The image.
    orientation : int
        From 0, as it is, to 7. Its bits say: 1, left and right are exchanged; 2, top and bottom
        are; 4, rows and columns are, before that.
    back : bool, default=False
        Whether to undo this orientation.
    """
    if orientation & 4 and not back:
        image = image.swapaxes(0, 1)
    image = image[:: -1 if orientation & 2 else 1, :: -1 if orientation & 1 else 1]
    return image.swapaxes(0, 1) if orientation & 4 and back else image


def mirrored_axes(orientation: int) -> tuple[bool, bool]:
    """Return whether the rows and the columns of an image run backwards in an orientation."""
    first, second = bool(orientation & 2), bool(orientation & 1)
    return (second, first) if orientation & 4 else (first, second)


def ensemble(
    run: Run, tasks: Iterable[Task], n_augment: int, *, return_std: bool = False
) -> Iterator[np.ndarray]:
    """Yield the mean output for each task over its first `n_augment` orientations.

    Parameters
    ----------
    run : callable
        Yields the output of the network for each task.
    tasks : iterable of Task
        Read as late as possible.
    n_augment : {1, 2, 4, 8}
        How many orientations.
    return_std : bool, default=False
        Whether to yield arrays (2, H, W, C): the mean, and the standard deviation over the
        orientations.
    """
    if n_augment == 1 and not return_std:
        yield from run(tasks)
        return
    for group in _groups(tasks):
        means = [np.zeros(task.pixels.shape) for task in group]
        squares = [np.zeros(task.pixels.shape) for task in group] if return_std else []
        # All of a group in one orientation, then in the next: turned images share a batch.
        steps = list(itertools.product(range(n_augment), range(len(group))))
        outputs = run(_turned_task(group[index], orientation) for orientation, index in steps)
        for (orientation, index), output in zip(steps, outputs, strict=True):
            # Welford's recurrence: few outputs are in memory at a time, and nothing cancels.
            change = turned(output, orientation, back=True) - means[index]
            means[index] += change / (orientation + 1)
            if return_std:
                squares[index] += change**2 * (orientation / (orientation + 1))
        for index, task in enumerate(group):
            result = means[index]
            if return_std:
                result = np.stack([result, np.sqrt(squares[index] / n_augment)])
            yield result.astype(task.pixels.dtype)


def _groups(tasks: Iterable[Task]) -> Iterator[list[Task]]:
    """Collect neighbors of one shape, as many as share a batch."""
    group: list[Task] = []
    for task in tasks:
        shape = task.pixels.shape
        full = group and (len(group) + 1) * shape[0] * shape[1] > BATCH_PIXELS
        if full or (group and shape != group[0].pixels.shape):
            yield group
            group = []
        group.append(task)
    if group:
        yield group


def _turned_task(task: Task, orientation: int) -> Task:
    sigma = task.sigma
    if isinstance(sigma, np.ndarray) and sigma.ndim:
        sigma = turned(sigma, orientation)
    return replace(task, pixels=turned(task.pixels, orientation), sigma=sigma)
