"""Image denoising with convolutional networks, in the manners of scikit-learn.

`AutoencoderDenoiser` learns to remove noise, `NoiseInjector` adds it, and the metrics and
scorers tell how well it went. The names below are loaded when they are first used, so that
``import skdenoise`` stays cheap.
"""

import lazy_loader

__version__ = "0.1.0"

# The public names and where they live are listed in __init__.pyi, for people and editors alike.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
