from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.data.labels import SEMANTICKITTI_MULTISCAN
from harness.data.multiscan import SemanticKittiMultiScan
from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError

pytestmark = pytest.mark.real

# Velodyne to camera, as the KITTI odometry set gives it.
TR = {
    "00-02": """
4.276802385584e-04 -9.999672484946e-01 -8.084491683471e-03 -1.198459927713e-02 -7.210626507497e-03 8.081198471645e-03
-9.999413164504e-01 -5.403984729748e-02 9.999738645903e-01 4.859485810390e-04 -7.206933692422e-03 -2.921968648686e-01
""",
    "03-03": """
2.347736981471e-04 -9.999441545438e-01 -1.056347781105e-02 -2.796816941295e-03 1.044940741659e-02 1.056535364138e-02
-9.998895741176e-01 -7.510879138296e-02 9.999453885620e-01 1.243653783865e-04 1.045130299567e-02 -2.721327964059e-01
""",
    "04-10": """
-1.857739385241e-03 -9.999659513510e-01 -8.039975204516e-03 -4.784029760483e-03 -6.481465826011e-03 8.051860151134e-03
-9.999466081774e-01 -7.337429464231e-02 9.999773098287e-01 -1.805528627661e-03 -6.496203536139e-03 -3.339968064433e-01
""",
}
STATIC = [SEMANTICKITTI_MULTISCAN.names.index(name) for name in ("building", "fence", "trunk", "pole", "traffic-sign")]
CELL_M, NEAR_M = 0.2, 0.1


@pytest.fixture(scope="module")
def copy(real_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real scans by links, with the calibration that the copy lacks."""
    root = tmp_path_factory.mktemp("aligned")
    for folder in sorted((real_root / "sequences").iterdir()):
        mine = root / "sequences" / folder.name
        mine.mkdir(parents=True)
        for name in ("velodyne", "labels", "poses.txt"):
            (mine / name).symlink_to(folder / name)
        [tr] = [text for span, text in TR.items() if span[:2] <= folder.name <= span[3:]]
        (mine / "calib.txt").write_text((folder / "calib.txt").read_text() + "Tr: " + " ".join(tr.split()) + "\n")
    return root


def share_met(past: NDArray[np.float32], current: NDArray[np.float32]) -> float:
    """Share of past points with a current point within 0.1 m in the same 0.2 m cell."""
    cells: dict[tuple[int, ...], list[NDArray[np.float32]]] = {}
    for point in current:
        cells.setdefault(tuple(np.floor(point / CELL_M).astype(int)), []).append(point)
    met = 0
    for point in past:
        neighbours = cells.get(tuple(np.floor(point / CELL_M).astype(int)), [])
        met += any(np.linalg.norm(point - other) < NEAR_M for other in neighbours)
    return met / len(past)


@pytest.mark.parametrize("sequence", ["00", "01", "03", "07", "08"])
def test_what_stands_still_meets_itself(copy: Path, sequence: str) -> None:
    dataset = SemanticKittiMultiScan(copy, partial=True, past_scans=1, stride=4)
    scan = dataset.read(f"{sequence}/000008")
    past = SemanticKitti(copy, partial=True).read(f"{sequence}/000004")
    assert scan.labels is not None
    assert scan.asked is not None
    assert len(scan) == scan.asked.sum() + len(past)
    static = np.isin(scan.labels[~scan.asked], STATIC) & (np.linalg.norm(past.xyz, axis=1) < 20)
    rows = np.flatnonzero(static)[:: max(1, static.sum() // 2000)]
    current = scan.xyz[scan.asked]
    current = current[np.linalg.norm(current, axis=1) < 25]
    aligned, as_it_was = share_met(scan.xyz[~scan.asked][rows], current), share_met(past.xyz[rows], current)
    assert np.linalg.norm(np.subtract(*dataset.poses(sequence)[[8, 4], :3, 3])) > 0.5, "the car drives"
    assert aligned > 0.55
    assert aligned > 2 * as_it_was


def test_moving_classes_are_there(copy: Path) -> None:
    dataset = SemanticKittiMultiScan(copy, partial=True, stride=2)
    counts = np.zeros(26, dtype=np.int64)
    for scan_id in [*dataset.scan_ids("train"), *dataset.scan_ids("val")]:
        counts += np.bincount(dataset.read_labels(scan_id), minlength=26)
    found = {dataset.class_names[train] for train in np.flatnonzero(counts)}
    assert {"moving-car", "moving-person", "moving-motorcyclist"} <= found
    assert counts[20:].sum() > 10_000


def test_two_past_scans_of_every_second_frame(copy: Path) -> None:
    dataset = SemanticKittiMultiScan(copy, partial=True, stride=2)
    assert dataset.past_ids("08/000008") == ["08/000006", "08/000004"]
    assert dataset.past_ids("08/000002") == ["08/000000"]
    scan = dataset.read("08/000008")
    assert scan.asked is not None
    assert 2.8 < len(scan) / scan.asked.sum() < 3.2
    plain = SemanticKitti(copy, partial=True).read("08/000008")
    assert scan.take(scan.asked).xyz.tobytes() == plain.xyz.tobytes()
    assert SemanticKittiMultiScan(copy, partial=True).past_ids("08/000008") == ["08/000006"], "08/000007 is not there"


def test_a_copy_without_tr_says_what_to_do(real_root: Path) -> None:
    with pytest.raises(HarnessError, match=r"no Tr: line.*Take calib\.txt from the calibration files"):
        SemanticKittiMultiScan(real_root, partial=True).read("08/000008")
