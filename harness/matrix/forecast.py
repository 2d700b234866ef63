"""What a plan will take: device hours, memory and disk of each cell, and what these rest on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.matrix.cell_size import cell_size_mib
from harness.matrix.estimate import Estimate, Estimator
from harness.matrix.protocol import SCORED_SPLIT, is_scored
from harness.matrix.standing import standing
from harness.matrix.timings import Kind, Timing, cell_kind, training_scans
from harness.measure.latency import forward_passes
from harness.spec import CellSpec
from harness.store import Status, Store

HOUR_S = 3600


@dataclass(frozen=True)
class Elsewhere:
    """Hours that a cell would have left on a device other than the one to run on."""

    device: str
    hours: float


@dataclass(frozen=True)
class Forecast:
    """What is left to do of one cell.

    Attributes:
        status: of the cell now.
        left: share of its training that is to be done, 0–1.
        hours: device hours left, 0 of a finished cell; None when no timing on this device leads to them.
        memory_mib: peak on the device; None when no cell of its kind told.
        disk_mib: size of its folder in the end.
        disk_left_mib: how much of that is to be written.
        basis: what the hours rest on, in a few words.
        ratio_from: the device that told the ratio of the basis, where it was another one; else None.
        elsewhere: the hours on another device, where none are known of this one; else None.
    """

    status: Status
    left: float
    hours: float | None
    memory_mib: float | None
    disk_mib: float
    disk_left_mib: float
    basis: str
    ratio_from: str | None = None
    elsewhere: Elsewhere | None = None

    @property
    def unknown(self) -> bool:
        """Whether nobody knows how long the cell will take."""
        return self.hours is None


def forecast(specs: Sequence[CellSpec], store: Store, timings: Iterable[Timing], device: str) -> dict[str, Forecast]:
    """Return what is left of every cell, by hash.

    Args:
        specs: the cells, with the teachers that they need.
        store: where they are or will be.
        timings: all that are known, of any device.
        device: the one to run on, as `device_label` names it; timings of others give no hours on it.
    """
    hashes = [spec.hash for spec in specs]
    networks = {key: spec.backbone for key, spec in zip(hashes, specs, strict=True)}
    estimator = Estimator(timings)
    return {
        key: _forecast(spec, cell_kind(spec, networks.get(spec.teacher or "")), store, estimator, device)
        for key, spec in zip(hashes, specs, strict=True)
    }


def _forecast(spec: CellSpec, kind: Kind, store: Store, estimator: Estimator, device: str) -> Forecast:
    found, now = estimator.estimate(kind, device), standing(spec, store)
    disk = (found.disk_mib() if found else None) or cell_size_mib(spec)
    memory = found.memory_mib(spec.recipe.batch_size) if found else None
    if now.status == "finished":
        return Forecast("finished", 0.0, 0.0, memory, now.written_mib, 0.0, "done")
    left, disk_left = 1 - now.trained, max(disk - now.written_mib, 0.0)
    if found is None:
        elsewhere = _elsewhere(spec, kind, left, estimator)
        return Forecast(now.status, left, None, None, disk, disk_left, "no timing", elsewhere=elsewhere)
    hours = _hours(spec, found, left)
    return Forecast(now.status, left, hours, memory, disk, disk_left, found.basis, found.ratio_from)


def _hours(spec: CellSpec, estimate: Estimate, left: float) -> float:
    """Return the hours of what is left of the training, and of evaluating and measuring, which begin anew."""
    measure, views = spec.measure, spec.measure.tta.views if spec.measure.tta else 0
    timed = measure.latency_scans * forward_passes(measure.latency_passes)
    scored = spec.dataset.scans[SCORED_SPLIT] * (1 + views) if is_scored(spec) else 0
    predictions = scored + measure.macs_scans + timed
    return (left * training_scans(spec) * estimate.train_s + predictions * estimate.evaluate_s) / HOUR_S


def _elsewhere(spec: CellSpec, kind: Kind, left: float, estimator: Estimator) -> Elsewhere | None:
    for device in estimator.devices(kind):
        estimate = estimator.estimate(kind, device)
        if estimate is not None:
            return Elsewhere(device, _hours(spec, estimate, left))
    return None
