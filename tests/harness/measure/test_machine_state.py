from __future__ import annotations

from pathlib import Path

import torch

from harness.measure.device import describe_device
from harness.measure.machine_state import Machine
from harness.measure.nvml import LIBRARY, Card
from harness.measure.processor import Processor

CPU = torch.device("cpu")


def test_a_cpu_tells_its_clock_and_nothing_of_cards(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("cpu MHz\t\t: 2100.000\n")
    machine = Machine(CPU, processor=Processor(tmp_path))
    state = machine.state()
    assert (state.name, state.sm_clock_mhz) == (describe_device(CPU), 2100)
    assert (state.driver, state.other_processes, state.power_w, state.load) == (None, None, None, None)
    assert machine.untold() == {}


def test_a_card_without_a_library_leaves_everything_open_and_says_why() -> None:
    machine = Machine(CPU, Card(None, unknown={LIBRARY: "not installed"}))
    state = machine.state()
    told = state.model_dump(exclude={"name", "throttle_reasons"})
    assert set(told.values()) == {None}
    assert machine.untold() == {LIBRARY: "not installed"}
