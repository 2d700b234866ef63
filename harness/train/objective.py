"""What training minimises: the student and the method's adapters as one module, whose outputs are loss terms."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from backbones.backbone import Backbone
from backbones.output import SegmentationOutput
from backbones.voxelize import VoxelBatch
from baselines.method import Method
from harness.data.draws import torch_generator
from harness.errors import HarnessError
from harness.spec import CellSpec
from harness.train.losses import cross_entropy, supervised_terms
from harness.train.methods import checked_terms
from harness.train.one_scan import select_output, select_voxels


class ForwardPass:
    """One part of a step on its way through the objective.

    No dataclass, whose tensors the wrappers of several processes would look for and copy.

    Attributes:
        voxels: of labelled scans.
        epoch: it decides the random draws.
        teacher: its outputs for the voxels, None without one.
        student: its outputs, once there are any: what an explanation of a fault looks into.
    """

    def __init__(self, voxels: VoxelBatch, epoch: int, teacher: SegmentationOutput | None) -> None:
        self.voxels, self.epoch, self.teacher = voxels, epoch, teacher
        self.student: SegmentationOutput | None = None


class Objective(nn.Module):
    """All that is trained, and the terms it is trained by.

    Args:
        spec: the cell.
        student: the network.
        method: with its adapters.
    """

    def __init__(self, spec: CellSpec, student: Backbone, method: Method) -> None:
        super().__init__()
        self.spec, self.student, self.method = spec, student, method

    def forward(self, given: ForwardPass | None) -> dict[str, Tensor]:
        """Run the student; return the terms, weighted, by name: supervised ones on the voxels, then the method's own.

        Args:
            given: takes the student's outputs up; None in a process that has nothing to do in this round, whose one
                term is 0, with a gradient of 0 for one parameter: a backward pass in which to join the gradients.
        """
        if given is None:
            return {"nothing": next(self.student.parameters()).flatten()[:0].sum()}
        given.student = self._run_student(given.voxels, given.epoch)
        return self.terms(given.voxels, given.student, given.teacher, given.epoch)

    def terms(
        self, voxels: VoxelBatch, student: SegmentationOutput, teacher: SegmentationOutput | None, epoch: int
    ) -> dict[str, Tensor]:
        """Return the terms of outputs that there are already; see `forward`."""
        if voxels.labels is None:
            raise ValueError("training needs labels")
        recipe, point_labels = self.spec.recipe, voxels.points.labels
        supervised = supervised_terms(student.prediction_logits, voxels.labels, recipe)
        if self.student.point_classifier and recipe.cross_entropy_weight and point_labels is not None:
            points = cross_entropy(student.point_logits, point_labels)
            supervised["point_cross_entropy"] = recipe.cross_entropy_weight * points
        terms = {name: self.method.supervised_weight * term for name, term in supervised.items()}
        if teacher is None or not self.method.needs_teacher:
            return terms
        draws = [torch_generator(self.spec.seed, epoch, scan_id, "method") for scan_id in voxels.points.scan_ids]
        distilled: object = self.method(student, teacher, voxels, draws)
        return terms | checked_terms(distilled, terms.keys(), self.spec.method.label)

    def terms_of_scan(
        self,
        voxels: VoxelBatch,
        student: SegmentationOutput,
        teacher: SegmentationOutput | None,
        epoch: int,
        scan: int,
    ) -> dict[str, Tensor]:
        """Return the terms of one scan of a batch alone, from the outputs there are."""
        taught = None if teacher is None else select_output(teacher, voxels, scan)
        return self.terms(select_voxels(voxels, scan), select_output(student, voxels, scan), taught, epoch)

    def _run_student(self, voxels: VoxelBatch, epoch: int) -> SegmentationOutput:
        """Random layers draw from (seed, epoch, scans) alone."""
        ids = " ".join(voxels.points.scan_ids)
        torch.manual_seed(torch_generator(self.spec.seed, epoch, ids, "forward pass").initial_seed())
        try:
            return self.student(voxels)
        except ValueError as error:  # batch normalisation has no variance over a single voxel
            where, found = f"scans {', '.join(voxels.points.scan_ids)}", f"{len(voxels.coordinates)} voxels: {error}"
            remedy = "Use smaller voxels or larger batches, or take these scans away."
            raise HarnessError(where, found, "more than one voxel on every level", remedy) from error
