"""Set damaged scans aside before a run, by the data set's policy, and say which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from harness.data.dataset import Dataset
from harness.data.fault import Fault
from harness.data.workers import Progress, map_items
from harness.errors import HarnessError


@dataclass(frozen=True)
class Screened:
    """Scans to use, in their order, and each one left out with the reason."""

    scan_ids: list[str]
    skipped: tuple[tuple[str, Fault], ...]


def screen(dataset: Dataset, scan_ids: Sequence[str], workers: int = 0, progress: Progress | None = None) -> Screened:
    """Decide which scans a run uses, before it starts, so that no batch changes on the way.

    Under the policy `fail` nothing is read: the first damaged scan stops the run when it is read. Under
    `skip-and-report` every scan is read once and the damaged ones are left out and listed.

    Raises:
        HarnessError: under `skip-and-report`, no scan is left.
    """
    if dataset.policy == "fail":
        return Screened(list(scan_ids), ())
    faults = list(map_items(partial(scan_fault, dataset), scan_ids, workers, progress))
    outcomes = list(zip(scan_ids, faults, strict=True))
    good = [scan_id for scan_id, fault in outcomes if fault is None]
    if not good:
        remedy = "Fetch the data again; `harness data check` lists every fault."
        raise HarnessError(dataset.root, f"{len(faults)} scans, every one damaged", "some that can be read", remedy)
    return Screened(good, tuple((scan_id, fault) for scan_id, fault in outcomes if fault is not None))


def scan_fault(dataset: Dataset, scan_id: str) -> Fault | None:
    """Read a scan and return what is wrong with it."""
    try:
        dataset.read(scan_id)
    except HarnessError as error:
        return Fault.of(error)
    return None
