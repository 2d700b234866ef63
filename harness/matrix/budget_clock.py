"""The device hours that a run has used, and whether its next cell may still start."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from harness.matrix.budget import choose
from harness.matrix.forecast import HOUR_S, Forecast
from harness.spec import CellSpec


class BudgetClock:
    """Asks before each start, with the timings that there are by then, whether the rule would still take the cell.

    Cells that were started and have not ended are counted before all others, wherever the rule would have them now.

    Args:
        specs: the cells that were taken, with the teachers that they need.
        hours: device hours of the whole run.
        processes: that share a cell: a wall hour costs as many device hours.
        forecasts: makes fresh ones, of all `specs`, from what the store says now.
        now: seconds of a clock that never goes back.

    Attributes:
        left_out: why a cell was not let start, by hash.
    """

    def __init__(
        self,
        specs: Sequence[CellSpec],
        hours: float,
        processes: int,
        forecasts: Callable[[], Mapping[str, Forecast]],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._specs, self._hours, self._processes = {spec.hash: spec for spec in specs}, hours, processes
        self._forecasts, self._now = forecasts, now
        self.left_out: dict[str, str] = {}
        self._started: dict[str, float] = {}
        self._ended_s = 0.0

    def start(self, cell: str) -> str | None:
        """Start a cell, to be asked before its lock is taken.

        Args:
            cell: its hash.

        Returns:
            None when it may start; else why not, and then it must not.
        """
        choice = choose(list(self._specs.values()), self._told(), self._hours - self.used_hours())
        for left_out in choice.left_out:
            if left_out.spec.hash == cell:
                self.left_out[cell] = left_out.reason
                return f"left out by the budget of {self._hours:g} device hours: {left_out.reason}"
        self._started[cell] = self._now()
        return None

    def _told(self) -> dict[str, Forecast]:
        """Return fresh forecasts; a cell that was started runs, also before its process says so itself."""
        fresh = self._forecasts()
        begun = {key for key in self._started if fresh[key].status != "finished"}
        return {key: replace(found, status="running") if key in begun else found for key, found in fresh.items()}

    def end(self, cell: str) -> None:
        """Say that a started cell has ended, whatever came of it; it is not asked about again."""
        self._ended_s += self._now() - self._started.pop(cell)
        del self._specs[cell]

    def used_hours(self) -> float:
        """Return the device hours of all cells that ended and of those under way so far."""
        under_way_s = sum(self._now() - started for started in self._started.values())
        return (self._ended_s + under_way_s) * self._processes / HOUR_S
