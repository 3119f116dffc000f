"""What can be typed: the commands, and the options that each has."""

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

from skdenoise._choices import (
    DENOISED,
    FORMAT_NAMES,
    KINDS,
    ORIENTATIONS,
    SHIPPED_SIZES,
    SIZES,
    STORED_PRECISIONS,
)
from skdenoise._cli._messages import Messages
from skdenoise._cli._options import (
    add_bounds,
    add_colors,
    add_common,
    add_engine,
    add_files,
    add_inputs,
    add_limits,
    add_output,
    file_path,
    inner_share,
    not_negative,
    positive,
    positive_integer,
    seed,
    share,
    sigma_or_auto,
)
from skdenoise.networks._table import CURVE_NETWORKS, NETWORKS

TIME_BUDGET = 60.0
"""Seconds for learning from the noisy images themselves."""

EPOCHS = 50
"""Passes over the images that a model is trained on."""


def make_parser() -> argparse.ArgumentParser:
    """Describe the commands and their options."""
    parser = argparse.ArgumentParser(
        prog="skdenoise",
        description="Remove noise from images, and brighten dark ones, with neural networks.",
        epilog="Exit codes: 0 all went well, 1 something failed (the rest was done), 2 wrong "
        "arguments, 130 interrupted (Ctrl-C, SIGTERM). Documentation of all options of the "
        "networks and noise models: help(skdenoise.AutoencoderDenoiser), "
        "help(skdenoise.ZeroDCEEnhancer), help(skdenoise.NoiseInjector).",
    )
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_denoise(commands)
    _add_enhance(commands)
    _add_train(commands)
    _add_pretrain(commands)
    _add_export(commands)
    _add_models(commands)
    _add_benchmark(commands)
    return parser


def _add_denoise(commands: Any) -> None:
    parser = commands.add_parser(
        "denoise",
        help="remove noise from images",
        description="Remove noise from images of any size: PNG, JPEG, TIFF, BMP, WebP, PGM and "
        "PPM, with 8 or 16 bits (TIFF: floats, too), gray or in color; zarr arrays. Size, bit "
        "depth and alpha stay as they are, and so do color profile, resolution and EXIF where "
        "the format of the result has them (see the guide); other metadata go. A TIFF file of "
        "several pages is denoised page by page, and becomes one again. Large ones of one page "
        "(of more than 67 million pixels) and zarr arrays are read and written part by part, so "
        "they may be larger than memory, and than --max-pixels; an output named .ome.tif or .zarr "
        "becomes one.",
        epilog="The network has learned from photographs with noise of all kinds and strengths, "
        "and sees for itself how strong the noise is. A --model for gray images works on color "
        "images channel by channel; a model for color images works on three copies of a gray image "
        "and takes their mean.",
    )
    parser.set_defaults(run=_command("denoise"), wrong_usage=parser.error)
    add_files(parser)
    parser.add_argument(
        "--model", type=file_path, help="a file from 'skdenoise train', instead of the --weights"
    )
    parser.add_argument(
        "--weights",
        choices=KINDS,
        help="weights of this package, see 'skdenoise models' (default: natural)",
    )
    parser.add_argument(
        "--size",
        choices=SHIPPED_SIZES,
        help="of the network with these weights: small is a little worse, and up to four times as "
        "fast (default: the best that they come in, base for natural ones)",
    )
    parser.add_argument(
        "--augment",
        type=int,
        choices=ORIENTATIONS,
        help="denoise in so many orientations and take the mean: a little better, and so many "
        "times slower (default: 1)",
    )
    parser.add_argument(
        "--adapt",
        action="store_true",
        help="let the network learn from the noisy images themselves, and use what it learned if "
        "it is of use; for noise or images of an unusual kind",
    )
    parser.add_argument(
        "--sigma",
        type=sigma_or_auto,
        help="standard deviation of the noise, or 'auto' to estimate it, for "
        "networks that take it (unet): in gray levels of 0-255, also for 16 bits; in their own "
        "units for floats; default: the network sees for itself",
    )
    parser.add_argument(
        "--strength",
        type=not_negative,
        help="how much of the noise is removed: 0.5 takes half as much away, 2 makes the network "
        "believe that the noise is twice as strong (unet; default: 1)",
    )
    add_engine(parser)
    add_common(
        parser,
        epochs="with --adapt: how often every image is looked at (default: as often as "
        "--time-budget allows)",
        time_budget="with --adapt: at most so many seconds for learning (default: "
        f"{TIME_BUDGET:g}; no limit with --epochs)",
    )


def _add_enhance(commands: Any) -> None:
    parser = commands.add_parser(
        "enhance",
        help="brighten dark photographs",
        description="Brighten dark photographs of any size: PNG, JPEG, TIFF, BMP, WebP, PGM and "
        "PPM, with 8 or 16 bits (TIFF: floats in [0, 1], too), gray or in color; zarr arrays. "
        "What stays as it is, and what goes, is as with denoise. Large TIFF files and zarr "
        "arrays are read and written part by part, as by denoise, except with --frames.",
        epilog="The network draws a curve for every pixel, and the curves make the image brighter "
        "where it is dark. What is not said about them is as the model has it.",
    )
    parser.set_defaults(run=_command("enhance"), wrong_usage=parser.error)
    add_files(parser)
    parser.add_argument(
        "--model", type=file_path, help="a file of your own, instead of the weights of this package"
    )
    parser.add_argument(
        "--architecture",
        choices=CURVE_NETWORKS,
        help="the network of this package; dce++ is much faster (default: dce)",
    )
    parser.add_argument(
        "--exposure",
        type=inner_share,
        help="mean brightness up to which an image is brightened, between 0 and 1, for example 0.4 "
        "(default: as the network sees fit)",
    )
    parser.add_argument(
        "--strength",
        type=not_negative,
        help="multiplies the curves: 0 changes nothing, 1 is usual",
    )
    parser.add_argument(
        "--locality",
        type=share,
        metavar="SHARE",
        help="how much curves differ between the places of an image: 0 keeps all contrasts, 1 "
        "brings most to light in shadows, and flattens (default: 0.5)",
    )
    parser.add_argument(
        "--iterations",
        type=positive_integer,
        metavar="N",
        help="how often curves are applied (default: 8)",
    )
    parser.add_argument(
        "--keep-hue",
        action=argparse.BooleanOptionalAction,
        help="brighten all channels of a pixel by the same factor, so that its hue stays",
    )
    parser.add_argument(
        "--protect-highlights",
        type=share,
        metavar="SHARE",
        help="how much weaker the curves are in highlights, from 0 to 1, so that lamps and skies "
        "keep their structure (default: 0)",
    )
    parser.add_argument(
        "--denoise",
        action="store_true",
        help="remove the noise, which brightening would amplify, with the weights of this package, "
        "of size small",
    )
    parser.add_argument(
        "--denoise-order",
        choices=DENOISED,
        help="with --denoise: before brightening, or after it (default: before)",
    )
    parser.add_argument(
        "--frames",
        action="store_true",
        help="the images, and the pages of TIFF files, are frames of one sequence, in the order in "
        "which they are given, or of their names in a folder: curves and brightness change "
        "smoothly from frame to frame; all frames are in memory at once",
    )
    add_engine(parser)
    add_bounds(parser)


def _add_train(commands: Any) -> None:
    parser = commands.add_parser(
        "train",
        help="train a model on clean images",
        description="Train a network to remove noise that is added to clean images, anew at every "
        "step, and save it as one file without any code in it when all is done: 'skdenoise "
        "pretrain' is for trainings that may be interrupted.",
    )
    parser.set_defaults(run=_command("train"), wrong_usage=parser.error, trains=True)
    add_inputs(parser, "+", "FOLDER", "folders of clean images, and files")
    add_output(parser, "MODEL", "the file to write, for example model.safetensors")
    noise = parser.add_mutually_exclusive_group()
    noise.add_argument(
        "--sigma",
        nargs="+",
        type=not_negative,
        metavar="SIGMA",
        help="standard deviation of Gaussian noise in gray levels of 0-255, also for 16 bits: one "
        "number, or two for a strength that is drawn between them for each patch (default: 0 50)",
    )
    noise.add_argument(
        "--noise",
        metavar="NAME",
        help="another noise of the catalog, for example poisson; an unknown one lists them all",
    )
    parser.add_argument(
        "--noise-factor",
        type=not_negative,
        metavar="FACTOR",
        help="how strong the noise NAME is, on images in [0, 1] (default: 0.1)",
    )
    parser.add_argument(
        "--architecture",
        choices=NETWORKS,
        default="unet",
        help="the network (default: unet)",
    )
    parser.add_argument(
        "--size",
        choices=SIZES,
        help="how large a unet is: nano for a look, base for the best quality (default: small)",
    )
    add_colors(parser, "train for")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    add_common(
        parser,
        epochs=f"how often every image is looked at (default: {EPOCHS}; as often as --time-budget "
        "allows where it is given)",
        time_budget="at most so many seconds for training, start-up not counted (default: no "
        "limit)",
    )


def _add_pretrain(commands: Any) -> None:
    parser = commands.add_parser(
        "pretrain",
        help="train weights for all kinds of noise, for hours, with interruptions",
        description="Train a unet for all kinds and strengths of noise (the noise 'universal'), "
        "as the weights were trained that come with this package. Checkpoints and a log of the "
        "PSNR are kept in a folder beside the weights; the same command goes on where it was "
        "interrupted. With more --steps it goes on, too, within the first fifth of them; later, "
        "it goes back to the checkpoint from before the learning rate fell, and the weights stay "
        "as they are until more steps are done than they have behind them.",
    )
    parser.set_defaults(run=_command("pretrain"), wrong_usage=parser.error, trains=True)
    add_inputs(parser, "*", "FOLDER", "folders of clean 8-bit images")
    parser.add_argument(
        "--procedural",
        type=positive_integer,
        default=0,
        metavar="N",
        help="learn from so many images computed from random numbers, with or without FOLDERs",
    )
    add_output(parser, "WEIGHTS", "such as weights.safetensors")
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace an existing file, and begin anew where there are checkpoints",
    )
    parser.add_argument(
        "--color", action="store_true", help="for color images; gray ones are left out"
    )
    parser.add_argument(
        "--size",
        choices=SIZES,
        default="small",
        help="how large the unet is (default: small)",
    )
    parser.add_argument(
        "--start",
        type=file_path,
        metavar="MODEL",
        help="weights to begin with; may be gray ones for --color, or of half the width",
    )
    parser.add_argument(
        "--steps", type=positive_integer, metavar="N", default=40_000, help="default: 40000"
    )
    parser.add_argument(
        "--learning-rate", type=positive, metavar="RATE", default=1e-3, help="default: 0.001"
    )
    add_limits(parser, "at most so many seconds of training in this run (default: no limit)")
    parser.add_argument("--seed", type=seed, metavar="N", default=0, help="default: 0")


def _add_export(commands: Any) -> None:
    parser = commands.add_parser(
        "export",
        help="write a model for ONNX Runtime, OpenVINO, LiteRT, Keras or TensorFlow",
        description="Write a model as a file that is used without skdenoise, run it on a few "
        "images, and say how far it is from the model. It takes float32 images of any size, of "
        "shape (n_images, height, width, n_channels), in which white is 1.",
    )
    parser.set_defaults(run=_command("export"), wrong_usage=parser.error)
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a file from 'skdenoise train', or the name of weights of this package, see "
        "'skdenoise models'",
    )
    add_output(
        parser,
        "OUT",
        "the file to write; its suffix chooses the format: .onnx, .xml (OpenVINO), .tflite "
        "(LiteRT), .keras, or none for the folder of a TensorFlow SavedModel",
    )
    parser.add_argument(
        "--format",
        choices=FORMAT_NAMES,
        default="auto",
        help="the format, if the suffix is not to choose it",
    )
    parser.add_argument(
        "--precision",
        choices=STORED_PRECISIONS,
        default="float32",
        help="how weights are stored: float16 makes the file half as large, int8 a quarter, and "
        "computes in 8 bits (default: float32)",
    )
    parser.add_argument(
        "--sigma-input",
        action="store_true",
        help="give the file a second input for the strength of the noise, where the network takes "
        "it (unet)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace what exists")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")


def _add_models(commands: Any) -> None:
    parser = commands.add_parser(
        "models",
        help="describe the weights that come with this package",
        description="Print the model cards of the weights that come with this package: what they "
        "are for, what they were made of, how, and how good they are.",
    )
    parser.add_argument("--json", action="store_true", help="print them as JSON")
    parser.set_defaults(run=_command("models"), quiet=False)


def _add_benchmark(commands: Any) -> None:
    parser = commands.add_parser(
        "benchmark",
        help="compare denoisers on clean images, or on noisy and clean ones",
        description="Add white noise to clean 8-bit images, let several methods remove it, and "
        "write what they made of it: OUT/table.md, OUT/results.json, and OUT/index.html with "
        "pictures. Noise and measures are those of the papers, see docs/quality.md.",
        epilog="Methods: ours, ours-base and ours-best (the weights of this package: size small, "
        "size base, and size base in eight orientations), gaussian, tv, wavelet and nlm "
        "(scikit-image), opencv, bm3d (for non-commercial use). Those of other packages come with "
        "pip install 'skdenoise[compare]', and are told the true sigma; ours see for themselves.",
    )
    parser.set_defaults(run=_command("benchmark"), wrong_usage=parser.error)
    parser.add_argument("folder", type=file_path, metavar="FOLDER", help="a folder of images")
    parser.add_argument(
        "-o", "--output", required=True, type=file_path, metavar="OUT", help="the folder to write"
    )
    noise = parser.add_mutually_exclusive_group()
    noise.add_argument(
        "--sigmas",
        nargs="+",
        type=positive,
        default=[15.0, 25.0, 50.0],
        metavar="SIGMA",
        help="standard deviations of the noise in gray levels of 0-255 (default: 15 25 50)",
    )
    noise.add_argument(
        "--pairs",
        nargs=2,
        metavar=("NOISY", "CLEAN"),
        help="add no noise: FOLDER holds noisy images and clean ones, and their paths differ in "
        "these words, for example _real _mean, or noisy/ clean/",
    )
    parser.add_argument(
        "--methods",
        nargs="+",
        metavar="METHOD",
        help="what is compared, see below (default: all that are installed)",
    )
    parser.add_argument(
        "--model",
        nargs="+",
        type=file_path,
        default=[],
        metavar="FILE",
        help="files from 'skdenoise train' or 'pretrain', in place of the weights of this package",
    )
    add_colors(parser, "measure")
    parser.add_argument(
        "--max-images", type=positive_integer, metavar="N", help="only the first so many images"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the files in OUT")
    add_bounds(parser)


def _command(name: str) -> Callable[[argparse.Namespace, Messages], None]:
    """Return a command, whose module is imported when it runs."""

    def run(args: argparse.Namespace, say: Messages) -> None:
        getattr(importlib.import_module(f"skdenoise._cli._{name}"), name)(args, say)

    return run


class _Version(argparse.Action):
    """Print the version, which is looked up only then."""

    def __init__(self, option_strings: Sequence[str], dest: str, **options: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version and leave")

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """Print and leave."""
        from skdenoise import __version__

        sys.stdout.write(f"skdenoise {__version__}\n")
        parser.exit()
