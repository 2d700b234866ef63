from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.data.input_file import count_items, input_size, read_bytes, read_input_text
from harness.errors import HarnessError


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (Path.mkdir, "a folder"),
        (os.mkfifo, "a named pipe"),
        (make_socket, "a socket"),
        (lambda path: path.symlink_to("/dev/zero"), "a device"),
        (lambda path: path.symlink_to(path.name), "'Too many levels of symbolic links' on reading"),
        (lambda path: path.symlink_to("nowhere"), "'No such file or directory' on reading"),
        (lambda path: None, "'No such file or directory' on reading"),
    ],
)
def test_what_is_no_regular_file_is_named_and_never_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], found: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("f")
    make(path)
    with pytest.raises(HarnessError, match=r"Mend it\.$"):
        input_size(path, "Mend it.")
    for read in (input_size, lambda path: read_input_text(path, 10), lambda path: count_items(path, 4, "words", 9)):
        with pytest.raises(HarnessError) as caught:
            read(path)
        assert (caught.value.where, caught.value.found) == ("f", found)


def test_a_name_with_a_null_byte_or_of_any_length_is_an_error_too(tmp_path: Path) -> None:
    for name in ("a\0b", "x" * 5000):
        with pytest.raises(HarnessError):
            input_size(tmp_path / name)


def test_bytes_are_read_whole_and_can_be_written_to(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(range(200)))
    data = read_bytes(path, 150)
    assert data.tobytes() == bytes(range(150))
    data[0] = 7


def test_a_file_that_shrinks_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(5))
    with pytest.raises(HarnessError, match="found 5 bytes; expected 8 bytes, as its size says"):
        read_bytes(path, 8)


def test_text_is_read_without_its_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"\xef\xbb\xbf\xc3\xa9\r\n")
    assert read_input_text(path, 7) == "é\r\n"
    with pytest.raises(HarnessError, match="found 7 bytes; expected at most 6"):
        read_input_text(path, 6)
    path.write_bytes(b"ab\xff")
    with pytest.raises(HarnessError, match="a byte 0xff at 2 that is no text"):
        read_input_text(path, 6)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.touch(mode=0)
    with pytest.raises(HarnessError, match="Permission denied"):
        read_bytes(path, 1)


def test_items_are_counted_by_size(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(12))
    assert count_items(path, 4, "words", 3) == 3
    for item_bytes, most in ((5, 9), (4, 2)):
        with pytest.raises(HarnessError, match="found 12 bytes"):
            count_items(path, item_bytes, "words", most)
