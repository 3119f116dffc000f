"""Estimators as `export` sees them: a graph, what it should compute, and images to try it on."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from skdenoise import _keras
from skdenoise._containers import read_images
from skdenoise._denoiser import AutoencoderDenoiser
from skdenoise._enhancer import ZeroDCEEnhancer
from skdenoise._normalization import task_of

Arrays = dict[str, np.ndarray]

CHECKED_NOISE = 25 / 255
EXAMPLE_NOISE = 2 / 255, 60 / 255
CHECKED_EXPOSURE = 0.2
DARKEST, BRIGHTEST = 0.05, 1.0
"""Exposures of the images for an enhancer."""


@dataclass(frozen=True)
class Exported:
    """An estimator as `export` sees it.

    Attributes
    ----------
    graph : keras.Model
        From images to images.
    n_channels : int
        Of the images.
    reference : callable
        (image (H, W, C), sigma) -> what the graph should make of it.
    degraded : callable
        (clean image, rng, share) -> an image to work on, and the sigma of its noise. The share, in
        [0, 1], says how strong or bright; None is what files are checked with.
    transform : callable or None
        The same -> what a denoiser makes of it, whose result is to be like the clean image.
    """

    graph: Any
    n_channels: int
    reference: Callable[[np.ndarray, float], np.ndarray]
    degraded: Callable[[np.ndarray, np.random.Generator, float | None], tuple[np.ndarray, float]]
    transform: Callable[[np.ndarray, float], np.ndarray] | None = None

    @property
    def input_names(self) -> tuple[str, ...]:
        """What the graph takes."""
        return tuple(image.name for image in self.graph.inputs)

    def inputs(self, image: np.ndarray, sigma: float) -> Arrays:
        """Return the inputs of the graph for one image."""
        arrays = {self.input_names[0]: image[None]}
        if len(self.input_names) == 2:
            arrays["sigma"] = np.full((1, 1, 1, 1), sigma, np.float32)
        return arrays


def exported_from(estimator: Any, sigma_input: bool, n_channels: int | None) -> Exported:
    """Return a fitted estimator as a graph; refuse what no graph can follow."""
    if not isinstance(estimator, AutoencoderDenoiser | ZeroDCEEnhancer):
        msg = (
            f"estimator must be an AutoencoderDenoiser or a ZeroDCEEnhancer. Got "
            f"{type(estimator).__name__}; of a pipeline or a search, pass the step itself."
        )
        raise TypeError(msg)
    estimator._check_fitted()
    estimator._check_parameters()
    fitted = getattr(estimator, "n_channels_in_", None)
    if fitted is None and n_channels not in (None, 1, 3):
        raise ValueError(f"n_channels must be 1 or 3 for weights of the package. Got {n_channels}.")
    if fitted is not None and n_channels not in (None, fitted):
        msg = f"n_channels={n_channels}, but the estimator was fitted on images with {fitted}."
        raise ValueError(msg)
    n_channels = fitted or n_channels or 3
    # The file computes as exactly as its own precision says, and so must what it is compared with.
    estimator = copy.copy(estimator).set_params(precision="float32")
    if isinstance(estimator, ZeroDCEEnhancer):
        if sigma_input:
            raise ValueError("sigma_input=True is for denoisers; an enhancer takes no sigma.")
        return _exported_enhancer(estimator, n_channels)
    return _exported_denoiser(estimator, n_channels, sigma_input)


def _refuse(estimator: Any, wanted: dict[str, Any]) -> None:
    """Refuse parameters that a graph cannot follow."""
    for name, value in wanted.items():
        given = getattr(estimator, name)
        is_array = isinstance(given, np.ndarray | list | tuple)
        if is_array or (given is not value and given != value):
            said = f"{name}, an array," if is_array else f"{name}={given!r}"
            msg = (
                f"{said} has no part in an exported graph. Pass "
                f"copy.copy(estimator).set_params({name}={value!r})."
            )
            raise ValueError(msg)


def _exported_denoiser(
    denoiser: AutoencoderDenoiser, n_channels: int, sigma_input: bool
) -> Exported:
    if not sigma_input:
        _refuse(denoiser, {"sigma": None})
    _refuse(denoiser, {"strength": 1.0, "n_augment": 1})
    at_once, network, weights, _ = denoiser._network_for(n_channels)
    if at_once != n_channels:
        msg = (
            f"There are no weights={denoiser.weights!r} for {n_channels} channels. Pass "
            f"n_channels={at_once}, and export one channel at a time."
        )
        raise ValueError(msg)
    if sigma_input and not denoiser._is_steerable(network):
        msg = (
            f"sigma_input=True needs a network that is told the noise: architecture='unet', which "
            f"learned from pairs or clean images. This is {denoiser.architecture!r}, and "
            f"learning_={getattr(denoiser, 'learning_', None)!r}."
        )
        raise ValueError(msg)
    normalized = denoiser._normalizes
    graph = _keras.denoising_graph(network, weights, normalized=normalized, sigma_input=sigma_input)

    def reference(image: np.ndarray, sigma: float) -> np.ndarray:
        task = task_of(image, sigma, normalized=normalized)
        return next(_keras.predict(network, weights, [task]))

    def degraded(
        clean: np.ndarray, rng: np.random.Generator, share: float | None
    ) -> tuple[np.ndarray, float]:
        low, high = EXAMPLE_NOISE
        sigma = CHECKED_NOISE if share is None else low + share * (high - low)
        noisy = clean + sigma * rng.standard_normal(clean.shape)
        return noisy.astype(np.float32), sigma if sigma_input else 0.0

    def transform(image: np.ndarray, sigma: float) -> np.ndarray:
        told = denoiser._with(sigma=sigma or None)
        return next(iter(told._transform_images(read_images([image]))))

    return Exported(graph, n_channels, reference, degraded, transform)


def _exported_enhancer(enhancer: ZeroDCEEnhancer, n_channels: int) -> Exported:
    _refuse(enhancer, {"exposure": None, "denoiser": None, "smoothing": 0.0})
    graph = _keras.enhancing_graph(
        enhancer._network(),
        enhancer._weights(),
        n_channels=n_channels,
        reduction=enhancer._reduction,
        strength=float(enhancer.strength),
        locality=float(enhancer.locality),
        bending=enhancer._bending,
    )

    def reference(image: np.ndarray, sigma: float) -> np.ndarray:
        return next(iter(enhancer._transform_images(read_images([image]))))

    def degraded(
        clean: np.ndarray, rng: np.random.Generator, share: float | None
    ) -> tuple[np.ndarray, float]:
        exposure = CHECKED_EXPOSURE if share is None else DARKEST + share * (BRIGHTEST - DARKEST)
        return (exposure * clean).astype(np.float32), 0.0

    return Exported(graph, n_channels, reference, degraded)
