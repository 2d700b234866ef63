from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backbones.backbone import Voxelizer
from backbones.build import build_voxelizer
from backbones.points import PointBatch
from harness.data.cap import cap_voxels
from harness.data.draws import generator

VOXELIZERS = {
    "minkowskinet": build_voxelizer("minkowskinet", 4.0),
    "spvnas": build_voxelizer("spvnas", 4.0),
    "cylinder3d": build_voxelizer("cylinder3d", None, {"grid": [12, 9, 4]}),
}


def a_batch(sizes: list[int], seed: int = 0) -> PointBatch:
    draws, points = torch.Generator().manual_seed(seed), sum(sizes)
    return PointBatch(
        xyz=torch.randn(points, 3, generator=draws) * torch.tensor([12.0, 12.0, 2.0]),
        intensity=torch.arange(points, dtype=torch.float32),
        scan_index=torch.repeat_interleave(torch.tensor(sizes)),
        labels=torch.randint(0, 20, (points,), generator=draws),
        scan_ids=tuple(f"00/{number:06d}" for number in range(len(sizes))),
        asked=torch.rand(points, generator=draws) < 0.5,
    )


def rngs(batch: PointBatch, epoch: int = 0) -> list[np.random.Generator]:
    return [generator(0, epoch, scan_id, "voxels") for scan_id in batch.scan_ids]


@pytest.mark.parametrize("voxelize", VOXELIZERS.values(), ids=VOXELIZERS)
@given(sizes=st.lists(st.integers(1, 80), min_size=1, max_size=3), most=st.integers(1, 60), seed=st.integers(0, 99))
def test_a_voxel_that_stays_is_what_it_was(voxelize: Voxelizer, sizes: list[int], most: int, seed: int) -> None:
    batch = a_batch(sizes, seed)
    whole, capped = voxelize(batch), cap_voxels(batch, voxelize, most, rngs(batch))
    before = [tuple(row) for row in whole.coordinates.tolist()]
    after = [tuple(row) for row in capped.coordinates.tolist()]
    for scan in range(len(sizes)):
        held = sum(row[0] == scan for row in before)
        assert sum(row[0] == scan for row in after) == min(held, most)
    assert [row for row in before if row in set(after)] == after
    by_point = len(capped.features) == len(capped.points.xyz) and whole.extents is not None
    stay = [n for n, voxel in enumerate(whole.voxel_of_point.tolist()) if before[voxel] in set(after)]
    assert capped.points.intensity.int().tolist() == stay  # every point of a kept voxel and no other, in order
    for column in ("xyz", "labels", "asked", "scan_index"):
        assert torch.equal(getattr(capped.points, column), getattr(batch, column)[stay])
    for place, point in enumerate(stay):
        assert after[capped.voxel_of_point[place]] == before[whole.voxel_of_point[point]]
        if by_point:
            assert torch.equal(capped.features[place], whole.features[point])
    assert capped.labels is not None
    assert whole.labels is not None
    for row, cell in enumerate(after):
        old = before.index(cell)
        assert capped.labels[row] == whole.labels[old]
        assert torch.equal(capped.xyz[row], whole.xyz[old])
        if not by_point:
            assert torch.equal(capped.features[row], whole.features[old])


def test_every_voxel_is_as_likely_to_stay() -> None:
    batch, voxelize = a_batch([30], 5), VOXELIZERS["minkowskinet"]
    rows = [tuple(row) for row in voxelize(batch).coordinates.tolist()]
    counts = dict.fromkeys(rows, 0)
    for epoch in range(600):
        for row in cap_voxels(batch, voxelize, len(rows) // 2, rngs(batch, epoch)).coordinates.tolist():
            counts[tuple(row)] += 1
    share = len(rows) // 2 / len(rows)
    assert max(abs(count / 600 - share) for count in counts.values()) < 0.1


def test_a_scan_is_capped_alike_whatever_is_in_its_batch() -> None:
    batch, voxelize = a_batch([60, 70], 1), VOXELIZERS["cylinder3d"]
    alone = batch.take(batch.scan_index == 0)
    alone = PointBatch(alone.xyz, alone.intensity, alone.scan_index, alone.labels, batch.scan_ids[:1], alone.asked)
    capped, single = (cap_voxels(one, voxelize, 9, rngs(one)) for one in (batch, alone))
    assert torch.equal(capped.coordinates[:9], single.coordinates)
    assert len(capped.coordinates) == 18
