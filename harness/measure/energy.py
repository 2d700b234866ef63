"""Energy of one scan: what a counter of the device says of many runs in a row, less what idleness would have taken."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

Counter = Callable[[], float | None]
"""Millijoules drawn so far since any beginning; None where nothing counts them."""

SETTLE_S = 5.0
"""Before idleness is measured: a card that was just written to takes a while to lower clocks and power."""

IDLE_S = 3.0
WORK_S = 5.0
"""Shortest time that work is counted for: the counter of a card moves about ten times a second, which is 2 % of it."""


@dataclass(frozen=True)
class EnergyMeter:
    """Counts the energy of repeated work on one device.

    Attributes:
        counter: of the device.
        now_s: a clock that only goes on.
        wait: lets so many seconds pass.
    """

    counter: Counter
    now_s: Callable[[], float] = time.monotonic
    wait: Callable[[float], None] = time.sleep

    def idle_w(self) -> float | None:
        """Let the device come to rest, and return its power while nothing is asked of it; None where nothing counts."""
        if self._read() is None:
            return None
        self.wait(SETTLE_S)
        begun = self._read()
        self.wait(IDLE_S)
        return _power_w(begun, self._read())

    def per_scan_mj(self, work: Callable[[], int], idle_w: float) -> float | None:
        """Repeat some work for at least `WORK_S` and return its millijoules per scan, None where nothing counts.

        Below zero where the device drew less than it had at rest: then the counter can't tell the work from idleness.

        Args:
            work: returns the number of scans it has been through, all that it asked of the device done.
            idle_w: power to subtract.
        """
        work()  # the counter lags behind: let it leave idleness before the count begins
        begun, scans = self._read(), 0
        while begun is not None and self.now_s() - begun[0] < WORK_S:
            scans += work()
        ended = self._read()
        power_w = _power_w(begun, ended)
        if begun is None or ended is None or power_w is None:
            return None
        return (power_w - idle_w) * (ended[0] - begun[0]) * 1e3 / scans

    def _read(self) -> tuple[float, float] | None:
        """Return seconds by the clock and the counter's millijoules."""
        counted = self.counter()
        return None if counted is None else (self.now_s(), counted)


def _power_w(begun: tuple[float, float] | None, ended: tuple[float, float] | None) -> float | None:
    if begun is None or ended is None or ended[0] <= begun[0]:
        return None
    return (ended[1] - begun[1]) / (ended[0] - begun[0]) / 1e3
