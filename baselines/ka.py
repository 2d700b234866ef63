"""Knowledge adaptation, approximately: the student follows a compressed form of its teacher (He et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from backbones.output import SegmentationOutput
from backbones.voxelize import VoxelBatch
from baselines.directions import unit_rows
from baselines.method import Method, MethodContext, MethodSettings
from baselines.nodes import Nodes, NodeSettings
from baselines.per_scan import mean_per_scan
from baselines.supervoxels import SupervoxelGrid

# That of batch normalisation.
VARIANCE_FLOOR = 1e-5


class KASettings(NodeSettings):
    """Settings of knowledge adaptation.

    Attributes:
        adapt_weight: factor of the error in the space of the code.
        affinity_weight: factor of the affinity between nodes.
        reconstruction_weight: factor of the auto-encoder's own term; with 0 the encoder stays a random projection.
        code_channels: channels of the code; None for half of the teacher's, at least one, as torchdistill has it.
        sparsity: α, weight of the code's absolute values beside the squared error of the reconstruction. The paper is
            said to print 10e-7, which torchdistill takes for 1e-7; either is too small to show.
    """

    adapt_weight: float = Field(default=50.0, ge=0)
    affinity_weight: float = Field(default=1.0, ge=0)
    reconstruction_weight: float = Field(default=1.0, ge=0)
    code_channels: int | None = Field(default=None, ge=1, le=4096)
    sparsity: float = Field(default=1e-6, ge=0)


class KA(Method):
    """Knowledge adaptation, approximately: an auto-encoded teacher to follow, row by row and in its affinities.

    50·mean |Â(s) − Ê(t)| + 1·(1/n²)·Σ_ij (cos(B_i, B_j) − cos(E_i, E_j))² + reconstruction, with a hat for rows of
    length one (He et al., "Knowledge Adaptation for Efficient Semantic Segmentation", CVPR 2019). There is no code of
    the authors; the paper was not re-read. What stands here comes from readers' notes on it and from the
    re-implementation in torchdistill:

    - Taken over: weights 50 and 1, rows normalised by their L2 norm and compared by the L1 norm, half of the teacher's
      channels in the code, one layer with ReLU as feature adapter A, a linear one of its own as affinity adapter B, and
      a squared reconstruction error with α·|E|.
    - Ours: E, A, B and the decoder are row-wise linear layers on features that are standardised in each scan, for 3 × 3
      convolutions with batch normalisation (three strided ones each way in the auto-encoder). The auto-encoder is
      trained along with the student, by the ``reconstruction`` term alone, and not for one epoch before; that term's
      gradient reaches nothing else, and no other term's gradient reaches the auto-encoder. Affinities between all rows
      are impossible (80 000 voxels have 6.4e9 pairs), so they are taken between the n occupied supervoxels, and the
      squared differences are averaged.
    """

    Settings: ClassVar[type[MethodSettings]] = KASettings

    def __init__(self, settings: KASettings, context: MethodContext) -> None:
        super().__init__(settings, context)
        self.settings = settings
        self.grid = SupervoxelGrid.from_settings(settings)
        wide, code = context.teacher_features, settings.code_channels or max(1, context.teacher_features // 2)
        self.encoder, self.decoder = nn.Linear(wide, code), nn.Linear(code, wide)
        self.feature_adapter = nn.Linear(context.student_features, code)
        self.affinity_adapter = nn.Linear(context.student_features, code)

    def forward(
        self,
        student: SegmentationOutput,
        teacher: SegmentationOutput,
        batch: VoxelBatch,
        draws: Sequence[torch.Generator],
    ) -> dict[str, Tensor]:
        """Return the weighted terms ``adapt``, ``affinity`` and ``reconstruction``."""
        settings, terms = self.settings, {}
        scan, scans, precision = batch.scan_index, batch.points.scans, self.encoder.weight.dtype
        per_scan = torch.bincount(scan, minlength=scans).tolist()
        with torch.autocast(scan.device.type, enabled=False):
            given = standardised(student.voxel_features.to(precision), per_scan)
            wanted = standardised(teacher.voxel_features.detach().to(precision), per_scan)
            code = F.relu(self.encoder(wanted))
            fixed = code.detach()
            if settings.adapt_weight:
                error = unit_rows(F.relu(self.feature_adapter(given))) - unit_rows(fixed)
                terms["adapt"] = settings.adapt_weight * mean_per_scan(error.abs().mean(dim=1), scan, scans)
            if settings.affinity_weight:
                nodes = Nodes.occupied(self.grid, batch)
                distance = nodes.distance(self.affinity_adapter(given), fixed, settings.pool)
                terms["affinity"] = settings.affinity_weight * distance
            if settings.reconstruction_weight:
                lost = (self.decoder(code) - wanted).square().sum(dim=1) + settings.sparsity * code.sum(dim=1)
                mean = mean_per_scan(lost / wanted.shape[1], scan, scans)
                terms["reconstruction"] = settings.reconstruction_weight * mean
        return terms


def standardised(rows: Tensor, per_scan: list[int]) -> Tensor:
    """Return each channel with mean 0 and variance 1 over the rows of each scan; a constant channel becomes 0.

    Args:
        rows: [M, F] float, scan by scan.
        per_scan: rows of each scan.
    """
    centred = [part - part.mean(dim=0) for part in torch.split(rows, per_scan)]
    return torch.cat([part * (part.square().mean(dim=0) + VARIANCE_FLOOR).rsqrt() for part in centred])
