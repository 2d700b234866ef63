"""What a process computes in one optimisation step: its parts of the step's scans, voxelised."""

from __future__ import annotations

from dataclasses import dataclass

from backbones.voxelize import VoxelBatch


@dataclass(frozen=True)
class PartBatch:
    """A part of a step, for one forward pass.

    Attributes:
        voxels: of its scans, labelled; None in a round in which this process has nothing to do.
        weight: what its loss counts in the loss of the step, 0–1; see `harness.data.share.Part`.
    """

    voxels: VoxelBatch | None
    weight: float


@dataclass(frozen=True)
class StepBatch:
    """One step, as one process sees it.

    Attributes:
        epoch: counted from 0; it decides the random draws.
        scan_ids: all scans of the step, those of other processes too.
        parts: of this process, one in each round.
    """

    epoch: int
    scan_ids: tuple[str, ...]
    parts: tuple[PartBatch, ...]

    @classmethod
    def whole(cls, epoch: int, voxels: VoxelBatch) -> StepBatch:
        """Return the step of a batch that passes through the networks all at once."""
        return cls(epoch, voxels.points.scan_ids, (PartBatch(voxels, 1.0),))
