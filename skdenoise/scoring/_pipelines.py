"""Find the noise injectors of a pipeline, and take them out."""

import copy
from typing import Any

from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from skdenoise.noise._injector import NoiseInjector


def without_noise(pipeline: Any) -> Any:
    """Return a pipeline without its noise injectors: what is deployed, and what is scored.

    A pipeline that begins with a `NoiseInjector` adds noise whenever it is used, also to
    images that are noisy already. This is the same pipeline without these steps.

    Parameters
    ----------
    pipeline : Pipeline or other estimator
        Fitted or not. Pipelines inside pipelines are followed; a fitted search stands for
        its best estimator, a `FrozenEstimator` for what is frozen. Any other estimator is
        returned as it is.

    Returns
    -------
    Pipeline or other estimator
        For a pipeline a new one of the same class, which shares the other steps, fitted as
        they are. It remains a pipeline also where only one step is left.

    Raises
    ------
    ValueError
        Where the pipeline has no other step.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from skdenoise import NoiseInjector, without_noise
    >>> without_noise(make_pipeline(NoiseInjector(), FunctionTransformer()))
    Pipeline(steps=[('functiontransformer', FunctionTransformer())])
    """
    pipeline = chosen(pipeline)
    if not isinstance(pipeline, Pipeline):
        return pipeline
    steps = []
    for name, step in pipeline.steps:
        if isinstance(step, Pipeline) and not _has_other_steps(step):
            continue
        if not isinstance(step, NoiseInjector):
            steps.append((name, without_noise(step)))
    if not steps:
        msg = (
            "Every step of the pipeline is a NoiseInjector, so nothing is left without them. "
            "Pass a pipeline with a denoiser."
        )
        raise ValueError(msg)
    stripped = copy.copy(pipeline)
    stripped.steps = steps
    return stripped


def _has_other_steps(pipeline: Pipeline) -> bool:
    return any(
        _has_other_steps(step)
        if isinstance(step, Pipeline)
        else not isinstance(step, NoiseInjector)
        for _, step in pipeline.steps
    )


def chosen(estimator: Any) -> Any:
    """Return the best estimator of a fitted search, what is frozen, any other as it is."""
    if isinstance(estimator, FrozenEstimator):
        return chosen(estimator.estimator)
    return getattr(estimator, "best_estimator_", estimator)


def image_shape_of(estimator: Any) -> tuple[int, ...] | None:
    """Return the shape of a table's images that some step of the estimator was told."""
    estimator = chosen(estimator)
    parameters = estimator.get_params(deep=True) if hasattr(estimator, "get_params") else {}
    for name, value in parameters.items():
        if name.rpartition("__")[2] == "image_shape" and value is not None:
            return value
    return None


def active_injectors(estimator: Any) -> list[NoiseInjector]:
    """Return the injectors of a pipeline that act when it transforms."""
    estimator = chosen(estimator)
    if isinstance(estimator, Pipeline):
        return [found for _, step in estimator.steps for found in active_injectors(step)]
    acts = isinstance(estimator, NoiseInjector) and estimator.when == "always"
    return [estimator] if acts else []


def begins_with_injector(estimator: Any) -> bool:
    estimator = chosen(estimator)
    if isinstance(estimator, Pipeline):
        return begins_with_injector(estimator.steps[0][1])
    return isinstance(estimator, NoiseInjector)
