from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
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


def refuse(points: PointBatch) -> VoxelBatch:
    raise HarnessError(points.scan_ids[0], "too few voxels", "more", "Use smaller voxels.")


def refuse_the_fifth(item: int) -> int:
    if item == 5:
        raise HarnessError("item 5", "the fifth", "another", "Take another.")
    return item


def own_process(item: int) -> tuple[int, int]:
    return item, os.getpid()


def die(item: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def break_down(item: int) -> None:
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


def loaded(scans: TrainingScans, epochs: Iterable[int], first_step: int = 0, workers: int = 0) -> list[bytes]:
    """Every batch of two scans, with its epoch, byte by byte."""
    steps = load_batches(scans, epochs, 2, voxelize, first_step, workers)
    return [bytes([step.epoch]) + content(step.parts[0].voxels) for step in steps]


def test_the_same_bytes_for_any_number_of_workers(write_sequences: WriteSequences) -> None:
    scans = training(write_sequences({"00": 7}))
    alone, one, four = (loaded(scans, range(1, 4), workers=workers) for workers in (0, 1, 4))
    assert len(set(alone)) == 3 * 4
    assert alone == one == four
    assert alone == [batch for epoch in range(1, 4) for batch in loaded(scans, [epoch])]


@pytest.mark.parametrize("first_step", [1, 3, 4, 5, 8, 11, 12])
def test_a_resumed_run_goes_on_with_the_same_batches(write_sequences: WriteSequences, first_step: int) -> None:
    """In an epoch, at its end, and after the last one."""
    scans = training(write_sequences({"00": 7}))
    whole = loaded(scans, range(3))
    assert loaded(scans, range(3), first_step) == whole[first_step:]
    assert loaded(scans, range(3), first_step, workers=2) == whole[first_step:]


def test_the_same_workers_serve_all_epochs(write_sequences: WriteSequences) -> None:
    """None begins with the start of new ones."""
    scans, others = training(write_sequences({"00": 2})), set(active_children())
    batches = load_batches(scans, range(4), 1, voxelize, 0, 2)
    at_work = []
    for _ in range(7):  # the eighth is the last, after which they go
        next(batches)
        at_work.append({worker.pid for worker in active_children() if worker not in others})
    assert len(at_work[0]) == 2
    assert all(workers == at_work[0] for workers in at_work)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_only_a_few_batches_are_held_ahead(workers: int) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(50):
            taken.append(item)
            yield item

    for done, (item, process) in enumerate(prefetch(own_process, items(), workers)):
        assert item == done
        assert (process == os.getpid()) == (workers == 0)
        assert len(taken) <= done + 1 + 2 * workers
    assert taken == list(range(50))


@pytest.mark.parametrize("workers", [0, 1])
def test_loading_leaves_the_global_random_state_alone(write_sequences: WriteSequences, workers: int) -> None:
    scans = training(write_sequences({"00": 3}))
    before = torch.random.get_rng_state()
    loaded(scans, range(2), workers=workers)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="torch asks Linux alone for the cores at hand")
def test_more_workers_than_cores_are_no_news(recwarn: pytest.WarningsRecorder) -> None:
    """It is what the user asked for; torch would say so twice."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert len(list(prefetch(own_process, range(3), 2))) == 3
    finally:
        os.sched_setaffinity(0, before)
    assert not [str(warning.message) for warning in recwarn]


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_of_a_worker_arrives_whole(write_sequences: WriteSequences, workers: int) -> None:
    root = write_sequences({"00": 5})
    (root / "sequences/00/labels/000002.label").write_bytes(bytes(4))
    with pytest.raises(HarnessError) as caught:
        loaded(training(root), range(2), workers=workers)
    assert caught.value.where.endswith("labels/000002.label")
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_an_error_waits_for_its_turn(workers: int) -> None:
    """What comes before it is trained on, however far ahead the workers are."""
    outcomes = prefetch(refuse_the_fifth, range(1, 50), workers)
    assert list(islice(outcomes, 4)) == [1, 2, 3, 4]
    with pytest.raises(HarnessError, match="item 5: found"):
        next(outcomes)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_the_voxelisation_arrives_whole(write_sequences: WriteSequences, workers: int) -> None:
    scans = training(write_sequences({"00": 1}))
    with pytest.raises(HarnessError, match="00/000000: found too few voxels"):
        list(load_batches(scans, [0], 1, refuse, 0, workers))


def test_a_killed_worker_is_told() -> None:
    with pytest.raises(HarnessError, match="found a worker that was killed; expected 1 running"):
        list(prefetch(die, [0], 1))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_fault_of_the_program_keeps_its_type(workers: int) -> None:
    with pytest.raises(RuntimeError, match="a bug"):
        list(prefetch(break_down, [0], workers))


def test_scans_can_be_prefetched_without_augmentation(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 2, "11": 1}))
    scans = list(prefetch(dataset.read, ["00/000001", "11/000000"], 1))
    assert [scan.scan_id for scan in scans] == ["00/000001", "11/000000"]
    assert scans[0].xyz.tobytes() == dataset.read("00/000001").xyz.tobytes()
    assert scans[1].labels is None


def test_stopping_early_leaves_no_worker_behind(write_sequences: WriteSequences) -> None:
    scans, others = training(write_sequences({"00": 7})), set(active_children())
    batches = load_batches(scans, range(2), 1, voxelize, 0, 2)
    next(batches)
    own = set(active_children()) - others
    assert len(own) == 2
    batches.close()  # type: ignore[attr-defined]
    assert not own & set(active_children())


def test_an_error_leaves_no_worker_behind_while_it_is_told() -> None:
    others = set(active_children())
    outcomes = prefetch(refuse_the_fifth, range(50), 2)
    with pytest.raises(HarnessError) as caught:
        list(outcomes)
    assert caught.value.__traceback__ is not None
    assert not set(active_children()) - others


def test_a_voxel_batch_survives_pickling(write_sequences: WriteSequences) -> None:
    batch = training(write_sequences({"00": 1})).batch(0, ["00/000000"], voxelize)
    copy = pickle.loads(pickle.dumps(batch))
    assert content(copy) == content(batch)
    assert copy.maps.levels == ()
