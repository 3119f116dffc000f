"""Images larger than memory: parts equal the whole, wherever images lie and results go."""

import errno
import json
import mmap
import os
import threading
import tracemalloc
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage

from skdenoise import (
    AutoencoderDenoiser,
    NoiseInjector,
    ZeroDCEEnhancer,
    _tiling,
    _windows,
)
from skdenoise._containers import read_images
from skdenoise._fingerprint import fingerprint
from skdenoise._large import _filling, _journal, _target
from skdenoise._large._survey import Moments, moments_of
from skdenoise._large_enhancing import LargeEnhancing
from skdenoise._stored import Stored, blocks_of

zarr = pytest.importorskip("zarr", reason="zarr arrays: pip install 'skdenoise[zarr]'")

SHAPE = 101, 85
HALVES = {"sigma": np.repeat([[0.0], [25.0]], [50, 51], axis=0).repeat(85, axis=1), "strength": 0.7}


@pytest.fixture
def small_parts(monkeypatch):
    """Images of more than 64 x 64 pixels are large, and worked on in tiles and blocks."""
    monkeypatch.setattr(_tiling, "LARGE_PIXELS", 64 * 64)
    monkeypatch.setattr(_tiling, "TILE", 40)
    monkeypatch.setattr(_tiling, "LARGEST_OUTER", 10**6)
    monkeypatch.setattr(_windows, "WINDOW", 16)
    monkeypatch.setattr(_windows, "SMALLEST_WINDOW", 16)
    monkeypatch.setattr(_filling, "LARGEST_BLOCK", 80)


@pytest.fixture(scope="module")
def noisy():
    """A gray photograph with noise, (1, 101, 85) uint8, whose sides are odd."""
    from skimage import data

    clean = data.camera()[100 : 100 + SHAPE[0], 150 : 150 + SHAPE[1]]
    return NoiseInjector(sigma=25, random_state=0).fit_transform(clean[None])


@pytest.fixture(scope="module")
def color():
    """A dark color photograph, (1, 101, 85, 3) uint8."""
    from skimage import data

    return data.astronaut()[None, : SHAPE[0], : SHAPE[1]] // 4


@pytest.fixture(scope="module")
def learned(photos):
    """A network that has hardly learned."""
    noise = NoiseInjector(sigma=25)
    return AutoencoderDenoiser(size="nano", noise=noise, epochs=1, random_state=0).fit(photos)


@pytest.fixture(scope="module")
def denoised(noisy, learned):
    """The photograph as that network denoises it."""
    return learned.transform(noisy)


def whole(estimator, X):
    """Transform images as if none of them were large."""
    images = estimator._read(X, reset=False)
    return images.restore(estimator._transform_images(images))


def natural(**parameters):
    return AutoencoderDenoiser(weights="natural", **parameters)


# Parts equal the whole


@pytest.mark.parametrize(
    "parameters",
    [{}, {"n_augment": 2}, {"sigma": "auto"}, {"strength": 0.5}, {"strength": 0}, HALVES],
    ids=str,
)
@pytest.mark.usefixtures("small_parts")
def test_denoising_in_parts_is_denoising_the_whole(noisy, parameters):
    X = noisy / 255
    denoiser = natural(**parameters)
    np.testing.assert_allclose(denoiser.transform(X), whole(denoiser, X), atol=1e-5)


@pytest.mark.usefixtures("small_parts")
def test_hardly_any_noise_is_judged_alike_whole_and_in_parts(noisy):
    X = ndimage.gaussian_filter(noisy / 255, (0, 2, 2))
    X += np.random.default_rng(0).normal(0, 0.011, X.shape)
    found = natural().transform(X)
    assert 0 < np.abs(found - X).mean() < np.abs(natural(sigma=0.02).transform(X) - X).mean()
    np.testing.assert_allclose(found, whole(natural(), X), atol=1e-5)


@pytest.fixture
def counted(monkeypatch):
    """Return counted photons, (1, 160, 160), which are judged by small windows."""
    from skimage import data

    monkeypatch.setattr(_windows, "WINDOW", 40)
    light = data.camera()[None, 20:180, 100:260] / 255
    return np.random.default_rng(0).poisson(100 * light) / 100


@pytest.mark.parametrize("n_augment", [1, 8])
@pytest.mark.parametrize("sigma", [None, "auto"])
@pytest.mark.usefixtures("small_parts")
def test_noise_that_grows_with_the_light_is_told_alike_whole_and_in_parts(
    sigma, n_augment, counted, monkeypatch
):
    denoiser = natural(n_augment=n_augment, sigma=sigma)
    found = denoiser.transform(counted)
    np.testing.assert_allclose(found, whole(denoiser, counted), atol=1e-5)
    monkeypatch.setattr(AutoencoderDenoiser, "_measures", False)
    blind = denoiser.set_params(sigma=None).transform(counted)
    assert np.abs(blind - found).max() > 0.01


@pytest.mark.usefixtures("small_parts")
def test_channels_that_are_no_colors_are_told_it_too(counted):
    X = np.stack([counted, counted[:, ::-1]], axis=-1)
    denoiser = natural(sigma="auto")
    np.testing.assert_allclose(denoiser.transform(X), whole(denoiser, X), atol=1e-5)


@pytest.mark.parametrize("n_augment", [1, 8])
@pytest.mark.usefixtures("small_parts")
def test_turned_parts_lie_on_the_grid_of_the_turned_image(n_augment, noisy, photos):
    X = photos[:1, :16, :16] / 255
    denoiser = AutoencoderDenoiser("autoencoder", epochs=1, random_state=0, n_augment=n_augment)
    denoiser.fit(X, X / 2)
    assert denoiser._local_transform(read_images(noisy)).margin < 20
    X = noisy / 255
    np.testing.assert_allclose(denoiser.transform(X), whole(denoiser, X), atol=1e-5)


def test_a_network_that_sees_everything_takes_images_whole(noisy):
    denoiser = AutoencoderDenoiser("ridnet")
    denoiser.n_channels_in_ = 1
    shapes = denoiser._network().shapes()
    denoiser.weights_ = {name: np.zeros(shape) for name, shape in shapes.items()}
    assert denoiser._local_transform(read_images(noisy)) is None


@pytest.mark.usefixtures("small_parts")
def test_channels_that_the_network_does_not_know_are_denoised_one_by_one(noisy):
    X = np.stack([noisy, noisy[:, ::-1]], axis=-1) / 255
    np.testing.assert_allclose(natural().transform(X), whole(natural(), X), atol=1e-5)


@pytest.mark.usefixtures("small_parts")
def test_sigma_may_be_a_map(noisy, learned):
    X = noisy / 255
    sigma = np.linspace(0, 0.2, X.size).reshape(SHAPE)
    denoiser = natural(sigma=sigma)
    np.testing.assert_allclose(denoiser.transform(X), whole(denoiser, X), atol=1e-5)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"architecture": "dce++"},
        {"architecture": "dce++", "keep_hue": True, "strength": 0.7},
        {"architecture": "dce++", "denoiser": natural()},
        {"strength": 0},
        {"locality": 1.0},
        {"exposure": 0.5},
        {"architecture": "dce++", "exposure": 0.5, "locality": 0.0},
    ],
    ids=str,
)
@pytest.mark.usefixtures("small_parts")
def test_enhancing_in_parts_is_enhancing_the_whole(color, parameters, monkeypatch):
    # Places that do not cover the image, as in large ones.
    monkeypatch.setattr("skdenoise._curves.PLACE", 7)
    monkeypatch.setattr("skdenoise._curves.PLACES_PER_AXIS", 5)
    X = NoiseInjector(sigma=5, random_state=0).fit_transform(color) / 255
    enhancer = ZeroDCEEnhancer(weights="default", **parameters)
    np.testing.assert_allclose(enhancer.transform(X), whole(enhancer, X), atol=1e-5)


@pytest.mark.parametrize("architecture", ["dce", "dce++"])
@pytest.mark.usefixtures("small_parts")
def test_the_exposure_of_a_large_image_is_that_which_is_wanted(architecture, color, monkeypatch):
    monkeypatch.setattr("skdenoise._curves.PLACE", 16)
    enhancer = ZeroDCEEnhancer(architecture, weights="default", exposure=0.5)
    bright = enhancer.transform(color / 255)
    assert isinstance(enhancer._local_transform(read_images(color)), LargeEnhancing)
    assert bright.mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.usefixtures("small_parts")
def test_frames_that_depend_on_each_other_are_taken_whole(color):
    X = np.concatenate([color, color[:, ::-1]])
    enhancer = ZeroDCEEnhancer("dce++", weights="default", smoothing=0.5)
    assert_array_equal(enhancer.transform(X), whole(enhancer, X))


def test_large_images_are_judged_alike_whole_and_in_parts(noisy, small_parts, monkeypatch):
    X = noisy[:, ::2, ::2] // 2 + 64
    denoiser = natural()
    calls = []
    original = denoiser._local_transform
    monkeypatch.setattr(
        type(denoiser),
        "_local_transform",
        lambda self, images: calls.append(len(images)) or original(images),
    )
    monkeypatch.setattr(_tiling, "LARGE_PIXELS", 32 * 32)
    assert_array_equal(denoiser.transform(X), whole(denoiser, X))
    assert calls == [1]


# Wherever images lie, and results go


def memory_map(path, X, mode="w+"):
    mapped = np.memmap(path, X.dtype, "w+", shape=X.shape)
    mapped[:] = X
    mapped.flush()
    return mapped if mode == "w+" else np.memmap(path, X.dtype, mode, shape=X.shape)


def stored(X, chunks=None, path=None):
    array = zarr.create_array(
        store=path or {}, shape=X.shape, dtype=X.dtype, chunks=chunks or (1, 40, 32, 3)[: X.ndim]
    )
    array[...] = X
    return array


PLACES = {
    "array": lambda X, path: X.copy(),
    "memory map": lambda X, path: memory_map(path, X),
    "copy on write": lambda X, path: memory_map(path, X, "c"),
    "read-only map": lambda X, path: memory_map(path, X, "r"),
    "computed from a map": lambda X, path: memory_map(path, X) + np.uint8(0),
    "zarr": lambda X, path: stored(X),
    "zarr on disk": lambda X, path: stored(X, path=path),
    "zarr in one chunk": lambda X, path: stored(X, X.shape),
    "zarr in rows": lambda X, path: stored(X, (1, 1, X.shape[2])),
}


@pytest.mark.parametrize("source", PLACES)
@pytest.mark.parametrize("target", ["memory map", "zarr"])
@pytest.mark.usefixtures("small_parts")
def test_the_place_of_an_image_does_not_matter(source, target, noisy, denoised, learned, tmp_path):
    X = PLACES[source](noisy, tmp_path / "X")
    out = PLACES[target](np.zeros_like(noisy), tmp_path / "out")
    assert learned.transform(X, out) is out
    assert_array_equal(out, denoised)
    assert_array_equal(X, noisy)


@pytest.mark.parametrize("target", ["array", "zarr in one chunk", "zarr in rows"])
@pytest.mark.usefixtures("small_parts")
def test_the_place_of_the_result_does_not_matter(target, noisy, denoised, learned, tmp_path):
    out = PLACES[target](np.zeros_like(noisy), tmp_path / "out")
    assert learned.transform(noisy, out) is out
    assert_array_equal(out, denoised)


@pytest.mark.usefixtures("small_parts")
def test_a_list_may_hold_large_and_small_images_from_anywhere(noisy, learned, tmp_path):
    X = [noisy[0], noisy[0, :20, :30], noisy[0, ::-1], noisy[0, :9]]
    wanted = learned.transform(X)
    for image, result in zip(X, wanted, strict=True):
        assert_array_equal(result, learned.transform([image])[0])
    places = [
        stored(X[0], (40, 40)),
        memory_map(tmp_path / "1", X[1]),
        memory_map(tmp_path / "2", X[2]),
        stored(X[3], (5, 50)),
    ]
    out = [np.empty_like(image) for image in X]
    assert learned.transform(places, out) is out
    for result, image in zip(out, wanted, strict=True):
        assert_array_equal(result, image)


@pytest.mark.usefixtures("small_parts")
def test_each_image_has_its_own_sigma_wherever_it_stands(noisy):
    X = [noisy[0, :20, :30], noisy[0], noisy[0, :30, :20]]
    together = natural(sigma=[5, 25, 50]).transform(X)
    for image, sigma, result in zip(X, [5, 25, 50], together, strict=True):
        assert_array_equal(natural(sigma=sigma).transform([image])[0], result)


@pytest.mark.usefixtures("small_parts")
def test_alpha_passes_through_part_by_part(color):
    opacity = np.arange(color[..., 0].size, dtype=np.uint8).reshape(color.shape[:3])
    X = np.concatenate([color, opacity[..., None]], axis=-1)
    out = natural().transform(stored(X, (1, 30, 30, 4)))
    assert_array_equal(out[..., 3], opacity)
    assert_array_equal(out[..., :3], natural().transform(color))


def test_out_is_filled_where_nothing_is_large(noisy, learned, photos):
    out = np.empty_like(photos)
    assert learned.transform(photos, out) is out
    assert_array_equal(out, learned.transform(photos))
    table = photos.reshape(len(photos), -1)
    flat = AutoencoderDenoiser(weights="natural", image_shape=photos.shape[1:])
    filled = flat.transform(table, np.empty_like(table))
    assert_array_equal(filled, flat.transform(table))
    noise = NoiseInjector(random_state=0)
    assert_array_equal(noise.fit(photos).transform(photos, out), noise.transform(photos))


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (np.zeros((1, 10, 10), np.uint8), ValueError, r"shape of X, \(1, 101, 85\)"),
        (np.zeros((1, *SHAPE), np.float32), ValueError, "image 0 is .* uint8 in X and .* float32"),
        ([np.zeros(SHAPE, np.uint8)], TypeError, "out must be an array that can be assigned to"),
        ("out.npy", TypeError, "out must be an array that can be assigned to"),
    ],
    ids=str,
)
def test_an_out_that_does_not_fit_is_refused(out, error, message, noisy, learned):
    with pytest.raises(error, match=message):
        learned.transform(noisy, out)


def test_a_list_wants_a_list(noisy, learned):
    with pytest.raises(ValueError, match="sequence of 1 images, so out must be a list"):
        learned.transform(list(noisy), np.empty_like(noisy))


def test_out_may_lie_beside_the_images(noisy, learned):
    both = np.concatenate([noisy, np.zeros_like(noisy)], axis=2)
    X, out = both[:, :, : noisy.shape[2]], both[:, :, noisy.shape[2] :]
    learned.transform(X, out)
    assert_array_equal(X, noisy)
    assert_array_equal(out, learned.transform(noisy))


def test_nothing_is_written_over_the_images(noisy, learned, tmp_path):
    X = noisy.copy()
    mapped = memory_map(tmp_path / "X", X)
    for image, out in [
        (X, X),
        (X, X[:, ::-1]),
        (mapped, np.memmap(tmp_path / "X", np.uint8, "r+", shape=X.shape)),
    ]:
        with pytest.raises(ValueError, match="images are never written over"):
            learned.transform(image, out)
    assert_array_equal(X, noisy)


def zarr_in_memory(X, path):
    store = zarr.storage.MemoryStore()
    zarr.create_array(store, name="a", data=X)
    return zarr.open_array(store, path="a", mode="r"), zarr.open_array(store, path="a")


def linked_maps(X, path):
    first = memory_map(path / "X", X)
    os.link(path / "X", path / "other")
    return first, np.memmap(path / "other", X.dtype, "r+", shape=X.shape)


def buffers(X, path):
    first = memory_map(path / "X", X, "r")
    with open(path / "X", "r+b") as file:
        return first, np.frombuffer(mmap.mmap(file.fileno(), 0), X.dtype).reshape(X.shape)


def linked_data_sets(X, path, soft=False):
    h5py = pytest.importorskip("h5py")
    file = h5py.File(path / "a.h5", "w")
    file["X"] = X
    file["other"] = h5py.SoftLink("/X") if soft else file["X"]
    return file["X"], file["other"]


@pytest.mark.parametrize(
    "both",
    [
        zarr_in_memory,
        linked_maps,
        pytest.param(
            buffers, marks=pytest.mark.skipif(not os.path.exists(_target.MAPS), reason="Linux")
        ),
        linked_data_sets,
        partial(linked_data_sets, soft=True),
    ],
)
def test_the_images_are_recognized_by_another_name(both, noisy, learned, tmp_path):
    X, out = both(noisy, tmp_path)
    with pytest.raises(ValueError, match="images are never written over"):
        learned.transform(X, out)
    assert_array_equal(X, noisy)


def test_equal_arrays_in_memory_are_two_places(noisy, learned):
    X, out = zarr_in_memory(noisy, None)[0], zarr_in_memory(noisy, None)[1]
    assert learned.transform(X, out) is out
    one, other = (np.frombuffer(mmap.mmap(-1, 9), "u1") for _ in range(2))
    assert _target.place_of(one) is None or _target.place_of(one) != _target.place_of(other)


def test_a_data_set_is_not_written_over_but_others_of_its_file_are(noisy, learned, tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["X"], file["out"] = noisy, np.zeros_like(noisy)
        with pytest.raises(ValueError, match="images are never written over"):
            learned.transform(file["X"], file["X"])
        learned.transform(file["X"], file["out"])
        assert_array_equal(file["X"][:], noisy)
        assert_array_equal(file["out"][:], learned.transform(noisy))


def test_a_read_only_out_is_refused(noisy, learned, tmp_path):
    out = memory_map(tmp_path / "out", noisy, "r")
    with pytest.raises(ValueError, match=r"read-only.*mode='r\+'"):
        learned.transform(noisy, out)


def test_a_data_set_in_a_read_only_file_is_refused_before_the_work(noisy, learned, tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["out"] = np.zeros_like(noisy)
    with (
        h5py.File(tmp_path / "a.h5", "r") as file,
        pytest.raises(ValueError, match=r"read-only.*mode='r\+'"),
    ):
        learned.transform(noisy, file["out"])


# Never all of it at once


class Watched:
    """An array on disk that remembers how much was read at once."""

    def __init__(self, pixels, chunks=None):
        self.pixels, self.chunks = pixels, chunks
        self.shape, self.dtype, self.ndim = pixels.shape, pixels.dtype, pixels.ndim
        self.most, self.total = 0, 0

    def __getitem__(self, key):
        part = self.pixels[key]
        self.most, self.total = max(self.most, part.size), self.total + part.size
        return part


@pytest.mark.parametrize("dtype", ["uint8", "float32", "int32"])
@pytest.mark.filterwarnings("ignore:Image 0 of X has dtype int32")
def test_a_large_image_is_read_a_few_parts_at_a_time(dtype, learned, small_parts, monkeypatch):
    monkeypatch.setattr("skdenoise._stored.BLOCK_SIDE", 64)
    X = Watched(np.random.default_rng(0).integers(200, size=(1, 300, 250)).astype(dtype))
    out = np.empty(X.shape, X.dtype)
    learned.transform(X, out)
    margin = learned._local_transform(read_images(X)).margin
    assert X.most <= (80 + 2 * margin) ** 2
    assert np.isfinite(out).all()


@pytest.mark.parametrize("chunks", [(4, 1000), (1000, 4), (7, 1000), (4, 300), (30, 30), None])
@pytest.mark.usefixtures("small_parts")
def test_blocks_are_whole_chunks_and_no_larger_where_these_are_long(chunks, monkeypatch):
    monkeypatch.setattr("skdenoise._stored.BLOCK_SIDE", 64)
    covered = np.zeros((1000, 1000), int)
    image = Watched(covered, chunks)
    for rows, columns in blocks_of(image):
        part = covered[rows, columns]
        assert part.size <= max(64 * 64, np.prod(chunks or 0))
        if chunks is not None:
            assert rows.start % chunks[0] == columns.start % chunks[1] == 0
        part += 1
    assert (covered == 1).all()


@pytest.mark.filterwarnings("ignore:Image 0 of X has dtype int32")
def test_blocks_that_were_looked_at_are_not_kept(small_parts, monkeypatch):
    class Copied(Watched):
        def __getitem__(self, key):
            return super().__getitem__(key).copy()

    monkeypatch.setattr("skdenoise._stored.BLOCK_SIDE", 64)
    X = Copied(np.zeros((1, 1000, 1000), np.int32))
    tracemalloc.start()
    read_images(X)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < X.pixels.nbytes / 4


def test_patches_are_learned_from_a_part_at_a_time(small_parts, monkeypatch):
    monkeypatch.setattr("skdenoise._stored.BLOCK_SIDE", 64)
    X = Watched(np.random.default_rng(0).random((1, 200, 300)))
    noise = NoiseInjector(sigma=0.1)
    AutoencoderDenoiser(size="nano", epochs=1, noise=noise, validation_fraction=0).fit(X)
    assert X.most <= 64 * 64


@pytest.mark.usefixtures("small_parts")
def test_moments_of_blocks_are_those_of_the_image():
    rng = np.random.default_rng(0)
    X = rng.normal([1e3, 0, -5], [1, 1e-3, 10], (1, 150, 90, 3))
    moments = moments_of(read_images(X), 0)
    np.testing.assert_allclose(moments.mean, X.mean(axis=(0, 1, 2)), rtol=1e-12, atol=1e-12)
    for channels in (slice(None), slice(1, 2)):
        mean, spread = moments.mean_and_spread(channels)
        assert mean == pytest.approx(X[..., channels].mean(), rel=1e-12)
        assert spread == pytest.approx(X[..., channels].std(), rel=1e-9)
    assert moments.highest == X.max()
    assert Moments.joined([moments]).count == 150 * 90


@pytest.mark.usefixtures("small_parts")
def test_a_value_that_is_not_finite_is_found_in_any_block(learned):
    X = np.ones((1, *SHAPE), np.float32)
    X[0, 100, 10], X[0, 70, 81] = np.nan, np.inf
    with pytest.raises(ValueError, match=r"2 of 8585 values, the first at \(70, 81, 0\)"):
        learned.transform(stored(X), np.empty_like(X))


def test_parts_of_a_stored_image_are_views():
    pixels = np.arange(5 * 7 * 3).reshape(5, 7, 3)
    image = Stored(Watched(pixels))
    part = image[1:4, ::-2][::-1]
    assert_array_equal(part, pixels[1:4, ::-2][::-1])
    assert (part.shape, part.ndim, len(part)) == ((3, 4, 3), 3, 3)
    assert np.asarray(image[3:3]).shape == (0, 7, 3)


def test_reading_and_writing_go_on_beside_the_work(noisy, learned, small_parts):
    threads = set()

    class Source(Watched):
        def __getitem__(self, key):
            threads.add(threading.current_thread())
            return super().__getitem__(key)

    learned.transform(Source(noisy))
    assert threading.current_thread() in threads
    assert len(threads) > 1
    assert not any(thread.is_alive() for thread in threads - {threading.current_thread()})


# What is finished stays finished


class Interrupted(Exception):
    pass


class Failing:
    """An array that cannot be written any more after some blocks."""

    def __init__(self, array, n_blocks):
        self.array, self.left = array, n_blocks
        self.shape, self.dtype = array.shape, array.dtype
        self.chunks = getattr(array, "chunks", None)
        self.store_path = getattr(array, "store_path", None)
        self.written = 0

    def __getitem__(self, key):
        return self.array[key]

    def __setitem__(self, key, pixels):
        if self.left == 0:
            raise Interrupted
        self.left -= 1
        self.written += pixels.size
        self.array[key] = pixels


@pytest.fixture
def place(noisy, tmp_path):
    """An empty zarr array on disk, like the photograph."""
    return stored(np.zeros_like(noisy), path=tmp_path / "out.zarr")


@pytest.mark.usefixtures("small_parts")
def test_what_was_interrupted_goes_on_where_it_was(noisy, denoised, learned, place, tmp_path):
    with pytest.raises(Interrupted):
        learned.transform(noisy, Failing(place, 2), resume=True)
    note = tmp_path / "out.zarr.skdenoise"
    assert note.read_text().count("\n") == 3
    with open(note, "a") as file:
        file.write("0 and a half-written l")
    again = Failing(place, -1)
    learned.transform(noisy, again, resume=True)
    assert 0 < again.written < 0.8 * noisy.size
    assert_array_equal(place, denoised)
    assert not note.exists()


@pytest.mark.usefixtures("small_parts")
def test_small_images_that_are_finished_are_not_done_again(noisy, learned, tmp_path, monkeypatch):
    X = [noisy[0, :20, :20], noisy[0], noisy[0, 9:29, :20]]
    wanted = learned.transform(X)
    out = [np.zeros_like(image) for image in X]
    note = tmp_path / "note"
    put = _target.Target.put

    def failing(self, index, block, pixels):
        if index == 1:
            raise Interrupted
        put(self, index, block, pixels)

    monkeypatch.setattr(_target.Target, "put", failing)
    with pytest.raises(Interrupted):
        learned.transform(X, out, resume=note)
    assert not any(thread.name.startswith("skdenoise") for thread in threading.enumerate())
    monkeypatch.setattr(_target.Target, "put", put)
    assert_array_equal(out[2], wanted[2])
    again = []
    monkeypatch.setattr(
        _target.Target,
        "put",
        lambda self, index, *rest: again.append(index) or put(self, index, *rest),
    )
    learned.transform(X, out, resume=note)
    assert set(again) == {1}
    assert_array_equal(out[1], wanted[1])
    assert not note.exists()


@pytest.mark.parametrize("change", ["weights", "parameters", "pixels", "shape"])
@pytest.mark.usefixtures("small_parts")
def test_a_note_about_something_else_is_not_believed(change, noisy, learned, place, tmp_path):
    note = tmp_path / "note"
    with pytest.raises(Interrupted):
        learned.transform(noisy, Failing(place, 2), resume=note)
    X, other = noisy, learned
    if change == "weights":
        other = AutoencoderDenoiser(size="nano", epochs=1, random_state=1, noise=learned.noise)
        other.fit(noisy[:, :32, :32])
    elif change == "parameters":
        other = learned.__class__(**{**learned.get_params(deep=False), "n_augment": 2})
        vars(other).update({k: v for k, v in vars(learned).items() if k.endswith("_")})
    elif change == "pixels":
        X = 255 - noisy
    else:
        X = noisy[:, :90]
    out = np.zeros_like(X)
    if change == "pixels":
        # Then nothing of it is used.
        assert_array_equal(other.transform(X, out, resume=note), other.transform(X))
    else:
        with pytest.raises(ValueError, match=r"another transform.*do not resume"):
            other.transform(X, out, resume=note)


@pytest.mark.parametrize(
    "estimator", [ZeroDCEEnhancer(weights="default", locality=1.0), natural(strength=0)], ids=str
)
@pytest.mark.usefixtures("small_parts")
def test_a_note_about_other_pixels_is_not_believed_where_all_are_judged_alike(
    estimator, color, tmp_path
):
    note = tmp_path / "note"
    out = stored(np.zeros_like(color), path=tmp_path / "out.zarr")
    with pytest.raises(Interrupted):
        estimator.transform(color, Failing(out, 2), resume=note)
    other = color[:, ::-1, ::-1].copy()
    estimator.transform(other, out, resume=note)
    assert_array_equal(out, estimator.transform(other))


def test_a_note_of_another_release_is_not_believed(tmp_path, monkeypatch):
    _journal.Journal(tmp_path / "note", "me", resume=True)
    version = _journal.VERSION
    assert _journal.__version__ in version
    monkeypatch.setattr(_journal, "VERSION", version.replace(_journal.__version__, "0.0.9"))
    with pytest.raises(ValueError, match="another version of skdenoise"):
        _journal.Journal(tmp_path / "note", "me", resume=True)


@pytest.mark.parametrize("content", [b"dear diary", b"dear\ndiary\n", b"\xff\xfe"])
def test_a_file_that_is_no_note_is_left_alone(content, tmp_path):
    note = tmp_path / "note.txt"
    note.write_bytes(content)
    with pytest.raises(ValueError, match="no such note"):
        _journal.Journal(note, "me", resume=True)
    assert note.read_bytes() == content
    _journal.Journal(note, "me", resume=False)
    assert note.read_bytes() == content


def test_a_folder_is_no_note(tmp_path):
    with pytest.raises(ValueError, match="no such note"):
        _journal.Journal(tmp_path, "me", resume=True)
    _journal.Journal(tmp_path, "me", resume=False)


@pytest.mark.parametrize("length", [0, 9, -1])
def test_a_note_that_was_being_begun_is_begun_again(length, tmp_path):
    header = f"{_journal.VERSION} me\n"
    (tmp_path / "note").write_text(header[:length])
    note = _journal.Journal(tmp_path / "note", "me", resume=True)
    pixels = np.arange(3)
    assert not note.holds("first", lambda: pixels)
    note.add("first", pixels)
    lines = (tmp_path / "note").read_text().splitlines(keepends=True)
    assert (lines[0], len(lines), lines[1][:6]) == (header, 2, "first ")
    again = _journal.Journal(tmp_path / "note", "me", resume=True)
    assert again.holds("first", lambda: pixels.astype(">i8"))
    assert not again.holds("first", lambda: pixels + 1)


@pytest.mark.parametrize("kind", ["array", "memmap", "zarr", "list"])
@pytest.mark.usefixtures("small_parts")
def test_what_was_finished_is_done_again_where_the_result_was_made_anew(kind, color, tmp_path):
    denoiser, note = natural(), tmp_path / "note"

    def out():
        if kind == "memmap":
            return np.memmap(tmp_path / "out", color.dtype, "w+", shape=color.shape)
        if kind == "zarr":
            path = tmp_path / "out.zarr"
            layout = {"shape": color.shape, "dtype": color.dtype, "chunks": (1, 40, 40, 3)}
            return zarr.create_array(path, overwrite=True, **layout)
        return np.zeros_like(color)

    X = list(color) * 2 if kind == "list" else color
    target = [Failing(out()[0], 9), Failing(out()[0], 1)] if kind == "list" else Failing(out(), 2)
    with pytest.raises(Interrupted):
        denoiser.transform(X, target, resume=note)
    assert len(note.read_text().splitlines()) > 1
    target = [out()[0], out()[0]] if kind == "list" else out()
    denoiser.transform(X, target, resume=note)
    assert_array_equal(np.asarray(target), np.asarray(denoiser.transform(X)))


@pytest.mark.parametrize("left", [b"", b"12345", b"?" * 500])
@pytest.mark.parametrize("compressor", ["zstd", "gzip", None])
@pytest.mark.usefixtures("small_parts")
def test_what_was_finished_is_done_again_where_it_cannot_be_read(
    left, compressor, noisy, denoised, learned, tmp_path
):
    codec = compressor and {"name": compressor, "configuration": {"level": 1}}
    layout = {"shape": noisy.shape, "dtype": noisy.dtype, "chunks": (1, 40, 40)}
    out = zarr.create_array(tmp_path / "out.zarr", compressors=codec, **layout)
    with pytest.raises(Interrupted):
        learned.transform(noisy, Failing(out, 2), resume=True)
    (tmp_path / "out.zarr" / "c" / "0" / "0" / "0").write_bytes(left)
    rest = Failing(out, -1)
    learned.transform(noisy, rest, resume=True)
    assert 0 < rest.written < noisy.size
    assert_array_equal(out, denoised)


def two_maps(path, first, second):
    """Return parts of two memory maps of one file, whose rows are given."""
    np.memmap(path, np.uint8, "w+", shape=(400, 85))
    maps = [np.memmap(path, np.uint8, "r+", shape=(400, 85)) for _ in range(2)]
    return [maps[0][slice(*first)], maps[1][slice(*second)]]


def one_map(path, *rows):
    mapped = two_maps(path, (None,), (None,))[0]
    return [mapped[slice(*part)] for part in rows]


SHARED = {
    "the same array": lambda path: [np.empty(SHAPE, np.uint8)] * 2,
    "parts that overlap": lambda path: one_map(path, (101,), (50, 151)),
    "maps of one file": lambda path: two_maps(path, (100, 201), (200, 301)),
    "a file that is opened twice": lambda path: [
        zarr.create_array(path, shape=SHAPE, dtype="u1"),
        zarr.open_array(path),
    ],
    "the same zarr array": lambda path: [zarr.create_array(path, shape=SHAPE, dtype="u1")] * 2,
}
APART = {
    "arrays": lambda path: [np.empty(SHAPE, np.uint8), np.empty(SHAPE, np.uint8)],
    "every other row": lambda path: one_map(path, (0, 202, 2), (1, 202, 2)),
    "parts of one file": lambda path: two_maps(path, (100, 201), (201, 302)),
    "two zarr arrays": lambda path: [
        zarr.create_array(path / name, shape=SHAPE, dtype="u1") for name in "ab"
    ],
}


@pytest.mark.parametrize("places", SHARED)
def test_no_result_is_written_over_another(places, noisy, learned, tmp_path):
    with pytest.raises(ValueError, match=r"out has one place for images 0 and 1, .*empty_like"):
        learned.transform([noisy[0], noisy[0]], SHARED[places](tmp_path / "out"))


def test_images_of_an_array_may_not_share_memory_either(noisy, learned):
    X = np.concatenate([noisy, noisy, noisy])
    memory = np.empty(X.size, np.uint8)
    row = noisy.itemsize * SHAPE[1]
    overlapping = np.lib.stride_tricks.as_strided(memory, X.shape, (row * 50, row, 1))
    with pytest.raises(ValueError, match="out has one place for images 0 and 1"):
        learned.transform(X, overlapping)
    interleaved = np.empty((*SHAPE, 3), np.uint8).transpose(2, 0, 1)
    assert_array_equal(learned.transform(X, interleaved), learned.transform(X))


@pytest.mark.parametrize("places", APART)
def test_places_beside_each_other_are_filled(places, noisy, learned, tmp_path):
    out = APART[places](tmp_path / "out")
    X = [noisy[0], noisy[0, ::-1]]
    for result, wanted in zip(learned.transform(X, out), learned.transform(X), strict=True):
        assert_array_equal(result, wanted)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="needs posix_fallocate")
def test_a_full_disk_is_known_before_a_memory_map_is_filled(noisy, learned, tmp_path, monkeypatch):
    out = memory_map(tmp_path / "out", np.zeros((3, *SHAPE), np.uint8))
    taken = []
    monkeypatch.setattr(os, "posix_fallocate", lambda _, *extent: taken.append(extent))
    learned.transform(noisy, out[1:2])
    assert taken == [(noisy.size, noisy.size)]

    def full(file, offset, n_bytes):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match=f"No space left on device, for the {2 * noisy.size} bytes"):
        learned.transform(np.concatenate([noisy, noisy]), out[:2])
    assert_array_equal(out[0], 0)


@pytest.mark.usefixtures("small_parts")
def test_a_damaged_chunk_is_named_and_so_is_what_is_finished(noisy, denoised, learned, tmp_path):
    X = stored(noisy, path=tmp_path / "X.zarr")
    chunk = tmp_path / "X.zarr" / "c" / "0" / "2" / "0"
    whole = chunk.read_bytes()
    chunk.write_bytes(whole[:20])
    with pytest.raises(
        OSError, match=r"Cannot read rows 0 to 100, .*X\.zarr.*, image 0: .*Restore"
    ):
        learned.transform(X)
    out = stored(np.ones_like(noisy), path=tmp_path / "out.zarr")
    with pytest.raises(Interrupted) as stopped:
        learned.transform(noisy, Failing(out, 2), resume=True)
    assert "the same call goes on from there" in stopped.value.__notes__[0]
    chunk.write_bytes(whole)
    learned.transform(X, out, resume=True)
    assert_array_equal(out, denoised)


@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.usefixtures("small_parts")
def test_chunks_that_may_have_been_lost_are_counted(as_list, noisy, denoised, learned, tmp_path):
    source = stored(noisy[0] if as_list else noisy, (40, 32) if as_list else None, tmp_path / "X")
    lost = tmp_path / "X" / "c" / ("0" if as_list else "0/0") / "1"
    lost.unlink()
    X = [source] if as_list else source
    n_chunks = source.nchunks
    name = "image 0 of X" if as_list else "X"
    message = f"^{name} lacks 1 of its {n_chunks} chunks, which are read as 0, .*copy them again"
    with pytest.warns(UserWarning, match=message):
        result = learned.transform(X)
    assert not np.array_equal(result[0], denoised[0])
    assert_array_equal(
        result[0], learned.transform(np.asarray(source)[None] if as_list else np.asarray(source))[0]
    )


@pytest.mark.usefixtures("small_parts")
def test_chunks_need_not_be_listed(noisy, denoised, learned):
    class Unlisted(zarr.storage.MemoryStore):
        supports_listing = False

        async def list_prefix(self, prefix):
            raise NotImplementedError
            yield

    X = zarr.create_array(store=Unlisted(), shape=noisy.shape, dtype="u1", chunks=(1, 40, 32))
    X[...] = noisy
    with pytest.raises(NotImplementedError):
        _ = X.nchunks_initialized
    assert_array_equal(learned.transform(X), denoised)


def test_a_note_has_to_be_named(color):
    with pytest.raises(TypeError, match=r"resume must be True.*Got 3\."):
        ZeroDCEEnhancer(weights="default").transform(color, np.zeros_like(color), resume=3)


def test_frames_that_depend_on_each_other_are_not_resumed(color, tmp_path):
    enhancer = ZeroDCEEnhancer("dce++", weights="default", smoothing=0.5)
    X = np.concatenate([color, color])
    with pytest.raises(ValueError, match=r"smoothing=0\.5 .*Set smoothing=0"):
        enhancer.transform(X, np.zeros_like(X), resume=tmp_path / "note")
    out = np.zeros_like(color)
    enhancer.transform(color, out, resume=tmp_path / "note")
    assert out.any()


def adding(number):
    def add(x):
        return add(x - 1) if x in {"a", "b"} else x + number

    return add


def in_a_notebook(cell):
    """Return the function `add` as cells of a notebook define it, the last of which it was not."""
    names = {"__name__": "__main__"}
    exec("def add(x):\n    return [more(y) for y in x]\n", names)
    exec(cell, names)
    return names["add"]


class Adding:
    """Adds a number, and knows itself."""

    def __init__(self, number):
        self.number, self.itself = number, self

    def to(self, x):
        return x + self.number


@pytest.mark.parametrize(
    ("one", "same", "other"),
    [
        [np.array([name], object) for name in ("x" * 9, "".join(["x"] * 9), "y" * 9)],
        [np.random.RandomState(seed) for seed in (0, 0, 1)],
        [np.random.default_rng(seed) for seed in (0, 0, 1)],
        [adding(number) for number in (1, 1, 2)],
        [partial(adding, number) for number in (1, 1, 2)],
        [eval(f"lambda x: x + {number}") for number in (1, 1, 2)],
        ({"a", "b"}, {"b", "a"}, {"a", "c"}),
        [in_a_notebook(f"n = {n}\ndef more(x): return n + x") for n in (1, 1, 2)],
        [in_a_notebook(f"n = 1\ndef more(x): return n + {n} * x") for n in (1, 1, 2)],
        [Adding(number) for number in (1, 1, 2)],
        [Adding(number).to for number in (1, 1, 2)],
    ],
)
def test_a_fingerprint_is_of_what_things_hold_and_not_of_where_they_lie(one, same, other):
    assert fingerprint(one) == fingerprint(same) != fingerprint(other)


@pytest.mark.usefixtures("small_parts")
def test_beginning_anew_forgets_the_note(noisy, learned, place, tmp_path):
    with pytest.raises(Interrupted):
        learned.transform(noisy, Failing(place, 2), resume=True)
    with pytest.raises(Interrupted):
        learned.transform(noisy, Failing(place, 1))
    assert not list(tmp_path.glob("*.skdenoise"))


def test_a_note_needs_a_place(noisy, learned):
    with pytest.raises(ValueError, match="Name a file for the note"):
        learned.transform(noisy, np.empty_like(noisy), resume=True)


@pytest.mark.parametrize("resume", [True, "note"])
def test_there_is_nothing_to_go_on_with_but_out(noisy, learned, resume):
    with pytest.raises(ValueError, match=r"transform\(X, out, resume="):
        learned.transform(noisy, resume=resume)


def test_nothing_of_this_is_metadata_for_a_pipeline(learned):
    assert "transform" not in json.dumps(learned._get_metadata_request()._serialize())


@pytest.mark.usefixtures("small_parts")
def test_what_is_written_at_once_holds_whole_shards(noisy, learned, tmp_path):
    layout = {"shape": noisy.shape, "dtype": noisy.dtype, "chunks": (1, 20, 20)}
    out = zarr.create_array(tmp_path / "out.zarr", shards=(1, 80, 40), **layout)
    place = _target._Place(out, 0)
    assert place.chunks == (80, 40)
    learned.transform(noisy, out)
    assert_array_equal(out[:], learned.transform(noisy))
