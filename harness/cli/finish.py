"""After a run: its tables, the archive and the pictures a matrix asks for, and where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console

from harness.config.matrix_file import matrix_text
from harness.config.models import MatrixConfig, method_label
from harness.data.collate import collate
from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError
from harness.export.check import Finding
from harness.export.semantickitti import Description
from harness.files import write_text
from harness.matrix.data import RunData
from harness.matrix.order import Resources
from harness.matrix.planned import PlannedPart
from harness.matrix.submission import predict_scans, submit_cell
from harness.measure.device import choose_device, is_here
from harness.measure.latency.records import FOLDER, read_records
from harness.metrics import MetricsLog
from harness.report.birdseye import draw_scan
from harness.report.curves import draw_curves
from harness.report.grouping import build_rows
from harness.report.render import to_markdown, write_tables
from harness.report.tables import build_table
from harness.spec import CellSpec
from harness.store import CellFolder, Store


def finish_run(
    config: MatrixConfig, parts: Sequence[PlannedPart], store: Store, resources: Resources, console: Console
) -> bool:
    """Write and print what a run ends with, below ``<out>/<matrix>``.

    Args:
        config: the matrix as it ran.
        parts: its cells by data set, with the data.
        store: with the results, also those of other runs.
        resources: of the run; the scans of an archive are predicted on its device, or on another where it is not here.
        console: where to print.

    Returns:
        Whether all that the matrix asks for was written, and every archive passed its check.
    """
    folder, specs = store.out / config.name, [spec for part in parts for spec in part.specs]
    write_text(folder / "matrix.yaml", matrix_text(config))
    results = [result for spec in specs if (result := store.result(spec)) is not None]
    try:
        records = read_records(store.out / FOLDER)
    except HarnessError as error:  # a record of another command must not take the tables with it
        records = []
        show(console, f"no times of latency-v1: {error}")
    rows = build_rows(results, specs, records)
    written = write_tables(folder / "tables", rows)
    show(console, to_markdown(build_table(rows)))
    written += _draw_curves(folder / "curves", specs, store, console)
    complete, device = True, resources.device if is_here(resources.device) else choose_device()
    try:
        submitted = [(part, spec) for part in parts if (spec := _to_submit(part, store)) is not None]
        for part, spec in submitted:
            pictures = folder / "pictures" / (spec.cell if len(submitted) > 1 else "")
            paths, faults = _export(part.data, spec, folder, pictures, store, device)
            written += paths
            complete = complete and not any(fault.level == "error" for fault in faults)
            for fault in faults:
                show(console, f"{fault.level}: {fault.where}: {fault.message}")
    except HarnessError as error:
        complete = False
        show(console, f"no archive: {error}")
    for path in written:
        show(console, str(path))
    return complete


def show(console: Console, text: str) -> None:
    """Print text as it is, without markup and without wrapping."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _draw_curves(folder: Path, specs: list[CellSpec], store: Store, console: Console) -> list[Path]:
    """Draw the loss curves of every cell that has made a step; return their folder, or nothing without any."""
    drawn = False
    for spec in specs:
        try:
            if steps := MetricsLog(store.path / spec.cell / "metrics.jsonl").rows():
                draw_curves(steps, folder / f"{spec.cell}.png", spec.name)
                drawn = True
        except Exception as error:  # a picture must not take the archive with it
            show(console, f"no curves of {spec.cell}: {error}")
    return [folder] if drawn else []


def _export(
    data: RunData, spec: CellSpec, folder: Path, pictures: Path, store: Store, device: torch.device
) -> tuple[list[Path], list[Finding]]:
    """Write the archive of a finished cell, check it, and draw a scan as the cell predicts it."""
    if not isinstance(data.dataset, SemanticKitti):
        raise ValueError("archives are written of SemanticKITTI alone")
    cell, archive = store.find(spec.hash), folder / "submissions" / f"{spec.cell}-test.zip"
    submission, findings = submit_cell(cell, data.dataset, "test", archive, device, Description(spec.name))
    return [submission.path, *_draw_scan(cell, data, pictures, device)], findings


def _to_submit(part: PlannedPart, store: Store) -> CellSpec | None:
    """Return the first finished student of the method to submit; None where there is none, or nothing to submit."""
    if part.config.submission is None:
        return None
    label = method_label(part.config.submission)
    students = (spec for spec in part.specs if spec.role == "student" and spec.method.label == label)
    return next((spec for spec in students if store.status(spec) == "finished"), None)


def _draw_scan(cell: CellFolder, data: RunData, folder: Path, device: torch.device) -> list[Path]:
    """Draw the first evaluation scan as labelled and as predicted by a cell."""
    scan = data.dataset.read(data.evaluation[0])
    [(_, predicted)] = predict_scans(cell, [collate([scan])], device)
    shown = scan if scan.asked is None else scan.take(scan.asked)
    name = cell.spec().name
    drawn = {"predicted": (predicted, f"predicted by {name}"), "truth": (shown.labels, "ground truth")}
    label_map = data.dataset.label_map
    return [
        draw_scan(shown.xyz, labels, label_map, folder / f"{file}.png", f"{scan.scan_id}, {title}")
        for file, (labels, title) in drawn.items()
        if labels is not None
    ]
