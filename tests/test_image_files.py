"""Laws of image files: what a person sees comes in, and goes out whole and undiminished."""

import io
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from skdenoise._image_files import (
    ImageExistsError,
    ImageFileError,
    Notes,
    check_writable,
    list_images,
    read_image,
    read_notes,
    write_image,
)
from skdenoise._image_files._writing import WRITERS

CHANNELS = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def draw(dtype, n_channels, size=(7, 5), seed=0):
    """Make an image of noise, without a channel axis if it is gray."""
    rng = np.random.default_rng(seed)
    shape = size if n_channels == 1 else (*size, n_channels)
    if np.dtype(dtype).kind == "f":
        return rng.normal(size=shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype, endpoint=True)


def save(path, image, *args, **options):
    """Write a file as other programs do."""
    Image.fromarray(image).save(path, *args, **options)
    return path


def png_chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def deep_png(image, *, interlaced=False, extra=b""):
    """Encode a 16-bit PNG by hand, its rows with the filters "none" and "up" in turn."""
    height, width = image.shape[:2]
    n_channels = 1 if image.ndim == 2 else image.shape[2]
    color_type = {1: 0, 2: 4, 3: 2, 4: 6}[n_channels]
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)]
    data = b""
    for top, left, down, right in [*passes, (1, 0, 2, 1)] if interlaced else [(0, 0, 1, 1)]:
        part = image[top::down, left::right]
        above = np.zeros(part[:1].nbytes, np.uint8)
        for index, row in enumerate(part if part.size else ()):
            raw = np.frombuffer(row.astype(">u2").tobytes(), np.uint8)
            data += b"\2" + (raw - above).tobytes() if index % 2 else b"\0" + raw.tobytes()
            above = raw
    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, interlaced)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + extra
        + png_chunk(b"IDAT", zlib.compress(data)[:20])
        + png_chunk(b"IDAT", zlib.compress(data)[20:])
        + png_chunk(b"IEND", b"")
    )


def tiff(strip, size, compression, *, photometric=2, n_samples=3, bits=16, extra=None, order="<"):
    """Put one compressed strip into a TIFF file by hand."""
    height, width = size
    body = strip + bytes(len(strip) % 2)
    tags = [
        (256, [width]),
        (257, [height]),
        (258, [bits] * n_samples),
        (259, [compression]),
        (262, [photometric]),
        (273, [8]),
        (277, [n_samples]),
        (278, [height]),
        (279, [len(strip)]),
        *([] if extra is None else [(338, [extra])]),
    ]
    beyond = 8 + len(body) + 2 + 12 * len(tags) + 4
    entries = values = b""
    for tag, numbers in tags:
        raw = struct.pack(f"{order}{len(numbers)}I", *numbers)
        if len(numbers) > 1:
            place, values = struct.pack(f"{order}I", beyond + len(values)), values + raw
        else:
            place = raw
        entries += struct.pack(f"{order}HHI", tag, 4, len(numbers)) + place
    start = struct.pack(f"{order}HI", 42, 8 + len(body))
    count = struct.pack(f"{order}H", len(tags))
    mark = b"II" if order == "<" else b"MM"
    return mark + start + body + count + entries + bytes(4) + values


def squeeze(image, compression):
    """Compress the bytes of a 16-bit image as libtiff does."""
    flat = np.ascontiguousarray(image).reshape(len(image), -1)
    file = io.BytesIO()
    Image.fromarray(flat).save(file, "TIFF", compression=compression)
    with tifffile.TiffFile(io.BytesIO(file.getvalue())) as written:
        page = written.pages[0]
        assert len(page.dataoffsets) == 1
        start, count = page.dataoffsets[0], page.databytecounts[0]
        return file.getvalue()[start : start + count], int(page.compression)


# What is written is read again


@pytest.mark.parametrize(
    ("suffix", "dtype", "n_channels"),
    [
        (suffix, dtype, n_channels)
        for suffix, writer in WRITERS.items()
        for dtype in sorted(writer.dtypes)
        for n_channels in sorted(writer.n_channels)
        if suffix not in (".jpg", ".jpeg", ".tiff")
    ],
)
def test_every_format_gives_back_what_it_holds(tmp_path, suffix, dtype, n_channels):
    image = draw(dtype, n_channels)
    write_image(tmp_path / f"image{suffix}", image)
    again = read_image(tmp_path / f"image{suffix}")
    assert again.dtype == image.dtype
    np.testing.assert_array_equal(again, image)
    assert again.flags.c_contiguous
    assert again.flags.writeable


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG"])
@pytest.mark.parametrize("n_channels", [1, 3])
def test_jpeg_keeps_smooth_images(tmp_path, suffix, n_channels):
    image = np.repeat(np.linspace(40, 200, 32 * 32).reshape(32, 32, 1), n_channels, axis=-1)
    write_image(tmp_path / f"image{suffix}", image.astype(np.uint8))
    again = read_image(tmp_path / f"image{suffix}")
    assert again.shape == ((32, 32) if n_channels == 1 else (32, 32, 3))
    assert np.abs(again - np.squeeze(image)).max() < 4


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    image=hnp.arrays(
        np.uint16,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=9).flatmap(
            lambda size: st.sampled_from([size, (*size, 2), (*size, 3), (*size, 4)])
        ),
    )
)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_of_any_size_come_back(tmp_path, suffix, image):
    write_image(tmp_path / f"image{suffix}", image, overwrite=True)
    np.testing.assert_array_equal(read_image(tmp_path / f"image{suffix}"), image)


def test_other_programs_read_deep_png_files(tmp_path):
    image = draw(np.uint16, 3)
    write_image(tmp_path / "image.png", image)
    with Image.open(tmp_path / "image.png") as opened:
        opened.verify()
    with Image.open(tmp_path / "image.png") as opened:
        np.testing.assert_array_equal(np.asarray(opened), image >> 8)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_an_axis_of_one_channel_is_left_out(tmp_path, suffix):
    write_image(tmp_path / f"image{suffix}", np.zeros((8, 8, 1), np.uint8))
    assert read_image(tmp_path / f"image{suffix}").shape == (8, 8)


def test_views_are_written_as_they_look_and_stay_as_they_were(tmp_path):
    image = draw(np.uint16, 3).swapaxes(0, 1)[::-1]
    before = image.copy()
    for name in ("image.png", "image.tif", "image.ppm"):
        write_image(tmp_path / name, image)
        np.testing.assert_array_equal(read_image(tmp_path / name), before)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_color_profiles_are_kept(tmp_path, suffix, dtype):
    if dtype().dtype.name not in WRITERS[suffix].dtypes:
        dtype = np.uint8
    profile = b"not really a profile " * 9
    write_image(tmp_path / f"image{suffix}", draw(dtype, 3), notes=Notes(profile))
    assert read_notes(tmp_path / f"image{suffix}").color_profile == profile
    read_image(tmp_path / f"image{suffix}")


@pytest.mark.parametrize("suffix", list(WRITERS))
def test_images_without_a_color_profile_have_none(tmp_path, suffix):
    n_channels = max(WRITERS[suffix].n_channels - {2, 4})
    write_image(tmp_path / f"image{suffix}", draw(np.uint8, n_channels))
    assert read_notes(tmp_path / f"image{suffix}").color_profile is None


KEEPS_DPI = [".png", ".jpg", ".tif", ".bmp"]
KEEPS_EXIF = [".png", ".jpg", ".webp"]


@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [
        (suffix, dtype)
        for suffix, writer in WRITERS.items()
        for dtype in (np.uint8, np.uint16)
        if writer.holds(np.dtype(dtype), 3)
    ],
)
def test_formats_keep_the_notes_that_they_have_a_place_for(tmp_path, suffix, dtype):
    exif = Image.Exif()
    exif[271], exif[34853] = "a camera", {1: "N"}
    notes = Notes(dpi=(300, 150), exif=exif.tobytes())
    write_image(tmp_path / f"image{suffix}", draw(dtype, 3), notes=notes)
    found = read_notes(tmp_path / f"image{suffix}")
    if suffix.replace("jpeg", "jpg").replace("tiff", "tif") in KEEPS_DPI:
        np.testing.assert_allclose(found.dpi, (300, 150), rtol=1e-3)
    else:
        assert found.dpi is None
    assert (found.exif is not None) == (suffix.replace("jpeg", "jpg") in KEEPS_EXIF)
    if found.exif is not None:
        with Image.open(tmp_path / f"image{suffix}") as image:
            assert image.getexif()[271] == "a camera"
            assert image.getexif().get_ifd(34853) == {1: "N"}


@pytest.mark.parametrize("suffix", KEEPS_EXIF)
def test_notes_are_of_the_image_that_stands_upright(tmp_path, suffix):
    exif = Image.Exif()
    exif[274] = 6  # turned by a quarter
    exif[34665] = {40962: 48, 40963: 32, 33434: 0.5}
    save(tmp_path / f"image{suffix}", draw(np.uint8, 3), exif=exif, dpi=(300, 150))
    notes = read_notes(tmp_path / f"image{suffix}")
    found = Image.Exif()
    found.load(notes.exif)
    assert found[274] == 1
    assert found.get_ifd(34665) == {33434: 0.5}
    assert notes.dpi is None or notes.dpi[0] < notes.dpi[1]


@pytest.mark.parametrize("unit", ["CENTIMETER", "INCH", "NONE"])
def test_the_resolution_of_a_tiff_file_has_a_unit(tmp_path, unit):
    options = {"resolution": (100, 50), "resolutionunit": unit}
    tifffile.imwrite(tmp_path / "image.tif", draw(np.uint8, 1), **options)
    found = read_notes(tmp_path / "image.tif").dpi
    wanted = {"CENTIMETER": (254, 127), "INCH": (100, 50), "NONE": None}[unit]
    assert found == (None if wanted is None else pytest.approx(wanted))


def test_notes_that_a_photograph_cannot_hold_are_left_out(tmp_path):
    exif = Image.Exif()
    exif[37500] = bytes(70_000)
    notes = Notes(dpi=(254_000, 254_000), exif=exif.tobytes())
    write_image(tmp_path / "image.jpg", draw(np.uint8, 3), notes=notes)
    assert read_notes(tmp_path / "image.jpg") == Notes()


def test_damaged_notes_do_not_keep_an_image_from_being_read(tmp_path):
    exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\xff\xff"
    write_image(tmp_path / "image.jpg", draw(np.uint8, 3), notes=Notes(exif=exif))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow says so
        assert read_notes(tmp_path / "image.jpg").exif is None
        assert read_image(tmp_path / "image.jpg").shape == (7, 5, 3)


# What a person sees


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_photographs_stand_upright(tmp_path, suffix, orientation):
    from PIL import ImageOps

    stored = np.zeros((32, 48, 3), np.uint8)
    stored[:8, :16], stored[24:, :16] = (250, 10, 10), (10, 250, 10)
    exif = Image.Exif()
    exif[274] = orientation
    lossless = {"lossless": True} if suffix == ".webp" else {}
    path = save(tmp_path / f"image{suffix}", stored, exif=exif, **lossless)
    seen = read_image(path)
    reference = Image.fromarray(stored)
    reference.getexif()[274] = orientation
    upright = np.asarray(ImageOps.exif_transpose(reference))
    assert seen.shape == upright.shape
    assert np.abs(seen.astype(int) - upright).mean() < 3
    # Written again, it is upright as it is: no note turns it a second time.
    write_image(tmp_path / f"again{suffix}", seen)
    with Image.open(tmp_path / f"again{suffix}") as again:
        assert again.getexif().get(274, 1) == 1


def test_compressed_tiff_files_stand_upright_too(tmp_path):
    stored = draw(np.uint8, 3)
    exif = Image.Exif()
    exif[274] = 6
    path = save(tmp_path / "image.tif", stored, exif=exif, compression="tiff_lzw")
    np.testing.assert_array_equal(read_image(path), np.rot90(stored, -1))


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("n_channels", [1, 2, 3, 4])
def test_sixteen_bit_png_files_keep_sixteen_bits(tmp_path, n_channels, interlaced):
    image = draw(np.uint16, n_channels, size=(11, 13))
    (tmp_path / "image.png").write_bytes(deep_png(image, interlaced=interlaced))
    seen = read_image(tmp_path / "image.png")
    assert seen.dtype == np.uint16
    np.testing.assert_array_equal(seen, image)


@pytest.mark.parametrize("n_channels", [1, 3])
def test_the_transparent_color_of_a_deep_png_becomes_alpha(tmp_path, n_channels):
    image = draw(np.uint16, n_channels)
    key = png_chunk(b"tRNS", np.atleast_1d(image[2, 3]).astype(">u2").tobytes())
    (tmp_path / "image.png").write_bytes(deep_png(image, extra=key))
    seen = read_image(tmp_path / "image.png")
    np.testing.assert_array_equal(seen[..., :-1], np.atleast_3d(image))
    alpha = np.full((7, 5), 65535)
    alpha[2, 3] = 0
    np.testing.assert_array_equal(seen[..., -1], alpha)


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate"])
@pytest.mark.parametrize(("n_samples", "extra"), [(3, None), (4, 0), (4, 2)])
@pytest.mark.parametrize("order", ["<", ">"])
def test_sixteen_bit_tiff_files_keep_sixteen_bits(tmp_path, compression, n_samples, extra, order):
    image = draw(np.uint16, n_samples)
    strip, code = squeeze(image if order == "<" else image.byteswap(), compression)
    file = tiff(strip, image.shape[:2], code, n_samples=n_samples, extra=extra, order=order)
    (tmp_path / "image.tif").write_bytes(file)
    seen = read_image(tmp_path / "image.tif")
    assert seen.dtype == np.uint16
    np.testing.assert_array_equal(seen, image)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colors_that_were_multiplied_with_opacity_are_divided(tmp_path, compression, dtype):
    white = np.iinfo(dtype).max
    straight = draw(dtype, 4)
    straight[0, :, 3], straight[1, :, 3] = 0, white
    multiplied = straight.copy()
    opacity = straight[..., 3:] / white
    multiplied[..., :3] = np.rint(straight[..., :3] * opacity)
    strip, code = squeeze(multiplied, compression)
    bits = 8 * straight.itemsize
    file = tiff(strip, (7, 5), code, n_samples=4, bits=bits, extra=1)
    (tmp_path / "image.tif").write_bytes(file)
    seen = read_image(tmp_path / "image.tif").astype(float)
    assert (seen[0, :, :3] == 0).all()
    np.testing.assert_array_equal(seen[1], straight[1])
    np.testing.assert_array_equal(seen[..., 3], straight[..., 3])
    assert np.abs(seen[..., :3] * opacity - multiplied[..., :3]).max() <= 1


@pytest.mark.parametrize("n_samples", [2, 4])
def test_floats_that_were_multiplied_with_opacity_are_divided(tmp_path, n_samples):
    straight = np.random.default_rng(0).uniform(0.2, 3, (7, 5, n_samples))
    multiplied = straight.copy()
    multiplied[..., :-1] *= straight[..., -1:]
    options = {"planarconfig": "contig", "extrasamples": ["assocalpha"]}
    photometric = "rgb" if n_samples == 4 else "minisblack"
    tifffile.imwrite(tmp_path / "image.tif", multiplied, photometric=photometric, **options)
    np.testing.assert_allclose(read_image(tmp_path / "image.tif"), straight)


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate"])
@pytest.mark.parametrize("extra", [None, 0, 2])
def test_one_sample_beyond_the_colors_is_opacity(tmp_path, extra, compression):
    image = draw(np.uint8, 4)
    strip, code = squeeze(image, compression)
    (tmp_path / "image.tif").write_bytes(
        tiff(strip, (7, 5), code, n_samples=4, bits=8, extra=extra)
    )
    np.testing.assert_array_equal(read_image(tmp_path / "image.tif"), image)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize(
    ("photometric", "n_samples"),
    [("minisblack", 2), ("minisblack", 4), ("minisblack", 5), ("rgb", 5), ("separated", 5)],
)
def test_channels_that_are_no_color_are_refused(tmp_path, photometric, n_samples, planar):
    image = np.random.default_rng(0).integers(256, size=(7, 5, n_samples)).astype(np.uint8)
    stored = image if planar == "contig" else np.moveaxis(image, -1, 0)
    options = {"photometric": photometric, "planarconfig": planar}
    n_colors = {"minisblack": 1, "rgb": 3, "separated": 4}[photometric]
    extra = ["unspecified"] * (n_samples - n_colors)
    tifffile.imwrite(tmp_path / "image.tif", stored, extrasamples=extra, **options)
    with pytest.raises(ImageFileError, match=f"it has {n_samples} channels") as caught:
        read_image(tmp_path / "image.tif")
    # What it says to type makes images of them.
    typed = str(caught.value).partition("such as ")[2].removesuffix(".")
    first = str(tmp_path / "channel0.tif")
    eval(
        typed.replace("channel0.tif", first), {"tifffile": tifffile, "name": tmp_path / "image.tif"}
    )
    np.testing.assert_array_equal(read_image(first), image[..., 0])


def test_three_channels_are_three_whatever_they_are_called(tmp_path):
    image = draw(np.uint8, 3)
    options = {"photometric": "minisblack", "planarconfig": "contig"}
    tifffile.imwrite(tmp_path / "image.tif", image, **options)
    np.testing.assert_array_equal(read_image(tmp_path / "image.tif"), image)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate"])
def test_white_that_is_zero_is_white(tmp_path, compression):
    image = draw(np.uint16, 1)
    strip, code = squeeze(image, compression)
    file = tiff(strip, image.shape, code, photometric=0, n_samples=1)
    (tmp_path / "image.tif").write_bytes(file)
    np.testing.assert_array_equal(read_image(tmp_path / "image.tif"), 65535 - image)


@pytest.mark.parametrize(
    ("dtype", "n_channels", "options"),
    [
        (np.uint8, 3, {"planarconfig": "separate"}),
        (np.float32, 3, {"planarconfig": "separate", "compression": "zlib"}),
        (np.uint16, 3, {"byteorder": ">"}),
        (np.float64, 1, {"byteorder": ">"}),
        (np.uint16, 3, {"tile": (16, 16), "compression": "zlib"}),
        (np.uint16, 1, {"rowsperstrip": 2, "compression": "zlib", "predictor": True}),
        (np.int16, 1, {"bigtiff": True}),
        (np.uint8, 1, {"imagej": True}),
        (np.uint8, 3, {"ome": True}),
    ],
)
def test_tiff_files_of_all_layouts_are_read(tmp_path, dtype, n_channels, options):
    image = draw(dtype, n_channels, size=(37, 21))
    stored = np.moveaxis(image, -1, 0) if "planarconfig" in options else image
    photometric = "rgb" if n_channels == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "image.tif", stored, photometric=photometric, **options)
    seen = read_image(tmp_path / "image.tif")
    assert seen.dtype == image.dtype
    np.testing.assert_array_equal(seen, image)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_palettes_become_colors(tmp_path, suffix):
    colors = Image.fromarray(draw(np.uint8, 3)).quantize(8)
    colors.save(tmp_path / f"image{suffix}")
    seen = read_image(tmp_path / f"image{suffix}")
    np.testing.assert_array_equal(seen, np.asarray(colors.convert("RGB")))


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_a_transparent_color_becomes_alpha(tmp_path, mode):
    image = Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6)).convert(mode)
    key = image.getpixel((2, 1))
    image.save(tmp_path / "image.png", transparency=key)
    seen = read_image(tmp_path / "image.png")
    assert seen.shape == (4, 6, 2 if mode == "L" else 4)
    transparent = np.argwhere(seen[..., -1] == 0)
    np.testing.assert_array_equal(transparent, [[1, 2]])


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_black_and_white_fills_eight_bits(tmp_path, suffix):
    image = np.eye(9, dtype=bool)
    save(tmp_path / f"image{suffix}", image)
    np.testing.assert_array_equal(read_image(tmp_path / f"image{suffix}"), image * np.uint8(255))


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_printing_colors_are_converted(tmp_path, suffix):
    cmyk = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    cmyk.save(tmp_path / f"image{suffix}", icc_profile=b"a profile of inks")
    seen = read_image(tmp_path / f"image{suffix}")
    assert seen.shape == (8, 8, 3)
    assert np.abs(seen - np.array([255.0, 0, 0])).max() < 4
    assert read_notes(tmp_path / f"image{suffix}").color_profile is None


def test_sixteen_bits_are_never_cut_in_silence(tmp_path):
    strip, code = squeeze(draw(np.uint16, 4), "tiff_lzw")
    (tmp_path / "image.tif").write_bytes(tiff(strip, (7, 5), code, photometric=5, n_samples=4))
    with pytest.raises(ImageFileError, match="CMYK"):
        read_image(tmp_path / "image.tif")


def test_the_first_image_of_a_phone_photograph_is_read(tmp_path):
    first, second = (Image.fromarray(draw(np.uint8, 3, seed=seed)) for seed in (0, 1))
    first.save(tmp_path / "image.jpg", "MPO", save_all=True, append_images=[second])
    assert read_image(tmp_path / "image.jpg").shape == (7, 5, 3)


def test_previews_in_a_tiff_file_are_passed_over(tmp_path):
    image = draw(np.uint16, 1)
    with tifffile.TiffWriter(tmp_path / "image.tif") as file:
        file.write(image)
        file.write(image[::2, ::2], subfiletype=1)
    np.testing.assert_array_equal(read_image(tmp_path / "image.tif"), image)


@pytest.mark.parametrize(
    ("header", "scale"),
    [
        (b"P5 3 1 255\n", 1),
        (b"P5\n# made by hand\n3\t1\n# brightest\n255\n", 1),
        (b"P5 3 1 85 ", 3),
    ],
)
def test_the_largest_value_of_a_pgm_file_is_white(tmp_path, header, scale):
    (tmp_path / "image.pgm").write_bytes(header + bytes([0, 40, 85]))
    seen = read_image(tmp_path / "image.pgm")
    assert seen.dtype == np.uint8
    np.testing.assert_array_equal(seen, [[0, 40 * scale, 85 * scale]])


def test_twelve_bits_of_a_pgm_file_fill_sixteen(tmp_path):
    values = np.array([0, 1, 2048, 4095])
    (tmp_path / "image.pgm").write_bytes(b"P5 4 1 4095\n" + values.astype(">u2").tobytes())
    seen = read_image(tmp_path / "image.pgm")
    np.testing.assert_array_equal(seen, np.rint(values * 65535 / 4095)[None])


def test_the_content_counts_and_not_the_name(tmp_path):
    image = draw(np.uint8, 3)
    save(tmp_path / "image.jpg", image, "PNG")
    np.testing.assert_array_equal(read_image(tmp_path / "image.jpg"), image)


# What is no image


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ImageFileError, match=r"missing\.png.*no such file"):
        read_image(tmp_path / "missing.png")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ImageFileError, match=r": (Is a directory|Permission denied)\.$"):
        read_image(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageFileError, match="plain file"):
        read_image(tmp_path / "pipe.png")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"hello", "none of PNG"),
        (b"GIF89a", "none of PNG"),
        (b"P5 0 3 255\n", "0 x 3 pixels"),
        (b"P5 3 3 0\n123456789", "largest value is 0"),
        (b"P5 3 3 70000\n123456789", "largest value is 70000"),
        (b"P5 3 3\n", "header"),
        (b"P5 2 1 7\n\1\11", "values above 7"),
        (b"P6 2 1 255\n12345", "cut"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    (tmp_path / "image.png").write_bytes(content)
    with pytest.raises(ImageFileError, match=message):
        read_image(tmp_path / "image.png")


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_animations_are_refused(tmp_path, suffix):
    frames = [Image.fromarray(draw(np.uint8, 3, seed=seed)) for seed in range(3)]
    frames[0].save(tmp_path / f"image{suffix}", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageFileError, match="animation of 3 frames"):
        read_image(tmp_path / f"image{suffix}")


def test_stacks_are_refused_with_the_way_to_read_them(tmp_path):
    tifffile.imwrite(
        tmp_path / "stack.tif", np.zeros((3, 8, 8), np.uint8), photometric="minisblack"
    )
    with pytest.raises(ImageFileError, match=r"stack of 3 pages.*tifffile\.imread"):
        read_image(tmp_path / "stack.tif")


@pytest.mark.parametrize("suffix", list(WRITERS))
def test_the_pixel_budget_is_checked(tmp_path, suffix):
    n_channels = max(WRITERS[suffix].n_channels - {2, 4})
    path = tmp_path / f"image{suffix}"
    write_image(path, draw(np.uint8, n_channels, size=(10, 20)))
    assert read_image(path, max_pixels=200).shape[:2] == (10, 20)
    with pytest.raises(ImageFileError, match=r"20 x 10 pixels, at most 199 .*--max-pixels"):
        read_image(path, max_pixels=199)


def test_the_pixel_budget_is_checked_before_anything_is_decoded(tmp_path):
    flat = zlib.compress(bytes(1000))
    header = struct.pack(">IIBBBBB", 2**20, 2**20, 8, 2, 0, 0, 0)
    parts = [png_chunk(b"IHDR", header), png_chunk(b"IDAT", flat), png_chunk(b"IEND", b"")]
    (tmp_path / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    (tmp_path / "image.tif").write_bytes(tiff(flat, (2**20, 2**20), 8))
    (tmp_path / "image.ppm").write_bytes(b"P6 1048576 1048576 255\n")
    for name in ("image.png", "image.tif", "image.ppm"):
        with pytest.raises(ImageFileError, match="1048576 x 1048576 pixels"):
            read_image(tmp_path / name)


def test_a_part_of_a_tiff_file_that_inflates_beyond_its_size_is_refused(tmp_path):
    bomb = zlib.compress(bytes(2**24))
    (tmp_path / "image.tif").write_bytes(tiff(bomb, (7, 5), 8))
    with pytest.raises(ImageFileError, match="larger than it may be"):
        read_image(tmp_path / "image.tif")


def assert_harmless(path, raw, image):
    """A file that was damaged is refused with the one error, or is read as some image."""
    path.write_bytes(raw)
    try:
        seen = read_image(path, max_pixels=10_000)
    except ImageFileError:
        return None
    assert seen.ndim in (2, 3)
    assert seen.shape[0] * seen.shape[1] <= 10_000
    return seen


SAMPLES = [
    (".png", np.uint8, 3),
    (".png", np.uint16, 3),
    (".jpg", np.uint8, 3),
    (".tif", np.uint16, 3),
    (".tif", np.float32, 1),
    (".bmp", np.uint8, 1),
    (".webp", np.uint8, 4),
    (".ppm", np.uint16, 3),
]


@pytest.mark.parametrize(("suffix", "dtype", "n_channels"), SAMPLES)
def test_a_file_that_was_cut_is_never_half_read(tmp_path, suffix, dtype, n_channels):
    path = tmp_path / f"image{suffix}"
    write_image(path, draw(dtype, n_channels))
    raw, image = path.read_bytes(), read_image(path)
    refused = 0
    for length in range(len(raw)):
        seen = assert_harmless(path, raw[:length], image)
        refused += seen is None
        if seen is not None:  # only what comes after the pixels is missing
            np.testing.assert_array_equal(seen, image)
    assert refused > 0.8 * len(raw)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "jpeg", "packbits", "group4"])
def test_damaged_tiff_files_of_other_kinds_raise_the_one_error(tmp_path, compression):
    image = draw(np.uint8, 3, size=(16, 16))
    path = tmp_path / "image.tif"
    save(path, image[..., 0] > 99 if compression == "group4" else image, compression=compression)
    assert read_image(path).shape[:2] == (16, 16)
    mutate(path, image, 150)


@pytest.mark.parametrize(("suffix", "dtype", "n_channels"), SAMPLES)
def test_damaged_files_raise_the_one_error(tmp_path, suffix, dtype, n_channels):
    path = tmp_path / f"image{suffix}"
    image = draw(dtype, n_channels)
    write_image(path, image, notes=Notes(b"profile"))
    mutate(path, image, 250)


def mutate(path, image, n_mutations):
    """Change a few bytes of a file, again and again, more often those at its beginning."""
    raw = np.frombuffer(path.read_bytes(), np.uint8)
    rng = np.random.default_rng(0)
    for index in range(n_mutations):
        mutated = raw.copy()
        end = raw.size if index % 2 else min(200, raw.size)
        where = rng.integers(end, size=rng.integers(1, 4))
        mutated[where] = rng.integers(256, size=where.size)
        assert_harmless(path, mutated.tobytes(), image)


# A file is written whole or not at all


def test_an_existing_file_is_not_overwritten_unless_told(tmp_path):
    path = tmp_path / "image.png"
    write_image(path, np.zeros((2, 2), np.uint8))
    with pytest.raises(ImageExistsError, match="exists") as caught:
        write_image(path, np.ones((2, 2), np.uint8))
    assert isinstance(caught.value, FileExistsError)
    assert isinstance(caught.value, ImageFileError)
    assert read_image(path).max() == 0
    write_image(path, np.ones((2, 2), np.uint8), overwrite=True)
    assert read_image(path).max() == 1


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path, monkeypatch):
    path = tmp_path / "image.ppm"

    def slow(file, pixels, profile):
        path.write_bytes(b"somebody else's")

    monkeypatch.setitem(WRITERS, ".ppm", WRITERS[".ppm"]._replace(encode=slow))
    with pytest.raises(ImageExistsError):
        write_image(path, np.zeros((2, 2, 3), np.uint8))
    assert path.read_bytes() == b"somebody else's"
    assert os.listdir(tmp_path) == ["image.ppm"]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"image{suffix}"
    write_image(path, np.zeros((8, 8), np.uint8))
    before = path.read_bytes()

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("skdenoise._whole_file.os.fsync", full_disk)
    with pytest.raises(ImageFileError, match="No space left"):
        write_image(path, np.ones((8, 8), np.uint8), overwrite=True)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize(
    ("name", "image", "message"),
    [
        ("a.jpg", np.zeros((2, 2), np.uint16), r"uint16 gray images, \.png \.tif \.pgm files can"),
        ("a.png", np.zeros((2, 2, 3), np.float32), r"float32 RGB images, \.tif files can"),
        ("a.jpg", np.zeros((2, 2, 4), np.uint8), r"RGB and alpha images, \.png \.tif \.webp"),
        ("a.webp", np.zeros((2, 2), np.uint8), r"uint8 gray images, \.png"),
        ("a.tif", np.zeros((2, 2, 5), np.uint8), "5-channel images, and neither can any other"),
        ("a.tif", np.zeros((2, 2), bool), "bool gray images, and neither"),
        ("a.tif", np.zeros((2, 2), complex), "complex128"),
        ("a.png", np.zeros((2, 2, 2, 2), np.uint8), r"\(2, 2, 2, 2\)"),
        ("a.png", np.zeros((0, 2), np.uint8), r"\(0, 2\)"),
        ("a.png", np.uint8(3), r"\(\)"),
        ("a.gif", np.zeros((2, 2), np.uint8), r"suffix of the name.*\.png"),
        ("a", np.zeros((2, 2), np.uint8), "suffix of the name"),
        ("no/a.png", np.zeros((2, 2), np.uint8), "does not exist"),
        ("no/a.tif", np.zeros((2, 2), np.uint8), "does not exist"),
    ],
)
def test_an_image_that_a_format_cannot_hold_is_refused(tmp_path, name, image, message):
    with pytest.raises(ImageFileError, match=message):
        write_image(tmp_path / name, image)
    assert os.listdir(tmp_path) == []


def test_a_format_with_a_limit_on_sizes_says_so(tmp_path):
    with pytest.raises(ImageFileError, match="Cannot write"):
        write_image(tmp_path / "image.webp", np.zeros((1, 16400, 3), np.uint8))
    assert os.listdir(tmp_path) == []


def test_what_cannot_be_written_is_known_before_the_work(tmp_path):
    check_writable(tmp_path / "image.png", np.empty((2, 2, 3), np.uint16))
    check_writable(tmp_path / "image.png")
    with pytest.raises(ImageFileError, match="float32"):
        check_writable(tmp_path / "image.png", np.empty((2, 2, 3), np.float32))
    (tmp_path / "image.png").touch()
    with pytest.raises(ImageExistsError):
        check_writable(tmp_path / "image.png")
    check_writable(tmp_path / "image.png", overwrite=True)


# Folders


@pytest.fixture
def folder(tmp_path):
    for name in ("b.png", "a.JPG", "notes.txt", "sub/c.tiff", ".hidden.png", ".git/d.png", "e"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "photos"


def test_the_images_of_a_folder_are_listed_in_order(folder):
    listed = list_images(folder)
    assert [image.relative.as_posix() for image in listed] == ["a.JPG", "b.png", "sub/c.tiff"]
    assert all(image.path == folder / image.relative for image in listed)


def test_files_are_listed_whatever_their_names_and_each_once(folder):
    listed = list_images([folder / "e", folder / "b.png", str(folder)])
    assert [str(image.relative) for image in listed[:2]] == ["e", "b.png"]
    assert len(listed) == 4


def test_a_folder_without_images_is_an_error_that_says_what_an_image_is(folder):
    (folder / "empty").mkdir()
    with pytest.raises(ImageFileError, match=r"empty.*holds no image.*\.png"):
        list_images([folder, folder / "empty"])


def test_a_missing_path_is_named(folder):
    with pytest.raises(ImageFileError, match="nowhere"):
        list_images([folder, Path("nowhere")])
