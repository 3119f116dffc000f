"""What a `denoising_report` says, beside the noise that was removed."""

from typing import Any, Self

import numpy as np
from scipy import ndimage

from skdenoise._report import DenoisingReport, denoising_report
from skdenoise.metrics._reading import check_data_range, read_both
from skdenoise.plotting._panels import (
    PANEL,
    decibels_of,
    figure_and_axes,
    first_images,
    for_eyes,
    limits_of,
    pixels_of,
    refuse_no_images,
    shown_part,
)


class ReportDisplay:
    """What was removed from images: is it noise, and as strong as the noise all over.

    Make one with `from_images`; each image has a row of panels. The residual, noisy less
    denoised, is shown from -3 to 3 standard deviations of the noise: nothing of the image should
    be recognized in it. Its local strength is shown beside it, white where it equals the noise,
    red where more was removed and blue where less was.

    Parameters
    ----------
    noisy, denoised : list of ndarray of shape (height, width, n_channels)
        The images in their own units.
    report : DenoisingReport
        The numbers.
    limits : list of tuple (black, white), default=None
        What black and white are in each image. None means 0 and 1.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure, after `plot`.
    axes_ : ndarray of matplotlib.axes.Axes of shape (n_images, 4)
        A row for each image: noisy, denoised, residual, local strength of the residual.

    See Also
    --------
    skdenoise.denoising_report : What the numbers mean.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.plotting import ReportDisplay
    >>> clean = np.full((1, 32, 32), 0.5)
    >>> noisy = clean + np.random.default_rng(0).normal(0, 0.1, clean.shape)
    >>> display = ReportDisplay.from_images(noisy, clean)
    >>> [ax.get_title() for ax in display.axes_[0]]
    ['noisy, sigma 0.0963', 'denoised', 'residual, 1.01 sigma', 'local strength, leak +0.00']
    """

    def __init__(self, *, noisy, denoised, report, limits=None):
        self.noisy = noisy
        self.denoised = denoised
        self.report = report
        self.limits = limits

    @classmethod
    def from_images(
        cls,
        noisy: Any,
        denoised: Any,
        *,
        report: DenoisingReport | None = None,
        data_range: float | None = None,
        image_shape: tuple[int, ...] | None = None,
        max_images: int = 4,
        zoom: tuple[int, int, int, int] | None = None,
        axes: Any = None,
    ) -> Self:
        """Show what was removed from images.

        Parameters
        ----------
        noisy, denoised : container of images, or one image
            Before and after.
        report : DenoisingReport, default=None
            What :func:`skdenoise.denoising_report` found for them. None lets it look at the
            images that are shown.
        data_range : float, default=None
            Difference between white and black in the images' own units. None means the
            largest value of an integer dtype and 1.0 for floats.
        image_shape : tuple (H, W) or (H, W, C), default=None
            Shape of the images in the rows of a table.
        max_images : int, default=4
            Only so many are shown, the first ones.
        zoom : tuple (top, left, height, width), default=None
            The part that is shown, in pixels. None shows whole images.
        axes : array-like of matplotlib.axes.Axes, default=None
            As many as there are panels. None makes a figure.

        Returns
        -------
        ReportDisplay
            It is drawn already.

        Raises
        ------
        ValueError
            Where the containers do not match image by image, or the noise of an image that is
            too small has to be estimated.
        """
        refuse_no_images(max_images)
        check_data_range(data_range)
        noisy = first_images(noisy, image_shape, "noisy", max_images)
        denoised = first_images(denoised, image_shape, "denoised", max_images)
        if report is None:
            report = denoising_report(noisy, denoised, image_shape=image_shape)
        before, after = read_both(noisy, denoised, image_shape)
        display = cls(
            noisy=pixels_of(before),
            denoised=pixels_of(after),
            report=report,
            limits=limits_of(after, data_range),
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
        ReportDisplay
            This display, with `figure_` and `axes_`.

        Raises
        ------
        ValueError
            Where `zoom` lies outside an image, or there are too few or too many `axes`.
        ImportError
            Without matplotlib.
        """
        parts = [shown_part(image.shape, zoom) for image in self.noisy]
        self.figure_, self.axes_ = figure_and_axes(axes, (len(self.noisy), 4), PANEL)
        for index, (row, part) in enumerate(zip(self.axes_, parts, strict=True)):
            black, white = (0.0, 1.0) if self.limits is None else self.limits[index]
            sigma = float(self.report.sigma[index])
            residual = (self.noisy[index] - self.denoised[index]) / (sigma or 1.0)
            # The mean over about forty pixels: single pixels of noise average out.
            energy = ndimage.gaussian_filter(np.square(residual).mean(axis=-1), 3)
            gray = {"cmap": "gray", "vmin": 0, "vmax": 1}
            panels: list[tuple[str, np.ndarray, dict[str, Any]]] = [
                (
                    f"noisy, sigma {sigma:.3g}",
                    for_eyes((self.noisy[index] - black) / (white - black)),
                    gray,
                ),
                (
                    "denoised" + decibels_of(self.report.psnr, index),
                    for_eyes((self.denoised[index] - black) / (white - black)),
                    gray,
                ),
                (
                    f"residual, {self.report.residual_ratio[index]:.2f} sigma",
                    for_eyes(0.5 + residual / 6),
                    gray,
                ),
                (
                    f"local strength, leak {self.report.leak[index]:+.2f}",
                    np.sqrt(energy),
                    {"cmap": "bwr", "vmin": 0, "vmax": 2},
                ),
            ]
            for ax, (title, pixels, colors) in zip(row, panels, strict=True):
                ax.imshow(pixels[part], interpolation="nearest", **colors)
                ax.set_title(title)
                ax.set_axis_off()
        return self
