"""Scans to batches, in order, by worker processes: the same bytes for any number of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Generic, TypeAlias, TypeVar

import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from backbones.backbone import Voxelizer
from backbones.voxelize import VoxelBatch
from harness.data.augment import augment
from harness.data.cap import cap_voxels
from harness.data.collate import collate
from harness.data.dataset import Dataset
from harness.data.draws import generator
from harness.data.mix.mix import mix
from harness.data.scan import Scan
from harness.data.share import Share
from harness.data.step_batch import PartBatch, StepBatch
from harness.errors import HarnessError
from harness.spec import Augmentation

Item = TypeVar("Item")
Batch = TypeVar("Batch")
Step: TypeAlias = tuple[int, Sequence[str]]
"""Epoch and scan ids of a batch."""


@dataclass(frozen=True)
class TrainingScans:
    """The scans of a training run, each mixed and augmented anew in every epoch.

    Attributes:
        dataset: the reader.
        scan_ids: the scans to train on, each of which may become another's partner.
        augmentation: ranges of the draws.
        seed: of the run; it decides the order and every draw.
        scans_per_epoch: of each epoch, the first of its order; None: all.
    """

    dataset: Dataset
    scan_ids: tuple[str, ...]
    augmentation: Augmentation
    seed: int
    scans_per_epoch: int | None = None

    def read(self, epoch: int, scan_id: str) -> Scan:
        """Return a scan as it looks in one epoch: a pure function of (seed, epoch, scan id).

        It is mixed as it stands in its file, and the mixture augmented, as in the public recipes.
        """
        scan, mixing = self.dataset.read(scan_id), self.augmentation.mix
        if mixing is not None:
            scan = mix(scan, self.dataset, self.scan_ids, mixing, generator(self.seed, epoch, scan_id, "mixing"))
        return augment(scan, self.augmentation, generator(self.seed, epoch, scan_id, "augmentation"))

    def batch(self, epoch: int, scan_ids: Sequence[str], voxelize: Voxelizer) -> VoxelBatch:
        """Return a batch as it looks in one epoch, with all its voxels or as many as the cap allows."""
        points, most = collate([self.read(epoch, scan_id) for scan_id in scan_ids]), self.augmentation.max_voxels
        if most is None:
            return voxelize(points)
        rngs = [generator(self.seed, epoch, scan_id, "voxels") for scan_id in scan_ids]
        return cap_voxels(points, voxelize, most, rngs)

    def epoch_batches(self, epoch: int, batch_size: int) -> list[list[str]]:
        """Return the scans of each step of an epoch: the first of a permutation, the last batch smaller if need be."""
        order = generator(self.seed, epoch, "", "order").permutation(len(self.scan_ids))
        shuffled = [self.scan_ids[place] for place in order[: self.scans_per_epoch]]
        return [shuffled[start : start + batch_size] for start in range(0, len(shuffled), batch_size)]


def load_batches(
    scans: TrainingScans,
    epochs: Iterable[int],
    batch_size: int,
    voxelize: Voxelizer,
    first_step: int,
    workers: int,
    share: Share | None = None,
) -> Iterator[StepBatch]:
    """Yield every step of several epochs; see `prefetch` for `workers` and errors.

    One set of workers serves all epochs, so that none begins with a wait for its first batch.

    Args:
        scans: to train on.
        epochs: to go through, in this order.
        batch_size: scans of a batch.
        voxelize: turns the points into what the networks read; runs in the workers, so it is picklable.
        first_step: batches to pass over, counted from the start of the first of `epochs`.
        workers: processes that read, mix, augment and voxelise ahead.
        share: the parts of a step that are loaded, each voxelised by itself; None: the batch as one part.
    """
    steps = ((epoch, scan_ids) for epoch in epochs for scan_ids in scans.epoch_batches(epoch, batch_size))
    load = partial(_load, scans, voxelize, share or Share(batch_size))
    return prefetch(load, islice(steps, first_step, None), workers)


def _load(scans: TrainingScans, voxelize: Voxelizer, share: Share, step: Step) -> StepBatch:
    epoch, scan_ids = step
    parts = (
        PartBatch(scans.batch(epoch, part.scan_ids, voxelize) if part.scan_ids else None, part.weight)
        for part in share.parts(scan_ids)
    )
    return StepBatch(epoch, tuple(scan_ids), tuple(parts))


def prefetch(prepare: Callable[[Item], Batch], items: Iterable[Item], workers: int) -> Iterator[Batch]:
    """Yield what `prepare` makes of each item, in their order.

    Each worker has at most two outcomes ready or under way; items are taken no earlier than that. The global random
    state of torch is left alone, so that the draws of a training run don't depend on how often it was interrupted.

    Args:
        prepare: makes a batch; it and its outcome are picklable when `workers` is above 0.
        items: what to prepare, each picklable too.
        workers: processes that prepare ahead; 0 does it in this one.

    Raises:
        HarnessError: raised by `prepare`, in whichever process, or a worker was killed.
    """
    try:
        # No name holds the iterator: an error's traceback would keep it, and its workers, alive.
        for outcome in _start(prepare, items, workers):
            if isinstance(outcome, HarnessError):
                raise outcome
            yield outcome
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker (pid"):
            raise
        remedy = "It ran out of memory, or of shared memory (/dev/shm, in containers often 64 MB): use fewer workers."
        raise HarnessError("data loader", "a worker that was killed", f"{workers} running", remedy) from error


def _start(prepare: Callable[[Item], Batch], items: Iterable[Item], workers: int) -> Iterator[Batch | HarnessError]:
    """Start the workers; they go when the iterator does."""
    with warnings.catch_warnings():
        # More workers than cores are the user's explicit choice.
        warnings.filterwarnings("ignore", "This DataLoader will create", UserWarning)
        loader = DataLoader(
            _Prepared(prepare),
            sampler=items,
            batch_size=None,
            collate_fn=_as_it_is,
            num_workers=workers,
            prefetch_factor=2 if workers else None,
            generator=torch.Generator(),
        )
        return iter(loader)


class _Prepared(TorchDataset[Batch | HarnessError], Generic[Item, Batch]):
    """Outcomes by item. An error is returned, not raised: torch would wrap it into one with a worker's traceback."""

    def __init__(self, prepare: Callable[[Item], Batch]) -> None:
        self.prepare = prepare

    def __getitem__(self, item: Item) -> Batch | HarnessError:
        try:
            return self.prepare(item)
        except HarnessError as error:
            return error


def _as_it_is(outcome: Batch) -> Batch:
    """Keep an outcome from torch's own conversion, which turns tuples into lists."""
    return outcome
