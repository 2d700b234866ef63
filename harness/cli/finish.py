"""After a run: its tables, the archive and the pictures a matrix asks for, and where they lie."""

from __future__ import annotations

from pathlib import Path

import yaml
from rich.console import Console

from harness.config.models import MatrixConfig
from harness.data.collate import collate
from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError
from harness.export.check import Finding
from harness.export.semantickitti import Description
from harness.files import write_text
from harness.matrix.data import RunData
from harness.matrix.order import Resources
from harness.matrix.submission import predict_scans, submit_cell
from harness.metrics import MetricsLog
from harness.report.birdseye import draw_scan
from harness.report.curves import draw_curves
from harness.report.grouping import build_rows
from harness.report.render import to_markdown, write_tables
from harness.report.tables import build_table
from harness.spec import CellResult, CellSpec
from harness.store import Store


def finish_run(
    config: MatrixConfig,
    specs: list[CellSpec],
    store: Store,
    data: RunData,
    resources: Resources,
    console: Console,
) -> bool:
    """Write and print what a run ends with, below ``<out>/<matrix>``.

    Returns:
        Whether all that the matrix asks for was written, and an archive passed its check.
    """
    folder = store.out / config.name
    write_text(folder / "matrix.yaml", yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False))
    results = [result for spec in specs if (result := store.result(spec)) is not None]  # those of other runs as well
    rows = build_rows(results, specs)
    written = write_tables(folder / "tables", rows)
    show(console, to_markdown(build_table(rows)))
    written += _draw_curves(folder / "curves", specs, store, console)
    complete = True
    try:
        if config.submission is not None:
            paths, faults = _export(config.submission, results, folder, store, data, resources)
            written += paths
            complete = not any(fault.level == "error" for fault in faults)
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
    method: str, results: list[CellResult], folder: Path, store: Store, data: RunData, resources: Resources
) -> tuple[list[Path], list[Finding]]:
    """Export the first finished cell of a method, and draw a scan as labelled and as predicted."""
    label = "+".join(sorted(method.replace(" ", "").split("+")))
    chosen = [
        r for r in results if r.status == "finished" and r.spec.role == "student" and r.spec.method.label == label
    ]
    if not chosen:
        return [], []
    cell, dataset, name = store.find(chosen[0].spec.hash), data.dataset, chosen[0].spec.name
    if not isinstance(dataset, SemanticKitti):
        raise ValueError("a matrix with a submission is one of SemanticKITTI")
    archive = folder / "submissions" / f"{cell.cell}-test.zip"
    submission, findings = submit_cell(cell, dataset, "test", archive, resources.device, Description(name))
    scan = dataset.read(data.evaluation[0])
    pictures = folder / "pictures"
    [(_, predicted)] = predict_scans(cell, [collate([scan])], resources.device)
    shown = scan if scan.asked is None else scan.take(scan.asked)
    paths = [submission.path]
    drawn = {"predicted": (predicted, f"predicted by {name}"), "truth": (shown.labels, "ground truth")}
    for file, (labels, title) in drawn.items():
        if labels is not None:
            picture = pictures / f"{file}.png"
            paths.append(draw_scan(shown.xyz, labels, dataset.label_map, picture, f"{scan.scan_id}, {title}"))
    return paths, findings
