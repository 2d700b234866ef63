"""Write files so that nothing half-written ever stands under a final name."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from harness.errors import HarnessError


@contextmanager
def replacing(path: Path, durable: bool = True) -> Iterator[IO[bytes]]:
    """Open a temporary neighbour of `path` for writing; on success flush, fsync and rename it over `path`.

    On any error the temporary file is removed and `path` is as it was.

    Args:
        path: the file in the end.
        durable: let it survive a power cut; a file that only watchers read need not, and is written much faster.

    Raises:
        HarnessError: the folder can't be written or the disk is full.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
        if durable:
            sync_folder(path.parent)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        with suppress(OSError):  # a read-only folder has none to remove, and its error is the one above
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str, durable: bool = True) -> None:
    """Write a whole text file at once, in UTF-8; see `replacing`."""
    with replacing(path, durable) as file:
        file.write(text.encode())


def write_if_changed(path: Path, text: str) -> None:
    """Write a whole text file unless it says just that already, so that a folder nobody may write in stays of use."""
    with suppress(OSError, UnicodeDecodeError):
        if path.read_text() == text:
            return
    write_text(path, text)


def append_line(path: Path, line: str) -> None:
    """Append a line to a log: the whole of it, or nothing. A last line that a kill cut short is ended first.

    Raises:
        HarnessError: it can't be written.
    """
    before = path.stat().st_size if path.exists() else 0
    try:
        with path.open("a+b") as file:
            file.seek(max(before - 1, 0))
            whole = file.read(1) in (b"\n", b"")
            file.write((line if whole else "\n" + line).encode() + b"\n")
    except OSError as error:
        with suppress(OSError):  # what a full disk took of the line would be joined with the next one
            os.truncate(path, before)
        raise write_error(path, error) from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it.

    Raises:
        HarnessError: it can't be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(path, error) from error


def folder_mib(folder: Path) -> float:
    """Return the size of all files below a folder, in MiB; one that goes away meanwhile counts nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total / 2**20


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_error(path: Path, error: OSError) -> HarnessError:
    """Say what an operating-system error on writing `path` means to a user."""
    found = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return HarnessError(path, "no space left on the disk", "room for the file", "Free some space and run again.")
    return HarnessError(
        path, f"'{found}' on writing", "a writable folder", "Choose another --out or mend its permissions."
    )
