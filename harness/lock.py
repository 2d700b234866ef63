"""A lock on a file: one process has it at a time, and it goes with its process, however that ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

FOREVER = -1.0
"""Patience without an end."""


class Lock:
    """The lock of one thing.

    Args:
        path: of the lock's own file, made when it is first held.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def hold(self, patience_s: float) -> Iterator[None]:
        """Have the lock.

        Args:
            patience_s: how long to wait for it, or `FOREVER`.

        Raises:
            filelock.Timeout: another process has it.
            OSError: its file can't be written.
        """
        with FileLock(self.path, timeout=patience_s, poll_interval=0.02):
            yield

    def held(self) -> bool:
        """Tell whether somebody has the lock, in microseconds.

        The look asks for a share of the lock, so that several who look at once don't take each other for its holder.
        """
        try:
            descriptor = os.open(self.path, os.O_RDONLY)
        except OSError:  # there is none, or it can't be told
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # a file system without such locks, where a lock is a file that is there
            return self._taken()
        finally:
            os.close(descriptor)
        return False

    def _taken(self) -> bool:
        try:
            with self.hold(patience_s=0):
                return False
        except Timeout:
            return True
        except OSError:  # a store that can only be read: nobody's lock can be told
            return False
