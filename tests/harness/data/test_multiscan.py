from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from drives import WriteSequences, a_drive, alone, write_drive, write_drives

from harness.data.labels import SEMANTICKITTI_MULTISCAN
from harness.data.multiscan import SemanticKittiMultiScan
from harness.data.open import open_dataset
from harness.data.poses import PosesUnavailable
from harness.errors import HarnessError


@pytest.fixture
def root(write_sequences: WriteSequences) -> Path:
    return write_drives(write_sequences)


def test_the_test_split_has_past_scans_but_no_labels(root: Path) -> None:
    scan = SemanticKittiMultiScan(root).read("11/000002")
    assert len(scan) == 50 + 53 + 56
    assert scan.labels is None
    assert scan.instances is None


def test_past_scans_that_a_partial_copy_lacks_are_left_out(root: Path) -> None:
    for frame in ("000003", "000001"):
        (root / f"sequences/00/velodyne/{frame}.bin").unlink()
    partial_copy = SemanticKittiMultiScan(root, partial=True)
    assert partial_copy.past_ids("00/000005") == ["00/000004"]
    assert len(partial_copy.read("00/000004")) == len(alone(root, "00/000004")[0]) + len(alone(root, "00/000002")[0])
    assert partial_copy.description().partial
    with pytest.raises(HarnessError, match=r"000003\.bin: found 'No such file"):
        SemanticKittiMultiScan(root).read("00/000005")


def test_a_damaged_past_scan_is_named(root: Path) -> None:
    (root / "sequences/00/labels/000004.label").write_bytes(bytes(4))
    for partial_copy in (False, True):
        with pytest.raises(HarnessError, match=r"labels/000004\.label: found 4 bytes"):
            SemanticKittiMultiScan(root, partial=partial_copy).read("00/000005")


def test_a_link_to_nowhere_is_damage_not_a_gap(root: Path) -> None:
    path = root / "sequences/00/velodyne/000004.bin"
    path.unlink()
    path.symlink_to("gone.bin")
    with pytest.raises(HarnessError, match=r"000004\.bin"):
        SemanticKittiMultiScan(root, partial=True).read("00/000005")


def test_poses_are_asked_for_even_by_the_first_scan(root: Path) -> None:
    (root / "sequences/00/calib.txt").write_text("P0: 1\n")
    with pytest.raises(PosesUnavailable, match=r"calib\.txt: found P0 but no Tr: line.*Take calib\.txt"):
        SemanticKittiMultiScan(root).read("00/000000")
    (root / "sequences/00/poses.txt").unlink()
    with pytest.raises(PosesUnavailable):
        SemanticKittiMultiScan(root).read("00/000003")


def test_a_scan_beyond_the_poses_is_named(root: Path) -> None:
    write_drive(root, "00", a_drive(5))
    SemanticKittiMultiScan(root).read("00/000004")
    with pytest.raises(HarnessError, match=r"poses\.txt: found 5 poses; expected at least 6, one a frame"):
        SemanticKittiMultiScan(root).read("00/000005")


def test_labels_and_points_can_be_counted_without_poses(root: Path) -> None:
    (root / "sequences/08/poses.txt").unlink()
    dataset = SemanticKittiMultiScan(root)
    assert [len(dataset.read_labels(scan_id)) for scan_id in dataset.scan_ids("val")] == [50, 53, 56]


def test_every_file_that_is_read_is_listed(root: Path) -> None:
    def of(frame: str) -> list[str]:
        return [f"sequences/00/velodyne/{frame}.bin", f"sequences/00/labels/{frame}.label"]

    dataset = SemanticKittiMultiScan(root)
    drive = ["sequences/00/poses.txt", "sequences/00/calib.txt"]
    assert dataset.files("00/000002") == [*of("000002"), *of("000001"), *of("000000"), *drive]
    assert dataset.files("00/000000") == [*of("000000"), *drive]
    names = ("velodyne/000000.bin", "poses.txt", "calib.txt")
    assert dataset.files("11/000000") == [f"sequences/11/{name}" for name in names]


def test_the_manifest_covers_past_scans_and_poses(root: Path) -> None:
    def manifest() -> str:
        return SemanticKittiMultiScan(root).manifest(["00/000002"])

    seen = {manifest()}
    write_drive(root, "00", a_drive(6, seed=5))
    seen.add(manifest())
    path = root / "sequences/00/velodyne/000001.bin"
    path.write_bytes(path.read_bytes()[::-1])
    seen.add(manifest())
    assert len(seen) == 3
    path = root / "sequences/00/velodyne/000003.bin"
    path.write_bytes(path.read_bytes()[::-1])
    assert manifest() in seen


def test_poses_are_read_once_and_stay_at_home(root: Path) -> None:
    dataset = SemanticKittiMultiScan(root)
    fresh = len(pickle.dumps(dataset))
    before = dataset.read("00/000005")
    (root / "sequences/00/poses.txt").unlink()
    assert dataset.read("00/000005").xyz.tobytes() == before.xyz.tobytes()
    assert len(pickle.dumps(dataset)) < fresh + 50
    with pytest.raises(PosesUnavailable):
        pickle.loads(pickle.dumps(dataset)).read("00/000005")


def test_settings_are_checked_and_recorded(root: Path) -> None:
    dataset = open_dataset("semantickitti-multiscan", root, settings={"past_scans": 4})
    assert dataset.settings == {"past_scans": 4, "stride": 1}
    assert dataset.description().settings == dataset.settings
    assert dataset.description().label_map == SEMANTICKITTI_MULTISCAN.hash
    assert len(dataset.read("00/000005")) == sum(len(alone(root, f"00/{f:06d}")[0]) for f in range(1, 6))
    for wrong in ({"past_scans": -1}, {"past_scans": 21}, {"stride": 0}, {"stride": 51}, {"frames": 2}):
        with pytest.raises(HarnessError, match=next(iter(wrong))):
            open_dataset("semantickitti-multiscan", root, settings=wrong)
    assert open_dataset("semantickitti-multiscan", root).settings == {"past_scans": 2, "stride": 1}
