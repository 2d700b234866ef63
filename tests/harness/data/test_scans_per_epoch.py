from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.data.loader import TrainingScans
from harness.data.semantickitti import SemanticKitti
from harness.spec import Augmentation


@pytest.fixture
def every(write_sequences: Callable[..., Path]) -> TrainingScans:
    dataset = SemanticKitti(write_sequences({"00": 7}, points=5), partial=True)
    return TrainingScans(dataset, tuple(dataset.scan_ids("train")), Augmentation(), seed=0)


def test_a_short_epoch_is_the_begin_of_the_whole_one(every: TrainingScans) -> None:
    short = replace(every, scans_per_epoch=5)
    for epoch in range(3):
        whole = [scan_id for batch in every.epoch_batches(epoch, 2) for scan_id in batch]
        batches = short.epoch_batches(epoch, 2)
        assert [len(batch) for batch in batches] == [2, 2, 1]
        assert [scan_id for batch in batches for scan_id in batch] == whole[:5]


def test_every_epoch_has_other_scans_and_many_have_all(every: TrainingScans) -> None:
    short = replace(every, scans_per_epoch=2)
    epochs = [short.epoch_batches(epoch, 2) for epoch in range(20)]
    assert len({str(batches) for batches in epochs}) > 1
    assert {scan_id for [batch] in epochs for scan_id in batch} == set(every.scan_ids)


def test_more_than_there_are_is_all(every: TrainingScans) -> None:
    assert replace(every, scans_per_epoch=8).epoch_batches(1, 3) == every.epoch_batches(1, 3)


def test_a_scan_looks_the_same_in_a_short_epoch(every: TrainingScans) -> None:
    scan_id = every.scan_ids[0]
    assert (replace(every, scans_per_epoch=1).read(4, scan_id).xyz == every.read(4, scan_id).xyz).all()
