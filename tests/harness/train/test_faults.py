"""Every part of a step is made NaN or infinite in turn, and the error has to say which it was, and on which scan."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from failing_methods import learner_of

from backbones.build import NAMES
from backbones.output import SegmentationOutput
from backbones.voxelize import VoxelBatch
from harness.data.step_batch import StepBatch
from harness.errors import HarnessError
from harness.train.learner import Learner

NAN = "failing_methods:NanOnOneScan"


def fault(learner: Learner, voxels: VoxelBatch) -> HarnessError:
    """The error of step 8, in epoch 3; no weight may have changed."""
    before = [parameter.detach().clone() for parameter in learner.trained]
    with pytest.raises(HarnessError) as caught:
        learner.step(StepBatch.whole(2, voxels), 0.01, 7)
    for parameter, old in zip(learner.trained, before, strict=True):
        assert torch.equal(parameter.nan_to_num(7.0), old.nan_to_num(7.0))
    assert caught.value.where.startswith(
        "epoch 3, step 8 (epoch 2, step 7 in metrics.jsonl, which counts from 0), scan"
    )
    assert caught.value.remedy.endswith("checkpoints made before are kept.")
    return caught.value


def scans(error: HarnessError) -> str:
    return error.where.rpartition("0), ")[2]


def poison(network: torch.nn.Module, scan: int | None) -> None:
    """Let a network say NaN about the points of one scan, or of all."""

    def hook(module: object, given: tuple[VoxelBatch], output: SegmentationOutput) -> SegmentationOutput:
        index = given[0].points.scan_index
        rows = torch.ones_like(index, dtype=torch.bool) if scan is None else index == scan
        return replace(output, point_logits=output.point_logits.masked_fill(rows[:, None], math.nan))

    network.register_forward_hook(hook)


@pytest.mark.parametrize("name", NAMES)
def test_the_input_is_found_before_the_networks_that_read_it(name: str) -> None:
    learner, voxels = learner_of(name, "logit_kd")
    index = voxels.scan_index if len(voxels.features) == len(voxels.coordinates) else voxels.points.scan_index
    voxels.features[torch.nonzero(index == 1)[3]] = math.nan
    error = fault(learner, voxels)
    assert scans(error) == "scan b"
    assert "term 'cross_entropy' = nan" in error.found
    assert error.found.endswith("the input is not finite (features)")
    assert "harness data check" in error.remedy


def test_a_teacher_at_fault_is_named_with_its_scan() -> None:
    learner, voxels = learner_of("minkowskinet", "logit_kd", {"rows": "points"})
    assert learner.teacher is not None
    poison(learner.teacher, 0)
    error = fault(learner, voxels)
    assert scans(error) == "scan a"
    assert error.found == "term 'logits' = nan: the teacher's outputs (point_logits) are not finite"
    assert error.remedy.startswith("Train the teacher anew")


def test_a_student_at_fault_is_named_with_its_scan() -> None:
    learner, voxels = learner_of("minkowskinet", "logit_kd", {"rows": "points"})
    poison(learner.student, 1)
    error = fault(learner, voxels)
    assert scans(error) == "scan b"
    assert error.found == "term 'logits' = nan: the student's outputs (point_logits) are not finite"
    assert "lower recipe.learning_rate or set recipe.gradient_clip" in error.remedy


def test_teacher_and_student_are_both_named() -> None:
    learner, voxels = learner_of("minkowskinet", "logit_kd", {"rows": "points"})
    assert learner.teacher is not None
    poison(learner.teacher, 1)
    poison(learner.student, None)
    error = fault(learner, voxels)
    assert scans(error) == "scan b", "the teacher's rows tell which scan began it"
    assert "the teacher's outputs (point_logits) and the student's outputs (point_logits) are not" in error.found


def test_broken_weights_are_named_and_the_first_level_they_reach() -> None:
    learner, voxels = learner_of("minkowskinet")
    weight = learner.student.get_parameter("head.weight")
    with torch.no_grad():
        weight[0, 0] = math.inf
    error = fault(learner, voxels)
    assert scans(error) == "scans a, b"
    assert "the student's outputs (prediction_logits, voxel_logits, point_logits) and" in error.found
    assert "the trained weights (student.head.weight) are not finite" in error.found


@pytest.mark.parametrize("scan", ["a", "b"])
def test_a_loss_at_fault_is_named_with_the_scan_that_shows_it_alone(scan: str) -> None:
    learner, voxels = learner_of("minkowskinet", NAN, {"scan": scan})
    error = fault(learner, voxels)
    assert scans(error) == f"scan {scan}"
    assert error.found.startswith("term 'odd' = nan: the outputs are finite (at most ")
    assert error.found.endswith(" of the teacher), so the loss itself is at fault")
    assert NAN in error.remedy


def test_a_supervised_loss_at_fault_is_named_without_a_teacher() -> None:
    learner, voxels = learner_of("minkowskinet", cross_entropy_weight=1e39)
    error = fault(learner, voxels)
    assert scans(error) == "scans a, b"
    assert error.found.startswith("term 'cross_entropy' = inf: the outputs are finite (at most ")
    assert "teacher" not in error.found


def test_a_method_that_can_not_judge_a_scan_alone_leaves_all_scans_named() -> None:
    learner, voxels = learner_of("minkowskinet", "failing_methods:NanTogether")
    error = fault(learner, voxels)
    assert scans(error) == "scans a, b"
    assert "term 'odd'" in error.found


def test_a_gradient_at_fault_names_its_parameters() -> None:
    learner, voxels = learner_of("minkowskinet", "failing_methods:OddAdapter", {"root": True})
    error = fault(learner, voxels)
    assert scans(error) == "scans a, b"
    assert error.found.startswith("norm of the gradient = inf: the terms are finite, but not the gradient of ")
    assert "method.adapter (1 of " in error.found


@pytest.mark.parametrize("clip", [{}, {"gradient_clip": 1.0}])
def test_a_gradient_whose_squares_overflow_names_the_largest(clip: dict[str, float]) -> None:
    learner, voxels = learner_of("minkowskinet", "failing_methods:OddAdapter", {"factor": 1e30}, **clip)
    error = fault(learner, voxels)
    assert error.found == (
        "norm of the gradient = inf: its squares overflow; the largest number, 1e+30, is in method.adapter"
    )


@pytest.mark.parametrize(
    "method, message",
    [
        ("SupervisedName", "found term 'lovasz', which supervision has too; expected a dictionary of scalar tensors"),
        ("Rows", r"found term 'rows' of shape \[\d+\] and type torch.float32"),
        ("Number", "found term 'number', a float"),
        ("Bare", "found a Tensor"),
        ("Nothing", "found no term, so that a plain student would be trained"),
    ],
)
def test_a_method_that_returns_something_else_is_named(method: str, message: str) -> None:
    learner, voxels = learner_of("minkowskinet", f"failing_methods:{method}")
    with pytest.raises(HarnessError, match=f"method {method}: {message}"):
        learner.step(StepBatch.whole(0, voxels), 0.01)


def test_a_step_that_nobody_counts_is_told_by_its_epoch() -> None:
    learner, voxels = learner_of("minkowskinet", NAN, {"scan": "b"})
    with pytest.raises(HarnessError, match=r"^epoch 3, scan b: found term 'odd' = nan"):
        learner.step(StepBatch.whole(2, voxels), 0.01)
