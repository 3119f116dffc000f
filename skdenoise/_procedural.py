"""`procedural_images`: pictures made of random numbers alone, in place of photographs.

A picture is a few layers of opaque leaves that hide one another, as things in the world do. They
are drawn in linear light on a grid twice as fine, then go through what a camera does: averaging
over pixels, defocus, exposure and a tone curve.
"""

import math
from typing import Any

import numpy as np
from scipy import fft, ndimage
from sklearn.utils import check_random_state

from skdenoise._randomness import words_of
from skdenoise._validation import INT_POSITIVE

FINER = 2
"""Points per side of a pixel."""
TILE = 256
"""Side of a texture in points; a power of two. Textures repeat beyond it."""
N_TEXTURES = 6
"""Different textures in one picture."""
BOX_POINTS = 2**19
"""Points that are looked at in one go."""

CHROMA = np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]]) / np.sqrt([[3], [6], [2]])
"""Axes along which logarithms of natural colors are independent: light, blue-yellow, red-green."""
CHROMA_SPREAD = np.array([1.0, 0.4, 0.25])


def procedural_images(
    n_images: int,
    *,
    shape: tuple[int, int] = (256, 256),
    n_channels: int = 1,
    random_state: int | np.random.RandomState | np.random.Generator | None = None,
) -> np.ndarray:
    """Make pictures that have the statistics of photographs, and no author.

    Disks, boxes, and cut, bent and wavy shapes of power-law sizes hide one another, as in the
    dead-leaves model [1]_, from which denoisers learn nearly as well as from photographs [2]_.
    Here they also carry gradients, roundness and textures (clouds, gratings, spots, wrinkles),
    lie in layers of which some are out of focus, and come with thin lines and lettering.

    Parameters
    ----------
    n_images : int
        How many.
    shape : tuple (H, W), default=(256, 256)
        Height and width in pixels.
    n_channels : int, default=1
        1 for gray images, 3 for color.
    random_state : int, RandomState, Generator or None, default=None
        Source of everything random. An int gives the same images in every process; more of
        them begin with the same ones.

    Returns
    -------
    ndarray of uint8, shape (n_images, H, W) or (n_images, H, W, 3)
        The images. As in photographs, the power of frequencies falls a little faster than
        ``1 / frequency**2``, and differences of neighbors have heavy tails.

    Raises
    ------
    ValueError
        Where a parameter is not what it may be.

    References
    ----------
    .. [1] A. B. Lee, D. Mumford and J. Huang, "Occlusion Models for Natural Images: A
       Statistical Study of a Scale-Invariant Dead Leaves Model", International Journal of
       Computer Vision 41, 2001.
    .. [2] R. Achddou, Y. Gousseau and S. Ladjal, "Fully synthetic training for image
       restoration tasks", Computer Vision and Image Understanding 233, 2023.
    .. [3] D. L. Ruderman, T. W. Cronin and C.-C. Chiao, "Statistics of cone responses to
       natural images: implications for visual coding", Journal of the Optical Society of
       America A 15(8), 1998.

    Examples
    --------
    >>> from skdenoise import procedural_images
    >>> images = procedural_images(2, shape=(64, 96), n_channels=3, random_state=0)
    >>> images.shape, images.dtype
    ((2, 64, 96, 3), dtype('uint8'))
    """
    if not INT_POSITIVE.accepts(n_images):
        raise ValueError(f"n_images must be {INT_POSITIVE}. Got {n_images!r}.")
    if n_channels not in (1, 3):
        raise ValueError(f"n_channels must be 1 for gray or 3 for color. Got {n_channels!r}.")
    is_pair = isinstance(shape, (tuple, list)) and len(shape) == 2
    if not (is_pair and all(INT_POSITIVE.accepts(side) for side in shape)):
        raise ValueError(f"shape must be (height, width), two ints above 0. Got {shape!r}.")
    images = np.empty((n_images, *shape, n_channels), np.uint8)
    for image, rng in zip(images, _generators(random_state, n_images), strict=True):
        image[...] = _photograph(_scene((shape[0], shape[1]), n_channels, rng), rng)
    return images[..., 0] if n_channels == 1 else images


def procedural_stack(
    n_images: int, shape: tuple[int, int], n_channels: int, random_state: int
) -> np.ndarray:
    """Return images of any number of channels: unless in color, gray ones on top of each other."""
    if n_channels == 3:
        return procedural_images(n_images, shape=shape, n_channels=3, random_state=random_state)
    planes = procedural_images(n_images * n_channels, shape=shape, random_state=random_state)
    return np.moveaxis(planes.reshape(n_images, n_channels, *shape), 1, -1)


def _generators(random_state: Any, n_images: int) -> list[np.random.Generator]:
    """Return a generator for each image, without touching the global random state."""
    if isinstance(random_state, np.random.Generator):
        return random_state.spawn(n_images)
    if isinstance(random_state, np.random.RandomState):
        random_state = words_of(random_state)
    elif random_state is not None:
        check_random_state(random_state)  # its error says what is wanted
        random_state = int(random_state)
    seeds = np.random.SeedSequence(random_state).spawn(n_images)
    return [np.random.Generator(np.random.SFC64(seed)) for seed in seeds]


def _scene(shape: tuple[int, int], n_channels: int, rng: np.random.Generator) -> np.ndarray:
    """Return light of shape (H, W, C), layer upon layer, each in or out of focus."""
    sides = FINER * shape[0], FINER * shape[1]
    textures = np.stack([_texture(rng) for _ in range(N_TEXTURES)])
    palette = _palette(n_channels, rng)
    picture = np.zeros((*shape, n_channels), np.float32)
    n_layers = int(rng.choice([1, 2, 3], p=[0.4, 0.4, 0.2]))
    for depth in range(n_layers):
        leaves = _draw_leaves(sides, palette, 3.0 if depth == 0 else rng.uniform(0.1, 0.7), rng)
        if depth == n_layers - 1:
            leaves = np.concatenate([leaves, *_drawings(sides, palette, rng)])
        owner = _uppermost(leaves, sides)
        opaque = np.ones((*sides, 1), np.float32) if depth == 0 else (owner > 0)[..., None]
        layer = _pixels(np.concatenate([_seen(leaves, owner, textures) * opaque, opaque], axis=-1))
        if rng.random() < (0.45 if depth < n_layers - 1 else 0.08):
            layer = _blurred(layer, 0.5 * 8 ** rng.random())
        picture = picture * (1 - layer[..., -1:]) + layer[..., :-1]
    return picture * _illumination(shape, rng)


def _photograph(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return what a camera makes of light: lens, exposure, tone curve, 8 bits."""
    if rng.random() < 0.3:
        light = _blurred(light, rng.uniform(0.3, 0.7))
    black, white = np.quantile(light, [0.002, 0.99])
    tones = ((light - black) / max(white - black, 1e-6)).clip(0, 1.5)
    # A tone curve that brings the middle of the picture to some gray, as an exposure meter does.
    middle = float(np.median(tones).clip(0.02, 0.7))
    tones = np.power(tones, np.clip(math.log(rng.uniform(0.25, 0.65)) / math.log(middle), 0.3, 1.3))
    low = 0.25 * rng.beta(1, 3)
    high = low + (1.05 - low) * rng.beta(5, 1)
    return np.rint((low + (high - low) * tones).clip(0, 1) * 255).astype(np.uint8)


# Leaves: a row of a table says where a leaf lies, how it is shaped, and what covers it


def _leaf_table(n_leaves: int, n_channels: int) -> np.ndarray:
    """Return leaves at the origin, straight, without texture."""
    place = ["y", "x", "length", "width", "angle"]  # half axes, in points
    shape = ["bend", "wave", "ripples", "phase", "cut", "cut_angle"]  # a cut at 2 is outside
    cover = ["bowl", "amplitude"]
    return np.zeros(
        n_leaves,
        [
            *((name, np.float32) for name in place + shape + cover),
            ("boxy", bool),
            ("color", np.float32, (n_channels,)),  # logarithms of light
            ("tint", np.float32, (n_channels,)),  # of the texture
            ("slope", np.float32, (2,)),
            ("texture", np.int32),
            ("shift", np.int32, (2,)),
        ],
    )


def _draw_leaves(
    sides: tuple[int, int], palette: np.ndarray, coverage: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw leaves whose sizes r follow r**-3, as many as cover the layer so many times.

    The first one is the background.
    """
    smallest, largest = 2 * 20 ** rng.random(), 0.2 * max(sides) * 4 ** rng.random()
    largest = max(largest, 1.5 * smallest)
    ratio = (smallest / largest) ** 2
    mean_area = math.pi * smallest**2 * -math.log(ratio) / (1 - ratio)
    n_leaves = int(coverage * sides[0] * sides[1] / mean_area) + 1
    leaves = _leaf_table(n_leaves, palette.shape[-1])
    radius = smallest / np.sqrt(1 - rng.random(n_leaves) * (1 - ratio))
    stretch = np.exp(rng.uniform(0.05, 0.5) * rng.standard_normal(n_leaves))
    leaves["length"], leaves["width"] = radius * stretch, radius / stretch
    for axis, name in enumerate("yx"):
        leaves[name] = rng.random(n_leaves) * (sides[axis] + 2 * radius) - radius
    # Things in one picture stand in few directions.
    leaves["angle"] = rng.choice(rng.uniform(0, np.pi, 3), n_leaves)
    leaves["angle"] += rng.choice([0.03, 0.3, 3.0]) * rng.standard_normal(n_leaves)
    leaves["boxy"] = rng.random(n_leaves) < rng.random()
    curved = rng.random(n_leaves) < 0.6 * rng.random()
    leaves["bend"] = curved * rng.normal(0, 0.6, n_leaves)
    leaves["wave"] = curved * rng.normal(0, 0.15, n_leaves)
    leaves["ripples"] = rng.uniform(2, 9, n_leaves)
    leaves["phase"] = rng.uniform(0, 2 * np.pi, n_leaves)
    leaves["cut"] = np.where(rng.random(n_leaves) < 0.7 * rng.random(), rng.random(n_leaves), 2)
    leaves["cut_angle"] = rng.uniform(0, 2 * np.pi, n_leaves)
    _paint(leaves, palette, rng)
    height, width = sides
    leaves[0]["y"], leaves[0]["x"] = height / 2, width / 2
    leaves[0]["length"] = leaves[0]["width"] = max(sides)
    return leaves


def _paint(leaves: np.ndarray, palette: np.ndarray, rng: np.random.Generator) -> None:
    """Choose colors, shading and textures."""
    n_leaves, n_channels = leaves["color"].shape
    leaves["color"] = palette[rng.integers(len(palette), size=n_leaves)]
    leaves["color"] += rng.normal(0, 0.15, (n_leaves, 1))
    strength = np.where(rng.random(n_leaves) < 0.8, 0.4 * rng.random(), 0.0)
    leaves["slope"] = strength[:, None] * rng.standard_normal((n_leaves, 2))
    leaves["bowl"] = rng.normal(0, 0.4, n_leaves) * (rng.random(n_leaves) < 0.4 * rng.random())
    leaves["texture"] = rng.integers(N_TEXTURES, size=n_leaves)
    leaves["shift"] = rng.integers(TILE, size=(n_leaves, 2))
    # Most surfaces are nearly smooth, some are rough: a log-uniform law.
    leaves["amplitude"] = 0.015 * 35 ** (rng.random(n_leaves) ** rng.uniform(0.5, 1.8))
    leaves["tint"] = 1 + 0.2 * rng.standard_normal((n_leaves, n_channels))


def _palette(n_channels: int, rng: np.random.Generator) -> np.ndarray:
    """Return logarithms of the colors of one picture, shape (n, C)."""
    n_colors = int(rng.integers(4, 24))
    light = rng.normal(0, rng.uniform(0.5, 1.4), n_colors)
    if n_channels == 1:
        return light[:, None]
    # The light that falls on the scene tints all colors; few are saturated.
    saturation = 0.15 * 8 ** rng.random()
    chroma = rng.laplace(0, saturation, (n_colors, 2)) + rng.normal(0, 0.2, 2)
    axes = np.column_stack([math.sqrt(3) * light, chroma]) * CHROMA_SPREAD
    return axes @ CHROMA


def _drawings(
    sides: tuple[int, int], palette: np.ndarray, rng: np.random.Generator
) -> list[np.ndarray]:
    """Return thin lines and lettering that lie on top."""
    drawn = []
    if rng.random() < 0.4:
        drawn.append(_lines(sides, palette, rng))
    for _ in range(int(rng.choice([0, 1, 2], p=[0.75, 0.17, 0.08]))):
        drawn.append(_lettering(sides, palette, rng))
    return drawn


def _lines(sides: tuple[int, int], palette: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return thin lines, straight or bent: grass, hair, wires."""
    lines = _leaf_table(int(rng.integers(3, 60)), palette.shape[-1])
    size = len(lines)
    _paint(lines, palette, rng)
    lines["length"] = 6 * 12 ** rng.random(size)
    lines["width"] = rng.uniform(0.6, 3, size)
    for axis, name in enumerate("yx"):
        lines[name] = rng.random(size) * sides[axis]
    lines["angle"] = rng.uniform(0, np.pi) + rng.choice([0.02, 0.3, 3.0]) * rng.normal(size=size)
    # In widths of the line, so that the arrow of the bow is a share of its length.
    lines["bend"] = rng.normal(0, 0.25) * rng.random(size) * lines["length"] / lines["width"]
    lines["boxy"], lines["cut"] = True, 2
    return lines


def _lettering(sides: tuple[int, int], palette: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return rows of signs, each a few strokes of one width and color."""
    height = 8 * 5 ** rng.random()
    n_signs, n_strokes = 12, 3
    strokes = _leaf_table(n_signs * n_strokes, palette.shape[-1]).reshape(n_signs, n_strokes)
    _paint(strokes.reshape(-1), palette, rng)
    strokes["color"] = palette[np.argmin(palette[:, 0])] if rng.random() < 0.6 else palette[-1]
    strokes["amplitude"] = strokes["slope"] = strokes["bowl"] = 0
    strokes["width"] = height * rng.uniform(0.04, 0.12)
    strokes["length"] = height * rng.choice([0.25, 0.35, 0.5], strokes.shape)
    strokes["angle"] = rng.choice([0, np.pi / 2, 0.9, 2.2], strokes.shape, p=[0.35, 0.4, 0.15, 0.1])
    bent = rng.normal(0, 0.35, strokes.shape) * (rng.random(strokes.shape) < 0.4)
    strokes["bend"] = bent * strokes["length"] / strokes["width"]
    strokes["y"] = height * rng.choice([-0.4, 0, 0.4], strokes.shape)
    strokes["x"] = height * rng.choice([-0.2, 0, 0.2], strokes.shape)
    strokes["boxy"], strokes["cut"] = True, 2
    n_rows, n_columns = int(rng.integers(1, 8)), int(rng.integers(3, 25))
    written = rng.integers(n_signs, size=(n_rows, n_columns))
    text = strokes[written]
    text["y"] += (1.6 * height * np.arange(n_rows))[:, None, None]
    text["x"] += (0.75 * height * np.arange(n_columns))[:, None]
    text = text[rng.random(written.shape) < 0.87].reshape(-1)  # gaps between words
    turn = 0.0 if rng.random() < 0.5 else rng.normal(0, 0.4)
    y, x = text["y"].copy(), text["x"].copy()
    text["y"] = math.cos(turn) * y + math.sin(turn) * x + rng.random() * sides[0]
    text["x"] = math.cos(turn) * x - math.sin(turn) * y + rng.uniform(-0.3, 0.8) * sides[1]
    text["angle"] += turn
    return text


# From leaves to light


def _uppermost(leaves: np.ndarray, sides: tuple[int, int]) -> np.ndarray:
    """Return which leaf is seen at each point; 0 where none but the first."""
    owner = np.zeros(sides, np.int32)
    # How far a leaf reaches from its center, at most.
    sway = leaves["width"] * (1 + np.abs(leaves["bend"]) + np.abs(leaves["wave"]))
    reach = np.hypot(leaves["length"], sway)
    plain = ~leaves["boxy"] & (leaves["bend"] == 0) & (leaves["wave"] == 0)
    reach = np.where(plain, np.maximum(leaves["length"], leaves["width"]), reach)
    # Leaves of similar reach are looked at together, in boxes of one size.
    sizes = np.ceil(3 * np.log2(np.maximum(reach, 1))).astype(int)
    sizes[0] = -1
    for size in range(sizes.max() + 1):
        half = math.ceil(2 ** (size / 3))
        together = np.flatnonzero(sizes == size)
        step = max(1, BOX_POINTS // (2 * half + 1) ** 2)
        for start in range(0, len(together), step):
            _cover(owner, leaves, together[start : start + step], half)
    return owner


def _cover(owner: np.ndarray, leaves: np.ndarray, indices: np.ndarray, half: int) -> None:
    """Enter leaves that reach no farther than `half` points where no later one lies."""
    height, width = owner.shape
    some = leaves[indices][:, None, None]
    if len(indices) == 1:  # large leaves: only the part of the box that is in the picture
        y, x = (round(float(some[name][0, 0, 0])) for name in "yx")
        rows = np.arange(max(y - half, 0), min(y + half + 1, height))[None, :, None]
        columns = np.arange(max(x - half, 0), min(x + half + 1, width))[None, None, :]
    else:
        offsets = np.arange(-half, half + 1)
        rows = np.rint(some["y"]).astype(int) + offsets[:, None]
        columns = np.rint(some["x"]).astype(int) + offsets
    dy, dx = (rows - some["y"]).astype(np.float32), (columns - some["x"]).astype(np.float32)
    cosine, sine = np.cos(some["angle"]), np.sin(some["angle"])
    u = (cosine / some["length"]) * dx + (sine / some["length"]) * dy
    v = (cosine / some["width"]) * dy - (sine / some["width"]) * dx
    square = u * u
    if some["bend"].any():
        v += some["bend"] * (square - 0.5)
    if some["wave"].any():
        v += some["wave"] * np.sin(some["ripples"] * u + some["phase"])
    cut = np.cos(some["cut_angle"]) * u + np.sin(some["cut_angle"]) * v < some["cut"]
    box = (square < 1) & (np.abs(v) < 1)
    inside = cut & np.where(some["boxy"], box, square + v * v < 1)
    inside &= (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    places = (rows * width + columns)[inside]
    found = np.zeros_like(owner)
    # Of several leaves at one place, the assignment keeps the last, which is the uppermost.
    found.ravel()[places] = np.broadcast_to(indices[:, None, None], inside.shape)[inside]
    np.maximum(owner, found, out=owner)


def _seen(leaves: np.ndarray, owner: np.ndarray, textures: np.ndarray) -> np.ndarray:
    """Return the light that comes from each point."""
    rows, columns = np.ogrid[: owner.shape[0], : owner.shape[1]]
    size = np.sqrt(leaves["length"] * leaves["width"])
    dy = ((rows - leaves["y"][owner]) / size[owner]).clip(-1.5, 1.5)
    dx = ((columns - leaves["x"][owner]) / size[owner]).clip(-1.5, 1.5)
    shade = leaves["slope"][:, 0][owner] * dy + leaves["slope"][:, 1][owner] * dx
    shade += leaves["bowl"][owner] * (dy * dy + dx * dx)
    y = (rows + leaves["shift"][:, 0][owner]) % TILE
    x = (columns + leaves["shift"][:, 1][owner]) % TILE
    texture = textures.ravel()[(leaves["texture"][owner] * TILE + y) * TILE + x]
    texture *= leaves["amplitude"][owner]
    tint = np.ascontiguousarray(leaves["tint"])[owner]
    tint *= texture[..., None]
    tint += np.ascontiguousarray(leaves["color"])[owner]
    tint += shade[..., None]
    return np.exp(tint, out=tint).clip(0, 50)


def _pixels(points: np.ndarray) -> np.ndarray:
    """Average over the points of each pixel."""
    height, width, n_channels = points.shape
    blocks = points.reshape(height // FINER, FINER, width // FINER, FINER, n_channels)
    return blocks.mean(axis=(1, 3))


def _blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    return ndimage.gaussian_filter(image, (sigma, sigma, 0), mode="nearest", truncate=3.0)


def _illumination(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Return uneven light, in some pictures with the soft edge of a shadow; shape (H, W, 1)."""
    field = _cloud((TILE, TILE), 2.0, rng)
    y, x = (np.linspace(0, 0.5 * TILE, side).astype(int) for side in shape)
    field = ndimage.gaussian_filter(field, 2, mode="wrap")[np.ix_(y, x)]
    light = np.exp(rng.uniform(0, 0.4) * field)
    if rng.random() < 0.3:
        edge = 0.5 + 0.5 * np.tanh((field - rng.normal()) * 1.5 * 10 ** rng.random())
        light *= 1 - rng.uniform(0.2, 0.8) * edge
    return light[..., None].astype(np.float32)


# Textures: periodic, of mean 0 and variance 1


def _texture(rng: np.random.Generator) -> np.ndarray:
    """Draw a texture of any kind."""
    kind = rng.choice(len(TEXTURES))
    texture = TEXTURES[kind](rng)
    texture -= texture.mean()
    return (texture / max(float(texture.std()), 1e-6)).astype(np.float32)


def _cloud(
    shape: tuple[int, int], slope: float, rng: np.random.Generator, stretch: float = 1.0
) -> np.ndarray:
    """Return noise whose amplitudes fall like ``frequency**-slope``, longer in one direction."""
    spectrum = fft.rfft2(rng.standard_normal(shape, dtype=np.float32))
    fy = np.fft.fftfreq(shape[0])[:, None].astype(np.float32)
    fx = np.fft.rfftfreq(shape[1])[None].astype(np.float32)
    angle = rng.uniform(0, np.pi)
    along = math.cos(angle) * fx + math.sin(angle) * fy
    across = math.cos(angle) * fy - math.sin(angle) * fx
    frequency = np.sqrt((stretch * along) ** 2 + across**2)
    frequency[0, 0] = np.inf
    noise = fft.irfft2(spectrum * frequency**-slope, shape)
    return noise / noise.std()


def _clouds(rng: np.random.Generator) -> np.ndarray:
    stretch = 1.0 if rng.random() < 0.5 else 2 + 8 * rng.random()
    return _cloud((TILE, TILE), rng.uniform(0.4, 1.8), rng, stretch)


def _grating(rng: np.random.Generator) -> np.ndarray:
    """Return stripes, bent by a cloud; whole periods, so that they join at the borders."""
    frequency, angle = 4 * 13 ** rng.random(), rng.uniform(0, np.pi)
    ky, kx = round(frequency * math.sin(angle)), round(frequency * math.cos(angle))
    y, x = np.ogrid[:TILE, :TILE]
    phase = 2 * np.pi / TILE * (ky * y + kx * x)
    bent = rng.choice([0.0, 0.5, 2.0]) * _cloud((TILE, TILE), 2.0, rng)
    sharpness = 0.5 * 10 ** rng.random()
    return np.tanh(sharpness * np.sin(phase + bent)) / math.tanh(sharpness)


def _weave(rng: np.random.Generator) -> np.ndarray:
    first, second = _grating(rng), _grating(rng)
    return first * second if rng.random() < 0.5 else np.maximum(first, second)


def _spots(rng: np.random.Generator) -> np.ndarray:
    noise = rng.standard_normal((TILE, TILE), dtype=np.float32)
    scale = 1.5 * 6 ** rng.random()
    band = ndimage.gaussian_filter(noise, scale, mode="wrap", truncate=3.0)
    band -= ndimage.gaussian_filter(noise, 1.6 * scale, mode="wrap", truncate=3.0)
    return np.tanh(10 ** rng.uniform(-0.5, 0.7) * (band / band.std() - rng.normal(0, 0.7)))


def _wrinkles(rng: np.random.Generator) -> np.ndarray:
    return -np.sqrt(np.abs(_cloud((TILE, TILE), rng.uniform(1.2, 2), rng)))


TEXTURES = _clouds, _clouds, _grating, _weave, _spots, _wrinkles
"""What surfaces look like; clouds are the most common."""
