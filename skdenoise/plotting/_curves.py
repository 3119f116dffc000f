"""Images before and after brightening, beside the curves that did it."""

from typing import Any, Self

import numpy as np

from skdenoise._containers import read_images
from skdenoise._curves import Bending, Curves
from skdenoise.plotting._panels import PANEL, figure_and_axes, first, for_eyes, refuse_no_images
from skdenoise.scoring._pipelines import chosen, without_noise

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
        refuse_no_images(max_images)
        X, enhancer = first(X, max_images), without_noise(estimator)
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
        self.figure_, self.axes_ = figure_and_axes(axes, (len(self.original), 4), PANEL)
        for index, row in enumerate(self.axes_):
            brightening = self.brightening[index]
            for ax, name in zip(row, ("original", "enhanced"), strict=False):
                image = getattr(self, name)[index]
                ax.imshow(for_eyes(image), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
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
