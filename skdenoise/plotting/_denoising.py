"""Images before and after denoising, beside clean ones where there are any."""

from typing import Any, Self

import numpy as np

from skdenoise.metrics._reading import check_data_range, read, read_both
from skdenoise.metrics._reference import psnr_of_images
from skdenoise.plotting._panels import (
    PANEL,
    decibels_of,
    figure_and_axes,
    first,
    first_images,
    for_eyes,
    limits_of,
    pixels_of,
    refuse_no_images,
    shown_part,
)
from skdenoise.scoring._pipelines import image_shape_of, without_noise


class DenoisingDisplay:
    """Images before and after denoising, what was removed, and what they should be.

    Make one with `from_estimator` or `from_images`; each image has a row of panels.

    Parameters
    ----------
    noisy, denoised : list of ndarray of shape (height, width, n_channels)
        The images in their own units.
    clean : list of ndarray of shape (height, width, n_channels), default=None
        The reference.
    psnr_noisy, psnr_denoised : list of float, default=None
        Their PSNR against the reference.
    limits : list of tuple (black, white), default=None
        What black and white are in each image. None means 0 and 1.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure, after `plot`.
    axes_ : ndarray of matplotlib.axes.Axes of shape (n_images, 3 or 4)
        A row for each image: noisy, denoised, reference where there is one, removed.

    See Also
    --------
    HistoryDisplay : How the denoiser learnt.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.plotting import DenoisingDisplay
    >>> clean = np.full((1, 32, 32), 0.5)
    >>> noisy = clean + np.random.default_rng(0).normal(0, 0.1, clean.shape)
    >>> display = DenoisingDisplay.from_images(noisy, 0.1 * noisy + 0.9 * clean, clean)
    >>> [ax.get_title() for ax in display.axes_[0]]
    ['noisy, 20.2 dB', 'denoised, 40.2 dB', 'reference', 'removed, std 0.0875']
    """

    def __init__(
        self, *, noisy, denoised, clean=None, psnr_noisy=None, psnr_denoised=None, limits=None
    ):
        self.noisy = noisy
        self.denoised = denoised
        self.clean = clean
        self.psnr_noisy = psnr_noisy
        self.psnr_denoised = psnr_denoised
        self.limits = limits

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        data_range: float | None = None,
        max_images: int = 4,
        zoom: tuple[int, int, int, int] | None = None,
        axes: Any = None,
    ) -> Self:
        """Denoise images and show them.

        Parameters
        ----------
        estimator : fitted denoiser, pipeline or search
            What denoises. A `NoiseInjector` in a pipeline is left out, since `X` is noisy.
        X : container of images
            The noisy images.
        y : container of images like `X`, default=None
            The clean images.
        data_range : float, default=None
            Difference between white and black in the images' own units. None means the
            largest value of an integer dtype and 1.0 for floats.
        max_images : int, default=4
            Only so many are denoised and shown, the first ones.
        zoom : tuple (top, left, height, width), default=None
            The part that is shown, in pixels. None shows whole images. The dB are those of
            the whole images in any case.
        axes : array-like of matplotlib.axes.Axes, default=None
            As many as there are panels. None makes a figure.

        Returns
        -------
        DenoisingDisplay
            It is drawn already.
        """
        refuse_no_images(max_images)
        X, y = (first(container, max_images) for container in (X, y))
        return cls.from_images(
            X,
            without_noise(estimator).transform(X),
            y,
            data_range=data_range,
            image_shape=image_shape_of(estimator),
            max_images=max_images,
            zoom=zoom,
            axes=axes,
        )

    @classmethod
    def from_images(
        cls,
        noisy: Any,
        denoised: Any,
        clean: Any = None,
        *,
        data_range: float | None = None,
        image_shape: tuple[int, ...] | None = None,
        max_images: int = 4,
        zoom: tuple[int, int, int, int] | None = None,
        axes: Any = None,
    ) -> Self:
        """Show images that some method denoised.

        Parameters
        ----------
        noisy, denoised : container of images, or one image
            Before and after.
        clean : container of images, default=None
            The reference.
        data_range : float, default=None
            Difference between white and black in the images' own units. None means the
            largest value of an integer dtype and 1.0 for floats.
        image_shape : tuple (H, W) or (H, W, C), default=None
            Shape of the images in the rows of a table.
        max_images : int, default=4
            Only so many are shown, the first ones.
        zoom : tuple (top, left, height, width), default=None
            The part that is shown, in pixels. None shows whole images. The dB are those of
            the whole images in any case.
        axes : array-like of matplotlib.axes.Axes, default=None
            As many as there are panels. None makes a figure.

        Returns
        -------
        DenoisingDisplay
            It is drawn already.

        Raises
        ------
        ValueError
            Where the containers do not match image by image, or floats do not fit `data_range`.
        """
        refuse_no_images(max_images)
        check_data_range(data_range)
        noisy = first_images(noisy, image_shape, "noisy", max_images)
        denoised = first_images(denoised, image_shape, "denoised", max_images)
        before, after = read_both(noisy, denoised, image_shape)
        reference, psnrs = None, [None, None]
        if clean is not None:
            clean = first_images(clean, image_shape, "clean", max_images)
            reference = read(clean, image_shape, "clean")
            psnrs = [
                psnr_of_images(reference, images, data_range).tolist() for images in (before, after)
            ]
        display = cls(
            noisy=pixels_of(before),
            denoised=pixels_of(after),
            clean=None if reference is None else pixels_of(reference),
            psnr_noisy=psnrs[0],
            psnr_denoised=psnrs[1],
            limits=limits_of(after if reference is None else reference, data_range),
        )
        return display.plot(zoom=zoom, axes=axes)

    def plot(self, *, zoom: tuple[int, int, int, int] | None = None, axes: Any = None) -> Self:
        """Draw the panels.

        Parameters
        ----------
        zoom : tuple (top, left, height, width), default=None
            The part that is shown, in pixels. None shows whole images.
        axes : array-like of matplotlib.axes.Axes, default=None
            As many as there are panels. None makes a figure.

        Returns
        -------
        DenoisingDisplay
            This display, with `figure_` and `axes_`.

        Raises
        ------
        ValueError
            Where `zoom` lies outside an image, or there are too few or too many `axes`.
        ImportError
            Without matplotlib.
        """
        shape = len(self.noisy), 3 if self.clean is None else 4
        parts = [shown_part(image.shape, zoom) for image in self.noisy]
        self.figure_, self.axes_ = figure_and_axes(axes, shape, PANEL)
        for index, (row, part) in enumerate(zip(self.axes_, parts, strict=True)):
            for ax, (title, image, limits) in zip(row, self._row(index), strict=True):
                pixels = (image[part].astype(float) - limits[0]) / (limits[1] - limits[0])
                ax.imshow(for_eyes(pixels), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
                ax.set_title(title)
                ax.set_axis_off()
        return self

    def _row(self, index: int) -> list[tuple[str, np.ndarray, tuple[float, float]]]:
        """Return title, pixels, and black and white of each panel of an image."""
        limits = (0.0, 1.0) if self.limits is None else self.limits[index]
        noisy, denoised = self.noisy[index], self.denoised[index]
        removed = noisy - denoised
        spread = float(removed.std())
        # Gray is nothing; three deviations show all but single pixels.
        width = 3 * spread or 1.0
        row = [
            ("noisy" + decibels_of(self.psnr_noisy, index), noisy, limits),
            ("denoised" + decibels_of(self.psnr_denoised, index), denoised, limits),
        ]
        if self.clean is not None:
            row.append(("reference", self.clean[index], limits))
        return [*row, (f"removed, std {spread:.3g}", removed, (-width, width))]
