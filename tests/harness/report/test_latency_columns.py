"""Times of the complete protocol in a table, and the cards that records of rows have."""

from typing import Any

import pytest
from made_up_record import record

from harness.report.grouping import build_rows
from harness.report.records import build_frame, build_records
from harness.report.rows import Row
from harness.report.tables import build_table
from harness.spec import LatencyRecord

GPU = "latency p50, ms (GPU: H200) [2]"


def timed(spec, result, *records: LatencyRecord) -> list[Row]:
    """Two students of other widths, each timed by the records of its network."""
    return build_rows([result(spec(width=width), 0.5) for width in (0.5, 0.25)], records=records)


def of_width(spec, width: float, **changes: Any) -> LatencyRecord:
    """One of two that were timed in the same processes."""
    beside = {0.5: "semantickitti-minkowskinet-w0.25", 0.25: "semantickitti-minkowskinet-w0.5"}
    return record(backbone=spec(width=width).backbone, interleaved_with=(beside[width],), **changes)


def test_times_of_one_run_need_no_footnote(spec, result) -> None:
    table = build_table(timed(spec, result, *(of_width(spec, width) for width in (0.5, 0.25))))
    assert table.frame[GPU].tolist() == ["20.0", "20.0"]
    assert not [note for note in table.footnotes if " is " in note]


@pytest.mark.parametrize(
    "change, clause",
    [
        ({"torch": "2.9.0"}, "torch is 2.9.0, not 2.13.0"),
        ({"commit": "d00d"}, "commit is d00d, not c0ffee"),
        ({"passes": 3}, "latency.passes is 3, not 10"),
        ({"scan_ids": ("08/000000", "08/000020")}, "latency.scan_list is "),
    ],
)
def test_times_that_were_not_taken_alike_have_a_footnote_each(spec, result, change, clause) -> None:
    table = build_table(timed(spec, result, of_width(spec, 0.5), of_width(spec, 0.25, **change)))
    one, other = table.frame[GPU]
    assert one == "20.0"
    [note] = [note for note in table.footnotes if clause in note]
    assert other == f"20.0 {note[:3]}"


def test_each_data_set_has_scans_of_its_own(spec, result) -> None:
    other = spec(dataset={"name": "nuscenes"})
    elsewhere = record(dataset="nuscenes", backbone=other.backbone, scan_ids=("scene-0103/a", "scene-0103/b"))
    rows = build_rows([result(spec(), 0.5), result(other, 0.5)], records=[of_width(spec, 0.5), elsewhere])
    assert build_table(rows).frame[GPU].tolist() == ["20.0", "20.0"]


def test_an_unstable_time_is_marked_and_goes_before_what_a_cell_took_of_itself(spec, result) -> None:
    shaky = record(
        backbone=spec().backbone, device_kind="CPU", device="AMD EPYC", threads=2, verdict="unstable", reasons=("busy",)
    )
    rows = build_rows([result(spec(), 0.5, p50_ms=7.0)], records=[shaky])
    table = build_table(rows)
    [shown] = table.frame["latency p50, ms (CPU: AMD EPYC, 2 threads) [1]"]
    assert shown.startswith("20.0 (unstable) [")
    assert f"{shown[-3:]} unstable: busy" in table.footnotes


def test_a_row_that_was_trained_on_more_has_one_clause(spec, result) -> None:
    rows = build_rows([result(spec(), 0.5), result(spec("kd", train_on=("train", "val")), 0.5)])
    assert rows[1].differences == ["trained_on is [train, val], not [train]"]


def test_records_have_the_card_of_all_their_seeds_and_flat_tables_have_none(spec, result) -> None:
    rows = build_rows([result(spec(seed=seed), 0.5, card={"torch": f"2.{seed}"}) for seed in (0, 1)])
    [told] = build_records(rows)
    assert (told["card"]["seeds"], told["card"]["torch"]) == ("0, 1", "2.0 or 2.1")
    assert told["card"]["scoring_rule"] == "semantickitti-official"
    assert not [name for name in build_frame(rows) if name.startswith("card")]


def test_a_row_without_results_has_an_empty_card(spec) -> None:
    assert build_records(build_rows([], planned=[spec()]))[0]["card"] == {}
