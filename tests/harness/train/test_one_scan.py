"""One scan of a batch against the same scan voxelised and segmented by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from failing_methods import CLASSES, learner_of, points_of
from torch import Tensor

from backbones.build import NAMES
from backbones.points import PointBatch
from harness.config.models import BackboneConfig
from harness.config.resolve import resolve_backbone
from harness.train.learner import build_network, network_voxelizer
from harness.train.objective import ForwardPass
from harness.train.one_scan import input_rows, output_rows, select_output, select_voxels


def alone(points: PointBatch, scan: int) -> PointBatch:
    chosen = points.scan_index == scan
    assert points.labels is not None
    assert points.asked is not None
    zeros = torch.zeros(int(chosen.sum()), dtype=torch.int64)
    return PointBatch(
        points.xyz[chosen],
        points.intensity[chosen],
        zeros,
        points.labels[chosen],
        (points.scan_ids[scan],),
        points.asked[chosen],
    )


def tensors(thing: object) -> dict[str, Tensor]:
    return {name: value for name, value in vars(thing).items() if isinstance(value, Tensor)}


@pytest.mark.parametrize("name", NAMES)
def test_a_selected_scan_is_that_scan_alone(name: str) -> None:
    points = points_of((400, 300, 500))
    points = replace(points, asked=torch.arange(len(points.xyz)) % 3 > 0)
    config = BackboneConfig(name=name, voxel_size_m=None if name == "cylinder3d" else 1.0)
    backbone = resolve_backbone(config, 0.125, CLASSES, "test")
    voxelize, network = network_voxelizer(backbone), build_network(backbone, "portable", 0).eval()
    batch = voxelize(points)
    with torch.no_grad():
        together = network(batch)
        for scan in range(3):
            expected, selected = voxelize(alone(points, scan)), select_voxels(batch, scan)
            for part in (lambda voxels: voxels, lambda voxels: voxels.points):
                wanted, given = tensors(part(expected)), tensors(part(selected))
                assert wanted.keys() == given.keys()
                assert all(torch.equal(wanted[key], given[key]) for key in wanted)
            assert selected.points.scan_ids == expected.points.scan_ids
            output, taken = network(expected), select_output(together, batch, scan)
            rows, taken_rows = output_rows(output, expected), output_rows(taken, selected)
            assert rows.keys() == taken_rows.keys()
            for key, (values, index) in rows.items():
                assert torch.allclose(values, taken_rows[key][0], atol=1e-4), key
                assert torch.equal(index, taken_rows[key][1]), key


@pytest.mark.parametrize("name", NAMES)
def test_every_row_has_its_scan(name: str) -> None:
    learner, voxels = learner_of(name)
    parts = {**input_rows(voxels), **output_rows(learner.student(voxels), voxels)}
    assert {"features", "xyz", "intensity", "point_logits", "prediction_logits", "stage down4"} <= parts.keys()
    for values, index in parts.values():
        assert index.shape == values.shape[:1]
        assert set(index.tolist()) == {0, 1}


@pytest.mark.parametrize("method", ["logit_kd", "pvd"])
def test_a_term_of_two_scans_is_the_mean_of_the_terms_of_each(method: str) -> None:
    """As methods are normalised, which is why a scan alone shows whether it is at fault."""
    learner, voxels = learner_of("minkowskinet", method)
    assert learner.teacher is not None
    given = ForwardPass(voxels, 0, learner.teacher(voxels))
    both = learner.objective(given)
    assert given.student is not None
    each = [learner.objective.terms_of_scan(voxels, given.student, given.teacher, 0, scan) for scan in (0, 1)]
    for name in both.keys() - {"cross_entropy", "lovasz"}:
        assert both[name].item() == pytest.approx((each[0][name] + each[1][name]).item() / 2, rel=1e-4), name
