"""TIFF files of several pages: every page is read and written, and the dimensions keep meaning."""

import errno
from contextlib import contextmanager

import numpy as np
import pytest
import tifffile
from PIL import Image

from skdenoise._image_files import (
    ImageExistsError,
    ImageFileError,
    n_pages,
    read_image,
    read_pages,
    write_pages,
)
from skdenoise._image_files._tiff import is_simple_tiff


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 60000, (2, 3, 20, 24)).astype(np.uint16)


def darkened(path, source):
    write_pages(path, (page // 2 for page in read_pages(source)), source)


def test_an_image_is_a_stack_of_one_page(tmp_path):
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    Image.fromarray(image).save(tmp_path / "image.png")
    tifffile.imwrite(tmp_path / "image.tif", image)
    for name in ("image.png", "image.tif"):
        assert n_pages(tmp_path / name) == 1
        (page,) = read_pages(tmp_path / name)
        np.testing.assert_array_equal(page, image)
    assert n_pages(tmp_path / "missing.tif") == 1
    with pytest.raises(ImageFileError, match="no such file"):
        list(read_pages(tmp_path / "missing.tif"))


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate"])
@pytest.mark.parametrize("kind", ["gray", "color", "deep", "palette"])
def test_pages_are_read_as_the_images_that_they_are(tmp_path, kind, compression):
    rng = np.random.default_rng(0)
    shape = (4, 10, 12, 3) if kind in ("color", "palette") else (4, 10, 12)
    wanted = rng.integers(0, 256, shape).astype(np.uint16 if kind == "deep" else np.uint8)
    pages = [Image.fromarray(page) for page in wanted]
    if kind == "palette":
        pages = [page.quantize(256) for page in pages]
        wanted = [np.asarray(page.convert("RGB")) for page in pages]
    path = tmp_path / "stack.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:], compression=compression)
    assert n_pages(path) == 4
    found = list(read_pages(path))
    np.testing.assert_array_equal(found, wanted)
    assert found[0].flags.writeable
    with pytest.raises(ImageFileError, match=r"stack of 4 pages.*tifffile\.imread"):
        read_image(path)


def test_previews_are_no_pages(tmp_path, pixels):
    path = tmp_path / "pyramid.tif"
    with tifffile.TiffWriter(path) as tiff:
        for page in pixels[0]:
            tiff.write(page, metadata=None)
            tiff.write(page[::2, ::2], metadata=None, subfiletype=1)
    assert n_pages(path) == 3
    np.testing.assert_array_equal(list(read_pages(path)), pixels[0])


def test_pages_may_differ(tmp_path):
    pages = [np.full((5, 6), 100, np.uint8), np.full((7, 4, 3), 2000, np.uint16)]
    with tifffile.TiffWriter(tmp_path / "stack.tif") as tiff:
        for page, photometric in zip(pages, ("minisblack", "rgb"), strict=True):
            tiff.write(page, photometric=photometric, metadata=None)
    darkened(tmp_path / "dark.tif", tmp_path / "stack.tif")
    for page, found in zip(pages, read_pages(tmp_path / "dark.tif"), strict=True):
        assert found.dtype == page.dtype
        np.testing.assert_array_equal(found, page // 2)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_what_imagej_says_of_a_stack_is_kept(tmp_path, pixels, dtype):
    said = {
        "axes": "TZYX",
        "unit": "um",
        "spacing": 0.5,
        "finterval": 2.0,
        "Labels": list("abcdef"),
    }
    source, target = tmp_path / "stack.tif", tmp_path / "dark.tif"
    pixels = pixels.astype(dtype)
    tifffile.imwrite(source, pixels, imagej=True, resolution=(5, 4), metadata=said)
    darkened(target, source)
    with tifffile.TiffFile(source) as before, tifffile.TiffFile(target) as after:
        assert after.imagej_metadata == before.imagej_metadata
        assert after.pages[0].compression == 1
        assert after.series[0].axes == "TZYX"
        assert after.pages[0].resolution == (5, 4)
        np.testing.assert_array_equal(after.asarray(), pixels // 2)


@pytest.mark.parametrize(
    ("source", "axes"), [("in.ome.tif", "TCYX"), ("in.ome.tif", "CZYX"), ("in.tif", "TZYX")]
)
def test_ome_tiff_keeps_dimensions_and_the_size_of_pixels(tmp_path, pixels, source, axes):
    source, target = tmp_path / source, tmp_path / "out.ome.tif"
    is_ome = source.name.endswith(".ome.tif")
    size = {"PhysicalSizeX": 0.2, "PhysicalSizeXUnit": "µm"} if is_ome else {}
    tifffile.imwrite(source, pixels, ome=is_ome, imagej=not is_ome, metadata={"axes": axes, **size})
    darkened(target, source)
    with tifffile.TiffFile(target) as tiff:
        assert tiff.is_ome
        assert (tiff.series[0].axes, tiff.series[0].shape) == (axes, pixels.shape)
        assert ("PhysicalSizeX" in tiff.ome_metadata) == is_ome
        np.testing.assert_array_equal(tiff.asarray(), pixels // 2)


@pytest.mark.parametrize("planar", [False, True])
def test_a_stack_in_color_becomes_an_ome_tiff_of_times(tmp_path, planar):
    frames = np.random.default_rng(0).integers(0, 256, (4, 20, 24, 3)).astype(np.uint8)
    stored = np.moveaxis(frames, -1, 1) if planar else frames
    tifffile.imwrite(
        tmp_path / "in.tif",
        stored,
        photometric="rgb",
        planarconfig="separate" if planar else "contig",
    )
    darkened(tmp_path / "out.ome.tif", tmp_path / "in.tif")
    with tifffile.TiffFile(tmp_path / "out.ome.tif") as tiff:
        assert (tiff.series[0].axes, tiff.series[0].shape) == ("TYXS", frames.shape)
        np.testing.assert_array_equal(tiff.asarray(), frames // 2)


def test_a_damaged_page_is_named_and_nothing_is_written(tmp_path, pixels):
    source, target = tmp_path / "stack.tif", tmp_path / "dark.tif"
    tifffile.imwrite(source, pixels[0], compression="zlib", photometric="minisblack")
    with tifffile.TiffFile(source) as tiff:
        offset = tiff.pages[1].dataoffsets[0]
    content = bytearray(source.read_bytes())
    content[offset : offset + 20] = bytes(20)
    source.write_bytes(content)
    with pytest.raises(ImageFileError, match=r"stack\.tif': page 2 of 3"):
        darkened(target, source)
    assert [path.name for path in tmp_path.iterdir()] == ["stack.tif"]


@pytest.mark.parametrize(
    "how",
    [
        {"imagej": True, "truncate": True},
        {"truncate": True, "photometric": "minisblack"},
        {"volumetric": True, "tile": (16, 16, 16), "photometric": "minisblack"},
    ],
    ids=["imagej", "tifffile", "volume"],
)
def test_what_lies_behind_one_page_is_not_taken_for_one_image(tmp_path, pixels, how):
    path = tmp_path / "large.tif"
    tifffile.imwrite(path, pixels[0], **how)
    with pytest.raises(ImageFileError, match=r"stack of 3 images behind one page.*imread"):
        read_image(path)
    with pytest.raises(ImageFileError, match="behind one page"):
        list(read_pages(path))
    assert not is_simple_tiff(path)


@pytest.mark.parametrize("damage", ["cut", "elsewhere", "in a circle"])
def test_pages_that_cannot_be_found_are_told(tmp_path, pixels, damage):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, pixels[0], photometric="minisblack", metadata=None)
    with tifffile.TiffFile(path) as tiff:
        first, second = tiff.pages[0].offset, tiff.pages[1].offset
        n_tags = len(tiff.pages[0].tags)
    content = bytearray(path.read_bytes())
    following = first + 2 + 12 * n_tags
    assert int.from_bytes(content[following : following + 4], "little") == second
    wanted = {"cut": second, "elsewhere": 2**30, "in a circle": first}[damage]
    content[following : following + 4] = wanted.to_bytes(4, "little")
    path.write_bytes(content[:second] if damage == "cut" else content)
    with pytest.raises(ImageFileError, match="cut"):
        list(read_pages(path))


def test_pages_come_in_the_order_that_ome_tiff_gives_them(tmp_path, pixels):
    path = tmp_path / "in.ome.tif"
    tifffile.imwrite(path, pixels[0], metadata={"axes": "TYX"}, photometric="minisblack")
    with tifffile.TiffFile(path) as tiff:
        said = tiff.ome_metadata
    whole = '<TiffData IFD="0" PlaneCount="3"/>'
    assert said.count(whole) == 1, said
    parts = "".join(f'<TiffData IFD="{2 - i}" FirstT="{i}"/>' for i in range(3))
    said = said.replace(whole, parts).encode()
    tifffile.imwrite(path, pixels[0], description=said, metadata=None, photometric="minisblack")
    np.testing.assert_array_equal(tifffile.imread(path), pixels[0][::-1])
    darkened(tmp_path / "out.ome.tif", path)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.ome.tif"), pixels[0][::-1] // 2)


def test_gray_that_imagej_shows_in_colors_stays_gray(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (3, 10, 12)).astype(np.uint8)
    colors = np.random.default_rng(1).integers(0, 65536, (3, 256)).astype(np.uint16)
    tifffile.imwrite(
        tmp_path / "in.tif", image, imagej=True, colormap=colors, photometric="palette"
    )
    darkened(tmp_path / "out.tif", tmp_path / "in.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), image // 2)


def test_pages_that_are_turned_apart_are_told(tmp_path, pixels):
    path = tmp_path / "in.tif"
    tifffile.imwrite(path, pixels[0], imagej=True, byteorder="<")
    with tifffile.TiffFile(path) as tiff:
        tag = tiff.pages[1].tags["ResolutionUnit"]
    content = bytearray(path.read_bytes())
    # An orientation in place of a tag that says nothing there.
    content[tag.offset : tag.offset + 2] = (274).to_bytes(2, "little")
    content[tag.offset + 8] = 6
    path.write_bytes(content)
    with pytest.raises(ImageFileError, match=r"page 2 has shape \(24, 20\)"):
        darkened(tmp_path / "out.tif", path)
    assert not (tmp_path / "out.tif").exists()


def test_the_size_of_pages_is_checked(tmp_path, pixels):
    tifffile.imwrite(tmp_path / "stack.tif", pixels, photometric="minisblack")
    with pytest.raises(ImageFileError, match=r"page 1 of 6: it has 24 x 20 pixels.*--max-pixels"):
        list(read_pages(tmp_path / "stack.tif", max_pixels=100))


def test_nothing_is_overwritten_or_left_half_written(tmp_path, pixels, monkeypatch):
    source, target = tmp_path / "stack.tif", tmp_path / "dark.tif"
    tifffile.imwrite(source, pixels, photometric="minisblack")
    target.write_text("old")
    with pytest.raises(ImageExistsError, match="--overwrite"):
        darkened(target, source)
    with pytest.raises(ImageFileError, match=r"TIFF files alone.*dark\.tif"):
        darkened(tmp_path / "dark.png", source)

    @contextmanager
    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device")
        yield

    monkeypatch.setattr("skdenoise._image_files._stack.whole_file", full)
    with pytest.raises(ImageFileError, match=r"dark\.tif': No space left on device"):
        write_pages(target, read_pages(source), source, overwrite=True)
    assert target.read_text() == "old"
