import math
from collections import Counter

import numpy as np
import pvd_reference as reference
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from kd_inputs import wave

from backbones.points import PointBatch
from backbones.voxelize import voxelize_first_point
from baselines.pvd.settings import PVDSettings
from baselines.supervoxels import SupervoxelGrid

GRID = SupervoxelGrid.from_settings(PVDSettings())
coordinate = st.floats(-80, 80, width=32)


def test_ninety_six_blocks():
    assert GRID.shape == (4, 6, 4)
    assert GRID.blocks == 96


@given(st.lists(st.tuples(coordinate, coordinate, st.floats(-10, 10, width=32)), min_size=1, max_size=20))
def test_blocks_equal_the_reference(positions):
    expected = [reference.flat(reference.block_of(*position)) for position in positions]
    assert GRID.block_of(torch.tensor(positions, dtype=torch.float32)).tolist() == expected


def test_single_cells_equal_the_reference():
    grid = SupervoxelGrid.from_settings(PVDSettings(block_size=(1, 1, 1)))
    anywhere = torch.stack([wave((2000,), axis, size) for axis, size in enumerate((60.0, 60.0, 5.0))], dim=1)
    # Heights as near to a border as float32 gets, where arithmetic in float32 falls into the wrong cell.
    border = torch.tensor([[1.0, 1.0, -4 + cell * 6 / 31] for cell in range(32)], dtype=torch.float64)
    xyz = torch.cat([anywhere, border]).float()
    expected = [reference.block_of(*position, block=(1, 1, 1)) for position in xyz.tolist()]
    assert grid.block_of(xyz).tolist() == [(r * 360 + a) * 32 + h for r, a, h in expected]


@pytest.mark.parametrize(
    ("position", "block"),
    [
        ((0.0, 0.0, 0.0), (0, 2, 2)),
        ((0.0, 0.0, -99.0), (0, 2, 0)),
        ((0.0, 0.0, 99.0), (0, 2, 3)),
        ((500.0, 0.0, 0.0), (3, 2, 2)),
        # The two sides of the cut behind the sensor are the first and the last sector: the angle does not wrap.
        ((-10.0, -1e-6, 0.0), (0, 0, 2)),
        ((-10.0, 1e-6, 0.0), (0, 5, 2)),
        # 360 cells share 359 intervals, so the middle lies in cell 179 and the fourth sector starts a little later.
        ((10.0, 0.08, 0.0), (0, 2, 2)),
        ((10.0, 0.09, 0.0), (0, 3, 2)),
        # 120 cells of 50/479 m end at 12.526 m.
        ((12.52, 0.0, 0.0), (0, 2, 2)),
        ((12.53, 0.0, 0.0), (1, 2, 2)),
    ],
)
def test_borders(position, block):
    assert GRID.block_of(torch.tensor([position])).item() == reference.flat(block)


def test_outer_arcs():
    arcs = GRID.outer_radius_m()
    assert arcs.unique().tolist() == pytest.approx([120 * ring * 50 / 479 for ring in (1, 2, 3, 4)])
    assert arcs[:24].unique().numel() == 1


def test_a_grid_that_starts_away_from_the_sensor():
    grid = SupervoxelGrid.from_settings(
        PVDSettings(grid=(11, 2, 2), block_size=(5, 2, 2), lowest=(10, -3, -4), highest=(30, 3, 2))
    )
    assert grid.outer_radius_m().tolist() == [20, 30, 32]
    assert grid.block_of(torch.tensor([[5.0, 0, 0], [19.9, 0, 0], [20.1, 0, 0], [99.0, 0, 0]])).tolist() == [0, 0, 1, 2]


def test_blocks_that_do_not_divide_the_grid():
    grid = SupervoxelGrid.from_settings(PVDSettings(block_size=(200, 360, 32)))
    assert grid.shape == (3, 1, 1)
    assert grid.outer_radius_m().tolist() == pytest.approx([200 * 50 / 479, 400 * 50 / 479, 480 * 50 / 479])
    far = torch.tensor([[10.0, 0.0, 0.0], [30.0, 0.0, 0.0], [80.0, 0.0, 0.0]])
    assert grid.block_of(far).tolist() == [0, 1, 2]


def test_no_points():
    assert GRID.block_of(torch.zeros((0, 3))).shape == (0,)


@pytest.mark.parametrize(
    "wrong",
    [
        {"grid": (1, 360, 32)},
        {"block_size": (0, 60, 8)},
        {"lowest": (0.0, -math.pi, 3.0)},
        {"blocks": 0},
        {"temperature": 0.0},
        {"sampler": "hard"},
        {"bloks": 4},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PVDSettings(**wrong)


def read(path):
    return torch.from_numpy(np.fromfile(path, dtype=np.float32).reshape(-1, 4)[:, :3].copy())


@pytest.mark.real
def test_occupied_blocks_of_a_real_scan(real_root):
    xyz = read(real_root / "sequences/00/velodyne/000000.bin")
    points = torch.bincount(GRID.block_of(xyz), minlength=GRID.blocks)
    expected = Counter(reference.flat(reference.block_of(*position)) for position in xyz.tolist())
    assert {block: count for block, count in enumerate(points.tolist()) if count} == expected
    held = points[points > 0].double()
    quantiles = torch.quantile(held, torch.tensor([0, 0.25, 0.5, 0.75, 0.9, 1], dtype=torch.float64)).tolist()
    assert len(held) == 65
    assert quantiles == pytest.approx([1, 193, 473, 2322, 6592.2, 13355])


@pytest.mark.real
def test_occupied_blocks_of_all_real_scans(real_root):
    """How many blocks there are to draw from, and how many of them the default caps leave whole."""
    settings, occupied, points, voxels = PVDSettings(), [], [], []
    for path in sorted(real_root.glob("sequences/*/velodyne/*.bin")):
        xyz = read(path)
        batch = PointBatch(xyz, xyz[:, 0], torch.zeros(len(xyz), dtype=torch.int64), None, (path.stem,))
        per_block = torch.bincount(GRID.block_of(xyz), minlength=GRID.blocks)
        voxels_per_block = torch.bincount(GRID.block_of(voxelize_first_point(batch, 0.05).xyz), minlength=GRID.blocks)
        assert torch.equal(per_block > 0, voxels_per_block > 0)
        occupied.append(int((per_block > 0).sum()))
        points.append(per_block[per_block > 0])
        voxels.append(voxels_per_block[per_block > 0])
    assert (len(occupied), min(occupied), max(occupied), sum(occupied)) == (55, 57, 80, 3860)
    assert (torch.cat(points) <= settings.points_per_block).double().mean() == pytest.approx(0.687, abs=5e-4)
    assert (torch.cat(voxels) <= settings.voxels_per_block).double().mean() == pytest.approx(0.528, abs=5e-4)
