"""A file for another runtime computes what the estimator does, where this package is unknown."""

import argparse
import copy
import errno
import importlib.util
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

import skdenoise
from skdenoise import AutoencoderDenoiser, ZeroDCEEnhancer, _keras
from skdenoise._choices import FORMAT_NAMES, STORED_PRECISIONS
from skdenoise._cli import main
from skdenoise._cli._export import _model
from skdenoise._export._checking import differences, examples
from skdenoise._export._exported import exported_from
from skdenoise._export._formats import FORMATS, format_of
from skdenoise._export._writing import _n_bytes
from skdenoise._keras import _formats
from skdenoise._keras._network import draw_weights, get_network
from skdenoise._keras._portable import portable
from skdenoise._learning import Learnt

SIZES = [(1, 1), (3, 18), (29, 37)]


def denoiser_of(architecture, n_channels=1, **parameters):
    """Return a denoiser that has learned nothing in particular, without training it."""
    rng = np.random.default_rng(0)
    weights = draw_weights(get_network(architecture, "nano", n_channels), rng)
    for name, array in weights.items():
        # No weight may be so special that it would not be missed.
        drawn = array + rng.normal(0, 0.02, array.shape)
        weights[name] = np.float32(np.abs(drawn) if name.endswith("variance") else drawn)
    denoiser = AutoencoderDenoiser(architecture, size="nano", **parameters)
    denoiser.n_channels_in_ = n_channels
    denoiser._remember(Learnt(weights, {}, "fresh noise"))
    return denoiser


def patchwork(n_channels):
    """Return a network with a bit of everything that those of the package are made of."""
    layers = keras.layers
    noisy = keras.Input((None, None, n_channels), name="noisy")
    sigma = keras.Input((None, None, 1), name="sigma")
    x = layers.Concatenate()([noisy, sigma])
    x = layers.Conv2D(8, 6, strides=2, padding="same")(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    y = layers.MaxPooling2D(2)(x)
    y = layers.Conv2D(8, 3, padding="same", dilation_rate=2, activation="relu")(y)
    y = layers.UpSampling2D(2)(layers.BatchNormalization()(y))
    x = layers.Add()([x, layers.Conv2D(8, 3, padding="same")(y)])
    attention = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Multiply()([x, layers.Conv2D(8, 1, activation="sigmoid")(attention)])
    noise = layers.Conv2DTranspose(n_channels, 6, strides=2, padding="same")(x)
    return keras.Model([noisy, sigma], layers.Subtract()([noisy, noise]))


def in_sequence(n_channels):
    """Return a network that is written down as a list of layers."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((None, None, n_channels)),
            layers.Conv2D(8, 3, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(2),
            layers.UpSampling2D(2),
            layers.Conv2D(n_channels, 3, padding="same"),
        ]
    )


def images_of(n_channels, shape=(29, 37), n_images=2):
    """Return float32 images in [0, 1], of different contrast."""
    rng = np.random.default_rng(1)
    scale = np.linspace(0.2, 1, n_images)[:, None, None, None]
    return np.float32(scale * rng.random((n_images, *shape, n_channels)))


def graph_of(estimator, *, sigma_input=False, n_channels=None):
    """Return the graph and what is known of it, before it is a file."""
    return exported_from(estimator, sigma_input, n_channels).graph


def needs(format):
    """Skip a test where a format's packages are missing."""
    for package in FORMATS[format].packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed (the extra {format!r})")


# The graph


@pytest.mark.parametrize(
    ("architecture", "n_channels"),
    [("autoencoder", 3), ("dncnn", 3), ("ridnet", 1), ("unet", 1), ("unet", 3), (in_sequence, 1)],
)
def test_the_graph_computes_what_transform_does_at_any_size(architecture, n_channels):
    denoiser = denoiser_of(architecture, n_channels)
    graph = graph_of(denoiser)
    for shape in SIZES if architecture != "ridnet" else SIZES[1:2]:
        X = images_of(n_channels, shape)
        assert_allclose(graph(X), denoiser.transform(X), rtol=0, atol=5e-5)


@pytest.mark.parametrize(("n_channels", "n_images", "height"), [(3, 3, 8), (1, 8, 8)])
def test_as_many_images_as_channels_or_rows_do_not_share_their_brightness(
    n_channels, n_images, height
):
    denoiser = denoiser_of("unet", n_channels)
    X = images_of(n_channels, (height, 12), n_images)
    X += np.linspace(0, 1, n_images, dtype=np.float32)[:, None, None, None]
    assert_allclose(graph_of(denoiser)(X), denoiser.transform(X), atol=5e-5)
    sigma = np.linspace(0.05, 0.3, n_images, dtype=np.float32)[:, None, None, None]
    told = copy.copy(denoiser).set_params(sigma=sigma.ravel())
    assert_allclose(graph_of(denoiser, sigma_input=True)([X, sigma]), told.transform(X), atol=5e-5)


@pytest.mark.parametrize("X", [np.zeros, np.ones])
def test_constant_images_stay_constant(X):
    image = 0.1 * X((1, 9, 12, 1), np.float32)
    assert_allclose(graph_of(denoiser_of("unet"))(image), image, atol=1e-6)


def test_integers_are_divided_before_and_multiplied_after():
    denoiser = denoiser_of("unet", 3)
    X = np.rint(255 * images_of(3)).astype(np.uint8)
    found = np.array(graph_of(denoiser)(np.float32(X) / 255))
    stored = np.rint(np.clip(found, 0, 1) * 255)
    assert np.abs(stored - denoiser.transform(X)).max() <= 1  # where rounding is a matter of luck


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 1, 1, 1), (2, 29, 37, 1)])
def test_sigma_is_a_number_one_per_image_or_a_map(shape):
    denoiser, X = denoiser_of("unet"), images_of(1)
    sigma = np.random.default_rng(2).uniform(0.05, 0.3, shape).astype(np.float32)
    told = copy.copy(denoiser).set_params(sigma=np.broadcast_to(sigma, (2, 29, 37, 1))[..., 0])
    graph = graph_of(denoiser, sigma_input=True)
    assert_allclose(graph([X, sigma]), told.transform(X), atol=5e-5)
    assert np.abs(graph([X, sigma]) - denoiser.transform(X)).max() > 1e-3
    assert_allclose(graph([X, 0 * sigma]), denoiser.transform(X), atol=5e-5)


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("architecture", ["dce", "dce++"])
@pytest.mark.parametrize(
    "options",
    [{}, {"keep_hue": True}, {"strength": 1.4, "protect_highlights": 0.5, "n_iterations": 3}],
)
def test_the_graph_of_an_enhancer_computes_what_transform_does(architecture, n_channels, options):
    enhancer = ZeroDCEEnhancer(architecture, weights="default", precision="float32", **options)
    graph = graph_of(enhancer, n_channels=n_channels)
    for shape in SIZES:
        X = 1.2 * images_of(n_channels, shape) - 0.1
        assert_allclose(graph(X), enhancer.transform(X), rtol=0, atol=1e-5)


def test_normalizations_are_folded_where_that_is_exact():
    def n_norms(model):
        return sum(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers)

    dncnn, autoencoder = (portable(denoiser_of(name).network_) for name in ("dncnn", "autoencoder"))
    assert n_norms(dncnn) == 0
    assert n_norms(autoencoder) == 4  # they follow an activation


def test_what_lies_between_a_convolution_and_its_normalization_is_not_lost():
    def shared(n_channels):
        noisy = keras.Input((None, None, n_channels))
        x = keras.layers.Conv2D(n_channels, 3, padding="same")(noisy)
        y = keras.layers.BatchNormalization()(x)
        return keras.Model(noisy, keras.layers.Add()([x, y]))

    X = images_of(1)
    denoiser = denoiser_of(shared)
    assert_allclose(graph_of(denoiser)(X), denoiser.transform(X), atol=1e-5)


# The files


def test_the_formats_are_those_that_can_be_written():
    assert sorted(FORMATS) == sorted(FORMAT_NAMES) == sorted(_formats.RUNTIMES)
    assert all(set(known.precisions) <= set(STORED_PRECISIONS) for known in FORMATS.values())


ELSEWHERE = """
    import os, sys
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    sys.modules["skdenoise"] = None  # importing it fails
    import numpy as np

    inputs = dict(np.load("inputs.npz"))
    noisy, sigma = inputs["noisy"], inputs["sigma"]
    if os.path.exists("d.onnx"):
        import onnxruntime
        session = onnxruntime.InferenceSession("d.onnx")
        np.save("onnx", session.run(["denoised"], inputs)[0])
    if os.path.exists("d.xml"):
        import openvino
        exact = {"INFERENCE_PRECISION_HINT": "f32"}
        np.save("openvino", openvino.compile_model("d.xml", "CPU", exact)(inputs)["denoised"])
    import keras, tensorflow
    np.save("keras", keras.models.load_model("d.keras")([noisy, sigma]))
    serve = tensorflow.saved_model.load("d").signatures["serving_default"]
    tensors = {name: tensorflow.constant(array) for name, array in inputs.items()}
    np.save("saved_model", serve(**tensors)["denoised"])
    runner = tensorflow.lite.Interpreter("d.tflite").get_signature_runner()
    np.save("litert", runner(**inputs)["denoised"])
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """Return what each format makes of images in a process that cannot import this package."""
    folder = tmp_path_factory.mktemp("elsewhere")
    denoiser = denoiser_of(patchwork, 3)
    inputs = {"noisy": images_of(3), "sigma": np.full((1, 1, 1, 1), 0.1, np.float32)}
    np.savez(folder / "inputs.npz", **inputs)
    reports = {}
    for name, known in FORMATS.items():
        if all(importlib.util.find_spec(package) for package in known.packages):
            path = folder / f"d{known.suffix}"
            reports[name] = skdenoise.export(denoiser, path, sigma_input=True)
    finished = subprocess.run(
        [sys.executable, "-c", dedent(ELSEWHERE)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    wanted = copy.copy(denoiser).set_params(sigma=0.1).transform(inputs["noisy"])
    return folder, reports, wanted


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_computes_the_same_pixels_where_the_package_is_unknown(elsewhere, format):
    needs(format)
    folder, reports, wanted = elsewhere
    assert_allclose(np.load(folder / f"{format}.npy"), wanted, rtol=0, atol=1e-4)
    report = reports[format]
    assert (report.format, report.precision) == (format, "float32")
    assert (report.inputs, report.output) == (("noisy", "sigma"), "denoised")
    assert report.largest_difference < 1e-4
    assert abs(report.psnr_change) < 1e-3


def test_nothing_else_is_left_behind(elsewhere):
    folder, reports, _ = elsewhere
    files = {f"d{FORMATS[name].suffix}" for name in reports} | {f"{name}.npy" for name in reports}
    also = {"inputs.npz"} | ({"d.bin"} if "openvino" in reports else set())
    assert {path.name for path in folder.iterdir()} == files | also


def test_the_lines_of_the_guide_run_where_the_package_is_unknown(tmp_path):
    needs("onnx")
    guide = (Path(__file__).parent.parent / "docs" / "guide.md").read_text(encoding="utf-8")
    (lines,) = (
        block
        for block in re.findall(r"```python\n(.+?)```", guide, re.DOTALL)
        if "session" in block
    )
    denoiser = denoiser_of(patchwork, 3)
    photograph = np.rint(255 * images_of(3)[1]).astype(np.uint8)
    skdenoise.export(denoiser, tmp_path / "denoiser.onnx")
    np.save(tmp_path / "photograph.npy", photograph)
    before = "import sys, numpy\nsys.modules['skdenoise'] = None\n"
    load, save = "photograph = numpy.load('photograph.npy')\n", "numpy.save('result', result)"
    code = before + load + lines + save
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    found = np.load(tmp_path / "result.npy").astype(int)
    assert np.abs(found - denoiser.transform([photograph])[0]).max() <= 1


def test_sizes_are_open_and_named_in_onnx(elsewhere):
    needs("onnx")
    import onnx

    graph = onnx.load(elsewhere[0] / "d.onnx").graph
    sides = {
        value.name: [side.dim_param or side.dim_value for side in value.type.tensor_type.shape.dim]
        for value in [*graph.input, *graph.output]
    }
    assert sides["noisy"] == sides["denoised"] == ["n_images", "height", "width", 3]


@pytest.mark.parametrize("format", ["litert", "onnx", "openvino"])
def test_a_lower_precision_is_smaller_and_nearly_as_good(tmp_path, format):
    needs(format)
    exported = exported_from(AutoencoderDenoiser(weights="natural"), False, 1)
    paths = {}
    for precision in STORED_PRECISIONS:
        paths[precision] = tmp_path / precision / f"d{FORMATS[format].suffix}"
        paths[precision].parent.mkdir()
    _formats.write_exported(format, exported.graph, paths, lambda: examples(exported))
    whole = _n_bytes(paths["float32"].parent)
    # The weights of the package are stored in float16, so that half as many bits lose nothing.
    for precision, share, most, loss in [("float16", 0.55, 1e-5, 1e-3), ("int8", 0.35, 0.1, 0.1)]:
        assert _n_bytes(paths[precision].parent) < share * whole
        run = _formats.read_exported(format, paths[precision])
        largest, mean, psnr_change, _ = differences(exported, run)
        assert mean < largest < most
        assert psnr_change > -loss
    assert largest > 1e-4  # in eight bits something must be lost


def test_a_report_compares_with_the_size_in_float32(tmp_path):
    path = tmp_path / "d.tflite"
    report = skdenoise.export(denoiser_of(patchwork), path, precision="float16")
    assert report.precision == "float16"
    assert report.n_bytes == path.stat().st_size < report.n_bytes_float32
    assert list(tmp_path.iterdir()) == [path]


def test_an_enhancer_becomes_a_file(tmp_path):
    enhancer = ZeroDCEEnhancer("dce++", weights="default")
    report = skdenoise.export(enhancer, tmp_path / "e.keras")
    assert (report.inputs, report.output, report.n_channels) == (("image",), "enhanced", 3)
    assert report.largest_difference < 1e-4
    assert report.psnr_change is None


def test_a_report_reads_as_sentences(tmp_path):
    report = skdenoise.export(denoiser_of(patchwork), tmp_path / "d.keras")
    small = replace(report, path="d.onnx", n_bytes=50, n_bytes_float32=100, precision="int8")
    small = replace(small, format="onnx", largest_difference=0.01, psnr_change=-0.05)
    lines = str(replace(small, mean_difference=0.001)).splitlines()
    assert lines == [
        "d.onnx: onnx, int8, 50 bytes, 0.50 of those in float32",
        "  noisy -> denoised, float32 (n_images, height, width, 1)",
        "  differs from the network by at most 1.0e-02 of the range, 1.0e-03 on average; "
        "PSNR -0.050 dB",
    ]


def test_a_report_says_what_transform_does_besides(tmp_path):
    denoiser = AutoencoderDenoiser(weights="natural")
    report = skdenoise.export(denoiser, tmp_path / "d.keras", n_channels=1)
    assert 0.05 < report.psnr_of_transform < 1
    assert str(report).endswith(
        f", and of transform, which measures the noise, {report.psnr_of_transform:+.3f}"
    )
    told = skdenoise.export(denoiser, tmp_path / "t.keras", n_channels=1, sigma_input=True)
    assert abs(told.psnr_of_transform) < 0.0005


def test_the_estimator_is_left_as_it_was(tmp_path):
    denoiser = denoiser_of(patchwork, sigma=[0.1], precision="auto")
    before = {name: array.copy() for name, array in denoiser.weights_.items()}
    skdenoise.export(denoiser, tmp_path / "d.keras", sigma_input=True)
    assert (denoiser.sigma, denoiser.precision) == ([0.1], "auto")
    assert all(np.array_equal(before[name], array) for name, array in denoiser.weights_.items())


# What exists


def test_what_exists_is_replaced_only_on_request(tmp_path):
    path = tmp_path / "d.keras"
    path.write_text("precious")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        skdenoise.export(denoiser_of(patchwork), path)
    assert path.read_text() == "precious"
    skdenoise.export(denoiser_of(patchwork), path, overwrite=True)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() != b"precious"


@pytest.mark.parametrize("format", ["onnx", "openvino", "keras"])
def test_suffixes_may_be_in_capitals(tmp_path, format):
    needs(format)
    path = tmp_path / f"d{FORMATS[format].suffix.upper()}"
    assert format_of(path, "auto") == format
    skdenoise.export(denoiser_of(patchwork), path, format=format)
    beside = {"d.bin"} if format == "openvino" else set()
    assert {file.name for file in tmp_path.iterdir()} == {path.name, *beside}


def test_a_folder_is_replaced_only_where_it_is_a_saved_model(tmp_path):
    path = tmp_path / "model"
    path.mkdir()
    (path / "precious").touch()
    with pytest.raises(FileExistsError, match="no SavedModel"):
        skdenoise.export(denoiser_of(patchwork), path, overwrite=True)
    (path / "saved_model.pb").touch()
    skdenoise.export(denoiser_of(patchwork), path, overwrite=True)
    assert {"saved_model.pb", "variables"} <= {file.name for file in path.iterdir()}
    assert not (path / "precious").exists()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["model", "d.xml"])
def test_what_is_there_stays_where_the_last_step_fails(tmp_path, name, monkeypatch):
    needs("openvino")
    skdenoise.export(denoiser_of(patchwork), tmp_path / name)

    def held():
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def full(source, target, replace=os.replace):
        if str(target).endswith(name):  # not when what was there comes back
            monkeypatch.setattr(os, "replace", replace)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    before = held()
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        skdenoise.export(denoiser_of(patchwork, 3), tmp_path / name, overwrite=True)
    assert held() == before


@pytest.mark.skipif(sys.platform == "win32", reason="needs rights on Windows")
def test_a_link_to_a_saved_model_stays_a_link(tmp_path):
    place = tmp_path / "disk" / "model"
    place.mkdir(parents=True)
    (place / "saved_model.pb").touch()
    (tmp_path / "link").symlink_to(place)
    skdenoise.export(denoiser_of(patchwork), tmp_path / "link", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert (place / "saved_model.pb").stat().st_size > 0


def test_what_appears_meanwhile_is_not_replaced(tmp_path, monkeypatch):
    path = tmp_path / "d.keras"
    read, name = _keras.read_exported, "read_exported"
    monkeypatch.setattr(
        _keras, name, lambda *arguments: path.write_text("precious") and read(*arguments)
    )
    with pytest.raises(FileExistsError, match="overwrite=True"):
        skdenoise.export(denoiser_of(patchwork), path)
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


def test_a_saved_model_holds_each_weight_once(tmp_path):
    denoiser = AutoencoderDenoiser(size="nano", weights=None, epochs=1, random_state=0)
    denoiser.fit(np.zeros((2, 16, 16)), np.ones((2, 16, 16)))
    skdenoise.export(denoiser, tmp_path / "model")
    n_bytes = sum(array.nbytes for array in denoiser.weights_.values())
    stored = sum(file.stat().st_size for file in (tmp_path / "model" / "variables").iterdir())
    assert n_bytes <= stored < 1.1 * n_bytes


@pytest.mark.parametrize("name", ["d.xml", "d.bin"])
def test_neither_file_of_openvino_is_replaced(tmp_path, name):
    needs("openvino")
    (tmp_path / name).write_text("precious")
    with pytest.raises(FileExistsError, match=name):
        skdenoise.export(denoiser_of(patchwork), tmp_path / "d.xml")
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(FileExistsError, match="no file that could be replaced"):
        skdenoise.export(denoiser_of(patchwork), tmp_path / "d.xml", overwrite=True)


@pytest.mark.parametrize("wrong", [0.1, np.nan])
def test_a_file_that_computes_something_else_is_not_kept(tmp_path, monkeypatch, wrong):
    monkeypatch.setattr(
        _keras, "read_exported", lambda name, path: lambda inputs: inputs["noisy"] + wrong
    )
    with pytest.raises(RuntimeError, match="Nothing was kept"):
        skdenoise.export(denoiser_of(patchwork), tmp_path / "d.keras")
    assert list(tmp_path.iterdir()) == []


# What cannot be


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "d.h5"}, r"\.onnx for 'onnx'.*no suffix for 'saved_model'"),
        ({"format": "pickle"}, "'onnx', 'openvino', 'litert', 'keras', 'saved_model'"),
        ({"path": "d.xml", "format": "onnx"}, "ends in '.onnx'"),
        ({"precision": "int4"}, "'float32', 'float16', 'int8'"),
        ({"precision": "int8"}, "only 'float32'.*'int8' are 'onnx', 'openvino', 'litert'"),
        ({"n_channels": 3}, "fitted on images with 1"),
    ],
)
def test_what_is_asked_for_must_exist(tmp_path, options, message):
    path = tmp_path / options.pop("path", "d.keras")
    if "format" in options and path.suffix == ".keras":
        path = tmp_path / "d"
    with pytest.raises(ValueError, match=message):
        skdenoise.export(denoiser_of(patchwork), path, **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (lambda: denoiser_of("unet", sigma="auto"), r"set_params\(sigma=None\)"),
        (lambda: denoiser_of("unet", sigma=np.ones((1, 8, 8))), "sigma, an array, has"),
        (lambda: denoiser_of("unet", strength=0.5), r"set_params\(strength=1.0\)"),
        (lambda: denoiser_of("unet", n_augment=8), r"set_params\(n_augment=1\)"),
        (lambda: ZeroDCEEnhancer(weights="default", exposure=0.4), "exposure=None"),
        (lambda: ZeroDCEEnhancer(weights="default", smoothing=0.5), "smoothing=0.0"),
        (
            lambda: ZeroDCEEnhancer(
                weights="default", denoiser=AutoencoderDenoiser(weights="natural")
            ),
            "denoiser=None",
        ),
    ],
)
def test_parameters_that_no_graph_can_follow_are_refused(tmp_path, estimator, message):
    with pytest.raises(ValueError, match=message):
        skdenoise.export(estimator(), tmp_path / "d.keras")


def test_strength_has_no_part_in_a_graph_that_is_told_sigma(tmp_path):
    with pytest.raises(ValueError, match=r"set_params\(strength=1.0\)"):
        skdenoise.export(denoiser_of("unet", strength=2), tmp_path / "d.keras", sigma_input=True)


def test_a_noise_map_is_for_networks_that_have_one(tmp_path):
    with pytest.raises(ValueError, match="architecture='unet'"):
        skdenoise.export(denoiser_of("dncnn"), tmp_path / "d.keras", sigma_input=True)
    alone = denoiser_of("unet")
    alone.learning_ = "self-supervised"
    with pytest.raises(ValueError, match="learning_='self-supervised'"):
        skdenoise.export(alone, tmp_path / "d.keras", sigma_input=True)
    enhancer = ZeroDCEEnhancer(weights="default")
    with pytest.raises(ValueError, match="takes no sigma"):
        skdenoise.export(enhancer, tmp_path / "e.keras", sigma_input=True)
    with pytest.raises(ValueError, match="1 or 3"):
        skdenoise.export(enhancer, tmp_path / "e.keras", n_channels=2)
    gray = AutoencoderDenoiser(weights="procedural")
    with pytest.raises(ValueError, match="n_channels=1"):
        skdenoise.export(gray, tmp_path / "d.keras")


def test_other_estimators_are_refused(tmp_path):
    with pytest.raises(TypeError, match="pass the step itself"):
        skdenoise.export(skdenoise.NoiseInjector(), tmp_path / "n.keras")


def test_a_missing_package_is_named_with_its_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"onnxruntime and tf2onnx.*'skdenoise\[onnx\]'"):
        skdenoise.export(denoiser_of(patchwork), tmp_path / "d.onnx")


def test_a_missing_folder_is_said_before_anything_is_done(tmp_path):
    with pytest.raises(FileNotFoundError, match="Create it first"):
        skdenoise.export(denoiser_of(patchwork), tmp_path / "missing" / "d.keras")


def test_a_network_that_cannot_be_converted_is_said_with_other_formats(tmp_path):
    def exotic(n_channels):
        noisy = keras.Input((None, None, n_channels))
        return keras.Model(noisy, keras.ops.erfinv(noisy))

    denoiser = denoiser_of(exotic)
    with pytest.raises(ValueError, match=r"cannot be written as format='litert'.*'saved_model'"):
        skdenoise.export(denoiser, tmp_path / "d.tflite")
    assert list(tmp_path.iterdir()) == []


# On the command line


def test_weights_of_the_package_are_exported_by_name(tmp_path, capsys):
    path = tmp_path / "e.keras"
    assert main(["export", "default_dce++", "-o", str(path)]) == 0
    assert f"{path}: keras, float32" in capsys.readouterr().err
    X = images_of(3)
    wanted = ZeroDCEEnhancer("dce++", weights="default").transform(X)
    assert_allclose(keras.models.load_model(path)(X), wanted, atol=1e-5)


@pytest.mark.parametrize("card", skdenoise.model_cards(), ids=lambda card: card["name"])
def test_each_card_names_an_estimator_with_these_weights(card):
    estimator, n_channels = _model(argparse.Namespace(model=card["name"]))
    assert type(estimator).__name__ == card["estimator"]
    assert n_channels == card["n_channels"]
    given = estimator.get_params()
    assert all(given[name] == card[name] for name in ("architecture", "weights"))


def test_a_saved_model_is_exported_with_its_options(tmp_path, capsys):
    denoiser_of("unet", 3).save(tmp_path / "d.safetensors")
    out = tmp_path / "d.keras"
    command = ["export", str(tmp_path / "d.safetensors"), "-o", str(out), "--quiet"]
    assert main([*command, "--sigma-input"]) == 0
    assert len(keras.models.load_model(out).inputs) == 2
    assert main(command) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert main([*command, "--overwrite"]) == 0
    assert len(keras.models.load_model(out).inputs) == 1
    assert main([*command, "--overwrite", "--precision", "int8"]) == 1
    assert "'onnx', 'openvino', 'litert'" in capsys.readouterr().err


def test_a_model_that_does_not_exist_is_wrong_usage(tmp_path, capsys):
    with pytest.raises(SystemExit) as leaving:
        main(["export", "missing", "-o", str(tmp_path / "d.keras")])
    assert leaving.value.code == 2
    assert "natural_gray_small" in capsys.readouterr().err


def test_a_full_disk_is_said_to_be_full(tmp_path, monkeypatch):
    def failing(model, paths, examples):
        raise RuntimeError(f"save failed: {os.strerror(errno.ENOSPC)} [Op:SaveV2]")

    runtime = replace(_formats.RUNTIMES["keras"], write=failing)
    monkeypatch.setitem(_formats.RUNTIMES, "keras", runtime)
    with pytest.raises(OSError, match="No space left") as caught:
        skdenoise.export(denoiser_of(patchwork), tmp_path / "d.keras")
    assert caught.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []
