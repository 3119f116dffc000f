"""Losses: formulas on a batch of clean and denoised images, each with the place where it is zero.

A loss takes tensors ``(clean, denoised)`` of shape (n_images, height, width, n_channels) and
returns a scalar tensor. ``LOSSES`` is the table of all. Names are loaded when they are first
used; only calling for a function imports Keras.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
