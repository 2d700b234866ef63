"""One holding of the gate: read both sides, compare, leave a report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.gate.compare import compare_evidence
from harness.gate.evidence import read_run
from harness.gate.finding import Finding, exit_code
from harness.gate.latency import Remeasure
from harness.gate.reference import read_reference
from harness.gate.report import FOLDER, remove_report, to_record, write_report
from harness.gate.versions import changes


@dataclass(frozen=True)
class Outcome:
    """What the gate found.

    Attributes:
        reference: its folder.
        findings: the worst first.
        changes: sentences about versions and devices.
        files: of the report.
    """

    reference: Path
    findings: Sequence[Finding]
    changes: Sequence[str]
    files: Sequence[Path]

    @property
    def code(self) -> int:
        """The exit code."""
        return exit_code(self.findings)

    @property
    def record(self) -> dict[str, Any]:
        """All of it for programs; see `to_record`."""
        return to_record(self.findings, self.changes, str(self.reference))


def hold(reference: Path, out: Path, report: Path | None, remeasure: Remeasure | None) -> Outcome:
    """Compare a run with a reference and write the report.

    Args:
        reference: folder.
        out: of the run.
        report: folder of the report; None: that of the run's own.
        remeasure: see `gate_latency`.

    Raises:
        HarnessError: there is no such run, a file of either side is damaged or the report can't be written.
    """
    if not out.is_dir():
        raise HarnessError(out, "no such folder", "that of a run", "Name it as the --out of `harness run`.")
    folder = report or out / FOLDER
    remove_report(folder)
    made, begun = datetime.now(UTC), time.monotonic()
    there, here = read_reference(reference), read_run(out)
    findings, told = compare_evidence(there, here, remeasure), changes(there, here)
    seconds = time.monotonic() - begun
    files = write_report(folder, findings, told, str(reference), made, seconds)
    return Outcome(reference, findings, told, files)
