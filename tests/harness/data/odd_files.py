"""What may lie in the place of a file: each makes it at a path where nothing is."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TERABYTES = 4 << 40
Shape = Callable[[Path], None]


def empty(path: Path) -> None:
    path.touch()


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(TERABYTES)


def circle(path: Path) -> None:
    path.symlink_to(path)


def dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def locked(path: Path) -> None:
    path.touch(mode=0)


def lock(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing below a folder be looked at, as where its mode is 0 and the user is not root."""

    def guarded(look: Callable[..., Any]) -> Callable[..., Any]:
        def guard(path: Any = ".", *how: Any, **more: Any) -> Any:
            if isinstance(path, (str, Path)) and folder in Path(path).parents:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return look(path, *how, **more)

        return guard

    for name in ("stat", "lstat", "scandir", "listdir"):
        monkeypatch.setattr(os, name, guarded(getattr(os, name)))


def can_be_sparse(folder: Path) -> bool:
    """Whether a file of terabytes can be made here."""
    try:
        sparse(folder / "sparse")
    except OSError:
        return False
    finally:
        (folder / "sparse").unlink(missing_ok=True)
    return True


def shapes(folder: Path) -> list[Shape]:
    """All that can be made in a folder by this user; root may read what is locked."""
    known: list[Shape] = [empty, circle, dangling, endless, Path.mkdir, os.mkfifo]
    return known + [sparse] * can_be_sparse(folder) + [locked] * (os.geteuid() != 0)


FOLDER_SHAPES: tuple[Shape, ...] = (empty, circle, dangling, endless, Path.mkdir, os.mkfifo)
"""What may lie in the place of a folder."""
