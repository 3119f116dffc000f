"""A benchmark measures as papers do, says what it did, and writes all of its files or none."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import skdenoise
from skdenoise import AutoencoderDenoiser, NoiseInjector
from skdenoise._benchmark import (
    METHODS,
    Comparison,
    Method,
    MethodMissingError,
    markdown,
    numbers,
    page,
)
from skdenoise._cli import main
from skdenoise._image_files import write_image
from skdenoise._protocol import noise_quality, quality, similarity, stored, with_white_noise

IN_SCIKIT_IMAGE = ["gaussian", "tv", "wavelet", "nlm"]


@pytest.fixture(scope="module")
def textured():
    """Return an image in which nothing is near black or white, (64, 80, 1) uint8."""
    y, x = np.mgrid[:64, :80]
    return np.rint(128 + 40 * np.sin(y / 5) * np.cos(x / 7))[..., None].astype(np.uint8)


def half(noisy, sigma):
    return 0.5 * noisy


def method(denoise=half, **changes):
    options = {"package": "skdenoise", "settings": "none", "told_sigma": True} | changes
    return Method("a method", lambda: denoise, **options)


# The protocol


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize(("sigma", "decibels"), [(15, 24.61), (25, 20.17), (50, 14.15)])
def test_noisy_images_have_the_psnr_of_their_noise(level, sigma, decibels):
    image = np.full((512, 512, 1), level, np.uint8)
    comparison = Comparison({"half": method()})
    comparison.add_noise("a", image, [sigma])
    (measured,) = (one.psnr for one in comparison.measured if one.method == "noisy")
    assert measured == pytest.approx(decibels, abs=0.03)


def test_results_are_clipped_and_rounded():
    image = np.full((16, 16, 1), 255, np.uint8)
    assert quality(image, np.full(image.shape, 1.7)) == np.inf
    assert quality(image, np.full(image.shape, 254.4 / 255)) == pytest.approx(48.13, abs=0.01)


@pytest.mark.parametrize("n_channels", [1, 3])
def test_noise_is_made_anew_for_each_image_in_its_shape(n_channels):
    image = np.full((20, 30, n_channels), 100, np.uint8)
    first, again = with_white_noise(image, 25), with_white_noise(image, 25)
    np.testing.assert_array_equal(first, again)
    wanted = np.random.RandomState(0).standard_normal(image.shape)  # the protocol's
    np.testing.assert_allclose((first - 100 / 255) * 255 / 25, wanted, atol=1e-4)


@pytest.mark.parametrize("n_channels", [1, 3])
def test_ssim_is_that_of_scikit_image(textured, n_channels):
    from skimage.metrics import structural_similarity

    image = np.repeat(textured, n_channels, axis=-1)
    noisy = with_white_noise(image, 25)
    wanted = structural_similarity(
        image,
        stored(noisy),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=-1,
    )
    assert similarity(image, noisy) == pytest.approx(wanted, abs=1e-6)


# Methods


@pytest.mark.parametrize("name", IN_SCIKIT_IMAGE)
@pytest.mark.parametrize("n_channels", [1, 3])
def test_methods_improve_noisy_images(textured, name, n_channels):
    clean = np.repeat(textured, n_channels, axis=-1)
    noisy = with_white_noise(clean, 25)
    denoised = METHODS[name].load()(noisy, 25 / 255)
    assert np.shape(denoised) == noisy.shape
    assert quality(clean, denoised) > quality(clean, noisy) + 3
    assert METHODS[name].version


@pytest.mark.parametrize(("name", "module"), [("opencv", "cv2"), ("bm3d", "bm3d")])
@pytest.mark.parametrize("n_channels", [1, 3])
def test_methods_of_optional_packages_improve_noisy_images(textured, name, module, n_channels):
    pytest.importorskip(module, reason=f"{module} is not installed (the extra 'compare')")
    test_methods_improve_noisy_images(textured, name, n_channels)


def test_a_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "bm3d", None)
    with pytest.raises(MethodMissingError, match=r"pip install 'skdenoise\[compare\]'"):
        METHODS["bm3d"].load()


def test_the_true_sigma_is_told(textured):
    told = []

    def denoise(noisy, sigma):
        told.append(255 * sigma)
        return noisy

    comparison = Comparison({"m": method(denoise)})
    comparison.add_noise("a", textured, [15, 50])
    assert told == [15, 15, 50]  # the first call is the warm-up
    noisy = stored(with_white_noise(textured, 10))
    comparison = Comparison({"m": method(denoise)})
    comparison.add_pair("a", noisy, textured)
    assert told[-1] == pytest.approx(np.std(noisy.astype(float) - textured))


# Numbers and pages


@pytest.fixture
def comparison(textured):
    comparison = Comparison({"half": method(), "same": method(lambda noisy, _: noisy)})
    comparison.add_noise("one.png", textured, [15, 25])
    comparison.add_noise("<two>.png", textured[:40], [15, 25])
    return comparison


def test_means_are_those_of_the_images(comparison, textured):
    contents = json.loads(numbers(comparison, {"folder": "pictures"}))
    assert contents["folder"] == "pictures"
    found = {(one["method"], one["sigma"]): one for one in contents["results"]}
    assert set(found) == {(name, sigma) for name in ("noisy", "half", "same") for sigma in (15, 25)}
    pictures = textured, textured[:40]
    for factor, name in ((0.5, "half"), (1, "same"), (1, "noisy")):
        results = [factor * with_white_noise(clean, 25) for clean in pictures]
        measure = noise_quality if name == "noisy" else quality
        values = [measure(*pair) for pair in zip(pictures, results, strict=True)]
        likeness = [similarity(*pair) for pair in zip(pictures, results, strict=True)]
        assert found[name, 25]["psnr"] == pytest.approx(np.mean(values))
        assert found[name, 25]["ssim"] == pytest.approx(np.mean(likeness))
        for time in ("seconds_per_megapixel", "processor_seconds_per_megapixel"):
            assert (found[name, 25][time] is None) == (name == "noisy")
    assert len(contents["images"]) == 2 * 2 * 3
    assert contents["methods"]["half"]["told_sigma"] is True


def test_the_table_has_a_row_for_each_method_and_marks_the_best(comparison):
    lines = markdown(comparison, "2 gray images").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:7]]
    assert rows[0] == ["method", "is told sigma", "sigma 15", "sigma 25"]
    assert [row[0] for row in rows[2:]] == ["noisy images", "a method", "a method"]
    assert len({len(row) for row in rows}) == 1
    assert all(cell.startswith("**") for cell in rows[4][2:])
    assert not any("**" in cell for row in rows[:4] for cell in row)
    assert rows[2][2].startswith("24.")


class Links(HTMLParser):
    """Collects what a page refers to, and its tags."""

    def __init__(self, text):
        super().__init__()
        self.sources, self.open, self.tables = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("img", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_holds_all_of_its_pictures_and_names_are_text(comparison):
    text = page(comparison, "2 & more")
    links = Links(text)
    assert not links.open
    # Per image the whole, and per noise the clean, the noisy and two denoised crops.
    assert len(links.sources) == 2 * (1 + 2 * 4)
    assert all(source.startswith("data:image/png;base64,") for source in links.sources)
    assert "<two>" not in text
    assert "&lt;two&gt;.png" in text
    assert "2 &amp; more" in text
    assert "<b>" in text
    assert "**" not in text


def test_a_method_that_gives_no_image_is_named_and_nothing_is_added(textured):
    comparison = Comparison({"m": method(lambda noisy, _: noisy * np.nan)})
    with pytest.raises(ValueError, match=r"a method made no image.*--methods"):
        comparison.add_noise("a", textured, [15])
    assert not comparison.measured
    assert not comparison.samples


def test_perfect_results_are_null_in_json(textured):
    comparison = Comparison({"m": method(lambda noisy, _: textured / 255)})
    comparison.add_noise("a", textured, [15])
    contents = json.loads(numbers(comparison, {}))
    assert [one["psnr"] for one in contents["results"] if one["method"] == "m"] == [None]
    assert "**inf**" in markdown(comparison, "one")


# The command


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run the command in an empty folder; return its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        try:
            code = main(["benchmark", *(str(argument) for argument in arguments)])
        except SystemExit as leaving:
            code = leaving.code
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return code, printed.out, " ".join(printed.err.split())

    return run


def put(path, image):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_image(path, image)


def results(folder="out"):
    found = json.loads(Path(folder, "results.json").read_text())["results"]
    return {(one["method"], one["sigma"]): one for one in found}


QUICK = ["--methods", "gaussian"]


def test_the_command_writes_three_files_and_prints_the_table(run, textured):
    put("in/a.png", textured)
    put("in/sub/b.png", textured[:30])
    code, printed, said = run("in", "-o", "out", *QUICK, "--sigmas", 10, 20.5)
    assert code == 0, said
    assert {path.name for path in Path("out").iterdir()} == {
        "index.html",
        "results.json",
        "table.md",
    }
    assert Path("out/table.md").read_text() == printed
    assert "2 gray images of in" in printed
    assert set(results()) == {(name, s) for name in ("noisy", "gaussian") for s in (10, 20.5)}
    assert results()["noisy", 10]["psnr"] == pytest.approx(28.13, abs=0.2)
    assert results()["gaussian", 10]["psnr"] > results()["noisy", 10]["psnr"]


def test_papers_use_15_25_and_50(run, textured):
    put("in/a.png", textured)
    assert run("in", "-o", "out", *QUICK, "--quiet") == (0, "", "")
    assert {sigma for _, sigma in results()} == {15, 25, 50}


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["x_real.png", "x_mean.png"], ["_real", "_mean"]),
        (["noisy/x.png", "clean/x.png"], ["noisy/", "clean/"]),
    ],
)
def test_pairs_are_found_by_the_words_in_which_they_differ(run, textured, names, words):
    noisy = stored(with_white_noise(textured, 20))
    put(f"in/{names[0]}", noisy)
    put(f"in/{names[1]}", textured)
    put("in/alone_real.png", noisy)
    code, printed, said = run("in", "-o", "out", *QUICK, "--pairs", *words)
    assert code == 0, said
    assert "1 gray image of in" in printed
    assert "real noise" in printed
    assert results()["noisy", None]["psnr"] == pytest.approx(quality(textured, noisy / 255))


def test_color_images_become_gray_and_the_other_way_round_if_told(run, textured):
    put("in/a.png", textured)
    put("in/b.png", np.repeat(textured, 3, axis=-1))
    code, _, said = run("in", "-o", "out", *QUICK)
    assert code == 2
    assert "--gray or --color" in said
    for option, kind in (("--gray", "gray"), ("--color", "color")):
        code, printed, _ = run("in", "-o", f"out{option}", *QUICK, option)
        assert code == 0
        assert f"2 {kind} images" in printed


def test_only_so_many_images_are_taken(run, textured):
    for name in "abc":
        put(f"in/{name}.png", textured)
    assert "2 gray images" in run("in", "-o", "out", *QUICK, "--max-images", 2)[1]


def test_existing_results_are_replaced_only_if_told(run, textured):
    put("in/a.png", textured)
    put("out/precious.png", textured)
    code, printed, said = run("in", "-o", "out", *QUICK)
    assert code == 1
    assert "--overwrite" in said
    assert not printed
    assert [path.name for path in Path("out").iterdir()] == ["precious.png"]
    assert run("in", "-o", "out", *QUICK, "--overwrite")[0] == 0
    assert len(list(Path("out").iterdir())) == 4


@pytest.mark.parametrize("channels", [[], ["--gray"]])
def test_nothing_is_written_where_no_image_could_be_measured(run, textured, channels):
    put("in/tiny.png", textured[:8, :8])
    put("in/deep.png", textured.astype(np.uint16))
    code, _, said = run("in", "-o", "out", *QUICK, *channels)
    assert code == 1
    assert "SSIM needs images of at least 11 x 11" in said
    assert "8-bit images are wanted" in said
    assert not Path("out").exists()


def test_the_other_images_are_measured_when_one_is_bad(run, textured):
    put("in/a.png", textured)
    put("in/tiny.png", textured[:8, :8])
    Path("in/damaged.png").write_text("no image")
    code, printed, said = run("in", "-o", "out", *QUICK)
    assert code == 1
    assert "1 gray image of in" in printed
    assert said.count("damaged.png") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--methods", "magic"], r"no method 'magic'; known: ours ours-base ours-best gaussian"),
        (["--sigmas", "0"], "a number above 0"),
        (["--sigmas", "15", "--pairs", "a", "b"], "not allowed with"),
        (["--pairs", "", "_mean"], "two words in which paths differ"),
        (["--pairs", "a", "a"], "two words in which paths differ"),
        (["--pairs", "_real", "_mean"], "no image in 'in' has '_real'"),
        (["--model", "a/x.safetensors", "b/x.safetensors"], "names of their files"),
        (["--model", "bm3d.safetensors"], "names of their files"),
        (["--max-images", "0"], "an integer above 0"),
    ],
)
def test_arguments_that_make_no_sense_end_with_code_2(run, textured, arguments, message):
    put("in/a.png", textured)
    code, _, said = run("in", "-o", "out", *arguments)
    assert code == 2
    assert re.search(message, said)
    assert not Path("out").exists()


def test_a_method_that_is_named_has_to_be_installed(run, textured, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "bm3d", None)
    put("in/a.png", textured)
    code, _, said = run("in", "-o", "out", "--methods", "bm3d")
    assert code == 1
    assert "pip install 'skdenoise[compare]'" in said


# TensorFlow's arrays do not know NumPy 2's keyword yet; goes when they do.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_weights_of_the_package_are_ours(run, textured):
    put("in/a.png", textured)
    methods = "ours", "ours-base", "ours-best", "gaussian"
    code, printed, said = run("in", "-o", "out", "--methods", *methods, "--sigmas", 25)
    assert code == 0, said
    names = (
        "Gaussian",
        "skdenoise, small |",
        "skdenoise, base |",
        "skdenoise, base, 8 orientations |",
    )
    psnrs = [
        line.replace("*", "").split("|")[3].split("/")[0]
        for name in names
        for line in printed.splitlines()
        if line.startswith(f"| {name}")
    ]
    assert len(psnrs) == len(set(psnrs)) == len(names)


def test_an_enhancer_is_no_method(run, textured):
    skdenoise.ZeroDCEEnhancer(weights="default").save("enhancer")
    put("in/a.png", textured)
    code, _, said = run("in", "-o", "out", "--model", "enhancer")
    assert code == 1
    assert "it is for 'skdenoise enhance'" in said


# TensorFlow's arrays do not know NumPy 2's keyword yet; goes when they do.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_models_are_measured_blind_under_the_names_of_their_files(run, textured, monkeypatch):
    for name in ("opencv", "bm3d"):
        monkeypatch.delitem(METHODS, name)
    injector = NoiseInjector("gaussian_range", sigma=50)
    denoiser = AutoencoderDenoiser(size="nano", noise=injector, epochs=1, random_state=0, sigma=200)
    denoiser.fit([textured] * 2).save("mine.safetensors")
    put("in/a.png", np.repeat(textured, 3, axis=-1))
    typed = "in", "-o", "out", "--model", "mine.safetensors", "--sigmas", 25
    code, printed, said = run(*typed)
    assert code == 0, said
    assert set(results()) == {(name, 25) for name in ("noisy", *IN_SCIKIT_IMAGE, "mine")}
    # A gray model takes a color image channel by channel, and is told nothing.
    blind = skdenoise.load("mine.safetensors").set_params(sigma=None)
    noisy = with_white_noise(np.repeat(textured, 3, axis=-1), 25)
    planes = blind.transform([noisy[..., [channel]] for channel in range(3)])
    wanted = quality(np.repeat(textured, 3, axis=-1), np.concatenate(planes, axis=-1))
    assert results()["mine", 25]["psnr"] == pytest.approx(wanted, abs=1e-3)
    assert "| skdenoise, mine | no |" in printed
    assert run(*typed, "--methods", "ours", "--overwrite")[0] == 0
    assert set(results()) == {(name, 25) for name in ("noisy", "ours", "mine")}
