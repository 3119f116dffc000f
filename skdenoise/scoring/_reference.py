"""Scorers that compare denoised images with clean ones, and warn where that misleads."""

import hashlib
from typing import Any, Self

import numpy as np

from skdenoise._containers import holds_labels, read_images
from skdenoise._images import Images
from skdenoise._validation import SEED, check_parameters
from skdenoise._warning import warn
from skdenoise.metrics._reading import check_data_range
from skdenoise.metrics._reference import psnr_of_images, ssim_of_images
from skdenoise.noise._injector import NoiseInjector
from skdenoise.scoring._pipelines import (
    active_injectors,
    begins_with_injector,
    chosen,
    image_shape_of,
    without_noise,
)
from skdenoise.scoring._scorer import Scorer, corrupted, run_denoiser

REMEMBERED_TESTS = 256
"""Test sets of which the injected noise is remembered, to notice when it moves."""

_noise_of_test: dict[bytes, str] = {}


class _ReferenceScorer(Scorer):
    """Compare denoised images with clean ones."""

    def __init__(self, noise=None, random_state=0, data_range=None) -> None:
        self.noise = noise
        self.random_state = random_state
        self.data_range = data_range
        check_parameters(self, {"noise": [NoiseInjector, None], "random_state": [SEED]})
        check_data_range(data_range)

    def with_noise(self, noise: NoiseInjector) -> Self:
        """Return a scorer that adds this noise to the clean images by itself.

        Parameters
        ----------
        noise : NoiseInjector
            Noise of the test. Its `random_state` and `when` are replaced: the same images
            get the same noise for every estimator, whatever is searched over.

        Returns
        -------
        scorer of the same class
            It scores ``without_noise(estimator)`` on ``y``, or on ``X`` where there is no
            `y`, after adding the noise to it.
        """
        return type(self)(noise=noise, random_state=self.random_state, data_range=self.data_range)

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> float:
        """Score a fitted estimator.

        Parameters
        ----------
        estimator : estimator with `transform`
            A denoiser, or a pipeline or fitted search of one.
        X : container of images
            What is denoised; the clean images where the scorer has noise, or where the
            pipeline begins with a `NoiseInjector`.
        y : container of images like `X`, or array of shape (n_images,), default=None
            Clean images. Labels count as None.

        Returns
        -------
        float
            The mean of the per-image values; greater is better.

        Raises
        ------
        ValueError
            Where there is nothing clean to compare with, or it does not match.
        """
        image_shape = image_shape_of(estimator)
        images = read_images(X, image_shape)
        has_target = y is not None and not holds_labels(y, images)
        clean = read_images(y, image_shape, name="y") if has_target else images
        if self.noise is not None:
            # The noise depends on the image and the seed alone.
            source = y if has_target else X
            noisy = corrupted(self.noise, source, image_shape, random_state=self.random_state)
            denoised = run_denoiser(without_noise(estimator), noisy, image_shape)
        else:
            if not has_target and not begins_with_injector(estimator):
                raise ValueError(self._message_without_target(estimator))
            warn_if_misleading(estimator, images, clean)
            denoised = run_denoiser(estimator, X, image_shape)
        return float(np.mean(self._per_image(clean, denoised)))

    def _message_without_target(self, estimator: Any) -> str:
        name = type(self).__name__
        return (
            f"{name} compares with clean images, but got no images as y, and "
            f"{type(chosen(estimator)).__name__} does not begin with a NoiseInjector, so X is not "
            f"known to be clean. Pass the clean images as y; where X is clean, use "
            f"{name}(noise=NoiseInjector(...)); where there are noisy images only, use sure_scorer."
        )

    def _per_image(self, clean: Images, denoised: Images) -> np.ndarray:
        raise NotImplementedError


class PSNRScorer(_ReferenceScorer):
    """Score by the mean peak signal-to-noise ratio in dB against clean images.

    Without `noise`, what `estimator.transform` makes of `X` is compared with `y`, or with
    `X` itself where there is no `y` and the estimator is a pipeline that begins with a
    `NoiseInjector`.

    With `noise`, the clean images (`y`, or `X` where there is no `y`) get that noise, and
    ``without_noise(estimator)`` denoises them. This is the form for a search over noise:
    all candidates pass the same test.

    Parameters
    ----------
    noise : NoiseInjector, default=None
        Noise of the test. None means that `X` is noisy already, or made so by the pipeline.
    random_state : int, default=0
        Seed of that noise, a number, since a scorer has to repeat itself: the noise of an image
        depends on the seed and the image alone.
    data_range : float, default=None
        Difference between white and black in the images' own units. None means the largest
        value of an integer dtype and 1.0 for floats, which then must lie in [0, 1].

    Warns
    -----
    UserWarning
        Without `noise`: where the same images were scored before under another setting of
        the injectors, as in a search over the strength of noise, and where nothing noisy
        was denoised because `X` is clean and no injector acts. A search that spreads over
        processes (``n_jobs``) may go unnoticed.

    See Also
    --------
    skdenoise.psnr : The metric.
    SUREScorer : The same in expectation, without clean images.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from skdenoise import NoiseInjector, psnr_scorer
    >>> X = np.full((4, 64, 64), 0.5)
    >>> unchanged = FunctionTransformer().fit(X)
    >>> scorer = psnr_scorer.with_noise(NoiseInjector(noise_factor=0.1))
    >>> round(scorer(unchanged, X), 1)
    20.0
    """

    def _per_image(self, clean: Images, denoised: Images) -> np.ndarray:
        return psnr_of_images(clean, denoised, self.data_range)


class SSIMScorer(_ReferenceScorer):
    """Score by the mean structural similarity with clean images.

    Without `noise`, what `estimator.transform` makes of `X` is compared with `y`, or with
    `X` itself where there is no `y` and the estimator is a pipeline that begins with a
    `NoiseInjector`. With `noise`, the clean images get that noise, and
    ``without_noise(estimator)`` denoises them, as in `PSNRScorer`.

    Parameters
    ----------
    noise : NoiseInjector, default=None
        Noise of the test. None means that `X` is noisy already, or made so by the pipeline.
    random_state : int, default=0
        Seed of that noise, a number, since a scorer has to repeat itself: the noise of an image
        depends on the seed and the image alone.
    data_range : float, default=None
        Difference between white and black in the images' own units. None means the largest
        value of an integer dtype and 1.0 for floats, which then must lie in [0, 1].

    Warns
    -----
    UserWarning
        In the same cases as `PSNRScorer`.

    See Also
    --------
    skdenoise.ssim : The metric.

    Examples
    --------
    >>> from skdenoise import NoiseInjector, SSIMScorer
    >>> SSIMScorer(noise=NoiseInjector(sigma=25))
    SSIMScorer(noise=NoiseInjector(sigma=25))
    """

    def _per_image(self, clean: Images, denoised: Images) -> np.ndarray:
        return ssim_of_images(clean, denoised, self.data_range)


def warn_if_misleading(estimator: Any, images: Images, clean: Images) -> None:
    """Warn where the number is not what it seems: nothing was noisy, or the noise moves."""
    injectors = active_injectors(estimator)
    if injectors:
        warn_if_noise_moves(injectors, clean)
    elif images.same_as(clean):
        warn(
            "X is clean and no NoiseInjector acts on it, so the score says what the denoiser does "
            "to images without noise. To add noise for the test use a scorer with noise of its "
            "own, such as psnr_scorer.with_noise(NoiseInjector(noise_factor=0.1)).",
        )


def warn_if_noise_moves(injectors: list[NoiseInjector], clean: Images) -> None:
    """Warn where these images were scored under other noise before."""
    if _noise_moved(injectors, clean):
        warn(
            "The same images are scored under different injected noise. Such scores cannot be "
            "compared: the weakest noise wins, not the best denoiser. Use a scorer with noise of "
            "its own, such as psnr_scorer.with_noise(NoiseInjector(noise_factor=0.1)).",
        )


def _noise_moved(injectors: list[NoiseInjector], images: Images) -> bool:
    """Tell whether the same test was seen under other noise; once for each test."""
    settings = repr([_settings_of(injector) for injector in injectors])
    test = hashlib.blake2b(repr(images.shapes).encode(), digest_size=16)
    test.update(images[0].tobytes())
    before = _noise_of_test.setdefault(test.digest(), settings)
    if len(_noise_of_test) > REMEMBERED_TESTS:
        _noise_of_test.pop(next(iter(_noise_of_test)), None)
    moved = before not in (settings, "told")
    if moved:
        _noise_of_test[test.digest()] = "told"
    return moved


def _settings_of(injector: NoiseInjector) -> dict[str, str]:
    """Return what decides how strong the noise is; addresses of functions do not."""
    return {
        name: getattr(value, "__qualname__", type(value).__name__)
        if callable(value)
        else str(value)
        for name, value in injector.get_params(deep=False).items()
        if name not in ("random_state", "image_shape", "when")
    }
