"""How long cells take: seconds per scan as finished cells recorded them, and as this project measured them once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from harness.errors import HarnessError
from harness.measure.device import describe_with_threads
from harness.spec import BackboneSpec, CellResult, CellSpec, DatasetSpec, RecipeSpec, plain_device
from harness.store import Store

BOUNDS = ("rho_m", "z_m")
"""Settings of a network that move its cells and change no layer: data sets have their own."""

SELECTION = ("version",)
"""Settings of a data set that choose scans and change none."""


@dataclass(frozen=True)
class Kind:
    """What decides how long a scan takes a cell, besides the device. Seeds, and lengths of recipes, are no part of it.

    Attributes:
        data: the data set; synthetic streets by content, since their resolution is the user's.
        scans: what the recipe leaves of a training scan or adds to it, empty when nothing.
        grid: the voxels a network reads.
        network: backbone, width and settings.
        teacher: the network that is run beside it, None without one.
        method: the distillation method's label.
        engine: of the sparse convolutions.
    """

    data: str
    scans: str
    grid: str
    network: str
    teacher: str | None
    method: str
    engine: str


@dataclass(frozen=True)
class Timing:
    """What one cell, or one kind of cell in a measurement, took.

    Attributes:
        kind: of the cell.
        device: its name and, of a CPU, its threads.
        batch_size: scans of a training step.
        train_s: device seconds per training scan: wall time times the processes that shared it.
        evaluate_s: device seconds per scan that is read, predicted and scored.
        voxels: of an evaluation scan, mean; None where nobody counted.
        memory_mib: peak of the training on this device; None where nobody looked.
        disk_mib: the cell's folder in the end; None where nobody looked.
        source: the cell, or the record, that says so.
    """

    kind: Kind
    device: str
    batch_size: int
    train_s: float
    evaluate_s: float
    voxels: float | None
    memory_mib: float | None
    disk_mib: float | None
    source: str


def device_label(device: torch.device) -> str:
    """Return what a timing calls a device: its model and, of a CPU, the threads that this process would use."""
    return describe_with_threads(device)


def cell_kind(spec: CellSpec, teacher: BackboneSpec | None) -> Kind:
    """Return the kind of a cell.

    Args:
        spec: the cell.
        teacher: the network of its teacher, None without one.
    """
    return Kind(
        data=data_label(spec.dataset),
        scans=_scans_label(spec.recipe),
        grid=grid_label(spec.backbone),
        network=network_label(spec.backbone),
        teacher=None if teacher is None else network_label(teacher),
        method=spec.method.label,
        engine=spec.engine,
    )


def network_label(backbone: BackboneSpec) -> str:
    """Return a text that two networks share when a scan takes them equally long: ``minkowskinet 0.5×, 0.05 m``."""
    settings = {key: value for key, value in backbone.settings.items() if key not in BOUNDS}
    more = f", {json.dumps(settings, sort_keys=True)}" if settings else ""
    size = "" if backbone.voxel_size_m is None else f", {backbone.voxel_size_m:g} m"
    return f"{backbone.name} {backbone.width:g}×{size}{more}"


def grid_label(backbone: BackboneSpec) -> str:
    """Return a text that two networks share when they make the same voxels of a scan."""
    if backbone.voxel_size_m is not None:
        return f"{backbone.voxel_size_m:g} m"
    return f"{backbone.name} {backbone.settings.get('grid')}"


def data_label(dataset: DatasetSpec) -> str:
    """Return a text that two data sets share when their scans are of the same size."""
    settings = {key: value for key, value in dataset.settings.items() if key not in SELECTION}
    name = f"{dataset.name} {json.dumps(settings, sort_keys=True)}" if settings else dataset.name
    return f"{name}, synthetic {dataset.manifest[:12]}" if dataset.synthetic else name


def recorded_timings(store: Store) -> list[Timing]:
    """Return the timings of every finished cell of a store, whichever matrix it was for.

    A cell that went on on another device says nothing about either, and a damaged record nothing at all.
    """
    results, networks = [], {}
    for folder in store.cells():
        try:
            result = folder.result()
        except HarnessError:
            continue
        if result is not None and result.status == "finished":
            results.append(result)
            networks[result.spec.hash] = result.spec.backbone
    timings = (timing_of(result, networks) for result in results)
    return [timing for timing in timings if timing is not None]


def timing_of(result: CellResult, networks: Mapping[str, BackboneSpec]) -> Timing | None:
    """Return what a finished cell took, None when its record does not tell.

    Args:
        result: of the cell.
        networks: of finished cells, by hash: the teachers are among them.
    """
    spec, training, macs = result.spec, result.training, result.macs
    if training is None or macs is None or (spec.teacher is not None and spec.teacher not in networks):
        return None
    devices = set(map(plain_device, training.devices))
    evaluate_s = _evaluate_s(result)
    if len(devices) != 1 or evaluate_s is None:
        return None
    memory, provenance = training.peak_memory_mib, result.provenance
    device_s = sum(sitting.seconds * sitting.processes for sitting in training.known_sittings())
    return Timing(
        kind=cell_kind(spec, None if spec.teacher is None else networks[spec.teacher]),
        device=devices.pop(),
        batch_size=spec.recipe.batch_size,
        train_s=device_s / training_scans(spec),
        evaluate_s=evaluate_s,
        voxels=macs.voxels_mean,
        memory_mib=memory if training.micro_batch is None else None,
        disk_mib=None if provenance is None else provenance.disk_mib,
        source=spec.cell,
    )


def training_scans(spec: CellSpec) -> int:
    """Return how many scans all epochs of a cell's recipe have together."""
    return spec.recipe.epochs * epoch_scans(spec)


def epoch_scans(spec: CellSpec) -> int:
    """Return how many scans an epoch of a cell's recipe has."""
    every = sum(spec.dataset.scans[split] for split in spec.train_on)
    return min(every, spec.recipe.scans_per_epoch or every)


def _scans_label(recipe: RecipeSpec) -> str:
    augmentation = recipe.augmentation
    parts = [
        f"at most {augmentation.max_points} points" if augmentation.max_points else "",
        f"at most {augmentation.max_voxels} voxels" if augmentation.max_voxels else "",
        "mixed with others" if augmentation.mix else "",
    ]
    return ", ".join(filter(None, parts))


def _evaluate_s(result: CellResult) -> float | None:
    """Return the seconds per evaluated scan; where no phase was timed, those from points to labels."""
    provenance, latency, spec = result.provenance, result.latency, result.spec
    if provenance is not None and "evaluate" in provenance.phase_seconds and spec.dataset.scans["val"]:
        return provenance.phase_seconds["evaluate"] * provenance.processes / spec.dataset.scans["val"]
    return None if latency is None else latency.end_to_end.mean_ms / 1e3
