from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from tiny_matrix import Notes, tiny

from backbones.sparse.engine import get_engine
from harness.config.parts import parts
from harness.errors import HarnessError
from harness.matrix import latency
from harness.matrix.data import prepare_data
from harness.matrix.latency import LatencySettings, measure_missing, networks_of
from harness.matrix.order import DataCopy
from harness.matrix.plan import plan
from harness.matrix.planned import PlannedPart
from harness.measure.latency.group import Group
from harness.measure.latency.records import read_records, sole_writer
from harness.spec import LatencyRecord

CPU = torch.device("cpu")


@pytest.fixture
def part(root: Path, tmp_path: Path) -> PlannedPart:
    copy = DataCopy("semantickitti", root)
    data = prepare_data(copy, tmp_path / "store", 0)
    [config] = parts(tiny())
    return PlannedPart(config, copy, data, tuple(plan(config, data.spec, 19)))


def test_teachers_and_students_are_networks_and_methods_are_not(part: PlannedPart) -> None:
    assert len(part.specs) == 4
    networks = networks_of([part])
    assert [network.backbone.width for network in networks] == [0.125, 0.0625]
    assert {network.engine for network in networks} == {get_engine("auto").name}


def test_only_what_has_no_record_is_measured(
    part: PlannedPart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole measurements are tested with real processes; here they are counted."""
    numbers = itertools.count(1)
    measured: list[int] = []

    def measure(group: Group, watcher: object) -> list[LatencyRecord]:
        measured.append(len(group.networks))
        return [record(group, place, f"commit {next(numbers)}") for place in range(len(group.networks))]

    def kept(group: Group, folder: Path) -> list[LatencyRecord] | None:
        return read_records(folder) or None

    monkeypatch.setattr(Group, "measure", measure)
    monkeypatch.setattr(Group, "kept", kept)
    settings, folder, watch = LatencySettings(2, 1, 1), tmp_path / "latency", Notes()

    def missing(again: bool = False) -> list[LatencyRecord]:
        groups = latency.groups_of(networks_of([part]), settings, CPU, watch)
        return measure_missing(folder, groups, watch, again)

    assert [one.commit for one in missing()] == ["commit 1", "commit 2"]
    assert sorted(str(one.commit) for one in missing()) == ["commit 1", "commit 2"]
    assert measured == [2], "both networks in one measurement, once"
    assert "kept" in watch.notes[-1]
    assert [one.commit for one in missing(again=True)] == ["commit 3", "commit 4"]
    assert sorted(str(one.commit) for one in read_records(folder)) == ["commit 3", "commit 4"]
    with sole_writer(folder), pytest.raises(HarnessError, match="another measurement writes to it"):
        missing(again=True)
    assert measured == [2, 2], "none is begun whose record could not be written"


def record(group: Group, place: int, commit: str) -> LatencyRecord:
    span = {"p50_ms": 1, "p95_ms": 1, "p99_ms": None, "mean_ms": 1, "mad_ms": 0}
    return LatencyRecord.model_validate({
        "dataset": group.scans.dataset, "synthetic": True, "backbone": group.networks[place].backbone.model_dump(),
        "engine": group.networks[place].engine, "engine_version": "2", "device_kind": "CPU", "device": "a CPU",
        "threads": 1, "torch": "2.5", "harness": "0", "commit": commit, "scan_ids": ("08/000000",),
        "scans_sha256": "ab", "voxels": (1,), "interleaved_with": (), "passes": 1, "end_to_end": span, "spans": {},
        "fit": None, "cold_start_ms": 1, "peak_memory_mib": 1, "energy_mj_per_scan": None, "processes": (),
        "verdict": "unstable", "reasons": ("made up",),
    })  # fmt: skip
