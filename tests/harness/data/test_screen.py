from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.data.multiscan import SemanticKittiMultiScan
from harness.data.screen import screen
from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError

WriteSequences = Callable[..., Path]


@pytest.fixture
def damaged(write_sequences: WriteSequences) -> Path:
    root = write_sequences({"00": 4})
    (root / "sequences/00/velodyne/000001.bin").write_bytes(bytes(7))
    (root / "sequences/00/labels/000003.label").write_bytes(bytes(4))
    return root


def test_damaged_scans_are_left_out_and_listed(damaged: Path) -> None:
    dataset = SemanticKitti(damaged, policy="skip-and-report")
    screened = screen(dataset, dataset.scan_ids("train"))
    assert screened.scan_ids == ["00/000000", "00/000002"]
    assert [(scan_id, Path(fault.file).name) for scan_id, fault in screened.skipped] == [
        ("00/000001", "000001.bin"),
        ("00/000003", "000003.label"),
    ]
    assert screened.skipped[0][1].found == "7 bytes"


def test_a_damaged_past_scan_leaves_out_every_scan_that_is_read_with_it(damaged: Path) -> None:
    (damaged / "sequences/00/labels/000003.label").write_bytes(bytes(4 * 59))
    dataset = SemanticKittiMultiScan(damaged, policy="skip-and-report", past_scans=1)
    screened = screen(dataset, dataset.scan_ids("train"))
    assert screened.scan_ids == ["00/000000", "00/000003"]
    assert [(scan_id, Path(fault.file).name) for scan_id, fault in screened.skipped] == [
        ("00/000001", "000001.bin"),
        ("00/000002", "000001.bin"),
    ]


def test_by_default_a_damaged_scan_stops_the_run(damaged: Path) -> None:
    dataset = SemanticKitti(damaged)
    screened = screen(dataset, dataset.scan_ids("train"))
    assert screened.scan_ids == dataset.scan_ids("train")
    with pytest.raises(HarnessError, match=r"000001\.bin"):
        dataset.read("00/000001")


def test_nothing_left_is_an_error(damaged: Path) -> None:
    with pytest.raises(HarnessError, match="2 scans, every one damaged"):
        screen(SemanticKitti(damaged, policy="skip-and-report"), ["00/000001", "00/000003"])
