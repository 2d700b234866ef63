import os
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from harness.data.street.classes import MOVING, Raw
from harness.data.street.scan import Drive
from harness.data.street.sensor import FULL_AZIMUTHS, rays
from harness.data.street.statistics import RANGE_PERCENTILES, VOXEL_SIZES_M, ScanStatistics, scan_statistics

FIGURE_TOLERANCE = 0.15
SHARE_TOLERANCE = 0.35
MAIN_CLASSES = (Raw.ROAD, Raw.VEGETATION, Raw.TERRAIN, Raw.SIDEWALK, Raw.BUILDING, Raw.FENCE, Raw.CAR)
SMALLEST_SHOWN = 0.001
"""A figure below it is printed as 0.000, so no ratio is."""
SEEDS = (8, 9, 10, 11)
SEQUENCES = tuple(f"{number:02d}" for number in range(11))


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


def average(scans: list[ScanStatistics]) -> dict[str, float]:
    """Mean of every figure by its name in the table."""
    columns = {"points": [scan.points for scan in scans], "cells of 480x360x32": [scan.cells for scan in scans]}
    for index, percent in enumerate(RANGE_PERCENTILES):
        columns[f"range {percent} %, m"] = [scan.ranges_m[index] for scan in scans]
    for index, size in enumerate(VOXEL_SIZES_M):
        columns[f"voxels of {size} m"] = [scan.voxels[index] for scan in scans]
        columns[f"pairs per voxel at {size} m"] = [scan.pairs[index] for scan in scans]
    columns |= {f"{name_of(raw)}, %": [100 * scan.shares[raw] for scan in scans] for raw in Raw if raw < 252}
    return {name: float(np.mean(values)) for name, values in columns.items()}


def real_scans(root: Path) -> list[ScanStatistics]:
    files = sorted((root / "semantickitti" / "sequences").glob("*/velodyne/*.bin"))
    return [
        scan_statistics(
            np.fromfile(path, "<f4").reshape(-1, 4),
            np.fromfile(path.parent.parent / "labels" / f"{path.stem}.label", "<u4"),
        )
        for path in files
    ]


def synthetic_scans() -> list[ScanStatistics]:
    """One scan of each of eleven streets of four seeds, none of which served to adjust the streets."""
    turn, figures = rays(FULL_AZIMUTHS), []
    for seed, sequence in product(SEEDS, SEQUENCES):
        scan = next(Drive(seed, sequence, 11).scans(5, 6, turn))
        figures.append(scan_statistics(scan.points, scan.labels))
    return figures


@pytest.mark.real
def test_synthetic_scans_have_the_figures_of_real_ones():
    root = os.environ.get("HARNESS_REAL_DATA")
    if not root:
        pytest.skip("HARNESS_REAL_DATA is not set")
    real, synthetic = average(real_scans(Path(root))), average(synthetic_scans())
    lines = ["", "| figure | real | synthetic | ratio |", "|---|---:|---:|---:|"]
    for name, value in real.items():
        ratio = f"{synthetic[name] / value:.2f}" if value >= SMALLEST_SHOWN else "–"
        lines.append(f"| {name} | {shown(value)} | {shown(synthetic[name])} | {ratio} |")
    sys.stdout.write("\n".join([*lines, ""]))
    main = {f"{name_of(raw)}, %" for raw in MAIN_CLASSES}
    wrong = {
        name: (value, synthetic[name])
        for name, value in real.items()
        if ("%" not in name or name.startswith("range") or name in main)
        and abs(synthetic[name] / value - 1) > (SHARE_TOLERANCE if name in main else FIGURE_TOLERANCE)
    }
    assert not wrong
