"""What ends the processes of a run when the run itself ends, however it ends."""

from __future__ import annotations

import _thread
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from harness.train.sitting import never

LOOK_S = 0.5
"""Between two looks at whether the run is still there."""

GRACE_S = 5.0
"""For a cell to unwind before its process is ended as it is; the next run goes on from its checkpoint either way."""


@dataclass(frozen=True)
class Leash:
    """A file that the run keeps locked: the system unlocks it when the run's process is gone, even by SIGKILL.

    Attributes:
        path: of the file.
    """

    path: Path

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the processes of this run alive; they end soon after this context does."""
        with FileLock(self.path):
            yield

    @contextmanager
    def __call__(self) -> Iterator[Callable[[], bool]]:
        """End this process when the leash is held no more; yield `never`, since nothing else is to stop it."""
        threading.Thread(target=self._end_with_run, daemon=True).start()
        yield never

    def _end_with_run(self) -> None:
        with FileLock(self.path).acquire(poll_interval=LOOK_S):
            pass
        _thread.interrupt_main()
        time.sleep(GRACE_S)
        os._exit(1)
