"""The check of keyframes, and of tables that not a scan can be read without."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.data.dataset import Policy
from harness.data.integrity import check
from harness.data.nuscenes.dataset import NuScenes
from harness.data.screen import screen
from harness.data.splits import SPLITS
from harness.errors import HarnessError

CATEGORIES = "v1.0-mini/category.json"

WriteSet = Callable[..., Any]


@pytest.fixture
def root(write_set: WriteSet) -> Path:
    made: Path = write_set().root
    return made


def opened(root: Path, **how: Any) -> NuScenes:
    return NuScenes(root, version="v1.0-mini", **how)


def scans(dataset: NuScenes) -> list[str]:
    listings = [listing for split in SPLITS for listing in dataset.completeness(split).sequences]
    return [f"{listing.sequence}/{frame}" for listing in listings for frame in listing.found]


def test_the_check_reads_every_file_and_lists_what_is_wrong(write_set: WriteSet) -> None:
    made = write_set()
    write_set({"scene-0077": 1}, version="v1.0-test")
    report = check(opened(made.root))
    assert report.ok
    assert not report.notes
    assert sum(report.class_points.values()) == 5 * 20
    assert report.sequences["scene-0061"].bounds["intensity"][1] <= 255
    first, second, third, *_ = made.lidar_rows()
    (made.root / first["filename"]).write_bytes(b"x" * 30)
    (made.root / second["filename"]).unlink()
    (made.root / f"lidarseg/v1.0-mini/{third['token']}_lidarseg.bin").write_bytes(b"x" * 30)
    (made.root / "lidarseg/v1.0-mini/other.bin").touch()
    report = check(opened(made.root))
    missing = "nothing there, the one missing scan of scene-0061"
    assert [fault.found for fault in report.faults] == [missing, "30 bytes", "30 bytes"]
    assert [note.found for note in report.notes] == ["1 files that lidarseg.json does not name (other.bin)"]


def test_broken_categories_are_one_fault_beside_those_of_the_scans(root: Path) -> None:
    dataset = opened(root)
    first, second, third, *_ = scans(dataset)
    sound = check(dataset)
    (root / CATEGORIES).write_text("[]")
    assert [Path(fault.file).name for fault in check(opened(root)).faults] == ["category.json"]
    dataset.points_path(first).write_bytes(bytes(9))
    dataset.labels_path(second).write_bytes(bytes(9))
    dataset.labels_path(third).unlink()
    report = check(opened(root))
    names = [dataset.points_path(first).name, dataset.labels_path(second).name, dataset.labels_path(third).name]
    assert [Path(fault.file).name for fault in report.faults] == [*names, "category.json"]
    assert report.class_points == {}
    assert report.sequences["scene-0916"] == sound.sequences["scene-0916"]


def test_every_broken_table_is_told_beside_the_categories(root: Path) -> None:
    (root / CATEGORIES).unlink()
    (root / "v1.0-mini/log.json").write_text("[]")
    report = check(opened(root))
    assert [Path(fault.file.partition(",")[0]).name for fault in report.faults] == ["scene.json", "category.json"]
    report.model_dump_json()


@pytest.mark.parametrize("policy", ["fail", "skip-and-report"])
def test_broken_categories_are_told_before_any_scan_is_read(root: Path, policy: Policy) -> None:
    (root / CATEGORIES).write_text("[]")
    dataset = opened(root, policy=policy)
    for path in (root / "samples/LIDAR_TOP").iterdir():
        path.write_bytes(b"")
    with pytest.raises(HarnessError, match=r"category\.json: found no category"):
        screen(dataset, dataset.scan_ids("train"))
