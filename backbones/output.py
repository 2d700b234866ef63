"""What every backbone returns, so that distillation methods never touch a backbone's code."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Stage:
    """One named inner level of a network.

    Attributes:
        features: [M, F] float, one row per site of the level.
        scan_index: [M] int64, which scan of the batch a site belongs to. Sites of one level are the same, in the same
            order, for every network that was given the same voxels.
    """

    features: Tensor
    scan_index: Tensor


@dataclass(frozen=True)
class SegmentationOutput:
    """Outputs of a segmentation network for N points in V voxels and C scored classes.

    Column c of the logits stands for class id c + 1: the ignored id 0 has no output and can't be predicted.

    Attributes:
        point_logits: [N, C], one row per raw point.
        voxel_logits: [V, C], one row per voxel.
        prediction_logits: [V, C], the rows that predict and that training supervises with the voxels' labels. The
            voxel logits, except where a network predicts from points of which there is one per voxel (SPVNAS).
        point_features: [N, F], the input of the classifier, per raw point.
        voxel_features: [V, F'], the input of the classifier, per voxel.
        stages: inner levels by name, for methods that read hints.
    """

    point_logits: Tensor
    voxel_logits: Tensor
    prediction_logits: Tensor
    point_features: Tensor
    voxel_features: Tensor
    stages: dict[str, Stage]
