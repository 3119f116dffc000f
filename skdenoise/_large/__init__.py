"""Images that are larger than memory: what is known of the whole, its parts, and where they go.

Everything here takes a transform of parts as it comes: nothing of noise or networks.
"""

from skdenoise._large._filling import transform
from skdenoise._large._journal import note_beside
from skdenoise._large._lazy import is_dask_array, transform_lazily
from skdenoise._large._lazy_filling import fill
from skdenoise._large._survey import (
    Extent,
    Findings,
    LocalTransform,
    Pixels,
    Unchanged,
    moments_of,
)

__all__ = [
    "Extent",
    "Findings",
    "LocalTransform",
    "Pixels",
    "Unchanged",
    "fill",
    "is_dask_array",
    "moments_of",
    "note_beside",
    "transform",
    "transform_lazily",
]
