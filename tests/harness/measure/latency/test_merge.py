from __future__ import annotations

import re

import numpy as np
import pytest
from made_reports import order, record, report, samples
from made_runs import MINKOWSKINET

from harness.errors import HarnessError
from harness.measure.latency.merge import merge
from harness.measure.latency.order import NetworkOrder, ProcessReport, named
from harness.measure.latency.records import name_of


def reports(*widths: float, medians: tuple[float, ...] = (10.0, 10.0, 10.0)) -> list[ProcessReport]:
    return [report(order(*widths, number=number), median) for number, median in enumerate(medians, 1)]


def test_a_record_is_of_the_samples_of_all_processes() -> None:
    made = merge(order(0.5), reports(0.5, medians=(10.0, 10.1, 10.2)), "abc")["semantickitti-minkowskinet-w0.5"]
    flat = sorted(value for one in made.processes for row in one.end_to_end_ms for value in row)
    assert len(flat) == 3 * 10 * 2
    assert made.end_to_end.p50_ms == pytest.approx((flat[29] + flat[30]) / 2)
    assert made.end_to_end.mean_ms == pytest.approx(10.1)
    assert made.spans["voxelise"].p50_ms == pytest.approx(1.01)
    assert made.fit is not None
    assert made.fit.ms_per_1000_voxels == pytest.approx(1.0), "2 ms over 2000 voxels"
    assert made.fit.intercept_ms == pytest.approx(10.1 - 2)
    assert (made.verdict, made.reasons) == ("stable", ())
    assert (made.cold_start_ms, made.peak_memory_mib, made.commit) == (102.0, 503.0, "abc")
    assert (made.voxels, made.scan_ids, made.passes) == ((1000, 3000), ("a", "b"), 10)


def test_networks_know_with_whom_they_were_interleaved() -> None:
    wide, half = merge(order(1.0, 0.5), reports(1.0, 0.5), None).values()
    assert (wide.interleaved_with, half.interleaved_with) == (
        ("semantickitti-minkowskinet-w0.5",),
        ("semantickitti-minkowskinet-w1",),
    )
    assert {wide.network, *wide.interleaved_with} == {half.network, *half.interleaved_with}
    assert (wide.name, half.name) == (None, None)
    assert half.end_to_end.p50_ms == wide.end_to_end.p50_ms + 1
    assert samples(half).shape == (3, 10, 2)
    assert np.all(samples(half) == samples(wide) + 1)


def test_networks_of_one_name_know_each_other_by_digits() -> None:
    coarse = MINKOWSKINET.model_copy(update={"voxel_size_m": 0.1})
    networks = [NetworkOrder(backbone=backbone, engine="portable") for backbone in (MINKOWSKINET, coarse)]
    told = order(0.5).model_copy(update={"networks": named("semantickitti", networks)})
    fine, rough = merge(told, [report(told)], None).values()
    assert fine.network != rough.network
    assert (fine.interleaved_with, rough.interleaved_with) == ((rough.network,), (fine.network,))
    assert re.fullmatch(r"semantickitti-minkowskinet-w0\.5-[0-9a-f]{6}", rough.network)
    assert name_of(rough) == name_of(rough.model_copy(update={"name": None})), "a file is named by what was timed alone"


def test_processes_that_differ_make_an_unstable_record() -> None:
    made = merge(order(0.5), reports(0.5, medians=(10.0, 11.0, 10.0)), None)["semantickitti-minkowskinet-w0.5"]
    assert made.verdict == "unstable"
    assert "medians" in made.reasons[0]


def test_energy_is_the_median_of_the_processes_that_had_a_counter() -> None:
    found = reports(0.5)
    for place, energy in enumerate((900.0, None, 1000.0)):
        told = found[place].networks["semantickitti-minkowskinet-w0.5"]
        run = told.run.model_copy(update={"energy_mj_per_scan": energy})
        networks = {"semantickitti-minkowskinet-w0.5": told.model_copy(update={"run": run})}
        found[place] = found[place].model_copy(update={"networks": networks})
    assert merge(order(0.5), found, None)["semantickitti-minkowskinet-w0.5"].energy_mj_per_scan == 950.0
    assert record().energy_mj_per_scan is None


@pytest.mark.parametrize("what", ["scans_sha256", "device", "torch"])
def test_processes_that_did_not_measure_the_same_are_refused(what: str) -> None:
    found = reports(0.5)
    found[2] = found[2].model_copy(update={what: "other"})
    with pytest.raises(HarnessError, match=f"{what} .* and other; expected the same"):
        merge(order(0.5), found, None)
