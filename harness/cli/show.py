"""`harness show`: one cell."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from harness.cli.options import json_option, out_option, print_json

BARS = "▁▂▃▄▅▆▇█"
COLUMNS = 60


@click.command("show")
@click.argument("cell")
@out_option
@json_option
def command(cell: str, out: Path, as_json: bool) -> None:
    """Show CELL: what it is, what came out, and the course of each loss term.

    CELL is a folder name of the store, its hash, or any part of it that only one cell has.

    \b
    Examples:
      harness show --out runs pvd
      harness show --out runs 1a2b3c4d5e6f --json
    """
    from harness.store import Store
    from harness.train.metrics import MetricsLog

    folder = Store(out).find(cell)
    spec, result, rows = folder.spec(), folder.result(), MetricsLog(folder.metrics).rows()
    if as_json:
        record = None if result is None else result.model_dump(mode="json")
        print_json(
            {"cell": folder.cell, "status": folder.status(), "spec": spec.model_dump(mode="json"), "result": record}
        )
        return
    click.echo(f"{folder.cell}  {folder.status()}")
    backbone = spec.backbone
    grid = "grid of its own" if backbone.voxel_size_m is None else f"{backbone.voxel_size_m:g} m voxels"
    click.echo(f"  {backbone.name} {backbone.settings or ''}".rstrip())
    click.echo(f"  width {backbone.width:g}, {grid}, engine {spec.engine}")
    click.echo(f"  method {spec.method.name} {spec.method.settings or ''}".rstrip())
    click.echo(
        f"  recipe {spec.recipe.name}: {spec.recipe.epochs} epochs of batch {spec.recipe.batch_size}, seed {spec.seed}"
    )
    if result is not None:
        _show_result(result)
    for name in rows[-1]["terms"] if rows else ():
        values = [row["terms"][name] for row in rows if name in row["terms"]]
        click.echo(f"  {name:16s} {sparkline(values, COLUMNS)}  {values[0]:.3f} → {values[-1]:.3f}")


def _show_result(result: Any) -> None:
    """Print the figures of a result."""
    if result.reason is not None:
        click.echo(f"  failed: {result.reason}")
        return
    note = " (partial data)" if result.spec.dataset.partial else ""
    note += " (synthetic data)" if result.spec.dataset.synthetic else ""
    click.echo(
        f"  mIoU {100 * result.score.miou:.2f} % on {result.protocol.split}{note}, rule {result.protocol.scoring_rule}"
    )
    for name, iou in result.score.iou.items():
        click.echo(f"    {name:14s} {100 * iou:6.2f} %")
    click.echo(
        f"  {result.parameters / 1e6:.3f} M parameters, {result.macs.gmacs_mean:.3f} GMACs ({result.macs.scans} scans)"
    )
    if result.latency is not None:
        span = result.latency.end_to_end
        device = f"{result.latency.device_kind}, {result.latency.device}"
        click.echo(f"  latency p50 {span.p50_ms:.1f} ms, p95 {span.p95_ms:.1f} ms ({device})")
    training = result.training
    click.echo(f"  trained {training.steps} steps in {training.seconds:.0f} s, peak {training.peak_memory_mib:.0f} MiB")


def sparkline(values: list[float], columns: int) -> str:
    """Draw a series as one line of bars, each the mean of its share of the values, from the lowest to the highest."""
    columns = min(columns, len(values))
    edges = [round(i * len(values) / columns) for i in range(columns + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(means), max(means)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[round((mean - low) * scale)] for mean in means)
