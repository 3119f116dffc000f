"""The table of noise models: their names, and what one number of strength means to each.

The models themselves are in `_additive`, `_photon`, `_coherent`, `_impulse` and `_coding`;
here is only what needs the whole table. A new model is one function, and one row in
`NOISE_MODELS` and in `STRENGTHS`.
"""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skdenoise.noise._additive import (
    correlated,
    gaussian,
    gaussian_range,
    laplace,
    local_variance,
    stripes,
    uniform,
)
from skdenoise.noise._coding import jpeg, quantization
from skdenoise.noise._coherent import gamma_speckle, rician, speckle
from skdenoise.noise._definition import fraction_of_one, noise_model, not_negative, one_of
from skdenoise.noise._impulse import dead_pixels, random_impulse, salt_and_pepper
from skdenoise.noise._photon import low_light, poisson, poisson_gaussian, shot_read
from skdenoise.noise._universal import universal

NoiseModel = Callable[..., np.ndarray]
Parameters = Mapping[str, Any]


@noise_model
def mixture(
    image: np.ndarray,
    *,
    noise_factor: float = 0.1,
    components: Sequence[str | tuple[str, Parameters]] = ("gaussian", "laplace", "uniform"),
    weights: Sequence[float] | None = None,
    per: str = "image",
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw by lot which of several noises an image, or each of its values, gets.

    Parameters
    ----------
    image : ndarray of float
        Pixels in [0, 1]; any shape that the components take.
    noise_factor : float, default=0.1
        Strength of the components that come without one, as in `NoiseInjector`.
    components : sequence, default=("gaussian", "laplace", "uniform")
        Names of `NOISE_MODELS`, or pairs (name, parameters of that function).
    weights : sequence of float or None, default=None
        How often each component is drawn; they are divided by their sum. None means equally.
    per : {"image", "pixel"}, default="image"
        "image" draws one component for the whole image, "pixel" one for every value: with
        two Gaussian components that is Huber's contaminated normal noise.
    rng : numpy.random.Generator
        Source of randomness; the only one.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        Over many draws the weighted mean of the components' means; where these are equal, the
        variance is the weighted mean of their variances.

    References
    ----------
    .. [1] P. J. Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical
       Statistics 35(1), 1964.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import mixture
    >>> noisy = mixture(
    ...     np.full((512, 512), 0.5),
    ...     components=[("gaussian", {"sigma": 0.02}), ("gaussian", {"sigma": 0.2})],
    ...     weights=[9, 1],
    ...     per="pixel",
    ...     rng=np.random.default_rng(0),
    ... )
    >>> print(f"{noisy.var():.3f}")  # 0.9 * 0.02**2 + 0.1 * 0.2**2
    0.004
    """
    noise_factor = not_negative("noise_factor", noise_factor)
    one_of("per", per, ("image", "pixel"))
    steps = [resolve(item, noise_factor=noise_factor) for item in _as_list(components)]
    shares = _shares(weights, len(steps))
    if per == "image":
        return apply(steps[rng.choice(len(steps), p=shares)], image, rng)
    lot = rng.choice(len(steps), size=image.shape, p=shares)
    noisy = image.copy()
    for index, step in enumerate(steps):
        chosen = lot == index
        noisy[chosen] = apply(step, image, rng)[chosen]
    return noisy


def _as_list(components: Any) -> list:
    if isinstance(components, str) or not isinstance(components, Sequence) or not components:
        msg = (
            f"components must be a list of names or of pairs (name, parameters), for example "
            f"['gaussian', 'poisson']. Got {components!r} instead."
        )
        raise ValueError(msg)
    return list(components)


def _shares(weights: Sequence[float] | None, n_components: int) -> np.ndarray:
    shares = np.ones(n_components) if weights is None else np.asarray(weights)
    numbers = shares.dtype.kind in "biuf" and shares.shape == (n_components,)
    if not (numbers and (shares >= 0).all() and 0 < shares.sum() < np.inf):
        msg = (
            f"weights must be {n_components} finite numbers, one per component, not negative and "
            f"not all zero. Got {weights!r} instead."
        )
        raise ValueError(msg)
    return shares / shares.sum()


NOISE_MODELS: dict[str, NoiseModel] = {
    "gaussian": gaussian,
    "gaussian_range": gaussian_range,
    "local_variance": local_variance,
    "poisson": poisson,
    "poisson_gaussian": poisson_gaussian,
    "shot_read": shot_read,
    "salt_and_pepper": salt_and_pepper,
    "random_impulse": random_impulse,
    "speckle": speckle,
    "gamma_speckle": gamma_speckle,
    "uniform": uniform,
    "laplace": laplace,
    "rician": rician,
    "quantization": quantization,
    "jpeg": jpeg,
    "correlated": correlated,
    "stripes": stripes,
    "dead_pixels": dead_pixels,
    "low_light": low_light,
    "mixture": mixture,
    "universal": universal,
}
"""Every noise model by name: ``function(image, *, <parameters>, rng) -> image``."""


@dataclass(frozen=True)
class Strength:
    """What the strengths of `NoiseInjector` mean to one model.

    Attributes
    ----------
    meaning : str
        What `noise_factor` is, in words.
    of_factor : callable
        Parameters for a `noise_factor` > 0.
    of_sigma : callable or None
        Parameters for a standard deviation in working units, where the model has one.
    of_peak : callable or None
        Parameters for a number of photons at white, where the model counts them.
    is_relative : bool, default=False
        Whether the noise is a part of each pixel, whatever the scale of the image.
    """

    meaning: str
    of_factor: Callable[[float], dict[str, Any]]
    of_sigma: Callable[[float], dict[str, Any]] | None = None
    of_peak: Callable[[float], dict[str, Any]] | None = None
    is_relative: bool = False

    def names(self) -> frozenset[str]:
        """Return the parameters of the model that the strengths set."""
        rules = (self.of_factor, self.of_sigma, self.of_peak)
        return frozenset(name for rule in rules if rule is not None for name in rule(0.5))


def _sigma(value: float) -> dict[str, Any]:
    return {"sigma": value}


def _peak(value: float) -> dict[str, Any]:
    return {"peak": value}


def _fraction(value: float) -> dict[str, Any]:
    return {"fraction": fraction_of_one("noise_factor", value)}


def _levels(factor: float) -> dict[str, Any]:
    return {"levels": max(2, 1 + round(1 / (factor * 12**0.5)))}


def _quality(factor: float) -> dict[str, Any]:
    return {"quality": max(1, round(100 * (1 - fraction_of_one("noise_factor", factor))))}


STRENGTHS: dict[str, Strength] = {
    "gaussian": Strength("standard deviation", _sigma, _sigma),
    "gaussian_range": Strength(
        "largest standard deviation", lambda f: {"high": f}, lambda s: {"high": s}
    ),
    "local_variance": Strength("standard deviation where the map is 1", _sigma, _sigma),
    "poisson": Strength(
        "standard deviation at white (peak = 1 / noise_factor**2)",
        lambda f: _peak(f**-2),
        of_peak=_peak,
    ),
    "poisson_gaussian": Strength(
        "standard deviation at white, half of its square from each part",
        lambda f: {"peak": 2 * f**-2, "sigma": f * 0.5**0.5},
        _sigma,
        _peak,
    ),
    "shot_read": Strength(
        "standard deviation that light adds at white (shot = noise_factor**2)",
        lambda f: {"shot": f**2},
        of_peak=lambda peak: {"shot": 1 / peak},
    ),
    "salt_and_pepper": Strength("fraction of the values", _fraction),
    "random_impulse": Strength("fraction of the values", _fraction),
    "speckle": Strength("standard deviation of the factor", _sigma, is_relative=True),
    "gamma_speckle": Strength(
        "standard deviation of the factor (looks = 1 / noise_factor**2)",
        lambda f: {"looks": f**-2},
        is_relative=True,
    ),
    "uniform": Strength("standard deviation", _sigma, _sigma),
    "laplace": Strength("standard deviation", _sigma, _sigma),
    "rician": Strength("standard deviation of each part", _sigma, _sigma),
    "quantization": Strength("standard deviation of the rounding error, nearly", _levels),
    "jpeg": Strength("1 - quality / 100", _quality),
    "correlated": Strength("standard deviation", _sigma, _sigma),
    "stripes": Strength("standard deviation of the offsets", _sigma, _sigma),
    "dead_pixels": Strength("fraction of the pixels", _fraction),
    "low_light": Strength(
        "standard deviation that light adds at white (peak = 1 / noise_factor**2)",
        lambda f: _peak(f**-2),
        of_peak=_peak,
    ),
    "mixture": Strength("noise_factor of the components", lambda f: {"noise_factor": f}),
    "universal": Strength("largest standard deviation", _sigma, _sigma),
}
"""For every model what `noise_factor`, `sigma` and `peak` of `NoiseInjector` set."""


def has_own_strength(item: Any) -> bool:
    """Tell whether a step says its strength itself: `noise_factor` does not reach it."""
    if callable(item):
        return True
    name, own = (item, {}) if isinstance(item, str) else _pair(item)
    return name in STRENGTHS and bool(STRENGTHS[name].names() & set(own))


@dataclass(frozen=True)
class Step:
    """One noise to apply: a function and its parameters, or nothing at all (None)."""

    function: NoiseModel | None
    parameters: Parameters


def apply(step: Step, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the image with the noise of one step."""
    if step.function is None:
        return image.copy()
    return step.function(image, rng=rng, **step.parameters)


@functools.cache
def parameters_of(name: str) -> tuple[str, ...]:
    """Return the names of the parameters of a model, without `rng`."""
    parameters = inspect.signature(NOISE_MODELS[name]).parameters.values()
    return tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "rng")


def resolve(
    item: str | tuple[str, Parameters],
    *,
    noise_factor: float,
    sigma: float | None = None,
    peak: float | None = None,
) -> Step:
    """Return one step of a list: parameters of its own win over the common strengths.

    Parameters
    ----------
    item : str or tuple (str, mapping)
        Name of a model, or the name and some of its parameters, in working units.
    noise_factor : float
        Strength where neither `sigma`, `peak` nor the item's own parameters say one.
    sigma : float, default=None
        Standard deviation in working units.
    peak : float, default=None
        Photons at white.
    """
    name, own = (item, {}) if isinstance(item, str) else _pair(item)
    if name not in NOISE_MODELS:
        msg = f"Unknown noise {name!r}. Known are {', '.join(map(repr, NOISE_MODELS))}."
        raise ValueError(msg)
    unknown = sorted(set(own) - set(parameters_of(name)), key=str)
    if unknown:
        known = ", ".join(map(repr, parameters_of(name)))
        msg = f"The noise {name!r} has no parameter {unknown[0]!r}. It has {known}."
        raise ValueError(msg)
    strength = STRENGTHS[name]
    if has_own_strength(item):
        return Step(NOISE_MODELS[name], own)
    if sigma is None and peak is None:
        if noise_factor == 0:
            return Step(None, {})
        return Step(NOISE_MODELS[name], {**strength.of_factor(noise_factor), **own})
    if strength.of_sigma and strength.of_peak and (sigma is None) != (peak is None):
        given, other = "sigma", "peak=, the photons at white"
        if sigma is None:
            given, other = "peak", "sigma=, the standard deviation of the other part"
        msg = (
            f"The noise {name!r} has two parts: beside {given}= give {other}, or give "
            f"noise_factor= alone, the {strength.meaning}."
        )
        raise ValueError(msg)
    parameters: dict[str, Any] = {}
    for word, value, rule in (
        ("sigma", sigma, strength.of_sigma),
        ("peak", peak, strength.of_peak),
    ):
        if value is None:
            continue
        if rule is None:
            raise ValueError(_does_not_mean(name, word))
        parameters.update(rule(value))
    if sigma == 0 and peak is None:
        return Step(None, {})
    return Step(NOISE_MODELS[name], {**parameters, **own})


def _pair(item: Any) -> tuple[str, Parameters]:
    if (
        isinstance(item, Sequence)
        and len(item) == 2
        and isinstance(item[0], str)
        and isinstance(item[1], Mapping)
    ):
        return item[0], item[1]
    msg = (
        f"Expected the name of a noise or a pair (name, parameters), for example "
        f"('gaussian', {{'sigma': 0.1}}). Got {item!r} instead."
    )
    raise ValueError(msg)


def _does_not_mean(name: str, word: str) -> str:
    """Say that a model has no standard deviation, or no photons, and what to give instead."""
    strength = STRENGTHS[name]
    instead = [f"noise_factor= ({strength.meaning})"]
    if word == "sigma" and strength.of_peak is not None:
        instead.append("peak= (photons at white)")
    if word == "peak" and strength.of_sigma is not None:
        instead.append("sigma= (standard deviation in the image's own units)")
    meaning = "standard deviation in image units" if word == "sigma" else "number of photons"
    return f"The noise {name!r} has no {meaning}: instead of {word}= use {' or '.join(instead)}."
