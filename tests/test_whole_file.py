"""What is written takes its place as a whole, or leaves what was there."""

import errno
import os
import sys
from types import SimpleNamespace

import pytest

from skdenoise import _whole_file
from skdenoise._whole_file import reserve, take_places, whole_file, whole_files


def held(folder):
    """Return {name: bytes} of all files below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def fill(tmp_path):
    """Make files from {name: text}."""

    def fill(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)

    return fill


def failing(monkeypatch, nth, name="replace"):
    """Let the nth call of a function of the system fail."""
    function, calls = getattr(os, name), []

    def call(*arguments):
        calls.append(arguments)
        if len(calls) == nth:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return function(*arguments)

    monkeypatch.setattr(os, name, call)


@pytest.mark.skipif(sys.platform == "win32", reason="needs rights on Windows")
def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with whole_file(tmp_path / "link") as file:
        file.write(b"whole")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"whole"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such rights")
def test_a_file_has_the_rights_that_new_files_have(tmp_path):
    (tmp_path / "plain").touch()
    with whole_file(tmp_path / "whole"):
        pass
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("old", [{}, {"a": "old", "b": "old"}, {"b": "old"}, {"a": "old"}], ids=str)
@pytest.mark.parametrize(
    ("name", "nth"),
    [("fsync", 1), ("fsync", 2), ("replace", 1), ("replace", 2), ("replace", 3)],
)
def test_files_that_belong_together_are_all_replaced_or_none(
    name, nth, old, tmp_path, fill, monkeypatch
):
    fill(old)
    before = held(tmp_path)
    failing(monkeypatch, nth, name)

    def write():
        with whole_files([tmp_path / "a", tmp_path / "b"]) as files:
            for file in files:
                file.write(b"new")

    if (name, nth) == ("replace", 3) and "a" not in old:  # nothing had to go away for two files
        write()
        assert held(tmp_path) == {"a": b"new", "b": b"new"}
        return
    with pytest.raises(OSError, match="No space left"):
        write()
    assert held(tmp_path) == before


@pytest.mark.parametrize("nth", [1, 2])
def test_a_folder_that_cannot_be_replaced_is_there_again(nth, tmp_path, fill, monkeypatch):
    fill({"place/a": "old", "finished/a": "new", "finished/b": "new"})
    before = held(tmp_path)
    failing(monkeypatch, nth)
    with pytest.raises(OSError, match="No space left"):
        take_places({tmp_path / "finished": tmp_path / "place"})
    assert held(tmp_path) == before


def test_a_folder_replaces_a_folder(tmp_path, fill):
    fill({"place/a": "old", "finished/b": "new"})
    take_places({tmp_path / "finished": tmp_path / "place"})
    assert held(tmp_path) == {"place/b": b"new"}
    assert os.listdir(tmp_path) == ["place"]


@pytest.mark.parametrize("files", [{"old": "old", "new/b": "new"}, {"old/a": "old", "new": "new"}])
def test_a_file_is_no_folder(files, tmp_path, fill):
    fill(files)
    with pytest.raises(OSError, match="old"):
        take_places({tmp_path / "new": tmp_path / "old"})
    assert held(tmp_path) == {name: text.encode() for name, text in files.items()}


@pytest.mark.parametrize("n_refused", [2, 1000])
def test_windows_is_asked_again_for_a_file_that_is_being_looked_at(
    n_refused, tmp_path, fill, monkeypatch
):
    fill({"a": "old"})
    replace, pauses = os.replace, []

    def refuse(source, target):
        if len(pauses) < n_refused:
            raise PermissionError(errno.EACCES, "it is being used by another process")
        replace(source, target)

    monkeypatch.setattr(_whole_file, "WINDOWS", True)
    monkeypatch.setattr(_whole_file.time, "sleep", pauses.append)
    monkeypatch.setattr(os, "replace", refuse)

    def write():
        with whole_file(tmp_path / "a") as file:
            file.write(b"new")

    if n_refused == 2:
        write()
        assert held(tmp_path) == {"a": b"new"}
        return
    with pytest.raises(PermissionError, match="another process"):
        write()
    assert held(tmp_path) == {"a": b"old"}
    assert 1 < sum(pauses) < 5


@pytest.mark.skipif(not hasattr(os, "fstatvfs"), reason="Windows takes the space")
@pytest.mark.parametrize("n_free", [0, 10, 1000])
def test_space_that_cannot_be_taken_has_to_be_free(n_free, tmp_path, monkeypatch):
    disk = SimpleNamespace(f_bavail=n_free, f_frsize=4096)
    monkeypatch.delattr(os, "posix_fallocate", raising=False)  # as on macOS
    monkeypatch.setattr(os, "fstatvfs", lambda _: disk)
    with whole_file(tmp_path / "a") as file:
        if n_free < 1000:
            with pytest.raises(OSError, match="No space left"):
                reserve(file.fileno(), 1_000_000)
        else:
            reserve(file.fileno(), 1_000_000)
        file.write(bytes(1_000_000))
        file.flush()
        os.fsync(file.fileno())
        reserve(file.fileno(), 1_000_000)  # which is there already
