"""Writing an estimator as a file, which is compared with it before it is kept."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from skdenoise import _keras
from skdenoise._denoiser import AutoencoderDenoiser
from skdenoise._enhancer import ZeroDCEEnhancer
from skdenoise._export._checking import differences, examples
from skdenoise._export._exported import exported_from
from skdenoise._export._formats import (
    FORMATS,
    check_installed,
    check_precision,
    check_target,
    format_of,
)
from skdenoise._export._report import ExportReport
from skdenoise._whole_file import hidden_beside, take_places, whole_files

LARGEST_DIFFERENCE = 1e-3
"""Share of the range by which a pixel may differ in float32; more is no rounding error."""


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
    name = format_of(target, format)
    check_precision(name, precision)
    check_installed(name)
    check_target(target, name, overwrite)
    exported = exported_from(estimator, sigma_input, n_channels)

    # Beside the place, behind links, so that what is complete can be moved there.
    with _new_folder(hidden_beside(target.resolve())) as folder:
        # In float32 as well, to compare sizes.
        file_name = target.with_suffix(FORMATS[name].suffix).name  # writers want lower case
        paths = {kind: folder / kind / file_name for kind in ("float32", precision)}
        for written in paths.values():
            written.parent.mkdir(exist_ok=True)
        _keras.write_exported(name, exported.graph, paths, lambda: examples(exported))
        written = paths[precision]
        n_bytes, n_bytes_float32 = map(_n_bytes, (written.parent, paths["float32"].parent))
        largest, mean, psnr_change, psnr_of_transform = differences(
            exported, _keras.read_exported(name, written)
        )
        wrong = precision == "float32" and largest > LARGEST_DIFFERENCE
        if wrong or not np.isfinite(largest):
            msg = (
                f"The file as format={name!r} does not compute what the estimator does: it differs "
                f"by {largest:.3g} of the range. Nothing was kept; try another format."
            )
            raise RuntimeError(msg)
        check_target(target, name, overwrite)  # somebody else may have been faster
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


@contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    """Make a folder for a while, in which others may read what stays; tempfile's is private."""
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


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
