"""Where the points of past scans come to lie, and what stays as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drives import WriteSequences, a_drive, alone, moved_by_loops, turned, write_drive, write_drives
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.data.labels import SEMANTICKITTI_MULTISCAN
from harness.data.multiscan import SemanticKittiMultiScan
from harness.data.semantickitti import SemanticKitti


@pytest.fixture
def root(write_sequences: WriteSequences) -> Path:
    return write_drives(write_sequences)


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
