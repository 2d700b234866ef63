"""What a run, or a reference, has to show: results of cells and records of latency."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from harness.measure.latency.records import FOLDER, read_records
from harness.spec import CellResult, CellSpec, LatencyRecord
from harness.store import Store


@dataclass(frozen=True)
class Evidence:
    """What two nights are compared by.

    Attributes:
        results: of cells, finished and failed.
        pending: cells without a result.
        latency: records, stable and unstable.
    """

    results: tuple[CellResult, ...]
    pending: tuple[CellSpec, ...] = ()
    latency: tuple[LatencyRecord, ...] = ()

    @property
    def unstable(self) -> tuple[LatencyRecord, ...]:
        """Latency records that gate nothing."""
        return tuple(record for record in self.latency if record.verdict == "unstable")

    def without_unstable(self) -> Evidence:
        """Return the rest."""
        return replace(self, latency=tuple(record for record in self.latency if record.verdict == "stable"))


def read_run(out: Path) -> Evidence:
    """Read all cells of a store and all latency records beside it; where there are none, none.

    Raises:
        HarnessError: a record is damaged; it is named.
    """
    results, pending = [], []
    for folder in Store(out).cells():
        if (result := folder.result()) is None:
            pending.append(folder.spec())
        else:
            results.append(result)
    return Evidence(tuple(results), tuple(pending), tuple(read_records(out / FOLDER)))
