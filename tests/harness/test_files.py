import errno
import os
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.files import replacing, write_text


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
