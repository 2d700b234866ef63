"""Latency-v1 of the networks of a matrix: which they are, and what was measured before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from harness.matrix.data import RunData
from harness.matrix.latency_scans import choose_scans
from harness.matrix.planned import PlannedPart
from harness.matrix.working_copy import working_copy
from harness.measure.latency.group import Group
from harness.measure.latency.order import NetworkOrder
from harness.measure.latency.process import Watcher
from harness.measure.latency.records import sole_writer, write_record
from harness.measure.latency.scan_source import ScanSource
from harness.measure.latency.settings import LatencySettings as LatencySettings
from harness.spec import BackboneSpec, LatencyRecord


@dataclass(frozen=True)
class NetworkOnData:
    """A network and the data whose evaluation scans it is timed on.

    Attributes:
        data: of a run.
        backbone: the network.
        engine: name.
    """

    data: RunData
    backbone: BackboneSpec
    engine: str


def networks_of(planned: Sequence[PlannedPart]) -> list[NetworkOnData]:
    """Return the networks of a matrix, teachers and students, each once: methods and seeds make no difference."""
    networks: list[NetworkOnData] = []
    for part in planned:
        distinct = {(spec.backbone.model_dump_json(), spec.engine): spec for spec in part.specs}
        networks += [NetworkOnData(part.data, spec.backbone, spec.engine) for spec in distinct.values()]
    return networks


def measure_matrix(
    networks: Sequence[NetworkOnData], settings: LatencySettings, device: torch.device, progress: Watcher
) -> list[LatencyRecord]:
    """Measure networks, those of one data set interleaved in the same processes.

    Args:
        networks: of any data sets.
        settings: how much.
        device: where.
        progress: told how far it is.

    Returns:
        A record of each network, data set by data set.

    Raises:
        HarnessError: a scan, a network or the device can't be used, or a process died.
    """
    return [record for group in groups_of(networks, settings, device, progress) for record in group.measure(progress)]


def measure_missing(
    folder: Path, groups: Iterable[Group], progress: Watcher, again: bool = False
) -> list[LatencyRecord]:
    """Measure what a folder has no record of yet, and write each record as soon as its group is measured.

    A group is measured as a whole: networks are compared only with those of the same processes.

    Args:
        folder: of records.
        groups: what to measure.
        progress: told how far it is, and which records are kept.
        again: measure what was measured before as well.

    Raises:
        HarnessError: as `measure_matrix`, or the folder can't be written or another measurement writes to it, which
            are known before anything is measured.
    """
    with sole_writer(folder):
        return [record for group in groups for record in _measured(folder, group, progress, again)]


def _measured(folder: Path, group: Group, progress: Watcher, again: bool) -> list[LatencyRecord]:
    """Return the records of a group, which are in the folder then."""
    if not again and (kept := group.kept(folder)) is not None:
        names = ", ".join(record.network for record in kept)
        progress.note(f"Measured before at commit {kept[0].commit}, and kept: {names}.")
        return kept
    found = group.measure(progress)
    for record in found:
        write_record(folder, record)
    return found


def groups_of(
    networks: Sequence[NetworkOnData], settings: LatencySettings, device: torch.device, progress: Watcher
) -> Iterator[Group]:
    """Yield one group for each data set, its scans chosen when it is asked for.

    Raises:
        HarnessError: a scan can't be read.
    """
    by_data: dict[tuple[str, str], list[NetworkOnData]] = {}
    for network in networks:
        by_data.setdefault((network.data.spec.name, network.data.spec.manifest), []).append(network)
    for members in by_data.values():
        data = members[0].data
        scans = choose_scans(data.dataset, data.evaluation, settings.scans, progress)
        orders = [NetworkOrder(backbone=member.backbone, engine=member.engine) for member in members]
        yield group_of(scans, orders, settings, device)


def group_of(
    scans: ScanSource, networks: Sequence[NetworkOrder], settings: LatencySettings, device: torch.device
) -> Group:
    """Return the measurement of some networks on some scans by the harness as it is now."""
    copy = working_copy()
    commit = None if copy is None else copy.description
    return Group(scans, networks, settings.passes, settings.processes, device, commit)
