from . import losses, metrics, networks, noise, plotting, scoring
from ._adaptation import Adaptation
from ._conformal import ConformalDenoiser
from ._denoise import denoise
from ._denoiser import AutoencoderDenoiser
from ._enhancer import ZeroDCEEnhancer
from ._export import ExportReport, export
from ._loading import load
from ._model_file import ModelFileError
from ._procedural import procedural_images
from ._report import DenoisingReport, denoising_report
from ._shipped import model_cards
from .metrics import (
    clipped_share,
    color_shift,
    exposure_error,
    hue_shift,
    lightness_order_error,
    psnr,
    psnr_gain,
    ssim,
)
from .noise import NoiseInjector, estimate_noise
from .scoring import (
    ClippingScorer,
    ColorScorer,
    ExposureScorer,
    HueScorer,
    LightnessOrderScorer,
    Noise2SelfScorer,
    PSNRScorer,
    SSIMScorer,
    SUREScorer,
    clipping_scorer,
    color_scorer,
    exposure_scorer,
    hue_scorer,
    lightness_order_scorer,
    noise2self_scorer,
    psnr_scorer,
    ssim_scorer,
    sure_scorer,
    without_noise,
)

__version__: str

__all__ = [
    "Adaptation",
    "AutoencoderDenoiser",
    "ClippingScorer",
    "ColorScorer",
    "ConformalDenoiser",
    "DenoisingReport",
    "ExportReport",
    "ExposureScorer",
    "HueScorer",
    "LightnessOrderScorer",
    "ModelFileError",
    "Noise2SelfScorer",
    "NoiseInjector",
    "PSNRScorer",
    "SSIMScorer",
    "SUREScorer",
    "ZeroDCEEnhancer",
    "clipped_share",
    "clipping_scorer",
    "color_scorer",
    "color_shift",
    "denoise",
    "denoising_report",
    "estimate_noise",
    "export",
    "exposure_error",
    "exposure_scorer",
    "hue_scorer",
    "hue_shift",
    "lightness_order_error",
    "lightness_order_scorer",
    "load",
    "losses",
    "metrics",
    "model_cards",
    "networks",
    "noise",
    "noise2self_scorer",
    "plotting",
    "procedural_images",
    "psnr",
    "psnr_gain",
    "psnr_scorer",
    "scoring",
    "ssim",
    "ssim_scorer",
    "sure_scorer",
    "without_noise",
]
