"""The networks of Zero-DCE are those of the papers, to the last weight and channel."""

import numpy as np
import pytest
from scipy.signal import correlate2d

from skdenoise import networks
from skdenoise.networks import CURVE_NETWORKS, dce, dce_plus

COSTS = {"dce": (79_416, 79_200), "dce++": (10_561, 10_075)}


def products(network):
    """Count the products per pixel: each number of a kernel is used once for each."""
    kernels = [weight for weight in network.weights if weight.name == "kernel"]
    return sum(int(np.prod(kernel.shape)) for kernel in kernels)


def convolved(x, weight, bias):
    """Convolve (C, H, W) with a kernel in the layout of torch, (out, in / groups, 3, 3)."""
    groups = len(x) // weight.shape[1]
    per_group = len(weight) // groups
    maps = []
    for index, kernels in enumerate(weight):
        first = index // per_group * weight.shape[1]
        planes = zip(x[first : first + len(kernels)], kernels, strict=True)
        maps.append(sum(correlate2d(plane, kernel, mode="same") for plane, kernel in planes))
    return np.stack(maps) + bias[:, None, None]


def reference(image, layers):
    """Compute curves from (3, H, W) as the paper draws it, with weights in torch's layout."""

    def run(x, number, activation=lambda x: np.maximum(x, 0)):
        for weight, bias in layers[number]:
            x = convolved(x, weight, bias)
        return activation(x)

    x1 = run(image, 0)
    x2 = run(x1, 1)
    x3 = run(x2, 2)
    x4 = run(x3, 3)
    x5 = run(np.concatenate([x3, x4]), 4)
    x6 = run(np.concatenate([x2, x5]), 5)
    return run(np.concatenate([x1, x6]), 6, np.tanh)


def random_layers(rng, *, separable):
    """Draw the weights of all layers, in the layout and order of torch."""
    widths = [(3, 32), (32, 32), (32, 32), (32, 32), (64, 32), (64, 32)]
    layers = []
    for n_in, n_out in [*widths, (64, 3 if separable else 24)]:
        shapes = [(n_in, 1, 3, 3), (n_out, n_in, 1, 1)] if separable else [(n_out, n_in, 3, 3)]
        layers.append(
            [(0.1 * rng.normal(size=shape), 0.1 * rng.normal(size=shape[0])) for shape in shapes]
        )
    return layers


def test_the_table_holds_both():
    assert dict(CURVE_NETWORKS) == {"dce": networks.dce, "dce++": networks.dce_plus}


@pytest.mark.parametrize("name", CURVE_NETWORKS)
def test_parameters_and_products_are_those_of_the_papers(name):
    network = CURVE_NETWORKS[name]()
    assert (network.count_params(), products(network)) == COSTS[name]


@pytest.mark.parametrize(("build", "separable"), [(dce, False), (dce_plus, True)])
def test_weights_of_the_reference_give_the_curves_of_the_reference(build, separable):
    rng = np.random.default_rng(0)
    layers, image = random_layers(rng, separable=separable), rng.random((9, 7, 3))
    network, weights = build(), []
    for weight, bias in (part for layer in layers for part in layer):
        depthwise = separable and weight.shape[1:] == (1, 3, 3)
        weights += [weight.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0)), bias]
    network.set_weights(weights)
    curves = network(image[None].astype(np.float32)).numpy()[0]
    wanted = reference(image.transpose(2, 0, 1), layers).transpose(1, 2, 0)
    assert np.abs(wanted).max() > 0.05
    np.testing.assert_allclose(curves, wanted, atol=1e-5)


@pytest.mark.parametrize("build", [dce, dce_plus])
def test_kernels_are_drawn_narrowly_and_biases_are_zero(build):
    for weight in build().weights:
        if weight.name == "bias":
            assert not np.any(weight)
        elif np.prod(weight.shape) > 1000:
            assert abs(np.std(weight) - 0.02) < 0.002
