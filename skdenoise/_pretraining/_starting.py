"""Weights to begin with, made of those of a smaller network."""

import numpy as np

from skdenoise import _keras
from skdenoise._pretraining._checkpoints import Weights
from skdenoise._pretraining._recipe import generator


def for_more_channels(weights: Weights, n_channels: int) -> Weights:
    """Let a U-Net for gray images begin on color images: as if it saw their mean."""
    head, *_, tail = weights
    image, sigma = weights[head][:, :, :1], weights[head][:, :, 1:]
    return {
        **weights,
        head: np.concatenate([*[image / n_channels] * n_channels, sigma], axis=2),
        tail: np.concatenate([weights[tail]] * n_channels, axis=2),
    }


def widened(weights: Weights, size: str, n_channels: int, seed: int) -> Weights:
    """Let a larger U-Net begin as the same function as one of half its widths [1]_.

    Each unit becomes two that are alike; whoever reads them takes a random share of either, so
    that they learn different things.

    Raises
    ------
    ValueError
        Where the widths are not the halves.

    References
    ----------
    .. [1] T. Chen, I. Goodfellow, J. Shlens, "Net2Net: Accelerating Learning via Knowledge
       Transfer", ICLR 2016. https://arxiv.org/abs/1511.05641
    """
    network, rng = _keras.get_network("unet", size, n_channels), generator(seed, 0)
    wide = {}
    layers = zip(network.shapes().items(), network.gain_shapes(), weights.values(), strict=False)
    for (name, shape), gains, array in layers:
        inputs, outputs = (2, 3) if gains[3] > 1 else (3, 2)
        if shape[outputs] == 2 * array.shape[outputs]:
            array = np.concatenate([array, array], axis=outputs)
        if shape[inputs] == 2 * array.shape[inputs]:
            share = rng.uniform(0.25, 0.75, array.shape).astype(array.dtype)
            array = np.concatenate([share * array, (1 - share) * array], axis=inputs)
        wide[name] = array
    if {name: array.shape for name, array in wide.items()} != network.shapes():
        msg = f"the weights to begin with are neither for size={size!r} nor for half its widths."
        raise ValueError(msg)
    return wide
