import json
import os
import sys
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from harness.data.street.classes import MOVING, Raw
from harness.data.street.hdl64e import BEAMS, FULL_AZIMUTHS, rays
from harness.data.street.scan import Drive
from harness.data.street.statistics import (
    RANGE_PERCENTILES,
    VOXEL_SIZES_M,
    class_shares,
    points_per_ring,
    scan_statistics,
)

TOLERANCE = 0.15
LEAST_HELD_PERCENT = 0.5
"""Classes with a smaller real share are shown and not held."""
SMALLEST_SHOWN = 0.001
"""A figure below it is printed as 0.000, so no ratio is."""
RING_GROUP = 8
ELEVATION_TOLERANCE_DEG = 0.35
SEEDS = (8, 9, 10, 11)
STREETS = tuple(product(SEEDS, [f"{number:02d}" for number in range(11)]))
"""Seeds and sequences, none of which served to adjust the streets."""
SHARE_FRAMES, SHARE_AZIMUTHS = range(5, 500, 70), 512
"""A class may stand every 200 m: shares need many places, and no fine turn."""
Figures = Mapping[str, float]


def test_figures_are_those_of_plain_loops():
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.uniform(-1, 1, (200, 4)), [[70.0, 3.0, 9.0, 0.0]]]).astype(np.float32)
    labels = np.full(201, int(Raw.MOVING_CAR) | 9 << 16, np.uint32)
    labels[:50] = int(Raw.ROAD)
    figures = scan_statistics(points, labels)
    for size, voxels, pairs in zip(VOXEL_SIZES_M, figures.voxels, figures.pairs, strict=True):
        occupied = {tuple(int(np.floor(float(c) / size)) for c in point[:3]) for point in points}
        near = [
            (x + i, y + j, z + k) in occupied
            for x, y, z in occupied
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
            for k in (-1, 0, 1)
        ]
        assert voxels == len(occupied)
        assert pairs == pytest.approx(sum(near) / len(occupied))
    cells = set()
    for x, y, z in points[:, :3].astype(np.float64):
        rho, height = min(np.hypot(x, y), 50.0), min(max(z, -4.0), 2.0)
        cells.add(
            (int(rho / (50 / 479)), int((np.arctan2(y, x) + np.pi) / (2 * np.pi / 359)), int((height + 4) / (6 / 31)))
        )
    assert figures.cells == len(cells)
    assert figures.shares[Raw.CAR] == pytest.approx(151 / 201)
    assert figures.shares[Raw.ROAD] == pytest.approx(50 / 201)
    assert all(figures.shares[moving] == 0 for moving in MOVING.values())
    assert figures.ranges_m[-1] == pytest.approx(np.linalg.norm([70.0, 3.0, 9.0]))


def name_of(raw: Raw) -> str:
    return raw.name.lower().replace("_", "-")


def shown(value: float) -> str:
    """Whole numbers from a hundred on, two decimals below, three below one."""
    if value >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def test_a_ring_ends_where_the_azimuth_falls_back():
    scan = next(Drive(0, "00", 2).scans(0, 1, rays(360)))
    assert np.array_equal(points_per_ring(scan.points), np.bincount(scan.ring, minlength=BEAMS))


def figures_of(points: np.ndarray, labels: np.ndarray) -> Figures:
    """Every figure of a scan but the shares, by its name in the table."""
    scan, per_ring = scan_statistics(points, labels), points_per_ring(points)
    assert len(per_ring) == BEAMS
    named: dict[str, float] = {"points": scan.points, "cells of 480x360x32": scan.cells}
    for ring, count in enumerate(per_ring.tolist()):
        named[f"ring {ring}"] = count
    for top in range(0, BEAMS, RING_GROUP):
        named[f"points of rings {top} to {top + RING_GROUP - 1}"] = per_ring[top : top + RING_GROUP].sum()
    for percent, value in zip(RANGE_PERCENTILES, scan.ranges_m, strict=True):
        named[f"range {percent} %, m"] = value
    for size, voxels, pairs in zip(VOXEL_SIZES_M, scan.voxels, scan.pairs, strict=True):
        named[f"voxels of {size} m"] = voxels
        named[f"pairs per voxel at {size} m"] = pairs
    return named


def shares_of(labels: np.ndarray) -> Figures:
    """Shares in percent by their names in the table."""
    return {f"{name_of(raw)}, %": 100 * share for raw, share in class_shares(labels).items() if raw < Raw.MOVING_CAR}


def mean(scans: Sequence[Figures]) -> dict[str, float]:
    return {name: float(np.mean([scan[name] for scan in scans])) for name in scans[0]}


def real_scans(root: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Points and labels of every real scan."""
    return [
        (
            np.fromfile(path, "<f4").reshape(-1, 4),
            np.fromfile(path.parent.parent / "labels" / f"{path.stem}.label", "<u4"),
        )
        for path in sorted((root / "semantickitti" / "sequences").glob("*/velodyne/*.bin"))
    ]


def synthetic_figures() -> dict[str, float]:
    """Means over one full scan of each street."""
    turn = rays(FULL_AZIMUTHS)
    scans = [next(Drive(seed, sequence, 11).scans(5, 6, turn)) for seed, sequence in STREETS]
    return mean([figures_of(scan.points, scan.labels) for scan in scans])


def synthetic_shares() -> dict[str, float]:
    """Means over several places of each street."""
    turn, shares = rays(SHARE_AZIMUTHS), []
    for seed, sequence in STREETS:
        drive = Drive(seed, sequence, SHARE_FRAMES.stop)
        shares += [shares_of(next(drive.scans(frame, frame + 1, turn)).labels) for frame in SHARE_FRAMES]
    return mean(shares)


@pytest.fixture(scope="module")
def real_root() -> Path:
    root = os.environ.get("HARNESS_REAL_DATA")
    if not root:
        pytest.skip("HARNESS_REAL_DATA is not set")
    return Path(root)


@pytest.mark.real
def test_rings_found_in_real_scans_look_where_the_beam_table_says(real_root):
    table = json.loads((real_root / "sensors" / "hdl64e_kitti.json").read_text())
    height, elevation = np.asarray(table["origin_z_offset_m"]), np.asarray(table["elevation_deg"])
    for points, _ in real_scans(real_root):
        per_ring = points_per_ring(points)
        assert len(per_ring) == BEAMS
        angle = np.arctan2(points[:, 2] - np.repeat(height, per_ring), np.hypot(points[:, 0], points[:, 1]))
        median = [np.median(ring) for ring in np.split(np.degrees(angle), np.cumsum(per_ring)[:-1])]
        assert np.abs(median - elevation).max() < ELEVATION_TOLERANCE_DEG


@pytest.mark.real
def test_synthetic_scans_have_the_figures_of_real_ones(real_root):
    scans = real_scans(real_root)
    real = mean([figures_of(*scan) for scan in scans]) | mean([shares_of(labels) for _, labels in scans])
    synthetic = synthetic_figures() | synthetic_shares()
    lines = ["", "| figure | real | synthetic | ratio |", "|---|---:|---:|---:|"]
    for name, value in real.items():
        ratio = f"{synthetic[name] / value:.2f}" if value >= SMALLEST_SHOWN else "–"
        if not name.startswith("ring "):
            lines.append(f"| {name} | {shown(value)} | {shown(synthetic[name])} | {ratio} |")
    rings = {name: synthetic[name] / value for name, value in real.items() if name.startswith("ring ")}
    worst = max(rings, key=lambda name: abs(rings[name] - 1))
    sys.stdout.write("\n".join([*lines, f"largest deviation of one ring: {worst}, {rings[worst]:.2f}", ""]))
    rare = {name for name, value in real.items() if name.endswith(", %") and value < LEAST_HELD_PERCENT}
    wrong = {
        name: (value, synthetic[name])
        for name, value in real.items()
        if name not in rare and abs(synthetic[name] / value - 1) > TOLERANCE
    }
    assert not wrong
