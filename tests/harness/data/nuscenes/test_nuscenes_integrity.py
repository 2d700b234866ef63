"""The check, the screen and the statistics do with nuScenes what they do with SemanticKITTI."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.data.integrity import check
from harness.data.manifest import manifest_hash
from harness.data.nuscenes.dataset import NuScenes
from harness.data.screen import scan_fault, screen
from harness.data.splits import SPLITS
from harness.data.statistics import statistics
from harness.errors import HarnessError

POINTS = 20


@pytest.fixture
def root(write_set: Callable[..., Any]) -> Path:
    made: Path = write_set().root
    return made


def opened(root: Path, **how: Any) -> NuScenes:
    return NuScenes(root, version="v1.0-mini", **how)


def scans(dataset: NuScenes) -> list[str]:
    listings = [listing for split in SPLITS for listing in dataset.completeness(split).sequences]
    return [f"{listing.sequence}/{frame}" for listing in listings for frame in listing.found]


def test_a_sound_copy_passes_with_its_scenes_bounds_and_manifest(root: Path) -> None:
    dataset = opened(root)
    report = check(dataset)
    assert report.ok, report.faults
    assert report.notes == ()
    assert report.dataset == "nuscenes"
    assert {name: counts.scans for name, counts in report.sequences.items()} == {
        "scene-0061": 2, "scene-0103": 2, "scene-0916": 1,
    }  # fmt: skip
    ids = scans(dataset)
    assert report.manifest == dataset.manifest(ids)
    points = np.concatenate(
        [np.fromfile(dataset.points_path(i), "<f4").reshape(-1, 5) for i in ids if i.startswith("scene-0061")]
    )
    for column, name in enumerate(("x_m", "y_m", "z_m", "intensity")):
        assert report.sequences["scene-0061"].bounds[name] == (points[:, column].min(), points[:, column].max())
    assert sum(report.class_points.values()) == 5 * POINTS
    assert check(dataset, workers=2) == report


def test_every_fault_is_listed_at_once(root: Path) -> None:
    dataset = opened(root)
    first, second, third, fourth, fifth = scans(dataset)
    dataset.points_path(first).write_bytes(bytes(9))
    labels = dataset.labels_path(second)
    labels.unlink()
    os.mkfifo(labels)
    dataset.labels_path(third).write_bytes(b"\xff" * POINTS)
    points = dataset.points_path(fourth)
    points.unlink()
    points.symlink_to("/dev/zero")
    cloud = np.fromfile(dataset.points_path(fifth), "<f4")
    cloud.byteswap().tofile(dataset.points_path(fifth))
    dataset.labels_path(fifth).write_bytes(b"")
    report = check(opened(root))
    assert sorted(Path(fault.file).name for fault in report.faults) == sorted(
        [
            dataset.points_path(first).name,
            labels.name,
            dataset.labels_path(third).name,
            points.name,
            dataset.points_path(fifth).name,
            dataset.labels_path(fifth).name,
        ]
    )


def test_tables_that_cannot_be_read_are_the_one_fault(root: Path) -> None:
    (root / "v1.0-mini/scene.json").write_text("[")
    report = check(opened(root))
    assert [Path(fault.file).name for fault in report.faults] == ["scene.json"]
    assert report.manifest == manifest_hash({})


def test_missing_points_are_faults_unless_the_copy_is_partial(root: Path) -> None:
    dataset = opened(root)
    dataset.points_path(scans(dataset)[0]).unlink()
    assert [fault.found for fault in check(opened(root)).faults] == ["1 scans"]
    report = check(opened(root, partial=True))
    assert report.ok
    assert report.partial


def test_damaged_scans_are_left_out_and_listed(root: Path) -> None:
    dataset = opened(root, policy="skip-and-report")
    ids = dataset.scan_ids("train")
    dataset.labels_path(ids[1]).write_bytes(bytes(3))
    screened = screen(dataset, ids)
    assert screened.scan_ids == [ids[0]]
    assert [Path(fault.file) for fault in screened.skipped] == [dataset.labels_path(ids[1])]
    dataset.points_path(ids[0]).write_bytes(bytes(7))
    with pytest.raises(HarnessError, match="2 scans, every one damaged"):
        screen(dataset, ids)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(of_labels=st.booleans(), content=st.binary(max_size=POINTS * 40))
def test_any_bytes_are_read_or_refused_by_reader_and_check_alike(root: Path, of_labels: bool, content: bytes) -> None:
    dataset = opened(root)
    scan = scans(dataset)[0]
    path = dataset.labels_path(scan) if of_labels else dataset.points_path(scan)
    data = path.read_bytes()
    path.write_bytes(content)
    faults, read = check(dataset).faults, scan_fault(dataset, scan) is None
    path.write_bytes(data)
    assert [Path(fault.file).name for fault in faults] == ([] if read else [path.name])


def test_statistics_are_those_of_plain_counting(root: Path) -> None:
    dataset = opened(root)
    figures = statistics(dataset, "val", voxel_size_m=0.5, scans=2)
    ids = dataset.scan_ids("val")
    assert (figures.dataset, figures.scans, figures.scans_found) == ("nuscenes", 2, 3)
    labels = [int(c) for scan in (ids[0], ids[-1]) for c in dataset.read_labels(scan)]
    assert figures.class_points == {name: labels.count(c) for c, name in enumerate(dataset.class_names)}
