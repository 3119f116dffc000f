"""`AutoencoderDenoiser`: its parameters, the three ways to learn, and what is remembered."""

import functools
import itertools
import os
from collections.abc import Iterator
from numbers import Real
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdenoise import _keras
from skdenoise._adaptation import Adapting, encoded, reason_against
from skdenoise._choices import KINDS, ORIENTATIONS, SIZES
from skdenoise._containers import read_images
from skdenoise._denoising import Denoising
from skdenoise._images import Images
from skdenoise._large import LocalTransform, Unchanged
from skdenoise._large_denoising import LargeDenoising
from skdenoise._learning import (
    Learnt,
    Lesson,
    Start,
    data_range_of,
    extremes,
    independent_stride,
    large_enough,
    pace_of,
    psnr_on,
    split,
    validation_batches,
    warn_of_range,
    way_to_learn,
)
from skdenoise._model_file import write_estimator
from skdenoise._network_transformer import NetworkTransformer, read_only
from skdenoise._noise_maps import noise_maps, read_sigma
from skdenoise._normalization import task_of
from skdenoise._patches import Batch, PatchSampler
from skdenoise._precision import check_engine, engine_for, noisy_samples
from skdenoise._randomness import generators
from skdenoise._shipped import (
    model_cards,
    shipped_for,
    shipped_losses,
    shipped_name,
    shipped_weights,
)
from skdenoise._task import Task
from skdenoise._validation import (
    INT_POSITIVE,
    REAL_NOT_NEGATIVE,
    REAL_POSITIVE,
    Interval,
    OneOf,
)
from skdenoise._warning import warn
from skdenoise.losses import LOSSES
from skdenoise.metrics._reference import psnr_of_images
from skdenoise.networks import NETWORKS
from skdenoise.noise import NoiseInjector
from skdenoise.noise._level_function import REACH
from skdenoise.scoring import SUREScorer
from skdenoise.scoring._reference import warn_if_noise_moves
from skdenoise.scoring._scorer import corrupted

KNOWN_SIGMA = 0.5
"""Share of the patches for which a steerable network is told the strength of the noise."""


class AutoencoderDenoiser(NetworkTransformer):
    """Remove noise with a convolutional network that learns from your images.

    There are three ways to learn, and `learning_` says which one it was:

    - ``fit(X_noisy, y=X_clean)``: supervised, from pairs;
    - ``AutoencoderDenoiser(noise=NoiseInjector(...)).fit(X_clean)``: from clean images, with
      fresh noise at every step;
    - ``fit(X_noisy)``: from noisy images alone; pairs of neighboring pixels take the part of
      noisy and clean images [1]_. Where the noise is white and weights of the package are
      adapted, the error is minimized that Stein's lemma expects.

    And it need not learn at all: ``AutoencoderDenoiser(weights="natural").transform(X)`` uses
    weights that come with the package.

    Parameters
    ----------
    architecture : {"unet", "autoencoder", "dncnn", "ridnet"} or callable, default="unet"
        The network, see `skdenoise.networks`; or a function of the number of channels that
        returns a functional `keras.Model` from images of any size to images as large. Its
        weights are drawn anew, but for those of layers that are not trainable.
    size : {"nano", "small", "base"}, default="small"
        Size of the "unet"; the others have one size.
    weights : {"auto", "natural", "procedural"} or None, default="auto"
        What to begin with, see `skdenoise.model_cards`: weights learned from photographs, or
        from images made by a program. With either, `transform` needs no `fit`, and takes images
        with any number of channels: other than 1 and 3 it denoises one by one. None begins
        with random weights; so does "auto", except for ``fit(X_noisy)``, which adapts
        "natural" weights where there are some for the network.
    trainable : {"auto", "gains", "all"}, default="auto"
        What ``fit(X_noisy)`` adapts of weights that come with the package: "gains", one factor
        per channel of each layer, which cannot over-fit to a single image, or "all" weights;
        "auto" takes all from about four million pixels on.
    noise : NoiseInjector, default=None
        Makes fresh noise while learning from clean images.
    sigma : float, array-like or "auto", default=None
        What a network with a noise map ("unet") is told about the noise in `transform`: its
        standard deviation in the images' own units, gray levels for integers; one per image,
        or a map (H, W) or (n_images, H, W); where it is 0, pixels stay as they are, and a small
        part of the noise that there is tells as little as None. "auto" estimates it, at each
        lightness where it differs. None leaves the network blind, which is as good, or nearly; but
        weights that come with the package are told where the noise is found to be white.
    strength : float, default=1.0
        How much of the noise is removed. Below 1, so large a share of what the network takes
        away by itself: 0 returns the images as they are. Above 1, the network is told so many
        times `sigma` (the estimated one where `sigma` is None), and smooths more; but told
        of much more noise than there is, it leaves some in flat places.
    n_augment : {1, 2, 4, 8}, default=1
        Each image is denoised in so many orientations (flips and quarter turns), and the
        results are averaged: a little better, and so many times slower. `predict` can tell how
        much they differ.
    loss : {"mse", "l1", "charbonnier"} or callable, default="mse"
        What is minimized, see `skdenoise.losses`; or a function ``loss(clean, denoised)`` of
        two Keras tensors. Where Stein's lemma is used, it is the squared error.
    optimizer : {"auto", "adam", "adamw", "muon", "sgd"}, default="auto"
        How weights follow the gradient. "auto" is "muon" [2]_ where they are learned from
        nothing, which gets further in the same time, and "adam" for trained weights.
    learning_rate : float or "auto", default="auto"
        The highest learning rate; it is reached after a warm-up and falls along a cosine.
        "auto" is 5e-3 for "muon"; for the others 3e-3 with "unet", which starts as the
        identity, and 1e-3 without; and for trained weights 3e-4, or 2e-3 for their gains, or
        1e-4 and 1e-2 where these learn from noisy images alone, whose noise is white.
    epochs : int or None, default=50
        An epoch draws as many patches as cover the images once. None trains until
        `time_budget` is spent.
    batch_size : int, default=32
        Patches per step.
    patch_size : int, default=64
        Side of a patch in pixels; images that are smaller are taken whole. Where Stein's lemma
        is used, patches are twice as wide, and a quarter as many make a batch.
    validation_fraction : float, default=0.1
        Share of the images that is held out to choose the best epoch, at least one image
        where there are two. 0 learns from all and keeps the last epoch.
    n_iter_no_change : int, default=None
        Stop after so many epochs without a better validation PSNR, where images are held out
        for it: not for a single one, nor where weights are adapted. None does not.
    time_budget : float, default=None
        Stop after so many seconds; the schedule of the learning rate adapts. Results then
        depend on the speed of the machine.
    warm_start : bool, default=False
        Whether `fit` begins with the weights of the last `fit`.
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
        Arithmetic of the network. "auto" trains in bfloat16 where the processor is quick at
        it; it also denoises in bfloat16 there, where that costs less than 0.01 dB (see
        `precision_loss_`), but for networks that are normalized: these take floats of any
        unit, and in float32 the unit does not matter to the last digit. "int8" denoises with
        8-bit integers, in OpenVINO, and trains as "auto".
    image_shape : tuple, default=None
        Shape (H, W) or (H, W, C) of the images in the rows of a table; None means
        1 x n_features.
    random_state : int, RandomState, Generator or None, default=None
        Source of weights, patches and noise. An int gives the same result, bit for bit, on
        the same machine.
    verbose : int, default=0
        1 shows a progress bar with the loss, the PSNR and the time left.

    Attributes
    ----------
    weights_ : dict of str to ndarray
        The weights of the network; to change them, assign another dict.
    network_ : keras.Model
        A model with these weights; it takes images as the estimator passes them on,
        normalized. Made when it is asked for.
    history_ : dict of str to list of float
        Per epoch: ``loss``, ``psnr`` (of training patches, in dB), ``learning_rate``,
        ``seconds`` and, where images were held out, ``val_psnr``.
    learning_ : {"supervised", "fresh noise", "self-supervised", "adapted"}
        How it learnt; "adapted" is from noisy images alone, beginning with trained weights.
    adaptation_ : Adaptation or None
        After ``fit(X_noisy)`` that began with trained weights: whether the adapted ones were
        ``kept``, and the estimates in dB ``before`` and ``after`` on rows that were held out, on
        which that was decided. Images of less than 32 pixels of height or width are too small to
        hold anything out, and are left out. None where all are, or the noise of neighbors is
        correlated, or much of it is clipped at black or white: the weights are used as they are.
        With `warm_start` and in `partial_fit` it then stays what it was.
    precision_loss_ : dict of str to float
        What "bfloat16" costs, as the mean absolute change of the PSNR in dB on images that were
        held out, or on training patches where none were; empty where it was not measured,
        since the processor is not quick at it. With ``precision="int8"`` also what that costs,
        on computed images; OpenVINO calibrates the network when it is asked for. Of weights
        that come with the package, the numbers of their model cards.
    data_range_ : float
        White minus black that dB refer to: 1.0 for integers, scaled by their dtype, and for
        floats that fit [0, 1] but for noise; otherwise the range of the images.
    n_channels_in_ : int
        Channels of the images, without alpha.
    n_features_in_ : int
        Columns of the table seen in `fit`; only after a fit on a table.
    feature_names_in_ : ndarray of str
        Their names, where they have some.

    Raises
    ------
    ValueError
        Where a parameter is not what it may be, or images and clean images do not match.
    ImportError
        Where OpenVINO is to run the network and is not installed.
    FloatingPointError
        In `fit`, where the loss becomes NaN or infinite; the last finite weights are kept.

    See Also
    --------
    NoiseInjector : Adds noise, as a step of a pipeline or while this estimator learns.
    skdenoise.load : Read what `save` has written.

    Notes
    -----
    Networks other than "autoencoder" see each image normalized by its own mean and standard
    deviation, so no particular range of floats is wanted. "autoencoder" and callables see
    images in working units: integers divided by the largest value of their dtype, floats as
    they are.

    Large images are denoised in tiles whose margin is the network's receptive field, so that
    tiles do not show. "ridnet" looks at the whole image and cannot be tiled.

    References
    ----------
    .. [1] T. Huang, S. Li, X. Jia, H. Lu, J. Liu, "Neighbor2Neighbor: Self-Supervised
       Denoising from Single Noisy Images", CVPR 2021. https://arxiv.org/abs/2101.02824
    .. [2] K. Jordan, Y. Jin, V. Boza, J. You, F. Cesista, L. Newhouse, J. Bernstein, "Muon: An
       optimizer for hidden layers in neural networks", 2024.
       https://kellerjordan.github.io/posts/muon/

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise import AutoencoderDenoiser, NoiseInjector
    >>> X = np.random.default_rng(0).random((4, 16, 16))
    >>> denoiser = AutoencoderDenoiser(
    ...     size="nano", noise=NoiseInjector(noise_factor=0.1), epochs=1, random_state=0
    ... )
    >>> denoiser.fit(X).transform(X).shape
    (4, 16, 16)
    """

    _ready_weights = KINDS
    _optimizer_state: list[np.ndarray] | None = None
    _learned_with: tuple[str, str] | None = None
    _began_trained: bool = False

    def __init__(
        self,
        architecture="unet",
        *,
        size="small",
        weights="auto",
        trainable="auto",
        noise=None,
        sigma=None,
        strength=1.0,
        n_augment=1,
        loss="mse",
        optimizer="auto",
        learning_rate="auto",
        epochs=50,
        batch_size=32,
        patch_size=64,
        validation_fraction=0.1,
        n_iter_no_change=None,
        time_budget=None,
        warm_start=False,
        callbacks=None,
        devices=None,
        engine="auto",
        precision="auto",
        image_shape=None,
        random_state=None,
        verbose=0,
    ):
        self.architecture = architecture
        self.size = size
        self.weights = weights
        self.trainable = trainable
        self.noise = noise
        self.sigma = sigma
        self.strength = strength
        self.n_augment = n_augment
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.patch_size = patch_size
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.time_budget = time_budget
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.devices = devices
        self.engine = engine
        self.precision = precision
        self.image_shape = image_shape
        self.random_state = random_state
        self.verbose = verbose

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Go on learning: one epoch over `X` at a constant learning rate.

        Parameters
        ----------
        X : container of images
            As in `fit`; with as many channels as before.
        y : container of images like `X`, default=None
            Clean images; class labels are ignored.

        Returns
        -------
        self
            The fitted estimator. `history_` grows by one epoch, unless nothing is learned from
            `X` (see `adaptation_`).
        """
        self._check_parameters()
        first = not hasattr(self, "weights_")
        with self._seen_unless_it_fails():
            images = self._read(X, reset=first)
            self._learn(images, self._read_target(y, images), partial=True)
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Denoise images, as `transform` does, and say where the result depends on orientation.

        Parameters
        ----------
        X : container of images
            The noisy images.
        return_std : bool, default=False
            Whether to return the standard deviation over the `n_augment` orientations, too.

        Returns
        -------
        denoised : container of the kind of `X`
            The denoised images.
        std : container of the kind of `X`
            Floats in the images' own units, gray levels for integers; only where `return_std`.
            Large where the network is unsure, but not calibrated: see `ConformalDenoiser`. 0
            for alpha.

        Raises
        ------
        ValueError
            Where `return_std` is asked for, but there is only one orientation.
        """
        if not return_std:
            return self.transform(X)
        self._check_fitted()
        if self.n_augment == 1:
            msg = (
                "return_std=True needs several orientations to compare, but n_augment=1. Type "
                "denoiser.set_params(n_augment=8)."
            )
            raise ValueError(msg)
        images = self._read(X, reset=False)
        pairs = list(self._transform_images(images, return_std=True))
        return (
            images.restore(denoised for denoised, _ in pairs),
            images.restore_deviations(deviation for _, deviation in pairs),
        )

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean PSNR in dB.

        Parameters
        ----------
        X : container of images
            Noisy images; clean ones where the estimator has a `noise` and `y` is None.
        y : container of images like `X`, default=None
            Clean images; class labels are ignored. Without them, `noise` is added to `X` as
            ``psnr_scorer.with_noise(noise)`` does; where there is none either, the PSNR is
            estimated from the noisy images alone, see `SUREScorer`.

        Returns
        -------
        float
            Greater is better.
        """
        self._check_fitted()
        images = self._read(X, reset=False)
        target = self._read_target(y, images)
        if target is None and self.noise is None:
            return SUREScorer()._mean_psnr(self, X, peaks=self._peaks(images))
        noisy, clean = images, images if target is None else target
        if self.noise is not None and (target is None or images.same_as(target)):
            warn_if_noise_moves([self.noise], clean)
            noisy = self._read_again(corrupted(self.noise, X, self.image_shape, random_state=0))
        denoised = self._read_again(noisy.restore(self._transform_images(noisy)))
        low, high = extremes(clean, most=len(clean))
        peaks = self._peaks(clean, at_least=high - low)
        return float(psnr_of_images(clean, denoised, peaks * np.array(clean.scales)).mean())

    def _peaks(self, images: Images, *, at_least: float = 0.0) -> np.ndarray:
        """Return white minus black of each image in working units, as learned or as it is here."""
        learned = self.data_range_ if hasattr(self, "weights_") else data_range_of(images)
        of_floats = max(learned, at_least)
        return np.array([of_floats if dtype.kind == "f" else 1.0 for dtype in images.dtypes])

    def save(self, path: str | os.PathLike[str], *, dtype: str = "float32") -> None:
        """Write the fitted estimator to one safetensors file, which holds no code.

        Parameters
        ----------
        path : str or path-like
            The file, such as ``"denoiser.safetensors"``; an existing one is replaced when the
            new one is complete.
        dtype : {"float32", "float16"}, default="float32"
            How the weights lie in the file; "float16" halves its size, and changes results by
            about a thousandth of the noise that is removed.

        Raises
        ------
        ModelFileError
            Where a parameter is a function, such as a callable `architecture`; pickle the
            estimator then, for people who trust you.
        sklearn.exceptions.NotFittedError
            Where it has learnt nothing, also with weights of the package.
        """
        self._check_own_weights()
        self._check_parameters()
        classes = {"AutoencoderDenoiser": AutoencoderDenoiser, "NoiseInjector": NoiseInjector}
        fitted = {
            "n_channels_in_": self.n_channels_in_,
            "learning_": self.learning_,
            "began_trained_": self._began_trained,
            "data_range_": self.data_range_,
            "precision_loss_": self._losses(),
            "adaptation_": encoded(getattr(self, "adaptation_", None)),
        }
        write_estimator(path, self, classes, fitted, self.weights_, dtype)

    # Learning

    def _check_parameters(self) -> None:
        self._check(
            {
                "architecture": [OneOf(NETWORKS), callable],
                "size": [OneOf(SIZES)],
                "weights": [OneOf({"auto", *KINDS}), None],
                "trainable": [OneOf({"auto", "gains", "all"})],
                "noise": [NoiseInjector, None],
                "sigma": [REAL_NOT_NEGATIVE, OneOf({"auto"}), list, tuple, np.ndarray, None],
                "strength": [REAL_NOT_NEGATIVE],
                "n_augment": [OneOf(ORIENTATIONS)],
                "loss": [OneOf(LOSSES), callable],
                "optimizer": [OneOf({"auto", "adam", "adamw", "muon", "sgd"})],
                "learning_rate": [REAL_POSITIVE, OneOf({"auto"})],
                "validation_fraction": [Interval(Real, 0, 1, closed="left")],
                "n_iter_no_change": [INT_POSITIVE, None],
                "warm_start": ["boolean"],
            }
        )
        self._check_weights()
        if self.noise is not None:
            self.noise._check_parameters()

    def _check_weights(self) -> None:
        """Refuse weights that the network cannot have."""
        if self.weights not in KINDS or self._shipped(self.weights, 1) is not None:
            return
        have = [
            f"size={card['size']!r}"
            for card in model_cards()
            if (card["weights"], card["n_channels"]) == (self.weights, 1)
        ]
        msg = (
            f"There are weights={self.weights!r} for architecture='unet', {' and '.join(have)}; "
            f"got architecture={self.architecture!r}, size={self.size!r}. Set weights=None to "
            f"begin with random ones."
        )
        raise ValueError(msg)

    def _shipped(self, kind: str, n_channels: int) -> str | None:
        """Return the name of weights that come with the package and fit the network."""
        fits = isinstance(self.architecture, str) and self.architecture == "unet"
        return shipped_name(kind, self.size, n_channels) if fits else None

    def _fit_images(self, images: Images, target: Images | None) -> None:
        self._learn(images, target, partial=False)

    def _learn(self, images: Images, target: Images | None, *, partial: bool) -> None:
        """Train the network; remember nothing unless it went well, or diverged later on."""
        devices = _keras.chosen_devices(self.devices, self.random_state, self.time_budget)
        check_engine(self.engine, self.precision)
        # Independent sources: what is drawn for validation does not move the training.
        rng, held_out_rng, revival = generators(self.random_state, 3)
        learning, data_range = way_to_learn(images, target, self.noise), data_range_of(images)
        start = self._start(images, learning, rng, partial=partial)
        ends_in_sigmoid = self.architecture == "autoencoder"
        warn_of_range(images, self.noise, ends_in_sigmoid=ends_in_sigmoid)
        adapting = None
        stride = independent_stride(images) if learning == "self-supervised" else 1
        if learning == "self-supervised" and start.is_trained:
            why = reason_against(images, stride)
            if why is not None:
                self._stay(start, images, data_range, why)
                return
            chosen = images.take(large_enough(images))
            adapting = Adapting(chosen, self.trainable, data_range)
            images, learning = adapting.images, "adapted"
        network = self._network()
        sampler = PatchSampler(
            images,
            target if learning == "supervised" else None,
            self.noise.at_scale if learning == "fresh noise" else None,
            patch_size=self.patch_size,
            multiple=network.stride,
            normalized=self._normalizes,
            data_range=data_range,
            stride=stride,
            sigmas=adapting.sigmas if adapting else None,
        )
        held_out_share = 0.0 if partial or adapting else self.validation_fraction
        training, held_out = split(len(images), held_out_share, held_out_rng)
        batches = validation_batches(sampler, held_out, held_out_rng)
        lesson = Lesson(sampler, training, batches, adapting.trained if adapting else "all")
        try:
            best, history, optimizer = self._train(
                start, lesson, rng, None if partial else revival, devices, partial=partial
            )
        except _keras.DivergenceError as error:
            if error.weights is not None and adapting is None:
                history = self.history_ if partial and start.goes_on else {}
                learnt = Learnt(error.weights, history, learning, data_range)
                self._remember(learnt._replace(began_trained=start.is_trained))
            raise
        if partial and start.goes_on:
            history = {
                name: [*self.history_.get(name, []), *values] for name, values in history.items()
            }
        adaptation = None
        if adapting is not None:
            adaptation = adapting.judge(
                lambda weights: functools.partial(_keras.predict, network, weights),
                start.weights,
                best,
                was_told=self._measures or not start.goes_on,
            )
            best = best if adaptation.kept else start.weights
        if not batches:
            batches = list(itertools.islice(sampler.epoch(training, 16, rng=held_out_rng), 1))
        loss = self._loss_of_bfloat16(best, batches, sampler.knows_clean)
        began = start.is_trained
        self._remember(Learnt(best, history, learning, data_range, adaptation, loss, began))
        if partial:
            self._optimizer_state, self._learned_with = optimizer

    def _start(
        self, images: Images, learning: str, rng: np.random.Generator, *, partial: bool
    ) -> Start:
        """Return the weights to begin with: those learnt before, of the package, or random."""
        network = self._template(training=True)
        drawn = _keras.draw_weights(network, rng)
        if (self.warm_start or partial) and hasattr(self, "weights_"):
            self._check_weights_fit()
            return Start(self.weights_, self._began_trained, goes_on=True)
        shipped = self._shipped_to_learn_from(images, learning)
        if shipped is None:
            return Start(drawn, is_trained=False)
        weights = shipped_weights(shipped, network.shapes())
        return Start(weights, is_trained=True, shipped=shipped)

    def _stay(self, start: Start, images: Images, data_range: float, why: str) -> None:
        """Keep the weights where images do not tell whether others were better."""
        if images.has_rows:
            warn(f"Nothing was learned: {why}, or set weights=None to learn from nothing.")
        if start.shipped is not None:
            loss = shipped_losses(start.shipped)
            learnt = Learnt(start.weights, {}, "adapted", data_range, None, loss, True)
            self._remember(learnt)
        else:
            self.data_range_ = data_range

    def _train(
        self,
        start: Start,
        lesson: Lesson,
        rng: np.random.Generator,
        revival: np.random.Generator | None,
        devices: Any,
        *,
        partial: bool,
    ) -> tuple[dict[str, np.ndarray], dict[str, list[float]], tuple[Any, tuple[str, str]]]:
        """Return the best weights, their history, and what the optimizer is to remember."""
        network, reference = self._template(training=True), self._network()
        sampler, training, batches, trained = lesson
        loss, by_error = self.loss, sampler.sigmas is not None
        if by_error:
            # What a small step changes is about as much as bfloat16 rounds.
            network, loss = reference, _keras.ExpectedError()
        optimizer, rate = pace_of(
            self.optimizer,
            self.learning_rate,
            trained if start.is_trained else None,
            by_error=by_error,
            as_identity=self.architecture == "unet",
        )
        learned_with = optimizer, trained
        # What an optimizer remembers is of use to the same one, for the same numbers.
        remembers = partial and start.goes_on and self._learned_with == learned_with
        trainer = _keras.Trainer(
            network,
            start.weights,
            loss=loss,
            optimizer=optimizer,
            state=self._optimizer_state if remembers else None,
            gains_only=trained == "gains",
            devices=devices,
        )
        plan = _keras.Plan(
            1 if partial else self.epochs,
            self.time_budget,
            rate,
            self.n_iter_no_change,
            constant_rate=partial,
        )
        known_sigma = KNOWN_SIGMA if network.steerable and not sampler.in_pairs else 0.0

        def epoch() -> Iterator[Batch]:
            return sampler.epoch(training, self.batch_size, rng=rng, known_sigma=known_sigma)

        def validate(weights: dict[str, np.ndarray]) -> float:
            return psnr_on(functools.partial(_keras.predict, reference, weights), batches)

        best, history = self._trained(
            trainer,
            epoch,
            sampler.n_batches(training, self.batch_size),
            plan,
            validate=validate if batches else None,
            revival=None if start.is_trained else revival,
        )
        return best, history, (trainer.optimizer_state, learned_with)

    def _remember(self, learnt: Learnt) -> None:
        self.weights_ = read_only(learnt.weights)
        self.history_ = learnt.history
        self.learning_ = learnt.learning
        self.data_range_ = learnt.data_range
        self.adaptation_ = learnt.adaptation
        self._precision_loss = dict(learnt.precision_loss)
        self._began_trained = learnt.began_trained
        self._optimizer_state = self._learned_with = None

    def _loss_of_bfloat16(
        self, weights: dict[str, np.ndarray], batches: list[Batch], knows_clean: bool
    ) -> dict[str, float]:
        """Measure what bfloat16 costs, where it could be used."""
        if not self._may_use_bfloat16():
            return {}
        network = self._network()
        noisy = [image for batch in batches for image in batch.noisy]
        clean = [image for batch in batches for image in batch.clean]
        if not knows_clean:
            # Nobody knows the clean images: those that were denoised are, with as much noise.
            rng = np.random.default_rng(0)
            clean = list(_keras.predict(network, weights, map(Task, noisy)))
            noisy = [
                (image + (before - image).std() * rng.standard_normal(image.shape)).astype("f4")
                for before, image in zip(noisy, clean, strict=True)
            ]
        found = _keras.precision_loss("bfloat16", network, weights, list(map(Task, noisy)), clean)
        return {"bfloat16": found}

    def _used_weights(self) -> dict[str, np.ndarray]:
        self._check_own_weights()
        return self.weights_

    def _shipped_losses(self) -> dict[str, float]:
        self._check_weights()
        names = (self._shipped(self.weights, n_channels) for n_channels in (1, 3))
        cards = [shipped_losses(name) for name in names if name is not None]
        return {key: max(card[key] for card in cards) for key in cards[0]}

    def _loss_on_samples(self, precision: str) -> float:
        check_engine(self.engine, precision)
        n_channels, network, weights, _ = self._network_for(self.n_channels_in_)
        tasks, clean = self._samples(n_channels, calibrating=False)
        how = self._how(precision, n_channels)
        return _keras.precision_loss(precision, network, weights, tasks, clean, **how)

    def _how(self, precision: str, n_channels: int) -> dict[str, Any]:
        """Return the arguments of `predict` that say what runs the network."""
        return {
            "owner": self._owner,
            "engine": engine_for(self.engine, precision),
            "calibration": functools.partial(self._calibration, n_channels),
        }

    def _samples(self, n_channels: int, *, calibrating: bool) -> tuple[list, list[np.ndarray]]:
        """Return computed images as the network sees them, and how they should come out."""
        # A network that does not normalize has learnt a certain range.
        unit = 1.0 if self._normalizes else getattr(self, "data_range_", 1.0)
        tasks, wanted = [], []
        for noisy, clean in noisy_samples(n_channels, calibrating=calibrating):
            tasks.append(task_of(unit * noisy, normalized=self._normalizes))
            wanted.append(unit * clean)
        return tasks, wanted

    def _calibration(self, n_channels: int) -> list:
        return self._samples(n_channels, calibrating=True)[0]

    def _check_own_weights(self) -> None:
        """Refuse what needs learnt weights where there are none, or those of another network."""
        message = (
            "This %(name)s has no weights of its own yet. Call fit first. Weights of the package "
            "come with every installation, and skdenoise.export writes them for other programs."
        )
        check_is_fitted(self, "weights_", msg=message)
        self._check_weights_fit()

    def _check_weights_fit(self) -> None:
        """Refuse parameters with which the network is another than the one that learned."""
        if self._network().shapes() != {name: w.shape for name, w in self.weights_.items()}:
            msg = (
                "The weights learnt so far do not fit the network: architecture, size or the "
                "number of channels changed. Set them back, or fit a clone(denoiser)."
            )
            raise ValueError(msg)

    def _shipped_to_learn_from(self, images: Images, learning: str) -> str | None:
        """Return the name of the weights to begin with; None begins with random ones."""
        if self.weights == "auto":
            adapts = learning == "self-supervised"
            return self._shipped("natural", images.n_channels) if adapts else None
        if self.weights is None:
            return None
        name = self._shipped(self.weights, images.n_channels)
        if name is None:
            msg = (
                f"There are no weights={self.weights!r} for images with {images.n_channels} "
                f"channels to go on learning from. Fit channel by channel, or set weights=None."
            )
            raise ValueError(msg)
        return name

    # Denoising

    @property
    def _normalizes(self) -> bool:
        return isinstance(self.architecture, str) and self.architecture != "autoencoder"

    def _network(
        self, n_channels: int | None = None, *, bfloat16: bool = False
    ) -> "_keras.Network":
        n_channels = self.n_channels_in_ if n_channels is None else n_channels
        return _keras.get_network(self.architecture, self.size, n_channels, bfloat16=bfloat16)

    def _transform_images(
        self, images: Images, *, return_std: bool = False
    ) -> Iterator[np.ndarray]:
        self._check_ready()
        if self.strength == 0:
            return (np.stack([image, 0 * image]) if return_std else image for image in images)
        denoising, _ = self._denoising(images)
        return denoising.results(images, return_std=return_std)

    def _denoising(self, images: Images) -> "tuple[Denoising, _keras.Network]":
        """Return what is done with images, and by which network."""
        n_channels, network, weights, losses = self._network_for(images.n_channels)
        self._check_steering(network)
        how = self._how(self.precision, n_channels)
        denoising = Denoising(
            once=functools.partial(_keras.predict, network, weights, **how),
            n_channels=n_channels,
            normalizes=self._normalizes,
            told=noise_maps(self.sigma, self.strength, images),
            precisions=[self._precision_of(dtype, losses) for dtype in images.dtypes],
            is_restrained=self._is_restrained,
            measures=self._measures,
            reach=REACH if self._reads_noise else 0,
            n_augment=self.n_augment,
        )
        return denoising, network

    def _precision_of(self, dtype: np.dtype, losses: dict[str, float]) -> str:
        """Return the arithmetic for images of a dtype.

        Rounding in between makes much of the last digit, in which floats of other units and
        offsets differ.
        """
        if self._normalizes and dtype.kind == "f" and self.precision == "auto":
            return "float32"
        return self._arithmetic(losses)

    @property
    def _is_restrained(self) -> bool:
        """Whether less is taken away where there is hardly any noise.

        Weights of this package do no harm, whatever they are given.
        """
        blind = self.sigma is None and self.strength <= 1
        return blind and getattr(self, "learning_", "adapted") == "adapted"

    @property
    def _measures(self) -> bool:
        """Whether white noise is measured and told; weights adapted to other noise know theirs."""
        adaptation = getattr(self, "adaptation_", None)
        return adaptation is None or adaptation.told

    @property
    def _reads_noise(self) -> bool:
        """Whether what the network is told may be read off pixels."""
        if self.sigma is None:
            return self.strength > 1 or (self._is_restrained and self._measures)
        return isinstance(self.sigma, str)

    def _local_transform(self, images: Images) -> LocalTransform | None:
        self._check_ready()
        if self.strength == 0:
            return Unchanged()
        denoising, network = self._denoising(images)
        if network.halo is None:
            return None
        return LargeDenoising(denoising, halo=network.halo, grid=network.stride)

    def _for_some(self, some: slice, n_images: int) -> Self:
        """Return the denoiser for some of so many images, which may have a sigma each."""
        if self.sigma is None or isinstance(self.sigma, str):
            return self
        given = read_sigma(self.sigma, n_images)
        return self._with(sigma=given[some]) if isinstance(given, list) else self

    def _network_for(
        self, n_channels: int
    ) -> "tuple[int, _keras.Network, dict[str, np.ndarray], dict[str, float]]":
        """Return how many channels the network takes at once, it, its weights and their losses."""
        if hasattr(self, "weights_"):
            self._check_weights_fit()
            return n_channels, self._network(), self.weights_, self._losses()
        name, n_channels = shipped_for(self.weights, self.size, n_channels)
        network = self._network(n_channels)
        weights = shipped_weights(name, network.shapes())
        return n_channels, network, weights, shipped_losses(name)

    def _is_steerable(self, network: "_keras.Network") -> bool:
        alone = getattr(self, "learning_", None) == "self-supervised"
        return network.steerable and not alone

    def _check_steering(self, network: "_keras.Network") -> None:
        """Refuse a `sigma` or a `strength` that would have no effect."""
        steered = self.sigma is not None or self.strength > 1
        if not steered or self._is_steerable(network):
            return
        reason = (
            "has learnt from noisy images alone, without being told the strength of the noise"
            if network.steerable
            else f"has architecture={self.architecture!r}, which takes no noise map"
        )
        msg = (
            f"sigma={self.sigma!r} and strength={self.strength!r} have no effect, since the "
            f"denoiser {reason}. Leave sigma=None and a strength of up to 1, or use "
            f"architecture='unet' and learn with noise=NoiseInjector(...) or from pairs."
        )
        raise ValueError(msg)

    def _read_again(self, restored: Any) -> Images:
        """Read what `Images.restore` returned."""
        return read_images(restored, self.image_shape)
