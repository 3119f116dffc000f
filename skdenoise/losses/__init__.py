"""Losses: formulas on a batch of images, each with the place where it is zero.

Those of the table ``LOSSES`` compare tensors ``(clean, denoised)`` of shape (n_images, height,
width, n_channels); the others judge an enhanced image without knowing how it should look. All
return a scalar tensor. Names are loaded when they are first used; only calling for a function
imports Keras.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
