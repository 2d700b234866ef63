from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.data.integrity import check
from harness.data.labels import SEMANTICKITTI
from harness.data.scan_figures import level_counts
from harness.data.semantickitti import SemanticKitti
from harness.data.statistics import statistics
from harness.errors import HarnessError

pytestmark = pytest.mark.real


def test_the_copy_is_partial_and_says_so(real_root: Path) -> None:
    with pytest.raises(HarnessError, match="00 lacks 4536 of 4541"):
        SemanticKitti(real_root).scan_ids("train")
    description = SemanticKitti(real_root, partial=True).description()
    assert description.partial
    assert description.scans == {"train": 50, "val": 5}


def test_all_scans_are_sound(real_root: Path) -> None:
    report = check(SemanticKitti(real_root, partial=True))
    assert report.ok, report.faults
    assert sum(sequence.scans for sequence in report.sequences.values()) == 55
    assert {Path(note.file).name for note in report.notes} == {"calib.txt"}
    assert len(report.notes) == 11
    for sequence in report.sequences.values():
        if sequence.scans:
            assert sequence.bounds["intensity"] == (0, pytest.approx(0.99))
            assert -81 < sequence.bounds["x_m"][0] < sequence.bounds["x_m"][1] < 81


def test_class_shares_are_those_of_streets(real_root: Path) -> None:
    figures = statistics(SemanticKitti(real_root, partial=True), "train", voxel_size_m=0.05, scans=20)
    assert 90_000 < figures.points_per_scan.min <= figures.points_per_scan.max < 135_000
    assert figures.range_m["p50"] == pytest.approx(10.2, rel=0.2)
    assert figures.range_m["max"] < 85
    assert 60_000 < figures.levels[0].voxels_per_scan.mean < 120_000
    for name, raw in (("road", 40), ("vegetation", 70), ("sidewalk", 48), ("building", 50)):
        official = SEMANTICKITTI.content[raw]
        assert official / 3 < figures.class_shares[name] < official * 3


def test_voxels_of_the_first_scan_match_the_published_count(real_root: Path) -> None:
    """91 852 voxels of 0.05 m, counted by the released SPVNAS definition."""
    scan = SemanticKitti(real_root, partial=True).read("00/000000")
    assert level_counts(scan, 0.05)[0][0] == 91_852
    assert scan.instances is not None
    assert np.unique(scan.instances).size > 1


@pytest.mark.parametrize("voxel_size_m", [0.05, 0.1, 0.2])
def test_voxels_are_those_of_float32_quotients(real_root: Path, voxel_size_m: float) -> None:
    """A few points of real scans lie where float32 and float64 quotients round to different cells."""
    dataset = SemanticKitti(real_root, partial=True)
    single, double = [], []
    for scan_id in [*dataset.scan_ids("train")[:10], *dataset.scan_ids("val")]:
        scan = dataset.read(scan_id)
        single.append(len(np.unique(np.rint(scan.xyz / np.float32(voxel_size_m)), axis=0)))
        double.append(len(np.unique(np.rint(scan.xyz.astype(np.float64) / voxel_size_m), axis=0)))
        assert level_counts(scan, voxel_size_m)[0][0] == single[-1], scan_id
    assert single != double
