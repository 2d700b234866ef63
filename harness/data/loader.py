"""Scans to batches, in order, by worker processes: the same bytes for any number of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from backbones.backbone import Voxelizer
from backbones.points import PointBatch
from backbones.voxelize import VoxelBatch
from harness.data.augment import augment
from harness.data.cap import cap_voxels
from harness.data.collate import collate
from harness.data.dataset import Dataset
from harness.data.draws import generator
from harness.data.mix.mix import mix
from harness.data.scan import Scan
from harness.errors import HarnessError
from harness.spec import Augmentation

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class TrainingScans:
    """The scans of a training run, each mixed and augmented anew in every epoch.

    Attributes:
        dataset: the reader.
        scan_ids: the scans to train on, each of which may become another's partner.
        augmentation: ranges of the draws.
        seed: of the run; it decides the order and every draw.
    """

    dataset: Dataset
    scan_ids: tuple[str, ...]
    augmentation: Augmentation
    seed: int

    def read(self, epoch: int, scan_id: str) -> Scan:
        """Return a scan as it looks in one epoch: a pure function of (seed, epoch, scan id).

        It is mixed as it stands in its file, and the mixture augmented, as in the public recipes.
        """
        scan, mixing = self.dataset.read(scan_id), self.augmentation.mix
        if mixing is not None:
            scan = mix(scan, self.dataset, self.scan_ids, mixing, generator(self.seed, epoch, scan_id, "mixing"))
        return augment(scan, self.augmentation, generator(self.seed, epoch, scan_id, "augmentation"))

    def voxelize(self, epoch: int, voxelizer: Voxelizer, points: PointBatch) -> VoxelBatch:
        """Return the voxels of a batch as they look in one epoch: all of them, or as many as the cap allows."""
        most = self.augmentation.max_voxels
        if most is None:
            return voxelizer(points)
        rngs = [generator(self.seed, epoch, scan_id, "voxels") for scan_id in points.scan_ids]
        return cap_voxels(points, voxelizer, most, rngs)

    def epoch_batches(self, epoch: int, batch_size: int) -> list[list[str]]:
        """Return the scans of each step of an epoch: a permutation of all, the last batch smaller if need be."""
        order = generator(self.seed, epoch, "", "order").permutation(len(self.scan_ids))
        shuffled = [self.scan_ids[place] for place in order]
        return [shuffled[start : start + batch_size] for start in range(0, len(shuffled), batch_size)]


def load_batches(
    scans: TrainingScans,
    epoch: int,
    batch_size: int,
    voxelize: Voxelizer,
    first_step: int,
    workers: int,
) -> Iterator[VoxelBatch]:
    """Yield the batches of an epoch from step `first_step` on; see `prefetch` for `voxelize`, `workers` and errors."""
    steps = scans.epoch_batches(epoch, batch_size)[first_step:]
    return prefetch(partial(scans.read, epoch), steps, partial(scans.voxelize, epoch, voxelize), workers)


def prefetch(
    read: Callable[[str], Scan],
    batches: Sequence[Sequence[str]],
    voxelize: Callable[[PointBatch], Batch],
    workers: int,
) -> Iterator[Batch]:
    """Yield one prepared batch for each list of scan ids, in their order.

    The global random state of torch is left alone, so that the draws of a training run don't depend on how often it
    was interrupted.

    Args:
        read: a scan by its id.
        batches: scan ids, batch by batch.
        voxelize: turns the points into what the networks read; runs in the workers.
        workers: processes that read and voxelise ahead; 0 does it in this one. `read`, `voxelize` and its outcome are
            picklable when above 0.

    Raises:
        HarnessError: a scan can't be read, from whichever process, or a worker was killed.
    """
    loader = DataLoader(
        _Scans(read),
        batch_sampler=list(map(list, batches)),
        collate_fn=_Prepare(voxelize),
        num_workers=workers,
        generator=torch.Generator(),
    )
    try:
        for outcome in loader:
            if isinstance(outcome, HarnessError):
                raise outcome
            yield outcome
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker (pid"):
            raise
        remedy = "It ran out of memory, or of shared memory (/dev/shm, in containers often 64 MB): use fewer workers."
        raise HarnessError("data loader", "a worker that was killed", f"{workers} running", remedy) from error


class _Scans(TorchDataset[Scan | HarnessError]):
    """Scans by id. An error is returned, not raised: torch would wrap it into one with a worker's traceback."""

    def __init__(self, read: Callable[[str], Scan]) -> None:
        self.read = read

    def __getitem__(self, scan_id: str) -> Scan | HarnessError:
        try:
            return self.read(scan_id)
        except HarnessError as error:
            return error


class _Prepare(Generic[Batch]):
    """Scans of one batch to what the networks read."""

    def __init__(self, voxelize: Callable[[PointBatch], Batch]) -> None:
        self.voxelize = voxelize

    def __call__(self, scans: list[Scan | HarnessError]) -> Batch | HarnessError:
        read = [scan for scan in scans if isinstance(scan, Scan)]
        for scan in scans:
            if isinstance(scan, HarnessError):
                return scan
        try:
            return self.voxelize(collate(read))
        except HarnessError as error:
            return error
