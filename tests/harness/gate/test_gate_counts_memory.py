from __future__ import annotations

from typing import Any

import pytest
from made_up_night import SCANS, make_result, make_spec

from harness.gate.counts import gate_counts
from harness.gate.finding import Finding
from harness.gate.memory import gate_training_memory
from harness.gate.rows import Row


def row(*cells: dict[str, Any]) -> Row:
    return Row("row", make_spec(), [make_result(make_spec(seed=seed), **cell) for seed, cell in enumerate(cells)])


def counts(there: Row, here: Row) -> dict[str, Finding]:
    return {finding.figure: finding for finding in gate_counts(there, here)}


def test_equal_counts_pass_with_their_means() -> None:
    found = counts(row({}, {}), row({}))
    assert {figure: finding.verdict for figure, finding in found.items()} == dict.fromkeys(
        ("parameters", "MACs", "sites", "pairs"), "pass"
    )
    assert (found["MACs"].reference, found["MACs"].unit) == (pytest.approx(11.000000002), "G")
    assert found["sites"].now == (80_000 + 20_000 + 90_000 + 25_000) / 2
    assert found["parameters"].now == 1_500_000


@pytest.mark.parametrize(
    "figure, change, note",
    [
        ("parameters", {"parameters": 1_500_001}, "1500000 → 1500001"),
        ("MACs", {"macs": (10_000_000_001, 12_000_000_002)}, "scan 08/000010: 12000000003 → 12000000002"),
        ("pairs", {"pairs": (500_001, 599_999)}, "scan 08/000000: 500000 → 500001 and 1 more"),
        ("sites", {"sites": ((80_001, 19_999), (90_000, 25_000))}, "scan 08/000000: 80000, 20000 → 80001, 19999"),
    ],
)
def test_one_changed_count_of_any_seed_is_a_regression(figure: str, change: dict[str, Any], note: str) -> None:
    found = counts(row({}, {}), row({}, change))
    assert {name for name, finding in found.items() if finding.verdict == "regression"} == {figure}
    assert found[figure].note == note


def test_fewer_counts_are_a_regression_too_since_something_changed() -> None:
    found = counts(row({}), row({"macs": (1, 1)}))
    assert found["MACs"].verdict == "regression"


def test_counts_of_other_scans_can_not_be_compared_and_of_more_scans_can() -> None:
    more = {
        "scan_ids": (*SCANS, "08/000020"), "macs": (10_000_000_001, 12_000_000_003, 5), "pairs": (500_000, 600_000, 7),
        "sites": ((80_000, 20_000), (90_000, 25_000), (1, 1)),
    }  # fmt: skip
    assert {finding.verdict for finding in gate_counts(row({}), row(more))} == {"pass"}
    found = counts(row(more), row({}))
    assert found["MACs"].verdict == "could not measure"
    assert found["MACs"].note == "not counted on 1 of the reference's 3 scans, as 08/000020"
    assert found["parameters"].verdict == "pass"


def test_an_old_reference_has_no_lists_and_one_whose_seeds_differ_is_none() -> None:
    old = counts(row({"scan_ids": (), "macs": (), "pairs": (), "sites": ()}), row({}))
    assert old["MACs"].verdict == "could not measure"
    assert "renew" in old["MACs"].note
    torn = counts(row({}, {"pairs": (1, 600_000)}), row({}))
    assert torn["pairs"].verdict == "could not measure"
    assert "differ on 08/000000" in torn["pairs"].note


@pytest.mark.parametrize(
    "peaks, verdict",
    [((5150.0,), "pass"), ((4900.0, 5151.0), "regression"), ((4800.0,), "better"), ((4900.0,), "pass")],
)
def test_three_percent_of_memory_are_the_line(peaks: tuple[float, ...], verdict: str) -> None:
    there = row({"peak_memory_mib": 4990.0}, {"peak_memory_mib": 5000.0})
    finding = gate_training_memory(there, row(*({"peak_memory_mib": peak} for peak in peaks)))
    assert (finding.verdict, finding.reference, finding.now) == (verdict, 5000, max(peaks))


@pytest.mark.parametrize("other", [{"devices": ("AMD EPYC, threads: 2",)}, {"micro_batch": 1}, {"processes": 2}])
def test_memory_of_another_kind_of_training_is_not_compared(other: dict[str, Any]) -> None:
    finding = gate_training_memory(row({}), row({**other, "peak_memory_mib": 9999.0}))
    assert finding.verdict == "could not measure"
    assert "the reference on NVIDIA H200" in finding.note
