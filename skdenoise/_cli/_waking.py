"""Waking Keras up, without what its backend writes while it looks for devices."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from skdenoise import _keras


def wake_keras() -> None:
    """Import Keras and use it once; no setting of TensorFlow stops all that it writes then."""
    with _muted_stderr():
        _keras.to_tensors([np.zeros(1)])


@contextmanager
def _muted_stderr() -> Iterator[None]:
    """Let what other languages write to stderr go nowhere; exceptions come through."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # there is no stderr
        yield
        return
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
