"""The recipe of shipped weights learns from the right images, and goes on where it may."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from skimage import io as skimage_io

from skdenoise import AutoencoderDenoiser, ZeroDCEEnhancer, load, procedural_images
from skdenoise._cli import main
from skdenoise._fingerprint import fingerprint
from skdenoise._keras._network import get_network
from skdenoise._learning import Learnt
from skdenoise._pretraining import LOG, Pretraining, Recipe, _recipe, checkpoints, widened
from skdenoise._pretraining._checkpoints import State
from skdenoise._pretraining._images import HELD_OUT_SIDE, REDUCTIONS
from skdenoise._pretraining._training import SIGMAS
from skdenoise._shipped import shipped_weights

RECIPE = Recipe(1, size="nano", n_steps=1, n_procedural=2)
ORIGIN = {"images": fingerprint([]), "weights to begin with (--start)": fingerprint(None)}
"""No image, and weights that were drawn."""


def state():
    weights = {"conv/kernel": np.ones((1, 1, 2, 2), np.float32)}
    return State(3, weights, weights, [], 1.5)


def test_procedural_images_are_judged_on_only_where_there_are_no_others(tmp_path):
    image = np.full((HELD_OUT_SIDE, HELD_OUT_SIDE, 1), 7, np.uint8)
    alone = Pretraining([], replace(RECIPE, n_procedural=5), tmp_path)
    assert len(alone._sharp) == 3 * len(REDUCTIONS)
    assert len(alone._oversampled) == 3
    drawn = procedural_images(5, random_state=0)[..., None]
    np.testing.assert_array_equal(alone._sharp[0], drawn[1])
    beside = Pretraining([image] * 5, RECIPE, tmp_path)
    assert len(beside._sharp) == (3 + 2) * len(REDUCTIONS)
    assert all((square == 7).all() for square in beside._held_out)
    assert len(beside._held_out) == 2


def test_a_checkpoint_belongs_to_its_recipe(tmp_path):
    path = tmp_path / "last.npz"
    state().write(path, RECIPE, ORIGIN)
    assert State.read(path, replace(RECIPE, n_steps=9)).step == 3
    with pytest.raises(ValueError, match="n_procedural \\(2\\)"):
        State.read(path, replace(RECIPE, n_procedural=0))


def trained(folder, name, step, n_steps, **changed):
    """Write a checkpoint, and return the recipe."""
    recipe = replace(RECIPE, n_steps=n_steps, **changed)
    folder.mkdir(exist_ok=True)
    replace(state(), step=step).write(folder / f"{name}.npz", recipe, ORIGIN)
    return recipe


def test_a_longer_training_goes_on_from_before_the_rate_fell(tmp_path):
    finished = trained(tmp_path, "last", 10_000, 10_000)
    longer = replace(finished, n_steps=20_000)
    with pytest.warns(UserWarning, match="step 10000 to step 0: .* no earlier checkpoint"):
        assert Pretraining([], longer, tmp_path).step == 0
    trained(tmp_path, "stable", 2_000, 10_000)
    with pytest.warns(UserWarning, match="step 10000 to step 2000: .* rates of 10000 steps"):
        assert Pretraining([], longer, tmp_path).step == 2_000
    assert Pretraining([], replace(finished, n_steps=50_000), tmp_path).step == 10_000


def test_what_is_further_is_kept_while_a_longer_training_is_behind(tmp_path):
    finished = trained(tmp_path, "last", 10_000, 10_000)
    longer = replace(finished, n_steps=20_000)
    with pytest.warns(UserWarning, match="going back"):
        training = Pretraining([], longer, tmp_path)
    training._state = replace(training._state, step=500)
    training._write("last")
    assert not training.is_furthest
    assert Pretraining([], longer, tmp_path).step == 500
    assert Pretraining([], finished, tmp_path).step == 10_000
    training._state = replace(training._state, step=10_500)
    training._write("last")
    assert training.is_furthest
    assert [path.name for path in checkpoints(tmp_path)] == ["last.npz", "10000_of_10000.npz"]


def test_fewer_steps_than_are_done_are_refused(tmp_path):
    recipe = trained(tmp_path, "last", 400, 400)
    with pytest.raises(ValueError, match="400 steps are done, more than --steps 20"):
        Pretraining([], replace(recipe, n_steps=20), tmp_path)


@pytest.mark.filterwarnings("ignore:no image of 160 x 160 pixels:UserWarning")
def test_a_checkpoint_belongs_to_its_images_and_to_the_weights_it_began_with(tmp_path):
    images, start = [np.full((8, 8, 1), 7, np.uint8)], shipped("small")
    recipe = replace(RECIPE, size="small", n_steps=9)
    training = Pretraining(images, recipe, tmp_path, start)
    training._state = replace(training._state, step=3)
    training._write("last")
    assert Pretraining(images, recipe, tmp_path, start).step == 3
    with pytest.raises(ValueError, match="with other images\\. Name the same"):
        Pretraining([images[0] + 1], recipe, tmp_path, start)
    with pytest.raises(ValueError, match="with other weights to begin with \\(--start\\)\\. "):
        Pretraining(images, recipe, tmp_path)


def test_no_checkpoint_of_another_recipe_is_passed_over(tmp_path):
    recipe = trained(tmp_path, "last", 60, 60)
    with pytest.raises(ValueError, match="another seed"):
        Pretraining([], replace(recipe, n_steps=80, seed=1), tmp_path)


# TensorFlow's arrays do not know NumPy 2's keyword yet; goes when they do.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_weights_can_be_made_without_any_image_file(tmp_path):
    path = tmp_path / "weights.safetensors"
    options = ["--procedural", "2", "--size", "nano", "--steps", "1", "--quiet"]
    assert main(["pretrain", "-o", str(path), *options]) == 0
    noisy = np.full((1, 16, 16), 0.5)
    assert load(path).transform(noisy).shape == noisy.shape


def test_no_folder_and_no_procedural_images_make_no_sense(tmp_path, capsys):
    with pytest.raises(SystemExit) as leaving:
        main(["pretrain", "-o", str(tmp_path / "weights.safetensors")])
    assert leaving.value.code == 2
    assert "--procedural N" in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.iterdir())


@pytest.fixture
def pretrain(tmp_path, capsys):
    """Type a short training of two procedural images; return the exit code and what was said."""

    def typed(*options):
        path = str(tmp_path / "weights.safetensors")
        short = ["--procedural", "2", "--size", "nano", "--steps", "1"]
        try:
            code = main(["pretrain", "-o", path, *short, *options])
        except SystemExit as leaving:
            code = leaving.code
        return code, " ".join(capsys.readouterr().err.split())

    return typed


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_weights_of_another_training_are_not_overwritten_unless_told(tmp_path, pretrain):
    path, folder = tmp_path / "weights.safetensors", tmp_path / "weights.training"
    path.write_text("precious")
    code, said = pretrain()
    assert code == 1
    assert "exists; choose another name, or type --overwrite" in said
    assert path.read_text() == "precious"
    assert not folder.exists()
    assert pretrain("--overwrite")[0] == 0
    made = path.read_bytes()
    assert "1 of 1 steps done" in pretrain()[1]
    assert "0 of 1 steps done" in pretrain("--overwrite", "--seed", "1")[1]
    assert len((folder / LOG).read_text().splitlines()) == 2
    assert path.read_bytes() != made
    assert [file.name for file in checkpoints(folder)] == ["last.npz"]


@pytest.mark.filterwarnings("always:going back:UserWarning")
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_weights_are_replaced_when_more_steps_are_done(tmp_path, pretrain, monkeypatch):
    monkeypatch.setattr(_recipe, "CHUNK", 2)
    monkeypatch.setattr(_recipe, "LARGE_PATCHES", (16, 4))
    path = tmp_path / "weights.safetensors"
    assert pretrain("--steps", "3")[0] == 0
    made = path.read_bytes()
    code, said = pretrain("--steps", "4", "--time-budget", "1e-9")
    assert code == 0
    assert "warning: going back from step 3 to step 0" in said
    assert "stays as it is" in said
    assert path.read_bytes() == made
    code, said = pretrain("--steps", "4")
    assert code == 0
    assert "going back" not in said
    assert path.read_bytes() != made


def test_weights_do_not_replace_those_that_they_begin_with(tmp_path, pretrain):
    code, said = pretrain("--start", str(tmp_path / "weights.safetensors"), "--overwrite")
    assert code == 2
    assert "choose another name" in said


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_interrupted_training_says_whether_it_goes_on(pretrain, monkeypatch, overwrite):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Pretraining, "run", interrupted)
    code, said = pretrain(*["--overwrite"] * overwrite)
    assert code == 130
    assert ("the same command goes on from here" in said) != overwrite


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_gray_images_that_are_left_out_are_counted(tmp_path, pretrain):
    skimage_io.imsave(tmp_path / "gray.png", np.zeros((8, 8), np.uint8), check_contrast=False)
    code, said = pretrain(str(tmp_path), "--color", "--time-budget", "1e-9")
    assert code == 0
    assert "1 gray image left out (--color)" in said


def test_an_enhancer_is_nothing_to_begin_with(tmp_path, pretrain):
    ZeroDCEEnhancer(weights="default").save(tmp_path / "enhancer")
    code, said = pretrain("--start", str(tmp_path / "enhancer"))
    assert code == 1
    assert "holds an enhancer; it is for 'skdenoise enhance'" in said


def test_a_wider_network_begins_as_the_narrower_one():
    wide = widened(shipped("small"), "base", 1, seed=0)
    noisy = np.random.default_rng(0).random((1, 24, 32))
    narrow_denoiser, wide_denoiser = AutoencoderDenoiser(), AutoencoderDenoiser(size="base")
    for denoiser, weights in ((narrow_denoiser, shipped("small")), (wide_denoiser, wide)):
        denoiser.n_channels_in_ = 1
        denoiser._remember(Learnt(weights, {}, "fresh noise"))
    np.testing.assert_allclose(
        wide_denoiser.transform(noisy), narrow_denoiser.transform(noisy), atol=1e-5
    )


def test_units_of_a_wider_network_can_learn_different_things():
    first, second = (widened(shipped("small"), "base", 1, seed=seed) for seed in (0, 1))
    assert any(not np.array_equal(first[name], second[name]) for name in first)


def test_only_half_the_width_can_be_widened():
    with pytest.raises(ValueError, match="half its widths"):
        widened(shipped("small"), "small", 3, seed=0)


def shipped(size):
    network = get_network("unet", size, 1)
    return shipped_weights(f"natural_gray_{size}", network.shapes())


@pytest.mark.filterwarnings("ignore:no image of 160 x 160 pixels:UserWarning")
def test_images_are_also_learned_from_without_their_finest_detail(tmp_path):
    fine = np.zeros((32, 32, 1), np.uint8)
    fine[:, ::2] = 200
    training = Pretraining([fine], RECIPE, tmp_path)
    sharp, smooth = training._sharp[0], training._oversampled[0]
    assert sharp.shape == smooth.shape == fine.shape
    assert np.ptp(smooth[8:-8, 8:-8]) <= 20 < np.ptp(sharp[8:-8, 8:-8])


def test_the_rate_falls_from_a_fifth_of_the_steps():
    # 0.2 * 7500 is a little less than 1500.
    assert [Recipe(1, n_steps=n).stable_steps for n in (400, 7500, 40_000)] == [0, 1500, 8000]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_training_that_ran_out_of_time_goes_on_as_if_it_had_not(tmp_path, monkeypatch):
    monkeypatch.setattr(_recipe, "CHUNK", 4)
    monkeypatch.setattr(_recipe, "LARGE_PATCHES", (16, 2))
    monkeypatch.setattr(Pretraining, "evaluate", lambda _: {})
    recipe = replace(RECIPE, n_steps=6)
    for name in ("at once", "in parts"):
        (tmp_path / name).mkdir()
    at_once = Pretraining([], recipe, tmp_path / "at once")
    assert at_once.run(time_budget=None, on_chunk=lambda _: None)
    for step in range(1, 7):
        in_parts = Pretraining([], recipe, tmp_path / "in parts")
        assert in_parts.run(time_budget=1e-9, on_chunk=lambda _: None) is (step == 6)
        assert in_parts.step == step
    for name, array in at_once.weights.items():
        np.testing.assert_array_equal(in_parts.weights[name], array)
        np.testing.assert_array_equal(in_parts._state.weights[name], at_once._state.weights[name])


@pytest.mark.filterwarnings("always:no image of 160 x 160 pixels:UserWarning")
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_without_an_image_to_judge_on_there_is_no_psnr(tmp_path, pretrain):
    code, said = pretrain("--procedural", "1")
    assert code == 0
    assert said.count("no image of 160 x 160 pixels is left to judge on") == 1
    assert "psnr" not in said
    (row,) = csv.DictReader((tmp_path / "weights.training" / LOG).read_text().splitlines())
    assert row["step"] == "1"
    assert all(row[f"{name}{sigma}"] == "" for name in ("psnr", "told") for sigma in SIGMAS)
