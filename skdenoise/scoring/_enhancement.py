"""Scorers that tell what brightening did to images, without any reference.

The metrics are errors; their scorers return them negated, so that more is better.
"""

from typing import Any

import numpy as np

from skdenoise._containers import read_images
from skdenoise._images import Images
from skdenoise._validation import INT_POSITIVE, SHARE, check_parameters
from skdenoise.metrics._enhancement import (
    clipped_share_of_images,
    color_shift_of_images,
    exposure_error_of_images,
    hue_shift_of_images,
    lightness_order_error_of_images,
)
from skdenoise.metrics._reading import check_data_range
from skdenoise.scoring._pipelines import image_shape_of, without_noise
from skdenoise.scoring._scorer import Scorer, run_denoiser


class _EnhancementScorer(Scorer):
    """Compare enhanced images with what they were."""

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> float:
        """Score a fitted estimator.

        Parameters
        ----------
        estimator : estimator with `transform`
            An enhancer, or a pipeline or fitted search of one. Injectors of noise are left out.
        X : container of images
            What is enhanced.
        y : ignored, default=None
            There for scikit-learn.

        Returns
        -------
        float
            The mean of the per-image errors, negated: 0 is best.
        """
        image_shape = image_shape_of(estimator)
        enhanced = run_denoiser(without_noise(estimator), X, image_shape)
        return -float(np.mean(self._errors(read_images(X, image_shape), enhanced)))

    def _errors(self, original: Images, enhanced: Images) -> np.ndarray:
        raise NotImplementedError


class ExposureScorer(_EnhancementScorer):
    """Score by how near the brightness of regions is to a target.

    Parameters
    ----------
    target : float, default=0.6
        Brightness of a well exposed region, where black is 0 and white is 1.
    region : int, default=16
        Side of a region in pixels.
    data_range : float, default=None
        Value of white in the images' own units. None means the largest value of an integer
        dtype and 1.0 for floats.

    See Also
    --------
    skdenoise.exposure_error : The metric, which this is the negative of.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from skdenoise import exposure_scorer
    >>> X = np.full((2, 32, 32), 0.1)
    >>> round(exposure_scorer(FunctionTransformer(lambda X: 4 * X).fit(X), X), 3)
    -0.2
    """

    def __init__(self, target=0.6, region=16, data_range=None) -> None:
        self.target = target
        self.region = region
        self.data_range = data_range
        check_parameters(self, {"target": [SHARE], "region": [INT_POSITIVE]})
        check_data_range(data_range)

    def _errors(self, original: Images, enhanced: Images) -> np.ndarray:
        return exposure_error_of_images(enhanced, self.target, self.region, self.data_range)


class ClippingScorer(_EnhancementScorer):
    """Score by how few pixels became clipped highlights.

    Parameters
    ----------
    data_range : float, default=None
        Value of white in the images' own units. None means the largest value of an integer
        dtype and 1.0 for floats.

    See Also
    --------
    skdenoise.clipped_share : The metric, which this is the negative of.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from skdenoise import clipping_scorer
    >>> X = np.linspace(0, 1, 100, endpoint=False).reshape(1, 10, 10)
    >>> clipping_scorer(FunctionTransformer(lambda X: np.minimum(2 * X, 1)).fit(X), X)
    -0.5
    """

    def __init__(self, data_range=None) -> None:
        self.data_range = data_range
        check_data_range(data_range)

    def _errors(self, original: Images, enhanced: Images) -> np.ndarray:
        return clipped_share_of_images(original, enhanced, self.data_range)


class HueScorer(_EnhancementScorer):
    """Score by how little hues changed.

    See Also
    --------
    skdenoise.hue_shift : The metric in degrees, which this is the negative of.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from skdenoise import hue_scorer
    >>> X = np.zeros((1, 16, 16, 3))
    >>> X[..., 0] = 0.2
    >>> mixed = FunctionTransformer(lambda X: X @ [[1, 0.5, 0], [0, 1, 0], [0, 0, 1]]).fit(X)
    >>> round(hue_scorer(mixed, X), 3)
    -30.0
    """

    def _errors(self, original: Images, enhanced: Images) -> np.ndarray:
        return hue_shift_of_images(original, enhanced)


class ColorScorer(_EnhancementScorer):
    """Score by how little the ratios of red, green and blue changed.

    See Also
    --------
    skdenoise.color_shift : The metric in degrees, which this is the negative of.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from skdenoise import color_scorer
    >>> X = np.zeros((1, 16, 16, 3))
    >>> X[..., 0] = 0.2
    >>> mixed = FunctionTransformer(lambda X: X @ [[1, 1, 0], [0, 1, 0], [0, 0, 1]]).fit(X)
    >>> round(color_scorer(mixed, X), 3)
    -45.0
    """

    def _errors(self, original: Images, enhanced: Images) -> np.ndarray:
        return color_shift_of_images(original, enhanced)


class LightnessOrderScorer(_EnhancementScorer):
    """Score by how few pairs of pixels are in another order of lightness.

    See Also
    --------
    skdenoise.lightness_order_error : The metric, which this is the negative of.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from skdenoise import lightness_order_scorer
    >>> X = np.linspace(0, 1, 100).reshape(1, 10, 10)
    >>> lightness_order_scorer(FunctionTransformer(lambda X: 1 - X).fit(X), X)
    -0.99
    """

    def _errors(self, original: Images, enhanced: Images) -> np.ndarray:
        return lightness_order_error_of_images(original, enhanced)
