from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.measure.latency.records import read_records

TINY = ("--voxel-size", 4, "--width", 0.125, "--width", 0.0625, "--device", "cpu")


@pytest.fixture
def root(write_sequences) -> Path:
    return write_sequences({"00": 2, "08": 2}, points=150)


def test_fresh_processes_make_records_that_are_kept(harness, root: Path, tmp_path: Path) -> None:
    command = ("measure", "latency", "--semantickitti", root, "--scans", 2, *TINY, "--passes", 2, "--processes", 2,
               "--out", tmp_path)  # fmt: skip
    first = harness(*command, "--json")
    assert first.code == 0, first.err
    records = json.loads(first.out)
    assert [record["backbone"]["width"] for record in records] == [0.125, 0.0625]
    for record in records:
        assert (record["protocol"], record["device_kind"], record["synthetic"]) == ("latency-v1", "CPU", True)
        assert record["scan_ids"] == ["08/000000", "08/000001"]
        assert [run["number"] for run in record["processes"]] == [1, 2]
        assert [len(run["end_to_end_ms"]) for run in record["processes"]] == [2, 2]
        assert record["energy_mj_per_scan"] is None
        assert record["peak_memory_mib"] > 50
        assert record["verdict"] == "unstable"
        assert "2 processes instead of 3" in record["reasons"]
    assert sorted(record.model_dump_json() for record in read_records(tmp_path / "latency")) == sorted(
        json.dumps(record, separators=(",", ":"), ensure_ascii=False) for record in records
    )
    again = harness(*command)
    assert "and kept" in again.err
    assert again.out.startswith("CPU: ")
    told = " ".join(again.out.split())
    assert "2 scans of semantickitti (synthetic) × 2 passes × 2 processes, networks interleaved" in told
    assert "energy not measured" in told
    assert "UNSTABLE: 2 processes instead of 3; 2 passes in a process instead of 10" in told


@pytest.mark.parametrize(
    "options, told",
    [
        (("--matrix", "demo", "--backbone", "spvnas"), "--matrix decides --backbone"),
        (("--matrix", "demo", "--split", "train"), "--matrix decides --split"),
        (("--set", "engine=portable", "--scan", "SCAN"), "--set is of --matrix"),
        (("--quick", "--passes", 3, "--scan", "SCAN"), "--quick decides --passes"),
        (("--again", "--scan", "SCAN"), "--again is of records that are kept"),
        (("--matrix", "nothing-like-it"), "nothing-like-it"),
        (("--scan", "SCAN", "--engine", "steam"), "steam"),
    ],
)
def test_options_that_contradict_each_other(harness, root: Path, options: tuple[object, ...], told: str) -> None:
    scan = root / "sequences/08/velodyne/000000.bin"
    result = harness("measure", "latency", *(scan if option == "SCAN" else option for option in options))
    assert result.code == 2
    assert told in " ".join(result.err.split())
