"""What estimators around a network have in common: the network, its arithmetic, its training."""

import copy
import functools
import weakref
from collections.abc import Callable, Iterator
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.utils.validation import validate_data

from skdenoise import _keras
from skdenoise._background import in_background
from skdenoise._base import ImageTransformer
from skdenoise._choices import ENGINES, PRECISIONS
from skdenoise._precision import check_engine, precision_for
from skdenoise._progress import ProgressBar
from skdenoise._validation import (
    INT_POSITIVE,
    REAL_POSITIVE,
    Interval,
    OneOf,
    check_parameters,
)

if TYPE_CHECKING:
    import keras


_networks: "weakref.WeakKeyDictionary[Any, Any]" = weakref.WeakKeyDictionary()
"""Estimator -> (weights, template, network with these weights), neither copied nor pickled."""
_originals: "weakref.WeakKeyDictionary[Any, Any]" = weakref.WeakKeyDictionary()
"""Estimator -> the one of which it is a copy with other parameters, and whose network it shares."""


def read_only(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return weights that cannot be changed in place, since what is made of them is kept.

    The dict is another one: that of the weights of the package is shared.
    """
    for array in weights.values():
        array.flags.writeable = False
    return dict(weights)


COMMON: dict[str, list] = {
    "epochs": [INT_POSITIVE, None],
    "batch_size": [INT_POSITIVE],
    "patch_size": [INT_POSITIVE],
    "time_budget": [REAL_POSITIVE, None],
    "callbacks": [list, tuple, None],
    "devices": [OneOf({"all"}), INT_POSITIVE, list, tuple, None],
    "engine": [OneOf(ENGINES)],
    "precision": [OneOf(PRECISIONS)],
    "image_shape": [tuple, list, None],
    "random_state": ["random_state"],
    "verbose": ["boolean", Interval(Integral, 0, 10)],
}
"""What the parameters may be that all of them have."""


class NetworkTransformer(ImageTransformer):
    """An estimator whose `precision` says how its network computes."""

    # Names of the weights of the package, which need no fit.
    _ready_weights: ClassVar[tuple[str, ...]] = ()
    weights: Any
    epochs: int | None
    time_budget: float | None
    callbacks: Any
    engine: str
    precision: str
    verbose: Any

    @property
    def network_(self) -> "keras.Model":
        """A Keras model with the weights that are used."""
        return self._network_with(self._used_weights())

    @property
    def precision_loss_(self) -> dict[str, float]:
        """What each precision costs in dB, as far as it was measured."""
        self._check_fitted()
        losses = self._losses()
        if self.precision == "int8" and "int8" not in losses:
            losses["int8"] = self._loss_on_samples("int8")
            self._precision_loss = dict(losses)
        return losses

    @property
    def _unfitted(self) -> str:
        return (
            f"This %(name)s is not fitted. Call fit first, or set "
            f"weights={self._ready_weights[0]!r}, which needs no fit."
        )

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether there are weights: learnt ones, or those of the package."""
        return hasattr(self, "weights_") or self._needs_no_fit

    @property
    def _needs_no_fit(self) -> bool:  # type: ignore[override]
        return not hasattr(self, "weights_") and self.weights in self._ready_weights

    def _having_seen(self, table: Any) -> Self:
        seen = self._with()
        validate_data(seen, table, skip_check_array=True)
        return seen

    def _network(self, *, bfloat16: bool = False) -> "_keras.Network":
        raise NotImplementedError

    def _with(self, **parameters: Any) -> Self:
        """Return a copy with other parameters, which shares what is made of the weights."""
        copied = copy.copy(self)
        _originals[copied] = self._owner
        for name, value in parameters.items():
            setattr(copied, name, value)
        return copied

    @property
    def _owner(self) -> Self:
        """With whom what is made of the weights is kept."""
        return _originals.get(self, self)

    def _check(self, constraints: dict[str, list]) -> None:
        """Raise ValueError where a parameter is neither what these say nor `COMMON`."""
        check_parameters(self, {**constraints, **COMMON})
        _check_schedule(self.epochs, self.time_budget, self.callbacks)

    def _check_ready(self) -> None:
        """Raise an error where a parameter is wrong, or what is to run the network is missing."""
        self._check_parameters()
        check_engine(self.engine, self.precision)

    def _trained(
        self,
        trainer: "_keras.Trainer",
        epoch: Callable[[], Iterator[Any]],
        n_batches: int,
        plan: "_keras.Plan",
        **how: Any,
    ) -> tuple[dict[str, np.ndarray], dict[str, list[float]]]:
        """Return the weights that are learned from epochs of batches, and their history."""
        with ProgressBar(shown=bool(self.verbose)) as progress:
            return _keras.train(
                trainer,
                lambda: in_background(epoch()),
                n_batches,
                plan=plan,
                on_step=progress.step,
                on_epoch=functools.partial(_called_back, self.callbacks),
                **how,
            )

    def _template(self, *, training: bool = False) -> "_keras.Network":
        """Return the network as it learns, or as `precision` says."""
        fast = training and self.precision != "float32" and _keras.has_fast_bfloat16()
        return self._network(bfloat16=self.precision == "bfloat16" or fast)

    def _network_with(self, weights: dict[str, np.ndarray]) -> "keras.Model":
        """Return a Keras model, the same one as long as weights and precision are."""
        kept, template = _networks.get(self), self._template()
        if kept is None or kept[0] is not weights or kept[1] is not template:
            kept = weights, template, template.with_weights(weights)
            _networks[self] = kept
        return kept[2]

    def _may_use_bfloat16(self) -> bool:
        """Tell whether what bfloat16 costs is of interest here."""
        return self.precision == "bfloat16" or (
            self.precision == "auto" and _keras.has_fast_bfloat16()
        )

    def _arithmetic(self, losses: dict[str, float]) -> str:
        """Return the precision that `precision` means, given what each costs."""
        return precision_for(self.precision, losses, fast=_keras.has_fast_bfloat16())

    def _losses(self) -> dict[str, float]:
        """Return what each precision costs in dB, as far as it was measured."""
        if not hasattr(self, "weights_"):
            return dict(self._shipped_losses())
        # None was measured where weights were assigned to an estimator that never learned.
        return dict(getattr(self, "_precision_loss", {}))

    def _used_weights(self) -> dict[str, np.ndarray]:
        """Return the weights of `network_`, or raise an error where there are none (hook)."""
        raise NotImplementedError

    def _shipped_losses(self) -> dict[str, float]:
        """Return what each precision costs weights of the package (hook)."""
        raise NotImplementedError

    def _loss_on_samples(self, precision: str) -> float:
        """Measure what a precision costs, on computed images (hook)."""
        raise NotImplementedError

    def _wake(self) -> None:
        """Start the backend."""
        _keras.to_tensors([np.zeros(1)])

    def __sklearn_tags__(self):
        """Return the tags: weights of the package need no fit."""
        tags = super().__sklearn_tags__()
        tags.requires_fit = self.weights not in self._ready_weights
        return tags


def _check_schedule(epochs: Any, time_budget: Any, callbacks: Any) -> None:
    """Refuse a training without an end, and callbacks that cannot be called.

    Raises
    ------
    ValueError
        Where `epochs` and `time_budget` are None, or a callback is no function.
    """
    if epochs is None and time_budget is None:
        msg = "epochs=None would train for ever. Set time_budget to a number of seconds."
        raise ValueError(msg)
    if any(not callable(callback) for callback in callbacks or ()):
        msg = (
            f"Each of the callbacks must be a function of one dict that returns True to stop. "
            f"Got {callbacks!r} instead."
        )
        raise ValueError(msg)


def _called_back(callbacks: Any, numbers: dict[str, float]) -> bool:
    """Call every callback with its own copy of the numbers; tell whether one says stop."""
    answers = [bool(callback(dict(numbers))) for callback in callbacks or ()]
    return any(answers)
