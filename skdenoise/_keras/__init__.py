"""Running a network: what it is to the engine, how it is trained, how it is applied.

This is the only package that may touch a backend of Keras, which takes seconds to load. So the
names that other packages use, listed in __init__.pyi, are loaded when they are first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
