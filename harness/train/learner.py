"""A student, its teacher and its method: what one training step needs, and what a checkpoint holds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from backbones.backbone import Backbone, Voxelizer
from backbones.build import build_backbone, build_voxelizer
from backbones.output import SegmentationOutput
from backbones.sparse.engine import get_engine
from backbones.sparse.layers import set_engine
from backbones.voxelize import VoxelBatch
from baselines.method import Method, MethodContext
from baselines.registry import load_method
from harness.data.draws import torch_generator
from harness.errors import HarnessError
from harness.spec import BackboneSpec, CellSpec
from harness.train.losses import cross_entropy, supervised_terms
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
        self.method = self._build_method(class_counts).to(device).train()
        self.trained = [*self.student.parameters(), *self.method.parameters()]
        self.optimiser = build_optimiser(self.trained, spec.recipe)

    def step(self, voxels: VoxelBatch, epoch: int, learning_rate: float) -> dict[str, float]:
        """Make one optimisation step and return its loss terms, weighted, by name.

        Raises:
            HarnessError: a term or the gradient is not finite; no weight has been changed.
        """
        terms = self._terms(voxels.to(self.device), epoch)
        values = {name: float(term.detach()) for name, term in terms.items()}
        _refuse_infinite(values, voxels.points.scan_ids)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(torch.stack(list(terms.values())).sum())
        norm = nn.utils.clip_grad_norm_(self.trained, self.spec.recipe.gradient_clip or math.inf)
        _refuse_infinite({"norm of the gradient": float(norm)}, voxels.points.scan_ids)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate
        self.optimiser.step()
        return values

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

    def _terms(self, voxels: VoxelBatch, epoch: int) -> dict[str, Tensor]:
        """Supervised terms on the voxels, then the method's own. Random layers draw from (seed, epoch, scans) alone."""
        ids, seed = voxels.points.scan_ids, self.spec.seed
        if voxels.labels is None:
            raise ValueError("training needs labels")
        torch.manual_seed(torch_generator(seed, epoch, " ".join(ids), "forward pass").initial_seed())
        student = self._forward(voxels)
        recipe, point_labels = self.spec.recipe, voxels.points.labels
        supervised = supervised_terms(student.prediction_logits, voxels.labels, recipe)
        if self.student.point_classifier and recipe.cross_entropy_weight and point_labels is not None:
            points = cross_entropy(student.point_logits, point_labels)
            supervised["point_cross_entropy"] = recipe.cross_entropy_weight * points
        terms = {name: self.method.supervised_weight * term for name, term in supervised.items()}
        if self.teacher is None:
            return terms
        with torch.no_grad():
            teacher = self.teacher(voxels)
        draws = [torch_generator(seed, epoch, scan_id, "method") for scan_id in ids]
        distilled: dict[str, Tensor] = self.method(student, teacher, voxels, draws)
        return terms | distilled

    def _forward(self, voxels: VoxelBatch) -> SegmentationOutput:
        try:
            return self.student(voxels)
        except ValueError as error:  # batch normalisation has no variance over a single voxel
            where, found = f"scans {', '.join(voxels.points.scan_ids)}", f"{len(voxels.coordinates)} voxels: {error}"
            remedy = "Use smaller voxels or larger batches, or take these scans away."
            raise HarnessError(where, found, "more than one voxel on every level", remedy) from error

    def _build_method(self, class_counts: Sequence[int]) -> Method:
        kind = load_method(self.spec.method.name)
        settings = kind.Settings.model_validate(self.spec.method.settings)
        teacher_stages: Mapping[str, int] = {} if self.teacher is None else self.teacher.stage_channels
        context = MethodContext(tuple(class_counts), self.student.stage_channels, teacher_stages)
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(torch_generator(self.spec.seed, 0, "", "initial adapters").get_state())
            return kind(settings, context)


def _refuse_infinite(values: dict[str, float], scan_ids: tuple[str, ...]) -> None:
    for name, value in values.items():
        if not math.isfinite(value):
            where = f"{name!r} on scans {', '.join(scan_ids)}"
            remedy = "Lower recipe.learning_rate or set recipe.gradient_clip; the last checkpoint is kept."
            raise HarnessError(where, str(value), "a finite number", remedy)
