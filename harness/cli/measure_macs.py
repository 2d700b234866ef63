"""`harness measure macs`: count the multiply-accumulates of networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from harness.cli.folded import card_text
from harness.cli.measure_networks import NetworkChoice, network_options
from harness.cli.measure_scans import FoundScans, ScanChoice, scan_options
from harness.cli.options import json_option, print_json, progress_bar

if TYPE_CHECKING:
    from backbones.points import PointBatch
    from harness.measure.macs_report import CountedNetwork


@click.command("macs")
@scan_options(20)
@network_options
@click.option("--layers", is_flag=True, help="List every layer; --json always does.")
@json_option
def macs_command(networks: NetworkChoice, scans: ScanChoice, layers: bool, as_json: bool) -> None:
    """Count MACs by macs-v1: Σ pairs·C_in·C_out over all layers of a prediction.

    The sum depends on the scan, so it is counted on a list of scans: the files of --scan, or so many of a data set's
    split, evenly spaced. Several widths are counted on the same scans and compared with the first. Nothing is
    multiplied: a scan takes a fraction of a second.

    \b
    Examples:
      harness measure macs --backbone minkowskinet --scan 000000.bin --layers
      harness measure macs --backbone spvnas --width 1.0 --width 0.5 --semantickitti /data/kitti --scans 200
      harness measure macs --backbone cylinder3d --setting rulebook=as_released --scan 000000.bin
      harness measure macs --width 1.0 --width 0.5 --nuscenes /data/nuscenes --json
    """
    from backbones.sparse.engine import get_engine
    from harness.cli.macs_tables import macs_lines
    from harness.measure.macs_report import count_networks, report
    from harness.report.flat import merge

    source = scans.open()
    specs, engine = networks.specs(source.dataset), get_engine(networks.engine_name())
    seen: list[dict[str, Any]] = []
    try:
        counted = count_networks(specs, engine, _read(source, seen), released=networks.weights is None)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    cards = _cards(counted, scans, source, seen)
    if as_json:
        networks_told = [told | {"card": card} for told, card in zip(report(counted), cards, strict=True)]
        print_json({"scans": seen, "networks": networks_told})
        return
    for line in macs_lines(counted, _where(scans, source), layers):
        click.echo(line)
    click.echo()
    for line in card_text(merge(cards)):
        click.echo(line)


def _read(source: FoundScans, seen: list[dict[str, Any]]) -> Iterator[PointBatch]:
    """Yield the chosen scans one by one, and add to `seen` what identifies each."""
    from harness.measure.latency.scan_source import points_sha256

    chosen = source.evenly()
    with progress_bar("count MACs") as progress:
        for done, scan_id in enumerate(chosen):
            points = source.read(scan_id)
            seen.append({"id": scan_id, "points": len(points.xyz), "points_sha256": points_sha256([points])})
            yield points
            progress(done + 1, len(chosen))


def _cards(
    counted: Sequence[CountedNetwork], scans: ScanChoice, source: FoundScans, seen: Sequence[Mapping[str, Any]]
) -> list[dict[str, str]]:
    """Return the protocol card of each network: data, software, scan list."""
    import torch

    from harness.matrix.working_copy import working_copy
    from harness.measure.macs_summary import summarise
    from harness.report.own_cards import card_of_count

    copy, engine = working_copy(), counted[0].engine
    data = None if source.opened is None else source.opened.description((scans.split,))
    software = {"engine": engine.name, "engine_version": engine.version, "torch": torch.__version__}
    written_by = {**software, "commit": None if copy is None else copy.description}
    points = [scan["points_sha256"] for scan in seen]
    return [card_of_count(summarise(one.counts), one.spec, data, points, written_by) for one in counted]


def _where(scans: ScanChoice, source: FoundScans) -> str:
    """Name the scans for people."""
    count, there = len(source.evenly()), len(source.scan_ids)
    noun = "scan" if count == 1 else "scans"
    if source.opened is None:
        return f"{count} {noun}"
    chosen = "all there are" if count == there else f"evenly spaced over {there}"
    marks = [
        word for word, said in (("synthetic", source.opened.synthetic), ("partial", source.opened.partial)) if said
    ]
    return f"{count} {noun} of {source.dataset} {scans.split}, {', '.join([chosen, *marks])}"
