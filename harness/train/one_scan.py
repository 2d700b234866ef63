"""One scan of a batch alone: its points, its voxels, and what a network has said about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

import torch
from torch import Tensor

from backbones.output import SegmentationOutput, Stage
from backbones.sparse.kernel_map import KernelMapCache
from backbones.voxelize import VoxelBatch

RowsByScan: TypeAlias = Mapping[str, tuple[Tensor, Tensor]]
"""Tensors by name, [M, ...], each with the scan of its rows, [M] int64."""


def select_voxels(voxels: VoxelBatch, scan: int) -> VoxelBatch:
    """Return the batch of scan number `scan` alone, in the order of its rows, with an empty map cache."""
    points, of_scan = voxels.points, voxels.scan_index == scan
    of_points = points.scan_index == scan
    place = torch.cumsum(of_scan, 0) - 1
    return replace(
        voxels,
        points=replace(
            points.take(of_points),
            scan_index=torch.zeros_like(points.scan_index[of_points]),
            scan_ids=(points.scan_ids[scan],),
        ),
        coordinates=voxels.coordinates[of_scan] * voxels.coordinates.new_tensor([0, 1, 1, 1]),
        voxel_of_point=place[voxels.voxel_of_point[of_points]],
        features=voxels.features[of_scan if _by_voxel(voxels) else of_points],
        labels=None if voxels.labels is None else voxels.labels[of_scan],
        xyz=voxels.xyz[of_scan],
        maps=KernelMapCache(),
    )


def select_output(output: SegmentationOutput, voxels: VoxelBatch, scan: int) -> SegmentationOutput:
    """Return a network's rows of one scan.

    Args:
        output: for all scans of `voxels`.
        voxels: the batch.
        scan: number of the scan in it.
    """
    of_voxels, of_points = voxels.scan_index == scan, voxels.points.scan_index == scan
    return SegmentationOutput(
        point_logits=output.point_logits[of_points],
        voxel_logits=output.voxel_logits[of_voxels],
        prediction_logits=output.prediction_logits[of_voxels],
        point_features=output.point_features[of_points],
        voxel_features=output.voxel_features[of_voxels],
        stages={name: _select_stage(stage, scan) for name, stage in output.stages.items()},
    )


def input_rows(voxels: VoxelBatch) -> RowsByScan:
    """Return what networks and methods read of a batch."""
    points = voxels.points
    return {
        "features": (voxels.features, voxels.scan_index if _by_voxel(voxels) else points.scan_index),
        "xyz": (points.xyz, points.scan_index),
        "intensity": (points.intensity, points.scan_index),
    }


def output_rows(output: SegmentationOutput, voxels: VoxelBatch) -> RowsByScan:
    """Return everything that a network said about a batch, inner levels first, in the order of its forward pass."""
    of_points, of_voxels = voxels.points.scan_index, voxels.scan_index
    return {
        **{f"stage {name}": (stage.features, stage.scan_index) for name, stage in output.stages.items()},
        "prediction_logits": (output.prediction_logits, of_voxels),
        "voxel_logits": (output.voxel_logits, of_voxels),
        "point_logits": (output.point_logits, of_points),
        "voxel_features": (output.voxel_features, of_voxels),
        "point_features": (output.point_features, of_points),
    }


def _select_stage(stage: Stage, scan: int) -> Stage:
    chosen = stage.scan_index == scan
    return Stage(stage.features[chosen], torch.zeros_like(stage.scan_index[chosen]))


def _by_voxel(voxels: VoxelBatch) -> bool:
    """Tell whether the input has a row for each voxel, and not for each point."""
    return len(voxels.features) == len(voxels.coordinates)
