"""Self-ensemble: the orientations form groups, and the average turns with the image."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from strategies import objects

from skdenoise import AutoencoderDenoiser, NoiseInjector, _ensemble, load
from skdenoise._choices import ORIENTATIONS
from skdenoise._ensemble import ensemble, turned
from skdenoise._keras import _prediction
from skdenoise._model_file import encode_estimator
from skdenoise._task import Task

EIGHT = range(8)


@pytest.fixture(scope="module")
def X():
    """Five images of smooth content in [0, 1], taller than wide, (5, 14, 10)."""
    pixels = 0.5 + 0.4 * np.sin(np.arange(5 * 14 * 10) / 5).reshape(5, 14, 10)
    return (pixels + np.random.default_rng(0).normal(0, 0.1, pixels.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def steered(X):
    """A network that has hardly learnt, so that orientation matters to it."""
    noise = NoiseInjector("gaussian_range", sigma=0.2)
    return AutoencoderDenoiser(size="nano", noise=noise, epochs=2, random_state=0).fit(X)


@pytest.fixture
def fitted(steered):
    """The same, with parameters of one's own."""

    def with_parameters(**parameters):
        other = clone(steered).set_params(**parameters)
        for name in ("weights_", "learning_", "data_range_", "n_channels_in_", "history_"):
            setattr(other, name, getattr(steered, name))
        return other

    return with_parameters


def differ(one, other, least=1e-4):
    return np.abs(np.asarray(one, float) - np.asarray(other, float)).max() > least


# The orientations


@pytest.mark.parametrize("orientation", EIGHT)
def test_turning_back_undoes_turning(orientation):
    image = np.arange(24).reshape(4, 3, 2)
    there = turned(image, orientation)
    assert there.shape[:2] == ((3, 4) if orientation & 4 else (4, 3))
    np.testing.assert_array_equal(turned(there, orientation, back=True), image)


def test_the_eight_orientations_are_all_flips_and_quarter_turns():
    image = np.arange(9).reshape(3, 3, 1)
    ours = {turned(image, orientation).tobytes() for orientation in EIGHT}
    turns = [np.rot90(image, count) for count in range(4)]
    assert ours == {view.tobytes() for turn in turns for view in (turn, turn[::-1])}
    np.testing.assert_array_equal(turned(image, 0), image)


@pytest.mark.parametrize("n_augment", ORIENTATIONS)
def test_orientations_form_a_group(n_augment):
    image = np.arange(9).reshape(3, 3, 1)
    ours = {turned(image, orientation).tobytes() for orientation in range(n_augment)}
    for first in range(n_augment):
        for second in range(n_augment):
            assert turned(turned(image, first), second).tobytes() in ours


# Averages


def uneven(tasks):
    """Stand for a network that knows up from down and left from right."""
    for task in tasks:
        rows, columns = np.mgrid[: task.pixels.shape[0], : task.pixels.shape[1]]
        sigma = np.broadcast_to(task.sigma, (*task.pixels.shape[:2], 1))
        yield task.pixels * (rows + 3 * columns)[..., None] + sigma


@pytest.mark.parametrize("shape", [(4, 4, 1), (5, 3, 2), (1, 1, 1), (1, 7, 1)])
@pytest.mark.parametrize("n_augment", ORIENTATIONS)
def test_mean_and_deviation_are_those_of_the_outputs_turned_back(shape, n_augment):
    rng = np.random.default_rng(0)
    image, sigma = rng.random(shape), rng.random((*shape[:2], 1))
    tasks = [Task(turned(image, k), sigma=turned(sigma, k)) for k in range(n_augment)]
    outputs = [turned(output, k, back=True) for k, output in enumerate(uneven(tasks))]
    task = Task(image, sigma=sigma)
    mean, deviation = next(ensemble(uneven, [task], n_augment, return_std=True))
    np.testing.assert_allclose(mean, np.mean(outputs, axis=0), rtol=1e-12)
    np.testing.assert_allclose(deviation, np.std(outputs, axis=0), atol=1e-12)
    np.testing.assert_array_equal(next(ensemble(uneven, [task], n_augment)), mean)


def test_each_task_has_its_result_in_its_place(monkeypatch):
    monkeypatch.setattr(_ensemble, "BATCH_PIXELS", 40)
    shapes = [(4, 4, 1)] * 5 + [(4, 2, 1)] * 2 + [(9, 9, 1)] + [(2, 4, 1)] * 2
    tasks = [Task(np.random.default_rng(i).random(shape)) for i, shape in enumerate(shapes)]
    together = list(ensemble(uneven, iter(tasks), 8))
    assert len(together) == len(tasks)
    for task, result in zip(tasks, together, strict=True):
        np.testing.assert_array_equal(result, next(ensemble(uneven, [task], 8)))


def test_images_are_read_one_batch_after_the_other(monkeypatch):
    monkeypatch.setattr(_ensemble, "BATCH_PIXELS", 32)
    read = []

    def tasks():
        for index in range(10):
            read.append(index)
            yield Task(np.ones((4, 4, 1)))

    next(ensemble(uneven, tasks(), 4))
    assert len(read) == 3


# The estimator


def test_one_orientation_is_the_plain_denoiser(X, fitted, steered):
    np.testing.assert_array_equal(fitted(n_augment=1).transform(X), steered.transform(X))


@pytest.mark.parametrize("n_augment", [2, 4, 8])
def test_the_result_turns_with_the_image(X, fitted, steered, n_augment):
    denoiser = fitted(n_augment=n_augment)
    wanted = denoiser.transform(X[..., None])
    assert differ(wanted[..., 0], steered.transform(X))
    plain_moves = False
    for orientation in range(1, n_augment):
        turned_X = [turned(image, orientation) for image in X[..., None]]
        found, plain = denoiser.transform(turned_X), steered.transform(turned_X)
        for index in range(len(X)):
            back = turned(found[index], orientation, back=True)
            np.testing.assert_allclose(back, wanted[index], atol=1e-5)
            back = turned(plain[index], orientation, back=True)
            plain_moves |= differ(back[..., 0], steered.transform(X[index : index + 1])[0])
    assert plain_moves


def test_a_map_of_the_noise_turns_with_the_image(X, fitted):
    image = X[0][..., None]
    sigma = np.where(np.arange(14)[:, None] < 7, 0.02, 0.4) * np.ones((14, 10))
    wanted = fitted(n_augment=8, sigma=sigma).transform([image])[0]
    assert differ(wanted, fitted(n_augment=8, sigma=sigma[::-1]).transform([image])[0])
    for orientation in EIGHT:
        own = turned(sigma[..., None], orientation)[..., 0]
        found = fitted(n_augment=8, sigma=own).transform([turned(image, orientation)])[0]
        np.testing.assert_allclose(turned(found, orientation, back=True), wanted, atol=1e-5)


def test_tiles_do_not_show(fitted, monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.random((1, 150, 90), dtype=np.float32)
    whole, deviation = fitted(n_augment=8).predict(X, return_std=True)
    monkeypatch.setattr(_prediction, "WHOLE_PIXELS", 80 * 80)
    tiled, tiled_deviation = fitted(n_augment=8).predict(X, return_std=True)
    np.testing.assert_allclose(tiled, whole, atol=1e-5)
    np.testing.assert_allclose(tiled_deviation, deviation, atol=1e-5)


def test_images_do_not_know_their_companions(X, fitted):
    denoiser = fitted(n_augment=8)
    together = denoiser.transform(X)
    mixed = denoiser.transform([X[1], X[0, :5], X[4]])
    np.testing.assert_array_equal(mixed[0], together[1])
    np.testing.assert_array_equal(mixed[2], together[4])


def test_strength_0_changes_nothing_whatever_the_orientation(X, fitted):
    denoised, deviation = fitted(n_augment=8, strength=0).predict(X, return_std=True)
    np.testing.assert_array_equal(denoised, X)
    np.testing.assert_array_equal(deviation, np.zeros_like(X))


# The deviation


@pytest.mark.parametrize("kind", [np.asarray, list, tuple, objects])
def test_the_deviation_comes_in_a_container_like_the_images(X, fitted, kind):
    before = X.copy()
    denoised, deviation = fitted(n_augment=4).predict(kind(list(X)), return_std=True)
    assert type(denoised) is type(deviation) is type(kind(list(X)))
    for image, spread in zip(denoised, deviation, strict=True):
        assert image.shape == spread.shape
        assert spread.dtype == np.float32
        assert (spread >= 0).all()
        assert spread.max() > 0
    np.testing.assert_array_equal(X, before)


def test_the_deviation_is_in_the_units_of_the_images(X, fitted):
    integers = np.rint(255 * np.clip(X, 0, 1)).astype(np.uint8)
    denoiser = fitted(n_augment=8)
    denoised, gray_levels = denoiser.predict(integers, return_std=True)
    assert (denoised.dtype, gray_levels.dtype) == (np.uint8, np.float32)
    np.testing.assert_array_equal(denoised, denoiser.transform(integers))
    _, of_floats = denoiser.predict(integers / np.float32(255), return_std=True)
    np.testing.assert_allclose(gray_levels, 255 * of_floats, rtol=1e-3, atol=1e-3)


def test_tables_have_a_table_of_deviations(X, fitted):
    _, wanted = fitted(n_augment=8).predict(X, return_std=True)
    _, found = fitted(n_augment=8, image_shape=(14, 10)).predict(X.reshape(5, -1), return_std=True)
    np.testing.assert_array_equal(found, wanted.reshape(5, -1))


def test_alpha_is_untouched_and_certain():
    rng = np.random.default_rng(0)
    rgba = rng.integers(0, 256, (2, 9, 7, 4), dtype=np.uint8)
    denoiser = AutoencoderDenoiser(size="nano", epochs=1, n_augment=8, random_state=0)
    denoised, deviation = denoiser.fit(rgba[..., :3]).predict(rgba, return_std=True)
    np.testing.assert_array_equal(denoised[..., 3], rgba[..., 3])
    np.testing.assert_array_equal(deviation[..., 3], 0)
    assert deviation[..., :3].max() > 0
    np.testing.assert_array_equal(denoised[..., :3], denoiser.transform(rgba[..., :3]))


def test_a_pipeline_passes_the_question_on(X, fitted):
    denoiser = fitted(n_augment=4)
    pipeline = make_pipeline(NoiseInjector(when="fit").fit(X), denoiser)
    _, deviation = pipeline.predict(X, return_std=True)
    np.testing.assert_array_equal(deviation, denoiser.predict(X, return_std=True)[1])


def test_one_orientation_has_no_deviation(X, fitted):
    with pytest.raises(ValueError, match=r"several orientations.*set_params\(n_augment=8\)"):
        fitted().predict(X, return_std=True)
    np.testing.assert_array_equal(fitted().predict(X), fitted().transform(X))


@pytest.mark.parametrize("n_augment", [0, 3, 16, 2.0, True, "8", None])
def test_other_numbers_of_orientations_are_refused(X, fitted, n_augment):
    with pytest.raises(ValueError, match=r"'n_augment' parameter .* one of 1, 2, 4, 8"):
        fitted(n_augment=n_augment).transform(X)


# Files


def test_a_file_remembers_the_orientations(tmp_path, X, fitted):
    denoiser = fitted(n_augment=8, noise=None)
    denoiser.save(tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors")
    assert again.n_augment == 8
    np.testing.assert_array_equal(again.transform(X), denoiser.transform(X))


def test_files_of_before_there_were_orientations_have_one(tmp_path, X, fitted, monkeypatch):
    def encoded_before(estimator, classes):
        header = encode_estimator(estimator, classes)
        del header["params"]["n_augment"]
        return header

    monkeypatch.setattr("skdenoise._model_file._estimator.encode_estimator", encoded_before)
    fitted().save(tmp_path / "old.safetensors")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = load(tmp_path / "old.safetensors")
    assert again.n_augment == 1
    np.testing.assert_array_equal(again.transform(X), fitted().transform(X))
