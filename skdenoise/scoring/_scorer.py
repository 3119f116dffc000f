"""What all scorers share: how they look, and how they run a denoiser or an enhancer."""

import inspect
from typing import Any

from sklearn.base import clone

from skdenoise._containers import read_images
from skdenoise._images import Images
from skdenoise.noise import NoiseInjector


class Scorer:
    """What all scorers share: a repr that says how to make them, and no metadata."""

    def __repr__(self) -> str:
        changed = [
            f"{name}={getattr(self, name)!r}"
            for name, parameter in inspect.signature(type(self)).parameters.items()
            if getattr(self, name) is not parameter.default
            and getattr(self, name) != parameter.default
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def _accept_sample_weight(self) -> bool:
        """Tell scikit-learn's searches that weights are not for this scorer."""
        return False


def run_denoiser(estimator: Any, X: Any, image_shape: tuple[int, ...] | None) -> Images:
    """Run a denoiser, or what else makes images of images."""
    if not hasattr(estimator, "transform"):
        msg = (
            f"{type(estimator).__name__} has no transform method, so there are no images of its "
            f"own to score. Pass a fitted denoiser or enhancer, or a pipeline that ends with one."
        )
        raise TypeError(msg)
    return read_images(estimator.transform(X), image_shape, name="denoised")


def corrupted(
    noise: NoiseInjector, clean: Any, image_shape: tuple[int, ...] | None, **parameters: Any
) -> Any:
    """Return clean images with a noise, which may know by itself how rows of a table are shaped."""
    injector = clone(noise).set_params(**parameters)
    if injector.image_shape is None:
        injector.set_params(image_shape=image_shape)
    return like(clean, injector.fit_transform(clean))


def like(X: Any, values: Any) -> Any:
    """Give a table the column names of `X`, so that a fitted estimator knows them."""
    if hasattr(X, "iloc") and not hasattr(values, "iloc"):
        return type(X)(values, columns=X.columns, index=X.index)
    return values
