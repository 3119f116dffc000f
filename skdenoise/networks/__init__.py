"""Networks: functions that return an uncompiled Keras model, which reads like its paper's figure.

Every network is fully convolutional and takes images as ``(n_images, height, width, n_channels)``.
Those of the table ``NETWORKS`` take them under the name ``noisy`` and return images of the same
shape; those of ``CURVE_NETWORKS`` return the curves that make an image brighter.
Names are loaded when they are first used; only calling for a function imports Keras.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
