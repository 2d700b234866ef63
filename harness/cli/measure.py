"""`harness measure`: MACs and latency of a backbone on scans of the user's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from harness.cli.options import device_option, json_option, print_json

WIDTHS = click.FloatRange(1 / 32, 8)


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
            type=click.FloatRange(0.005, 10),
            default=0.05,
            show_default=True,
            help="Edge of a voxel in metres.",
        ),
        click.option(
            "--width",
            type=WIDTHS,
            default=1.0,
            show_default=True,
            help="Factor on every channel count.",
        ),
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
    voxel_size: float,
    width: float,
    backbone: str,
    engine: str,
    layers: bool,
    as_json: bool,
) -> None:
    """Count MACs by macs-v1 (Σ pairs·Cin·Cout over all layers), scan by scan.

    \b
    Examples:
      harness measure macs --backbone minkowskinet --width 0.5 --scan 000000.bin
      harness measure macs --width 1.0 --scan a.bin --scan b.bin --layers --json
    """
    from harness.measure.macs import count_macs

    network, voxelize, batches = _load(scans, classes, voxel_size, width, backbone, engine)
    rows = []
    for path, points in zip(scans, batches, strict=True):
        count = count_macs(network, voxelize(points))
        row: dict[str, Any] = {"scan": str(path), "gmacs": count.total / 1e9, "voxels": list(count.voxels)}
        rows.append({**row, "layers": {name: macs / 1e9 for name, macs in count.layers.items()}} if layers else row)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(f"{row['scan']}  {row['gmacs']:.3f} GMACs  voxels {' '.join(map(str, row['voxels']))}")
        for name, gmacs in row.get("layers", {}).items():
            click.echo(f"  {gmacs:9.4f}  {name}")


@command.command("latency")
@network_options
@click.option("--passes", type=click.IntRange(1), default=10, show_default=True, help="Timed passes over all scans.")
@device_option
@json_option
def latency(
    scans: tuple[Path, ...],
    classes: int,
    voxel_size: float,
    width: float,
    backbone: str,
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

    network, voxelize, batches = _load(scans, classes, voxel_size, width, backbone, engine)
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
    scans: tuple[Path, ...], classes: int, voxel_size: float, width: float, backbone: str, engine: str
) -> tuple[Any, Any, list[Any]]:
    """Return a network with fresh weights, its voxelisation and the scans."""
    from backbones.build import build_voxelizer
    from backbones.sparse.engine import get_engine
    from harness.data.collate import collate
    from harness.data.kitti_files import read_points
    from harness.data.scan import Scan
    from harness.spec import BackboneSpec
    from harness.train.learner import build_network

    try:
        spec = BackboneSpec(name=backbone, width=width, voxel_size_m=voxel_size, classes=classes)
        network = build_network(spec, get_engine(engine).name, seed=0)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    batches = []
    for path in scans:
        points = read_points(path)
        batches.append(collate([Scan(str(path), points[:, :3], points[:, 3], labels=None, instances=None)]))
    return network, build_voxelizer(backbone, voxel_size), batches
