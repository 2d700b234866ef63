"""One sitting of a training: what may differ from the next without another cell coming of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.train.processes import ALONE, Processes


class Stopped(BaseException):
    """The training was asked to leave, and has saved a checkpoint; nothing has failed."""


def never() -> bool:
    """Ask nobody to leave."""
    return False


@dataclass(frozen=True)
class Sitting:
    """How one sitting of a training goes.

    Attributes:
        micro_batch: most scans in one forward pass; None: as many as the batch has, or the process's share of it.
        processes: that share each batch.
        stop: asked after every step whether to leave; one process that is told so is enough.
    """

    micro_batch: int | None = None
    processes: Processes = ALONE
    stop: Callable[[], bool] = never
