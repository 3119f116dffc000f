"""What the command line does with files, whatever the network does with pixels."""

import errno
import inspect
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import tifffile

import skdenoise
from skdenoise._adaptation import Adaptation
from skdenoise._cli import _jobs, _options, main
from skdenoise._cli._denoise import apply
from skdenoise._cli._enhance import apply as apply_enhancer
from skdenoise._image_files import Notes, read_image, read_notes, write_image
from skdenoise._image_files._writing import WRITERS
from skdenoise._model_file import ModelFileError
from skdenoise.noise import NoiseInjector


class Halver:
    """Stands in for a denoiser: each value becomes half of it."""

    made: list["Halver"] = []  # noqa: RUF012 - the tests look at them

    def __init__(self, architecture="unet", *, sigma=None, strength=1.0, **params):
        self.params = {"architecture": architecture} | params
        self.sigma, self.strength = sigma, strength
        self.steered = []
        Halver.made.append(self)

    def set_params(self, **params):
        vars(self).update(params)
        return self

    def fit(self, X):
        self.seen = X
        self.n_channels_in_ = X[0].shape[-1]
        self.adaptation_ = Adaptation(True, 20.0, 20.5, 0.02, "masked", "gains", told=False)
        return self

    def transform(self, X):
        n_channels = {image.shape[-1] for image in X}
        assert n_channels == {getattr(self, "n_channels_in_", *n_channels)}
        self.steered.append((self.sigma, self.strength))
        if any(image.max() == 13 for image in X):
            raise RuntimeError("thirteen brings bad luck")
        return [image // 2 if image.dtype.kind == "u" else image / 2 for image in X]

    def save(self, path):
        Path(path).write_text(str(self.n_channels_in_))


class Brightener:
    """Stands in for an enhancer: each value becomes five more, and one more than the one before."""

    made: list["Brightener"] = []  # noqa: RUF012 - the tests look at them

    def __init__(self, architecture="dce", **params):
        self.params = {"architecture": architecture} | params
        self.seen = []
        Brightener.made.append(self)

    def set_params(self, **params):
        self.params |= params
        return self

    def transform(self, X):
        n_channels = {image.shape[-1] for image in X}
        assert len(n_channels) == 1
        assert n_channels == {getattr(self, "n_channels_in_", *n_channels)}
        self.seen.append(len(X))
        return [image + np.array(5 + index, image.dtype) for index, image in enumerate(X)]


def load(path):
    text = Path(path).read_text()
    model = Brightener() if text.startswith("enhancer") else Halver()
    model.n_channels_in_ = int(text.split()[-1])
    return model


@pytest.fixture(autouse=True)
def halver(monkeypatch, tmp_path):
    """Let the commands use the stand-ins, in an empty folder."""
    monkeypatch.setitem(vars(skdenoise), "AutoencoderDenoiser", Halver)
    monkeypatch.setitem(vars(skdenoise), "ZeroDCEEnhancer", Brightener)
    monkeypatch.setitem(vars(skdenoise), "load", load)
    monkeypatch.setattr(Halver, "made", [])
    monkeypatch.setattr(Brightener, "made", [])
    for command in ("_denoise", "_enhance", "_train"):
        monkeypatch.setattr(f"skdenoise._cli.{command}.wake_keras", lambda: None)
    monkeypatch.chdir(tmp_path)
    return Halver


@pytest.fixture
def run(capsys):
    """Run a command; return its exit code and what it said."""

    def run(*arguments):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as leaving:
            code = leaving.code
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return code, printed.out + printed.err

    return run


def draw(*shape, dtype=np.uint8, low=100):
    rng = np.random.default_rng(0)
    if np.dtype(dtype).kind == "f":
        return rng.normal(size=shape).astype(dtype)
    return rng.integers(low, np.iinfo(dtype).max, shape, dtype)


def put(path, image):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, image)
    return image


def files():
    """Return the names of all files below the current folder."""
    return {path.as_posix() for path in Path().rglob("*") if path.is_file()}


# Pixels


@pytest.mark.parametrize(
    ("name", "shape", "dtype"),
    [
        ("a.png", (9, 7), np.uint8),
        ("a.png", (9, 7, 3), np.uint8),
        ("a.png", (9, 7), np.uint16),
        ("a.png", (9, 7, 3), np.uint16),
        ("a.tif", (9, 7, 3), np.float32),
        ("a.tif", (1, 1), np.float64),
        ("a.ppm", (300, 2, 3), np.uint16),
    ],
)
def test_size_and_depth_stay_as_they_are(run, name, shape, dtype):
    image = put(name, draw(*shape, dtype=dtype))
    code, _ = run("denoise", name, "-o", f"out{Path(name).suffix}")
    assert code == 0
    denoised = read_image(f"out{Path(name).suffix}")
    assert denoised.dtype == image.dtype
    np.testing.assert_array_equal(denoised, image // 2 if image.dtype.kind == "u" else image / 2)
    np.testing.assert_array_equal(read_image(name), image)


@pytest.mark.parametrize("n_channels", [2, 4])
@pytest.mark.parametrize("n_model", [1, 3])
def test_alpha_is_left_alone(run, n_channels, n_model):
    Path("model").write_text(str(n_model))
    image = put("a.png", draw(6, 5, n_channels))
    code, _ = run("denoise", "a.png", "-o", "b.png", "--model", "model")
    assert code == 0
    denoised = read_image("b.png")
    np.testing.assert_array_equal(denoised[..., -1], image[..., -1])
    np.testing.assert_array_equal(denoised[..., :-1], image[..., :-1] // 2)


class Tinter:
    """Stands in for a model of color images that treats the channels differently."""

    n_channels_in_ = 3

    def transform(self, X):
        return [image + np.array([0, 1, 1], image.dtype) for image in X]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_color_model_works_on_three_copies_of_a_gray_image(dtype):
    image = np.full((4, 5), 7, dtype)
    denoised = apply(Tinter(), image)
    assert denoised.dtype == dtype
    np.testing.assert_allclose(denoised, np.full((4, 5), 8 if dtype == np.uint8 else 7 + 2 / 3))


def test_a_gray_model_works_on_a_color_image_channel_by_channel():
    image = draw(5, 4, 3)
    model = Halver().fit([image[..., :1]])
    np.testing.assert_array_equal(apply(model, image), image // 2)
    assert len(model.steered) == 1


def test_color_profiles_and_resolution_are_kept(run):
    notes = Notes(b"profile", dpi=(300.0, 150.0))
    write_image("a.png", draw(5, 4, 3), notes=notes)
    assert run("denoise", "a.png", "-o", "b.tif")[0] == 0
    found = read_notes("b.tif")
    assert found.color_profile == b"profile"
    assert found.dpi == pytest.approx(notes.dpi, rel=1e-3)


# Files and folders


def test_folders_keep_their_structure(run):
    for name in ("in/a.png", "in/sub/b.tif", "in/sub/deep/c.JPG", "more/d.bmp"):
        put(name, draw(16, 16))
    code, said = run("denoise", "in", "more", "-o", "out/new")
    assert code == 0
    assert {name for name in files() if name.startswith("out")} == {
        "out/new/a.png",
        "out/new/sub/b.tif",
        "out/new/sub/deep/c.JPG",
        "out/new/d.bmp",
    }
    assert "4 images denoised" in said


@pytest.mark.parametrize("command", ["denoise", "train"])
def test_what_is_passed_over_is_told_once(run, command):
    put("in/a.png", draw(8, 8))
    for name in (
        "in/b.gif",
        "in/sub/c.GIF",
        "in/d.heic",
        "in/README",
        "in/.hidden",
        "in/out/e.csv",
    ):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    out = "in/out" if command == "denoise" else "model"
    code, said = run(command, "in", "in/a.png", "-o", out)
    assert code == 0
    kinds = ".gif 2, .heic 1, without suffix 1"
    passed = f"4 files passed over ({kinds})" if command == "denoise" else "5 files passed over"
    assert said.count(passed) == said.count("passed over") == 1


@pytest.mark.skipif(os.name == "nt", reason="needs rights on Windows")
def test_a_file_has_its_own_name_rather_than_that_of_a_link(run):
    put("in/z.png", draw(8, 8))
    Path("in/latest.png").symlink_to("z.png")
    Path("in/more").symlink_to("../other")
    put("other/b.png", draw(8, 8))
    code, said = run("denoise", "in", "-o", "out/")
    assert code == 0
    assert {name for name in files() if name.startswith("out")} == {"out/z.png"}
    assert "1 link to folders passed over" in said


def test_what_cannot_be_read_or_written_is_named(run, monkeypatch):
    put("in/a.png", draw(8, 8))
    put("in/locked/b.png", draw(8, 8))
    scandir, touch = os.scandir, Path.touch

    def scanned(path):
        if os.fspath(path).endswith("locked"):
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        return scandir(path)

    def touched(path, **options):
        if path.parent.name == "locked":
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        touch(path, **options)

    # As for people who are not root.
    monkeypatch.setattr(os, "scandir", scanned)
    monkeypatch.setattr(Path, "touch", touched)
    code, said = run("denoise", "in", "-o", "out/")
    assert code == 1
    assert "'in/locked': the folder cannot be read" in said
    assert Path("out/a.png").exists()
    code, said = run("train", "in", "-o", "in/locked/model")
    assert code == 2
    wanted = "nothing can be written to the folder 'in/locked': Permission denied"
    assert wanted in " ".join(said.split())


def test_a_protected_model_is_not_replaced(run, monkeypatch):
    put("in/a.png", draw(8, 8))
    Path("model").touch()
    access = os.access  # as for people who are not root
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    code, said = run("train", "in", "-o", "model", "--overwrite")
    assert code == 1
    assert "'model' is protected" in said


@pytest.mark.parametrize("n_refused", [1, 2])
def test_a_trained_model_is_not_lost_where_it_cannot_have_its_name(run, n_refused, monkeypatch):
    put("in/a.png", draw(16, 16))
    save, names = Halver.save, []

    def refuse(self, path):
        names.append(path)
        if len(names) <= n_refused:
            raise ModelFileError(f"Cannot write {str(path)!r}: Permission denied.")
        save(self, path)

    monkeypatch.setattr(Halver, "save", refuse)
    code, said = run("train", "in", "-o", "model")
    assert code == 1
    assert "Cannot write 'model': Permission denied." in said
    kept = [name for name in files() if not name.startswith("in")]
    assert len(kept) == 2 - n_refused
    assert [f"The trained model is in {name!r}." for name in kept] == re.findall(
        "The trained model is in .*[.]", said
    )


def test_patterns_that_a_shell_left_are_looked_up_on_windows(run, monkeypatch):
    for name in "a.png", "b.png", "[c].png":
        put(f"in/{name}", draw(8, 8))
    code, said = run("denoise", "in/?.png", "-o", "out/")
    assert code == 1
    assert "'in/?.png'" in said
    monkeypatch.setattr(_options, "WINDOWS", True)
    assert run("denoise", "in/?.png", "in/[c].png", "-o", "out/")[0] == 0
    assert {name for name in files() if name.startswith("out")} == {
        "out/a.png",
        "out/b.png",
        "out/[c].png",
    }
    assert "'in/x*.png'" in run("denoise", "in/x*.png", "-o", "out/")[1]


@pytest.mark.parametrize("other", ["A.png", "A\u0308.png"])
def test_names_that_a_disk_takes_for_one_have_one_result(run, other, monkeypatch):
    put("one/\u00e4.png" if len(other) == 6 else "one/a.png", draw(8, 8))
    put(f"two/{other}", draw(8, 8))
    monkeypatch.setattr(_jobs, "IGNORES_CASE", True)
    code, said = run("denoise", "one", "two", "-o", "out/")
    assert code == 1
    assert "like that of" in said
    assert len([name for name in files() if name.startswith("out")]) == 1


@pytest.mark.parametrize("out", ["x2.png", "x2.zarr"])
@pytest.mark.parametrize("inputs", [["a.png", "b.png"], ["."]])
def test_a_folder_is_not_named_like_an_image_by_mistake(run, inputs, out):
    put("a.png", draw(8, 8))
    put("b.png", draw(8, 8))
    code, said = run("denoise", *inputs, "-o", out)
    assert code == 2
    assert "is the name of one image" in said
    assert run("denoise", *inputs, "-o", f"{out}/")[0] == 0
    assert {f"{out}/a.png", f"{out}/b.png"} <= files()


@pytest.mark.parametrize("out", ["out", "out/"])
def test_one_image_goes_into_a_folder_that_exists_or_ends_like_one(run, out):
    put("in/a.png", draw(8, 8))
    if out == "out":
        Path(out).mkdir()
    assert run("denoise", "in/a.png", "-o", out)[0] == 0
    assert "out/a.png" in files()


def test_the_suffix_chooses_the_format(run):
    put("a.png", draw(8, 8, 3))
    assert run("denoise", "a.png", "-o", "b.tif")[0] == 0
    assert Path("b.tif").read_bytes()[:2] in (b"II", b"MM")


def test_results_of_an_earlier_run_are_not_denoised_again(run):
    put("a.png", draw(8, 8))
    assert run("denoise", ".", "-o", "out")[0] == 0
    assert run("denoise", ".", "-o", "out", "--overwrite")[0] == 0
    assert files() == {"a.png", "out/a.png"}


def test_a_folder_can_be_overwritten_by_its_results_if_told(run):
    image = put("in/a.png", draw(8, 8))
    assert run("denoise", "in", "-o", "in")[0] == 1
    np.testing.assert_array_equal(read_image("in/a.png"), image)
    assert run("denoise", "in", "-o", "in", "--overwrite")[0] == 0
    np.testing.assert_array_equal(read_image("in/a.png"), image // 2)


def test_existing_files_are_not_overwritten_unless_told(run, halver):
    image = put("a.png", draw(8, 8))
    old = put("b.png", draw(2, 2))
    code, said = run("denoise", "a.png", "-o", "b.png")
    assert code == 1
    assert "b.png' exists" in said.replace(": it exists", " exists")
    assert not halver.made  # nothing was learned in vain
    np.testing.assert_array_equal(read_image("b.png"), old)
    assert run("denoise", "a.png", "-o", "b.png", "--overwrite")[0] == 0
    np.testing.assert_array_equal(read_image("b.png"), image // 2)


@pytest.mark.parametrize("command", ["denoise", "enhance"])
def test_results_that_exist_are_left_out_when_resuming(run, command):
    for name in ("a", "b", "c"):
        put(f"in/{name}.png", draw(8, 8))
    old = put("out/b.png", draw(2, 2))
    code, said = run(command, "in", "-o", "out", "--resume")
    assert code == 0
    assert "1 image left out" in said
    assert "2 images" in said
    assert files() == {"in/a.png", "in/b.png", "in/c.png", "out/a.png", "out/b.png", "out/c.png"}
    np.testing.assert_array_equal(read_image("out/b.png"), old)
    # An image is not the result of itself.
    code, said = run(command, "in", "-o", "in", "--resume")
    assert code == 1
    assert "it exists" in said


def test_two_images_for_one_file_are_an_error_and_the_first_is_done(run):
    first = put("one/a.png", draw(8, 8))
    put("two/a.png", draw(8, 9))
    code, said = run("denoise", "one", "two", "-o", "out")
    assert code == 1
    assert "like that of" in said
    np.testing.assert_array_equal(read_image("out/a.png"), first // 2)


# Bad input


def test_the_other_files_are_done_when_one_is_bad(run):
    put("in/good.png", draw(8, 8))
    put("in/unlucky.png", np.full((8, 8), 13, np.uint8))
    raw = Path("in/good.png").read_bytes()
    Path("in/cut.png").write_bytes(raw[: len(raw) // 2])
    Path("in/empty.jpg").touch()
    Path("in/text.tif").write_text("hello")
    code, said = run("denoise", "in", "missing.png", "nowhere/", "-o", "out")
    assert code == 1
    for name in ("cut.png", "empty.jpg", "text.tif", "missing.png", "nowhere", "unlucky.png"):
        assert sum(name in line for line in said.splitlines()) == 1, name
    assert "RuntimeError: thirteen" in said
    assert {name for name in files() if name.startswith("out")} == {"out/good.png"}


@pytest.mark.parametrize("model", [[], ["--adapt"], ["--model", "model"]])
def test_a_format_that_cannot_hold_the_result_is_known_before_the_work(run, halver, model):
    Path("model").write_text("1")
    put("a.png", draw(8, 8, dtype=np.uint16))
    code, said = run("denoise", "a.png", "-o", "b.jpg", *model)
    assert code == 1
    assert "cannot hold uint16 gray images" in said
    assert not any(made.steered or hasattr(made, "seen") for made in halver.made)


def test_images_that_are_too_large_are_refused(run):
    put("a.png", draw(8, 9))
    code, said = run("denoise", "a.png", "-o", "b.png", "--max-pixels", 71)
    assert code == 1
    assert "9 x 8 pixels" in said
    assert run("denoise", "a.png", "-o", "b.png", "--max-pixels", 72)[0] == 0


def test_a_folder_without_images_is_an_error(run):
    Path("in").mkdir()
    code, said = run("denoise", "in", "-o", "out")
    assert code == 1
    assert "holds no image" in said
    assert not Path("out").exists()


def test_a_model_that_cannot_be_read_is_an_error(run):
    put("a.png", draw(8, 8))
    code, said = run("denoise", "a.png", "-o", "b.png", "--model", "missing")
    assert code == 1
    assert "missing" in said
    assert files() == {"a.png"}


def test_learning_that_fails_is_one_error(run, monkeypatch):
    def fit(self, X):
        raise ValueError("nothing to learn")

    monkeypatch.setattr(Halver, "fit", fit)
    put("in/a.png", draw(8, 8))
    put("in/b.png", draw(8, 8))
    code, said = run("denoise", "in", "-o", "out", "--adapt")
    assert code == 1
    assert said.count("error: nothing to learn") == 1
    assert not Path("out").exists()


def test_what_is_too_small_to_adapt_to_is_denoised_all_the_same(run, monkeypatch):
    def fit(self, X):
        self.n_channels_in_, self.adaptation_ = X[0].shape[-1], None
        return self

    monkeypatch.setattr(Halver, "fit", fit)
    put("a.png", draw(8, 8))
    code, said = run("denoise", "a.png", "-o", "b.png", "--adapt")
    assert code == 0
    assert "nothing was learned from them" in said
    assert files() == {"a.png", "b.png"}


def test_interrupting_ends_with_its_own_code(run, monkeypatch):
    def fit(self, X):
        raise KeyboardInterrupt

    monkeypatch.setattr(Halver, "fit", fit)
    put("a.png", draw(8, 8))
    code, said = run("denoise", "a.png", "-o", "b.png", "--adapt")
    assert code == 130
    assert "interrupted" in said
    assert files() == {"a.png"}


def test_nothing_is_left_of_what_sigterm_has_stopped(run, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)

    def encode(file, *_):
        file.write(b"half of it")
        assert len(files()) == 2
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setitem(WRITERS, ".png", WRITERS[".png"]._replace(encode=encode))
    write_image("a.tif", draw(8, 8))
    code, said = run("denoise", "a.tif", "-o", "b.png")
    assert code == 130
    assert "interrupted" in said
    assert files() == {"a.tif"}
    assert signal.getsignal(signal.SIGTERM) is before


def test_commands_run_in_any_thread(run):
    put("a.png", draw(8, 8))
    codes = []
    thread = threading.Thread(target=lambda: codes.append(run("denoise", "a.png", "-o", "b.png")))
    thread.start()
    thread.join()
    assert codes[0][0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["paint"], "invalid choice"),
        (["denoise"], "required"),
        (["denoise", "a.png"], "-o"),
        (["denoise", "a.png", "-o", "b"], r"suffix.*end its name with '/'"),
        (["denoise", "a.png", "-o", "b.gif"], "suffix"),
        (["denoise", "a.png", "a.png", "-o", "a.png"], "is a file"),
        (["denoise", "a.png", "-o", "b.png", "--epochs", "9"], "are for --adapt"),
        (["denoise", "a.png", "-o", "b.png", "--seed", "0"], "are for --adapt"),
        (["denoise", "a", "-o", "b", "--model", "c", "--size", "base"], "--model has its own"),
        (["denoise", "a", "-o", "b", "--model", "c", "--weights", "natural"], "has its own"),
        (["denoise", "a.png", "-o", "b.png", "--adapt", "--model", "m"], "not from a --model"),
        (["denoise", "a.png", "-o", "b.png", "--weights", "heavy"], "invalid choice"),
        (
            ["denoise", "a.png", "-o", "b.png", "--weights", "procedural", "--size", "base"],
            "--weights procedural come in --size small",
        ),
        (["denoise", "a.png", "-o", "b.png", "--sigma", "-1"], "at least 0, or 'auto'"),
        (["denoise", "a.png", "-o", "b.png", "--sigma", "nan"], "at least 0"),
        (["denoise", "a.png", "-o", "b.png", "--strength", "much"], "a number, at least 0"),
        (["denoise", "a.png", "-o", "b.png", "--time-budget", "0"], "above 0"),
        (["denoise", "a.png", "-o", "b.png", "--seed", "-1"], "an integer from 0"),
        (["enhance", "a.png"], "-o"),
        (["enhance", "a.png", "-o", "b.gif"], "suffix"),
        (["enhance", "a.png", "-o", "b.png", "--exposure", "0"], "a number between 0 and 1"),
        (["enhance", "a.png", "-o", "b.png", "--exposure", "1"], "a number between 0 and 1"),
        (["enhance", "a.png", "-o", "b.png", "--strength", "-1"], "at least 0"),
        (["enhance", "a.png", "-o", "b.png", "--iterations", "0"], "integer above 0"),
        (["enhance", "a.png", "-o", "b.png", "--protect-highlights", "2"], "from 0 to 1"),
        (["enhance", "a.png", "-o", "b.png", "--denoise-order", "after"], "is for --denoise"),
        (["denoise", "a", "-o", "b", "--resume", "--overwrite"], "not allowed with"),
        (["denoise", "a", "-o", "b", "--resume", "--adapt"], "learn something else"),
        (["enhance", "a", "-o", "b", "--resume", "--frames"], "which --resume would leave out"),
        (
            ["enhance", "a.png", "-o", "b.png", "--model", "m", "--architecture", "dce"],
            "--model has one",
        ),
        (["train", "in", "-o", "."], "is a folder"),
        (["train", "in", "-o", "new/"], "is a folder"),
        (["denoise", "a.png", "-o", ""], "the name of a file or folder is wanted"),
        (["denoise", "", "-o", "b.png"], "the name of a file or folder is wanted"),
        (["train", "in", "-o", "no/model"], "does not exist"),
        (["train", "in", "-o", "model", "--sigma", "1", "2", "3"], "one number"),
        (["train", "in", "-o", "model", "--sigma", "50", "10"], "a smaller and a larger one"),
        (["train", "in", "-o", "model", "--sigma", "5", "--noise", "poisson"], "not allowed with"),
        (["train", "in", "-o", "model", "--noise-factor", "1"], "--noise NAME"),
        (["train", "in", "-o", "model", "--noise", "confetti"], "salt_and_pepper"),
        (["train", "in", "-o", "model", "--architecture", "vgg"], "invalid choice"),
        (["train", "in", "-o", "model", "--gray", "--color"], "not allowed with"),
        (["train", "in", "-o", "model", "--epochs", "0"], "integer above 0"),
    ],
)
def test_arguments_that_make_no_sense_end_with_code_2(run, arguments, message):
    put("a.png", draw(8, 8))
    code, said = run(*arguments)
    assert code == 2
    assert "usage: skdenoise" in said
    assert re.search(message, " ".join(said.split()))
    assert files() == {"a.png"}


# Brightening


@pytest.mark.parametrize(
    ("name", "shape", "dtype"),
    [
        ("a.png", (9, 7), np.uint8),
        ("a.png", (9, 7, 4), np.uint8),
        ("a.png", (9, 7, 2), np.uint8),
        ("a.png", (9, 7, 3), np.uint16),
        ("a.tif", (9, 7, 3), np.float32),
    ],
)
def test_colors_are_enhanced_and_all_else_stays(run, name, shape, dtype):
    image = put(name, draw(*shape, dtype=dtype) // 2)
    out = f"out{Path(name).suffix}"
    code, said = run("enhance", name, "-o", out)
    assert code == 0
    assert "1 image enhanced" in said
    wanted = image.copy()
    wanted[..., : 3 if shape[-1] == 4 else 1 if shape[-1] == 2 else None] += np.array(5, dtype)
    found = read_image(out)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, wanted)
    (made,) = Brightener.made
    assert made.params == {"architecture": "dce", "weights": "default"}


def test_what_is_typed_is_told_to_the_enhancer(run, halver):
    put("a.png", draw(8, 8))
    knobs = ["--architecture", "dce++", "--exposure", "0.4", "--strength", "0.5"]
    knobs += ["--locality", "0.3"]
    more = ["--iterations", "4", "--keep-hue", "--protect-highlights", "0.7"]
    noise = ["--denoise", "--denoise-order", "after"]
    assert run("enhance", "a.png", "-o", "b.png", *knobs, *more, *noise)[0] == 0
    (made,) = Brightener.made
    assert isinstance(made.params.pop("denoiser"), halver)
    assert halver.made[0].params["weights"] == "natural"
    assert made.params == {
        "architecture": "dce++",
        "weights": "default",
        "exposure": 0.4,
        "strength": 0.5,
        "locality": 0.3,
        "n_iterations": 4,
        "keep_hue": True,
        "protect_highlights": 0.7,
        "denoise": "after",
    }


def test_a_model_keeps_what_is_not_typed(run):
    Path("model").write_text("enhancer 3")
    put("in/a.png", draw(8, 8, 3))
    assert run("enhance", "in", "-o", "out", "--model", "model", "--no-keep-hue")[0] == 0
    assert Brightener.made[0].params == {"architecture": "dce", "keep_hue": False}


def test_images_are_enhanced_one_by_one_and_frames_together(run):
    image = put("in/b.png", draw(8, 8) // 2)
    put("in/a.png", draw(8, 9) // 2)
    assert run("enhance", "in", "-o", "one")[0] == 0
    assert Brightener.made[0].seen == [1, 1]
    np.testing.assert_array_equal(read_image("one/b.png"), image + 5)
    assert run("enhance", "in", "-o", "two", "--frames")[0] == 0
    assert Brightener.made[1].seen == [2]
    assert Brightener.made[1].params["smoothing"] == 0.8
    np.testing.assert_array_equal(read_image("two/b.png"), image + 6)


def put_stack(path, *shape):
    pages = draw(*shape)
    tifffile.imwrite(path, pages, photometric="minisblack")
    return pages


def test_stacks_are_denoised_page_by_page(run):
    pages = put_stack("stack.tif", 3, 8, 9)
    code, said = run("denoise", "stack.tif", "-o", "out.tif")
    assert (code, "1 image denoised" in said) == (0, True)
    np.testing.assert_array_equal(tifffile.imread("out.tif"), pages // 2)
    assert len(Halver.made[0].steered) == 3
    assert run("denoise", "stack.tif", "-o", "out.tif")[0] == 1
    code, said = run("denoise", "stack.tif", "-o", "out.png")
    assert (code, "out.tif" in said) == (1, True)
    code, said = run("denoise", "stack.tif", "-o", "out.zarr")
    assert (code, "out.tif" in said) == (1, True)
    assert files() == {"stack.tif", "out.tif"}


def test_pages_are_learned_from(run):
    put_stack("stack.tif", 3, 16, 16)
    assert run("denoise", "stack.tif", "-o", "out.tif", "--adapt")[0] == 0
    assert len(Halver.made[0].seen) == 3
    assert run("train", "stack.tif", "-o", "model")[0] == 0
    assert len(Halver.made[-1].seen) == 3


def test_a_page_that_fails_leaves_nothing(run):
    pages = put_stack("stack.tif", 3, 8, 9)
    tifffile.imwrite("stack.tif", np.minimum(pages, 13), photometric="minisblack")
    code, said = run("denoise", "stack.tif", "-o", "out.tif")
    assert (code, "thirteen" in said) == (1, True)
    assert files() == {"stack.tif"}


def test_pages_are_frames(run):
    pages = put_stack("a.tif", 3, 8, 9)
    image = put("b.tif", draw(8, 9) // 2)
    assert run("enhance", "a.tif", "b.tif", "-o", "one/")[0] == 0
    np.testing.assert_array_equal(tifffile.imread("one/a.tif"), pages + 5)
    assert run("enhance", "a.tif", "b.tif", "-o", "two/", "--frames")[0] == 0
    steps = np.arange(5, 8, dtype=np.uint8)[:, None, None]
    np.testing.assert_array_equal(tifffile.imread("two/a.tif"), pages + steps)
    np.testing.assert_array_equal(read_image("two/b.tif"), image + 8)


@pytest.mark.parametrize("frames", [[], ["--frames"]])
def test_the_other_files_are_enhanced_when_one_is_bad(run, frames):
    put("in/a.png", draw(8, 8))
    Path("in/b.png").write_text("hello")
    put("in/c.png", draw(8, 8))
    code, said = run("enhance", "in", "missing.png", "-o", "out", *frames)
    assert code == 1
    assert {name for name in files() if name.startswith("out")} == {"out/a.png", "out/c.png"}
    assert said.count("b.png") == said.count("missing.png") == 1


@pytest.mark.parametrize("frames", [[], ["--frames"]])
def test_an_image_that_cannot_be_enhanced_is_named(run, monkeypatch, frames):
    def transform(self, X):
        raise RuntimeError("too dark")

    monkeypatch.setattr(Brightener, "transform", transform)
    put("in/a.png", draw(8, 8))
    put("in/b.png", draw(8, 8))
    code, said = run("enhance", "in", "-o", "out", *frames)
    assert code == 1
    assert said.count("RuntimeError: too dark") == (1 if frames else 2)
    assert ("in/b.png" in said) == (not frames)
    assert not Path("out").exists()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_gray_and_color_frames_are_enhanced_together(dtype):
    gray, color = np.full((4, 5), 7, dtype), np.full((3, 4, 4), 9, dtype)
    found = apply_enhancer(Brightener(), [gray, color])
    np.testing.assert_array_equal(found[0], np.full((4, 5), 12, dtype))
    np.testing.assert_array_equal(found[1][..., :3], np.full((3, 4, 3), 15, dtype))
    np.testing.assert_array_equal(found[1][..., 3], color[..., 3])
    assert [image.dtype for image in found] == [dtype, dtype]


def test_a_model_of_color_images_enhances_gray_ones_but_not_the_other_way(run):
    put("a.png", draw(8, 8))
    Path("model").write_text("enhancer 3")
    assert run("enhance", "a.png", "-o", "b.png", "--model", "model")[0] == 0
    assert read_image("b.png").shape == (8, 8)
    put("c.png", draw(8, 8, 3))
    Path("model").write_text("enhancer 1")
    code, said = run("enhance", "c.png", "-o", "d.png", "--model", "model")
    assert code == 1
    assert "the model is for gray images" in said


@pytest.mark.parametrize(
    ("command", "name", "choice"),
    [
        ("denoise", "natural_color_base", "--weights natural --size base"),
        ("enhance", "default_dce++", r"--architecture dce\+\+"),
    ],
)
def test_weights_of_the_package_are_no_model_file(run, command, name, choice):
    put("a.png", draw(8, 8))
    code, said = run(command, "a.png", "-o", "b.png", "--model", name)
    assert code == 1
    assert re.search(f"the weights of that name are {choice}", said)


def test_a_model_for_another_command_is_an_error(run):
    put("a.png", draw(8, 8))
    for text, command, other in [("1", "enhance", "denoise"), ("enhancer 1", "denoise", "enhance")]:
        Path("model").write_text(text)
        code, said = run(command, "a.png", "-o", "b.png", "--model", "model")
        assert code == 1
        assert f"it is for 'skdenoise {other}'" in said
    assert files() == {"a.png", "model"}


# Weights of the package, and learning from the noisy images


def test_weights_of_the_package_are_used_unless_told_otherwise(run, halver):
    put("in/a.png", draw(8, 8))
    put("in/b.png", draw(9, 8, 3))
    assert run("denoise", "in", "-o", "out", "--strength", "0.5")[0] == 0
    (made,) = halver.made
    assert (made.params["weights"], made.params["size"]) == ("natural", "base")
    assert made.steered == [(None, 0.5), (None, 0.5)]
    assert not hasattr(made, "seen")


@pytest.mark.parametrize(
    ("typed", "weights", "size"),
    [
        (["--size", "small"], "natural", "small"),
        (["--weights", "procedural"], "procedural", "small"),
        (["--adapt"], "natural", "base"),
    ],
)
def test_the_best_network_is_used_unless_told_otherwise(run, halver, typed, weights, size):
    put("a.png", draw(8, 8))
    assert run("denoise", "a.png", "-o", "b.png", *typed)[0] == 0
    (made,) = halver.made
    assert (made.params["weights"], made.params["size"]) == (weights, size)


def test_gray_and_color_images_are_learned_separately(run, halver):
    put("in/a.png", draw(8, 8))
    put("in/b.png", draw(9, 8, 3))
    put("in/c.png", draw(9, 7, 4))
    code, said = run("denoise", "in", "-o", "out", "--adapt", "--seed", 3, "--time-budget", 8)
    assert code == 0
    assert sorted(made.n_channels_in_ for made in halver.made) == [1, 3]
    assert sorted(len(made.seen) for made in halver.made) == [1, 2]
    for made in halver.made:
        assert made.params["time_budget"] == 4
        assert made.params["random_state"] == 3
    assert "learning from 1 noisy gray image for at most 4 seconds (--time-budget)" in said


@pytest.mark.parametrize(
    ("typed", "epochs", "seconds"),
    [
        ([], None, 60),
        (["--epochs", 7], 7, None),
        (["--time-budget", 5], None, 5),
        (["--epochs", 7, "--time-budget", 5], 7, 5),
    ],
)
def test_learning_ends_when_typed_or_after_a_minute(run, halver, typed, epochs, seconds):
    put("a.png", draw(8, 8))
    _, said = run("denoise", "a.png", "-o", "b.png", "--adapt", *typed)
    (made,) = halver.made
    assert (made.params["epochs"], made.params["time_budget"]) == (epochs, seconds)
    assert ("7 epochs" in said) == (epochs == 7)
    assert (f"{seconds} seconds" in said) == (seconds is not None)
    assert "is kept: by the estimate it is +0.500 dB better, and 0.020 may be chance" in said


@pytest.mark.parametrize(
    ("typed", "epochs", "seconds"),
    [([], 50, None), (["--epochs", 7], 7, None), (["--time-budget", 5], None, 5)],
)
def test_training_ends_when_typed_or_after_fifty_epochs(run, halver, typed, epochs, seconds):
    put("in/a.png", draw(8, 8))
    run("train", "in", "-o", "model", *typed)
    (made,) = halver.made
    assert (made.params["epochs"], made.params["time_budget"]) == (epochs, seconds)


def test_the_images_to_learn_from_are_as_many_as_fit(run, halver, monkeypatch):
    monkeypatch.setattr("skdenoise._cli._denoise.LEARNING_PIXELS", 100)
    for name in "abcdef":
        put(f"in/{name}.png", draw(6, 6))
    assert run("denoise", "in", "-o", "out", "--adapt")[0] == 0
    assert len(halver.made[0].seen) == 2
    assert len(list(Path("out").iterdir())) == 6


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_sigma_is_in_gray_levels_of_255_whatever_the_depth(run, halver, dtype):
    put("a.tif", draw(8, 8, dtype=dtype))
    Path("model").write_text("1")
    arguments = ["--model", "model", "--sigma", "25", "--strength", "0.5"]
    assert run("denoise", "a.tif", "-o", "b.tif", *arguments)[0] == 0
    scale = np.iinfo(dtype).max / 255 if np.dtype(dtype).kind == "u" else 1
    assert halver.made[0].steered == [(25 * scale, 0.5)]


def test_orientations_can_be_averaged(run, halver):
    put("a.png", draw(8, 8))
    assert run("denoise", "a.png", "-o", "b.png", "--augment", 8)[0] == 0
    assert halver.made[0].n_augment == 8


@pytest.mark.parametrize(("command", "stand_in"), [("denoise", Halver), ("enhance", Brightener)])
def test_engine_and_precision_are_told(run, command, stand_in):
    put("in.png", draw(5, 6, 3))
    typed = ["--engine", "keras", "--precision", "bfloat16"]
    assert run(command, "in.png", "-o", "out.png", *typed)[0] == 0
    made = stand_in.made[-1]
    told = made.params if stand_in is Brightener else vars(made)
    assert (told["engine"], told["precision"]) == ("keras", "bfloat16")


@pytest.mark.parametrize("command", ["denoise", "enhance"])
def test_an_engine_that_is_missing_is_told_before_the_work(run, command, monkeypatch):
    put("in.png", draw(5, 6, 3))
    monkeypatch.setitem(sys.modules, "openvino", None)
    code, said = run(command, "in.png", "-o", "out.png", "--precision", "int8")
    assert code == 2
    assert "pip install 'skdenoise[openvino]'" in said
    assert not Path("out.png").exists()


def test_sigma_can_be_estimated(run, halver):
    put("a.png", draw(8, 8))
    Path("model").write_text("1")
    arguments = ["--model", "model", "--sigma", "auto"]
    assert run("denoise", "a.png", "-o", "b.png", *arguments)[0] == 0
    assert halver.made[0].steered == [("auto", 1.0)]


def test_quiet_means_quiet(run):
    put("a.png", draw(8, 8))
    assert run("denoise", "a.png", "-o", "b.png", "--quiet") == (0, "")


def test_warnings_are_sentences(run, monkeypatch):
    import warnings

    def transform(self, X):
        for _ in range(2):
            warnings.warn("image 0 of X looks odd", UserWarning, stacklevel=2)
        return X

    monkeypatch.setattr(Halver, "transform", transform)
    monkeypatch.setattr(warnings, "filters", [])
    put("in/a.png", draw(8, 8))
    put("in/b.png", draw(8, 8))
    code, said = run("denoise", "in", "-o", "out/")
    assert code == 0
    for name in ("a.png", "b.png"):
        assert said.count(f"skdenoise: warning: 'in/{name}': it looks odd\n") == 1


# Training


@pytest.mark.parametrize(("before", "wanted"), [(None, "1"), ("0", "0")])
def test_training_uses_onednn_unless_told_otherwise(run, halver, monkeypatch, before, wanted):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", before or "")
    if before is None:
        monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    put("in/a.png", draw(8, 8))
    assert run("train", "in", "-o", "model")[0] == 0
    assert os.environ.get("TF_ENABLE_ONEDNN_OPTS") == before  # a process of somebody else
    monkeypatch.setattr(sys, "argv", ["skdenoise", "train", "in", "-o", "other"])
    assert main() == 0
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == wanted


def test_training_takes_all_images_and_saves_a_model(run, halver):
    put("in/a.png", draw(8, 8, 3))
    put("in/sub/b.tif", draw(9, 8, 3, dtype=np.uint16))
    put("in/c.png", draw(9, 8, 4))
    options = ["--architecture", "unet", "--size", "nano", "--epochs", 2]
    limits = ["--time-budget", 9, "--seed", 5]
    code, said = run("train", "in", "in/a.png", "-o", "model", *options, *limits)
    assert code == 0
    (made,) = halver.made
    assert sorted(image.shape for image in made.seen) == [(8, 8, 3), (9, 8, 3), (9, 8, 3)]
    wanted = {"architecture": "unet", "size": "nano", "epochs": 2, "time_budget": 9}
    assert wanted.items() <= made.params.items()
    assert made.params["random_state"] == 5
    assert "training on 3 color images" in said
    put("noisy.png", draw(8, 8, 3))
    assert run("denoise", "noisy.png", "-o", "b.png", "--model", "model")[0] == 0


@pytest.mark.parametrize(
    ("typed", "low", "high"),
    [
        ([], 0, 50),
        (["--sigma", "25"], 25, 25),
        (["--sigma", "10", "30"], 10, 30),
        (["--noise", "uniform", "--noise-factor", "0.1"], 25.5, 25.5),
    ],
)
def test_the_noise_is_as_strong_as_typed(run, halver, typed, low, high):
    put("in/a.png", draw(8, 8))
    assert run("train", "in", "-o", "model", *typed)[0] == 0
    noise = halver.made[0].params["noise"]
    assert isinstance(noise, NoiseInjector)
    rng = np.random.default_rng(0)
    image = np.full((64, 64, 1), 0.5)
    sigmas = [255 * noise.corrupt(image, scale=255, rng=rng).std() for _ in range(40)]
    assert low * 0.95 <= min(sigmas) < low + 9
    assert high - 9 < max(sigmas) <= high * 1.05


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["-o", "in/a.png", "--overwrite"], "is the name of an image"),
        (["in/text", "-o", "in/text", "--overwrite"], "is what is to be learned from"),
        (["-o", "m", "--architecture", "dncnn", "--size", "base"], "--size is that of a unet"),
        (["-o", "m", "--noise", "foo"], "no --noise 'foo'; known: .* poisson"),
        (["-o", "m", "--sigma", "50", "10"], "a smaller and a larger one, got 50 10"),
    ],
)
def test_training_refuses_what_cannot_be_meant(run, typed, message):
    put("in/a.png", draw(8, 8))
    Path("in/text").write_text("precious")
    before = Path("in/a.png").read_bytes()
    code, said = run("train", "in/a.png", *typed)
    assert code == 2
    assert re.search(message, said)
    assert (Path("in/a.png").read_bytes(), Path("in/text").read_text()) == (before, "precious")
    assert files() == {"in/a.png", "in/text"}


def test_an_existing_model_is_not_overwritten_unless_told(run, halver):
    put("in/a.png", draw(8, 8))
    Path("model").write_text("precious")
    code, said = run("train", "in", "-o", "model")
    assert code == 1
    assert "exists" in said
    assert not halver.made
    assert Path("model").read_text() == "precious"
    assert run("train", "in", "-o", "model", "--overwrite")[0] == 0
    assert Path("model").read_text() == "1"


def test_gray_and_color_images_are_not_mixed_unless_told(run, halver):
    gray, color = put("in/a.png", draw(8, 8)), put("in/b.png", draw(9, 8, 3))
    code, said = run("train", "in", "-o", "model")
    assert code == 2
    assert "--gray or --color" in said
    assert run("train", "in", "-o", "model", "--color")[0] == 0
    assert run("train", "in", "-o", "model", "--gray", "--overwrite")[0] == 0
    of_color, of_gray = (made.seen for made in halver.made)
    np.testing.assert_array_equal(of_color[0], np.stack([gray] * 3, axis=-1))
    np.testing.assert_array_equal(of_color[1], color)
    np.testing.assert_array_equal(of_gray[0], gray[..., None])
    luma = color @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_array_equal(of_gray[1][..., 0], np.rint(luma))


def test_training_goes_on_without_the_bad_images(run, halver):
    put("in/a.png", draw(8, 8))
    Path("in/b.png").write_text("hello")
    code, said = run("train", "in", "nowhere", "-o", "model")
    assert code == 1
    assert "b.png" in said
    assert "nowhere" in said
    assert len(halver.made[0].seen) == 1
    assert Path("model").exists()


@pytest.mark.parametrize("command", ["train", "denoise"])
def test_an_image_that_cannot_be_learned_from_is_named_and_left_out(run, halver, command):
    image = draw(8, 8, dtype=np.float32)
    put("in/a.tif", image)
    image[2, 3] = np.nan
    put("in/b.tif", image)
    typed = ["-o", "model"] if command == "train" else ["-o", "out", "--adapt"]
    code, said = run(command, "in", *typed)
    assert code == 1
    assert re.search(r"b\.tif.*NaN", said)
    assert "a.tif" not in said
    assert len(halver.made[0].seen) == 1


def test_training_without_an_image_is_an_error(run, halver):
    Path("in").mkdir()
    code, said = run("train", "in", "-o", "model")
    assert code == 1
    assert "no image to learn from" in said
    assert not Path("model").exists()


# What the parser says of other modules


def test_the_default_noise_is_as_strong_as_the_help_says():
    assert inspect.signature(NoiseInjector).parameters["noise_factor"].default == 0.1


@pytest.mark.parametrize(
    "command", [[], ["denoise"], ["enhance"], ["train"], ["pretrain"], ["export"], ["benchmark"]]
)
def test_help_is_printed(run, command):
    code, said = run(*command, "--help")
    assert code == 0
    assert "usage: skdenoise" in said


def test_the_version_is_printed(run):
    assert run("--version") == (0, f"skdenoise {skdenoise.__version__}\n")


def test_bad_files_and_help_never_load_keras():
    script = """if True:
        import sys
        from skdenoise._cli import main
        codes = [main(["denoise", "missing.png", "-o", "b.png"])]
        wrong = ["train", "a", "-o", "b", "--sigma"]
        helps = [[command, "--help"] for command in ("train", "enhance", "benchmark")]
        for arguments in (["--help"], *helps, wrong):
            try:
                main(arguments)
            except SystemExit as leaving:
                codes.append(leaving.code)
        assert codes == [1, 0, 0, 0, 0, 2], codes
        assert not {"keras", "tensorflow", "skimage"} & set(sys.modules)
    """
    finished = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env=os.environ
    )
    assert finished.returncode == 0, finished.stderr


# With a real network


@pytest.fixture
def real_network(monkeypatch, tmp_path):
    """Take the stand-in away again."""
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def noisy():
    rng = np.random.default_rng(0)
    return np.clip(np.rint(rng.normal(128, 25, (48, 40))), 0, 255).astype(np.uint8)


# TensorFlow's arrays do not know NumPy 2's keyword yet; goes when they do.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.slow
@pytest.mark.usefixtures("real_network")
def test_training_saving_and_denoising_work_together(run, photos, noisy):
    for index, photo in enumerate(photos):
        put(f"clean/{index}.png", photo)
    put("noisy/gray.png", noisy)
    put("noisy/color.tif", np.stack([noisy] * 3, axis=-1).astype(np.uint16) * 257)
    train = ["train", "clean", "-o", "model", "--size", "nano", "--epochs", 40, "--seed", 0]
    code, said = run(*train)
    assert code == 0, said
    for out in ("one", "two"):
        code, _ = run("denoise", "noisy", "-o", out, "--model", "model", "--sigma", 25)
        assert code == 0
    for name in ("gray.png", "color.tif"):
        before, once, twice = (read_image(f"{path}/{name}") for path in ("noisy", "one", "two"))
        np.testing.assert_array_equal(once, twice)
        assert once.shape == before.shape
        assert once.dtype == before.dtype
        assert once.astype(float).std() < before.astype(float).std()


def test_only_sentences_and_progress_bars_are_printed(noisy):
    put("noisy.png", noisy)
    arguments = ["denoise", "noisy.png", "-o", "b.png", "--adapt", "--epochs", "1"]
    finished = subprocess.run(
        [sys.executable, "-m", "skdenoise", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == ""
    lines = [line for line in re.split("[\r\n]+", finished.stderr) if line.strip()]
    assert lines[0].startswith("skdenoise: learning from 1 noisy gray image")
    assert lines[-1] == "skdenoise: 1 image denoised"
    assert all(line.startswith("skdenoise: ") or "%|" in line for line in lines), finished.stderr
    assert read_image("b.png").shape == noisy.shape
