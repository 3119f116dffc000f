"""Fitting a network: one traced step for all fits of an architecture, and the loop around it."""

import functools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import keras
import numpy as np

from skdenoise._keras._backend import (
    check_not_forked,
    compiled,
    to_array,
    to_arrays,
    with_gradient,
)
from skdenoise._keras._denoising import KnownError
from skdenoise._keras._devices import Devices, parted, shared, spread, used_devices
from skdenoise._keras._keyed import Keyed
from skdenoise._keras._network import Network, Weights, last_layers
from skdenoise._keras._optimizers import OPTIMIZERS, clip_by_norm
from skdenoise._keras._quick_choice import quick_to_learn
from skdenoise._keras._rebuilding import rebuilt, remade
from skdenoise._keras._revival import revival_is_due, revived

WARM_UP = 0.15
"""Share of the training over which the learning rate rises, before it falls along a cosine."""
LEAST_PSNR = -60.0
"""Decibels below which errors are a thousand times as large as the images: nothing was learned."""
LARGEST_GRADIENT = 1.0
"""Length to which a longer gradient is shortened."""

CONVOLUTIONS = keras.layers.Conv2D, keras.layers.Conv2DTranspose

Loss = str | Callable[[Any, Any], Any]


class Arrays(Protocol):
    """What a network learns from at once."""

    def arrays(self) -> list[np.ndarray]:
        """Return the arrays in a fixed order."""
        ...


class Objective(Protocol):
    """What is minimized: an immutable value, since equal ones share a traced step.

    Attributes
    ----------
    n_channels : tuple of (int or None)
        Of each array of a batch: how many channels it has; None for as many as the image.
    """

    n_channels: tuple[int | None, ...]

    def inputs(self, arrays: list, steerable: bool) -> Any:
        """Return what the network is given of a batch."""
        ...

    def __call__(self, outputs: Any, arrays: list) -> tuple[Any, Any]:
        """Return the loss, and a tensor of numbers to be reported."""
        ...

    def report(self, numbers: Any) -> dict[str, float]:
        """Return the names of the numbers, of one batch or averaged over some."""
        ...


class DivergenceError(FloatingPointError):
    """The loss became NaN, infinite or absurd; the last finite weights are in `weights`."""

    def __init__(self, message: str, weights: Weights | None = None) -> None:
        super().__init__(message)
        self.weights = weights


class Trainer:
    """Weights that learn batch by batch.

    Parameters
    ----------
    network : Network
        The template.
    weights : dict of str to ndarray
        Where to begin; not changed.
    loss : str, callable or Objective
        Name in the table of losses, or ``loss(clean, denoised)``; or what else is minimized.
    optimizer : str
        Name in the table of optimizers.
    state : list of ndarray, default=None
        What `optimizer_state` returned, to go on from there.
    gains_only : bool, default=False
        Whether the weights stay as they are but for one factor per channel and layer, which
        are too few to over-fit even to a single image [1]_.
    largest_gradient : float, default=1.0
        Length to which a longer gradient is shortened.
    devices : tuple of str, default=()
        Devices that each learn from a part of every batch; none leaves it to the backend.

    References
    ----------
    .. [1] S. Mohan, J. L. Vincent, R. Manzorro, P. A. Crozier, C. Fernandez-Granda,
       E. P. Simoncelli, "Adaptive Denoising via GainTuning", NeurIPS 2021.
       https://arxiv.org/abs/2107.12815
    """

    def __init__(
        self,
        network: Network,
        weights: Weights,
        *,
        loss: Loss | Objective,
        optimizer: str,
        state: list[np.ndarray] | None = None,
        gains_only: bool = False,
        largest_gradient: float = LARGEST_GRADIENT,
        devices: Devices = (),
    ) -> None:
        check_not_forked()
        self._devices, self._network = devices, network
        self._names = list(weights)
        arrays = list(weights.values())
        trainable, fixed = arrays[: network.n_trainable], arrays[network.n_trainable :]
        self._base: list = []
        if gains_only:
            self._base = shared(trainable, devices)
            trainable = [np.ones(shape, np.float32) for shape in network.gain_shapes()]
        self._trainable, self._fixed = shared(trainable, devices), shared(fixed, devices)
        if state is None:
            n_states = OPTIMIZERS[optimizer][1]
            zeros = [np.zeros_like(array) for array in trainable for _ in range(n_states)]
            state = [np.zeros((), np.float32), *zeros]
        self._state = shared(state, devices)
        self.objective = cast(Any, loss if hasattr(loss, "report") else KnownError(Keyed.of(loss)))
        self._step = functools.partial(
            _step, network, self.objective, optimizer, gains_only, largest_gradient
        )
        self._before = self._trainable, self._fixed

    def step(self, batch: Arrays, learning_rate: float) -> tuple[float, Any]:
        """Learn from a batch; return the loss, and the numbers of the objective."""
        arrays = batch.arrays()
        (rate,) = shared([np.array(learning_rate, np.float32)], self._devices)
        step = self._step(used_devices(self._devices, len(arrays[0])))
        loss, numbers, trainable, fixed, state = step(
            self._trainable,
            self._fixed,
            self._base,
            self._state,
            parted(arrays, self._devices),
            rate,
        )
        value = to_array(loss)
        if value.size != 1:
            msg = (
                f"loss must return one number for a batch, and returned an array of shape "
                f"{value.shape}. Return its mean, for example "
                f"keras.ops.mean(keras.ops.square(clean - denoised))."
            )
            raise ValueError(msg)
        value = value.item()
        if not math.isfinite(value):
            raise self.divergence(f"The loss became {value}", learning_rate)
        self._before = self._trainable, self._fixed
        self._trainable, self._fixed, self._state = list(trainable), list(fixed), list(state)
        return value, to_array(numbers)

    def finite_weights(self, learning_rate: float) -> Weights:
        """Return the weights.

        Raises
        ------
        DivergenceError
            Where the last step made them NaN or infinite, which the next loss would have told.
        """
        weights = self.weights
        if not all(np.isfinite(array).all() for array in weights.values()):
            raise self.divergence("The weights became NaN or infinite", learning_rate)
        return weights

    def divergence(self, what: str, learning_rate: float) -> DivergenceError:
        """Return the error that says so, with the last finite weights."""
        msg = (
            f"{what}. Try a smaller learning_rate (it is {learning_rate:.3g} here), another loss "
            f"such as 'l1', or look for extreme values in X. The last finite weights were kept."
        )
        return DivergenceError(msg, self._arrays(*self._before))

    def revive(self, batch: Arrays, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Let units that a batch leaves dead begin anew; return which numbers are new."""
        weights = self.weights
        inputs = self.objective.inputs(batch.arrays(), self._network.steerable)
        changed = revived(self._network, weights, inputs, rng)
        if changed:
            arrays = list(weights.values())[: self._network.n_trainable]
            self._trainable = shared(arrays, self._devices)
        return changed

    @property
    def weights(self) -> Weights:
        """The weights as arrays."""
        return self._arrays(self._trainable, self._fixed)

    @property
    def optimizer_state(self) -> list[np.ndarray]:
        """The optimizer's memory as arrays."""
        return to_arrays(self._state)

    def _arrays(self, trainable: list, fixed: list) -> Weights:
        tensors = [*_with_gains(self._base, trainable), *fixed]
        return dict(zip(self._names, to_arrays(tensors), strict=True))


def _with_gains(base: list, trainable: list) -> list:
    """Return the weights: what is trained, or what it multiplies."""
    if not base:
        return trainable
    return [weight * gain for weight, gain in zip(base, trainable, strict=True)]


def _quick_to_learn(model: keras.Model) -> keras.Model:
    """Return the same network of layers that learn the same in less time.

    Where a network computes in bfloat16, its last convolution does so too, but for its
    activation. Only applying a network needs more.
    """
    last = last_layers(model)
    bfloat16 = any(layer.compute_dtype == "bfloat16" for layer in model.layers)
    if not bfloat16 and all(quick_to_learn(layer) is type(layer) for layer in model.layers):
        return model

    def quickly(layer: keras.layers.Layer, config: dict[str, Any]) -> keras.layers.Layer:
        rounded = bfloat16 and layer.name in last and isinstance(layer, CONVOLUTIONS)
        if rounded:
            config["dtype"] = "mixed_bfloat16"
        copy = remade(layer, config, quick_to_learn(layer))
        if rounded:
            activation = copy.activation
            copy.activation = lambda x: activation(keras.ops.cast(x, "float32"))
        return copy

    return rebuilt(model, quickly)


@functools.lru_cache(maxsize=64)
def _step(
    network: Network,
    objective: Objective,
    optimizer: str,
    gains_only: bool,
    largest_gradient: float,
    devices: Devices,
) -> Callable:
    """Trace the step of an architecture, an objective and an optimizer, on some devices."""
    update, n_states = OPTIMIZERS[optimizer]
    ops, model = keras.ops, _quick_to_learn(network.model)

    def losses(trainable: list, fixed: list, base: list, arrays: list) -> tuple:
        images = objective.inputs(arrays, network.steerable)
        weights = _with_gains(base, trainable)
        outputs, fixed = model.stateless_call(weights, fixed, images, training=True)
        loss, numbers = objective(ops.cast(outputs, "float32"), arrays)
        return loss, (numbers, fixed)

    differentiated = spread(with_gradient(losses), devices)

    def step(
        trainable: list, fixed: list, base: list, state: list, arrays: list, rate: Any
    ) -> tuple:
        (loss, (numbers, fixed)), gradients = differentiated(trainable, fixed, base, arrays)
        gradients = clip_by_norm(gradients, largest_gradient)
        count = state[0] + 1
        weights, memory = [], [count]
        for index, (weight, gradient) in enumerate(zip(trainable, gradients, strict=True)):
            old = state[1 + index * n_states : 1 + (index + 1) * n_states]
            new, kept = update(weight, gradient, old, rate=rate, count=count)
            weights.append(new)
            memory.extend(kept)
        return loss, numbers, weights, fixed, memory

    variables = network.signature()
    base = trainable = variables[: network.n_trainable]
    if gains_only:
        trainable = [(shape, "float32") for shape in network.gain_shapes()]
    memory = [((), "float32"), *(item for item in trainable for _ in range(n_states))]
    of_images = network.model.inputs[0].shape[-1]
    arrays = [((None, None, None, n or of_images), "float32") for n in objective.n_channels]
    fixed = variables[network.n_trainable :]
    base = base if gains_only else []
    return compiled(step, [trainable, fixed, base, memory, arrays, ((), "float32")])


def scheduled_rate(learning_rate: float, progress: float) -> float:
    """Return the learning rate when a share `progress` of the training is done."""
    if progress < WARM_UP:
        return learning_rate * (progress + 0.1 * WARM_UP) / (1.1 * WARM_UP)
    along = min((progress - WARM_UP) / (1 - WARM_UP), 1.0)
    return learning_rate * (0.5 * (1 + math.cos(math.pi * along)) + 1e-3)


@dataclass
class Plan:
    """How long to train, and when to stop.

    Attributes
    ----------
    epochs : int or None
        At most so many; None leaves it to `time_budget`.
    time_budget : float or None
        At most so many seconds, the first trace included.
    learning_rate : float
        The highest rate of the schedule.
    patience : int or None
        Epochs without a better validation PSNR before training stops; None goes on.
    constant_rate : bool, default=False
        Whether to do without warm-up and decay.
    """

    epochs: int | None
    time_budget: float | None
    learning_rate: float
    patience: int | None
    constant_rate: bool = False
    started: float = field(default_factory=time.monotonic)

    def progress(self, step: int, n_batches: int) -> float:
        """Return the share of the training that is done after `step` batches."""
        shares = [0.0]
        if self.epochs is not None:
            shares.append(step / (self.epochs * n_batches))
        if self.time_budget is not None:
            shares.append((time.monotonic() - self.started) / self.time_budget)
        return max(shares)


def train(
    trainer: Trainer,
    epoch: Callable[[], Iterator[Arrays]],
    n_batches: int,
    *,
    plan: Plan,
    on_step: Callable[[dict[str, float]], None],
    on_epoch: Callable[[dict[str, float]], bool],
    validate: Callable[[Weights], float] | None = None,
    revival: np.random.Generator | None = None,
) -> tuple[Weights, dict[str, list[float]]]:
    """Train until the plan says stop, and return the best weights and the history.

    Parameters
    ----------
    trainer : Trainer
        What learns.
    epoch : callable
        Returns the batches of one epoch.
    n_batches : int
        How many these are.
    plan : Plan
        How long.
    on_step, on_epoch : callable
        Get the current numbers; training ends where `on_epoch` returns True.
    validate : callable, default=None
        Weights -> mean PSNR on held-out images.
    revival : numpy.random.Generator, default=None
        Source of new kernels for dead units; None leaves these as they are.

    Returns
    -------
    weights : dict of str to ndarray
        Those of the epoch with the best validation PSNR; the last ones without validation.
    history : dict of str to list of float
        Per epoch: ``loss``, what the objective reports, ``learning_rate``, ``seconds`` since the
        beginning and, with validation, ``val_psnr``.

    Raises
    ------
    DivergenceError
        Where the loss or the weights become NaN or infinite, or errors stay far larger than the
        range of the images.
    """
    history: dict[str, list[float]] = {}
    best: tuple[float, int, Weights] | None = None
    step, number = 0, 0
    # At least one step, so that there are a history and a validation to speak of.
    while number == 0 or plan.progress(step, n_batches) < 1:
        number += 1
        losses: list[float] = []
        reported: list[Any] = []
        rate = 0.0
        for batch in epoch():
            progress = plan.progress(step, n_batches)
            if progress >= 1 and losses:
                break
            rate = (
                plan.learning_rate
                if plan.constant_rate
                else scheduled_rate(plan.learning_rate, progress)
            )
            if revival is not None and revival_is_due(step, rate, plan.learning_rate):
                trainer.revive(batch, revival)
            loss, numbers_of_batch = trainer.step(batch, rate)
            losses.append(loss)
            reported.append(numbers_of_batch)
            step += 1
            on_step(
                {
                    "epoch": number,
                    "loss": loss,
                    **trainer.objective.report(numbers_of_batch),
                    "progress": plan.progress(step, n_batches),
                }
            )
        numbers = {
            "loss": float(np.mean(losses)),
            **trainer.objective.report(np.mean(reported, axis=0, dtype=np.float64)),
            "learning_rate": rate,
        }
        if validate is not None:
            weights = trainer.finite_weights(rate)
            numbers["val_psnr"] = validate(weights)
            if best is None or numbers["val_psnr"] > best[0]:
                best = numbers["val_psnr"], number, weights
        numbers["seconds"] = time.monotonic() - plan.started
        for name, value in numbers.items():
            history.setdefault(name, []).append(value)
        if on_epoch({"epoch": number, **numbers}):
            break
        if best is not None and plan.patience is not None and number - best[1] >= plan.patience:
            break
    found = trainer.finite_weights(rate) if best is None else best[2]
    reached = history.get("psnr", [math.inf])[-1] if best is None else best[0]
    if reached < LEAST_PSNR:
        raise trainer.divergence(f"The PSNR became {reached:.0f} dB", plan.learning_rate)
    return found, history
