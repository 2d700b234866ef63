from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from made_reports import order, report

from backbones.sparse.engine import get_engine
from harness.measure.device import describe_device
from harness.measure.latency.group import Group
from harness.measure.latency.merge import merge
from harness.measure.latency.order import named
from harness.measure.latency.records import write_record
from harness.measure.latency.scan_source import ScanSource, points_sha256
from harness.version import VERSION

CPU = torch.device("cpu")


@pytest.fixture
def group(write_sequences) -> Group:
    root: Path = write_sequences({"08": 2}, points=20)
    scans = ScanSource(dataset="semantickitti", root=root, partial=True, scans=("08/000000", "08/000001"))
    return Group(scans, tuple(order(1.0, 0.5).networks.values()), 10, 3, CPU, "a commit")


@pytest.fixture
def folder(group: Group, tmp_path: Path) -> Path:
    return made(group, tmp_path / "latency")


def made(group: Group, folder: Path) -> Path:
    """Write the records that the group would have made."""
    facts = {
        "device": describe_device(CPU),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "scans_sha256": points_sha256(group.scans.read()),
    }
    networks = named(group.scans.dataset, group.networks)
    told = order().model_copy(update={"scans": group.scans, "networks": networks})
    reports = [report(told.model_copy(update={"number": number}), **facts) for number in (1, 2, 3)]
    for record in merge(told, reports, "a commit").values():
        engine_version = get_engine(record.engine).version
        write_record(folder, record.model_copy(update={"engine_version": engine_version}))
    return folder


def test_records_of_the_very_same_measurement_are_kept(group: Group, folder: Path) -> None:
    kept = group.kept(folder)
    assert kept is not None
    assert [record.backbone.width for record in kept] == [1.0, 0.5]
    assert all(record.harness == VERSION for record in kept)
    assert group.kept(folder.parent / "nothing") is None


@pytest.mark.parametrize(
    "change",
    [{"passes": 11}, {"processes": 4}, {"commit": "another"}, {"commit": None}, {"networks": 1}, {"scans": 1}],
)
def test_another_measurement_keeps_none(group: Group, folder: Path, change: dict[str, object]) -> None:
    if "networks" in change:
        change = {"networks": group.networks[:1]}
    if "scans" in change:
        change = {"scans": group.scans.model_copy(update={"scans": ("08/000000",)})}
    assert replace(group, **change).kept(folder) is None


def test_records_of_networks_of_one_name_are_kept_as_well(group: Group, tmp_path: Path) -> None:
    first = group.networks[0]
    coarse = first.model_copy(update={"backbone": first.backbone.model_copy(update={"voxel_size_m": 0.1})})
    alike = replace(group, networks=(first, coarse))
    kept = alike.kept(made(alike, tmp_path / "latency"))
    assert kept is not None
    assert [record.backbone.voxel_size_m for record in kept] == [0.05, 0.1]
    assert replace(group, networks=(first,)).kept(tmp_path / "latency") is None, "it was timed beside another"


def test_a_group_is_measured_as_a_whole(group: Group, folder: Path) -> None:
    next(folder.glob("*w0.5*")).unlink()
    assert group.kept(folder) is None
