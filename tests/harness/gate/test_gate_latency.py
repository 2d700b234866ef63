from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from made_up_night import make_record
from scipy.stats import mannwhitneyu

from harness.errors import HarnessError
from harness.gate.finding import Finding, exit_code
from harness.gate.latency import gate_latency
from harness.gate.slower import compare, passes_ms
from harness.spec import LatencyRecord

SHAKY = {"verdict": "unstable", "reasons": ("throttled",)}
CPU = {"device_kind": "CPU", "device": "AMD"}


def record(slower: float = 0.0, seed: int = 3, **changes: object) -> LatencyRecord:
    return make_record(slower=slower, rng=np.random.default_rng(seed), **changes)


class Bench:
    """Gives prepared records, one a call, and counts the calls."""

    def __init__(self, *records: LatencyRecord) -> None:
        self.records, self.asked = list(records), 0

    def __call__(self, doubtful: Sequence[LatencyRecord]) -> list[LatencyRecord]:
        self.asked += 1
        return [self.records.pop(0)]


def judge(here: LatencyRecord, *again: LatencyRecord) -> tuple[Finding, int]:
    bench = Bench(*again)
    findings = gate_latency([make_record()], [here], bench)
    return next(finding for finding in findings if finding.figure == "latency"), bench.asked


def test_a_draw_is_the_median_over_the_scans_of_a_pass() -> None:
    one = record(0.02)
    by_hand = [np.median(timed) for process in one.processes for timed in process.end_to_end_ms]
    assert passes_ms(one).tolist() == by_hand
    assert len(by_hand) == 30
    result = compare(make_record(), one)
    assert result.p == mannwhitneyu(by_hand, passes_ms(make_record()), alternative="greater").pvalue
    assert result.now_ms == np.median(by_hand)


def test_what_is_as_fast_passes_and_is_not_measured_again() -> None:
    finding, asked = judge(record())
    assert (finding.verdict, asked) == ("pass", 0)


def test_slower_by_chance_hardly_but_by_less_than_five_percent_passes() -> None:
    here = record(0.035)
    assert compare(make_record(), here).p < 0.002
    assert judge(here)[0].verdict == "pass"


@pytest.mark.parametrize(
    "first, again, verdict, asked",
    [
        (record(0.1), [record(0.1, 4)], "regression", 1),
        (record(0.1), [record(0.0, 4)], "pass", 1),
        (record(0.1), [record(0.1, 4, **SHAKY)], "could not measure", 1),
        (record(0.0, **SHAKY), [record(0.0, 4)], "pass", 1),
        (record(0.1, **SHAKY), [record(0.0, 4, **SHAKY)], "could not measure", 1),
        (record(0.0, **SHAKY), [record(0.1, 4), record(0.1, 5)], "regression", 2),
        (record(0.0, **SHAKY), [record(0.1, 4), record(0.0, 5)], "pass", 2),
        (record(-0.1), [], "better", 0),
    ],
)
def test_only_two_stable_records_condemn(
    first: LatencyRecord, again: list[LatencyRecord], verdict: str, asked: int
) -> None:
    finding, calls = judge(first, *again)
    assert (finding.verdict, calls) == (verdict, asked)
    assert finding.test.endswith(f"; measured {['once', 'twice', '3 times'][asked]}")


def test_notes_tell_what_a_verdict_rests_on() -> None:
    assert judge(record(0.1), record(0.0, 4))[0].note == "slower once, not when measured again"
    assert judge(record(0.1, **SHAKY), record(0.1, 4, **SHAKY))[0].note == "unstable: throttled; unstable: throttled"
    assert judge(record(-0.1))[0].note == "renew the reference?"


def test_what_can_not_be_measured_again_stays_unconfirmed() -> None:
    [finding, *_] = gate_latency([make_record()], [record(0.1)], None)
    assert finding.verdict == "could not measure"
    assert finding.note == "unconfirmed: nothing says what to measure again: give --matrix"
    assert gate_latency([make_record()], [record(0.1)], lambda doubtful: [])[0].note == (
        "unconfirmed: it was not measured again on the same scans and device"
    )

    def refuse(doubtful: Sequence[LatencyRecord]) -> list[LatencyRecord]:
        raise HarnessError("--semantickitti", "nothing", "a root", "Name it.")

    assert "found nothing; expected a root" in gate_latency([make_record()], [record(0.1)], refuse)[0].note


def test_only_those_in_doubt_are_measured_again_and_all_in_one_call() -> None:
    names = ("spvnas", "minkowskinet", "cylinder3d")
    reference = [make_record(name) for name in names]
    run = [make_record("spvnas", 0.1), make_record("minkowskinet"), make_record("cylinder3d", 0.1)]
    calls = []

    def again(doubtful: Sequence[LatencyRecord]) -> list[LatencyRecord]:
        calls.append([one.backbone.name for one in doubtful])
        return [make_record("cylinder3d", 0.1), make_record("spvnas")]

    findings = gate_latency(reference, run, again)
    assert calls == [["spvnas", "cylinder3d"]]
    assert {f.subject: f.verdict for f in findings if f.figure == "latency"} == {
        "semantickitti-spvnas-w0.5, portable": "pass",
        "semantickitti-minkowskinet-w0.5, portable": "pass",
        "semantickitti-cylinder3d-w0.5, portable": "regression",
    }


def test_what_is_not_measured_again_leaves_the_verdict_on_the_others() -> None:
    names = ("spvnas", "minkowskinet")
    findings = gate_latency(
        [make_record(name) for name in names],
        [make_record(name, 0.1) for name in names],
        lambda doubtful: [make_record("minkowskinet", 0.1)],
    )
    assert {f.subject.split("-")[1]: f.verdict for f in findings if f.figure == "latency"} == {
        "spvnas": "could not measure", "minkowskinet": "regression",
    }  # fmt: skip


def test_threads_decide_on_a_cpu_alone() -> None:
    assert gate_latency([make_record()], [record(threads=8)], None)[0].verdict == "pass"
    [finding] = gate_latency([make_record(**CPU)], [record(**CPU, threads=8)], None)
    assert finding.note == "threads: 8, in the reference 1"


def test_too_few_passes_could_never_find_anything() -> None:
    few = {"processes_and_passes": (2, 2)}
    [finding] = gate_latency([make_record(**few)], [record(0.5, **few)], None)
    assert finding.verdict == "could not measure"
    assert "measure 6 at least" in finding.note
    six = {"processes_and_passes": (2, 3)}
    assert gate_latency([make_record(**six)], [record(0.5, **six)], lambda d: [record(0.5, 9, **six)])[0].verdict == (
        "regression"
    )


def test_memory_and_sites_of_the_record_are_gated_too() -> None:
    run = [record(peak_memory_mib=722.0, voxels=(60_000, 70_000, 80_001, 90_000, 120_000))]
    findings = gate_latency([make_record()], run, None)
    assert {f.figure: f.verdict for f in findings} == {
        "latency": "pass", "peak memory of latency": "regression", "sites of latency": "regression",
    }  # fmt: skip
    assert findings[2].note == "scan 08/000002: 80000 → 80001"
    assert exit_code(findings) == 1


def test_memory_and_sites_are_those_of_the_night_not_of_what_was_measured_again() -> None:
    other = {"peak_memory_mib": 9999.0, "voxels": (1, 1, 1, 1, 1)}
    verdicts = {
        f.figure: f.verdict for f in gate_latency([make_record()], [record(0.1)], Bench(record(0.1, 4, **other)))
    }
    assert verdicts == {"latency": "regression", "peak memory of latency": "pass", "sites of latency": "pass"}
    first = record(0.1, **other)
    verdicts = {f.figure: f.verdict for f in gate_latency([make_record()], [first], Bench(record(0.0, 4)))}
    assert verdicts == {"latency": "pass", "peak memory of latency": "regression", "sites of latency": "regression"}


def test_on_a_cpu_memory_is_of_all_networks_of_a_process() -> None:
    both = {"interleaved_with": ("semantickitti-spvnas-w0.5", "semantickitti-spvnas-w1")}
    alone = {**CPU, "interleaved_with": ()}

    def memory(there: LatencyRecord, here: LatencyRecord) -> Finding:
        [finding] = [f for f in gate_latency([there], [here], None) if f.figure == "peak memory of latency"]
        return finding

    finding = memory(make_record(**CPU, **both), record(**alone, peak_memory_mib=300.0))
    assert finding.verdict == "could not measure"
    assert finding.note == (
        "on a CPU it is that of all networks timed together: none, in the reference semantickitti-spvnas-w0.5, "
        "semantickitti-spvnas-w1"
    )
    turned = {"interleaved_with": both["interleaved_with"][::-1]}
    assert memory(make_record(**CPU, **both), record(**CPU, **turned)).verdict == "pass"
    assert memory(make_record(**both), record(peak_memory_mib=722.0)).verdict == "regression"  # a GPU counts apart


def test_an_unstable_record_gates_nothing() -> None:
    shaky = record(peak_memory_mib=9999.0, **SHAKY)
    assert [f.figure for f in gate_latency([make_record()], [shaky], None)] == ["latency"]
