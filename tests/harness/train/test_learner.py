"""One step of a plain student of every backbone: which logits are supervised, and that nothing is left untrained."""

from __future__ import annotations

import pytest
import torch
from failing_methods import learner_of

from backbones.build import NAMES
from backbones.voxelize import VoxelBatch
from harness.data.step_batch import StepBatch
from harness.train.learner import Learner

WEIGHT = 0.5
"""Of the cross entropies, that of the points among them."""


def plain(name: str) -> tuple[Learner, VoxelBatch]:
    """A plain student, supervised by cross entropy alone, and two labelled scans."""
    return learner_of(name, lovasz_weight=0.0, cross_entropy_weight=WEIGHT)


@pytest.mark.parametrize("name", NAMES)
def test_a_plain_step_trains_every_parameter(name: str) -> None:
    """Also those that only points pass: SPVNAS's transforms and Cylinder3D's point branch."""
    learner, voxels = plain(name)
    learner.step(StepBatch.whole(0, voxels), learning_rate=0.01)
    untrained = [path for path, parameter in learner.student.named_parameters() if parameter.grad is None]
    assert not untrained


@pytest.mark.parametrize("name", NAMES)
def test_the_rows_that_predict_are_supervised_by_their_voxels_labels(name: str) -> None:
    learner, voxels = plain(name)
    heard = []
    learner.student.register_forward_hook(lambda network, given, output: heard.append(output))
    terms = learner.step(StepBatch.whole(0, voxels), learning_rate=0.01)
    [output] = heard
    supervised = {"cross_entropy": (output.prediction_logits, voxels.labels)}
    if name == "cylinder3d":
        supervised["point_cross_entropy"] = (output.point_logits, voxels.points.labels)
    assert terms == {
        term: pytest.approx(
            WEIGHT * torch.nn.functional.cross_entropy(logits[labels > 0], labels[labels > 0] - 1).item()
        )
        for term, (logits, labels) in supervised.items()
    }
