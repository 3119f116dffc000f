"""How the numbers of a training went."""

from typing import Any, Self

import numpy as np

from skdenoise.losses._table import TERMS
from skdenoise.plotting._panels import PANEL, figure_and_axes
from skdenoise.scoring._pipelines import chosen


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
                f"file has forgotten it, and one that learned nothing has none."
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
        self.figure_, axes = figure_and_axes(axes, (1, 2), 1.3 * PANEL)
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
