"""`export`: a fitted estimator as a file for another runtime, which is checked before it is kept.

What each format can hold is listed here; how it is written and run, `skdenoise._keras._formats`
knows.
"""

import copy
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdenoise import _keras
from skdenoise._choices import STORED_PRECISIONS
from skdenoise._containers import read_images
from skdenoise._denoiser import AutoencoderDenoiser
from skdenoise._enhancer import ZeroDCEEnhancer
from skdenoise._patches import image_statistics
from skdenoise._procedural import procedural_stack
from skdenoise._task import Task
from skdenoise._whole_file import take_places, whole_files
from skdenoise.metrics import psnr

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Format:
    """What a format can hold, and what it needs.

    Attributes
    ----------
    suffix : str
        Of its file; empty for a folder.
    precisions : tuple of str
        How weights may lie in it.
    packages : tuple of str
        Packages that write and check it, beside Keras.
    """

    suffix: str
    precisions: tuple[str, ...] = ("float32",)
    packages: tuple[str, ...] = ()


FORMATS = {
    "onnx": Format(".onnx", STORED_PRECISIONS, ("onnx", "onnxruntime", "tf2onnx")),
    "openvino": Format(".xml", STORED_PRECISIONS, ("openvino",)),
    "litert": Format(".tflite", STORED_PRECISIONS, ("tensorflow",)),
    "keras": Format(".keras"),
    "saved_model": Format("", packages=("tensorflow",)),
}

LARGEST_DIFFERENCE = 1e-3
"""Share of the range by which a pixel may differ in float32; more is no rounding error."""
CHECKED_SIZES = (64, 96), (61, 83), (50, 75)
"""Of the images on which a file is checked; hardly a network has a stride that divides them all."""
MEASURED_SIZE = 256, 256
"""Of the one on which it is compared with `transform`, which measures noise if there is enough."""
CHECKED_NOISE = 25 / 255
LEAST_NOTABLE = 0.0005
"""Decibels that are worth a word."""
N_EXAMPLES = 16
"""Images from which the ranges of numbers are learned for "int8", of sides `EXAMPLE_SIDE`."""
EXAMPLE_SIDE = 128
EXAMPLE_NOISE = 2 / 255, 60 / 255
DARKEST, BRIGHTEST = 0.05, 1.0
"""Exposures of the images for an enhancer."""


@dataclass(frozen=True)
class ExportReport:
    """What `export` has written, and how far it is from the estimator.

    Attributes
    ----------
    path : str
        The file or folder.
    format : str
        Its format.
    precision : str
        How its weights lie in it.
    inputs : tuple of str
        Names of what the graph takes.
    output : str
        Name of what it returns.
    n_channels : int
        Channels of the images.
    n_bytes : int
        Size of the file, or of the files together.
    n_bytes_float32 : int
        Size that it has in float32.
    largest_difference : float
        Of a pixel from what the network of the estimator makes of it, as a share of the range from
        black to white, on pictures of `procedural_images` of several sizes, with noise or too dark.
    mean_difference : float
        Mean absolute difference of the pixels.
    psnr_change : float or None
        By how many dB the PSNR of denoised images changes; None for an enhancer, which has no
        clean image to be compared with.
    psnr_of_transform : float or None
        By how many dB `transform` is better than the file: with weights of the package it also
        measures the noise, and tells the network. None as above.
    """

    path: str
    format: str
    precision: str
    inputs: tuple[str, ...]
    output: str
    n_channels: int
    n_bytes: int
    n_bytes_float32: int
    largest_difference: float
    mean_difference: float
    psnr_change: float | None
    psnr_of_transform: float | None

    def __str__(self) -> str:
        """Return three lines."""
        share = self.n_bytes / self.n_bytes_float32
        size = f"{self.n_bytes:,} bytes"
        if self.precision != "float32":
            size += f", {share:.2f} of those in float32"
        change = "" if self.psnr_change is None else f"; PSNR {self.psnr_change:+.3f} dB"
        if abs(self.psnr_of_transform or 0) >= LEAST_NOTABLE:
            change += f", and of transform, which measures the noise, {self.psnr_of_transform:+.3f}"
        return "\n".join(
            [
                f"{self.path}: {self.format}, {self.precision}, {size}",
                f"  {' and '.join(self.inputs)} -> {self.output}, "
                f"float32 (n_images, height, width, {self.n_channels})",
                f"  differs from the network by at most {self.largest_difference:.1e} of the "
                f"range, {self.mean_difference:.1e} on average{change}",
            ]
        )


@dataclass(frozen=True)
class _Exported:
    """An estimator as this module sees it.

    Attributes
    ----------
    graph : keras.Model
        From images to images.
    n_channels : int
        Of the images.
    reference : callable
        (image (H, W, C), sigma) -> what the graph should make of it.
    degraded : callable
        (clean image, rng, share in [0, 1]) -> an image to work on, and the sigma of its noise.
    transform : callable or None
        The same -> what a denoiser makes of it, whose result is to be like the clean image.
    """

    graph: Any
    n_channels: int
    reference: Callable[[np.ndarray, float], np.ndarray]
    degraded: Callable[[np.ndarray, np.random.Generator, float], tuple[np.ndarray, float]]
    transform: Callable[[np.ndarray, float], np.ndarray] | None = None

    @property
    def input_names(self) -> tuple[str, ...]:
        """What the graph takes."""
        return tuple(image.name for image in self.graph.inputs)

    def inputs(self, image: np.ndarray, sigma: float) -> Arrays:
        """Return the inputs of the graph for one image."""
        arrays = {self.input_names[0]: image[None]}
        if len(self.input_names) == 2:
            arrays["sigma"] = np.full((1, 1, 1, 1), sigma, np.float32)
        return arrays


def export(
    estimator: AutoencoderDenoiser | ZeroDCEEnhancer,
    path: str | os.PathLike[str],
    *,
    format: str = "auto",
    precision: str = "float32",
    sigma_input: bool = False,
    n_channels: int | None = None,
    overwrite: bool = False,
) -> ExportReport:
    """Write an estimator as a file that is used without this package.

    The file takes float32 images of shape (n_images, height, width, n_channels), of any height
    and width, and returns the like. White is 1: divide integers by the largest value of their
    dtype, 255 for uint8, and multiply what comes out; floats are taken as they are. Images are
    normalized, padded and cut inside the file.

    Before the file is kept, it is run on a few images and compared with the estimator.

    Parameters
    ----------
    estimator : AutoencoderDenoiser or ZeroDCEEnhancer
        A fitted one, or one with weights of the package.
    path : str or path-like
        The file, such as ``"denoiser.onnx"``. "openvino" writes a second one beside it, with the
        suffix .bin; "saved_model" is a folder.
    format : {"auto", "onnx", "openvino", "litert", "keras", "saved_model"}, default="auto"
        For ONNX Runtime, OpenVINO, LiteRT (TensorFlow Lite), plain Keras or TensorFlow. "auto"
        goes by the suffix of `path`: .onnx, .xml, .tflite, .keras, or none for "saved_model".
    precision : {"float32", "float16", "int8"}, default="float32"
        How weights are stored, for "onnx", "openvino" and "litert". "float16" halves the file
        and still computes in float32. "int8" makes it a quarter and computes convolutions in
        eight bits; their ranges are learned from noisy `procedural_images` ("litert" finds them
        while it runs).
    sigma_input : bool, default=False
        Whether the file has a second input, ``sigma``, for networks with a noise map ("unet"):
        the standard deviation of the noise in the units of the images, of shape (1, 1, 1, 1),
        (n_images, 1, 1, 1) or (n_images, height, width, 1), 0 where unknown. Otherwise the
        network is blind.
    n_channels : int, default=None
        Channels of the images, where the estimator takes any since it uses weights of the
        package: 1 or 3. None means 3, or as many as it was fitted on.
    overwrite : bool, default=False
        Whether to replace what exists.

    Returns
    -------
    ExportReport
        Size, differences from the estimator, and the change in dB. It prints as a few lines.

    Raises
    ------
    FileExistsError
        Where `path` exists.
    ImportError
        Where a package that writes or runs the format is missing.
    RuntimeError
        Where the file does not compute what the estimator does. Nothing is kept then.
    ValueError
        Where a format does not have the precision, the network cannot be converted, or the
        estimator does what no graph can do: estimate `sigma`, average orientations, reach an
        `exposure`, or call a `denoiser`.

    Notes
    -----
    Weights of the package *restrain* themselves in `transform`: of an image with hardly any noise
    less is removed. And white noise is measured and told: give the file a `sigma_input` for that.
    These are decisions about a whole image and not part of the file; neither are tiles, so that
    memory grows with the image, about 1 kB per pixel.

    OpenVINO computes in bfloat16 on processors that are quick at it, which differs by a thousandth
    of the range or two. For the pixels that were checked, compile the model with
    ``{"INFERENCE_PRECISION_HINT": "f32"}``.

    Examples
    --------
    >>> import tempfile
    >>> import skdenoise
    >>> denoiser = skdenoise.AutoencoderDenoiser(weights="natural")
    >>> report = skdenoise.export(denoiser, f"{tempfile.mkdtemp()}/denoiser.keras", n_channels=1)
    >>> report.inputs, report.output
    (('noisy',), 'denoised')
    >>> report.largest_difference < 1e-4
    True
    """
    target = Path(path)
    name = _format_of(target, format)
    _check_precision(name, precision)
    _check_installed(name)
    _check_target(target, name, overwrite)
    exported = _exported(estimator, sigma_input, n_channels)

    # Beside the place, behind links, so that what is complete can be moved there.
    with tempfile.TemporaryDirectory(
        prefix=".", suffix=".part", dir=target.resolve().parent, ignore_cleanup_errors=True
    ) as folder:
        # In float32 as well, to compare sizes.
        file_name = target.with_suffix(FORMATS[name].suffix).name  # writers want lower case
        paths = {kind: Path(folder, kind, file_name) for kind in ("float32", precision)}
        for written in paths.values():
            written.parent.mkdir(exist_ok=True)
        _keras.write_exported(name, exported.graph, paths, lambda: _examples(exported))
        written = paths[precision]
        n_bytes, n_bytes_float32 = map(_n_bytes, (written.parent, paths["float32"].parent))
        largest, mean, psnr_change, psnr_of_transform = _differences(
            exported, _keras.read_exported(name, written)
        )
        wrong = precision == "float32" and largest > LARGEST_DIFFERENCE
        if wrong or not np.isfinite(largest):
            msg = (
                f"The file as format={name!r} does not compute what the estimator does: it differs "
                f"by {largest:.3g} of the range. Nothing was kept; try another format."
            )
            raise RuntimeError(msg)
        _check_target(target, name, overwrite)  # somebody else may have been faster
        _move(written, target)
    return ExportReport(
        path=os.fspath(path),
        format=name,
        precision=precision,
        inputs=exported.input_names,
        output=exported.graph.output_names[0],
        n_channels=exported.n_channels,
        n_bytes=n_bytes,
        n_bytes_float32=n_bytes_float32,
        largest_difference=largest,
        mean_difference=mean,
        psnr_change=psnr_change,
        psnr_of_transform=psnr_of_transform,
    )


# What is asked for


def _format_of(path: Path, format: str) -> str:
    """Return the name of the format, which the suffix of the path must fit."""
    suffixes = ", ".join(
        f"{known.suffix or 'no suffix'} for {name!r}" for name, known in FORMATS.items()
    )
    if format == "auto":
        for name, known in FORMATS.items():
            if known.suffix == path.suffix.lower():
                return name
        msg = f"No format has the suffix of {str(path)!r}. Choose {suffixes}; or say format=..."
        raise ValueError(msg)
    if format not in FORMATS:
        names = ", ".join(map(repr, FORMATS))
        raise ValueError(f"format must be 'auto' or one of {names}. Got {format!r}.")
    suffix = FORMATS[format].suffix
    if suffix and path.suffix.lower() != suffix:
        msg = f"A file for format={format!r} ends in {suffix!r}. Got {str(path)!r}."
        raise ValueError(msg)
    return format


def _check_precision(name: str, precision: str) -> None:
    if precision in FORMATS[name].precisions:
        return
    if precision not in STORED_PRECISIONS:
        wanted = ", ".join(map(repr, STORED_PRECISIONS))
        raise ValueError(f"precision must be one of {wanted}. Got {precision!r}.")
    have = ", ".join(
        repr(other) for other, known in FORMATS.items() if precision in known.precisions
    )
    msg = (
        f"format={name!r} has no precision={precision!r}, only "
        f"{', '.join(map(repr, FORMATS[name].precisions))}. Formats with {precision!r} are {have}."
    )
    raise ValueError(msg)


def _check_installed(name: str) -> None:
    wanted = FORMATS[name].packages
    missing = [package for package in wanted if importlib.util.find_spec(package) is None]
    if missing:
        what = "tensorflow" if missing == ["tensorflow"] else f"'skdenoise[{name}]'"
        msg = (
            f"format={name!r} is written and checked with {' and '.join(missing)}. To install "
            f"it, type: pip install {what}"
        )
        raise ImportError(msg)


def _check_target(path: Path, name: str, overwrite: bool) -> None:
    if not path.parent.is_dir():
        raise FileNotFoundError(f"The folder {str(path.parent)!r} does not exist. Create it first.")
    beside = [path.with_suffix(".bin")] if name == "openvino" else []
    there = [file for file in [path, *beside] if file.exists()]
    if not there:
        return
    if not overwrite:
        msg = f"{str(there[0])!r} exists. Choose another name, or set overwrite=True."
        raise FileExistsError(msg)
    if name == "saved_model" and not (path / "saved_model.pb").is_file():
        msg = f"{str(path)!r} exists, and is no SavedModel that could be replaced."
        raise FileExistsError(msg)
    folders = [file for file in there if not file.is_file()]
    if name != "saved_model" and folders:
        raise FileExistsError(f"{str(folders[0])!r} exists, and is no file that could be replaced.")


# What is exported


def _exported(estimator: Any, sigma_input: bool, n_channels: int | None) -> _Exported:
    if not isinstance(estimator, AutoencoderDenoiser | ZeroDCEEnhancer):
        msg = (
            f"estimator must be an AutoencoderDenoiser or a ZeroDCEEnhancer. Got "
            f"{type(estimator).__name__}; of a pipeline or a search, pass the step itself."
        )
        raise TypeError(msg)
    check_is_fitted(estimator)
    estimator._check_parameters()
    fitted = getattr(estimator, "n_channels_in_", None)
    if fitted is None and n_channels not in (None, 1, 3):
        raise ValueError(f"n_channels must be 1 or 3 for weights of the package. Got {n_channels}.")
    if fitted is not None and n_channels not in (None, fitted):
        msg = f"n_channels={n_channels}, but the estimator was fitted on images with {fitted}."
        raise ValueError(msg)
    n_channels = fitted or n_channels or 3
    # The file computes as exactly as its own precision says, and so must what it is compared with.
    estimator = copy.copy(estimator).set_params(precision="float32")
    if isinstance(estimator, ZeroDCEEnhancer):
        if sigma_input:
            raise ValueError("sigma_input=True is for denoisers; an enhancer takes no sigma.")
        return _exported_enhancer(estimator, n_channels)
    return _exported_denoiser(estimator, n_channels, sigma_input)


def _refuse(estimator: Any, wanted: dict[str, Any]) -> None:
    """Refuse parameters that a graph cannot follow."""
    for name, value in wanted.items():
        given = getattr(estimator, name)
        if given is not value and given != value:
            msg = (
                f"{name}={given!r} has no part in an exported graph. Pass "
                f"copy.copy(estimator).set_params({name}={value!r})."
            )
            raise ValueError(msg)


def _exported_denoiser(
    denoiser: AutoencoderDenoiser, n_channels: int, sigma_input: bool
) -> _Exported:
    if isinstance(denoiser.sigma, np.ndarray | list | tuple):
        denoiser.sigma = "auto"  # which is refused, too, and shorter
    if not sigma_input:
        _refuse(denoiser, {"sigma": None})
    _refuse(denoiser, {"strength": 1.0, "n_augment": 1})
    at_once, network, weights, _ = denoiser._network_for(n_channels)
    if at_once != n_channels:
        msg = (
            f"There are no weights={denoiser.weights!r} for {n_channels} channels. Pass "
            f"n_channels={at_once}, and export one channel at a time."
        )
        raise ValueError(msg)
    if sigma_input and not network.steerable:
        msg = (
            f"sigma_input=True needs a network with a noise map, such as architecture='unet'; this "
            f"is {denoiser.architecture!r}."
        )
        raise ValueError(msg)
    normalized = denoiser._normalizes
    graph = _keras.denoising_graph(network, weights, normalized=normalized, sigma_input=sigma_input)

    def reference(image: np.ndarray, sigma: float) -> np.ndarray:
        mean, gain = image_statistics(image) if normalized else (0.0, 1.0)
        return next(_keras.predict(network, weights, [Task(image, mean, gain, sigma)]))

    def degraded(
        clean: np.ndarray, rng: np.random.Generator, share: float
    ) -> tuple[np.ndarray, float]:
        low, high = EXAMPLE_NOISE
        sigma = CHECKED_NOISE if share < 0 else low + share * (high - low)
        noisy = clean + sigma * rng.standard_normal(clean.shape)
        return noisy.astype(np.float32), sigma if sigma_input else 0.0

    def transform(image: np.ndarray, sigma: float) -> np.ndarray:
        told = denoiser._with(sigma=sigma or None)
        return next(iter(told._transform_images(read_images([image]))))

    return _Exported(graph, n_channels, reference, degraded, transform)


def _exported_enhancer(enhancer: ZeroDCEEnhancer, n_channels: int) -> _Exported:
    _refuse(enhancer, {"exposure": None, "denoiser": None, "smoothing": 0.0})
    graph = _keras.enhancing_graph(
        enhancer._network(),
        enhancer._weights(),
        n_channels=n_channels,
        reduction=enhancer._reduction,
        strength=float(enhancer.strength),
        locality=float(enhancer.locality),
        bending=enhancer._bending,
    )

    def reference(image: np.ndarray, sigma: float) -> np.ndarray:
        return next(iter(enhancer._transform_images(read_images([image]))))

    def degraded(
        clean: np.ndarray, rng: np.random.Generator, share: float
    ) -> tuple[np.ndarray, float]:
        exposure = 0.2 if share < 0 else DARKEST + share * (BRIGHTEST - DARKEST)
        return (exposure * clean).astype(np.float32), 0.0

    return _Exported(graph, n_channels, reference, degraded)


# How it is checked


def _clean(n_images: int, shape: tuple[int, int], n_channels: int, seed: int) -> np.ndarray:
    """Return images in [0, 1], the same ones every time."""
    return procedural_stack(n_images, shape, n_channels, seed).astype(np.float32) / 255


def _examples(exported: _Exported) -> list[Arrays]:
    rng = np.random.default_rng(0)
    clean = _clean(N_EXAMPLES, (EXAMPLE_SIDE, EXAMPLE_SIDE), exported.n_channels, seed=0)
    arrays = []
    for index, image in enumerate(clean):
        degraded, sigma = exported.degraded(image, rng, index / (N_EXAMPLES - 1))
        # A network with a noise map is used with and without.
        arrays.append(exported.inputs(degraded, sigma if index % 2 else 0.0))
    return arrays


def _differences(
    exported: _Exported, run: Callable[[Arrays], np.ndarray]
) -> tuple[float, float, float | None, float | None]:
    """Return the largest and the mean difference, the change in dB, and that to `transform`."""
    rng = np.random.default_rng(1)
    largest, total, n_values, changes = 0.0, 0.0, 0, []
    for seed, shape in enumerate(CHECKED_SIZES, start=1):
        clean = _clean(1, shape, exported.n_channels, seed)[0]
        image, sigma = exported.degraded(clean, rng, -1)
        wanted = exported.reference(image, sigma)
        found = run(exported.inputs(image, sigma))[0]
        if found.shape != wanted.shape or not np.isfinite(found).all():
            return np.inf, np.inf, None, None
        difference = np.abs(found - wanted)
        largest = max(largest, float(difference.max()))
        total += float(difference.sum(dtype=np.float64))
        n_values += difference.size
        changes.append(_change(clean, wanted, found))
    mean = total / n_values
    if exported.transform is None:
        return largest, mean, None, None
    clean = _clean(1, MEASURED_SIZE, exported.n_channels, seed=0)[0]
    image, sigma = exported.degraded(clean, rng, -1)
    found = run(exported.inputs(image, sigma))[0]
    of_transform = _change(clean, found, exported.transform(image, sigma))
    return largest, mean, float(np.mean(changes)), of_transform


def _change(clean: np.ndarray, before: np.ndarray, after: np.ndarray) -> float:
    """Return by how many dB the PSNR is higher afterwards."""
    first, second = (
        float(psnr(clean[None], image[None], data_range=1.0)) for image in (before, after)
    )
    return second - first


# Where it goes


def _n_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _move(written: Path, target: Path) -> None:
    """Give complete files their names, all of them or none."""
    if written.is_dir():
        take_places({written: target.resolve()})
        return
    # What describes the others comes last.
    others = [path for path in written.parent.iterdir() if path != written]
    places = [*(target.with_name(other.name) for other in others), target]
    with whole_files(places) as files:
        for source, file in zip([*others, written], files, strict=True):
            with source.open("rb") as complete:
                shutil.copyfileobj(complete, file)
