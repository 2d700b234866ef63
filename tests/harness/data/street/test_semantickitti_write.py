import errno
import hashlib
import json
import multiprocessing
import resource

import numpy as np
import pytest

from harness.data.labels import SEMANTICKITTI
from harness.data.poses import sensor_poses
from harness.data.semantickitti import SemanticKitti
from harness.data.street.semantickitti_write import synthesize_semantickitti
from harness.errors import HarnessError

AZIMUTHS = 360
SCANS = 16


def digest(root):
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(str(p.relative_to(root)).encode() + p.read_bytes() for p in files)).hexdigest()


def scan(root, sequence, frame):
    place = root / "sequences" / sequence
    points = np.fromfile(place / "velodyne" / f"{frame:06d}.bin", "<f4").reshape(-1, 4)
    return points, np.fromfile(place / "labels" / f"{frame:06d}.label", "<u4")


def labels_of(root, sequences):
    return [
        np.fromfile(path, "<u4") for name in sequences for path in sorted((root / "sequences" / name).rglob("*.label"))
    ]


@pytest.fixture(scope="module")
def streets(tmp_path_factory):
    out, steps = tmp_path_factory.mktemp("set") / "streets", []
    report = synthesize_semantickitti(out, SCANS, 0, AZIMUTHS, progress=lambda done, total: steps.append((done, total)))
    return report, steps


def test_the_report_shows_what_was_written(streets):
    report, steps = streets
    assert report.split_sizes == {"train": 10, "val": 4, "test": 2}
    assert steps[-1] == (SCANS, SCANS)
    assert [done for done, _ in steps] == sorted({done for done, _ in steps})
    bins = list(report.out.rglob("*.bin"))
    assert len(bins) == SCANS
    assert report.points == sum(path.stat().st_size for path in bins) // 16
    declared = json.loads((report.out / "synthetic.json").read_text())
    assert declared["sequences"] == {item.sequence: item.scans for item in report.sequences}
    assert (declared["seed"], declared["azimuths"]) == (0, AZIMUTHS)


def test_the_bytes_do_not_depend_on_the_number_of_workers(streets, tmp_path):
    report, _ = streets
    synthesize_semantickitti(tmp_path / "two", SCANS, 0, AZIMUTHS, workers=2)
    assert digest(tmp_path / "two") == digest(report.out)


def test_another_seed_gives_other_bytes(streets, tmp_path):
    report, _ = streets
    synthesize_semantickitti(tmp_path / "other", 3, 1, AZIMUTHS)
    assert not np.array_equal(scan(tmp_path / "other", "00", 0)[1], scan(report.out, "00", 0)[1])


def test_a_longer_sequence_begins_with_the_same_scans(streets, tmp_path):
    report, _ = streets
    synthesize_semantickitti(tmp_path / "more", 6, 0, AZIMUTHS, sequences=["08"])
    for frame in range(4):
        assert np.array_equal(scan(tmp_path / "more", "08", frame)[0], scan(report.out, "08", frame)[0])


@pytest.mark.parametrize("seed", [0, 1])
def test_all_19_classes_occur_in_train_and_in_val(streets, tmp_path, seed):
    root = streets[0].out if seed == 0 else synthesize_semantickitti(tmp_path / "set", SCANS, seed, AZIMUTHS).out
    for sequences in (("00",), ("08",)):
        raw = np.unique(np.concatenate(labels_of(root, sequences)) & 0xFFFF)
        assert {SEMANTICKITTI.raw_to_train[value] for value in raw.tolist()} == set(range(20))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_a_dozen_scans_show_all_19_classes_in_train_and_in_val(tmp_path, seed):
    root = synthesize_semantickitti(tmp_path / "set", 12, seed, 512).out
    for sequences in (("00",), ("08",)):
        raw = np.unique(np.concatenate(labels_of(root, sequences)) & 0xFFFF)
        assert {SEMANTICKITTI.raw_to_train[value] for value in raw.tolist()} >= set(range(1, 20))


def test_the_reader_reads_every_split(streets):
    dataset = SemanticKitti(streets[0].out)
    assert dataset.synthetic
    for split, size in streets[0].split_sizes.items():
        ids = dataset.scan_ids(split)
        assert len(ids) == size
        read = dataset.read(ids[0])
        assert (read.labels is None) == (split == "test")
    assert not (streets[0].out / "sequences" / "11" / "labels").exists()


def test_points_are_finite_in_range_and_labelled_one_by_one(streets):
    for frame in range(4):
        points, labels = scan(streets[0].out, "08", frame)
        ranges = np.linalg.norm(points[:, :3], axis=1)
        assert np.isfinite(points).all()
        assert len(points) == len(labels)
        assert 0.7 * 64 * AZIMUTHS < len(points) < 64 * AZIMUTHS
        assert ranges.min() > 2.0
        assert ranges.max() < 82.0
        assert 0 <= points[:, 3].min() <= points[:, 3].max() < 1
        assert set((labels & 0xFFFF).tolist()) <= set(SEMANTICKITTI.raw_to_train)


def test_poses_tell_of_a_drive_forward_and_bring_still_things_to_one_place(streets):
    place = streets[0].out / "sequences" / "08"
    poses = sensor_poses(place)
    assert np.allclose(poses[0], np.eye(4), atol=1e-9)
    assert (np.diff(poses[:, 0, 3]) > 0.5).all()
    assert np.allclose(np.loadtxt(place / "times.txt"), np.arange(4) * 0.1)
    centres: dict[int, list[np.ndarray]] = {}
    for frame, pose in enumerate(poses):
        points, labels = scan(streets[0].out, "08", frame)
        for label in np.unique(labels[(labels >> 16 > 0) & ((labels & 0xFFFF) < 100)]).tolist():
            mine = points[labels == label, :3]
            if len(mine) >= 12:
                centres.setdefault(label, []).append(np.median(mine, axis=0) @ pose[:3, :3].T + pose[:3, 3])
    drift = [np.linalg.norm(seen[0] - seen[-1]) for seen in centres.values() if len(seen) == 4]
    assert len(drift) >= 2
    assert max(drift) < 1.5, "the car itself went three metres meanwhile"


def test_an_instance_keeps_its_class_and_movers_move(streets):
    root = streets[0].out
    owner: dict[int, set[int]] = {}
    for labels in labels_of(root, ["08"]):
        for label in np.unique(labels[labels >> 16 > 0]).tolist():
            owner.setdefault(label >> 16, set()).add(label & 0xFFFF)
    assert all(len(classes) == 1 for classes in owner.values())
    assert len(owner) > 8
    poses = sensor_poses(root / "sequences" / "08")
    (first, first_labels), (last, last_labels) = scan(root, "08", 0), scan(root, "08", 3)
    shared = set(first_labels.tolist()) & set(last_labels.tolist())
    movers = [label for label in shared if label & 0xFFFF >= 252 and (first_labels == label).sum() > 5]
    assert movers
    for label in movers:
        before = first[first_labels == label, :3].mean(axis=0)
        after = last[last_labels == label, :3].mean(axis=0) @ poses[3, :3, :3].T + poses[3, :3, 3]
        assert np.linalg.norm(after - before) > 0.2


def test_a_folder_with_files_is_refused_and_left_alone(tmp_path):
    (tmp_path / "keep.txt").write_text("mine")
    with pytest.raises(HarnessError, match="files in it"):
        synthesize_semantickitti(tmp_path, 3, 0, AZIMUTHS)
    assert [path.name for path in tmp_path.iterdir()] == ["keep.txt"]


def test_an_empty_folder_is_filled(tmp_path):
    out = tmp_path / "empty"
    out.mkdir()
    assert synthesize_semantickitti(out, 3, 0, 32).points > 0
    assert (out / "synthetic.json").is_file()


@pytest.mark.parametrize("wrong", [{"azimuths": 1}, {"workers": 0}, {"seed": -1}])
def test_a_wrong_argument_is_refused(tmp_path, wrong):
    with pytest.raises(HarnessError, match=next(iter(wrong))):
        synthesize_semantickitti(tmp_path / "set", 3, **{"seed": 0, "azimuths": 32, **wrong})
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("workers", [1, 2])
def test_a_write_that_fails_names_the_file_and_leaves_nothing(tmp_path, workers):
    """The kernel refuses to let a file grow past a limit: the same path as a full disk, without filling one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(HarnessError, match=r"000000\.bin") as caught:
            synthesize_semantickitti(tmp_path / "set", 3, 0, AZIMUTHS, workers=workers)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.__cause__.errno == errno.EFBIG
    assert not any(tmp_path.iterdir())


def test_a_killed_worker_is_reported_and_leaves_nothing(tmp_path):
    def kill_a_worker(done: int, total: int) -> None:
        for child in multiprocessing.active_children():
            child.kill()

    with pytest.raises(HarnessError, match="killed"):
        synthesize_semantickitti(tmp_path / "set", 200, 0, 64, progress=kill_a_worker, workers=2)
    assert not any(tmp_path.iterdir())


def test_an_unwritable_place_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HarnessError, match="can be written"):
        synthesize_semantickitti(tmp_path / "file" / "set", 3, 0, 32)
