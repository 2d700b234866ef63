"""`harness measure`: MACs and latency of a backbone on scans of the user's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import (
    FiniteRange,
    device_option,
    json_option,
    print_json,
    read_settings,
    refuse_beside,
    setting_option,
)

if TYPE_CHECKING:
    from harness.measure.macs import MacsCount

WIDTHS = FiniteRange(1 / 32, 8)


def network_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose a network and its scans."""
    scan = click.Path(path_type=Path, exists=True, dir_okay=False)
    for option in (
        click.option(
            "--scan", "scans", type=scan, multiple=True, required=True, help="A velodyne .bin file; repeatable."
        ),
        click.option("--classes", type=click.IntRange(2, 1000), default=19, show_default=True, help="Scored classes."),
        click.option(
            "--voxel-size",
            type=FiniteRange(0.005, 10),
            help="Edge of a voxel in metres; the published one unless given. None for cylinder3d.",
        ),
        click.option(
            "--width",
            type=WIDTHS,
            default=1.0,
            show_default=True,
            help="Factor on every channel count.",
        ),
        click.option(
            "--weights",
            type=scan,
            help="A file of `harness convert`, which says backbone, width, classes and settings; else fresh weights.",
        ),
        setting_option,
        click.option("--backbone", default="minkowskinet", show_default=True, help="See `harness ls backbones`."),
        click.option("--engine", default="auto", show_default=True, help="See `harness ls engines`."),
    ):
        function = option(function)
    return function


@click.group("measure")
def command() -> None:
    """Count the multiply-accumulates of a network, or time it.

    \b
    Examples:
      harness measure macs --backbone minkowskinet --width 0.5 --scan 000000.bin
      harness measure latency --backbone minkowskinet --width 0.5 --scan 000000.bin --passes 5
    """


@command.command("macs")
@network_options
@click.option("--layers", is_flag=True, help="List every layer.")
@json_option
def macs(
    scans: tuple[Path, ...],
    classes: int,
    voxel_size: float | None,
    width: float,
    backbone: str,
    settings: tuple[str, ...],
    weights: Path | None,
    engine: str,
    layers: bool,
    as_json: bool,
) -> None:
    """Count MACs by macs-v1 (Σ pairs·Cin·Cout over all layers), scan by scan.

    \b
    Examples:
      harness measure macs --backbone minkowskinet --width 0.5 --scan 000000.bin
      harness measure macs --width 1.0 --scan a.bin --scan b.bin --layers --json
      harness measure macs --backbone cylinder3d --setting rulebook=as_released --scan 000000.bin
    """
    from harness.measure.macs import count_macs

    network, voxelize, batches = _load(scans, classes, voxel_size, width, backbone, settings, weights, engine)
    rows = []
    for path, points in zip(scans, batches, strict=True):
        voxels = voxelize(points)
        count = count_macs(network, voxels)
        row: dict[str, Any] = {"scan": str(path), **_gmacs(count), "voxels": list(count.voxels)}
        if network.ignored_output and weights is None:
            released = _load((), classes + 1, voxel_size, width, backbone, settings, None, engine)[0]
            row["with_ignored_output"] = _gmacs(count_macs(released, voxels))
        if layers:
            row["layers"] = {name: macs / 1e9 for name, macs in count.layers.items()}
        rows.append(row)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(f"{row['scan']}  {row['gmacs']:.3f} GMACs  voxels {' '.join(map(str, row['voxels']))}")
        click.echo(f"  {_kinds_text(row)}")
        if released_row := row.get("with_ignored_output"):
            click.echo(f"  with an output for the ignored id, as released files have: {_kinds_text(released_row)}")
        for name, gmacs in row.get("layers", {}).items():
            click.echo(f"  {gmacs:9.4f}  {name}")


def _gmacs(count: MacsCount) -> dict[str, Any]:
    kinds = {kind: macs / 1e9 for kind, macs in count.kinds.items()}
    return {"gmacs": count.total / 1e9, "gmacs_by_kind": kinds}


def _kinds_text(row: dict[str, Any]) -> str:
    return ", ".join(f"{kind} {gmacs:.3f}" for kind, gmacs in row["gmacs_by_kind"].items() if gmacs)


@command.command("latency")
@network_options
@click.option("--passes", type=click.IntRange(1), default=10, show_default=True, help="Timed passes over all scans.")
@device_option
@json_option
def latency(
    scans: tuple[Path, ...],
    classes: int,
    voxel_size: float | None,
    width: float,
    backbone: str,
    settings: tuple[str, ...],
    weights: Path | None,
    engine: str,
    passes: int,
    device: str,
    as_json: bool,
) -> None:
    """Time a network from points to labels by the core of latency-v1: fresh tensors, kernel maps included.

    \b
    Examples:
      harness measure latency --backbone minkowskinet --width 0.5 --scan 000000.bin --scan 000002.bin
    """
    from harness.measure.device import choose_device
    from harness.measure.latency import measure_latency

    network, voxelize, batches = _load(scans, classes, voxel_size, width, backbone, settings, weights, engine)
    chosen = choose_device(device)
    result = measure_latency(network.to(chosen), voxelize, batches, passes, chosen)
    if as_json:
        print_json(result.model_dump(mode="json"))
        return
    click.echo(
        f"{result.device_kind}: {result.device}, threads: {result.threads}, {result.scans} scans × {result.passes}"
    )
    for name, span in {"end_to_end": result.end_to_end, **result.spans}.items():
        click.echo(f"  {name:18s} p50 {span.p50_ms:9.2f} ms   p95 {span.p95_ms:9.2f} ms   mean {span.mean_ms:9.2f} ms")
    if result.fit is not None:
        click.echo(f"  fit: {result.fit.intercept_ms:.2f} ms + {result.fit.ms_per_1000_voxels:.3f} ms per 1000 voxels")
    click.echo(f"  cold start {result.cold_start_ms:.1f} ms")


def _load(
    scans: tuple[Path, ...],
    classes: int,
    voxel_size: float | None,
    width: float,
    backbone: str,
    settings: tuple[str, ...],
    weights: Path | None,
    engine: str,
) -> tuple[Any, Any, list[Any]]:
    """Return a network, its voxelisation and the scans."""
    from backbones.sparse.engine import get_engine
    from harness.config.models import BackboneConfig
    from harness.config.resolve import resolve_backbone
    from harness.data.collate import collate
    from harness.data.kitti_files import read_points
    from harness.data.scan import Scan
    from harness.train.converted import load_converted, read_card
    from harness.train.learner import build_network, network_voxelizer

    if weights is not None:
        refuse_beside("--weights", "backbone", "width", "classes", "settings", "voxel_size")
        spec = read_card(weights).backbone
    else:
        config = BackboneConfig(name=backbone, voxel_size_m=voxel_size, settings=read_settings(settings))
        spec = resolve_backbone(config, width, classes, "--backbone")
    try:
        name = get_engine(engine).name
        network = build_network(spec, name, seed=0) if weights is None else load_converted(weights, name)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    batches = []
    for path in scans:
        points = read_points(path)
        batches.append(collate([Scan(str(path), points[:, :3], points[:, 3], labels=None, instances=None)]))
    return network, network_voxelizer(spec), batches
