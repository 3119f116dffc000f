"""`export`: a fitted estimator as a file for another runtime, which is checked before it is kept.

How a format is written and run, `skdenoise._keras._formats` knows.
"""

from skdenoise._export._report import ExportReport
from skdenoise._export._writing import export

__all__ = ["ExportReport", "export"]
