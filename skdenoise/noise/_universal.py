"""The noise of anything: what a denoiser learns that is to hold for every camera.

Images are float arrays in [0, 1].
"""

import math

import numpy as np
from scipy import ndimage

from skdenoise.noise._coding import jpeg
from skdenoise.noise._definition import as_picture, fraction_of_one, noise_model, not_negative

FULL_SHARE = 0.8
"""Share of the draws whose strength is uniform; it is log-uniform in the others."""
DECADES = 3.0
"""Decades below the largest strength that these span."""
WHITE = 0.42
"""Share of the draws with white noise."""
OTHERS = {"light": 7, "place": 7, "correlated": 4, "camera": 11}
"""How often the other kinds of noise are drawn, in comparison with each other."""
DARK = 0.25
"""Share of the noises of light that are strongest in the dark: pictures are brightened there."""
SKEWED = 0.7
"""Share of the other noises of light that are as one-sided as counts of photons, or speckle."""
ABRUPT = 0.3
"""Share of the noises that vary from place to place whose strength jumps."""
MOST_CORRELATED, MOST_OF_CAMERAS = 0.5, 0.3
"""Strongest correlated noise, as a share of the strongest noise: only processing correlates it,
and it is weak by then."""
CAMERA_DECADES = 1.7
"""Decades below the strongest noise of cameras that it spans."""
MOST_DISTANT, MOST_COMMON = 0.5, 0.95
"""Of the variance of a camera's noise, at most these shares lie in patches of several pixels, and
are the same in all channels."""
COMPRESSED_BY_CAMERAS = 0.3
"""Share of the draws of camera noise that are compressed as JPEG."""
STORED, COMPRESSED = 0.1, 0.04
"""Shares of the draws that went through 8 bits, and through a JPEG file."""


@noise_model
def universal(
    image: np.ndarray, *, sigma: float = 0.3, white: float = WHITE, rng: np.random.Generator
) -> np.ndarray:
    """Add noise of a strength and a kind drawn once per image, for denoisers that know them all.

    The kind is white Gaussian noise (by default, 42 % of the draws), noise that grows with the
    light or (in a quarter of these) with the darkness, from the square root of it to the first
    power, and mostly skewed (14 %), noise whose strength varies from place to place, smoothly or
    abruptly (14 %), noise that is correlated between neighbors (8 %, half as strong at most), or
    that of a camera (22 %, three tenths as strong at most): varying with the light, measured on
    every second pixel only and interpolated, smoothed, with a share that reaches over several
    pixels and one that the channels have in common. In color images all but the first are also, in
    half of the draws, unlike in the channels, and mixed between them as by a color matrix. The
    strength is uniform up to `sigma` in 80 % of the draws and log-uniform over three decades below
    it in the others, so that weak noise counts; that of cameras is log-uniform. At last, 10 % of
    the images are clipped to [0, 1] and rounded to 8 bits, and 4 % (of those with the noise of a
    camera, 30 %) are compressed as JPEG of quality 70 to 97.

    Parameters
    ----------
    image : ndarray of float, shape (H, W) or (H, W, C)
        Pixels in [0, 1].
    sigma : float, default=0.3
        Largest standard deviation.
    white : float, default=0.42
        Share of the draws with white Gaussian noise; in [0, 1].
    rng : numpy.random.Generator
        Source of randomness; the only one.

    Returns
    -------
    ndarray of the shape and dtype of `image`
        Mean ``image`` where nothing is clipped; the standard deviation over the image is the
        strength that was drawn, on average over the draws.

    References
    ----------
    .. [1] K. Zhang et al., "Practical Blind Image Denoising via Swin-Conv-UNet and Data
       Synthesis", Machine Intelligence Research 20, 2023. https://arxiv.org/abs/2203.13278

    Examples
    --------
    >>> import numpy as np
    >>> from skdenoise.noise import universal
    >>> rng = np.random.default_rng(0)
    >>> clean = np.full((64, 64), 0.5)
    >>> strengths = [universal(clean, rng=rng).std() for _ in range(100)]
    >>> bool(0 < min(strengths) < max(strengths) < 0.33)
    True
    """
    largest = not_negative("sigma", sigma)
    white = fraction_of_one("white", white)
    picture = as_picture(image)
    if rng.random() < FULL_SHARE:
        strength = largest * rng.random()
    else:
        strength = largest * 10 ** (-DECADES * rng.random())
    others = np.array(list(OTHERS.values()))
    kind = rng.choice(1 + len(OTHERS), p=[white, *((1 - white) * others / others.sum())])
    noise = rng.standard_normal(picture.shape, dtype=picture.dtype.type)
    if kind == 1:
        noise = _of_light(picture, strength, rng)
    elif kind == 2:
        noise *= _varying(picture, rng)
    elif kind == 3:
        strength *= MOST_CORRELATED
        noise = _blurred(noise, rng.uniform(0.4, 1.5))
    elif kind == 4:
        strength = MOST_OF_CAMERAS * largest * 10 ** (-CAMERA_DECADES * rng.random())
        noise = _of_camera(picture, rng)
    if kind and noise.shape[-1] > 1 and rng.random() < 0.5:
        noise = _mixed_channels(noise, rng)
    noisy = picture + strength * noise
    lot = rng.random()
    compressed = COMPRESSED_BY_CAMERAS if kind == 4 else COMPRESSED
    if lot < STORED:
        noisy = np.rint(noisy.clip(0, 1) * 255) / np.array(255, noisy.dtype)
    elif lot < STORED + compressed:
        noisy = jpeg(noisy.clip(0, 1), quality=int(rng.integers(70, 98)), rng=rng)
    return noisy.reshape(image.shape)


def _of_light(picture: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Return noise of electronics, and of light or darkness, of a mean square of 1.

    That of light is often one-sided, and yet of mean 0. What a picture has lost by being clipped
    at black looks alike, and its mean is another.
    """
    noise = rng.standard_normal(picture.shape, dtype=picture.dtype.type)
    light, of_dark = _light(picture, rng)
    electronics, photons = _variances(light, rng)
    if of_dark or rng.random() >= SKEWED:
        return noise * np.sqrt(electronics + photons)
    # Counts of photons are as skewed as their relative deviation, and speckle twice as much.
    relative = strength * np.sqrt(photons) / np.maximum(light, 0.01)
    skewness = np.clip(rng.uniform(1, 2) * relative, 0.01, 4)
    shape = np.square(2 / skewness)
    one_sided = (rng.standard_gamma(shape, dtype=picture.dtype.type) - shape) / np.sqrt(shape)
    return math.sqrt(electronics) * noise + np.sqrt(photons) * one_sided


def _varying_with_light(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the relative deviation of light or darkness plus electronics."""
    electronics, photons = _variances(_light(picture, rng)[0], rng)
    return np.sqrt(electronics + photons)


def _light(picture: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    """Return what noise grows with, and whether it is the darkness."""
    light = np.maximum(picture, 0)
    if rng.random() < DARK:
        return light.max() - light, True
    return light, False


def _variances(light: np.ndarray, rng: np.random.Generator) -> tuple[float, np.ndarray]:
    """Return the variance of electronics, and that of light: 1 together, on average.

    The latter grows with the light where photons are counted, and with its square where gains or
    speckle vary.
    """
    power = light ** light.dtype.type(1 + rng.random())
    mean = float(power.mean())
    if not mean > 0:
        return 1.0, power
    electronics = rng.random() ** 2
    return electronics, power * light.dtype.type((1 - electronics) / mean)


def _varying(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a map of relative deviations, smooth or in squares, whose mean square is 1."""
    height, width = picture.shape[:2]
    n_places = int(rng.integers(2, 11))
    coarse = np.exp(rng.normal(0, rng.uniform(0.3, 1.0), (n_places, n_places)))
    rows, columns = (np.linspace(0, n_places - 1, length) for length in (height, width))
    fine = ndimage.map_coordinates(
        coarse,
        np.meshgrid(rows, columns, indexing="ij"),
        order=0 if rng.random() < ABRUPT else 1,
        mode="nearest",
    )
    return (fine / np.sqrt(np.square(fine).mean()))[..., None].astype(picture.dtype)


def _blurred(noise: np.ndarray, length: float) -> np.ndarray:
    """Correlate neighbors over `length` pixels, and keep the variance."""
    blurred = ndimage.gaussian_filter(noise, (length, length, 0), mode="wrap", truncate=3.0)
    impulse = np.zeros(1 + 2 * int(3 * length + 1))
    impulse[len(impulse) // 2] = 1
    line = ndimage.gaussian_filter1d(impulse, length, truncate=3.0)
    return blurred / np.square(line).sum().astype(noise.dtype)


def _of_camera(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return noise as a camera leaves it behind, of a mean square of about 1.

    Filters against noise leave its low frequencies alone, and lightness has more of it than color.
    """
    height, width, n_channels = picture.shape
    dtype = picture.dtype.type
    # In color, one plane more, for what the channels have in common.
    n_planes = n_channels + (n_channels > 1)
    coarse = rng.standard_normal((height // 2 + 2, width // 2 + 2, n_planes), dtype)
    # Between two measured pixels lies their mean.
    fine = np.repeat(np.repeat(coarse, 2, axis=0), 2, axis=1)
    fine = 0.5 * (fine[1:] + fine[:-1])
    fine = 0.5 * (fine[:, 1:] + fine[:, :-1])
    top, left = rng.integers(2, size=2)
    noise = fine[top : top + height, left : left + width]
    length = rng.uniform(-0.8, 1.6)
    if length > 0.4:
        noise = ndimage.gaussian_filter(noise, (length, length, 0), mode="wrap", truncate=3.0)
    distant = rng.standard_normal((height, width, n_planes), dtype)
    distant = _blurred(distant, 2 * 4 ** rng.random())
    noise = _mixed(_standardized(noise), distant, MOST_DISTANT * rng.random())
    if n_channels > 1:
        noise = _mixed(noise[..., :-1], noise[..., -1:], MOST_COMMON * rng.random())
    return _standardized(noise * _varying_with_light(picture, rng))


def _standardized(noise: np.ndarray) -> np.ndarray:
    return noise / (np.sqrt(np.square(noise).mean()) + np.array(1e-6, noise.dtype))


def _mixed(noise: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    """Let another noise make up a share of the variance."""
    dtype = noise.dtype.type
    return dtype(np.sqrt(1 - share)) * noise + dtype(np.sqrt(share)) * other


def _mixed_channels(noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mix the channels at random, and keep the variance on average over them."""
    n_channels = noise.shape[-1]
    matrix = np.eye(n_channels) * rng.uniform(0.4, 1.6, n_channels)
    matrix += rng.normal(0, 0.3, (n_channels, n_channels))
    matrix *= np.sqrt(n_channels / np.square(matrix).sum())
    return noise @ matrix.astype(noise.dtype)
