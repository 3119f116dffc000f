"""Files larger than memory: what is read and written part by part is what is written at once."""

import contextlib
import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal

from skdenoise import AutoencoderDenoiser, ZeroDCEEnhancer, _tiling
from skdenoise._cli import main
from skdenoise._image_files import (
    ImageFileError,
    _creating,
    _streaming,
    created,
    opened,
    read_image,
    read_notes,
    write_image,
)
from skdenoise._large import _filling, _target
from skdenoise._large._journal import Journal

zarr = pytest.importorskip("zarr")


def pixels(*shape, dtype="uint8"):
    return np.random.default_rng(0).integers(256, size=shape).astype(dtype)


LAYOUTS = {
    "strips": {"rowsperstrip": 7},
    "deflated strips": {"rowsperstrip": 7, "compression": "zlib", "predictor": True},
    "tiles": {"tile": (32, 48)},
    "deflated tiles": {"tile": (32, 48), "compression": "zlib"},
    "big-endian": {"tile": (32, 48), "byteorder": ">"},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(101, 90), (101, 90, 3)], ids=str)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_part_of_a_tiff_file_is_a_part_of_its_image(layout, shape, dtype, tmp_path):
    image = pixels(*shape, dtype=dtype)
    options = dict(LAYOUTS[layout])
    if dtype == "float32":
        options.pop("predictor", None)
    photometric = "rgb" if len(shape) == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "a.tif", image, photometric=photometric, **options)
    with opened(tmp_path / "a.tif") as found:
        assert isinstance(found, _streaming.TiffPixels)
        assert found.shape == shape
        for rows, columns in [(slice(0, 101), slice(0, 90)), (slice(30, 70), slice(47, 50))]:
            assert_array_equal(found[rows, columns], image[rows, columns])


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a.zarr"])
@pytest.mark.parametrize("shape", [(101, 600), (101, 90, 3), (101, 90, 4)], ids=str)
def test_what_was_filled_part_by_part_is_read_again(name, shape, tmp_path):
    image = pixels(*shape, dtype="uint16")
    with created(tmp_path / name, shape, image.dtype) as out:
        out[:50] = image[:50]
        out[50:] = image[50:]
        assert not (tmp_path / name).exists()
    with opened(tmp_path / name) as found:
        assert_array_equal(found[slice(0, 101), slice(0, shape[1])], image)
    if name != "a.zarr":
        assert_array_equal(read_image(tmp_path / name), image)
        with tifffile.TiffFile(tmp_path / name) as tiff:
            assert tiff.is_ome == (name == "a.ome.tif")
            assert tiff.pages[0].is_tiled
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.tif", "a.zarr"])
def test_nothing_is_left_of_what_was_interrupted(name, tmp_path):
    with pytest.raises(KeyboardInterrupt), created(tmp_path / name, (9, 9), np.dtype("u1")):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.tif", "a.zarr"])
def test_what_was_filled_is_kept_for_who_resumes(name, tmp_path):
    shape, dtype = (90, 70), np.dtype("u2")
    image = pixels(*shape, dtype=dtype)

    def interrupted():
        with created(tmp_path / name, shape, dtype, resume=True) as out:
            out[:50] = image[:50]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not (tmp_path / name).exists()
    with (
        pytest.raises(ImageFileError, match="another size or dtype"),
        created(tmp_path / name, (90, 71), dtype, resume=True),
    ):
        pass
    with created(tmp_path / name, shape, dtype, resume=True) as out:
        assert_array_equal(out[:50], image[:50])
        out[50:] = image[50:]
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with opened(tmp_path / name) as found:
        assert_array_equal(found[slice(0, 90), slice(0, 70)], image)


@pytest.mark.skipif(_creating.fcntl is None, reason="there are no such locks")
@pytest.mark.parametrize("name", ["a.tif", "a.zarr"])
def test_two_do_not_go_on_with_one_image(name, tmp_path):
    def both():
        with created(tmp_path / name, (9, 9), np.dtype("u1"), resume=True) as out:
            out[...] = 1
            with pytest.raises(ImageFileError, match="another process is working on it"):
                fill(tmp_path / name, 2, resume=True)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        both()
    with created(tmp_path / name, (9, 9), np.dtype("u1"), resume=True) as out:
        assert (np.asarray(out[:]) == 1).all()
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.skipif(_creating.fcntl is None, reason="there are no such locks")
@pytest.mark.parametrize("resume", [False, True])
def test_a_process_that_was_killed_keeps_nobody_waiting(resume, tmp_path):
    code = (
        "import os, numpy; from skdenoise._image_files import created\n"
        f"with created({str(tmp_path / 'a.tif')!r}, (9, 9), numpy.dtype('u1'), resume=True):\n"
        "    os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    assert (tmp_path / ".a.part.tif.lock").exists()
    fill(tmp_path / "a.tif", 1, resume=resume)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


@pytest.mark.skipif(_creating.fcntl is None, reason="there are no such locks")
def test_what_is_being_worked_on_is_not_removed_by_who_begins_anew(tmp_path):
    def slower():
        with created(tmp_path / "a.zarr", (9, 9), np.dtype("u1"), resume=True) as out:
            out[...] = 1
            fill(tmp_path / "a.zarr", 2)

    with pytest.raises(ImageFileError, match=r"The finished image is in .* it exists"):
        slower()
    assert sorted(value_of(path)[0] for path in tmp_path.iterdir()) == [1, 2]


@pytest.mark.parametrize("resume", [False, True])
def test_what_was_taken_away_while_it_was_filled_is_not_called_finished(resume, tmp_path):
    def taken_away():
        with created(tmp_path / "a.zarr", (9, 9), np.dtype("u1"), resume=resume) as out:
            (hidden,) = tmp_path.glob(".*.part.zarr")
            shutil.rmtree(hidden)
            out[...] = 1

    with pytest.raises(ImageFileError, match="removed or renamed while it was filled"):
        taken_away()
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_known_before_the_work(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with (
        pytest.raises(OSError, match="No space left"),
        created(tmp_path / "a.tif", (9, 9), np.dtype("u1"), resume=True),
    ):
        pytest.fail("there is nothing to fill")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.tif", "a.zarr"])
def test_an_image_that_exists_is_replaced_on_demand_alone(name, tmp_path):
    for value in (1, 2):
        with created(tmp_path / name, (9, 9), np.dtype("u1"), overwrite=True) as out:
            out[...] = value
    with (
        pytest.raises(ImageFileError, match="it exists"),
        created(tmp_path / name, (9, 9), np.dtype("u1")),
    ):
        pass
    with opened(tmp_path / name) as found:
        assert (found[slice(0, 9), slice(0, 9)] == 2).all()


def fill(path, value, **options):
    with created(path, (9, 9), np.dtype("u1"), **options) as out:
        out[...] = value


def value_of(path):
    with opened(path) as found:
        return np.unique(found[slice(0, 9), slice(0, 9)]).tolist()


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("name", ["a.tif", "a.zarr"])
def test_neither_what_appears_meanwhile_nor_what_is_finished_is_lost(name, resume, tmp_path):
    fill(tmp_path / f"else{name}", 2)

    def slow():
        with created(tmp_path / name, (9, 9), np.dtype("u1"), resume=resume) as out:
            out[...] = 1
            os.replace(tmp_path / f"else{name}", tmp_path / name)

    with pytest.raises(ImageFileError, match=r"The finished image is in .* it exists") as caught:
        slow()
    assert value_of(tmp_path / name) == [2]
    (other,) = (path for path in tmp_path.iterdir() if path.name != name)
    assert str(other) in str(caught.value)
    assert value_of(other) == [1]


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("name", ["a.tif", "a.zarr"])
def test_nothing_is_lost_where_the_last_step_fails(name, resume, tmp_path, monkeypatch):
    fill(tmp_path / name, 1)
    replace = os.replace

    def full(source, target):
        if os.path.basename(target) == name:
            monkeypatch.setattr(os, "replace", replace)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ImageFileError, match=r"The finished image is in .* No space left"):
        fill(tmp_path / name, 2, overwrite=True, resume=resume)
    assert value_of(tmp_path / name) == [1]
    (other,) = (path for path in tmp_path.iterdir() if path.name != name)
    assert value_of(other) == [2]


@pytest.mark.parametrize("name", ["a.tif", "a.zarr"])
def test_what_can_have_no_name_at_all_is_kept_and_found(name, tmp_path, monkeypatch):
    replace = os.replace

    def refuse(source, target):
        if str(target).endswith(name):
            raise PermissionError(errno.EACCES, "it is being used by another process")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(ImageFileError, match=r"The finished image is in .* another process") as why:
        fill(tmp_path / name, 2)
    (kept,) = tmp_path.iterdir()
    assert str(kept) in str(why.value)
    assert value_of(kept) == [2]


@pytest.mark.skipif(os.name == "nt", reason="needs rights on Windows")
@pytest.mark.parametrize("name", ["a.tif", "a.zarr"])
def test_a_link_stays_a_link(name, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / name).symlink_to(tmp_path / "disk" / name)
    with pytest.raises(ImageFileError, match="it exists"):
        fill(tmp_path / name, 1)
    for value in (1, 2):
        fill(tmp_path / name, value, overwrite=True)
        assert (tmp_path / name).is_symlink()
        assert value_of(tmp_path / "disk" / name) == [value]
    assert os.listdir(tmp_path / "disk") == [name]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.zarr", "file"), ("a.zarr", "folder"), ("a.zarr", "group"), ("a.tif", "folder")],
)
def test_what_is_no_such_image_is_not_replaced_by_one(name, kind, tmp_path):
    path = tmp_path / name if kind == "file" else tmp_path / name / "precious"
    path.parent.mkdir(exist_ok=True)
    path.touch()
    if kind == "group":  # of which an array is a part only
        zarr.create_group(tmp_path / name).create_array("0", shape=(9, 9), dtype="u1")
    with (
        pytest.raises((ImageFileError, OSError), match=r"no zarr array|is a folder"),
        created(tmp_path / name, (9, 9), np.dtype("u1"), overwrite=True),
    ):
        pytest.fail("this is known before the work")
    assert path.exists()
    assert os.listdir(tmp_path) == [name]


def test_a_file_that_was_cut_is_told(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", pixels(300, 300), tile=(64, 64), compression="zlib")
    data = (tmp_path / "a.tif").read_bytes()
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        last = max(tiff.pages[0].dataoffsets)
    (tmp_path / "a.tif").write_bytes(data[: last + 9])
    with (
        opened(tmp_path / "a.tif") as found,
        pytest.raises(ImageFileError, match=r"cut|decompress"),
    ):
        found[slice(0, 300), slice(0, 300)]


@pytest.mark.parametrize("what", ["missing", "five axes", "a group of nothing"])
def test_a_zarr_folder_without_an_image_is_told(what, tmp_path):
    if what == "five axes":
        zarr.create_array(store=tmp_path / "a.zarr", shape=(1, 1, 1, 9, 9), dtype="u1")
    elif what == "a group of nothing":
        zarr.create_group(tmp_path / "a.zarr")
    with pytest.raises(ImageFileError, match="Cannot read"), opened(tmp_path / "a.zarr"):
        pass


def test_arrays_in_a_group_are_named_and_can_be_typed(tmp_path, capsys):
    image = pixels(40, 30)
    group = zarr.create_group(tmp_path / "a.zarr")
    group.create_array("deep/b", shape=image.shape, dtype=image.dtype)[:] = image
    command = "denoise", "--size", "small", "-o", str(tmp_path / "b.png"), "--quiet"
    assert main([*command, str(tmp_path / "a.zarr")]) == 1
    said = capsys.readouterr().err
    assert "a zarr group without an array '0'" in said
    assert "It holds 'deep/b'; name one of them" in said
    assert main([*command, str(tmp_path / "a.zarr" / "deep" / "b")]) == 0
    wanted = AutoencoderDenoiser(weights="natural").transform([image])[0]
    assert_array_equal(read_image(tmp_path / "b.png"), wanted)


def test_the_first_level_of_a_pyramid_is_the_image(tmp_path):
    image = pixels(40, 30)
    group = zarr.create_group(tmp_path / "a.zarr")
    for level in (0, 1):
        small = image[:: level + 1, :: level + 1]
        group.create_array(str(level), shape=small.shape, dtype=small.dtype)[:] = small
    with opened(tmp_path / "a.zarr") as found:
        assert_array_equal(found[:, :], image)


@pytest.mark.parametrize(
    ("source", "target"),
    [("a.tif", "b.tif"), ("a.tif", "b.zarr"), ("a.zarr", "b.ome.tif"), ("a.png", "b.zarr")],
)
def test_the_command_denoises_part_by_part(source, target, tmp_path, monkeypatch):
    monkeypatch.setattr(_streaming, "STREAMED_PIXELS", 1000)
    image = pixels(70, 60, 3)
    if source == "a.zarr":
        zarr.create_array(store=tmp_path / source, data=image, chunks=(32, 32, 3))
    elif source == "a.png":
        from PIL import Image

        Image.fromarray(image).save(tmp_path / source)
    else:
        tifffile.imwrite(tmp_path / source, image, photometric="rgb", tile=(32, 32))
    command = ["denoise", str(tmp_path / source), "-o", str(tmp_path / target), "--quiet"]
    limit = ["--max-pixels", "1000"] if source == "a.tif" else []
    assert main([*command, *limit]) == 0
    wanted = AutoencoderDenoiser(size="base", weights="natural").transform(image[None])[0]
    with opened(tmp_path / target) as found:
        assert_array_equal(found[slice(0, 70), slice(0, 60)], wanted)
    assert main(command) == 1  # it exists


@pytest.mark.parametrize("command", ["denoise", "enhance"])
@pytest.mark.parametrize("target", ["b.ome.tif", "b.zarr"])
def test_the_command_goes_on_where_it_was_interrupted(command, target, tmp_path, monkeypatch):
    monkeypatch.setattr(_streaming, "STREAMED_PIXELS", 1000)
    monkeypatch.setattr(_tiling, "LARGE_PIXELS", 1000)
    monkeypatch.setattr(_tiling, "TILE", 40)
    monkeypatch.setattr(_filling, "LARGEST_BLOCK", 80)
    shape = 170, 90
    image = pixels(*shape, 3) // 2
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="rgb", tile=(32, 32))
    typed = [command, str(tmp_path / "a.tif"), "-o", str(tmp_path / target), "--quiet", "--resume"]
    add, added = Journal.add, []

    def interrupting(journal, what, pixels):
        add(journal, what, pixels)
        added.append(what)
        if len(added) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "add", interrupting)
    assert main(typed) == 130
    assert main(typed) == 0
    assert len(set(added)) == len(added) > 2  # no block twice
    assert main(typed) == 0  # there is nothing to do
    assert len(set(added)) == len(added)
    assert {path.name for path in tmp_path.iterdir()} == {"a.tif", target}
    if command == "denoise":
        estimator = AutoencoderDenoiser(size="base", weights="natural")
    else:
        estimator = ZeroDCEEnhancer(weights="default")
    with opened(tmp_path / target) as found:
        parts = found[slice(0, 170), slice(0, 90)]
    assert_array_equal(parts, estimator.transform(image[None])[0])


def test_work_that_is_finished_survives_a_disk_without_room_for_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(_streaming, "STREAMED_PIXELS", 1000)
    monkeypatch.setattr(_tiling, "LARGE_PIXELS", 1000)
    image = pixels(90, 70)
    tifffile.imwrite(tmp_path / "a.tif", image, tile=(32, 32))
    typed = ["denoise", str(tmp_path / "a.tif"), "-o", str(tmp_path / "b.tif"), "-q", "--resume"]
    write, put, n_put = _creating.write_tiff, _target.Target.put, []

    def full(path, *args, **options):
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    def counted(target, *args):
        n_put.append(1)
        put(target, *args)

    monkeypatch.setattr(_target.Target, "put", counted)
    monkeypatch.setattr(_creating, "write_tiff", full)
    assert main(typed) == 1
    n_blocks = len(n_put)
    assert n_blocks > 0
    monkeypatch.setattr(_creating, "write_tiff", write)
    assert main(typed) == 0
    assert len(n_put) == n_blocks  # nothing was computed again
    assert {path.name for path in tmp_path.iterdir()} == {"a.tif", "b.tif"}
    wanted = AutoencoderDenoiser(size="base", weights="natural").transform(image[None])[0]
    assert_array_equal(read_image(tmp_path / "b.tif"), wanted)


def test_a_note_about_pixels_that_are_gone_is_not_believed(tmp_path):
    image = pixels(9, 9)

    def denoised(*, interrupted):
        with created(tmp_path / "a.tif", image.shape, image.dtype, resume=True) as out:
            AutoencoderDenoiser(weights="natural").transform([image], [out], resume=True)
            if interrupted:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        denoised(interrupted=True)
    (tmp_path / ".a.part.tif.raw").unlink()
    denoised(interrupted=False)
    wanted = AutoencoderDenoiser(weights="natural").transform([image])[0]
    assert_array_equal(read_image(tmp_path / "a.tif"), wanted)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


@pytest.mark.parametrize("shape", [(3, 40, 50), (60, 40, 50)])
def test_arrays_whose_channels_do_not_come_last_are_refused(shape, tmp_path, capsys):
    zarr.create_array(tmp_path / "a.zarr", shape=shape, dtype="u1")
    assert main(["denoise", str(tmp_path / "a.zarr"), "-o", str(tmp_path / "b.zarr")]) == 1
    assert "with up to 4 channels; it holds" in capsys.readouterr().err
    assert not (tmp_path / "b.zarr").exists()


def test_zarr_arrays_in_a_folder_are_images(tmp_path):
    image = pixels(40, 50)
    (tmp_path / "in" / "more").mkdir(parents=True)
    write_image(tmp_path / "in" / "a.png", image)
    zarr.create_array(tmp_path / "in" / "more" / "b.zarr", data=image)
    typed = ["denoise", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--quiet"]
    assert main([*typed, "--size", "small"]) == 0
    wanted = AutoencoderDenoiser(weights="natural").transform([image])[0]
    assert_array_equal(read_image(tmp_path / "out" / "a.png"), wanted)
    with opened(tmp_path / "out" / "more" / "b.zarr") as found:
        assert_array_equal(found[slice(0, 40), slice(0, 50)], wanted)


@pytest.mark.parametrize("command", ["denoise", "enhance"])
def test_models_for_other_channels_work_on_arrays_as_on_files(command, tmp_path, capsys):
    gray = np.linspace(0, 1, 256).reshape(1, 16, 16)
    if command == "denoise":
        model = AutoencoderDenoiser("autoencoder", epochs=1, random_state=0, batch_size=1)
        model.fit(gray, gray[:, ::-1])
        image = pixels(40, 50, 3)
    else:
        model = ZeroDCEEnhancer("dce++", epochs=1, random_state=0).fit(pixels(32, 32, 3)[None])
        image = pixels(40, 50)
    model.save(tmp_path / "model.safetensors")
    write_image(tmp_path / "a.png", image)
    zarr.create_array(tmp_path / "a.zarr", data=image)
    for name in ("png", "zarr"):
        files = str(tmp_path / f"a.{name}"), "-o", str(tmp_path / f"b.{name}")
        typed = [command, *files, "--model", str(tmp_path / "model.safetensors"), "--quiet"]
        assert main(typed) == 0
    with opened(tmp_path / "b.zarr") as found:
        everything = found[slice(0, 40), slice(0, 50)]
    assert_array_equal(everything, read_image(tmp_path / "b.png"))
    typed = [*typed, "--overwrite", "--max-pixels", "100"]
    assert main(typed) == 1
    assert "has to be in memory" in capsys.readouterr().err


@pytest.mark.parametrize("streamed", [False, True])
def test_ome_tiff_files_keep_the_size_of_their_pixels(streamed, tmp_path, monkeypatch):
    if streamed:
        monkeypatch.setattr(_streaming, "STREAMED_PIXELS", 1000)
    size = {"PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.5}
    image = pixels(40, 50)
    tifffile.imwrite(tmp_path / "a.ome.tif", image, ome=True, metadata={"axes": "YX", **size})
    source, target = str(tmp_path / "a.ome.tif"), str(tmp_path / "b.ome.tif")
    assert main(["denoise", source, "-o", target, "--size", "small", "--quiet"]) == 0
    found = read_notes(target).pixel_size
    assert {name: found[name] for name in size} == size
    (wanted,) = AutoencoderDenoiser(weights="natural").transform([image])
    assert_array_equal(read_image(target), wanted)
    assert main(["denoise", source, "-o", str(tmp_path / "c.tif"), "--quiet"]) == 0
    with tifffile.TiffFile(tmp_path / "c.tif") as tiff:
        assert not tiff.is_ome


def test_what_was_kept_to_be_resumed_goes_away_with_a_whole_run(tmp_path, monkeypatch):
    monkeypatch.setattr(_streaming, "STREAMED_PIXELS", 1000)
    tifffile.imwrite(tmp_path / "a.tif", pixels(40, 50))
    typed = ["denoise", str(tmp_path / "a.tif"), "-o", str(tmp_path / "b.tif"), "--quiet"]
    with monkeypatch.context() as patch:
        patch.setattr(_target.Target, "put", interrupted)
        assert main([*typed, "--resume"]) == 130
    assert len(list(tmp_path.iterdir())) > 1
    assert main(typed) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"a.tif", "b.tif"}


def interrupted(*arguments):
    raise KeyboardInterrupt


@pytest.mark.parametrize("command", ["denoise", "enhance"])
def test_the_suffix_chooses_the_format_of_an_array_too(command, tmp_path):
    image = pixels(40, 50, 3)
    write_image(tmp_path / "a.png", image)
    zarr.create_array(tmp_path / "a.zarr", data=image)
    for source, target in [("a.png", "b.png"), ("a.zarr", "c.png")]:
        typed = [command, str(tmp_path / source), "-o", str(tmp_path / target), "--quiet"]
        assert main(typed) == 0
    assert (tmp_path / "c.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_an_array_that_is_too_large_for_a_format_is_told_which_ones_take_it(tmp_path, capsys):
    zarr.create_array(tmp_path / "a.zarr", data=pixels(40, 50))
    typed = ["denoise", str(tmp_path / "a.zarr"), "--max-pixels", "1999", "--quiet"]
    assert main([*typed, "-o", str(tmp_path / "b.png")]) == 1
    assert "let the result end in .tif or .zarr" in capsys.readouterr().err
    assert main([*typed, "-o", str(tmp_path / "b.tif")]) == 0


@pytest.mark.parametrize("source", ["a.png", "a.zarr"])
def test_an_array_can_be_learned_from(source, tmp_path):
    image = pixels(40, 50)
    if source == "a.png":
        write_image(tmp_path / source, image)
    else:
        zarr.create_array(tmp_path / source, data=image)
    typed = ["denoise", str(tmp_path / source), "-o", str(tmp_path / "b.zarr"), "--quiet"]
    assert main([*typed, "--adapt", "--epochs", "1", "--size", "small"]) == 0
    with opened(tmp_path / "b.zarr") as found:
        assert found.shape == image.shape


def test_frames_may_be_arrays(tmp_path):
    zarr.create_array(tmp_path / "in" / "a.zarr", data=pixels(40, 50, 3) // 4)
    typed = ["enhance", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--quiet", "--frames"]
    assert main(typed) == 0
    with opened(tmp_path / "out" / "a.zarr") as found:
        assert found.shape == (40, 50, 3)


def is_in_use(path):
    """Tell whether this process has a file open, or mapped, or one within a folder."""
    places = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # that of the listing
            places.append(os.readlink(f"/proc/self/fd/{number}"))
    with open("/proc/self/maps", encoding="utf-8") as lines:
        places += [line.split(maxsplit=5)[-1].strip() for line in lines]
    place = os.path.realpath(path)
    return any(other == place or other.startswith(place + os.sep) for other in places)


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="Linux tells what is mapped")
@pytest.mark.parametrize("option", ["--overwrite", "--resume"])
@pytest.mark.parametrize("target", ["a.tif", "b.tif", "b.ome.tif", "b.zarr"])
def test_nothing_is_moved_or_removed_while_it_is_in_use(option, target, tmp_path, monkeypatch):
    """As Windows demands."""
    monkeypatch.setattr(_creating, "fcntl", None)
    monkeypatch.setattr(_streaming, "STREAMED_PIXELS", 1000)
    tifffile.imwrite(tmp_path / "a.tif", pixels(90, 70), tile=(32, 32))
    refused = []

    def refusing(name):
        function = getattr(os, name)

        def refuse(*paths, **options):
            if any(map(is_in_use, paths)):
                refused.append(paths)
                raise PermissionError(errno.EACCES, "it is being used by another process")
            return function(*paths, **options)

        monkeypatch.setattr(os, name, refuse)

    for name in ("replace", "unlink", "remove"):
        refusing(name)
    typed = ["denoise", str(tmp_path / "a.tif"), "-o", str(tmp_path / target), "--size", "small"]
    # What is to be replaced cannot be resumed.
    assert main([*typed, "-q", option]) == int(target == "a.tif" and option == "--resume")
    assert refused == []
    assert {path.name for path in tmp_path.iterdir()} == {"a.tif", target}
    with opened(tmp_path / target) as found:
        assert found.shape == (90, 70)


def test_a_file_that_cannot_be_removed_hides_nothing(tmp_path, monkeypatch):
    unlink = Path.unlink

    def refuse(self, missing_ok=False):
        if self.suffix == ".raw":
            raise PermissionError(f"{self} is being used by another process")
        unlink(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    with created(tmp_path / "a.tif", (8, 8), np.dtype("u1")) as pixels:
        pixels[:] = 7
    assert (read_image(tmp_path / "a.tif") == 7).all()
    with (
        pytest.raises(KeyboardInterrupt),
        created(tmp_path / "b.tif", (8, 8), np.dtype("u1")),
    ):
        raise KeyboardInterrupt
