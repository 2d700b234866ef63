"""An order: everything a fresh process needs to run one cell, small enough to be sent to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from harness.data.dataset import Dataset, Policy
from harness.data.open import open_dataset
from harness.spec import DatasetName


@dataclass(frozen=True)
class DataCopy:
    """A copy of a data set, as a run opens it.

    Attributes:
        name: the data set and its task.
        root: folder of the copy.
        partial: work with the scans that are there.
        policy: what happens to a damaged scan.
        settings: those that differ from the data set's defaults.
    """

    name: DatasetName
    root: Path
    partial: bool = False
    policy: Policy = "fail"
    settings: Mapping[str, Any] = field(default_factory=dict)

    def open(self) -> Dataset:
        """Open the copy.

        Raises:
            HarnessError: there is no such copy, or a setting is wrong.
        """
        return open_dataset(self.name, self.root, self.partial, self.policy, self.settings)


@dataclass(frozen=True)
class Resources:
    """What a run may use; the identity of a cell has no part of it.

    Attributes:
        device: to train, evaluate and measure on; of several processes, the kind of device of each.
        workers: loader processes of a cell, in each of its processes.
        tensorboard: also write the loss terms for TensorBoard.
        processes: that share each batch of a cell, one per GPU.
        micro_batch: most scans in one forward pass; None: as many as the batch has.
    """

    device: torch.device
    workers: int = 0
    tensorboard: bool = False
    processes: int = 1
    micro_batch: int | None = None


@dataclass(frozen=True)
class CellOrder:
    """One cell to run.

    Attributes:
        out: folder of the run, absolute; the cell's folder with its spec.json is in its store.
        cell: the hash of its spec.
        teacher: the hash of its teacher's spec, None without one.
        copy: the data.
        resources: what it may use.
    """

    out: Path
    cell: str
    teacher: str | None
    copy: DataCopy
    resources: Resources
