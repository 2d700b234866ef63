"""At most so many voxels of each scan, the others dropped with all their points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from backbones.backbone import Voxelizer
from backbones.points import PointBatch
from backbones.voxelize import VoxelBatch


def cap_voxels(points: PointBatch, voxelize: Voxelizer, most: int, rngs: Sequence[np.random.Generator]) -> VoxelBatch:
    """Voxelise a batch and keep `most` voxels of each scan, drawn without replacement; a voxel's points go with it.

    The rule of the released SPVNAS recipe (re-read): the draw comes after the voxelisation, so that a voxel that stays
    is what it was, at the coordinates that it had.

    Args:
        points: N points.
        voxelize: turns them into what the network reads.
        most: voxels of a scan.
        rngs: one generator for each scan, for it and this epoch alone.
    """
    whole = voxelize(points)
    counts = torch.bincount(whole.scan_index, minlength=points.scans).tolist()
    if max(counts) <= most:
        return whole
    kept = torch.ones(len(whole.coordinates), dtype=torch.bool)
    for count, end, rng in zip(counts, np.cumsum(counts).tolist(), rngs, strict=True):
        if count > most:
            kept[end - count : end] = False
            kept[end - count + torch.from_numpy(rng.choice(count, most, replace=False))] = True
    # Made again from the points that stay, for only the voxeliser knows what its features are rows of. A grid that
    # begins at the scan's lowest cell may begin elsewhere now: hence the coordinates of before.
    again = voxelize(points.take(kept[whole.voxel_of_point]))
    return replace(again, coordinates=whole.coordinates[kept])
