"""Displays: pictures of what an estimator did to images, and learnt, drawn with matplotlib.

As in scikit-learn, a display holds numbers; ``from_estimator`` and the like compute and draw
them, and `plot` draws them again. matplotlib is imported when something is drawn.
"""

from skdenoise.plotting._curves import CurvesDisplay
from skdenoise.plotting._denoising import DenoisingDisplay
from skdenoise.plotting._history import HistoryDisplay
from skdenoise.plotting._report import ReportDisplay

__all__ = ["CurvesDisplay", "DenoisingDisplay", "HistoryDisplay", "ReportDisplay"]
