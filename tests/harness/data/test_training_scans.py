"""Each shipped recipe and each augmentation by itself: the same bytes whoever makes them, others for another moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

import pytest
from drives import a_drive, write_drive

from backbones.backbone import Voxelizer
from backbones.build import build_voxelizer
from backbones.voxelize import VoxelBatch
from harness.config.recipes import resolve_recipe
from harness.data.loader import TrainingScans, load_batches
from harness.data.multiscan import SemanticKittiMultiScan
from harness.data.semantickitti import SemanticKitti
from harness.spec import Augmentation

WriteSequences = Callable[..., Path]
Made: TypeAlias = list[tuple[int, bytes]]


def alone(base: str = "common", **augmentation: object) -> dict[str, object]:
    """Return a recipe that turns and scales nothing and does something else instead."""
    return {"base": base, "augmentation": {"rotate_deg": [0, 0], "scale": [1, 1], **augmentation}}


CASES: dict[str, tuple[object, str]] = {
    "common": ("common", "minkowskinet"),
    "mix": ("mix", "minkowskinet"),
    "mix on a cylinder": ("mix", "cylinder3d"),
    "released SPVNAS": ({"base": "released", "augmentation": {"max_voxels": 25}}, "spvnas"),
    "released Cylinder3D": ("released", "cylinder3d"),
    "rotation": (alone(rotate_deg=[0, 360]), "minkowskinet"),
    "scale": (alone(scale=[0.95, 1.05]), "minkowskinet"),
    "flip": (alone(flip=["x", "y", "xy"]), "minkowskinet"),
    "shift": (alone(translate_sigma_m=0.1), "minkowskinet"),
    "points": (alone(max_points=20), "minkowskinet"),
    "voxels": (alone(max_voxels=20), "minkowskinet"),
    "lasermix": (alone("mix", mix={"kinds": ["lasermix"]}), "minkowskinet"),
    "polarmix": (alone("mix", mix={"kinds": ["polarmix"]}), "minkowskinet"),
    "all together": (
        {
            "base": "mix",
            "augmentation": {
                "flip": ["x", "y", "xy"],
                "translate_sigma_m": 0.1,
                "max_points": 40,
                "max_voxels": 20,
            },
        },
        "minkowskinet",
    ),
}
"""Recipe and backbone."""


def case(name: str) -> tuple[Augmentation, Voxelizer]:
    recipe, backbone = CASES[name]
    settings = {"grid": [48, 36, 16]} if backbone == "cylinder3d" else {}
    voxelizer = build_voxelizer(backbone, None if settings else 0.5, settings)
    return resolve_recipe(recipe, backbone, "semantickitti", "test").augmentation, voxelizer


def content(batch: VoxelBatch) -> bytes:
    """All bytes of a batch."""
    assert batch.labels is not None
    assert batch.points.labels is not None
    points = [batch.points.xyz, batch.points.intensity, batch.points.scan_index, batch.points.labels]
    points += [] if batch.points.asked is None else [batch.points.asked]
    voxels = [batch.coordinates, batch.voxel_of_point, batch.features, batch.labels, batch.xyz]
    return b"".join(t.numpy().tobytes() for t in points + voxels) + repr(batch.points.scan_ids).encode()


def made(scans: TrainingScans, voxelizer: Voxelizer, epochs: Iterable[int], first: int = 0, workers: int = 0) -> Made:
    """Every batch of two scans with its epoch, byte by byte."""
    steps = load_batches(scans, epochs, 2, voxelizer, first, workers)
    return [(step.epoch, content(step.parts[0].voxels)) for step in steps]


@pytest.mark.parametrize("kind", [SemanticKitti, SemanticKittiMultiScan])
@pytest.mark.parametrize("name", CASES)
def test_the_same_bytes_with_any_number_of_workers(
    write_sequences: WriteSequences, name: str, kind: type[SemanticKitti]
) -> None:
    root = write_sequences({"00": 3}, points=40)
    write_drive(root, "00", a_drive(3))
    dataset = kind(root)
    augmentation, voxelizer = case(name)
    scans = TrainingScans(dataset, tuple(dataset.scan_ids("train")), augmentation, seed=1)
    alone, again, one, four = (made(scans, voxelizer, range(1, 3), workers=workers) for workers in (0, 0, 1, 4))
    assert [epoch for epoch, _ in alone] == [1, 1, 2, 2]
    assert alone == again == one == four


@pytest.mark.parametrize("name", CASES)
def test_the_same_bytes_after_an_interruption_and_others_at_another_moment(
    write_sequences: WriteSequences, name: str
) -> None:
    dataset = SemanticKitti(write_sequences({"00": 6}))
    augmentation, voxelizer = case(name)
    ids = tuple(dataset.scan_ids("train"))

    scans, others = (TrainingScans(dataset, ids, augmentation, seed) for seed in (0, 1))
    whole = made(scans, voxelizer, range(1, 3))
    for first_step in (0, 2, 3, 4):
        assert made(scans, voxelizer, range(1, 3), first_step) == whole[first_step:]
    first, second = ({batch for of, batch in whole if of == epoch} for epoch in (1, 2))
    assert not first & second
    assert not first & {batch for _, batch in made(others, voxelizer, [1])}


@pytest.mark.parametrize("name", [name for name in CASES if name != "flip"])  # three draws of three may be equal
def test_a_scan_looks_different_in_every_epoch_and_run(write_sequences: WriteSequences, name: str) -> None:
    """The order of the scans aside: one scan, by itself."""
    dataset = SemanticKitti(write_sequences({"00": 4}))
    augmentation, voxelizer = case(name)
    ids = tuple(dataset.scan_ids("train"))
    looks = set()
    for seed, epoch in ((0, 0), (0, 1), (1, 0)):
        scans = TrainingScans(dataset, ids, augmentation, seed)
        looks.add(content(scans.batch(epoch, [ids[2]], voxelizer)))
    assert len(looks) == 3


def test_a_mixture_is_augmented_as_a_whole(write_sequences: WriteSequences) -> None:
    """As in the public recipes: both scans are mixed as they are in their files, and turned by one angle."""
    dataset = SemanticKitti(write_sequences({"00": 3}))
    still, _ = case("lasermix")
    turning = still.model_copy(update={"rotate_deg": (90.0, 90.0), "scale": (1.0, 1.0)})
    standing = still.model_copy(update={"rotate_deg": (0.0, 0.0), "scale": (1.0, 1.0)})
    ids = tuple(dataset.scan_ids("train"))
    turned, plain = (TrainingScans(dataset, ids, each, 0).read(3, ids[0]).xyz for each in (turning, standing))
    files = {tuple(point) for scan_id in ids for point in dataset.read(scan_id).xyz.tolist()}
    assert {tuple(point) for point in plain.tolist()} <= files
    assert abs(turned[:, 0] + plain[:, 1]).max() < 1e-4
    assert abs(turned[:, 1] - plain[:, 0]).max() < 1e-4
