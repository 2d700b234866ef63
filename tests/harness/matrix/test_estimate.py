from __future__ import annotations

from dataclasses import replace

import pytest
from fake_plan import DEVICE, fake_cell

from harness.matrix.estimate import Estimator
from harness.matrix.timings import Kind, Timing, cell_kind

PLAIN = cell_kind(fake_cell(), None)
TEACHER = cell_kind(fake_cell(role="teacher"), None).network
PVD = replace(PLAIN, method="pvd", teacher=TEACHER)
LOGITS = replace(PLAIN, method="logit_kd", teacher=TEACHER)
OTHER = "Another GPU"


def timing(kind: Kind, train_s: float, device: str = DEVICE, **changes: object) -> Timing:
    plain = Timing(kind, device, 2, train_s, train_s / 3, 1000.0, 5000.0, 40.0, "a cell")
    return replace(plain, **changes)


def on(kind: Kind, data: str) -> Kind:
    return replace(kind, data=data)


def test_cells_of_the_kind_go_before_everything() -> None:
    found = Estimator([timing(PVD, 2), timing(PVD, 4), timing(PLAIN, 100)]).estimate(PVD, DEVICE)
    assert found is not None
    assert (found.train_s, found.evaluate_s, found.basis) == (3, 1, "2 alike")
    assert (found.memory_mib(2), found.memory_mib(4), found.disk_mib()) == (5000, None, 40)


def test_another_method_counts_times_what_this_one_costs_more() -> None:
    ratio = [timing(on(PLAIN, "nuscenes"), 2), timing(on(PVD, "nuscenes"), 5)]
    found = Estimator([timing(PLAIN, 10), *ratio]).estimate(PVD, DEVICE)
    assert found is not None
    assert (found.train_s, found.basis, found.ratio_from) == (25, "none × 2.50", None)
    assert found.evaluate_s == pytest.approx(10 / 3), "a method is no part of a prediction"
    assert found.memory_mib(2) is None, "the peak of another method says little"


def test_a_ratio_of_another_device_is_named_and_one_of_this_goes_first() -> None:
    elsewhere = [timing(PLAIN, 1, OTHER), timing(PVD, 7, OTHER)]
    found = Estimator([timing(PLAIN, 10), *elsewhere]).estimate(PVD, DEVICE)
    assert found is not None
    assert (found.train_s, found.ratio_from) == (70, OTHER)
    here = [timing(on(PLAIN, "nuscenes"), 1), timing(on(PVD, "nuscenes"), 2)]
    found = Estimator([timing(PLAIN, 10), *elsewhere, *here]).estimate(PVD, DEVICE)
    assert found is not None
    assert (found.train_s, found.ratio_from) == (20, None)


def test_another_data_set_counts_times_the_voxels_of_its_scans() -> None:
    voxels = timing(replace(on(PLAIN, "nuscenes"), network="any other"), 9, voxels=250.0)
    found = Estimator([timing(PVD, 4), voxels]).estimate(on(PVD, "nuscenes"), DEVICE)
    assert found is not None
    assert (found.train_s, found.basis) == (1, "semantickitti × 0.25")
    assert Estimator([timing(PVD, 4)]).estimate(on(PVD, "nuscenes"), DEVICE) is None, "nobody knows its voxels"
    finer = replace(voxels, kind=replace(voxels.kind, grid="0.01 m"))
    assert Estimator([timing(PVD, 4), finer]).estimate(on(PVD, "nuscenes"), DEVICE) is None, "of another grid"


def test_both_may_differ_when_both_factors_are_known() -> None:
    voxels = timing(replace(on(PLAIN, "nuscenes"), network="any other"), 9, voxels=500.0)
    ratio = [timing(PLAIN, 1, OTHER), timing(PVD, 3, OTHER)]
    found = Estimator([timing(PLAIN, 10), voxels, *ratio]).estimate(on(PVD, "nuscenes"), DEVICE)
    assert found is not None
    assert (found.train_s, found.basis) == (15, "none, semantickitti × 1.50")


@pytest.mark.parametrize(
    "other",
    [
        timing(PVD, 1, OTHER),
        timing(replace(PVD, engine="spconv"), 1),
        timing(replace(PVD, network="minkowskinet 1×, 0.05 m"), 1),
        timing(replace(PVD, scans="at most 5 points"), 1),
        timing(PLAIN, 1),
    ],
    ids=["device", "engine", "network", "cap", "method without a ratio"],
)
def test_what_says_nothing_about_a_cell_gives_no_hours(other: Timing) -> None:
    assert Estimator([other]).estimate(PVD, DEVICE) is None


def test_devices_that_tell_of_a_kind_are_named() -> None:
    estimator = Estimator([timing(PLAIN, 1, "B"), timing(PLAIN, 1, "A"), timing(LOGITS, 1, "C")])
    assert estimator.devices(PLAIN) == ["A", "B"]
    assert estimator.devices(PVD) == []
