"""`ZeroDCEEnhancer`: its parameters, how it learns, and how its curves are applied."""

import functools
import os
from collections.abc import Iterable, Iterator
from numbers import Real
from typing import Any, Self

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from skdenoise import _keras
from skdenoise._brightening import Brightening
from skdenoise._choices import DENOISED
from skdenoise._containers import read_images
from skdenoise._curves import BELOW_WHITE, Bending, Curves, reduced
from skdenoise._denoiser import AutoencoderDenoiser
from skdenoise._exposures import (
    ExposureBatch,
    exposure_batches,
    re_exposed,
    re_exposing,
    seen_by_network,
)
from skdenoise._images import Images
from skdenoise._large import LocalTransform, Unchanged
from skdenoise._large_enhancing import LargeEnhancing
from skdenoise._learning import extremes
from skdenoise._model_file import ModelFileError, write_estimator
from skdenoise._network_transformer import NetworkTransformer, read_only
from skdenoise._noise_maps import noise_maps
from skdenoise._patches import PatchSampler
from skdenoise._precision import check_engine, dark_samples, engine_for
from skdenoise._randomness import generators
from skdenoise._shipped import shipped_losses, shipped_weights
from skdenoise._task import Task
from skdenoise._unit_range import HIGHEST, LOWEST, WHITE
from skdenoise._validation import (
    INT_POSITIVE,
    REAL_NOT_NEGATIVE,
    REAL_POSITIVE,
    Interval,
    OneOf,
)
from skdenoise._warning import warn
from skdenoise._windows import windows_of
from skdenoise.networks import CURVE_NETWORKS

REDUCTIONS = {"dce++": 12}
"""How much smaller an image is made for a network, if not 1."""
SMOOTHNESS = 4800
"""Weight of the smoothness term, divided among the maps: 200 for 24 of them, 1600 for 3."""


class ZeroDCEEnhancer(NetworkTransformer):
    """Brighten dark photographs with curves that a network draws for every pixel.

    The network sees a photograph and returns curves that take its values, within black and
    white, to new ones [1]_ [2]_. It learns without being shown how a photograph should look:

    - ``ZeroDCEEnhancer(weights="default").transform(X)``: nothing to learn;
    - ``fit(X)``: from photographs of all exposures, dark and bright ones;
    - ``fit(X, y=X_well_lit)``: from pairs, as far as `paired_weight` says;
    - ``ZeroDCEEnhancer(re_expose=0.9).fit(X_well_lit)``: from well-lit photographs, which are
      exposed anew, from -7 to +1.5 stops with the noise of a camera.

    Parameters
    ----------
    architecture : {"dce", "dce++"} or callable, default="dce"
        The network, see `skdenoise.networks`; or a function of the number of channels, 3, that
        returns a `keras.Model` from images of any size to a multiple of 3 curves.
    weights : str or None, default=None
        "default" begins with the weights that come with the package; then `fit` is not needed,
        and goes on from them. None draws them at random.
    exposure : float, default=None
        Mean brightness up to which an image is brightened, in (0, 1): its curves are multiplied
        by the one number that leads there, or by a smaller one where more than 0.3 % of the
        pixels would become white. Nothing is darkened: an image that is as bright stays as it is.
        None takes the curves as they were learnt; 0.46 is the middle gray of photography, 18 %
        of the light.
    n_iterations : int, default=8
        How often curves are applied, in `fit` and in `transform`; "dce" has eight different
        ones, "dce++" has one.
    strength : float, default=1.0
        Multiplies the curves. 0 returns the images exactly as they are.
    locality : float, default=0.5
        In [0, 1]: how much curves differ between the places of an image. 0 takes the mean of the
        curves everywhere, which keeps all contrasts; 1 takes each place's own, as published,
        which brings more to light in shadows beside bright places, and flattens the image.
    protect_highlights : float, default=0.0
        In [0, 1]: how much weaker curves are in highlights, so that lamps and skies keep their
        structure. Shadows are brightened as before.
    keep_hue : bool, default=False
        Whether the largest channel is brightened and the others follow in proportion, so that
        hue and saturation stay; otherwise each channel has its own curve.
    denoiser : AutoencoderDenoiser, default=None
        A denoiser for the noise that brightening would amplify: a fitted one, or one with
        ``weights="natural"``. A FrozenEstimator of a fitted one stays fitted when the enhancer
        is cloned, as in a search.
    denoise : {"before", "after"}, default="before"
        When the denoiser comes. After, it is told how strong the noise is at each pixel: that
        of the image, `denoiser.sigma` or estimated, times the slope of the curve.
    smoothing : float, default=0.0
        For frames of a video, in [0, 1): share of the curves of the frames before, and of the
        brightness that these led to, so that it does not flicker. The images of `X` are then a
        sequence.
    reduction : int or "auto", default="auto"
        How many times smaller an image is made for the network; curves are interpolated.
        "auto" is 12 for "dce++" and 1 for others.
    target_exposure : float, default=0.6
        Brightness of regions that is learnt.
    spatial_weight : float, default=1.0
        Weight of `skdenoise.losses.spatial_consistency`.
    exposure_weight : float, default=10.0
        Weight of `skdenoise.losses.exposure`.
    color_weight : float, default=5.0
        Weight of `skdenoise.losses.color_constancy`.
    smoothness_weight : float or "auto", default="auto"
        Weight of `skdenoise.losses.illumination_smoothness`. "auto" is 4800 divided by the
        number of maps: 200 for "dce", 1600 for "dce++".
    paired_weight : float, default=2.0
        Weight of the mean absolute distance from well-lit images, where these are known.
    spatial_region : int, default=4
        Side in pixels of the regions whose contrast is kept.
    exposure_region : int, default=16
        Side in pixels of the regions whose brightness is judged.
    re_expose : float, default=0.0
        Share of the patches that are exposed anew while learning from well-lit images.
    learning_rate : float, default=1e-3
        The highest learning rate of Adam; it is reached after a warm-up and falls along a
        cosine.
    epochs : int or None, default=30
        An epoch draws as many patches as cover the images once. None trains until
        `time_budget` is spent.
    batch_size : int, default=8
        Patches per step.
    patch_size : int, default=256
        Side of a patch in pixels; images that are smaller are taken whole.
    time_budget : float, default=None
        Stop after so many seconds; the schedule of the learning rate adapts. Results then
        depend on the speed of the machine.
    callbacks : list of callable, default=None
        Each is called after every epoch with a dict of that epoch's numbers, the entries of
        `history_` and ``"epoch"``; training stops where one returns True.
    devices : "all", int, list of str or None, default=None
        Devices that learn together, each from its part of every batch: all graphics cards (or
        all devices of the processor where there is none), the first so many, or some by name,
        such as ``["gpu:0", "gpu:1"]``. None leaves it to Keras, which takes one. On TensorFlow
        and JAX; see the user guide on several processes.
    engine : {"auto", "keras", "openvino"}, default="auto"
        What runs the network in `transform`. "openvino" needs the extra ``skdenoise[openvino]``
        and TensorFlow as Keras's backend. "auto" is Keras, and OpenVINO for "int8".
    precision : {"auto", "float32", "bfloat16", "int8"}, default="auto"
        Arithmetic of the network; curves are applied in float32. "auto" trains in bfloat16 where
        the processor is quick at it, and enhances in bfloat16 there, where that costs less than
        0.01 dB (see `precision_loss_`). "int8" enhances with 8-bit integers, in OpenVINO, and
        trains as "auto".
    image_shape : tuple, default=None
        Shape (H, W) or (H, W, C) of the images in the rows of a table; None means
        1 x n_features.
    random_state : int, RandomState, Generator or None, default=None
        Source of weights and patches. An int gives the same result, bit for bit, on the same
        machine.
    verbose : int, default=0
        1 shows a progress bar with the loss and the time left.

    Attributes
    ----------
    weights_ : dict of str to ndarray
        The weights of the network; only after `fit`. To change them, assign another dict.
    network_ : keras.Model
        A model with the weights that are used; from color images in [0, 1] to curves. Made when
        it is asked for.
    history_ : dict of str to list of float
        Per epoch: ``loss``, its terms ``spatial``, ``exposure``, ``color``, ``smoothness`` and
        ``paired`` before they are weighted, ``learning_rate`` and ``seconds``.
    learning_ : {"zero-reference", "paired", "re-exposed"}
        How it learnt: without references, with images `y` as references, or with well-lit
        images that were exposed anew.
    precision_loss_ : dict of str to float
        What "bfloat16" costs, as the mean absolute change of the PSNR in dB on training patches
        and what they should become, or, learning without references, on patches that are
        exposed anew; empty where it was not measured, since the processor is not quick at it. With
        ``precision="int8"`` also what that costs, on computed images; OpenVINO calibrates the
        network when it is asked for. Of weights that come with the package, the numbers of their
        model card.
    n_channels_in_ : int
        Channels of the images, without alpha.
    n_features_in_ : int
        Columns of the table seen in `fit`; only after a fit on a table.
    feature_names_in_ : ndarray of str
        Their names, where they have some.

    Raises
    ------
    ValueError
        Where a parameter is not what it may be, images are neither gray nor in color, or do not
        match those of `y`.
    ImportError
        Where OpenVINO is to run the network and is not installed.
    FloatingPointError
        In `fit`, where the loss becomes NaN or infinite; the last finite weights are kept.

    See Also
    --------
    AutoencoderDenoiser : Removes the noise of dark photographs.
    skdenoise.load : Read what `save` has written.

    Notes
    -----
    Black is 0 and white is 1, or the largest value of an integer dtype. Floats beyond are kept as
    far beyond; for other scales, such as 0 to 255, divide first.

    Gray images are seen as color images of three equal channels and get the mean of the three
    curves.

    References
    ----------
    .. [1] C. Guo, C. Li, J. Guo, C. C. Loy, J. Hou, S. Kwong, R. Cong, "Zero-Reference Deep
       Curve Estimation for Low-Light Image Enhancement", CVPR 2020.
       https://arxiv.org/abs/2001.06826
    .. [2] C. Li, C. Guo, C. C. Loy, "Learning to Enhance Low-Light Image via Zero-Reference
       Deep Curve Estimation", IEEE Transactions on Pattern Analysis and Machine Intelligence
       44 (8), 2022. https://arxiv.org/abs/2103.00860

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise import ZeroDCEEnhancer
    >>> X = np.random.default_rng(0).random((4, 24, 24, 3)) / 5
    >>> enhancer = ZeroDCEEnhancer("dce++", exposure=0.5, epochs=1, random_state=0)
    >>> bright = enhancer.fit(X).transform(X)
    >>> print(f"{X.mean():.1f} {bright.mean():.1f}")
    0.1 0.5
    """

    _ready_weights = ("default",)

    def __init__(
        self,
        architecture="dce",
        *,
        weights=None,
        exposure=None,
        n_iterations=8,
        strength=1.0,
        locality=0.5,
        protect_highlights=0.0,
        keep_hue=False,
        denoiser=None,
        denoise="before",
        smoothing=0.0,
        reduction="auto",
        target_exposure=0.6,
        spatial_weight=1.0,
        exposure_weight=10.0,
        color_weight=5.0,
        smoothness_weight="auto",
        paired_weight=2.0,
        spatial_region=4,
        exposure_region=16,
        re_expose=0.0,
        learning_rate=1e-3,
        epochs=30,
        batch_size=8,
        patch_size=256,
        time_budget=None,
        callbacks=None,
        devices=None,
        engine="auto",
        precision="auto",
        image_shape=None,
        random_state=None,
        verbose=0,
    ):
        self.architecture = architecture
        self.weights = weights
        self.exposure = exposure
        self.n_iterations = n_iterations
        self.strength = strength
        self.locality = locality
        self.protect_highlights = protect_highlights
        self.keep_hue = keep_hue
        self.denoiser = denoiser
        self.denoise = denoise
        self.smoothing = smoothing
        self.reduction = reduction
        self.target_exposure = target_exposure
        self.spatial_weight = spatial_weight
        self.exposure_weight = exposure_weight
        self.color_weight = color_weight
        self.smoothness_weight = smoothness_weight
        self.paired_weight = paired_weight
        self.spatial_region = spatial_region
        self.exposure_region = exposure_region
        self.re_expose = re_expose
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.patch_size = patch_size
        self.time_budget = time_budget
        self.callbacks = callbacks
        self.devices = devices
        self.engine = engine
        self.precision = precision
        self.image_shape = image_shape
        self.random_state = random_state
        self.verbose = verbose

    def curves(self, X: Any) -> Any:
        """Return the curves that `transform` applies.

        Parameters
        ----------
        X : container of images
            As in `transform`.

        Returns
        -------
        ndarray of shape (n_images, height, width, n_curves, n_channels), or list of ndarray
            Parameters r of the curves ``x + r * (x**2 - x)``, in [-1, 1] and negative where they
            brighten; float32. One channel where all share a curve: with `keep_hue`, and for
            gray images. A list where the images came in a sequence.
        """
        self._check_fitted()
        images = self._read(X, reset=False)
        self._check_parameters()
        self._check_channels(images)
        found = [curves.at(slice(None)) for _, curves in self._with_curves(images)]
        return found if images.kind == "sequence" else np.stack(found)

    def save(self, path: str | os.PathLike[str], *, dtype: str = "float32") -> None:
        """Write the enhancer to one safetensors file, which holds no code.

        Parameters
        ----------
        path : str or path-like
            The file, such as ``"enhancer.safetensors"``; an existing one is replaced when the
            new one is complete.
        dtype : {"float32", "float16"}, default="float32"
            How the weights lie in the file; "float16" halves its size.

        Raises
        ------
        ModelFileError
            Where a parameter is a function, such as a callable `architecture`, or there is a
            `denoiser`, which has a file of its own.
        """
        self._check_fitted()
        self._check_parameters()
        if self.denoiser is not None:
            raise ModelFileError(
                "A model file holds one network. Save the denoiser with denoiser.save(path), and "
                "the enhancer after enhancer.set_params(denoiser=None)."
            )
        fitted = {
            "n_channels_in_": getattr(self, "n_channels_in_", None),
            "learning_": getattr(self, "learning_", "re-exposed"),
            "precision_loss_": self._losses(),
        }
        classes = {"ZeroDCEEnhancer": ZeroDCEEnhancer}
        write_estimator(path, self, classes, fitted, self._weights(), dtype)

    # Learning

    def _check_parameters(self) -> None:
        weight, share = [REAL_NOT_NEGATIVE], Interval(Real, 0, 1)
        self._check(
            {
                "architecture": [OneOf(CURVE_NETWORKS), callable],
                "weights": [OneOf({"default"}), None],
                "exposure": [Interval(Real, 0, 1, closed="neither"), None],
                "n_iterations": [INT_POSITIVE],
                "strength": [REAL_NOT_NEGATIVE],
                "locality": [share],
                "protect_highlights": [share],
                "keep_hue": ["boolean"],
                "denoiser": [AutoencoderDenoiser, FrozenEstimator, None],
                "denoise": [OneOf(DENOISED)],
                "smoothing": [Interval(Real, 0, 1, closed="left")],
                "reduction": [INT_POSITIVE, OneOf({"auto"})],
                "target_exposure": [Interval(Real, 0, 1, closed="neither")],
                "spatial_weight": weight,
                "exposure_weight": weight,
                "color_weight": weight,
                "smoothness_weight": [*weight, OneOf({"auto"})],
                "paired_weight": weight,
                "spatial_region": [INT_POSITIVE],
                "exposure_region": [INT_POSITIVE],
                "re_expose": [share],
                "learning_rate": [REAL_POSITIVE],
            }
        )
        if self.weights == "default" and not isinstance(self.architecture, str):
            msg = (
                "weights='default' are those of 'dce' or 'dce++', but architecture is a function. "
                "Set weights=None and call fit."
            )
            raise ValueError(msg)

    def _fit_images(self, images: Images, target: Images | None) -> None:
        """Train the network; remember nothing unless it went well, or diverged later on."""
        self._check_channels(images)
        devices = _keras.chosen_devices(self.devices, self.random_state, self.time_budget)
        check_engine(self.engine, self.precision)
        learning = self._way_to_learn(target)
        if images.has_floats:
            _warn_of_range(extremes(images)[1])
        (rng,) = generators(self.random_state, 1)
        network = self._template(training=True)
        drawn = _keras.draw_weights(network, rng)
        sampler = PatchSampler(
            images,
            images if learning == "zero-reference" else target,
            re_exposing(self.re_expose) if learning == "re-exposed" else None,
            patch_size=self.patch_size,
            multiple=network.stride * self._reduction,
            normalized=False,
            data_range=1.0,
        )
        trainer = _keras.Trainer(
            network,
            drawn if self.weights is None else self._shipped(),
            loss=self._objective(network.n_outputs, learning),
            optimizer="adam",
            devices=devices,
        )
        plan = _keras.Plan(self.epochs, self.time_budget, self.learning_rate, None)
        indices = range(len(images))

        def epoch() -> Iterator[ExposureBatch]:
            return exposure_batches(
                sampler,
                indices,
                self.batch_size,
                paired=learning != "zero-reference",
                rng=rng,
            )

        try:
            n_batches = sampler.n_batches(indices, self.batch_size)
            weights, history = self._trained(trainer, epoch, n_batches, plan)
        except _keras.DivergenceError as error:
            if error.weights is not None:
                self._remember(error.weights, {}, learning)
            raise
        batch = next(epoch())
        loss = self._loss_of_bfloat16(weights, batch, learning)
        self._remember(weights, history, learning, loss)

    def _remember(
        self,
        weights: dict[str, np.ndarray],
        history: dict[str, list[float]],
        learning: str,
        loss: dict[str, float] | None = None,
    ) -> None:
        self.weights_ = read_only(weights)
        self.history_ = history
        self.learning_ = learning
        self._precision_loss = dict(loss or {})

    def _loss_of_bfloat16(
        self, weights: dict[str, np.ndarray], batch: ExposureBatch, learning: str
    ) -> dict[str, float]:
        """Measure what bfloat16 costs, where it could be used."""
        if not self._may_use_bfloat16():
            return {}
        pairs = list(zip(batch.image, batch.wanted, strict=True))
        if learning == "zero-reference":
            rng = np.random.default_rng(0)
            pairs = [(re_exposed(image, rng), image) for image in batch.image]
        return {"bfloat16": self._loss("bfloat16", weights, pairs)}

    def _used_weights(self) -> dict[str, np.ndarray]:
        self._check_fitted()
        self._check_parameters()
        return self._weights()

    def _shipped_losses(self) -> dict[str, float]:
        self._check_parameters()
        return shipped_losses(f"default_{self.architecture}")

    def _loss_on_samples(self, precision: str) -> float:
        check_engine(self.engine, precision)
        pairs = dark_samples(calibrating=False)
        return self._loss(precision, self._weights(), pairs, **self._how(precision))

    def _how(self, precision: str) -> dict[str, Any]:
        """Return the arguments of `predict`: what runs the network, whose output is only read."""
        return {
            "owner": self._owner,
            "engine": engine_for(self.engine, precision),
            "calibration": self._calibration,
            "views": True,
        }

    def _loss(
        self, precision: str, weights: dict[str, np.ndarray], pairs: Any, **how: Any
    ) -> float:
        def enhanced(maps: np.ndarray, task: Any) -> np.ndarray:
            curves = Curves.of_output(maps, maps.shape, shared=self.keep_hue)
            return self._bending.enhanced(task.pixels, curves.localized(self.locality))

        tasks = self._tasks(image for image, _ in pairs)
        clean = [reduced(image, self._reduction) for _, image in pairs]
        network = self._network()
        return _keras.precision_loss(
            precision, network, weights, tasks, clean, finished=enhanced, **how
        )

    def _tasks(self, images: Iterable[np.ndarray]) -> list:
        return [Task(seen_by_network(image, self._reduction)) for image in images]

    def _calibration(self) -> list:
        """Return computed images with which int8 is calibrated."""
        return self._tasks(image for image, _ in dark_samples(calibrating=True))

    def _way_to_learn(self, target: Images | None) -> str:
        if not self.re_expose:
            return "zero-reference" if target is None else "paired"
        if target is not None:
            msg = (
                "ZeroDCEEnhancer has re_expose and got images y: it makes dark images itself, out "
                "of well-lit X. Call fit(X_well_lit), or set re_expose=0 to learn from pairs."
            )
            raise ValueError(msg)
        return "re-exposed"

    def _objective(self, n_maps: int, learning: str) -> Any:
        smoothness = self.smoothness_weight
        weights = (
            self.spatial_weight,
            self.exposure_weight,
            self.color_weight,
            SMOOTHNESS / n_maps if isinstance(smoothness, str) else smoothness,
            0.0 if learning == "zero-reference" else self.paired_weight,
        )
        return _keras.Enhancing(
            tuple(map(float, weights)),
            float(self.target_exposure),
            self.spatial_region,
            self.exposure_region,
            self.n_iterations,
            float(self.protect_highlights),
            self._reduction,
        )

    # Enhancing

    def _check_channels(self, images: Images) -> None:
        if images.n_channels not in (1, 3):
            msg = (
                f"ZeroDCEEnhancer takes gray images or RGB images, with alpha or without; X has "
                f"{images.n_channels} channels. Pass the channels that are colors: X[..., :3]."
            )
            raise ValueError(msg)

    @property
    def _reduction(self) -> int:
        if isinstance(self.reduction, str):
            return REDUCTIONS.get(self.architecture, 1) if isinstance(self.architecture, str) else 1
        return self.reduction

    @property
    def _bending(self) -> Bending:
        protection = float(self.protect_highlights)
        return _keras.FusedBending(self.n_iterations, protection, bool(self.keep_hue))

    def _weights(self) -> dict[str, np.ndarray]:
        return self.weights_ if hasattr(self, "weights_") else self._shipped()

    def _shipped(self) -> dict[str, np.ndarray]:
        """Return the weights that come with the package."""
        return shipped_weights(f"default_{self.architecture}", self._network().shapes())

    def _network(self, *, bfloat16: bool = False) -> "_keras.Network":
        return _keras.get_curve_network(self.architecture, 3, bfloat16=bfloat16)

    def _transform_images(self, images: Images) -> Iterator[np.ndarray]:
        self._check_ready()
        self._check_channels(images)
        if self.strength == 0:
            return iter(images)
        return self._enhanced(images)

    def _local_transform(self, images: Images) -> LocalTransform | None:
        """Return how parts are enhanced; None where the whole image must be there."""
        self._check_ready()
        self._check_channels(images)
        if self.strength == 0:
            return Unchanged()
        network = self._network()
        denoiser = None if self.denoiser is None else self._fitted_denoiser(images)
        after = denoiser is not None and self.denoise == "after"
        denoising = None if denoiser is None else denoiser._local_transform(images)
        bounded = network.halo is not None and (denoising is None) == (denoiser is None)
        if self.smoothing or after or not bounded:
            return None
        return LargeEnhancing(
            self._brightening(images),
            halo=network.halo or 0,
            grid=network.stride,
            denoising=denoising,
        )

    def _brightening(self, images: Images) -> Brightening:
        """Return what is done with images."""
        how = self._how(self.precision)
        return Brightening(
            once=functools.partial(_keras.predict, self._network(), self._weights(), **how),
            precision=self._arithmetic(self._losses()),
            reduction=self._reduction,
            bending=self._bending,
            shared=self.keep_hue or images.n_channels == 1,
            locality=float(self.locality),
            exposure=self.exposure,
            strength=float(self.strength),
            smoothing=float(self.smoothing),
            on_highest=_warn_of_range if images.has_floats else None,
        )

    def _check_independent(self) -> None:
        """Refuse images apart from those before, of which their curves take on a share."""
        if self.smoothing:
            msg = (
                f"smoothing={self.smoothing} makes images depend on the ones before, so that they "
                f"can neither be transformed apart, as in a dask array, nor be resumed. Set "
                f"smoothing=0, or transform an array in memory with resume=False."
            )
            raise ValueError(msg)

    def _for_some(self, some: slice, n_images: int) -> Self:
        """Return the enhancer with its denoiser for some of so many images."""
        denoiser = self._unfrozen_denoiser
        if not isinstance(denoiser, AutoencoderDenoiser):
            return self
        own = denoiser._for_some(some, n_images)
        return self if own is denoiser else self._with(denoiser=own)

    @property
    def _unfrozen_denoiser(self) -> Any:
        """The denoiser itself, also where a FrozenEstimator holds it."""
        return getattr(self.denoiser, "estimator", self.denoiser)

    def _enhanced(self, images: Images) -> Iterator[np.ndarray]:
        bending = self._bending
        clean = self._clean_denoiser(images) if self.denoise == "after" else None
        for index, (image, curves) in enumerate(self._with_curves(images)):
            # New memory takes as long as a good part of the curves. Integers are the caller's.
            fresh = clean is None and image.dtype.kind == "f"
            enhanced = bending.enhanced(image, curves, out=image if fresh else None)
            if clean is not None:
                denoised = clean(index, image, enhanced, bending.noise_gain(image, curves))
                # Noise around a light gray is evened out to white where white is close.
                denoised[(denoised >= WHITE) & (enhanced < WHITE)] = BELOW_WHITE
                # And what around black overshoots it is no light.
                np.maximum(denoised, np.minimum(enhanced, 0), out=denoised)
                enhanced = denoised
            yield enhanced

    def _with_curves(self, images: Images) -> Iterator[tuple[np.ndarray, Curves]]:
        """Return each image, denoised where that comes first, and its curves."""
        source: Iterable[np.ndarray] = images
        if self.denoiser is None:
            source = (self._taken(images, index) for index in range(len(images)))
        elif self.denoise == "before":
            source = self._fitted_denoiser(images)._transform_images(images)
        return self._brightening(images).with_curves(source)

    def _taken(self, images: Images, index: int) -> np.ndarray:
        """Return an image, of its own dtype where curves can be applied to integers."""
        image = images.own(index) if images.dtypes[index].kind in "iu" else images[index]
        return self._bending.taken(image)

    def _fitted_denoiser(self, images: Images) -> AutoencoderDenoiser:
        denoiser = self._unfrozen_denoiser
        if not isinstance(denoiser, AutoencoderDenoiser):
            msg = f"denoiser must be an AutoencoderDenoiser. Got {self.denoiser!r} instead."
            raise ValueError(msg)
        message = (
            "The denoiser is not fitted. Call denoiser.fit(...) or skdenoise.load(...) first, or "
            "give it weights='natural'; and since clones are not fitted, give it as "
            "sklearn.frozen.FrozenEstimator(denoiser) where the enhancer is cloned."
        )
        check_is_fitted(denoiser, msg=message)
        if getattr(denoiser, "n_channels_in_", images.n_channels) != images.n_channels:
            msg = (
                f"X has {images.n_channels} channels, but the denoiser was fitted on images with "
                f"{denoiser.n_channels_in_} channels. Give a denoiser for such images."
            )
            raise ValueError(msg)
        return denoiser

    def _clean_denoiser(self, images: Images) -> Any:
        """Return the function that denoises an enhanced image; None without a denoiser."""
        if self.denoiser is None:
            return None
        denoiser = self._fitted_denoiser(images)
        if not denoiser._is_steerable(denoiser._network_for(images.n_channels)[1]):
            msg = (
                "denoise='after' tells the denoiser how strong the curves have made the noise, but "
                "this one takes no noise map, or has learnt from noisy images alone. Set "
                "denoise='before', or give it weights='natural'."
            )
            raise ValueError(msg)
        known = "auto" if denoiser.sigma is None else denoiser.sigma
        told_of = noise_maps(known, 1.0, images)

        def clean(
            index: int, image: np.ndarray, enhanced: np.ndarray, noise_gain: np.ndarray
        ) -> np.ndarray:
            told = told_of(index, image.shape, functools.partial(windows_of, image))
            sigma = (told.sigma_of(image) * noise_gain)[..., 0]
            return next(denoiser._with(sigma=sigma)._transform_images(read_images([enhanced])))

        return clean


def _warn_of_range(largest: float) -> bool:
    """Say so where floats are no images in [0, 1], of which nothing would be brightened."""
    if LOWEST <= largest <= HIGHEST:
        return False
    limit, side = ("white is 1", "above") if largest > 0 else ("black is 0", "below")
    warn(
        f"X has values up to {largest:.4g}, but {limit}: what is {side} stays as far {side} it. "
        f"Pass X / 255 if these are gray levels, or integers; scale other floats to [0, 1].",
    )
    return True
