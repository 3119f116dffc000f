from . import losses, metrics, networks, noise, plotting, scoring
from ._denoiser import AutoencoderDenoiser
from ._enhancer import ZeroDCEEnhancer
from ._loading import load
from .metrics import psnr, psnr_gain, ssim
from .noise import NoiseInjector, estimate_noise
from .scoring import (
    Noise2SelfScorer,
    PSNRScorer,
    SSIMScorer,
    SUREScorer,
    noise2self_scorer,
    psnr_scorer,
    ssim_scorer,
    sure_scorer,
    without_noise,
)

__version__: str

__all__ = [
    "AutoencoderDenoiser",
    "Noise2SelfScorer",
    "NoiseInjector",
    "PSNRScorer",
    "SSIMScorer",
    "SUREScorer",
    "ZeroDCEEnhancer",
    "estimate_noise",
    "load",
    "losses",
    "metrics",
    "networks",
    "noise",
    "noise2self_scorer",
    "plotting",
    "psnr",
    "psnr_gain",
    "psnr_scorer",
    "scoring",
    "ssim",
    "ssim_scorer",
    "sure_scorer",
    "without_noise",
]
