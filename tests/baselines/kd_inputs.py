"""Batches and network outputs for the tests of distillation methods, made without any random stream."""

from __future__ import annotations

import numpy as np
import torch

from backbones.output import SegmentationOutput, Stage
from backbones.points import PointBatch
from backbones.voxelize import VoxelBatch
from baselines.method import MethodContext

CLASSES = 5
# Class 4 and 5 hold less than 1 % of the 10 000 labelled points; the ignored ones do not count.
COUNTS = (5000, 6000, 3000, 900, 60, 40)
MINORITY = {4, 5}
STAGES = ("down1", "down2", "up1")


def channels(width: int) -> dict[str, int]:
    """Channels of each stage of a made-up network whose last features have `width` of them."""
    return {"down1": width, "down2": 2 * width, "up1": width}


def context_of(student_width: int, teacher_width: int) -> MethodContext:
    """What a method may know of two made-up networks."""
    return MethodContext(
        class_counts=COUNTS,
        student_stages=channels(student_width),
        teacher_stages=channels(teacher_width),
        middle_stage="down2",
        level_stages=STAGES,
        last_stage="up1",
        student_features=student_width,
        teacher_features=teacher_width,
    )


CONTEXT = context_of(4, 8)


def wave(shape: tuple[int, ...], phase: float, size: float = 1.0) -> torch.Tensor:
    """Fixed float64 numbers without pattern, the same on every machine: fractional parts of a fast sine."""
    index = np.arange(int(np.prod(shape)), dtype=np.float64)
    return torch.from_numpy(size * np.sin(12.9898 * index + 78.233 * phase + 0.37 * index * index % 7.0).reshape(shape))


def batch_of(points: list[int], voxels: list[int], phase: float = 0.0, labels: int = CLASSES) -> VoxelBatch:
    """A batch with that many points and voxels per scan; a voxel stands on one of its scan's points."""
    scan = torch.arange(len(points)).repeat_interleave(torch.tensor(points))
    count = len(scan)
    reach = torch.stack([wave((count,), phase + axis, size) for axis, size in enumerate((55.0, 55.0, 4.0))], dim=1)
    xyz = (reach - torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)).float()
    label = (wave((count,), phase + 4, 1e4).abs().long() % (labels + 1)) if labels else torch.zeros(count).long()
    starts = np.cumsum([0, *points[:-1]])
    stands = torch.cat([torch.arange(v) + int(start) for v, start in zip(voxels, starts, strict=True)])
    voxel_scan = scan[stands]
    row = torch.arange(len(stands))
    return VoxelBatch(
        points=PointBatch(xyz, torch.zeros(count), scan, label, tuple(f"00/{i:06d}" for i in range(len(points)))),
        coordinates=torch.stack([voxel_scan, row, row, row], dim=1),
        voxel_of_point=torch.zeros(count, dtype=torch.int64),
        features=torch.zeros((len(stands), 4)),
        labels=label[stands],
        xyz=xyz[stands],
    )


def output_of(batch: VoxelBatch, width: int, phase: float, classes: int = CLASSES) -> SegmentationOutput:
    """Float64 outputs of a made-up network for a batch."""
    points, voxels = len(batch.points.xyz), len(batch.coordinates)
    stages = {}
    for number, (name, count) in enumerate(channels(width).items()):
        scan = batch.scan_index[:: 1 + number]  # the coarser a stage, the fewer rows
        stages[name] = Stage(wave((len(scan), count), phase + 0.5 + 0.1 * number), scan)
    return SegmentationOutput(
        point_logits=wave((points, classes), phase + 0.1, 3.0),
        voxel_logits=wave((voxels, classes), phase + 0.2, 3.0),
        prediction_logits=wave((voxels, classes), phase + 0.2, 3.0),
        point_features=wave((points, width), phase + 0.3),
        voxel_features=wave((voxels, width), phase + 0.4),
        stages=stages,
    )


def generators(scans: int, seed: int = 7) -> list[torch.Generator]:
    """One generator per scan."""
    return [torch.Generator().manual_seed(seed + scan) for scan in range(scans)]


def scan_of(batch: VoxelBatch, scan: int) -> tuple[VoxelBatch, torch.Tensor, torch.Tensor]:
    """One scan of a batch as a batch of its own, and which points and voxels it took."""
    points, voxels = batch.points.scan_index == scan, batch.scan_index == scan
    coordinates = batch.coordinates[voxels].clone()
    coordinates[:, 0] = 0
    inside = PointBatch(
        batch.points.xyz[points],
        batch.points.intensity[points],
        torch.zeros(int(points.sum()), dtype=torch.int64),
        None if batch.points.labels is None else batch.points.labels[points],
        (batch.points.scan_ids[scan],),
    )
    alone = VoxelBatch(
        points=inside,
        coordinates=coordinates,
        voxel_of_point=batch.voxel_of_point[points],
        features=batch.features[voxels],
        labels=None if batch.labels is None else batch.labels[voxels],
        xyz=batch.xyz[voxels],
    )
    return alone, points, voxels


def rows_of(
    output: SegmentationOutput, points: torch.Tensor, voxels: torch.Tensor, scan: int = 0
) -> SegmentationOutput:
    """The chosen rows of an output, and the rows of one scan of each of its stages."""
    return SegmentationOutput(
        output.point_logits[points],
        output.voxel_logits[voxels],
        output.prediction_logits[voxels],
        output.point_features[points],
        output.voxel_features[voxels],
        {
            name: Stage(stage.features[keep], torch.zeros(int(keep.sum()), dtype=torch.int64))
            for name, stage in output.stages.items()
            for keep in [stage.scan_index == scan]
        },
    )
