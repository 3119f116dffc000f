"""What a lower precision costs a network, in dB."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from skdenoise._keras._network import Network, Weights
from skdenoise._keras._prediction import predict
from skdenoise._precision import psnr_change
from skdenoise._task import Task


def precision_loss(
    precision: str,
    network: Network,
    weights: Weights,
    tasks: Sequence[Task],
    clean: Sequence[np.ndarray],
    *,
    finished: Callable[[np.ndarray, Task], np.ndarray] = lambda output, _: output,
    **how: Any,
) -> float:
    """Return the mean absolute change of the PSNR between "float32" and another precision.

    Parameters
    ----------
    precision : {"bfloat16", "int8"}
        The other one.
    network : Network
        The template.
    weights : dict of str to ndarray
        Its weights.
    tasks : sequence of Task
        What it is applied to.
    clean : sequence of ndarray
        What should come out, in units of the range.
    finished : callable, default=lambda output, _: output
        What is made of an output and its task.
    **how
        As in `predict`, for the other precision.
    """
    exact = predict(network, weights, tasks)
    rough = predict(network, weights, [replace(task, precision=precision) for task in tasks], **how)
    losses = [
        psnr_change(finished(one, task), finished(other, task), wanted)
        for one, other, task, wanted in zip(exact, rough, tasks, clean, strict=True)
    ]
    return float(np.mean(losses))
