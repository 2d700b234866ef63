import errno
import os
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.files import append_line, folder_mib, replacing, write_text


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    write_text(path, "one")
    write_text(path, "two ✓")
    assert path.read_text() == "two ✓"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def write_half(path: Path) -> None:
    with replacing(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_half(path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("code, message", [(errno.ENOSPC, "no space left"), (errno.EROFS, "Read-only file system")])
def test_a_refused_write_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, message: str) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(HarnessError, match=message) as error:
        write_text(tmp_path / "a.txt", "x")
    assert "a.txt" in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_folder_is_as_large_as_the_files_below_it(tmp_path: Path) -> None:
    assert folder_mib(tmp_path / "none") == 0
    (tmp_path / "below").mkdir()
    for place in (tmp_path / "a", tmp_path / "below" / "b"):
        place.write_bytes(bytes(2**19))
    (tmp_path / "link").symlink_to("nowhere")
    assert folder_mib(tmp_path) == 1


def test_a_line_that_a_kill_cut_short_takes_no_other_with_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for line in ("one", "two"):
        append_line(log, line)
    os.truncate(log, len("one\ntw"))
    append_line(log, "three")
    assert log.read_text() == "one\ntw\nthree\n"
