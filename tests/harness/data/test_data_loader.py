from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable
from functools import partial
from multiprocessing import active_children
from pathlib import Path

import pytest
import torch

from backbones.points import PointBatch
from backbones.voxelize import VoxelBatch, voxelize_first_point
from harness.data.loader import TrainingScans, load_batches, prefetch
from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError
from harness.spec import Augmentation

WriteSequences = Callable[..., Path]

voxelize = partial(voxelize_first_point, voxel_size_m=0.5)


def training(root: Path, seed: int = 0) -> TrainingScans:
    dataset = SemanticKitti(root)
    return TrainingScans(dataset, tuple(dataset.scan_ids("train")), Augmentation(max_points=40), seed)


def content(batch: VoxelBatch) -> bytes:
    """All bytes of a batch."""
    assert batch.labels is not None
    assert batch.points.labels is not None
    points = [batch.points.xyz, batch.points.intensity, batch.points.scan_index, batch.points.labels]
    voxels = [batch.coordinates, batch.voxel_of_point, batch.features, batch.labels, batch.xyz]
    return b"".join(t.numpy().tobytes() for t in points + voxels) + repr(batch.points.scan_ids).encode()


def as_is(points: PointBatch) -> PointBatch:
    return points


def refuse(points: PointBatch) -> PointBatch:
    raise HarnessError(points.scan_ids[0], "too few voxels", "more", "Use smaller voxels.")


def die(points: PointBatch) -> PointBatch:
    os.kill(os.getpid(), signal.SIGKILL)
    return points


def break_down(points: PointBatch) -> PointBatch:
    raise RuntimeError("a bug")


def test_an_epoch_has_every_scan_once(write_sequences: WriteSequences) -> None:
    scans = training(write_sequences({"00": 7}))
    batches = scans.epoch_batches(0, 2)
    assert [len(batch) for batch in batches] == [2, 2, 2, 1]
    assert sorted(scan_id for batch in batches for scan_id in batch) == list(scans.scan_ids)
    assert batches == scans.epoch_batches(0, 2)


def test_epochs_and_seeds_have_their_own_order(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 9})
    orders = {str(training(root, seed).epoch_batches(epoch, 1)) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


@pytest.mark.filterwarnings("ignore:This DataLoader will create 4 worker processes")
def test_the_same_bytes_for_any_number_of_workers(write_sequences: WriteSequences) -> None:
    scans = training(write_sequences({"00": 7}))
    alone, one, four = (
        [content(batch) for batch in load_batches(scans, 1, 2, voxelize, 0, workers)] for workers in (0, 1, 4)
    )
    assert len(alone) == 4
    assert alone == one == four
    assert alone != [content(batch) for batch in load_batches(scans, 2, 2, voxelize, 0, 0)]


def test_a_resumed_epoch_goes_on_with_the_same_batches(write_sequences: WriteSequences) -> None:
    scans = training(write_sequences({"00": 7}))
    whole = [content(batch) for batch in load_batches(scans, 0, 2, voxelize, 0, 0)]
    assert [content(batch) for batch in load_batches(scans, 0, 2, voxelize, 3, 1)] == whole[3:]
    assert list(load_batches(scans, 0, 2, voxelize, 4, 0)) == []


@pytest.mark.parametrize("workers", [0, 1])
def test_loading_leaves_the_global_random_state_alone(write_sequences: WriteSequences, workers: int) -> None:
    scans = training(write_sequences({"00": 3}))
    before = torch.random.get_rng_state()
    list(load_batches(scans, 0, 2, voxelize, 0, workers))
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_of_a_worker_arrives_whole(write_sequences: WriteSequences, workers: int) -> None:
    root = write_sequences({"00": 5})
    (root / "sequences/00/labels/000002.label").write_bytes(bytes(4))
    with pytest.raises(HarnessError) as caught:
        list(load_batches(training(root), 0, 2, voxelize, 0, workers))
    assert caught.value.where.endswith("labels/000002.label")
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_the_voxelisation_arrives_whole(write_sequences: WriteSequences, workers: int) -> None:
    dataset = SemanticKitti(write_sequences({"00": 1}))
    with pytest.raises(HarnessError, match="00/000000: found too few voxels"):
        list(prefetch(dataset.read, [["00/000000"]], refuse, workers))


def test_a_killed_worker_is_told(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 1}))
    with pytest.raises(HarnessError, match="found a worker that was killed; expected 1 running"):
        list(prefetch(dataset.read, [["00/000000"]], die, 1))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_fault_of_the_program_keeps_its_type(write_sequences: WriteSequences, workers: int) -> None:
    dataset = SemanticKitti(write_sequences({"00": 1}))
    with pytest.raises(RuntimeError, match="a bug"):
        list(prefetch(dataset.read, [["00/000000"]], break_down, workers))


def test_scans_can_be_prefetched_without_augmentation(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 2, "11": 1}))
    ids = ["00/000001", "11/000000"]
    batches = list(prefetch(dataset.read, [[scan_id] for scan_id in ids], as_is, 1))
    assert [batch.scan_ids for batch in batches] == [("00/000001",), ("11/000000",)]
    assert batches[0].xyz.numpy().tobytes() == dataset.read("00/000001").xyz.tobytes()
    assert batches[1].labels is None


def test_stopping_early_leaves_no_worker_behind(write_sequences: WriteSequences) -> None:
    scans, others = training(write_sequences({"00": 7})), set(active_children())
    batches = load_batches(scans, 0, 1, voxelize, 0, 2)
    next(batches)
    own = set(active_children()) - others
    assert len(own) == 2
    batches.close()  # type: ignore[attr-defined]
    assert not own & set(active_children())


def test_a_voxel_batch_survives_pickling(write_sequences: WriteSequences) -> None:
    batch = next(load_batches(training(write_sequences({"00": 1})), 0, 1, voxelize, 0, 0))
    copy = pickle.loads(pickle.dumps(batch))
    assert content(copy) == content(batch)
    assert copy.maps.levels == ()
