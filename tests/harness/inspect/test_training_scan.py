from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from backbones.build import build_voxelizer
from harness.config.recipes import resolve_recipe
from harness.data.loader import TrainingScans, load_batches
from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError
from harness.inspect.training_scan import training_set, training_voxels
from harness.inspect.view import TrainingMoment

WriteSequences = Callable[..., Path]


def test_the_scan_is_augmented_by_seed_and_epoch_alone(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 2}))
    first, again = (training_voxels(dataset, "00/000001", TrainingMoment(seed=3, epoch=2)) for _ in range(2))
    assert torch.equal(first.points.xyz, again.points.xyz)
    for other in (TrainingMoment(seed=3, epoch=1), TrainingMoment(seed=4, epoch=2)):
        assert not torch.equal(first.points.xyz, training_voxels(dataset, "00/000001", other).points.xyz)


def test_a_mixed_and_capped_scan_is_the_one_that_training_meets(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 5}))
    ids = tuple(dataset.scan_ids("train"))
    recipe = {"base": "mix", "augmentation": {"max_voxels": 20}}
    augmentation = resolve_recipe(recipe, "minkowskinet", "semantickitti", "test").augmentation
    voxelizer = build_voxelizer("minkowskinet", 0.5)
    for step in load_batches(TrainingScans(dataset, ids, augmentation, 3), [2], 1, voxelizer, 0, 0):
        batch = step.parts[0].voxels
        moment = TrainingMoment(seed=3, epoch=2, voxel_size_m=0.5, augmentation=augmentation)
        seen = training_voxels(dataset, batch.points.scan_ids[0], moment)
        assert torch.equal(seen.points.xyz, batch.points.xyz)
        assert torch.equal(seen.coordinates, batch.coordinates)
        assert len(seen.coordinates) == 20


def test_without_augmentation_the_scan_is_that_of_the_file(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 1}))
    for moment in (TrainingMoment(augmentation=None), TrainingMoment(augmentation=None, seed=5, epoch=9)):
        points = training_voxels(dataset, "00/000000", moment).points
        assert torch.equal(points.xyz, torch.from_numpy(dataset.read("00/000000").xyz))
        assert points.scan_ids == ("00/000000",)


@pytest.mark.parametrize("backbone, voxel_size_m", [("minkowskinet", 0.5), ("spvnas", 0.5), ("cylinder3d", None)])
def test_the_voxels_are_those_of_the_backbone(
    write_sequences: WriteSequences, backbone: str, voxel_size_m: float | None
) -> None:
    moment = TrainingMoment(backbone=backbone, voxel_size_m=voxel_size_m)
    voxels = training_voxels(SemanticKitti(write_sequences({"00": 1})), "00/000000", moment)
    assert voxels.voxel_size_m == voxel_size_m
    assert (voxels.extents is None) == (voxel_size_m is not None)


def test_scans_without_labels_and_missing_scans_are_refused(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 1, "11": 1}))
    with pytest.raises(HarnessError, match="11/000000: found one of the test split, without labels"):
        training_voxels(dataset, "11/000000", TrainingMoment())
    with pytest.raises(HarnessError, match=r"000007\.bin"):
        training_voxels(dataset, "00/000007", TrainingMoment())


def test_classes_are_counted_over_the_training_split(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 2, "08": 3}, points=100, raw_ids=(0, 10, 40))
    found = training_set(SemanticKitti(root))
    assert (found.scans, found.partial, found.synthetic) == (2, False, True)
    assert sum(found.class_points.values()) == 100 + 103
    assert {name for name, count in found.class_points.items() if count} == {"ignored", "car", "road"}
    with pytest.raises(HarnessError, match="203 points in 2 scans, all ignored"):
        training_set(SemanticKitti(write_sequences({"00": 2}, points=100, raw_ids=(0,))))


def test_a_partial_copy_is_told(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 2}, declared=False)
    assert training_set(SemanticKitti(root, partial=True)).partial
    with pytest.raises(HarnessError, match="--partial"):
        training_set(SemanticKitti(root))
