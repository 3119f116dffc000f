"""The conditions of every test: environment, hypothesis profiles, and photographs."""

import os

# Read when scipy, Keras, TensorFlow and matplotlib are imported, so set before the tests do that.
os.environ["SCIPY_ARRAY_API"] = "1"
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "agg")

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# No deadlines: how long an example takes says more about the machine than about the code.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("dev", unhurried, max_examples=20)
settings.register_profile("ci", unhurried, max_examples=100, derandomize=True)
settings.register_profile("thorough", unhurried, max_examples=2000)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def read_only(image):
    """Return a contiguous copy that shows at once who writes to the caller's array."""
    image = np.array(image, order="C")
    image.flags.writeable = False
    return image


@pytest.fixture(scope="session")
def photo():
    """Return a gray photograph, (96, 96) uint8, read-only."""
    from skimage import data

    return read_only(data.camera()[64:160, 180:276])


@pytest.fixture(scope="session")
def photos():
    """Return gray photographs of several subjects, (6, 64, 64) uint8, read-only."""
    from skimage import data

    camera, moon, coins = data.camera(), data.moon(), data.coins()
    return read_only(
        [
            camera[64:128, 200:264],
            camera[300:364, 100:164],
            moon[200:264, 200:264],
            moon[96:160, 300:364],
            coins[20:84, 20:84],
            coins[150:214, 200:264],
        ]
    )


@pytest.fixture(scope="session")
def color_photos():
    """Return RGB photographs of several subjects, (4, 64, 64, 3) uint8, read-only."""
    from skimage import data

    return read_only(
        [
            data.astronaut()[80:144, 180:244],
            data.coffee()[150:214, 250:314],
            data.chelsea()[80:144, 120:184],
            data.rocket()[200:264, 280:344],
        ]
    )
