"""What the gate leaves behind: `junit.xml`, `summary.md` and `findings.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.files import write_error, write_text
from harness.gate.finding import Finding, exit_code
from harness.gate.junit import to_junit
from harness.gate.summary import to_summary
from harness.gate.text import headline

FOLDER = "gate"
"""Where it lies, in a run's ``--out``."""

NAMES = ("junit.xml", "summary.md", "findings.json")


def to_record(findings: Sequence[Finding], changes: Sequence[str], reference: str) -> dict[str, Any]:
    """Return all that was found, for programs; mIoU is 0–1 there, MACs are 10⁹.

    Keys: reference, exit_code, headline, changes, findings (each with the attributes of `Finding`).
    """
    return {
        "reference": reference,
        "exit_code": exit_code(findings),
        "headline": headline(findings),
        "changes": list(changes),
        "findings": [asdict(finding) for finding in findings],
    }


def remove_report(folder: Path) -> None:
    """Remove the files of an earlier gate, so that its verdict is never taken for that of one which failed.

    Raises:
        HarnessError: one can't be removed.
    """
    for name in NAMES:
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise write_error(folder / name, error) from error


def write_report(
    folder: Path, findings: Sequence[Finding], changes: Sequence[str], reference: str, made: datetime, seconds: float
) -> list[Path]:
    """Write the three files, each whole, over those of an earlier gate.

    Args:
        folder: for them.
        findings: of the gate.
        changes: sentences about versions and devices.
        reference: its folder.
        made: when the gate began.
        seconds: that it took.

    Raises:
        HarnessError: the folder can't be written.
    """
    texts = (
        to_junit(findings, made, seconds),
        to_summary(findings, changes, reference),
        json.dumps(to_record(findings, changes, reference), indent=2) + "\n",
    )
    paths = [folder / name for name in NAMES]
    for path, text in zip(paths, texts, strict=True):
        write_text(path, text)
    return paths
