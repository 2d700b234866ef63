"""A disk of a few hundred KiB that fills up, or turns read-only, for real: a tmpfs in a mount namespace of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

FILL = "filling"


class SmallDisk:
    """A tmpfs that goes when the shell that holds its namespace does; no root is needed where users may have those.

    Attributes:
        shell: lives in the namespace.
        mounted: where the tmpfs is in the namespace.
    """

    def __init__(self, shell: subprocess.Popen[str], mounted: Path) -> None:
        self.shell, self.mounted = shell, mounted

    @property
    def path(self) -> Path:
        """The disk as this process sees it; not to be resolved, which would lead out of the namespace."""
        return Path(f"/proc/{self.shell.pid}/root{self.mounted}")

    def command(self, words: str) -> int:
        """Run a command in the namespace and return its exit code."""
        assert self.shell.stdin is not None
        assert self.shell.stdout is not None
        self.shell.stdin.write(f"{words} >/dev/null 2>&1; echo $?\n")
        self.shell.stdin.flush()
        return int(self.shell.stdout.readline() or 1)

    def enter(self, *words: str) -> list[str]:
        """Return the command line that runs another in the namespace, where the disk is at `mounted`."""
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return ["nsenter", f"--target={self.shell.pid}", "--mount", *user, f"--wd={Path.cwd()}", "--", *words]

    def fill(self, spare: int = 0) -> None:
        """Leave room for `spare` bytes, in whole pages."""
        with (self.path / FILL).open("ab", buffering=0) as file:
            free = os.statvfs(self.path)
            room = free.f_bavail * free.f_frsize - spare
            if room > 0:
                os.posix_fallocate(file.fileno(), file.tell(), room)

    def free(self) -> None:
        """Take the filling away."""
        (self.path / FILL).unlink()

    def remount(self, flag: str) -> None:
        """Make the disk `ro` or `rw`."""
        assert self.command(f"mount -o remount,bind,{flag} {self.mounted}") == 0


@contextmanager
def small_disk(mounted: Path, kib: int) -> Iterator[SmallDisk]:
    """Mount a disk of that size at a new folder; skip the test where this is not allowed."""
    mounted.mkdir()
    ways = [["unshare", "--mount"]] if os.geteuid() == 0 else []
    for way in [*ways, ["unshare", "--user", "--map-root-user", "--mount"]]:
        try:
            shell = subprocess.Popen([*way, "sh"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        except OSError:
            pytest.skip("no unshare on this system, to mount a small disk with")
        disk = SmallDisk(shell, mounted)
        try:
            if disk.command(f"mount -t tmpfs -o size={kib}k tmpfs {mounted}") == 0 and disk.path.exists():
                yield disk
                return
        except BrokenPipeError:
            continue
        finally:
            shell.terminate()
            shell.communicate()
    pytest.skip("a small disk can't be mounted here: neither as root nor in a namespace of this user's own")
