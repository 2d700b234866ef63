"""Networks that are timed on the same scans in the same processes, so that they can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from backbones.sparse.engine import get_engine
from harness.measure.device import describe_device
from harness.measure.latency.merge import merge
from harness.measure.latency.order import NetworkOrder, ProcessOrder, named
from harness.measure.latency.process import Watcher, run_processes
from harness.measure.latency.records import read_record, record_name
from harness.measure.latency.scan_source import ScanSource, points_sha256
from harness.spec import DeviceKind, LatencyRecord
from harness.spec.latency import Subject
from harness.version import VERSION


@dataclass(frozen=True)
class Group:
    """One measurement.

    Attributes:
        scans: the scan list.
        networks: interleaved A B B A; each is timed once, however often it is here.
        passes: timed passes over all scans in a process.
        processes: fresh ones, one after another.
        device: of all of them.
        commit: of the working copy that runs, None where there is none.
    """

    scans: ScanSource
    networks: Sequence[NetworkOrder]
    passes: int
    processes: int
    device: torch.device
    commit: str | None

    def measure(self, watcher: Watcher) -> list[LatencyRecord]:
        """Start the processes and return a record of each network, in the order given.

        Raises:
            HarnessError: a network, a scan or the device can't be used, or a process died.
        """
        networks, device = self._named(), str(self.device)
        orders = [
            ProcessOrder(number=number, networks=networks, scans=self.scans, passes=self.passes, device=device)
            for number in range(1, self.processes + 1)
        ]
        reports = run_processes(orders, watcher)
        for what, why in {key: why for report in reports for key, why in report.untold.items()}.items():
            watcher.note(f"The device does not tell: {what} ({why}).")
        return list(merge(orders[0], reports, self.commit).values())

    def kept(self, folder: Path) -> list[LatencyRecord] | None:
        """Return the records of this very measurement, made before; None unless all of them are in the folder.

        The very same is: networks, points, device, threads, passes, processes, versions and commit.

        Raises:
            HarnessError: a scan or a record can't be read.
        """
        if not any(folder.glob("*.json")):
            return None  # the scans need not be read to know that
        networks, scans_sha256 = self._named(), points_sha256(self.scans.read())
        kind: DeviceKind = "GPU" if self.device.type == "cuda" else "CPU"
        paths = [folder / record_name(self._subject(network), kind, scans_sha256) for network in networks.values()]
        if not all(path.exists() for path in paths):
            return None
        records = [read_record(path) for path in paths]
        return records if all(map(self._is_alike, records, networks)) else None

    def _named(self) -> dict[str, NetworkOrder]:
        return named(self.scans.dataset, self.networks)

    def _subject(self, network: NetworkOrder) -> Subject:
        data = self.scans
        return Subject(dataset=data.dataset, synthetic=data.synthetic, backbone=network.backbone, engine=network.engine)

    def _is_alike(self, record: LatencyRecord, name: str) -> bool:
        found = (
            record.passes, len(record.processes), {record.network, *record.interleaved_with}, record.network,
            record.device, record.threads, record.torch, record.harness, record.commit, record.engine_version,
        )  # fmt: skip
        return found == (
            self.passes, self.processes, set(self._named()), name,
            describe_device(self.device), torch.get_num_threads(), torch.__version__, VERSION, self.commit,
            get_engine(record.engine).version,
        )  # fmt: skip
