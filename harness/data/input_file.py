"""Files of a data set as anybody may have left them: read whole, of bounded size, and never waited for."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError

FETCH = "Fetch the file again."
AGAIN = "Fetch the file again; `harness data check` lists every damaged one."

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def input_size(path: Path, remedy: str = AGAIN) -> int:
    """Size of a regular file in bytes, without opening it: to open a named pipe would wait for a writer.

    Args:
        path: of the file.
        remedy: what to do about one that is no part of a data set.

    Raises:
        HarnessError: nothing is there, a link leads nowhere or in a circle, or it is no regular file.
    """
    try:
        state = path.stat()
    except (OSError, ValueError) as error:
        raise unreadable(path, error, remedy) from error
    if not stat.S_ISREG(state.st_mode):
        found = _KINDS.get(stat.S_IFMT(state.st_mode), "something else")
        raise HarnessError(path, found, "a regular file", remedy)
    return state.st_size


def count_items(path: Path, item_bytes: int, items: str, most: int) -> int:
    """Number of equal items in a file, from its size.

    Args:
        path: of the file.
        item_bytes: size of an item.
        items: what they are, for the message.
        most: number of items above which it is no such file.

    Raises:
        HarnessError: the file is missing, empty, too large or no whole number of items.
    """
    size = input_size(path)
    if size == 0 or size % item_bytes or size > most * item_bytes:
        expected = f"whole {items} of {item_bytes} bytes, 1 to {most} of them"
        raise HarnessError(path, f"{size} bytes", expected, AGAIN)
    return size // item_bytes


def read_bytes(path: Path, size: int, remedy: str = AGAIN) -> NDArray[np.uint8]:
    """Read the first bytes of a file whose size is known: [size] uint8.

    Raises:
        HarnessError: it can't be read, or has become shorter.
    """
    data = np.empty(size, dtype=np.uint8)
    rest = data.data
    try:
        with path.open("rb", buffering=0) as file:
            while rest and (count := file.readinto(rest)):
                rest = rest[count:]
    except OSError as error:
        raise unreadable(path, error, remedy) from error
    if rest:
        raise HarnessError(path, f"{size - len(rest)} bytes", f"{size} bytes, as its size says", remedy)
    return data


def read_input_text(path: Path, most_bytes: int, remedy: str = AGAIN) -> str:
    """Read a small text file in UTF-8; a byte order mark at its start is no part of the text.

    Raises:
        HarnessError: it can't be read, has more than `most_bytes`, or is no text.
    """
    size = input_size(path, remedy)
    if size > most_bytes:
        raise HarnessError(path, f"{size} bytes", f"at most {most_bytes} bytes of text", remedy)
    try:
        return read_bytes(path, size, remedy).tobytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"a byte 0x{error.object[error.start]:02x} at {error.start} that is no text"
        raise HarnessError(path, found, "text in UTF-8", remedy) from error


def unreadable(path: Path, error: Exception, remedy: str = AGAIN) -> HarnessError:
    """Say what a failed read means to a user."""
    return HarnessError(path, f"'{getattr(error, 'strerror', None) or error}' on reading", "a readable file", remedy)
