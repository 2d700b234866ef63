from __future__ import annotations

import gc
from collections.abc import Iterator
from mmap import mmap

import numpy as np
import pytest
import torch
from virtual_device import CPU, Costs, VirtualDevice, VirtualNetwork, VirtualScan, VirtualVoxels, take_memory

from harness.measure.latency import (
    HOST_CLOCK,
    SPANS,
    WARMUP_PASSES,
    forward_passes,
    measure_latency,
    timed_samples,
)
from harness.measure.latency.passes import TimedNetwork, measure_process

CHECKED = WARMUP_PASSES + 1


@pytest.fixture
def device() -> Iterator[VirtualDevice]:
    with VirtualDevice().in_place_of_clocks() as device:
        yield device


def scans(device: VirtualDevice, *voxels: int) -> list[VirtualScan]:
    return [VirtualScan(device, count) for count in voxels]


def timed(name: str = "a", network: VirtualNetwork | None = None) -> TimedNetwork:
    return TimedNetwork(name, network or VirtualNetwork(), VirtualVoxels)


def test_every_sample_stands_at_its_scan_and_every_span_is_known(device: VirtualDevice) -> None:
    found = measure_process([timed()], scans(device, 2, 4, 8), 2, CPU, seed=0)["a"]
    assert np.ravel(found.end_to_end_ms) == pytest.approx([12.5, 22.5, 42.5] * 2), "without the transfer, with the maps"
    assert found.voxels == (2, 4, 8)
    assert found.cold_start_ms == pytest.approx(12.5), "of the first scan"
    assert set(found.span_ms) == {*SPANS, HOST_CLOCK}
    assert found.span_ms["transfer"] == pytest.approx([3] * 6)
    assert found.span_ms["voxelise"] == pytest.approx([2] * 6)
    assert found.span_ms["kernel_maps"] == pytest.approx([8, 16, 32] * 2)
    assert found.span_ms["convolutions"] == pytest.approx([2, 4, 8] * 2)
    assert found.span_ms["devoxelise_argmax"] == pytest.approx([0.5] * 6)
    assert found.span_ms[HOST_CLOCK] == pytest.approx([12.5, 22.5, 42.5] * 2)
    assert found.peak_memory_mib > 1


def test_a_second_run_that_is_slower_is_not_hidden(device: VirtualDevice) -> None:
    """On a machine with neighbours the run with maps at hand may take longer: a negative difference stays one."""
    costs = Costs(maps=lambda voxels: -0.5 * voxels)
    found = measure_process([timed()], [VirtualScan(device, 2, costs)], 1, CPU, seed=0)["a"]
    assert found.span_ms["kernel_maps"] == pytest.approx([-1])
    assert found.span_ms["convolutions"] == pytest.approx([2])


def test_no_run_end_to_end_finds_maps_and_those_that_do_come_last(device: VirtualDevice) -> None:
    network = VirtualNetwork()
    measure_process([timed("a", network)], scans(device, 1, 2, 3, 4, 5), 4, CPU, seed=0)
    assert len(network.seen) == 1 + forward_passes(4) * 5
    cold, warm, timed_, split = 1, 2 * 5 * CHECKED, 5 * 4, 2 * 5 * 4
    mapped = [mapped for _, mapped in network.seen]
    assert mapped == [False] + [False, True] * (warm // 2) + [False] * timed_ + [False, True] * (split // 2)
    order = [voxels for voxels, _ in network.seen[cold + warm : cold + warm + timed_]]
    passes = [tuple(order[i : i + 5]) for i in range(0, timed_, 5)]
    assert all(sorted(one) == [1, 2, 3, 4, 5] for one in passes)
    assert len(set(passes)) == 4, "each in an order of its own"


def test_networks_take_turns_a_b_b_a_and_meet_scans_in_one_order(device: VirtualDevice) -> None:
    turns: list[str] = []
    networks = {name: VirtualNetwork() for name in "AB"}
    for name, network in networks.items():
        network.on_run = lambda name=name: turns.append(name)
    found = measure_process([timed(*pair) for pair in networks.items()], scans(device, 1, 2, 3), 2, CPU, seed=3)
    assert list(found) == ["A", "B"]
    by_pass = "".join(turns)
    assert by_pass == "AB" + "".join(
        [name * 6 for name in "ABBAAB"] + [name * 3 for name in "ABBA"] + [name * 6 for name in "ABBA"]
    )
    assert networks["A"].seen == networks["B"].seen


@pytest.mark.parametrize("seed, same", [(0, True), (1, False)])
def test_orders_are_a_function_of_the_seed(device: VirtualDevice, seed: int, same: bool) -> None:
    first, second = VirtualNetwork(), VirtualNetwork()
    measure_process([timed("a", first)], scans(device, *range(1, 9)), 1, CPU, seed=0)
    measure_process([timed("a", second)], scans(device, *range(1, 9)), 1, CPU, seed=seed)
    assert (first.seen == second.seen) is same


def test_networks_run_in_eval_mode_without_gradients_or_collector_and_all_is_restored(device: VirtualDevice) -> None:
    network, other, states = VirtualNetwork().train(), VirtualNetwork().eval(), set()
    network.on_run = lambda: states.add((network.training, torch.is_grad_enabled(), gc.isenabled()))
    measure_process([timed("a", network), timed("b", other)], scans(device, 1), 1, CPU, seed=0)
    assert states == {(False, False, False)}
    assert (network.training, other.training, torch.is_grad_enabled(), gc.isenabled()) == (True, False, True, True)


def test_all_is_restored_after_a_failure(device: VirtualDevice) -> None:
    network = VirtualNetwork().train()

    def fail() -> None:
        raise RuntimeError("out of memory")

    network.on_run = fail
    with pytest.raises(RuntimeError, match="out of memory"):
        measure_process([timed("a", network)], scans(device, 1), 1, CPU, seed=0)
    assert (network.training, torch.is_grad_enabled(), gc.isenabled()) == (True, True, True)


def test_progress_counts_every_sample_and_knows_what_is_left_when_the_warm_up_ends(device: VirtualDevice) -> None:
    """The third pass takes 60 MiB, so that a fourth is needed: the end moves by it, and nothing else does."""
    network, told, taken = VirtualNetwork(), list[tuple[int, int]](), list[mmap]()
    third = 1 + 2 * 2 * 4 + 1
    network.on_run = lambda: taken.append(take_memory(60)) if len(network.seen) == third else None
    found = measure_process(
        [timed("a", network)],
        scans(device, 1, 2, 3, 4),
        2,
        CPU,
        seed=0,
        progress=lambda *step: told.append(step),
    )["a"]
    assert found.warm_up.passes == 4
    left = timed_samples(1, 4, 2)
    assert [done for done, _ in told] == list(range(1, 4 * 4 + left + 1))
    assert told[11] == (12, 12 + left), "nobody knows yet that the warm-up goes on"
    assert told[15] == (16, 16 + left)
    assert told[-1] == (16 + left, 16 + left)


def test_a_cell_measures_itself_by_the_same_protocol(device: VirtualDevice) -> None:
    network = VirtualNetwork()
    result = measure_latency(network, VirtualVoxels, scans(device, 2, 4, 6, 8), 3, CPU)
    assert (result.protocol, result.device_kind, result.scans, result.passes) == ("latency-v1-core", "CPU", 4, 3)
    assert len(network.seen) == 1 + forward_passes(3) * 4
    assert result.end_to_end.p50_ms == pytest.approx(2.5 + 5 * 5)
    assert result.spans["kernel_maps"].p50_ms == pytest.approx(4 * 5)
    assert result.fit is not None
    assert result.fit.ms_per_1000_voxels == pytest.approx(5000)
    assert result.fit.intercept_ms == pytest.approx(2.5)
    assert (result.end_to_end.p50_interval_ms, result.fit.slope_interval) == (None, None), "of latency-v1 alone"
