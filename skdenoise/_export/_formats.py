"""What each format can hold and needs, and whether what is asked for can be had."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from skdenoise._choices import STORED_PRECISIONS


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


def format_of(path: Path, format: str) -> str:
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


def check_precision(name: str, precision: str) -> None:
    """Refuse a precision that the format has not."""
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


def check_installed(name: str) -> None:
    """Refuse a format whose packages are missing."""
    wanted = FORMATS[name].packages
    missing = [package for package in wanted if importlib.util.find_spec(package) is None]
    if missing:
        what = "tensorflow" if missing == ["tensorflow"] else f"'skdenoise[{name}]'"
        msg = (
            f"format={name!r} is written and checked with {' and '.join(missing)}. To install "
            f"it, type: pip install {what}"
        )
        raise ImportError(msg)


def check_target(path: Path, name: str, overwrite: bool) -> None:
    """Refuse a place that is taken, or that cannot be."""
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
