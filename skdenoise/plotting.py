"""Displays: pictures of what an estimator did to images, and learnt, drawn with matplotlib.

As in scikit-learn, a display holds numbers; ``from_estimator`` and the like compute and draw
them, and `plot` draws them again. matplotlib is imported when something is drawn.
"""

import math
from typing import Any, Self

import numpy as np
from scipy import ndimage

from skdenoise._containers import read_images
from skdenoise._curves import Bending, Curves
from skdenoise._images import Images
from skdenoise._report import DenoisingReport, denoising_report
from skdenoise._unit_range import HIGHEST, LOWEST
from skdenoise.losses._table import TERMS
from skdenoise.metrics._reading import (
    check_data_range,
    check_matching,
    container_of,
    in_own_units,
    read,
)
from skdenoise.metrics._reference import psnr_of_images
from skdenoise.scoring._pipelines import chosen, image_shape_of, without_noise

__all__ = ["CurvesDisplay", "DenoisingDisplay", "HistoryDisplay", "ReportDisplay"]

PANEL = 3.2
"""Side of a panel in inches."""
TONE_SIDE = 64
"""At most so many rows and columns of an image have their tone curves drawn."""
TONE_LEVELS = 65
"""Brightnesses at which a tone curve is computed."""
TONE_SHARES = 0.05, 0.5, 0.95
"""Shares of the pixels whose tone curves lie below those that are drawn."""


class CurvesDisplay:
    """Images before and after brightening, and the curves that did it.

    Make one with `from_estimator`; each image has a row of panels. The third shows how strong the
    curves are, from 1, red, where they brighten as much as can be, to -1, blue, where they darken.
    The fourth shows where the curves take a brightness: for each channel that of the median
    pixel, and the range of nine tenths of the pixels.

    Parameters
    ----------
    original, enhanced : list of ndarray of shape (height, width, n_channels)
        The images, with black at 0 and white at 1.
    brightening : list of ndarray of shape (height, width)
        Mean parameter of the curves of each pixel, negated.
    levels : ndarray of shape (n_levels,)
        Brightnesses from 0 to 1.
    tones : list of ndarray of shape (3, n_levels, n_channels)
        Where the curves take them, for 5 %, half and 95 % of the pixels; one channel where all
        share their curves.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure, after `plot`.
    axes_ : ndarray of matplotlib.axes.Axes of shape (n_images, 4)
        A row for each image: original, enhanced, brightening, tone curves.

    See Also
    --------
    skdenoise.ZeroDCEEnhancer : What draws the curves.

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise import ZeroDCEEnhancer
    >>> from skdenoise.plotting import CurvesDisplay
    >>> X = np.full((1, 24, 24, 3), 0.25)
    >>> enhancer = ZeroDCEEnhancer("dce++", weights="default", exposure=0.5)
    >>> display = CurvesDisplay.from_estimator(enhancer, X)
    >>> [ax.get_title() for ax in display.axes_[0, :2]]
    ['original, mean 0.25', 'enhanced, mean 0.50']
    """

    def __init__(self, *, original, enhanced, brightening, levels, tones):
        self.original = original
        self.enhanced = enhanced
        self.brightening = brightening
        self.levels = levels
        self.tones = tones

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, *, max_images: int = 4, axes: Any = None
    ) -> Self:
        """Enhance images and show them, and their curves.

        Parameters
        ----------
        estimator : ZeroDCEEnhancer, fitted pipeline that ends with one, or search
            What enhances. The original is what comes to it from the steps before, without
            a `NoiseInjector`.
        X : container of images
            The images.
        max_images : int, default=4
            Only so many are enhanced and shown, the first ones.
        axes : array-like of matplotlib.axes.Axes, default=None
            Four for each image. None makes a figure.

        Returns
        -------
        CurvesDisplay
            It is drawn already.

        Raises
        ------
        ValueError
            Where the estimator has no curves: it is no enhancer of ours.
        """
        _refuse_no_images(max_images)
        X, enhancer = _first(X, max_images), without_noise(estimator)
        while hasattr(enhancer, "steps"):
            X = enhancer[:-1].transform(X) if len(enhancer) > 1 else X
            enhancer = chosen(enhancer[-1])
        if not hasattr(enhancer, "curves"):
            msg = (
                f"{type(enhancer).__name__} has no curves to show. Pass a ZeroDCEEnhancer, or a "
                f"pipeline that ends with one."
            )
            raise ValueError(msg)
        found = enhancer.curves(X)
        bending = Bending(
            enhancer.n_iterations, float(enhancer.protect_highlights), bool(enhancer.keep_hue)
        )
        levels = np.linspace(0, 1, TONE_LEVELS)
        return cls(
            original=list(read_images(X, enhancer.image_shape)),
            enhanced=list(read_images(enhancer.transform(X), enhancer.image_shape)),
            brightening=[-curves.mean(axis=(2, 3)) for curves in found],
            levels=levels,
            tones=[_tones(curves, bending, levels) for curves in found],
        ).plot(axes=axes)

    def plot(self, *, axes: Any = None) -> Self:
        """Draw the panels.

        Parameters
        ----------
        axes : array-like of matplotlib.axes.Axes, default=None
            Four for each image. None makes a figure.

        Returns
        -------
        CurvesDisplay
            This display, with `figure_` and `axes_`.

        Raises
        ------
        ValueError
            Where there are too few or too many `axes`.
        ImportError
            Without matplotlib.
        """
        self.figure_, self.axes_ = _panels(axes, (len(self.original), 4), PANEL)
        for index, row in enumerate(self.axes_):
            brightening = self.brightening[index]
            for ax, name in zip(row, ("original", "enhanced"), strict=False):
                image = getattr(self, name)[index]
                ax.imshow(_for_eyes(image), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
                ax.set_title(f"{name}, mean {image.mean(dtype=float):.2f}")
            row[2].imshow(brightening, cmap="bwr", vmin=-1, vmax=1, interpolation="nearest")
            row[2].set_title(f"brightening, mean {brightening.mean():+.2f}")
            for ax in row[:3]:
                ax.set_axis_off()
            self._plot_tones(row[3], self.tones[index])
        return self

    def _plot_tones(self, ax: Any, tones: np.ndarray) -> None:
        """Draw the tone curves of one image."""
        n_channels = tones.shape[-1]
        colors = ("tab:red", "tab:green", "tab:blue") if n_channels == 3 else ("black",)
        ax.plot((0, 1), (0, 1), color="gray", linewidth=0.8, linestyle=":")
        for channel, color in enumerate(colors):
            low, middle, high = tones[..., channel]
            ax.fill_between(self.levels, low, high, color=color, alpha=0.15, linewidth=0)
            ax.plot(self.levels, middle, color=color)
        ax.set(xlabel="before", ylabel="after", xlim=(0, 1), ylim=(0, 1), aspect="equal")
        ax.set_title("tone curves")


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
        _refuse_no_images(max_images)
        X, y = (_first(container, max_images) for container in (X, y))
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
        _refuse_no_images(max_images)
        check_data_range(data_range)
        noisy = _first(container_of(noisy, image_shape, "noisy"), max_images)
        denoised = _first(container_of(denoised, image_shape, "denoised"), max_images)
        before, after = read(noisy, image_shape, "noisy"), read(denoised, image_shape, "denoised")
        check_matching(before, after, ("noisy", "denoised"))
        reference, psnrs = None, [None, None]
        if clean is not None:
            clean = _first(container_of(clean, image_shape, "clean"), max_images)
            reference = read(clean, image_shape, "clean")
            psnrs = [
                psnr_of_images(reference, images, data_range).tolist() for images in (before, after)
            ]
        display = cls(
            noisy=_pixels(before),
            denoised=_pixels(after),
            clean=None if reference is None else _pixels(reference),
            psnr_noisy=psnrs[0],
            psnr_denoised=psnrs[1],
            limits=_limits(after if reference is None else reference, data_range),
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
        parts = [_part(image.shape, zoom) for image in self.noisy]
        self.figure_, self.axes_ = _panels(axes, shape, PANEL)
        for index, (row, part) in enumerate(zip(self.axes_, parts, strict=True)):
            for ax, (title, image, limits) in zip(row, self._row(index), strict=True):
                pixels = (image[part].astype(float) - limits[0]) / (limits[1] - limits[0])
                ax.imshow(_for_eyes(pixels), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
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
            ("noisy" + _decibels(self.psnr_noisy, index), noisy, limits),
            ("denoised" + _decibels(self.psnr_denoised, index), denoised, limits),
        ]
        if self.clean is not None:
            row.append(("reference", self.clean[index], limits))
        return [*row, (f"removed, std {spread:.3g}", removed, (-width, width))]


class HistoryDisplay:
    """Loss and PSNR of every epoch.

    Make one with `from_estimator`.

    Parameters
    ----------
    history : dict of str to list of float
        The `history_` of an `AutoencoderDenoiser` or a `ZeroDCEEnhancer`.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure, after `plot`.
    axes_ : ndarray of matplotlib.axes.Axes of shape (2,)
        The loss, and the PSNR of training patches and of held-out images; of an enhancer, the
        terms of its loss.

    See Also
    --------
    DenoisingDisplay : What the denoiser does to images.

    Examples
    --------
    >>> from skdenoise.plotting import HistoryDisplay
    >>> display = HistoryDisplay(history={"loss": [0.3, 0.2], "psnr": [25.1, 27.3]}).plot()
    >>> [ax.get_ylabel() for ax in display.axes_]
    ['loss', 'PSNR in dB']
    """

    def __init__(self, *, history):
        self.history = history

    @classmethod
    def from_estimator(cls, estimator: Any, *, axes: Any = None) -> Self:
        """Show how a fitted denoiser or enhancer learnt.

        Parameters
        ----------
        estimator : fitted denoiser or enhancer, pipeline that ends with one, or search
            Whose `history_` is shown.
        axes : array-like of two matplotlib.axes.Axes, default=None
            Where to draw. None makes a figure.

        Returns
        -------
        HistoryDisplay
            It is drawn already.

        Raises
        ------
        ValueError
            Where the estimator has no `history_`: it is not fitted, or no denoiser of ours.
        """
        denoiser = chosen(estimator)
        while hasattr(denoiser, "steps"):
            denoiser = chosen(denoiser.steps[-1][1])
        history = getattr(denoiser, "history_", None)
        if not history:
            msg = (
                f"{type(denoiser).__name__} has no history_ to show. Pass an AutoencoderDenoiser "
                f"or a ZeroDCEEnhancer, or a pipeline that ends with one, after fit; one from a "
                f"file has forgotten it."
            )
            raise ValueError(msg)
        return cls(history=history).plot(axes=axes)

    def plot(self, *, axes: Any = None) -> Self:
        """Draw the curves.

        Parameters
        ----------
        axes : array-like of two matplotlib.axes.Axes, default=None
            Where to draw. None makes a figure.

        Returns
        -------
        HistoryDisplay
            This display, with `figure_` and `axes_`.

        Raises
        ------
        ValueError
            Where there are not two `axes`.
        ImportError
            Without matplotlib.
        """
        self.figure_, axes = _panels(axes, (1, 2), 1.3 * PANEL)
        self.axes_ = axes[0]
        curves = [(self.axes_[0], "loss", "training")]
        if "psnr" in self.history:
            second = "PSNR in dB"
            curves += [(self.axes_[1], "psnr", "training"), (self.axes_[1], "val_psnr", "held out")]
        else:
            second = "terms of the loss"
            curves += [(self.axes_[1], name, name) for name in TERMS]
        for ax, name, label in curves:
            if name in self.history:
                epochs = np.arange(1, len(self.history[name]) + 1)
                ax.plot(epochs, self.history[name], marker=".", label=label)
        for ax, label in zip(self.axes_, ("loss", second), strict=True):
            ax.set_xlabel("epoch")
            ax.set_ylabel(label)
            ax.xaxis.get_major_locator().set_params(integer=True)
        self.axes_[1].legend()
        return self


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
        _refuse_no_images(max_images)
        check_data_range(data_range)
        noisy = _first(container_of(noisy, image_shape, "noisy"), max_images)
        denoised = _first(container_of(denoised, image_shape, "denoised"), max_images)
        if report is None:
            report = denoising_report(noisy, denoised, image_shape=image_shape)
        before, after = read(noisy, image_shape, "noisy"), read(denoised, image_shape, "denoised")
        check_matching(before, after, ("noisy", "denoised"))
        display = cls(
            noisy=_pixels(before),
            denoised=_pixels(after),
            report=report,
            limits=_limits(after, data_range),
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
        parts = [_part(image.shape, zoom) for image in self.noisy]
        self.figure_, self.axes_ = _panels(axes, (len(self.noisy), 4), PANEL)
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
                    _for_eyes((self.noisy[index] - black) / (white - black)),
                    gray,
                ),
                (
                    "denoised" + _decibels(self.report.psnr, index),
                    _for_eyes((self.denoised[index] - black) / (white - black)),
                    gray,
                ),
                (
                    f"residual, {self.report.residual_ratio[index]:.2f} sigma",
                    _for_eyes(0.5 + residual / 6),
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


def _tones(curves: np.ndarray, bending: Bending, levels: np.ndarray) -> np.ndarray:
    """Return where curves (H, W, n_curves, C) take each level, for some shares of the pixels."""
    step = -(-max(curves.shape[:2]) // TONE_SIDE)
    maps = curves[::step, ::step]
    height, width, _, n_channels = maps.shape
    sampled = Curves(maps, height, width)
    bent = [
        bending.enhanced(np.full((height, width, n_channels), level), sampled) for level in levels
    ]
    return np.quantile(bent, TONE_SHARES, axis=(1, 2))


def _first(container: Any, n_images: int) -> Any:
    """Return the first images of a container."""
    if container is None:
        return None
    return container.iloc[:n_images] if hasattr(container, "iloc") else container[:n_images]


def _refuse_no_images(max_images: int) -> None:
    if max_images < 1:
        msg = f"max_images must be 1 or more, to show anything. Got {max_images!r}."
        raise ValueError(msg)


def _pixels(images: Images) -> list[np.ndarray]:
    """Return the images in their own units."""
    return [in_own_units(images, index) for index in range(len(images))]


def _limits(reference: Images, data_range: float | None) -> list[tuple[float, float]]:
    """Return black and white of each image in its own units."""
    limits = []
    for index, scale in enumerate(reference.scales):
        low = 0.0
        if reference.dtypes[index].kind == "f":
            lowest, highest = float(reference[index].min()), float(reference[index].max())
            if data_range is not None:
                low = lowest
            elif lowest < LOWEST or highest > HIGHEST:
                msg = (
                    f"Image {index} has floats from {lowest:.4g} to {highest:.4g}, but without a "
                    f"data_range black is 0 and white is 1. Pass data_range=255 for gray levels, "
                    f"or white minus black."
                )
                raise ValueError(msg)
        limits.append((low, low + (scale if data_range is None else data_range)))
    return limits


def _part(shape: tuple[int, ...], zoom: tuple[int, int, int, int] | None) -> tuple[slice, slice]:
    """Return the rows and columns of an image that are shown."""
    if zoom is None:
        return slice(None), slice(None)
    top, left, height, width = zoom
    inside = min(top, left) >= 0 and top + height <= shape[0] and left + width <= shape[1]
    if not inside or height < 1 or width < 1:
        msg = (
            f"zoom=(top, left, height, width) must lie in every image. Got {tuple(zoom)} for an "
            f"image of {shape[0]} x {shape[1]} pixels."
        )
        raise ValueError(msg)
    return slice(top, top + height), slice(left, left + width)


def _for_eyes(pixels: np.ndarray) -> np.ndarray:
    """Return (H, W) or (H, W, 3) in [0, 1]; other channels are averaged, nobody can see them."""
    pixels = np.clip(pixels, 0, 1)
    return pixels if pixels.shape[-1] == 3 else pixels.mean(axis=-1)


def _decibels(values: Any, index: int) -> str:
    if values is None:
        return ""
    return ", equal" if math.isinf(values[index]) else f", {values[index]:.1f} dB"


def _panels(axes: Any, shape: tuple[int, int], side: float) -> tuple[Any, np.ndarray]:
    """Return a figure and its axes in rows and columns; a new one where `axes` is None."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        msg = "Pictures need matplotlib. To install it, type: pip install skdenoise[plot]"
        raise ImportError(msg) from error
    rows, columns = shape
    if axes is None:
        size = (columns * side, rows * side)
        return plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    axes = np.asarray(axes, dtype=object)
    if axes.size != rows * columns:
        msg = f"{rows * columns} axes are needed, {rows} x {columns}. Got {axes.size} in `axes`."
        raise ValueError(msg)
    axes = axes.reshape(shape)
    return axes[0, 0].figure, axes
