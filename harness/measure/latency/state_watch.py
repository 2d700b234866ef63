"""The state of a device while it is timed: looked at between samples, never within one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from harness.measure.machine_state import Machine
from harness.spec import MachineState

LOOK_S = 1.0
"""Shortest time between two looks at a GPU; each takes less than a scan does."""


@dataclass(frozen=True)
class Watched:
    """What was seen of a device while it was timed.

    Attributes:
        before: when the warm-up had ended.
        after: when the last sample was taken, with all reasons for throttling and the most other processes seen.
        sm_clocks_mhz: lowest and highest seen, both ends included; None where none is told.
        memory_clocks_mhz: likewise.
    """

    before: MachineState
    after: MachineState
    sm_clocks_mhz: tuple[int, int] | None = None
    memory_clocks_mhz: tuple[int, int] | None = None


@dataclass
class StateWatch:
    """Called after every sample; looks when the warm-up has ended, about once a second, and when asked for the end.

    A GPU is looked at warm: at rest its clocks are others. A CPU is not looked at in between: its load is a mean over
    the time from one look to the next, so the lowest and highest of its clocks are of these two moments alone.

    Attributes:
        machine: the device.
        timed: number of samples after the warm-up, the last of all.
        now_s: a clock that only goes on.
    """

    machine: Machine
    timed: int
    now_s: Callable[[], float] = time.monotonic
    _seen: list[MachineState] = field(default_factory=list)
    _looked_s: float = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Take note of a sample; `total` grows where the warm-up goes on after all."""
        if total - done > self.timed:
            self._seen.clear()
        elif not self._seen or (self.machine.card is not None and self.now_s() - self._looked_s >= LOOK_S):
            self._seen.append(self.machine.state())
            self._looked_s = self.now_s()

    def watched(self) -> Watched:
        """Look once more, and return what was seen since the warm-up had ended."""
        self._seen.append(self.machine.state())
        since = self._seen[1:] or self._seen
        throttles = tuple(dict.fromkeys(reason for state in since for reason in state.throttle_reasons))
        others = max((state.other_processes for state in since if state.other_processes is not None), default=None)
        return Watched(
            before=self._seen[0],
            after=self._seen[-1].model_copy(update={"throttle_reasons": throttles, "other_processes": others}),
            sm_clocks_mhz=_ends(state.sm_clock_mhz for state in self._seen),
            memory_clocks_mhz=_ends(state.memory_clock_mhz for state in self._seen),
        )


def _ends(told: Iterable[int | None]) -> tuple[int, int] | None:
    """Return the lowest and the highest of what was told."""
    values = [value for value in told if value is not None]
    return (min(values), max(values)) if values else None
