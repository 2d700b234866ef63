"""What every backbone owes to training, measuring and distillation, whichever it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from backbones.build import NAMES, backbone_kind, build_backbone, build_voxelizer
from backbones.points import PointBatch
from backbones.sparse import kernel_map
from backbones.voxelize import VoxelBatch


def voxels_of(name: str) -> VoxelBatch:
    """Two scans of random points within 15 m."""
    draw = torch.Generator().manual_seed(0)
    xyz = (torch.rand(1500, 3, generator=draw) - 0.5) * torch.tensor([30.0, 30.0, 3.0])
    scan = (torch.arange(1500) >= 700).long()
    batch = PointBatch(xyz, torch.rand(1500, generator=draw), scan, None, ("a", "b"))
    return build_voxelizer(name, 0.5 if backbone_kind(name).published_voxel_size_m else None)(batch)


@pytest.mark.parametrize("name", NAMES)
def test_a_student_finds_every_map_that_its_teacher_built(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []

    def noting(function: Callable[..., Any]) -> Callable[..., Any]:
        def note(*arguments: Any) -> Any:
            built.append(function.__name__)
            return function(*arguments)

        return note

    for function in (kernel_map.find_pairs, kernel_map.strided_sites):
        monkeypatch.setattr(kernel_map, function.__name__, noting(function))
    voxels = voxels_of(name)
    with torch.inference_mode():
        teacher = build_backbone(name, 0.125, 4).eval()(voxels)
    by_teacher = len(built)
    student = build_backbone(name, 0.0625, 4).train()(voxels)
    student.prediction_logits.sum().backward()
    assert built.count("strided_sites") == 4
    assert len(built) == by_teacher > 8
    assert all(torch.equal(teacher.stages[key].scan_index, student.stages[key].scan_index) for key in teacher.stages)


@pytest.mark.parametrize("name", NAMES)
def test_a_prediction_is_that_of_the_whole_output_and_stages_are_as_announced(name: str) -> None:
    torch.manual_seed(0)
    network, voxels = build_backbone(name, 0.125, 4).eval(), voxels_of(name)
    with torch.no_grad():
        output, predicted = network(voxels), network.predict(voxels)
    assert torch.equal(predicted, output.prediction_logits[voxels.voxel_of_point])
    assert {key: stage.features.shape[1] for key, stage in output.stages.items()} == network.stage_channels
    assert output.point_logits.shape == (1500, 4)
    assert output.prediction_logits.shape == output.voxel_logits.shape == (len(voxels.coordinates), 4)
    assert len(output.point_features) == 1500
    assert len(output.voxel_features) == len(voxels.coordinates)


@pytest.mark.parametrize("name", NAMES)
def test_the_stages_that_methods_read_by_default_are_what_their_names_say(name: str) -> None:
    torch.manual_seed(0)
    network, voxels = build_backbone(name, 0.125, 4).eval(), voxels_of(name)
    with torch.no_grad():
        stages, features = network(voxels).stages, network(voxels).voxel_features
    rows = {key: len(stage.features) for key, stage in stages.items()}
    place, levels = network.level_stages.index(network.middle_stage), network.level_stages
    assert (place, len(levels)) == (3, 8)
    assert rows[levels[place - 1]] > rows[levels[place]] < rows[levels[place + 1]]
    assert torch.equal(stages[network.last_stage].features, features)
