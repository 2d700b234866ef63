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
from backbones.sparse.engine import get_engine
from backbones.sparse.layers import set_engine
from backbones.voxelize import VoxelBatch
from harness.data.draws import torch_generator
from harness.data.step_batch import PartBatch, StepBatch
from harness.errors import HarnessError
from harness.spec import BackboneSpec, CellSpec
from harness.train.faults import Evidence, term_fault
from harness.train.finite import Moment, gradient_fault
from harness.train.methods import build_method, method_context
from harness.train.objective import ForwardPass, Objective
from harness.train.optimiser import build_optimiser
from harness.train.processes import ALONE, FailedElsewhere, Processes
from harness.train.running import RunningStatistics


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
        processes: that share each step; all of them make a learner and the same steps.
    """

    def __init__(
        self,
        spec: CellSpec,
        class_counts: Sequence[int],
        teacher: Backbone | None,
        device: torch.device,
        processes: Processes = ALONE,
    ) -> None:
        self.spec, self.device, self.processes = spec, device, processes
        self.student = build_network(spec.backbone, spec.engine, spec.seed).to(device).train()
        self.teacher = None if teacher is None else teacher.to(device).eval().requires_grad_(False)
        context = method_context(self.student, self.teacher, class_counts)
        self.method = build_method(spec.method, context, spec.seed).to(device).train()
        self.objective = Objective(spec, self.student, self.method)
        self.trained = list(self.objective.parameters())
        self.optimiser = build_optimiser(self.trained, spec.recipe)
        self._objective = processes.wrap(self.objective)

    def step(self, batch: StepBatch, learning_rate: float, step: int | None = None) -> dict[str, float]:
        """Make one optimisation step and return its loss terms, weighted, by name: Σ weight·term over all parts.

        Args:
            batch: labelled scans in parts, those of this process.
            learning_rate: of this step.
            step: its number in the whole training, counted from 0, for messages; None where nobody counts.

        Raises:
            HarnessError: a term of this process or the gradient is not finite; no weight has been changed.
            FailedElsewhere: a term of another process is not finite.
        """
        moment = Moment(batch.epoch, step)
        self.optimiser.zero_grad(set_to_none=True)
        terms = self._add_gradients(batch, moment)
        self._clip_gradient(batch.scan_ids, moment)
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

    def _add_gradients(self, batch: StepBatch, moment: Moment) -> dict[str, float]:
        """Make the forward and backward pass of every part; return the terms of all processes together."""
        totals: dict[str, float] = {}
        if len(batch.parts) == self.processes.count == 1:  # nothing to join
            self._add_part(batch.parts[0], moment, totals)
            return totals
        statistics, last = RunningStatistics(self.objective), len(batch.parts) - 1
        for number, part in enumerate(batch.parts):
            context = self.processes.part(self._objective, number == last)
            with statistics.of_part(part.weight), context:
                self._add_part(part, moment, totals)
        statistics.join(self.processes)
        return totals

    def _add_part(self, part: PartBatch, moment: Moment, totals: dict[str, float]) -> None:
        """Add a part's gradients, and to `totals` its terms and those of the other processes in this round."""
        loss, terms = self._loss(part, moment)
        for heard in self.processes.gather({name: part.weight * value for name, value in terms.items()}):
            if not all(map(math.isfinite, heard.values())):
                raise FailedElsewhere(f"{moment}: a term that is not finite")
            for name, value in heard.items():
                totals[name] = totals[name] + value if name in totals else value
        self.processes.backward(loss * part.weight)

    def _loss(self, part: PartBatch, moment: Moment) -> tuple[Tensor, dict[str, float]]:
        """Return the sum of a part's terms for the backward pass, and each term by name.

        Raises:
            HarnessError: a term is not finite; the other processes have been told.
        """
        given = None if part.voxels is None else self._ask_teacher(part.voxels.to(self.device), moment.epoch)
        terms = self._objective(given)
        stacked = torch.stack(list(terms.values()))
        if given is None:
            return stacked.sum(), {}
        values = dict(zip(terms, stacked.tolist(), strict=True))
        if not all(map(math.isfinite, values.values())):
            self.processes.gather(values)
            raise self._fault(given, values, moment)
        return stacked.sum(), values

    def _ask_teacher(self, voxels: VoxelBatch, epoch: int) -> ForwardPass:
        """Return what the objective is given; the teacher goes first, while the student's activations don't exist."""
        if self.teacher is None:
            return ForwardPass(voxels, epoch, None)
        with torch.no_grad():
            return ForwardPass(voxels, epoch, self.teacher(voxels))

    def _fault(self, given: ForwardPass, values: dict[str, float], moment: Moment) -> HarnessError:
        """Return the error for terms that are not finite."""
        if given.student is None:
            raise ValueError("the objective was not asked")
        terms_of = partial(self.objective.terms_of_scan, given.voxels, given.student, given.teacher, given.epoch)
        weights, method = self._trained_by_name(), self.spec.method.name
        evidence = Evidence(given.voxels, given.student, given.teacher, weights, method, terms_of)
        return term_fault(values, evidence, moment)

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
        return dict(self.objective.named_parameters())
