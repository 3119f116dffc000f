"""Dask arrays stay lazy, chunks show no seams, and workers load a network once."""

import os
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.frozen import FrozenEstimator

from skdenoise import AutoencoderDenoiser, NoiseInjector, ZeroDCEEnhancer, _tiling
from skdenoise._keras import _prediction
from skdenoise._large._lazy import Carried, _again, is_dask_array

dask = pytest.importorskip("dask", reason="clusters: pip install 'skdenoise[dask]'")
da = pytest.importorskip("dask.array")

# dask tells pandas users what to do, and so on: nothing that we can change.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dask.*")


@pytest.fixture(autouse=True)
def one_after_the_other():
    """Without threads, unless a test asks for them."""
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.fixture(scope="module")
def noisy():
    """Two gray photographs with noise, (2, 221, 190) uint8."""
    from skimage import data

    clean = data.camera()[100:321, 150:340]
    return NoiseInjector(sigma=25, random_state=0).fit_transform(np.stack([clean, clean[::-1]]))


@pytest.fixture
def small_parts(monkeypatch):
    """Images of more than 64 x 64 pixels are large."""
    monkeypatch.setattr(_tiling, "LARGE_PIXELS", 64 * 64)


def natural(**parameters):
    return AutoencoderDenoiser(weights="natural", **parameters)


def quick():
    """Return a denoiser that sees 16 pixels far."""
    X = np.linspace(0, 1, 256).reshape(1, 16, 16)
    denoiser = AutoencoderDenoiser("autoencoder", epochs=1, random_state=0, batch_size=1)
    return denoiser.fit(X, X[:, ::-1])


def assert_close(found, wanted):
    """Tiles lie elsewhere, and sums are rounded otherwise."""
    if wanted.dtype.kind == "f":
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    else:
        assert np.abs(found.astype(int) - wanted).max() <= 1
        assert (found != wanted).mean() < 1e-3


@pytest.mark.parametrize("chunks", [(1, 221, 190), (2, 221, 190), (1, 100, 64), (2, 50, 190)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.usefixtures("small_parts")
def test_a_dask_array_comes_back_as_it_came(chunks, dtype, noisy):
    X = noisy.astype(dtype) / np.float32(255) if dtype == "float32" else noisy
    lazily = quick().transform(da.from_array(X, chunks=chunks))
    assert is_dask_array(lazily)
    assert (lazily.shape, lazily.dtype) == (X.shape, X.dtype)
    assert lazily.chunks == da.from_array(X, chunks=chunks).chunks
    assert_close(lazily.compute(), quick().transform(X))


@pytest.mark.parametrize(
    "denoiser",
    [natural(), natural(n_augment=2), natural(sigma="auto"), natural(sigma=[5, 50])],
    ids=str,
)
@pytest.mark.usefixtures("small_parts")
def test_chunks_of_large_images_show_no_seams(denoiser, noisy):
    lazily = denoiser.transform(da.from_array(noisy, chunks=(1, 150, 110)))
    assert_close(lazily.compute(), denoiser.transform(noisy))


@pytest.mark.parametrize(
    "parameters", [{"architecture": "dce++", "exposure": 0.4}, {"denoiser": natural()}], ids=str
)
@pytest.mark.usefixtures("small_parts")
def test_chunks_of_dark_photographs_show_no_seams(parameters, noisy):
    X = np.stack([noisy // 4] * 3, axis=-1)
    enhancer = ZeroDCEEnhancer(weights="default", **parameters)
    lazily = enhancer.transform(da.from_array(X, chunks=(1, 120, 120, 2)))
    assert_close(lazily.compute(), enhancer.transform(X))


def test_a_chunk_need_not_look_like_images(small_parts, noisy):
    X = np.concatenate([noisy[:, :70, :65]] * 8)
    lazily = natural(sigma=25).transform(da.from_array(X, chunks=(16, 70, 64)))
    assert_close(lazily.compute(), natural(sigma=25).transform(X))


def test_the_graph_has_as_many_layers_however_many_chunks_there_are(small_parts, noisy):
    layers, sizes = [], []
    for side in (95, 19):
        lazily = natural().transform(da.from_array(noisy, chunks=(1, side, side)))
        layers.append(len(lazily.dask.layers))
        sizes.append(len(lazily.dask))
    assert layers[0] == pytest.approx(layers[1], abs=5)
    assert sizes[1] > 10 * sizes[0]


@pytest.mark.parametrize(
    "chunks", [((1, 0, 1), 221, 190), ((0, 2), (100, 0, 121), (0, 90, 100))], ids=str
)
@pytest.mark.usefixtures("small_parts")
def test_chunks_may_be_empty(chunks, noisy):
    X = da.from_array(noisy, chunks=chunks)
    lazily = natural().transform(X)
    assert lazily.chunks == X.chunks
    assert_close(lazily.compute(), natural().transform(noisy))
    chosen = X[(X[:, 0, 0] > -1) & (da.arange(2, chunks=1) == 1)].compute_chunk_sizes()
    assert_close(natural().transform(chosen).compute(), natural().transform(noisy[1:]))


def test_small_images_are_transformed_whole_however_they_are_cut(noisy):
    for chunks in [(1, 221, 190), (2, 60, 60)]:
        for denoiser in (natural(sigma=[5, 50]), natural()):
            lazily = denoiser.transform(da.from_array(noisy, chunks=chunks))
            assert_array_equal(lazily.compute(), denoiser.transform(noisy))


@pytest.mark.parametrize("frozen", [False, True])
def test_each_image_has_its_own_sigma_for_the_denoiser_before_curves(frozen, noisy):
    X = np.stack([noisy[:, :40, :40]] * 3, axis=-1).repeat(2, axis=0)

    def enhancer(sigma):
        denoiser = natural(sigma=sigma)
        return ZeroDCEEnhancer(
            "dce++", weights="default", denoiser=FrozenEstimator(denoiser) if frozen else denoiser
        )

    each = enhancer([5, 20, 40, 80])
    lazily = da.from_array(X, chunks=(2, 40, 40, 3))
    assert_array_equal(each.transform(lazily).compute(), each.transform(X))
    with pytest.raises(ValueError, match="sigma has 2 entries, but there are 4 images"):
        enhancer([5, 20]).transform(lazily).compute()


def test_noises_of_one_name_are_not_taken_for_each_other(noisy):
    X = da.from_array(noisy / 255)
    for more in (0.1, 0.5):
        noise = NoiseInjector(lambda image, rng, more=more: image + more).fit(X)
        assert_array_equal(noise.transform(X).compute(), noise.transform(noisy / 255))


def test_weights_are_prepared_once_for_all_blocks(noisy, monkeypatch):
    made, make = [], _prediction._keras_runner
    monkeypatch.setattr(
        _prediction, "_keras_runner", lambda *args: made.append(args) or make(*args)
    )
    X = da.from_array(noisy[:, :40, :40].repeat(2, axis=0), chunks=(1, 40, 40))
    natural(sigma=[5, 20, 40, 80], random_state=24).transform(X).compute()
    assert len(made) == 1


def test_noise_is_added_lazily(noisy):
    noise = NoiseInjector(sigma=10, random_state=0).fit(noisy)
    lazily = noise.transform(da.from_array(noisy, chunks=(1, 100, 100)))
    assert_array_equal(lazily.compute(), noise.transform(noisy))


def test_nothing_is_computed_before_it_is_asked_for(small_parts, noisy):
    def never(block):
        raise AssertionError

    X = da.from_array(noisy, chunks=(1, 100, 100)).map_blocks(never, dtype="uint8", meta=noisy[:0])
    lazily = quick().transform(X)
    with pytest.raises(AssertionError):
        lazily.compute()


def test_chunks_are_read_again_rather_than_kept(small_parts, noisy):
    events = []

    def reading(block, block_id):
        events.append("read")
        return block

    X = da.from_array(noisy[:1, :220, :180], chunks=(1, 110, 90)).map_blocks(
        reading, dtype="uint8", meta=noisy[:0]
    )
    written = (
        natural()
        .transform(X)
        .map_blocks(lambda block: events.append("written") or block, dtype="uint8", meta=noisy[:0])
    )
    written.compute()
    assert events.count("written") == 4
    assert events.count("read") == 3 * 4  # for moments, for windows, and to be worked on
    assert events[:4] == ["read"] * 4
    assert events[-1] == "written"


def test_any_graph_can_be_read_again():
    plain = da.from_array(np.arange(100.0).reshape(10, 10), chunks=(4, 4))
    for x in (plain, plain.rechunk((5, 5)) + 1, da.ones((10, 10), chunks=5).persist()):
        again = _again(x, "again-")
        assert not set(again.__dask_keys__()[0]) & set(x.__dask_keys__()[0])
        assert_array_equal((again + 1).compute(), x.compute() + 1)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (da.ones((4, 16), chunks=2), r"must hold images.*X\.reshape\(-1, height, width\)"),
        (da.ones((20, 20, 3), chunks=20), r"X\[None\] for a single image"),
        (da.ones((2, 8, 8, 2), chunks=8), "has 2 channels, but .* images with 1 channels"),
        (da.ones((9, 8, 8), chunks=3)[da.arange(9, chunks=3) > 4], "compute_chunk_sizes"),
    ],
)
def test_what_is_no_image_is_refused_at_once(X, message):
    with pytest.raises(ValueError, match=message):
        quick().transform(X)


def test_what_is_lazy_has_nothing_to_resume(noisy):
    with pytest.raises(ValueError, match=r"transform\(X, out, resume=True\)"):
        quick().transform(da.from_array(noisy), resume=True)


# Filling a zarr array


def empty_like(X, path, chunks):
    zarr = pytest.importorskip("zarr")
    return zarr.create_array(path, shape=X.shape, chunks=chunks, dtype=X.dtype)


@pytest.mark.parametrize("chunks", [(1, 120, 100), (1, 64, 64), (1, 7, 300)])
def test_a_zarr_array_is_filled(chunks, small_parts, noisy, tmp_path):
    out = empty_like(noisy, tmp_path / "out.zarr", chunks)
    X = da.from_array(noisy, chunks=(1, 120, 100))
    assert quick().transform(X, out) is out
    assert_array_equal(out[:], quick().transform(X).compute())
    assert [path.name for path in tmp_path.iterdir()] == ["out.zarr"]


def test_what_cannot_be_filled_is_refused(noisy, tmp_path):
    X = da.from_array(noisy, chunks=(1, 120, 100))
    with pytest.raises(TypeError, match=r"zarr\.create_array"):
        quick().transform(X, np.empty_like(noisy))
    for out in (da.zeros_like(X), da.zeros_like(X, chunks=-1)):
        with pytest.raises(TypeError, match=r"zarr\.create_array"):
            quick().transform(X, out)
    small = empty_like(noisy[:, :-1], tmp_path / "out.zarr", (1, 64, 64))
    with pytest.raises(ValueError, match="shape of X"):
        quick().transform(X, small)


class FullDisk:
    """A zarr array for which there is no room any more after some blocks."""

    def __init__(self, array, n_blocks):
        self.array, self.left, self.n_written = array, n_blocks, 0
        self.shape, self.dtype, self.chunks = array.shape, array.dtype, array.chunks
        self.store_path = array.store_path

    def __getitem__(self, key):
        return self.array[key]

    def __setitem__(self, key, pixels):
        if self.n_written == self.left:
            raise OSError(28, "No space left on device")
        self.array[key] = pixels
        self.n_written += 1


def test_what_was_interrupted_goes_on_where_it_was(small_parts, noisy, tmp_path):
    out = empty_like(noisy, tmp_path / "out.zarr", (1, 120, 100))
    X = da.from_array(noisy, chunks=(1, 120, 100))
    denoiser, note = quick(), tmp_path / "out.zarr.skdenoise"
    with pytest.raises(OSError, match="No space left"):
        denoiser.transform(X, FullDisk(out, 3), resume=True)
    assert len(note.read_text().splitlines()) == 1 + 3
    with pytest.raises(ValueError, match="another transform"):
        natural().transform(X, out, resume=True)
    rest = FullDisk(out, None)
    denoiser.transform(X, rest, resume=True)
    assert rest.n_written == 8 - 3
    assert not note.exists()
    assert_array_equal(out[:], denoiser.transform(X).compute())


def test_a_note_lies_in_the_folder_of_who_named_it(small_parts, noisy, tmp_path, monkeypatch):
    out = empty_like(noisy, tmp_path / "out.zarr", (1, 120, 100))
    (tmp_path / "of a worker").mkdir()
    monkeypatch.chdir(tmp_path)

    def elsewhere(block):
        os.chdir(tmp_path / "of a worker")
        return block

    X = da.from_array(noisy, chunks=(1, 120, 100))
    X = X.map_blocks(elsewhere, dtype=X.dtype, meta=X._meta)
    with pytest.raises(OSError, match="No space left"):
        quick().transform(X, FullDisk(out, 3), resume="note")
    assert len((tmp_path / "note").read_text().splitlines()) == 1 + 3
    assert not list((tmp_path / "of a worker").iterdir())


def test_blocks_of_other_pixels_are_done_again(small_parts, noisy, tmp_path):
    zarr = pytest.importorskip("zarr")
    path, chunks = tmp_path / "in.zarr", (1, 120, 100)
    out = empty_like(noisy, tmp_path / "out.zarr", chunks)
    for pixels in (noisy, noisy[:, ::-1].copy()):
        stored = zarr.create_array(
            path, shape=noisy.shape, dtype="u1", chunks=chunks, overwrite=True
        )
        stored[:] = pixels
        X = da.from_zarr(path)
        if pixels is noisy:
            with pytest.raises(OSError, match="No space left"):
                quick().transform(X, FullDisk(out, 3), resume=True)
    quick().transform(X, out, resume=True)
    assert_array_equal(out[:], quick().transform(X).compute())


def test_blocks_are_done_again_where_the_result_was_made_anew(small_parts, noisy, tmp_path):
    X = da.from_array(noisy, chunks=(1, 120, 100))
    out = empty_like(noisy, tmp_path / "out.zarr", (1, 120, 100))
    with pytest.raises(OSError, match="No space left"):
        quick().transform(X, FullDisk(out, 3), resume=True)
    out[:] = 0
    quick().transform(X, out, resume=True)
    assert_array_equal(out[:], quick().transform(X).compute())


def test_a_result_is_not_written_over_what_is_read(noisy, tmp_path):
    out = empty_like(noisy, tmp_path / "out.zarr", (1, 120, 100))
    out[:] = noisy
    for X in (da.from_zarr(out), da.from_zarr(tmp_path / "out.zarr") // 2):
        with pytest.raises(ValueError, match="out must not be X"):
            quick().transform(X, out)
    assert_array_equal(out[:], noisy)


def test_a_result_is_not_written_over_what_is_read_from_memory(noisy):
    zarr = pytest.importorskip("zarr")
    store = zarr.storage.MemoryStore()
    zarr.create_array(store, name="a", data=noisy)
    X = da.from_array(zarr.open_array(store, path="a", mode="r"), chunks=(1, 120, 100))
    with pytest.raises(ValueError, match="out must not be X"):
        quick().transform(X, zarr.open_array(store, path="a"))


def test_a_data_set_is_not_written_over_while_it_is_read(noisy, tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["X"] = noisy
        X = da.from_array(file["X"], chunks=(1, 120, 100))
        with pytest.raises(ValueError, match="out must not be X"):
            quick().transform(X, file["X"])
        assert_array_equal(file["X"][:], noisy)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "bool"])
def test_a_result_in_the_memory_of_another_process_is_missed_before_the_work(
    dtype, noisy, tmp_path
):
    zarr = pytest.importorskip("zarr")
    images = (noisy > 99) if dtype == "bool" else (noisy // 255).astype(dtype)
    out = zarr.create_array(zarr.storage.MemoryStore(), shape=noisy.shape, dtype=dtype)
    out[:] = np.nan if dtype == "float32" else 1
    seen = tmp_path / "seen"

    def seeing(block):
        seen.touch()
        return block

    X = da.from_array(images, chunks=(1, 221, 190))
    X = X.map_blocks(seeing, dtype=X.dtype, meta=X._meta)
    noise = NoiseInjector(random_state=0).fit(images)
    with dask.config.set(scheduler="processes"), pytest.raises(TypeError, match="in the memory"):
        noise.transform(X, out)
    assert not seen.exists()
    noise.transform(X, out)
    assert seen.exists()
    assert_array_equal(out[:], noise.transform(images))


def test_frames_that_depend_on_each_other_are_refused(noisy):
    enhancer = ZeroDCEEnhancer("dce++", weights="default", smoothing=0.5)
    with pytest.raises(ValueError, match="Set smoothing=0"):
        enhancer.transform(da.from_array(noisy))


@pytest.mark.parametrize("large", [False, True])
def test_a_value_that_is_not_finite_is_told_when_it_is_read(large, noisy, monkeypatch):
    if large:
        monkeypatch.setattr(_tiling, "LARGE_PIXELS", 64 * 64)
    X = noisy / np.float32(255)
    X[0, 3, 4] = np.nan
    lazily = natural().transform(da.from_array(X, chunks=(1, 150, 190)))
    with pytest.raises(ValueError, match="NaN or infinity"):
        lazily.compute()


@pytest.mark.parametrize("large", [False, True])
def test_masked_pixels_are_refused_as_in_arrays(large, noisy, monkeypatch):
    if large:
        monkeypatch.setattr(_tiling, "LARGE_PIXELS", 64 * 64)
    X = np.ma.masked_greater(noisy, 200)
    lazily = quick().transform(da.from_array(X, chunks=(1, 150, 190)))
    for transform in (lazily.compute, lambda: quick().transform(X)):
        with pytest.raises(ValueError, match="X has masked pixels"):
            transform()


@pytest.mark.parametrize("locality", [0.5, 1.0])
def test_a_wrong_range_is_told_of_lazy_arrays_too(locality, noisy, small_parts):
    X = np.repeat(noisy[:1, :, :, None].astype(np.float32), 3, axis=3)
    enhancer = ZeroDCEEnhancer(weights="default", locality=locality)
    lazily = enhancer.transform(da.from_array(X, chunks=(1, 120, 120, 3)))
    with pytest.warns(UserWarning, match="X has values up to .* Pass X / 255"):
        lazily.compute()


def test_an_estimator_travels_without_its_callbacks():
    denoiser = natural(callbacks=[lambda numbers: False])
    carried = Carried(denoiser)
    assert carried.estimator().callbacks is None
    assert carried.estimator() is carried.estimator()
    assert len(denoiser.callbacks) == 1


def test_dask_is_imported_by_those_alone_who_use_it():
    code = (
        "import sys, numpy, skdenoise; skdenoise.NoiseInjector().fit_transform("
        "numpy.zeros((1, 8, 8))); assert not {'dask', 'distributed', 'zarr'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# A real cluster


class Counted(AutoencoderDenoiser):
    """Writes down in which process it is loaded."""

    def __init__(self, path=None, weights="natural"):
        super().__init__(weights=weights)
        self.path = path

    def _wake(self):
        super()._wake()
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_of_two_processes_transforms_and_searches(small_parts, noisy, photos, tmp_path):
    distributed = pytest.importorskip("distributed")
    from joblib import parallel_config
    from sklearn.model_selection import GridSearchCV

    denoiser = Counted(str(tmp_path / "loaded"))
    wanted = natural().transform(noisy)
    clean = photos[:4, :16, :16] / 255
    search = GridSearchCV(
        AutoencoderDenoiser(size="nano", epochs=1, noise=NoiseInjector(), random_state=0),
        {"noise__noise_factor": [0.05, 0.2]},
        cv=2,
    )
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        X = da.from_array(noisy, chunks=(1, 120, 100))
        found = denoiser.transform(X).compute(scheduler=client)
        environment = client.run(os.environ.get, "TF_NUM_INTRAOP_THREADS")
        with parallel_config(backend="dask"):
            search.fit(clean)
    assert_close(found, wanted)
    loaded = (tmp_path / "loaded").read_text().split()
    assert len(loaded) == len(set(loaded)) <= 2
    assert str(os.getpid()) not in loaded
    assert set(environment.values()) == {None}
    serial = GridSearchCV(search.estimator, search.param_grid, cv=2).fit(clean)
    assert_array_equal(search.cv_results_["mean_test_score"], serial.cv_results_["mean_test_score"])


class Deadly:
    """Kills the process that reads the last image, as long as a file is there."""

    def __init__(self, path):
        self.path = path

    def __call__(self, block, block_info=None):
        if os.path.exists(self.path) and block_info[0]["chunk-location"] == (1, 0, 0):
            os._exit(1)
        return block


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_what_is_finished_survives_workers_that_die(noisy, tmp_path):
    out = empty_like(noisy, tmp_path / "out.zarr", (1, 221, 190))
    note, bomb = tmp_path / "out.zarr.skdenoise", tmp_path / "bomb"
    bomb.touch()
    X = da.from_array(noisy, chunks=(1, 221, 190))
    X = X.map_blocks(Deadly(str(bomb)), dtype=X.dtype, meta=X._meta)
    noise = NoiseInjector(random_state=0).fit(noisy)
    with dask.config.set(scheduler="processes", num_workers=1):
        with pytest.raises(BrokenProcessPool):
            noise.transform(X, out, resume=True)
        assert len(note.read_text().splitlines()) <= 2
        bomb.unlink()
        noise.transform(X, out, resume=True)
    assert not note.exists()
    assert_array_equal(out[:], noise.transform(noisy))
