"""What the system tells of its processor: clock, temperature, and how much of it others use."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
BUSY = (0, 1, 2, 5, 6, 7)
"""Columns of /proc/stat in which a core works for somebody: user, nice, system, irq, softirq, steal (proc(5))."""

SHORTEST_S = 0.5


class Processor:
    """The cores that this process may run on.

    Args:
        root: where the system's ``proc`` and ``sys`` lie.
        own_s: seconds of processor time that this process has taken so far, of all its threads.
        now_s: a clock that only goes on.
    """

    def __init__(
        self,
        root: Path = Path("/"),
        own_s: Callable[[], float] = time.process_time,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._proc, self._sys = root / "proc", root / "sys"
        self._own_s, self._now_s = own_s, now_s
        self._cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else frozenset[int]()
        self._looked = self._look()

    def clock_mhz(self) -> int | None:
        """Clock of the fastest core now: those at rest are slowed down, the one that asks is not."""
        scaled = [self._sys / f"devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq" for core in self._cores]
        kilohertz = [int(text) for text in map(_text, scaled) if text.strip().isdigit()]
        if kilohertz:
            return round(max(kilohertz) / 1e3)
        listed = re.findall(r"^cpu MHz\s*: ([\d.]+)$", _text(self._proc / "cpuinfo"), re.MULTILINE)
        return round(max(map(float, listed))) if listed else None

    def temperature_c(self) -> int | None:
        """Temperature of the warmest sensor that says it is the processor's."""
        zones = [path.parent for path in self._sys.glob("class/thermal/thermal_zone*/type") if _is_of_cpu(_text(path))]
        read = [_text(zone / "temp").strip() for zone in zones]
        return max((round(int(text) / 1e3) for text in read if re.fullmatch(r"-?\d+", text)), default=None)

    def load_of_others(self) -> float | None:
        """Cores that were kept busy by anything but this process since the last call, on average, or since the start.

        What a hypervisor took away counts as busy with others. None where the system does not tell, as on macOS, and
        sooner than `SHORTEST_S` after the last call, since the system counts in hundredths of a second.
        """
        before, self._looked = self._looked, self._look()
        if before is None or self._looked is None or self._looked[0] - before[0] < SHORTEST_S:
            return None
        elapsed, busy, own = (now - then for now, then in zip(self._looked, before, strict=True))
        return max(0.0, busy - own) / elapsed

    def _look(self) -> tuple[float, float, float] | None:
        """Return seconds by the clock, seconds that the cores were busy for anybody, and those for this process."""
        lines = re.findall(r"^cpu(\d+) (.*)$", _text(self._proc / "stat"), re.MULTILINE)
        columns = [list(map(int, numbers.split())) for core, numbers in lines if int(core) in self._cores]
        if not columns:
            return None
        ticks = sum(core[place] for core in columns for place in BUSY)
        return self._now_s(), ticks / TICKS_PER_S, self._own_s()


def _is_of_cpu(kind: str) -> bool:
    return bool(re.search(r"x86_pkg_temp|cpu|soc", kind, re.IGNORECASE))


def _text(path: Path) -> str:
    """Return a file's text; nothing where there is none or it may not be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
