"""After a run: its tables, the archive and the pictures a matrix asks for, and where they lie."""

from __future__ import annotations

from pathlib import Path

import yaml
from rich.console import Console

from harness.config import MatrixConfig
from harness.data.collate import collate
from harness.data.labels import SEMANTICKITTI
from harness.export.semantickitti import Description
from harness.files import write_text
from harness.matrix.cell import Resources
from harness.matrix.data import RunData
from harness.matrix.submission import predict_scans, submit_cell
from harness.report.birdseye import draw_scan
from harness.report.grouping import build_rows
from harness.report.render import to_markdown, write_tables
from harness.report.tables import build_table
from harness.spec import CellResult, CellSpec
from harness.store import Store


def finish_run(
    config: MatrixConfig,
    specs: list[CellSpec],
    results: list[CellResult],
    store: Store,
    data: RunData,
    resources: Resources,
    console: Console,
) -> None:
    """Write and print what a run ends with, below ``<out>/<matrix>``."""
    folder = store.out / config.name
    write_text(folder / "matrix.yaml", yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False))
    rows = build_rows(results, specs)
    written = write_tables(folder / "tables", rows)
    if config.submission is not None:
        written += _export(config.submission, results, folder, store, data, resources)
    show(console, to_markdown(build_table(rows)))
    for path in written:
        show(console, str(path))


def show(console: Console, text: str) -> None:
    """Print text as it is, without markup and without wrapping."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _export(
    method: str, results: list[CellResult], folder: Path, store: Store, data: RunData, resources: Resources
) -> list[Path]:
    """Export the first finished cell of a method, and draw a scan as labelled and as predicted."""
    chosen = [
        r for r in results if r.status == "finished" and r.spec.role == "student" and r.spec.method.name == method
    ]
    if not chosen:
        return []
    cell, dataset = store.find(chosen[0].spec.hash), data.dataset
    archive = folder / "submissions" / f"{cell.cell}.zip"
    submission, _ = submit_cell(cell, dataset, "test", archive, resources.device, Description(chosen[0].spec.name))
    scan = dataset.read(data.evaluation[0])
    pictures = folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    [(_, predicted)] = predict_scans(cell, [collate([scan])], resources.device)
    drawn = [
        draw_scan(
            scan.xyz, predicted, SEMANTICKITTI, pictures / "predicted.png", f"{scan.scan_id}, {chosen[0].spec.name}"
        )
    ]
    if scan.labels is not None:
        drawn.append(
            draw_scan(scan.xyz, scan.labels, SEMANTICKITTI, pictures / "truth.png", f"{scan.scan_id}, ground truth")
        )
    return [submission.path, *drawn]
