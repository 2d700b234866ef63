"""Several networks counted on the same scans: how the MACs of each are spread, and what one saves on another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch

from backbones.backbone import Backbone
from backbones.build import backbone_kind, build_backbone, build_voxelizer, count_parameters
from backbones.points import PointBatch
from backbones.sparse.engine import Engine
from backbones.sparse.layers import set_engine
from harness.measure.macs import MacsCount, count_macs
from harness.measure.macs_summary import summarise
from harness.spec import BackboneSpec


@dataclass(frozen=True)
class Share:
    """A network's cost as a share of another's on the same scans; tables print the inverse, teacher over student.

    Attributes:
        macs: mean MACs over mean MACs.
        lowest: over the scans, of the share on one scan.
        highest: likewise.
        parameters: of the numbers of parameters.
    """

    macs: float
    lowest: float
    highest: float
    parameters: float


@dataclass(frozen=True)
class CountedNetwork:
    """A network and its counts, scan by scan.

    Attributes:
        spec: the network.
        engine: what would compute its sparse layers.
        network: its layers, without numbers.
        counts: one for each scan.
        released: counts with one more output for the ignored id, where released weights have it; else empty.
    """

    spec: BackboneSpec
    engine: Engine
    network: Backbone
    counts: list[MacsCount]
    released: list[MacsCount]

    @property
    def parameters(self) -> int:
        """Trainable numbers that a prediction uses."""
        return count_parameters(self.network)

    def share_of(self, other: CountedNetwork) -> Share:
        """Return the costs as shares of another's, counted on the same scans."""
        mine, theirs = ([count.total for count in network.counts] for network in (self, other))
        by_scan = [a / b for a, b in zip(mine, theirs, strict=True)]
        parameters = self.parameters / other.parameters
        return Share(sum(mine) / sum(theirs), min(by_scan), max(by_scan), parameters)

    def layers(self) -> dict[str, dict[str, Any]]:
        """Return each layer by its path: kind and channels, then rows, pairs and MACs as lists over the scans."""
        absent = dict.fromkeys(("rows_in", "rows_out", "pairs", "macs", "executed"), 0)
        layers: dict[str, dict[str, Any]] = {}
        for path in dict.fromkeys(chain.from_iterable(count.layers for count in self.counts)):
            seen = [asdict(count.layers[path]) if path in count.layers else None for count in self.counts]
            fixed = next(layer for layer in seen if layer is not None)
            varying = {key: [(layer or absent)[key] for layer in seen] for key in absent}
            layers[path] = {key: fixed[key] for key in ("kind", "c_in", "c_out", "kernel_volume")} | varying
        return layers


def count_networks(
    specs: Sequence[BackboneSpec], engine: Engine, scans: Iterable[PointBatch], released: bool = True
) -> list[CountedNetwork]:
    """Count networks that read the same voxels on every scan; they share its voxels and kernel maps.

    Args:
        specs: alike in all but their width.
        engine: that the executed MACs are asked of.
        scans: batches of one scan.
        released: whether a network whose released weights have an output for the ignored id is counted with it, too.

    Raises:
        ValueError: a network can't be built, or the engine can't express it.
    """
    networks = [_layers_of(spec, engine) for spec in specs]
    twins = [_with_ignored_output(spec, engine) if released else None for spec in specs]
    counts, twin_counts = ([list[MacsCount]() for _ in specs] for _ in range(2))
    voxelize = build_voxelizer(specs[0].name, specs[0].voxel_size_m, specs[0].settings)
    for points in scans:
        voxels = voxelize(points)
        for index, (network, twin) in enumerate(zip(networks, twins, strict=True)):
            counts[index].append(count_macs(network, voxels))
            if twin is not None:
                twin_counts[index].append(count_macs(twin, voxels))
    columns = zip(specs, networks, counts, twin_counts, strict=True)
    return [CountedNetwork(spec, engine, network, own, wider) for spec, network, own, wider in columns]


def distribution(counts: Sequence[MacsCount]) -> dict[str, float]:
    """Return min, p5, p50, mean, p95 and max over the scans, in units of 10⁹ MACs; percentiles are interpolated."""
    gmacs = np.array([count.total for count in counts]) / 1e9
    p5, p50, p95 = np.percentile(gmacs, (5, 50, 95)).tolist()
    summary = summarise(counts)
    lowest, highest = summary.gmacs_min, summary.gmacs_max
    return {"min": lowest, "p5": p5, "p50": p50, "mean": summary.gmacs_mean, "p95": p95, "max": highest}


def report(networks: Sequence[CountedNetwork]) -> list[dict[str, Any]]:
    """Return the networks for scripts: what each is, record, distribution, layers and its cost beside the first's."""
    return [_report(network, networks[0]) for network in networks]


def _report(network: CountedNetwork, first: CountedNetwork) -> dict[str, Any]:
    content: dict[str, Any] = {
        "backbone": network.spec.model_dump(mode="json"),
        "engine": network.engine.name,
        "engine_version": network.engine.version,
        "parameters": network.parameters,
        "gmacs": distribution(network.counts),
        "macs": summarise(network.counts).model_dump(mode="json"),
        "layers": network.layers(),
    }
    if network.released:
        content["with_ignored_output"] = summarise(network.released).model_dump(mode="json")
    if network is not first:
        share = network.share_of(first)
        content["share_of_first"] = asdict(share)
        content["first_over_this"] = {"macs": 1 / share.macs, "parameters": 1 / share.parameters}
    return content


def mean_gmacs(counts: Sequence[MacsCount]) -> Mapping[str, float]:
    """Return the mean by kind of layer, those that a network has."""
    return {kind: gmacs for kind, gmacs in summarise(counts).kinds.items() if gmacs}


def _with_ignored_output(spec: BackboneSpec, engine: Engine) -> Backbone | None:
    """Make a network as its released weights have it, with one output more; None where those have no other."""
    if not backbone_kind(spec.name).ignored_output:
        return None
    return _layers_of(spec.model_copy(update={"classes": spec.classes + 1}), engine)


def _layers_of(spec: BackboneSpec, engine: Engine) -> Backbone:
    """Make a network without numbers in its tensors, which counting does not read."""
    with torch.device("meta"):
        network = build_backbone(spec.name, spec.width, spec.classes, spec.settings)
    set_engine(network, engine)
    return network
