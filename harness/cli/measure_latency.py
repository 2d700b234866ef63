"""`harness measure latency`: time networks by protocol latency-v1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.measure_matrix import MatrixChoice, matrix_options
from harness.cli.measure_networks import NetworkChoice, network_options
from harness.cli.measure_scans import ScanChoice, scan_options
from harness.cli.options import device_option, json_option, print_json, refuse_beside
from harness.measure.latency.settings import LatencySettings

if TYPE_CHECKING:
    from harness.cli.progress import RunProgress
    from harness.measure.latency.group import Group
    from harness.spec import LatencyRecord

QUICK_PASSES = 2
MOST_PROCESSES = 64


@dataclass(frozen=True)
class _Wanted:
    """What is timed: the networks of a matrix, or those named on the command line."""

    matrix: MatrixChoice | None
    networks: NetworkChoice
    scans: ScanChoice
    settings: LatencySettings
    device: str

    def groups(self, out: Path, progress: RunProgress) -> Sequence[Group]:
        """Look for data and networks.

        Raises:
            HarnessError: data, device or a network can't be used.
            click.UsageError: options contradict each other.
        """
        from harness.matrix.latency import group_of, groups_of, networks_of
        from harness.matrix.latency_scans import choose_scans
        from harness.measure.device import choose_device
        from harness.measure.latency.order import NetworkOrder
        from harness.measure.latency.scan_source import ScanSource

        device = choose_device(self.device)
        if self.matrix is not None:
            return list(groups_of(networks_of(self.matrix.plan(out, progress)), self.settings, device, progress))
        source, engine = self.scans.open(), self.networks.engine_name()
        orders = [NetworkOrder(backbone=spec, engine=engine) for spec in self.networks.specs(source.dataset)]
        if source.opened is None:
            scans = ScanSource.of_files(self.scans.files)
        else:
            scans = choose_scans(source.opened, source.scan_ids, self.settings.scans, progress)
        return [group_of(scans, orders, self.settings, device)]


@click.command("latency")
@matrix_options
@scan_options(LatencySettings.scans)
@network_options
@click.option(
    "--passes",
    type=click.IntRange(1),
    default=LatencySettings.passes,
    show_default=True,
    help="Timed passes over all scans, in each process.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, MOST_PROCESSES),
    default=LatencySettings.processes,
    show_default=True,
    help="Fresh processes, one after another.",
)
@click.option(
    "--quick",
    is_flag=True,
    help=f"One process and {QUICK_PASSES} passes, to have a look; such a record is called unstable.",
)
@click.option("--again", is_flag=True, help="Measure anew what --out has a record of.")
@device_option
@json_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder whose latency/ keeps the records. Default: runs with --matrix; else they are only shown.",
)
def latency_command(
    matrix: MatrixChoice | None,
    networks: NetworkChoice,
    scans: ScanChoice,
    passes: int,
    processes: int,
    quick: bool,
    again: bool,
    device: str,
    as_json: bool,
    out: Path | None,
) -> None:
    """Time networks from points to labels by protocol latency-v1: fresh tensors, kernel maps included, warm.

    Networks of one data set share three fresh processes and take turns pass by pass. Weights are made up: they don't
    decide how long it takes. With --matrix, teachers and students of its cells are timed, each network once, and what
    was measured before with the same settings, commit and device is kept.

    \b
    Examples:
      harness measure latency --backbone minkowskinet --width 1.0 --width 0.5 --scan a.bin --scan b.bin
      harness measure latency --backbone spvnas --semantickitti /data/semantickitti --out runs
      harness measure latency --matrix nightly --device cuda --out runs
      harness measure latency --matrix demo --quick
    """
    from rich.console import Console

    from harness.cli.latency_text import show_records
    from harness.cli.progress import RunProgress

    if quick:
        refuse_beside("--quick", "passes", "processes")
        passes, processes = QUICK_PASSES, 1
    if again and out is None and matrix is None:
        raise click.UsageError("--again is of records that are kept: name their --out.")
    wanted = _Wanted(matrix, networks, scans, LatencySettings(scans.count, passes, processes), device)
    with RunProgress(Console(stderr=True, soft_wrap=True)) as progress:
        records = _measure(wanted, out, again, progress)
    if as_json:
        print_json([record.model_dump(mode="json") for record in records])
    else:
        show_records(records, Console())


def _measure(wanted: _Wanted, out: Path | None, again: bool, progress: RunProgress) -> list[LatencyRecord]:
    from harness.matrix.latency import measure_missing
    from harness.measure.latency.records import FOLDER

    kept_in = Path("runs") if out is None and wanted.matrix is not None else out
    groups = wanted.groups(kept_in or Path("runs"), progress)
    if kept_in is None:
        return [record for group in groups for record in group.measure(progress)]
    return measure_missing(kept_in / FOLDER, groups, progress, again)
