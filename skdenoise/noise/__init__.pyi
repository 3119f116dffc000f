from ._additive import (
    correlated,
    gaussian,
    gaussian_range,
    laplace,
    local_variance,
    stripes,
    uniform,
)
from ._coding import jpeg, quantization
from ._coherent import gamma_speckle, rician, speckle
from ._estimation import NoiseEstimate, estimate_noise
from ._impulse import dead_pixels, random_impulse, salt_and_pepper
from ._injector import NoiseInjector
from ._models import NOISE_MODELS, mixture
from ._photon import low_light, poisson, poisson_gaussian, shot_read
from ._universal import universal

__all__ = [
    "NOISE_MODELS",
    "NoiseEstimate",
    "NoiseInjector",
    "correlated",
    "dead_pixels",
    "estimate_noise",
    "gamma_speckle",
    "gaussian",
    "gaussian_range",
    "jpeg",
    "laplace",
    "local_variance",
    "low_light",
    "mixture",
    "poisson",
    "poisson_gaussian",
    "quantization",
    "random_impulse",
    "rician",
    "salt_and_pepper",
    "shot_read",
    "speckle",
    "stripes",
    "uniform",
    "universal",
]
