"""The check, the screen and the statistics do with nuScenes what they do with SemanticKITTI."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odd_files import lock

from harness.data.integrity import check
from harness.data.nuscenes.dataset import NuScenes
from harness.data.screen import scan_fault, screen
from harness.data.splits import SPLITS
from harness.data.statistics import statistics
from harness.errors import HarnessError
from harness.matrix.data import prepare_data
from harness.matrix.order import DataCopy

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
    assert report.dataset == "nuscenes"
    assert {name: counts.scans for name, counts in report.sequences.items()} == {
        "scene-0061": 2, "scene-0103": 2, "scene-0916": 1,
    }  # fmt: skip
    ids = scans(dataset)
    assert report.manifest == report.manifest_all == dataset.manifest(ids)
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
    assert (report.files, report.manifest, report.manifest_all) == (0, None, None)


def test_the_manifest_is_the_one_that_a_run_carries(write_set: Callable[..., Any], tmp_path: Path) -> None:
    root = write_set().root
    write_set({"scene-0077": 2}, version="v1.0-test")
    dataset, store = opened(root), tmp_path / "store"
    report = check(dataset, manifest=tmp_path / "manifest")
    assert report.ok
    copy = DataCopy("nuscenes", root, settings=dataset.settings)
    assert report.manifest == prepare_data(copy, store, workers=0).spec.manifest
    assert report.manifest_all == dataset.manifest(scans(dataset)) != report.manifest
    assert report.manifest_all == sha256((tmp_path / "manifest").read_bytes()).hexdigest()


def test_a_damaged_test_set_hides_no_fault_of_the_others(write_set: Callable[..., Any]) -> None:
    root = write_set().root
    write_set({"scene-0077": 1}, version="v1.0-test")
    first = scans(opened(root))[0]
    points = opened(root).points_path(first)
    points.write_bytes(bytes(9))
    (root / "v1.0-test/sample.json").write_text("[")
    report = check(opened(root))
    assert [Path(fault.file).name for fault in report.faults] == ["sample.json", points.name]
    assert report.sequences["scene-0061"].scans == 2
    assert report.manifest is not None


def test_a_copy_without_the_test_set_is_sound(whole_mini: Any) -> None:
    report = check(NuScenes(whole_mini.root, version="v1.0-mini"))
    assert report.ok, report.faults
    assert not report.partial
    assert [(Path(note.file).name, note.found) for note in report.notes] == [("v1.0-test", "no such folder")]
    assert "6008 scans" in report.notes[0].expected
    (whole_mini.root / "v1.0-test").symlink_to("nowhere")
    assert not check(NuScenes(whole_mini.root, version="v1.0-mini")).ok


def test_a_test_set_that_a_synthetic_set_declares_has_to_be_there(write_set: Callable[..., Any]) -> None:
    root = write_set().root
    write_set({"scene-0077": 2}, version="v1.0-test")
    shutil.rmtree(root / "v1.0-test")
    (fault,) = check(opened(root)).faults
    assert (Path(fault.file), fault.expected) == (root / "v1.0-test", "the 2 scans of it")


def test_missing_points_are_faults_unless_the_copy_is_partial(root: Path) -> None:
    dataset = opened(root)
    dataset.points_path(scans(dataset)[0]).unlink()
    assert len(check(opened(root)).faults) == 1
    report = check(opened(root, partial=True))
    assert report.ok
    assert report.partial


def test_a_folder_that_may_not_be_searched_hides_no_other_fault(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a user without rights on it; the superuser, who may run this test, has them on every folder."""
    first = scans(opened(root))[0]
    points = opened(root).points_path(first)
    points.write_bytes(bytes(9))
    lock(root / "lidarseg", monkeypatch)
    report = check(opened(root))
    names = [Path(fault.file).name for fault in report.faults]
    assert names[0] == points.name
    assert len([name for name in names if name.endswith("_lidarseg.bin")]) == 5
    assert {fault.found for fault in report.faults[1:]} == {"'Permission denied' on reading"}


def test_a_link_that_leaves_the_copy_is_no_part_of_the_manifest(root: Path, tmp_path: Path) -> None:
    points = opened(root).points_path(scans(opened(root))[0])
    (tmp_path / "secret").write_bytes(points.read_bytes())
    points.unlink()
    points.symlink_to(tmp_path / "secret")
    report = check(opened(root), manifest=tmp_path / "manifest")
    assert [Path(fault.file) for fault in report.faults] == [points]
    assert points.name not in (tmp_path / "manifest").read_text()
    assert report.files == len((tmp_path / "manifest").read_text().splitlines()) == 4 + 5 + 9


def test_the_first_missing_file_is_named(root: Path) -> None:
    dataset = opened(root)
    ids = [scan for scan in scans(dataset) if scan.startswith("scene-0061")]
    paths = [dataset.points_path(scan) for scan in ids]
    paths[1].unlink()
    (fault,) = check(opened(root)).faults
    assert (Path(fault.file), fault.found) == (paths[1], "nothing there, the one missing scan of scene-0061")
    paths[0].unlink()
    (fault,) = check(opened(root)).faults
    assert (Path(fault.file), fault.found) == (paths[0], "nothing there, the first of 2 missing scans of scene-0061")
    assert fault.expected == "the 2 scans of it"


def test_damaged_scans_are_left_out_and_listed(root: Path) -> None:
    dataset = opened(root, policy="skip-and-report")
    ids = dataset.scan_ids("train")
    dataset.labels_path(ids[1]).write_bytes(bytes(3))
    screened = screen(dataset, ids)
    assert screened.scan_ids == [ids[0]]
    assert [Path(fault.file) for _, fault in screened.skipped] == [dataset.labels_path(ids[1])]
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
