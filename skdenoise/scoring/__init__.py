"""Fitted estimators to numbers: scorers for ``scoring=``, with and without clean images.

A scorer is called as ``scorer(estimator, X, y=None)`` and returns a number of which more is
better. It holds parameters only, so it can be copied, pickled and sent to other processes.

=================== ==================== ======================= =========================
scorer              X holds              needs                   score
=================== ==================== ======================= =========================
`psnr_scorer`       noisy, or clean      clean `y`, or an        mean PSNR in dB
                    behind an injector   injector, or its noise
`ssim_scorer`       the same             the same                mean SSIM
`sure_scorer`       noisy                white Gaussian noise    estimated mean PSNR in dB
`noise2self_scorer` noisy                noise independent       dB against the noisy
                                         between pixels          pixels; ranks only
=================== ==================== ======================= =========================

What brightening did to images is told without any reference, by errors that are negated:

======================== =============================================================
scorer                   score
======================== =============================================================
`exposure_scorer`        - distance of the brightness of regions from a target
`clipping_scorer`        - share of the pixels that became clipped highlights
`hue_scorer`             - median change of hue in degrees
`color_scorer`           - median change of the ratios of red, green and blue, in degrees
`lightness_order_scorer` - share of pairs of pixels in another order of lightness
======================== =============================================================

Each of them alone has a cheap optimum: doing nothing keeps hues, and gray keeps an exposure.
With a reference, `psnr_scorer` and `ssim_scorer` judge enhancers as well: ``y`` is the well-lit
image.

**A search over the strength of injected noise needs a scorer with its own noise.** With
``GridSearchCV(pipeline, {"noise__noise_factor": [...]}, scoring=psnr_scorer)`` the searched
factor also makes the test easier, so the smallest always wins. The honest form is
``scoring=psnr_scorer.with_noise(NoiseInjector(noise_factor=0.2))``: every candidate is
tested on the same noisy images, without the injector of the pipeline. Several strengths
are a dict of such scorers.
"""

from skdenoise.scoring._enhancement import (
    ClippingScorer,
    ColorScorer,
    ExposureScorer,
    HueScorer,
    LightnessOrderScorer,
)
from skdenoise.scoring._pipelines import without_noise
from skdenoise.scoring._reference import PSNRScorer, SSIMScorer
from skdenoise.scoring._self_supervised import Noise2SelfScorer, SUREScorer

psnr_scorer = PSNRScorer()
"""Mean PSNR in dB against clean images."""

ssim_scorer = SSIMScorer()
"""Mean SSIM with clean images."""

sure_scorer = SUREScorer()
"""Estimated mean PSNR in dB, from noisy images alone."""

noise2self_scorer = Noise2SelfScorer()
"""Masked self-supervised score in dB, from noisy images alone."""

exposure_scorer = ExposureScorer()
"""Distance of the brightness of regions from 0.6, negated."""

clipping_scorer = ClippingScorer()
"""Share of the pixels that became clipped highlights, negated."""

hue_scorer = HueScorer()
"""Median change of hue in degrees, negated."""

color_scorer = ColorScorer()
"""Median change of the ratios of red, green and blue in degrees, negated."""

lightness_order_scorer = LightnessOrderScorer()
"""Share of pairs of pixels in another order of lightness, negated."""

__all__ = [
    "ClippingScorer",
    "ColorScorer",
    "ExposureScorer",
    "HueScorer",
    "LightnessOrderScorer",
    "Noise2SelfScorer",
    "PSNRScorer",
    "SSIMScorer",
    "SUREScorer",
    "clipping_scorer",
    "color_scorer",
    "exposure_scorer",
    "hue_scorer",
    "lightness_order_scorer",
    "noise2self_scorer",
    "psnr_scorer",
    "ssim_scorer",
    "sure_scorer",
    "without_noise",
]
