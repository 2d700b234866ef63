"""One step of a plain student of every backbone: which logits are supervised, and that nothing is left untrained."""

from __future__ import annotations

import pytest
import torch

from backbones.build import NAMES
from backbones.points import PointBatch
from backbones.voxelize import VoxelBatch
from harness.config import BackboneConfig, resolve_backbone
from harness.spec import CellSpec, DatasetSpec, MethodSpec, RecipeSpec
from harness.train.learner import Learner, network_voxelizer

CLASSES = 5
WEIGHT = 0.5
"""Of the cross entropies, that of the points among them."""


def learner_of(name: str) -> tuple[Learner, VoxelBatch]:
    """A plain student and two labelled scans; its method has no teacher."""
    config = BackboneConfig(name=name, voxel_size_m=None if name == "cylinder3d" else 1.0)
    backbone = resolve_backbone(config, 0.125, CLASSES, "test")
    dataset = DatasetSpec(
        name="semantickitti", manifest="m", label_map="l", synthetic=True, partial=False, scans={}, official_scans={}
    )
    spec = CellSpec(
        role="student",
        dataset=dataset,
        backbone=backbone,
        method=MethodSpec(name="none"),
        recipe=RecipeSpec(lovasz_weight=0.0, cross_entropy_weight=WEIGHT),
        seed=0,
        engine="portable",
    )
    draw = torch.Generator().manual_seed(0)
    xyz = (torch.rand(1200, 3, generator=draw) - 0.5) * torch.tensor([30.0, 30.0, 3.0])
    labels = torch.randint(0, CLASSES + 1, (1200,), generator=draw)
    scan = (torch.arange(1200) >= 500).long()
    points = PointBatch(xyz, torch.rand(1200, generator=draw), scan, labels, ("a", "b"))
    learner = Learner(spec, (1,) * (CLASSES + 1), None, torch.device("cpu"))
    return learner, network_voxelizer(backbone)(points)


@pytest.mark.parametrize("name", NAMES)
def test_a_plain_step_trains_every_parameter(name: str) -> None:
    """Also those that only points pass: SPVNAS's transforms and Cylinder3D's point branch."""
    learner, voxels = learner_of(name)
    learner.step(voxels, epoch=0, learning_rate=0.01)
    untrained = [path for path, parameter in learner.student.named_parameters() if parameter.grad is None]
    assert not untrained


@pytest.mark.parametrize("name", NAMES)
def test_the_rows_that_predict_are_supervised_by_their_voxels_labels(name: str) -> None:
    learner, voxels = learner_of(name)
    heard = []
    learner.student.register_forward_hook(lambda network, given, output: heard.append(output))
    terms = learner.step(voxels, epoch=0, learning_rate=0.01)
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
