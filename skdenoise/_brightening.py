"""How an enhancer works on images: which curves its network draws, and what is made of them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from skdenoise._curves import Bending, Curves
from skdenoise._exposures import seen_by_network
from skdenoise._task import Run, Task, beside


@dataclass(frozen=True)
class Brightening:
    """What an enhancer does with some images.

    Attributes
    ----------
    once : callable
        Yields the output of the network for each task.
    precision : str
        Arithmetic of the network.
    reduction : int
        Pixels of the image per pixel of the network, both ways.
    bending : Bending
        How curves are applied.
    shared : bool
        Whether all channels share their curves.
    locality : float
        How much curves differ between places.
    exposure : float or None
        Mean brightness that is wanted.
    strength : float
        What curves are multiplied by.
    smoothing : float
        Share of the curves of the images before.
    on_highest : callable or None
        Is told the largest value of an image, and tells whether it knows enough.
    """

    once: Run
    precision: str
    reduction: int
    bending: Bending
    shared: bool
    locality: float
    exposure: float | None
    strength: float
    smoothing: float
    on_highest: Callable[[float], bool] | None

    def task_of(self, image: np.ndarray) -> Task:
        """Return what the network sees of an image."""
        return Task(seen_by_network(image, self.reduction), precision=self.precision)

    def curves_of(self, maps: np.ndarray, shape: tuple[int, ...]) -> Curves:
        """Return what the network has drawn for an image of that shape."""
        return Curves.of_output(maps, shape, self.reduction, shared=self.shared)

    def with_curves(self, source: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, Curves]]:
        """Yield each image, (H, W, C) in working units, and the curves that it gets."""
        before: Curves | None = None
        wanted, warned = 0.0, self.on_highest is None
        for image, maps in beside(self.once, source, self.task_of):
            if self.on_highest is not None and not warned:
                warned = self.on_highest(float(image.max()))
            curves = self.curves_of(maps, image.shape).localized(self.locality)
            if self.exposure is not None:
                curves = curves.times(self.bending.gain_for(self.exposure, image, curves))
            curves = curves.times(self.strength)
            if self.smoothing:
                own = self.bending.brightness(image, curves)
                if before is None or before.maps.shape != curves.maps.shape:
                    before, wanted = None, own
                wanted = own + self.smoothing * (wanted - own)
                before = curves.mixed(before, self.smoothing)
                # Frames may differ in exposure: smoothed curves alone would pass that on.
                gain = self.bending.gain_for(wanted, image, before, darken=True)
                curves = before.times(gain)
            yield image, curves
