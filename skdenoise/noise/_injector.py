"""`NoiseInjector`: noise as a step of a pipeline, reproducible image by image."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from skdenoise._base import ImageTransformer
from skdenoise._images import Images
from skdenoise._randomness import generator_of, words_of
from skdenoise._unit_range import FAINTEST, HIGHEST
from skdenoise._validation import (
    REAL_ANY,
    REAL_NOT_NEGATIVE,
    REAL_POSITIVE,
    OneOf,
    check_parameters,
)
from skdenoise._warning import warn
from skdenoise.noise._models import NOISE_MODELS, STRENGTHS, Step, apply, has_own_strength, resolve


class NoiseInjector(ImageTransformer):
    """Add noise to images, to train and to test denoisers.

    Parameters
    ----------
    noise : str, list or callable, default="gaussian"
        Which noise:

        - a name of `skdenoise.noise.NOISE_MODELS`, see the table below;
        - a list whose items are names or pairs (name, parameters of that function, on images
          in [0, 1]), applied one after the other; parameters of a pair win over the strengths
          given here;
        - a function ``noise(image, rng) -> image`` of one float image (height, width, n_channels)
          and a :class:`numpy.random.Generator`; it has its own strength.
    noise_factor : float, default=0.1
        Strength on images scaled to [0, 1], as in the Keras tutorials; not negative. For most
        models a standard deviation, for the others see the table. 0 returns the images as they
        are.
    sigma : float or None, default=None
        Standard deviation in the image's own units, gray levels for integers: ``sigma=25`` on
        uint8 images is the 25 of the papers. Replaces `noise_factor`, for models that have one.
    peak : float or None, default=None
        Photons in a white pixel, for models that count photons. Replaces `noise_factor`; for
        "poisson_gaussian" it goes together with `sigma`, the Gaussian part.
    noise_params : dict or None, default=None
        Other parameters of the model, such as ``{"length": 2.0}`` for "correlated", on images in
        [0, 1]; for a function its further keyword arguments.
    clip : bool or tuple (low, high), default=False
        Whether floats are clipped afterwards: True to the white and black of the image, [0, 1]
        for floats; a tuple to a range in the image's own units. Integers are rounded and
        saturate at the ends of their dtype in any case.
    when : {"always", "fit"}, default="always"
        When noise is added: "always", or "fit" for `fit_transform` only, which is what a
        pipeline calls while it learns; `transform` then returns the images as they are.
    image_shape : tuple or None, default=None
        Shape (height, width) or (height, width, n_channels) of the images in the rows of a table;
        None means 1 x n_features.
    random_state : int, RandomState, Generator or None, default=None
        An int makes the noise of an image a function of that int and of the image alone, not of
        its place, of the other images or of the process. None draws fresh noise at each call;
        a generator is drawn from, so two calls differ. The global random state is never used.

    Attributes
    ----------
    n_channels_in_ : int
        Channels of the images seen in `fit`.
    n_features_in_ : int
        Columns of the table seen in `fit`; only after a fit on a table.
    feature_names_in_ : ndarray of str
        Their names, where they have some.

    Raises
    ------
    ValueError
        In `fit`, where a parameter is out of range, unknown to the model or without meaning for
        it; the message lists what there is. In `transform`, where the model refuses a value of
        `noise_params`.

    Warns
    -----
    UserWarning
        Where float images exceed 2 although `noise_factor` means images in [0, 1].

    See Also
    --------
    skdenoise.AutoencoderDenoiser : Takes an injector as its `noise`, fresh at every step.
    skdenoise.noise.estimate_noise : The way back: how strong the noise of an image is.

    Notes
    -----
    What the strengths mean, on images in [0, 1]:

    ================ ============================================= =========== ==============
    noise            noise_factor                                  sigma       peak
    ================ ============================================= =========== ==============
    gaussian         standard deviation                            yes
    gaussian_range   largest standard deviation                    the largest
    local_variance   standard deviation where the map is 1         yes
    poisson          std at white: peak = 1 / noise_factor**2                  yes
    poisson_gaussian std at white, half of its square from each    its part    yes
    shot_read        std of the light at white: shot = f**2                    shot = 1 / peak
    salt_and_pepper  fraction of the values
    random_impulse   fraction of the values
    speckle          std of the factor
    gamma_speckle    std of the factor: looks = 1 / f**2
    uniform          standard deviation                            yes
    laplace          standard deviation                            yes
    rician           std of the real and the imaginary part        yes
    quantization     std of the rounding error, nearly
    jpeg             1 - quality / 100
    correlated       standard deviation                            yes
    stripes          std of the offsets                            yes
    dead_pixels      fraction of the pixels
    low_light        std of the light at white: peak = 1 / f**2                yes
    mixture          noise_factor of its components
    universal        largest standard deviation                    the largest
    ================ ============================================= =========== ==============

    **Deploying.** A pipeline that begins with an injector goes on adding noise when it is used.
    Deploy ``skdenoise.without_noise(pipeline)``, which drops the injectors, or choose
    ``when="fit"``.

    **Searching.** A grid search over ``noise__noise_factor`` with an ordinary scorer picks the
    smallest factor, since the factor makes the test easier as well as the training. Give the
    scorer noise of its own, which does not move with the search:
    ``scoring=psnr_scorer.with_noise(NoiseInjector(noise_factor=0.2, random_state=0))``. It
    applies that noise to the clean images and bypasses the injector of the pipeline.

    Alpha, the fourth channel of RGBA images, is left as it is. Negative values and values far
    above 1 are legal in every model; the models say what becomes of them.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import NoiseInjector
    >>> X = np.full((2, 32, 32), 128, dtype=np.uint8)
    >>> noisy = NoiseInjector(sigma=25, random_state=0).fit_transform(X)
    >>> noisy.dtype, noisy.shape
    (dtype('uint8'), (2, 32, 32))

    Several noises, one after the other:

    >>> steps = [("poisson", {"peak": 50}), ("salt_and_pepper", {"fraction": 0.02})]
    >>> noisy = NoiseInjector(steps, random_state=0).fit_transform(X)

    In a pipeline: noise while it learns, none when it is used.

    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from skdenoise import without_noise
    >>> pipeline = make_pipeline(NoiseInjector(random_state=0), FunctionTransformer())
    >>> deployed = without_noise(pipeline.fit(X, X))
    >>> bool((pipeline.transform(X) == X).all()), bool((deployed.transform(X) == X).all())
    (False, True)
    """

    _takes_clean_images = False

    def __init__(
        self,
        noise="gaussian",
        *,
        noise_factor=0.1,
        sigma=None,
        peak=None,
        noise_params=None,
        clip=False,
        when="always",
        image_shape=None,
        random_state=None,
    ):
        self.noise = noise
        self.noise_factor = noise_factor
        self.sigma = sigma
        self.peak = peak
        self.noise_params = noise_params
        self.clip = clip
        self.when = when
        self.image_shape = image_shape
        self.random_state = random_state

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Remember the number of channels, and add noise whatever `when` says.

        Parameters
        ----------
        X : array of shape (n_images, height, width[, n_channels]), sequence of arrays, or table
            The images; rows of a table are flattened images of shape `image_shape`.
        y : ignored, default=None
            Class labels or clean images of a surrounding pipeline.

        Returns
        -------
        container of the kind of `X`
            New images of the same shapes and dtypes.
        """
        self.fit(X, y)
        images = self._read(X, reset=False)
        return images.restore(self._noisy(images))

    def corrupt(
        self, image: np.ndarray, *, scale: float = 1.0, rng: np.random.Generator
    ) -> np.ndarray:
        """Add noise to one float image, without reading, fitting or `random_state`.

        Parameters
        ----------
        image : ndarray of shape (height, width, n_channels), float32 or float64
            Pixels in working units: [0, 1] for what was an integer image, floats as they are.
        scale : float, default=1.0
            The image's own units per working unit, 255 for uint8: `sigma` and `clip` are in
            own units.
        rng : numpy.random.Generator
            Source of randomness; the only one.

        Returns
        -------
        ndarray of the shape and dtype of `image`
            A new image in working units.

        Raises
        ------
        ValueError
            Where a parameter does not fit the model.

        Examples
        --------
        >>> import numpy as np
        >>> from skdenoise.noise import NoiseInjector
        >>> injector, rng = NoiseInjector(sigma=25), np.random.default_rng(0)
        >>> noisy = injector.corrupt(np.full((64, 64, 1), 0.5), scale=255, rng=rng)
        >>> print(f"{255 * noisy.std():.0f}")
        25
        """
        return self.at_scale(scale)(image, rng)

    def at_scale(self, scale: float) -> Callable[[np.ndarray, np.random.Generator], np.ndarray]:
        """Return `corrupt` for images of one scale, to be called many times.

        Parameters
        ----------
        scale : float
            The image's own units per working unit, 255 for uint8.

        Returns
        -------
        callable
            ``noise(image, rng)`` returns a noisy copy of an image in working units. It does not
            follow later changes of the injector's parameters.

        Raises
        ------
        ValueError
            Where a parameter does not fit the model.

        Examples
        --------
        >>> import numpy as np
        >>> from skdenoise.noise import NoiseInjector
        >>> noise, rng = NoiseInjector(sigma=25).at_scale(255), np.random.default_rng(0)
        >>> print(f"{255 * noise(np.full((64, 64, 1), 0.5), rng).std():.0f}")
        25
        """
        steps = self._steps(scale)
        limits = None
        if not isinstance(self.clip, (bool, np.bool_)):
            limits = float(self.clip[0]) / scale, float(self.clip[1]) / scale
        elif self.clip:
            limits = 0.0, 1.0

        def noise(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
            for step in steps:
                image = apply(step, image, rng)
            return image if limits is None else np.clip(image, *limits)

        return noise

    def _check_parameters(self) -> None:
        """Refuse parameters that are out of range, or that the chosen noise does not know."""
        check_parameters(
            self,
            {
                "noise": [OneOf(NOISE_MODELS), list, tuple, callable],
                "noise_factor": [REAL_NOT_NEGATIVE],
                "sigma": [REAL_NOT_NEGATIVE, None],
                "peak": [REAL_POSITIVE, None],
                "noise_params": [dict, None],
                "clip": ["boolean", list, tuple],
                "when": [OneOf(["always", "fit"])],
                "image_shape": [tuple, list, None],
                "random_state": ["random_state"],
            },
        )
        if not isinstance(self.clip, (bool, np.bool_)):
            numbers = len(self.clip) == 2 and all(map(REAL_ANY.accepts, self.clip))
            if not (numbers and self.clip[0] < self.clip[1]):
                msg = (
                    f"The 'clip' parameter of NoiseInjector must be a bool or a tuple (low, high) "
                    f"with low < high, in the image's own units. Got {self.clip!r} instead."
                )
                raise ValueError(msg)
        self._steps(scale=1.0)

    def _fit_images(self, images: Images, target: Images | None) -> None:
        """Learn nothing: noise does not depend on other images."""

    def _transform_images(self, images: Images) -> Iterator[np.ndarray]:
        return iter(images) if self.when == "fit" else self._noisy(images)

    def _noisy(self, images: Images) -> Iterator[np.ndarray]:
        """Return the noisy images in working units, one after the other."""
        common = self._common_generator()
        warned = not (images.has_rows and self._factor_matters())
        for index in range(len(images)):
            image = images[index]
            if not warned and images.dtypes[index].kind == "f":
                warned = self._warn_of_range(f"Image {index}", float(image.max()))
            rng = generator_of(self.random_state, image) if common is None else common
            yield self.corrupt(image, scale=images.scales[index], rng=rng)

    def _common_generator(self) -> np.random.Generator | None:
        """Return the generator that all images share, None where each has its own."""
        if self.random_state is None:
            return np.random.default_rng()
        if isinstance(self.random_state, np.random.Generator):
            return self.random_state
        if isinstance(self.random_state, np.random.RandomState):
            return np.random.default_rng(words_of(self.random_state))
        return None

    def _factor_matters(self) -> bool:
        """Tell whether `noise_factor` sets the strength of any step."""
        if self.noise_factor == 0 or self.sigma is not None or self.peak is not None:
            return False
        return not all(
            has_own_strength(item) or (name in STRENGTHS and STRENGTHS[name].is_relative)
            for item, name in zip(self._items(), self._names(), strict=True)
        )

    def _names(self) -> list[Any]:
        return [item[0] if isinstance(item, (list, tuple)) else item for item in self._items()]

    def _warn_of_range(self, what: str, largest: float) -> bool:
        """Say so where floats were probably given in another scale than [0, 1]; tell whether."""
        if FAINTEST <= largest <= HIGHEST or largest <= 0:
            return False
        scaled = "X / 255 if these are gray levels" if largest > HIGHEST else "X / X.max()"
        has_sigma = all(
            name in STRENGTHS and STRENGTHS[name].of_sigma is not None for name in self._names()
        )
        instead = ", or give the strength in the images' own units with sigma=" if has_sigma else ""
        warn(
            f"{what} has float values up to {largest:.4g}, but noise_factor={self.noise_factor} is "
            f"a strength for images in [0, 1]. Pass {scaled}{instead}.",
        )
        return True

    def _items(self) -> list:
        """Return `noise` as a list of names, pairs and functions."""
        if isinstance(self.noise, (list, tuple)):
            if not self.noise:
                msg = (
                    "The 'noise' list is empty. Name at least one noise, for example ['gaussian']."
                )
                raise ValueError(msg)
            if self.noise_params:
                msg = (
                    f"noise_params={self.noise_params!r} belongs to a single noise. In a list give "
                    f"each its parameters: [('gaussian', {{'sigma': 0.1}}), 'poisson']."
                )
                raise ValueError(msg)
            return [_name_of(item) for item in self.noise]
        noise = _name_of(self.noise)
        return [noise if callable(noise) else (noise, self.noise_params or {})]

    def _steps(self, scale: float) -> list[Step]:
        """Return what is to be applied to an image of that scale, or say what does not fit."""
        items = self._items()
        single = not isinstance(self.noise, (list, tuple))
        if single and not callable(items[0]):
            self._refuse_strengths_among_parameters(*items[0])
        given = [word for word in ("sigma", "peak") if getattr(self, word) is not None]
        if given and all(has_own_strength(item) for item in items):
            msg = (
                f"{given[0]}={getattr(self, given[0])!r} has no effect: the noise is a function "
                f"or has a strength of its own. Leave {given[0]} out."
            )
            raise ValueError(msg)
        steps = []
        for item in items:
            if callable(item):
                steps.append(Step(_checked_function(item), self.noise_params or {}))
            else:
                sigma = None if self.sigma is None else float(self.sigma) / scale
                steps.append(
                    resolve(item, noise_factor=self.noise_factor, sigma=sigma, peak=self.peak)
                )
        return steps

    def _refuse_strengths_among_parameters(self, name: str, parameters: dict) -> None:
        clash = sorted(STRENGTHS[name].names() & set(parameters)) if name in STRENGTHS else []
        if clash:
            words = ["noise_factor="]
            words += ["sigma="] if STRENGTHS[name].of_sigma else []
            words += ["peak="] if STRENGTHS[name].of_peak else []
            msg = (
                f"noise_params holds {clash[0]!r}, which is the strength of {name!r}. Give it as "
                f"{' or '.join(words)} of NoiseInjector, so that a search over it has an effect."
            )
            raise ValueError(msg)


def _name_of(noise: Any) -> Any:
    """Return the name of a function of the table, anything else as it is."""
    if callable(noise):
        for name, function in NOISE_MODELS.items():
            if noise is function:
                return name
    return noise


def _checked_function(noise: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """Call a user's function, and compare what it returns with what it got."""

    def function(image: np.ndarray, *, rng: np.random.Generator, **parameters: Any) -> np.ndarray:
        noisy = np.array(noise(image.copy(), rng, **parameters), dtype=image.dtype)
        if noisy.shape != image.shape:
            msg = (
                f"The noise function must return an image of the shape it was given, "
                f"{image.shape}, but returned shape {noisy.shape}."
            )
            raise ValueError(msg)
        if np.isfinite(image).all() and not np.isfinite(noisy).all():
            msg = f"The noise function {noise!r} returned NaN or infinity for finite pixels."
            raise ValueError(msg)
        return noisy

    return function
