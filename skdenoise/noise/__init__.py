"""Noise: the models, the transformer that adds them to images, and the estimate of their strength.

The models need NumPy and SciPy, "jpeg" Pillow as well, and the transformer scikit-learn. Names are
loaded when they are first used.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
