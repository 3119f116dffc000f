"""What every estimator of this package does with scikit-learn's ``X`` and ``y``.

`ImageTransformer` reads, remembers what was seen, and writes back; nothing about noise
or networks belongs here. A subclass fills in hooks, ``_fit_images`` and ``_transform_images``,
and overrides neither `fit` nor `transform`.
"""

import functools
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from skdenoise._containers import holds_labels, read_images
from skdenoise._fingerprint import fingerprint
from skdenoise._images import Images
from skdenoise._large import LocalTransform, fill, is_dask_array, transform, transform_lazily

SEEN = "n_channels_in_", "n_features_in_", "feature_names_in_"
"""What is remembered of the images of `fit`."""


def _has_features(estimator: Any) -> bool:
    """Tell whether columns have names: unless it was fitted on images, or needs no fit."""
    if hasattr(estimator, "n_features_in_"):
        return True
    return not (hasattr(estimator, "n_channels_in_") or estimator._needs_no_fit)


class ImageTransformer(TransformerMixin, BaseEstimator):
    """Base of the estimators: any image container in, the same container out."""

    image_shape: tuple[int, ...] | None
    n_channels_in_: int
    _takes_clean_images = True
    _needs_no_fit = False
    # Where the results go is no metadata for a pipeline to route.
    __metadata_request__transform: ClassVar = {"out": UNUSED, "resume": UNUSED}

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from images.

        Parameters
        ----------
        X : array of shape (n_images, height, width[, n_channels]), sequence of arrays, or table
            The images; rows of a table are flattened images of shape `image_shape`.
        y : container of images like `X`, or array of shape (n_images,), default=None
            Clean images; class labels of a surrounding pipeline are ignored.

        Returns
        -------
        self
            The fitted estimator.
        """
        self._check_parameters()
        with self._seen_unless_it_fails():
            images = self._read(X, reset=True)
            self._fit_images(images, self._read_target(y, images))
        return self

    def transform(
        self, X: Any, out: Any = None, *, resume: bool | str | os.PathLike[str] = False
    ) -> Any:
        """Process images.

        Parameters
        ----------
        X : array of shape (n_images, height, width[, n_channels]), sequence of arrays, or table
            The images, of any size and dtype, with as many channels as in `fit`. Memory maps and
            zarr arrays are read part by part; dask arrays stay lazy.
        out : container like `X`, default=None
            Where the results go: arrays, memory maps or zarr arrays of the same shapes and
            dtypes. None makes new arrays. Given a dask array, a zarr array is filled by dask's
            workers, which have to reach it.
        resume : bool or path-like, default=False
            Whether to keep a note of what is finished, and to go on from there when a call that
            was interrupted is repeated. The note is a small file beside `out`, or the one that is
            named here, and goes away in the end.

        Returns
        -------
        container of the kind of `X`
            `out`, or new images of the same shapes and dtypes. A dask array of the same chunks
            where `X` is a dask array and there is no `out`.

        Raises
        ------
        ValueError
            Where `out` does not fit or there is none to be resumed, or the note of `resume` is
            about something else.
        """
        self._check_fitted()
        if (
            self._needs_no_fit
            and not hasattr(self, "n_features_in_")
            and getattr(X, "ndim", 0) == 2
        ):
            # Nothing was seen in fit: a copy that sees this table knows its columns.
            return self._having_seen(X).transform(X, out, resume=resume)
        if is_dask_array(X):
            if out is None and resume is not False:
                msg = (
                    "The transform of a dask array is a dask array, so there is nothing to resume "
                    "yet. Pass a zarr array, transform(X, out, resume=True), to have it computed."
                )
                raise ValueError(msg)
            lazy = transform_lazily(self, X)
            if out is None:
                return lazy
            images = self._read(X, reset=False, lazily=True)
            return fill(out, lazy, images, owner=fingerprint(self), resume=resume)
        images = self._read(X, reset=False)
        if resume is not False and len(images) > 1:
            self._check_independent()
        local = None
        if any(map(images.is_large, range(len(images)))):
            local = self._local_transform(images)
        if local is None and out is None and resume is False:
            return images.restore(self._transform_images(images))
        return transform(
            images, self._transform_images, local, out, owner=fingerprint(self), resume=resume
        )

    def set_output(self, *, transform: str | None = None) -> Self:
        """Choose what becomes of tables; images stay in the kind of container that they came in.

        Parameters
        ----------
        transform : str, default=None
            "pandas" or "polars" is the kind of data frame that `transform` and `fit_transform`
            return, "default" an array; None changes nothing.

        Returns
        -------
        self
            The estimator.
        """
        # scikit-learn's own is there for those only that have seen the columns of a table.
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}
        return self

    @available_if(_has_features)
    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the columns of a transformed table.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns; None means those seen in `fit`.

        Returns
        -------
        ndarray of str objects
            The same names: a column stays a column.
        """
        return OneToOneFeatureMixin.get_feature_names_out(self, input_features)

    @property
    def _unfitted(self) -> str | None:
        """What to say where nothing was learned; None for the words of scikit-learn (hook)."""
        return None

    def _having_seen(self, table: Any) -> Self:
        """Return a copy that knows the columns of a table (hook, where it needs no fit)."""
        raise NotImplementedError

    def _check_fitted(self) -> None:
        """Raise NotFittedError, unless a wrong parameter is what leaves nothing to work with."""
        try:
            check_is_fitted(self, msg=self._unfitted)
        except NotFittedError:
            self._check_parameters()
            raise

    def _check_parameters(self) -> None:
        """Raise ValueError where a parameter is not what it may be (hook)."""

    def _fit_images(self, images: Images, target: Images | None) -> None:
        """Learn from the images (hook)."""
        raise NotImplementedError

    def _transform_images(self, images: Images) -> Iterable[np.ndarray]:
        """Return one result per image, in working units (hook)."""
        raise NotImplementedError

    def _local_transform(self, images: Images) -> LocalTransform | None:
        """Return how large images are processed in parts; None takes them whole (hook)."""
        return None

    def _check_independent(self) -> None:
        """Raise ValueError where an image cannot be processed without the ones before (hook)."""

    def _for_some(self, some: slice, n_images: int) -> Self:
        """Return the estimator for some of so many images, if parameters are theirs (hook)."""
        return self

    def _wake(self) -> None:
        """Start what is needed, in a process that has not done anything yet (hook)."""

    @contextmanager
    def _seen_unless_it_fails(self) -> Iterator[None]:
        """Forget what images look like that nothing was learned from, whatever stopped it."""
        before, now = dict(self.__dict__), self.__dict__
        try:
            yield
        except BaseException:
            others = (before.keys() | now.keys()) - set(SEEN)
            if all(before.get(name, SEEN) is now.get(name, SEEN) for name in others):
                for name in SEEN:
                    now.pop(name, None)
                now.update((name, before[name]) for name in SEEN if name in before)
            raise

    def _read(self, X: Any, *, reset: bool, lazily: bool = False) -> Images:
        """Read `X`; remember (`reset`) or compare its columns and channels."""
        if reset:
            for name in SEEN:
                self.__dict__.pop(name, None)
        # What never saw any columns misses none of their names.
        is_new = not reset and not hasattr(self, "n_features_in_")
        check_table = None if is_new else functools.partial(validate_data, self, reset=reset)
        images = read_images(X, self.image_shape, check_table=check_table, lazily=lazily)
        if reset:
            self.n_channels_in_ = images.n_channels
        elif images.n_channels != getattr(self, "n_channels_in_", images.n_channels):
            msg = (
                f"X has {images.n_channels} channels, but {type(self).__name__} was fitted on "
                f"images with {self.n_channels_in_} channels. Fit again on such images, or "
                f"transform channel by channel."
            )
            raise ValueError(msg)
        return images

    def _read_target(self, y: Any, images: Images) -> Images | None:
        """Read clean images that match `images` one by one; None where `y` holds labels."""
        if y is None or not self._takes_clean_images:
            return None
        check_consistent_length(y, range(len(images)))
        if holds_labels(y, images):
            return None
        target = read_images(y, self.image_shape, name="y")
        for index in range(len(images)):
            if target.shapes[index] != images.shapes[index]:
                msg = (
                    f"Image {index} of y has shape {target.shapes[index]}, but image {index} of X "
                    f"has shape {images.shapes[index]}. Each clean image must match its noisy one."
                )
                raise ValueError(msg)
            if (target.dtypes[index].kind == "f") != (images.dtypes[index].kind == "f"):
                msg = (
                    f"Image {index} is {images.dtypes[index]} in X but {target.dtypes[index]} in "
                    f"y, so their scales differ. Convert both to floats in the same units."
                )
                raise ValueError(msg)
        return target

    def __sklearn_tags__(self):
        """Return the tags: tables and images in, floats keep their precision."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
