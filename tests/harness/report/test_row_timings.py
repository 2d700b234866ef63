import pytest
from made_up_record import process, record

from harness.report.grouping import build_rows
from harness.report.tables import build_table
from harness.report.timings import row_timings
from harness.spec import BackboneSpec, CellResult, LatencyRecord, SpanResult

SMALL = BackboneSpec(name="minkowskinet", width=0.5, voxel_size_m=0.05, classes=2)
CPU = "CPU: AMD EPYC, 2 threads"


def on_cpu(p50_ms: float, **changes) -> LatencyRecord:
    span = SpanResult(p50_ms=p50_ms, p95_ms=2 * p50_ms, p99_ms=None, mean_ms=p50_ms, mad_ms=1)
    machine = {"device_kind": "CPU", "device": "AMD EPYC", "threads": 2, "backbone": SMALL, "end_to_end": span}
    return record(**{**machine, **changes})


@pytest.fixture
def seeds(spec, result) -> list[CellResult]:
    return [result(spec(seed=seed), 0.5, p50_ms=10.0 * (seed + 1)) for seed in range(3)]


def test_cells_that_measured_themselves_give_the_middle_one(seeds) -> None:
    [timing] = row_timings(seeds[0].spec, seeds, []).values()
    assert (timing.machine, timing.protocol, timing.p50_ms, timing.unstable) == (CPU, "latency-v1-core", 20.0, ())


def test_a_record_of_the_complete_protocol_goes_first(seeds) -> None:
    [timing] = row_timings(seeds[0].spec, seeds, [on_cpu(7.0)]).values()
    assert (timing.protocol, timing.p50_ms, timing.p95_ms) == ("latency-v1", 7.0, 14.0)


@pytest.mark.parametrize(
    "change",
    [
        {"synthetic": True},
        {"dataset": "nuscenes"},
        {"engine": "spconv"},
        {"backbone": SMALL.model_copy(update={"settings": {"coordinates": "exact"}})},
        {"backbone": SMALL.model_copy(update={"width": 1.0})},
        {"backbone": SMALL.model_copy(update={"voxel_size_m": 0.1})},
    ],
)
def test_a_record_of_another_network_says_nothing(seeds, change) -> None:
    assert row_timings(seeds[0].spec, seeds, [on_cpu(7.0, **change)])[CPU].p50_ms == 20.0


def test_another_machine_stands_beside(seeds) -> None:
    timings = row_timings(seeds[0].spec, seeds, [on_cpu(7.0, threads=1), record(backbone=SMALL)])
    assert set(timings) == {CPU, "CPU: AMD EPYC, 1 thread", "GPU: H200"}


def test_of_several_records_a_stable_one_with_most_samples_counts(seeds) -> None:
    shaky = on_cpu(1.0, verdict="unstable", reasons=("throttled",), passes=99)
    few, many = on_cpu(2.0, passes=5), on_cpu(3.0, processes=(process(0, None),) * 3)
    for records in ([shaky, few, many], [many, shaky, few]):
        assert row_timings(seeds[0].spec, seeds, records)[CPU].p50_ms == 3.0
    assert row_timings(seeds[0].spec, seeds, [shaky])[CPU].unstable == ("throttled",)


def test_protocols_have_a_column_each_and_an_unstable_figure_says_why(spec, result, seeds) -> None:
    shaky = on_cpu(7.0, verdict="unstable", reasons=("clocks varied by 5 %", "foreign process"))
    wider = result(spec("kd", width=0.25), 0.6)
    table = build_table(build_rows([*seeds, wider], records=[shaky]))
    complete, core = f"latency p50, ms ({CPU}) [1]", f"latency p50, ms ({CPU}) [2]"
    assert table.frame[complete].tolist() == ["7.0 (unstable) [4]", "–"]
    assert table.frame[core].tolist() == ["–", "20.0"]
    assert any(note.startswith("[1] latency-v1:") for note in table.footnotes)
    assert any(note.startswith("[2] latency-v1-core:") for note in table.footnotes)
    assert "[4] unstable: clocks varied by 5 %, foreign process" in table.footnotes


def test_a_cpu_never_fills_a_gpu_column(seeds) -> None:
    table = build_table(build_rows(seeds, records=[on_cpu(7.0)]))
    assert table.frame["latency p50, ms (GPU) [2]"].tolist() == ["–"]
    assert "[2] not measured on a GPU" in table.footnotes
    measured = build_table(build_rows(seeds, records=[record(backbone=SMALL)]))
    assert measured.frame["latency p50, ms (GPU: H200) [2]"].tolist() == ["20.0"]
    assert not any("not measured on a GPU" in note for note in measured.footnotes)


def test_rows_without_a_result_have_no_time(spec) -> None:
    [row] = build_rows([], [spec()], [on_cpu(7.0)])
    assert row.timings == {}
