"""Measures latency once more where the gate is in doubt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.cli.measure_matrix import MatrixChoice
    from harness.matrix.latency import LatencySettings, NetworkOnData
    from harness.matrix.progress import Progress
    from harness.measure.latency.group import Group
    from harness.spec import BackboneSpec, LatencyRecord

FOLDER = "latency-again"
"""Of the records, in a run's ``--out``; those of the run itself stay as they are."""


@dataclass(frozen=True)
class Again:
    """Measures networks of a matrix once more, on the scans and in the passes and processes of their records.

    A network takes turns with others, so all of the matrix on the same data are measured with it, as in the run.

    Attributes:
        matrix: of the run.
        device: to measure on.
        out: of the run; the new records of all that was measured lie in a folder there.
    """

    matrix: MatrixChoice
    device: str
    out: Path

    def __call__(self, doubtful: Sequence[LatencyRecord]) -> list[LatencyRecord]:
        """Return new records; of a network that the matrix does not have on the same scans, none.

        Raises:
            HarnessError: the matrix, its data or the device can't be used.
        """
        from rich.console import Console

        from harness.cli.progress import RunProgress
        from harness.measure.latency.records import name_of, write_record

        records = list["LatencyRecord"]()
        with RunProgress(Console(soft_wrap=True, stderr=True)) as progress:
            for group in self._groups(doubtful, progress):
                for record in group.measure(progress):
                    write_record(self.out / FOLDER, record)
                    records.append(record)
        wanted = {name_of(record) for record in doubtful}
        return [record for record in records if name_of(record) in wanted]

    def _groups(self, doubtful: Sequence[LatencyRecord], progress: Progress) -> Iterator[Group]:
        """Yield what to measure: the networks of a data set, by how much and on which engine it was."""
        from harness.matrix.latency import groups_of, networks_of
        from harness.measure.device import choose_device

        device, planned = choose_device(self.device), networks_of(self.matrix.plan(self.out, progress))
        by_amount: dict[tuple[LatencySettings, str], list[LatencyRecord]] = {}
        for record in doubtful:
            by_amount.setdefault((_amount(record), record.engine), []).append(record)
        for (amount, engine), records in by_amount.items():
            networks = [replace(network, engine=engine) for network in _beside(planned, records)]
            for group in groups_of(networks, amount, device, progress):
                if any(group.scans.scan_ids == record.scan_ids for record in records):
                    yield group


def _amount(record: LatencyRecord) -> LatencySettings:
    from harness.matrix.latency import LatencySettings

    return LatencySettings(len(record.scan_ids), record.passes, len(record.processes))


def _beside(planned: Sequence[NetworkOnData], records: Sequence[LatencyRecord]) -> list[NetworkOnData]:
    """Return all networks of those data sets on which the matrix has the network of a record."""
    timed = [(record.dataset, record.synthetic, record.backbone) for record in records]
    on = [network.data.spec for network in planned if _timed(network) in timed]
    return [network for network in planned if network.data.spec in on]


def _timed(network: NetworkOnData) -> tuple[str, bool, BackboneSpec]:
    return network.data.spec.name, network.data.spec.synthetic, network.backbone
