"""The HDL-32E on the synthetic streets against the one real keyframe at hand.

One keyframe is one street, so what belongs to its furniture can't be told from what belongs to the sensor.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from harness.data.street.draws import generator
from harness.data.street.hdl32e import BEAMS, FULL_AZIMUTHS, HDL32E, elevations_deg, turn
from harness.data.street.keyframe import keyframe
from harness.data.street.nuscenes_write import CITY
from harness.data.street.scan import Drive
from harness.data.street.scene import Street
from harness.data.street.statistics import NUSCENES_Z_M, RANGE_PERCENTILES, VOXEL_SIZES_M, scan_statistics

TOLERANCE = 0.15
NEAR_M, LOST_M = 1.5, 0.48
SEEDS, SCENES, FRAME = (8, 9, 10, 11), ("scene-0061", "scene-0103", "scene-0916", "scene-0077"), 25
"""Streets that did not serve to adjust the sensor."""


def figures(points: np.ndarray) -> dict[str, float]:
    """Every figure of a keyframe [N, 5] by its name in the table; distances but the first two beyond 1.5 m."""
    ranges = np.linalg.norm(points[:, :3].astype(np.float64), axis=1)
    far = points[ranges > NEAR_M]
    scan = scan_statistics(far, np.zeros(len(far), np.uint32), NUSCENES_Z_M)
    named = {
        "points": float(len(points)),
        "lost echoes": float((ranges < LOST_M).sum()),
        "echoes of the own roof": float(((ranges >= LOST_M) & (ranges <= NEAR_M)).sum()),
        "points beyond 1.5 m": float(len(far)),
    }
    rings = np.bincount(far[:, 4].astype(int), minlength=BEAMS)
    for first in range(0, BEAMS, 4):
        named[f"points of rings {first} to {first + 3}"] = float(rings[first : first + 4].sum())
    named["cells of 480x360x32"] = scan.cells
    named |= {f"range {q} %, m": value for q, value in zip(RANGE_PERCENTILES, scan.ranges_m, strict=True)}
    for size, voxels, pairs in zip(VOXEL_SIZES_M, scan.voxels, scan.pairs, strict=True):
        named |= {f"voxels of {size} m": voxels, f"pairs per voxel at {size} m": pairs}
    named |= {f"intensity {q} %": float(np.percentile(far[:, 3], q)) for q in (5, 25, 50, 75, 95)}
    return named


def real_keyframe() -> np.ndarray:
    root = os.environ.get("HARNESS_REAL_DATA")
    if not root:
        pytest.skip("HARNESS_REAL_DATA is not set")
    return np.fromfile(next((Path(root) / "nuscenes").glob("*.pcd.bin")), "<f4").reshape(-1, 5)


def synthetic_figures() -> Mapping[str, float]:
    """Means over a keyframe of each street."""
    full, found = turn(FULL_AZIMUTHS), []
    for seed, scene in product(SEEDS, SCENES):
        drive = Drive(seed, scene, FRAME + 1, HDL32E, CITY)
        returns = next(drive.scans(FRAME, FRAME + 1, full.rays))
        scan = keyframe(full, returns, drive.ego.velocity(FRAME), generator(seed, scene, "keyframe"))
        found.append(figures(scan.points))
    return {name: float(np.mean([scan[name] for scan in found])) for name in found[0]}


def shown(value: float) -> str:
    """Whole numbers from a hundred on, two decimals below."""
    return f"{value:,.0f}".replace(",", " ") if value >= 100 else f"{value:.2f}"


def test_its_streets_are_wider_and_denser_built_than_the_default_ones_and_alike_in_all_else():
    for seed in SEEDS:
        default, city = (Street.draw(seed, SCENES[0], *chosen) for chosen in ((), (CITY,)))
        assert city.half_width_m == pytest.approx(default.half_width_m + 5.0)
        assert default.built_share < 0.62 < 0.8 <= city.built_share <= 1.0
        same = {"half_width_m": default.half_width_m, "built_share": default.built_share}
        assert replace(city, **same) == default


@pytest.mark.real
def test_synthetic_keyframes_have_the_figures_of_the_real_one():
    real, synthetic = figures(real_keyframe()), synthetic_figures()
    lines = ["", "| figure | real | synthetic | ratio |", "|---|---:|---:|---:|"]
    lines += [f"| {k} | {shown(v)} | {shown(synthetic[k])} | {synthetic[k] / v:.2f} |" for k, v in real.items()]
    sys.stdout.write("\n".join([*lines, ""]))
    wrong = {
        name: (value, synthetic[name]) for name, value in real.items() if abs(synthetic[name] / value - 1) > TOLERANCE
    }
    assert not wrong


@pytest.mark.real
def test_the_real_file_is_ordered_as_the_synthetic_one():
    """Firing by firing from the left, clockwise, in each firing from the lowest ring up; elevations within 0.03°.

    The points are taken back to where the sensor was, which the lost echoes of a firing show.
    """
    real = real_keyframe().reshape(-1, BEAMS, 5).astype(np.float64)
    assert len(real) == FULL_AZIMUTHS
    assert (real[:, :, 4] == np.arange(BEAMS)).all()
    lost = [
        (index, place[counts.argmax()])
        for index, firing in enumerate(real)
        for place, counts in [np.unique(firing[:, :3], axis=0, return_counts=True)]
        if counts.max() > 1
    ]
    index, place = np.array([i for i, _ in lost]), np.stack([p for _, p in lost])
    path = np.polyfit(index, place, 2)
    seen = real[:, :, :3] - np.stack([np.polyval(path[:, axis], np.arange(len(real))) for axis in range(3)], 1)[:, None]
    ranges = np.linalg.norm(seen, axis=2)
    far = ranges > 3.0
    for ring, nominal in enumerate(elevations_deg()):
        elevation = np.degrees(np.arcsin(seen[:, ring, 2][far[:, ring]] / ranges[:, ring][far[:, ring]]))
        assert abs(np.median(elevation) - nominal) < 0.03
    azimuth = np.unwrap(
        [np.median(np.arctan2(f[:, 1], f[:, 0])[k]) for f, k in zip(seen, far, strict=True)], period=np.pi
    )
    slope = np.degrees(np.polyfit(np.arange(len(azimuth)), np.unwrap(azimuth), 1)[0])
    assert slope == pytest.approx(-360 / FULL_AZIMUTHS, rel=0.01)
