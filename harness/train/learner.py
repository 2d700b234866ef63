"""A student, its teacher and its method: what one training step needs, and what a checkpoint holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from backbones.backbone import Backbone, Voxelizer
from backbones.build import build_backbone, build_voxelizer
from backbones.output import SegmentationOutput
from backbones.sparse.engine import get_engine
from backbones.sparse.layers import set_engine
from backbones.voxelize import VoxelBatch
from harness.data.draws import torch_generator
from harness.errors import HarnessError
from harness.spec import BackboneSpec, CellSpec
from harness.train.faults import Evidence, term_fault
from harness.train.finite import Moment, gradient_fault
from harness.train.losses import cross_entropy, supervised_terms
from harness.train.methods import build_method, checked_terms, method_context
from harness.train.one_scan import select_output, select_voxels
from harness.train.optimiser import build_optimiser


def build_network(backbone: BackboneSpec, engine: str, seed: int) -> Backbone:
    """Make a network on its engine with initial weights that depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(torch_generator(seed, 0, "", "initial weights").get_state())
        network = build_backbone(backbone.name, backbone.width, backbone.classes, backbone.settings)
    set_engine(network, get_engine(engine))
    return network


def network_voxelizer(backbone: BackboneSpec) -> Voxelizer:
    """Return the voxelisation that a network reads."""
    return build_voxelizer(backbone.name, backbone.voxel_size_m, backbone.settings)


class Learner:
    """The parts of a cell that training changes, and the frozen teacher beside them.

    Args:
        spec: the cell.
        class_counts: labelled points of the training set by class id, [C + 1].
        teacher: its network with loaded weights, or None for a method that needs none.
        device: where everything is put.
    """

    def __init__(
        self, spec: CellSpec, class_counts: Sequence[int], teacher: Backbone | None, device: torch.device
    ) -> None:
        self.spec, self.device = spec, device
        self.student = build_network(spec.backbone, spec.engine, spec.seed).to(device).train()
        self.teacher = None if teacher is None else teacher.to(device).eval().requires_grad_(False)
        context = method_context(self.student, self.teacher, class_counts)
        self.method = build_method(spec.method, context, spec.seed).to(device).train()
        self.trained = [*self.student.parameters(), *self.method.parameters()]
        self.optimiser = build_optimiser(self.trained, spec.recipe)

    def step(self, voxels: VoxelBatch, epoch: int, learning_rate: float, step: int | None = None) -> dict[str, float]:
        """Make one optimisation step and return its loss terms, weighted, by name.

        Args:
            voxels: a batch of labelled scans.
            epoch: counted from 0; it decides the random draws.
            learning_rate: of this step.
            step: its number in the whole training, counted from 0, for messages; None where nobody counts.

        Raises:
            HarnessError: a term or the gradient is not finite; no weight has been changed.
        """
        voxels, moment = voxels.to(self.device), Moment(epoch, step)
        loss, terms = self._loss(voxels, moment)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self._clip_gradient(voxels.points.scan_ids, moment)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate
        self.optimiser.step()
        return terms

    def state(self) -> dict[str, Any]:
        """Return everything that training has changed, for a checkpoint."""
        return {
            "student": self.student.state_dict(),
            "method": self.method.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take up a checkpoint's state."""
        self.student.load_state_dict(state["student"])
        self.method.load_state_dict(state["method"])
        self.optimiser.load_state_dict(state["optimiser"])

    def _loss(self, voxels: VoxelBatch, moment: Moment) -> tuple[Tensor, dict[str, float]]:
        """Return the sum of the terms for the backward pass, and each term by name.

        Raises:
            HarnessError: a term is not finite.
        """
        student, teacher = self._outputs(voxels, moment.epoch)
        terms = self._terms(voxels, student, teacher, moment.epoch)
        stacked = torch.stack(list(terms.values()))
        values = dict(zip(terms, stacked.tolist(), strict=True))
        if not all(map(math.isfinite, values.values())):
            terms_of = partial(self._terms_of_scan, voxels, student, teacher, moment.epoch)
            method = self.spec.method.name
            evidence = Evidence(voxels, student, teacher, self._trained_by_name(), method, terms_of)
            raise term_fault(values, evidence, moment)
        return stacked.sum(), values

    def _outputs(self, voxels: VoxelBatch, epoch: int) -> tuple[SegmentationOutput, SegmentationOutput | None]:
        """Run student and teacher. Random layers draw from (seed, epoch, scans) alone."""
        ids = " ".join(voxels.points.scan_ids)
        torch.manual_seed(torch_generator(self.spec.seed, epoch, ids, "forward pass").initial_seed())
        student = self._forward(voxels)
        if self.teacher is None:
            return student, None
        with torch.no_grad():
            return student, self.teacher(voxels)

    def _terms(
        self, voxels: VoxelBatch, student: SegmentationOutput, teacher: SegmentationOutput | None, epoch: int
    ) -> dict[str, Tensor]:
        """Supervised terms on the voxels, then the method's own."""
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

    def _terms_of_scan(
        self,
        voxels: VoxelBatch,
        student: SegmentationOutput,
        teacher: SegmentationOutput | None,
        epoch: int,
        scan: int,
    ) -> dict[str, Tensor]:
        """Return the terms of one scan of a batch alone, from the outputs there are."""
        taught = None if teacher is None else select_output(teacher, voxels, scan)
        return self._terms(select_voxels(voxels, scan), select_output(student, voxels, scan), taught, epoch)

    def _forward(self, voxels: VoxelBatch) -> SegmentationOutput:
        try:
            return self.student(voxels)
        except ValueError as error:  # batch normalisation has no variance over a single voxel
            where, found = f"scans {', '.join(voxels.points.scan_ids)}", f"{len(voxels.coordinates)} voxels: {error}"
            remedy = "Use smaller voxels or larger batches, or take these scans away."
            raise HarnessError(where, found, "more than one voxel on every level", remedy) from error

    def _clip_gradient(self, scan_ids: tuple[str, ...], moment: Moment) -> None:
        """Scale the gradient down to the recipe's largest norm, if it has one.

        Raises:
            HarnessError: the norm is not finite.
        """
        clip = self.spec.recipe.gradient_clip or math.inf
        try:
            nn.utils.clip_grad_norm_(self.trained, clip, error_if_nonfinite=True)
        except RuntimeError as error:  # raised before anything is scaled, so that the culprits can still be told
            named = self._trained_by_name().items()
            gradients = {name: parameter.grad for name, parameter in named if parameter.grad is not None}
            fault = gradient_fault(gradients, scan_ids, moment)
            if fault is None:
                raise
            raise fault from error

    def _trained_by_name(self) -> dict[str, nn.Parameter]:
        parts = {"student": self.student, "method": self.method}
        return {f"{part}.{name}": p for part, module in parts.items() for name, p in module.named_parameters()}
