"""Several devices that learn from one batch, each from its part; their gradients are averaged.

TensorFlow uses the devices of one process, and JAX those of all processes that it was started
with: all of them call `fit` with the same images, and draw the same batches.
"""

from collections.abc import Callable, Iterable
from numbers import Integral
from typing import Any

import keras
import numpy as np

from skdenoise._keras._backend import BACKEND, to_tensors

Devices = tuple[str, ...]
"""Names such as "gpu:0"; none where the backend chooses."""


def chosen_devices(devices: Any, random_state: Any, time_budget: Any) -> Devices:
    """Return the names of devices.

    Parameters
    ----------
    devices : None, "all", int or sequence of str
        None leaves the choice to the backend; an int takes the first so many.
    random_state, time_budget : object
        Parameters of the estimator, on which several processes have to agree.

    Raises
    ------
    ValueError
        Where there is no such device, the backend cannot use several, or processes would not draw
        the same batches.
    """
    if devices is None:
        return ()
    if BACKEND == "torch":
        msg = (
            f"devices={devices!r}: several devices learn together on TensorFlow and JAX, but Keras "
            f"runs on torch. Set devices=None, or the environment variable "
            f"KERAS_BACKEND=tensorflow before Python starts."
        )
        raise ValueError(msg)
    usual, others = _known_devices()
    chosen: Devices = ()
    if isinstance(devices, str):
        chosen = usual
    elif isinstance(devices, Integral):
        chosen = usual[: int(devices)] if devices <= len(usual) else ()
    else:
        named = [str(device).lower() for device in devices]
        chosen = tuple(dict.fromkeys(named)) if {*named} <= {*usual, *others} else ()
    if not chosen:
        have = ", ".join(dict.fromkeys([*usual, *others]))
        msg = f"devices={devices!r}, but {BACKEND} has these: {have}. Choose some, or 'all'."
        raise ValueError(msg)
    alike = chosen == usual and isinstance(random_state, Integral) and time_budget is None
    if n_processes() > 1 and not alike:
        msg = (
            f"{n_processes()} processes learn together, so all must draw the same: set "
            f"devices='all', an int as random_state, and time_budget=None. Got "
            f"devices={devices!r}, random_state={random_state!r}, time_budget={time_budget!r}."
        )
        raise ValueError(msg)
    return chosen


def n_processes() -> int:
    """Count the processes that learn together."""
    return jax.process_count() if BACKEND == "jax" else 1


if BACKEND == "tensorflow":
    import tensorflow as tf

    def _known_devices() -> tuple[Devices, Devices]:
        """Return the devices that "all" means, and those that can be named as well."""
        names = {
            kind: tuple(
                f"{kind.lower()}:{device.name.rpartition(':')[2]}"
                for device in tf.config.list_logical_devices(kind)
            )
            for kind in ("GPU", "CPU")
        }
        return names["GPU"] or names["CPU"], names["CPU"]

    def spread(differentiated: Callable, devices: Devices) -> Callable:
        """Let each device differentiate its part of the batch.

        The means over the batch are those of the parts, weighted by their numbers of images: they
        are the same, but for what looks at a batch as a whole, such as batch normalization.
        """
        if not devices:
            return differentiated

        def run(trainable: list, fixed: list, base: list, arrays: list) -> Any:
            n_images = tf.shape(arrays[0])[0]
            results, shares = [], []
            for index, device in enumerate(devices):
                first, last = (n_images * edge // len(devices) for edge in (index, index + 1))
                with tf.device(f"/device:{device.upper()}"):
                    part = [array[first:last] for array in arrays]
                    results.append(differentiated(trainable, fixed, base, part))
                    shares.append(tf.cast(last - first, "float32") / tf.cast(n_images, "float32"))

            def mean(*values: Any) -> Any:
                if not values[0].dtype.is_floating:
                    return values[0]  # the state of a layer that draws
                return sum(share * value for share, value in zip(shares, values, strict=True))

            return keras.tree.map_structure(mean, *results)

        return run

    def used_devices(devices: Devices, n_images: int) -> Devices:
        """Return as many of the devices as there are images for."""
        return devices[:n_images]

    def shared(arrays: Iterable[np.ndarray], devices: Devices) -> list:
        """Copy arrays that all devices need."""
        return to_tensors(arrays)

    def parted(arrays: Iterable[np.ndarray], devices: Devices) -> list:
        """Copy the arrays of a batch, of which each device needs a part."""
        return to_tensors(arrays)

elif BACKEND == "jax":
    import jax
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    def _known_devices() -> tuple[Devices, Devices]:
        """Return the devices that "all" means, and those that can be named as well."""
        return tuple(map(_name, jax.devices())), tuple(map(_name, jax.devices("cpu")))

    def _name(device: Any) -> str:
        return f"{device.platform}:{device.id}"

    def _sharding(devices: Devices, *axes: str) -> NamedSharding:
        known = {_name(device): device for device in [*jax.devices("cpu"), *jax.devices()]}
        mesh = Mesh(np.array([known[name] for name in devices]), ("images",))
        return NamedSharding(mesh, PartitionSpec(*axes))

    def spread(differentiated: Callable, devices: Devices) -> Callable:
        """Let each device differentiate its part; the compiler sees to it by where arrays are.

        What looks at a batch as a whole, such as batch normalization, still does.
        """
        if not devices:
            return differentiated

        def run(*arguments: Any) -> Any:
            everywhere = _sharding(devices)
            return jax.lax.with_sharding_constraint(differentiated(*arguments), everywhere)

        return run

    def used_devices(devices: Devices, n_images: int) -> Devices:
        """Return the devices: none may stay behind, and `parted` sees to small batches."""
        return devices

    def shared(arrays: Iterable[np.ndarray], devices: Devices) -> list:
        """Copy arrays that all devices need."""
        return _placed(arrays, _sharding(devices)) if devices else to_tensors(arrays)

    def parted(arrays: Iterable[np.ndarray], devices: Devices) -> list:
        """Copy the arrays of a batch, of which each device needs a part."""
        arrays = list(arrays)
        # A batch that cannot be divided evenly goes to all.
        divided = devices and len(arrays[0]) % len(devices) == 0
        return _placed(arrays, _sharding(devices, "images")) if divided else shared(arrays, devices)

    def _placed(arrays: Iterable[np.ndarray], sharding: NamedSharding) -> list:
        return [
            jax.make_array_from_callback(array.shape, sharding, array.__getitem__)
            for array in arrays
        ]

else:

    def spread(differentiated: Callable, devices: Devices) -> Callable:
        """Return the function: there is one device."""
        return differentiated

    def used_devices(devices: Devices, n_images: int) -> Devices:
        """Return no device: the backend chooses."""
        return ()

    def shared(arrays: Iterable[np.ndarray], devices: Devices) -> list:
        """Copy arrays."""
        return to_tensors(arrays)

    def parted(arrays: Iterable[np.ndarray], devices: Devices) -> list:
        """Copy the arrays of a batch."""
        return to_tensors(arrays)
