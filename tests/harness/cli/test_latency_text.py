from __future__ import annotations

import io

import pytest
from made_up_record import MINKOWSKINET, record, together
from rich.console import Console

from harness.cli.latency_text import show_records
from harness.spec import LatencyRecord, MachineState

WIDE = MINKOWSKINET.model_copy(update={"width": 1.0})


def shown(*records: LatencyRecord) -> list[str]:
    console = Console(file=io.StringIO(), width=80)
    show_records(records, console)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def paragraph(*records: LatencyRecord) -> str:
    """Folded lines as one."""
    return " ".join(" ".join(shown(*records)).split())


@pytest.fixture
def spoilt() -> LatencyRecord:
    """A record whose device said a lot."""
    usual = record()
    told = {"temperature_c": 40, "power_w": 300.5, "other_processes": 0, "mig": False}
    before = MachineState(name="H200", driver="550.1", sm_clock_mhz=1980, memory_clock_mhz=3201, **told)
    after = before.model_copy(update={"power_w": 700.0, "throttle_reasons": ("sw_power_cap",)})
    changes = {"before": before, "after": after, "sm_clocks_mhz": (1200, 1980), "memory_clocks_mhz": (3201, 3201)}
    runs = tuple(run.model_copy(update=changes) for run in usual.processes)
    reasons = ("clock between 1200 and 1980 MHz", "a\x1b[2Jbad word")
    return usual.model_copy(update={"processes": runs, "verdict": "unstable", "reasons": reasons})


def test_all_that_the_device_said_is_shown(spoilt: LatencyRecord) -> None:
    assert (
        "state: clock 1200 to 1980 MHz; memory clock 3201 MHz; power 300.5 to 700 W; temperature 40 °C; "
        "throttle reasons: sw_power_cap; other processes 0 "
    ) in paragraph(spoilt)
    assert "state: clock not told; memory clock not told; power not told;" in paragraph(record())


def test_the_protocol_card_is_shown_once_for_what_networks_share() -> None:
    text = paragraph(*together(MINKOWSKINET, WIDE))
    for told in ("torch 2.13.0", "commit c0ffee", "scan list", "points abababababab", "engine version 1",
                 "precision fp32", "driver 550.1", "processes 3", "threads 4"):  # fmt: skip
        assert text.count(told) == 1, told
    assert text.count("network: width 0.5") == text.count("network: width 1 ") == 1
    assert "verdict stable" not in text, "the verdict has a line of its own"


def test_networks_of_one_name_are_told_apart() -> None:
    lines = shown(*together(MINKOWSKINET, MINKOWSKINET.model_copy(update={"voxel_size_m": 0.1})))
    names = [line.split()[0] for line in lines if line.startswith("minkowskinet-w0.5-")]
    assert len(names) == 4
    assert len(set(names)) == 2


def test_lines_are_folded_and_have_nothing_at_their_end_or_for_a_terminal(spoilt: LatencyRecord) -> None:
    lines = shown(spoilt)
    assert max(map(len, lines)) <= 110
    assert [line for line in lines if line != line.rstrip()] == []
    assert not any("\x1b" in line for line in lines)
    assert "UNSTABLE: clock between 1200 and 1980 MHz; a [2Jbad word" in paragraph(spoilt)


def test_scans_too_alike_have_no_line() -> None:
    assert "fit: none: scans of 100 to 110 voxels are too alike for a line" in paragraph(
        record(fit=None, voxels=(100, 110))
    )
