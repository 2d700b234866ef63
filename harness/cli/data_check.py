"""`harness data check`: read every file of a copy and list what is wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.data_options import DataChoice, dataset_options
from harness.cli.options import json_option, print_json, progress_bar
from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.data.check_report import CheckReport, SequenceReport
    from harness.data.workers import Progress

MOST_LINES = 40
"""Sequences to print one by one; a data set of a thousand scenes is summed up by split."""


@click.command("check")
@dataset_options
@click.option("--workers", type=click.IntRange(0, 64), default=2, show_default=True, help="Threads.")
@click.option("--manifest", type=click.Path(path_type=Path), help="Write the SHA-256 of every file here.")
@json_option
def check_command(data: DataChoice, workers: int, manifest: Path | None, as_json: bool) -> None:
    """Read every file of a copy and list what is wrong: counts, sizes, values, label ids, poses, calibration.

    Exit code 2 when a fault was found; notes are no faults.

    \b
    Examples:
      harness data check --semantickitti /data/semantickitti
      harness data check --semantickitti /data/part --partial --json
      harness data check --nuscenes /data/nuscenes --manifest nuscenes.sha256
    """
    with progress_bar("check") as progress:
        report = _check(data, workers, manifest, progress, as_json)
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        _print(report, data.partial)
    if not report.ok:
        sys.exit(2)


def _check(data: DataChoice, workers: int, manifest: Path | None, progress: Progress, as_json: bool) -> CheckReport:
    """Check a copy. For scripts to read, one that can't be opened has a report as well; else that error is all."""
    from harness.data.check_report import unopened
    from harness.data.integrity import check

    try:
        dataset = data.open()
    except HarnessError as error:
        if not as_json:
            raise
        return unopened(data.name, error)
    return check(dataset, workers, progress, manifest=manifest)


def _print(report: CheckReport, partial: bool) -> None:
    shown = {name: counts for name, counts in report.sequences.items() if counts.scans or not partial}
    if len(shown) <= MOST_LINES:
        rows = [(name, counts.split, [counts]) for name, counts in shown.items()]
    else:
        splits = dict.fromkeys(counts.split for counts in shown.values())
        rows = [("all", split, [c for c in shown.values() if c.split == split]) for split in splits]
    for name, split, parts in rows:
        scans, official = sum(part.scans for part in parts), sum(part.official_scans for part in parts)
        points = sum(part.points for part in parts)
        click.echo(f"{name}  {split:5s}  {scans:5d} of {official:5d} scans  {points:12d} points{_spans(parts)}")
    for note in report.notes:
        click.echo(f"note: {note.file}: found {note.found}; expected {note.expected}. {note.remedy}")
    for fault in report.faults:
        click.echo(f"fault: {fault.file}: found {fault.found}; expected {fault.expected}. {fault.remedy}", err=True)
    verdict = "no fault" if report.ok else f"faults: {len(report.faults)}"
    manifest = "no manifest" if report.manifest is None else f"manifest of train and val {report.manifest}"
    click.echo(f"{verdict}{' (partial copy)' if report.partial else ''}; {manifest}")


def _spans(parts: list[SequenceReport]) -> str:
    """Where the points lie, for a line of the table."""
    known = [part.bounds for part in parts if part.bounds]
    if not known:
        return ""
    low = {axis: min(bounds[axis][0] for bounds in known) for axis in known[0]}
    high = {axis: max(bounds[axis][1] for bounds in known) for axis in known[0]}
    return "".join(f"  {axis[0]} {low[axis]:.1f} to {high[axis]:.1f}" for axis in ("x_m", "y_m", "z_m"))
