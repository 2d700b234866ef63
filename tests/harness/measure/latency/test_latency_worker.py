from __future__ import annotations

from pathlib import Path

import pytest
from made_runs import NAMES

from harness.errors import HarnessError
from harness.measure.latency import timed_samples
from harness.measure.latency.merge import merge
from harness.measure.latency.order import NetworkOrder, ProcessOrder, named
from harness.measure.latency.scan_source import ScanSource, points_sha256
from harness.measure.latency.worker import measure
from harness.spec import BackboneSpec

PASSES = 2


@pytest.fixture
def order(write_sequences) -> ProcessOrder:
    root: Path = write_sequences({"08": 2}, points=150)
    networks = [
        NetworkOrder(
            backbone=BackboneSpec(name="minkowskinet", width=width, voxel_size_m=4.0, classes=19), engine="portable"
        )
        for width in (0.125, 0.0625)
    ]
    scans = ScanSource(dataset="semantickitti", root=root, partial=True, scans=("08/000000", "08/000001"))
    return ProcessOrder(number=2, networks=named(scans.dataset, networks), scans=scans, passes=PASSES, device="cpu")


def test_a_process_times_every_network_on_every_scan(order: ProcessOrder) -> None:
    told: list[tuple[int, int]] = []
    report = measure(order, lambda done, total: told.append((done, total)))
    assert list(report.networks) == ["semantickitti-minkowskinet-w0.125", "semantickitti-minkowskinet-w0.0625"]
    assert (report.device_kind, report.untold) == ("CPU", {})
    assert report.scans_sha256 == points_sha256(order.scans.read())
    for network in report.networks.values():
        assert network.run.number == 2
        assert [len(row) for row in network.run.end_to_end_ms] == [2] * PASSES
        assert set(network.span_ms) == set(network.run.spans) == set(NAMES)
        assert {len(values) for values in network.span_ms.values()} == {2 * PASSES}
        assert all(0 < count <= 153 for count in network.voxels)
        assert network.run.energy_mj_per_scan is None
        assert network.run.before.name == network.run.after.name == report.device
        seen = {network.run.before.sm_clock_mhz, network.run.after.sm_clock_mhz}
        assert set(network.run.sm_clocks_mhz or {None}) == seen
    done, total = zip(*told, strict=True)
    assert done == tuple(range(1, max(total) + 1))
    assert max(total) > timed_samples(2, 2, PASSES)
    [first, _] = merge(order, [report], None).values()
    assert first.verdict == "unstable"
    assert first.reasons[0] == "1 process instead of 3"


def test_a_network_that_cannot_be_built_is_named(order: ProcessOrder) -> None:
    network = order.networks["semantickitti-minkowskinet-w0.125"].model_copy(update={"engine": "steam"})
    broken = order.model_copy(update={"networks": {"first": network}})
    with pytest.raises(HarnessError, match=r"network first: found .*steam"):
        measure(broken, lambda done, total: None)
