from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from drives import a_drive, moved_by_loops, turned, write_drive
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backbones.build import build_backbone, build_voxelizer
from backbones.points import PointBatch
from harness.data.collate import collate
from harness.data.labels import SEMANTICKITTI_MULTISCAN
from harness.data.loader import TrainingScans, load_batches, prefetch
from harness.data.multiscan import SemanticKittiMultiScan
from harness.data.open import open_dataset
from harness.data.poses import PosesUnavailable
from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError
from harness.evaluate.evaluate import predict
from harness.spec import Augmentation

WriteSequences = Callable[..., Path]
RAW_IDS = tuple(SEMANTICKITTI_MULTISCAN.raw_to_train)


@pytest.fixture
def root(write_sequences: WriteSequences) -> Path:
    """Six scans to train on, three to evaluate on and three without labels; 50, 53, 56, … points."""
    scans = {"00": 6, "08": 3, "11": 3}
    path = write_sequences(scans, raw_ids=RAW_IDS)
    for place, (sequence, frames) in enumerate(scans.items()):
        write_drive(path, sequence, a_drive(frames, seed=place))
    return path


def alone(root: Path, scan_id: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, remissions and label words of one scan, straight from its files."""
    folder, frame = root / "sequences" / scan_id[:2], scan_id[3:]
    points = np.fromfile(folder / f"velodyne/{frame}.bin", "<f4").reshape(-1, 4)
    return points[:, :3], points[:, 3], np.fromfile(folder / f"labels/{frame}.label", "<u4")


@pytest.mark.parametrize(
    ("past_scans", "stride", "scan_id", "past"),
    [
        (2, 1, "00/000005", ["00/000004", "00/000003"]),
        (2, 1, "00/000001", ["00/000000"]),
        (2, 1, "00/000000", []),
        (4, 1, "00/000003", ["00/000002", "00/000001", "00/000000"]),
        (2, 2, "00/000005", ["00/000003", "00/000001"]),
        (2, 2, "00/000003", ["00/000001"]),
        (3, 5, "00/000005", ["00/000000"]),
        (0, 1, "00/000005", []),
    ],
)
def test_a_scan_stands_before_those_of_its_past(
    root: Path, past_scans: int, stride: int, scan_id: str, past: list[str]
) -> None:
    dataset = SemanticKittiMultiScan(root, past_scans=past_scans, stride=stride)
    scan, drive = dataset.read(scan_id), a_drive(6)
    assert scan.asked is not None
    assert scan.labels is not None
    assert scan.instances is not None
    assert scan.scan_id == scan_id
    xyz, remission, words = alone(root, scan_id)
    assert scan.xyz[scan.asked].tobytes() == xyz.tobytes()
    assert scan.asked.tolist() == [True] * len(xyz) + [False] * (len(scan) - len(xyz))
    expected_xyz, intensities, expected_words = [xyz], [remission], [words]
    for past_id in past:
        xyz, remission, words = alone(root, past_id)
        expected_xyz.append(np.array(moved_by_loops(xyz, drive[int(past_id[3:])], drive[int(scan_id[3:])])))
        intensities.append(remission)
        expected_words.append(words)
    np.testing.assert_allclose(scan.xyz, np.concatenate(expected_xyz), atol=2e-5)
    assert scan.xyz.dtype == np.float32
    assert scan.intensity.tobytes() == np.concatenate(intensities).tobytes()
    raw = np.concatenate(expected_words).tolist()
    assert scan.labels.tolist() == [SEMANTICKITTI_MULTISCAN.raw_to_train[word % 65536] for word in raw]
    assert scan.instances.tolist() == [word // 65536 for word in raw]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(
    angles=st.lists(st.tuples(*[st.floats(-3, 3)] * 3), min_size=6, max_size=6),
    tr_angles=st.tuples(*[st.floats(-3, 3)] * 3),
    past_scans=st.integers(0, 5),
    stride=st.integers(1, 5),
)
def test_any_drive_and_any_mounting(root: Path, angles, tr_angles, past_scans: int, stride: int) -> None:  # type: ignore[no-untyped-def]
    drive = [turned(turns, (0.5 * frame, 0, -frame)) for frame, turns in enumerate(angles)]
    tr = turned(tr_angles, (0.3, -0.2, 0.1))
    write_drive(root, "00", drive, tr)
    scan = SemanticKittiMultiScan(root, past_scans=past_scans, stride=stride).read("00/000005")
    frames = [5, *list(range(5 - stride, -1, -stride))[:past_scans]]
    expected = [moved_by_loops(alone(root, f"00/{frame:06d}")[0], drive[frame], drive[5], tr) for frame in frames]
    np.testing.assert_allclose(scan.xyz, np.concatenate(expected), atol=2e-5)


def test_the_points_of_a_standing_car_stay_where_they_are(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 2})
    scan = SemanticKittiMultiScan(root).read("00/000001")
    assert scan.xyz.tobytes() == alone(root, "00/000001")[0].tobytes() + alone(root, "00/000000")[0].tobytes()


def test_the_current_scan_is_the_single_scan_but_for_its_classes(root: Path) -> None:
    multi, single = SemanticKittiMultiScan(root), SemanticKitti(root)
    for scan_id in single.scan_ids("train"):
        scan, plain = multi.read(scan_id), single.read(scan_id)
        assert scan.asked is not None
        current = scan.take(scan.asked)
        assert current.xyz.tobytes() == plain.xyz.tobytes()
        assert current.intensity.tobytes() == plain.intensity.tobytes()
        np.testing.assert_array_equal(multi.read_labels(scan_id), current.labels)
    assert multi.scan_ids("train") == single.scan_ids("train")


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


def as_points(points: PointBatch) -> PointBatch:
    return points


@pytest.mark.filterwarnings("ignore:This DataLoader will create 4 worker processes")
def test_the_same_bytes_for_any_number_of_workers(root: Path) -> None:
    dataset = SemanticKittiMultiScan(root)
    dataset.read("00/000001")
    batches = [[scan_id] for scan_id in dataset.scan_ids("train")]
    alone, four = (
        [batch.xyz.numpy().tobytes() for batch in prefetch(dataset.read, batches, as_points, workers)]
        for workers in (0, 4)
    )
    assert alone == four
    scans = TrainingScans(dataset, tuple(dataset.scan_ids("train")), Augmentation(max_points=60), seed=3)
    voxelize = build_voxelizer("minkowskinet", 0.5)
    epochs = [[batch.points for batch in load_batches(scans, 1, 2, voxelize, 0, workers)] for workers in (0, 1)]
    for here, there in zip(*epochs, strict=True):
        assert torch.equal(here.xyz, there.xyz)
        assert here.asked is not None
        assert there.asked is not None
        assert torch.equal(here.asked, there.asked)
        assert not here.asked.all()


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


@pytest.mark.parametrize(("backbone", "voxel_size_m"), [("minkowskinet", 4.0), ("cylinder3d", None)])
def test_a_network_predicts_the_current_scan(root: Path, backbone: str, voxel_size_m: float | None) -> None:
    torch.manual_seed(0)
    dataset = SemanticKittiMultiScan(root)
    batch = collate([dataset.read("08/000001"), dataset.read("08/000002")])
    network = build_backbone(backbone, 0.0625, dataset.label_map.classes)
    voxelize = build_voxelizer(backbone, voxel_size_m)
    network.train()
    output = network(voxelize(batch))
    assert len(output.voxel_logits) == len(voxelize(batch).coordinates)
    [(points, labels)] = predict(network, voxelize, [batch], torch.device("cpu"))
    assert len(labels) == len(points.xyz) == 53 + 56
    assert points.labels is not None
    truth = np.concatenate([dataset.read_labels(f"08/{frame:06d}") for frame in (1, 2)])
    assert points.labels.numpy().tolist() == truth.tolist()
    assert 1 <= labels.min() <= labels.max() <= 25


def test_a_voxel_of_the_current_scan_has_its_label(root: Path) -> None:
    """The first point of a voxel stands for it, and those of the current scan come first."""
    write_drive(root, "08", [np.eye(4)] * 3)
    path = root / "sequences/08/velodyne"
    for frame in range(3):
        points = np.fromfile(path / f"{frame:06d}.bin", "<f4").reshape(-1, 4)
        points[:, :3] = np.arange(len(points))[:, None]
        points.tofile(path / f"{frame:06d}.bin")
    dataset = SemanticKittiMultiScan(root)
    voxels = build_voxelizer("minkowskinet", 0.5)(collate([dataset.read("08/000002")]))
    assert voxels.labels is not None
    current = dataset.read_labels("08/000002")
    assert voxels.labels[voxels.voxel_of_point[: len(current)]].tolist() == current.tolist()
