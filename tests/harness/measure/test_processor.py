from __future__ import annotations

from pathlib import Path

import pytest

from harness.measure import processor
from harness.measure.processor import TICKS_PER_S, Processor

CORES = frozenset({0, 2})


@pytest.fixture(autouse=True)
def _cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor.os, "sched_getaffinity", lambda pid: CORES, raising=False)


class System:
    """A machine's /proc and /sys, and this process on it."""

    def __init__(self, root: Path) -> None:
        self.root, self.now, self.own = root, 0.0, 0.0
        (root / "proc").mkdir()
        self.busy({0: 0.0, 1: 0.0, 2: 0.0})

    def busy(self, seconds: dict[int, float]) -> None:
        """Write so many seconds of work by core, spread over user, system and steal, beside much idleness."""
        lines = ["cpu  1 2 3 4 5 6 7 8 0 0"]
        for core, total in seconds.items():
            ticks = round(total * TICKS_PER_S)
            system, steal = ticks // 4, ticks // 2
            lines.append(f"cpu{core} {ticks - system - steal} 0 {system} 99999 77 0 0 {steal} 0 0")
        (self.root / "proc/stat").write_text("\n".join([*lines, "intr 1"]) + "\n")

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def processor(self) -> Processor:
        return Processor(self.root, lambda: self.own, lambda: self.now)


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)


def test_load_of_others_is_what_the_own_cores_did_less_the_own_part(system: System) -> None:
    found = system.processor()
    system.now, system.own = 10.0, 8.0
    system.busy({0: 9.0, 1: 10.0, 2: 2.0})  # core 1 is not for this process to run on
    assert found.load_of_others() == pytest.approx(0.3)
    system.now = 20.0
    system.busy({0: 9.0, 1: 20.0, 2: 7.0})
    assert found.load_of_others() == pytest.approx(0.5), "since the last time"
    system.now, system.own = 30.0, 10.0
    assert found.load_of_others() == 0.0, "ticks are counted later than the own time"


def test_load_is_not_told_too_soon_or_by_a_system_without_it(system: System, tmp_path: Path) -> None:
    found = system.processor()
    system.now = 0.49
    assert found.load_of_others() is None
    (tmp_path / "proc/stat").unlink()
    system.now = 9.0
    assert found.load_of_others() is None
    assert system.processor().load_of_others() is None


def test_the_clock_is_that_of_the_fastest_core(system: System) -> None:
    assert system.processor().clock_mhz() is None
    system.write("proc/cpuinfo", "processor : 0\ncpu MHz\t\t: 800.12\n\ncpu MHz\t\t: 3500.6\n")
    assert system.processor().clock_mhz() == 3501
    for core, kilohertz in {0: 1_200_000, 1: 5_000_000, 2: 2_400_400}.items():
        system.write(f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq", f"{kilohertz}\n")
    assert system.processor().clock_mhz() == 2400


def test_temperature_is_that_of_the_processor(system: System) -> None:
    assert system.processor().temperature_c() is None
    for zone, (kind, degrees) in enumerate([("acpitz", "90000"), ("x86_pkg_temp", "51600"), ("cpu-thermal", "lost")]):
        system.write(f"sys/class/thermal/thermal_zone{zone}/type", f"{kind}\n")
        system.write(f"sys/class/thermal/thermal_zone{zone}/temp", f"{degrees}\n")
    assert system.processor().temperature_c() == 52


def test_this_machine_can_be_asked() -> None:
    found = Processor()
    assert found.clock_mhz() is None or found.clock_mhz() > 100
    assert found.load_of_others() is None, "no time has passed"
