from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from backbones.build import build_backbone, build_voxelizer, count_parameters
from backbones.points import PointBatch
from backbones.sparse.portable import PortableEngine
from harness.measure.macs import count_macs
from harness.measure.macs_report import CountedNetwork, count_networks, distribution, report
from harness.spec import BackboneSpec

ENGINE = PortableEngine()
GRID = {"grid": [12, 10, 7], "rho_m": [0, 6], "z_m": [-1, 1.5], "input_channels": 4}


def scans(*sizes: int) -> list[PointBatch]:
    batches = []
    for number, size in enumerate(sizes):
        draw = torch.Generator().manual_seed(number)
        xyz = (torch.rand(size, 3, generator=draw) - 0.5) * torch.tensor([10.0, 10.0, 3.0])
        nought = torch.zeros(size, dtype=torch.int64)
        batches.append(PointBatch(xyz, xyz[:, 0].contiguous(), nought, None, (f"08/{number:06d}",)))
    return batches


def specs(*widths: float) -> list[BackboneSpec]:
    return [BackboneSpec(name="minkowskinet", width=width, voxel_size_m=0.5, classes=7) for width in widths]


@pytest.fixture(scope="module")
def counted() -> list[CountedNetwork]:
    return count_networks(specs(0.25, 0.125), ENGINE, iter(scans(30, 90, 50)))


def test_networks_are_counted_as_each_would_be_alone(counted: list[CountedNetwork]) -> None:
    for network, width in zip(counted, (0.25, 0.125), strict=True):
        alone = build_backbone("minkowskinet", width, 7)
        voxelize = build_voxelizer("minkowskinet", 0.5)
        assert network.counts == [count_macs(alone, voxelize(points)) for points in scans(30, 90, 50)]
        assert network.parameters == count_parameters(alone)
        assert network.released == []


def test_the_share_is_of_means_and_scan_by_scan(counted: list[CountedNetwork]) -> None:
    whole, half = ([count.total for count in network.counts] for network in counted)
    share = counted[1].share_of(counted[0])
    assert share.macs == pytest.approx(np.mean(half) / np.mean(whole), rel=1e-15)
    each = np.array(half) / np.array(whole)
    assert (share.lowest, share.highest) == (each.min(), each.max())
    assert share.lowest < share.macs < share.highest
    assert share.parameters == counted[1].parameters / counted[0].parameters
    assert counted[0].share_of(counted[0]).macs == 1


def test_the_distribution_is_of_the_scans(counted: list[CountedNetwork]) -> None:
    low, middle, high = sorted(count.total / 1e9 for count in counted[0].counts)
    spread = distribution(counted[0].counts)
    assert list(spread) == ["min", "p5", "p50", "mean", "p95", "max"]
    assert (spread["min"], spread["p50"], spread["max"]) == (low, middle, high)
    assert spread["mean"] == pytest.approx((low + middle + high) / 3)
    assert spread["p5"] == pytest.approx(low + 0.1 * (middle - low))
    assert spread["p95"] == pytest.approx(middle + 0.9 * (high - middle))


def test_layers_have_a_number_for_each_scan_and_add_up_exactly(counted: list[CountedNetwork]) -> None:
    layers = counted[0].layers()
    totals = [sum(numbers) for numbers in zip(*(layer["macs"] for layer in layers.values()), strict=True)]
    assert totals == [count.total for count in counted[0].counts]
    stem = layers["stem.0.convolution"]
    assert (stem["kind"], stem["c_in"], stem["c_out"], stem["kernel_volume"]) == ("convolution", 4, 8, 27)
    assert stem["macs"] == [pairs * 4 * 8 for pairs in stem["pairs"]]
    assert layers["head"]["pairs"] == [None] * 3


def test_a_layer_without_work_on_a_scan_counts_nothing_there() -> None:
    [network] = count_networks(specs(0.125), ENGINE, scans(1, 40))
    first, second = network.counts
    rest = {path: layer for path, layer in first.layers.items() if path != "head"}
    network = replace(network, counts=[replace(first, layers=rest), second])
    head = network.layers()["head"]
    assert head["macs"][0] == head["rows_in"][0] == 0 < head["macs"][1]


def test_a_network_with_an_output_for_the_ignored_id_is_counted_with_it_too() -> None:
    spec = BackboneSpec(name="cylinder3d", width=0.125, voxel_size_m=None, classes=5, settings=GRID)
    [network] = count_networks([spec], ENGINE, scans(90))
    [ours], [theirs] = network.counts, network.released
    logits = ours.layers["logits"]
    assert theirs.total - ours.total == logits.macs // 5
    assert count_networks([spec], ENGINE, scans(90), released=False)[0].released == []


def test_the_report_is_json_with_a_share_for_all_but_the_first(counted: list[CountedNetwork]) -> None:
    first, second = json.loads(json.dumps(report(counted)))
    assert not {"share_of_first", "first_over_this"} & first.keys()
    share = counted[1].share_of(counted[0])
    assert (second["share_of_first"]["macs"], second["share_of_first"]["parameters"]) == (share.macs, share.parameters)
    assert second["first_over_this"] == {"macs": 1 / share.macs, "parameters": 1 / share.parameters}
    assert (first["engine"], first["engine_version"]) == ("portable", ENGINE.version)
    assert first["macs"]["scan_ids"] == ["08/000000", "08/000001", "08/000002"]
    assert sum(first["layers"]["head"]["macs"]) > 0
    assert first["backbone"]["width"] == 0.25
