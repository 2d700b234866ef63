"""The gate on whole nights: what docs/gate.md promises of it, on 24 rows and three networks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from made_up_night import make_evidence, make_record, scored

from harness.gate.compare import gate_rows
from harness.gate.counts import FIGURES, Figure
from harness.gate.evidence import Evidence
from harness.gate.finding import Finding, exit_code
from harness.gate.latency import gate_latency
from harness.gate.rows import Matched, match_rows
from harness.measure.latency.records import name_of
from harness.spec import CellResult, LatencyRecord, ProcessRun

NIGHTS = 200
REFERENCE = make_evidence(np.random.default_rng(7), seeds=range(5), deviation=0.01)
SAME = match_rows(REFERENCE, REFERENCE)


def resampled_rows(rng: np.random.Generator, seeds: int, lost: Callable[[str], float] = lambda row: 0.0) -> Matched:
    """Every row with scores drawn from those that the reference has of it."""
    nights = []
    for there, here in SAME.both:
        scores = [result.score.miou for result in there.finished if result.score is not None]
        drawn = rng.choice(scores, seeds) - lost(there.name)
        cells = [scored(result, float(miou)) for result, miou in zip(here.finished, drawn, strict=False)]
        nights.append((there, replace(here, finished=cells)))
    return replace(SAME, both=tuple(nights))


def resampled_latency(rng: np.random.Generator, slower: float = 0.0) -> list[LatencyRecord]:
    """Every record with processes, and passes of them, drawn from those that the reference has."""
    return [
        record.model_copy(
            update={"processes": [_resampled(rng, record.processes[p], slower) for p in rng.integers(0, 3, 3)]}
        )
        for record in REFERENCE.latency
    ]


def _resampled(rng: np.random.Generator, process: ProcessRun, slower: float) -> ProcessRun:
    timed = np.array(process.end_to_end_ms)[rng.integers(0, 10, 10)] * (1 + slower)
    return process.model_copy(update={"end_to_end_ms": timed.tolist()})


def codes(nights: int, hold: Callable[[np.random.Generator], list[Finding]]) -> list[int]:
    return [exit_code(hold(np.random.default_rng(seed))) for seed in range(nights)]


def latency_night(rng: np.random.Generator, slower: float = 0.0) -> list[Finding]:
    """What is slower stays so when it is measured again."""

    def again(doubtful: Sequence[LatencyRecord]) -> list[LatencyRecord]:
        wanted = {name_of(record) for record in doubtful}
        return [record for record in resampled_latency(rng, slower) if name_of(record) in wanted]

    return gate_latency(REFERENCE.latency, resampled_latency(rng, slower), again)


def whole_night(rng: np.random.Generator) -> list[Finding]:
    return [*gate_rows(resampled_rows(rng, 1)), *latency_night(rng)]


def test_the_made_up_reference_is_of_the_size_of_the_nightly_matrix() -> None:
    assert len(SAME.both) == 24
    assert {len(there.finished) for there, _ in SAME.both} == {5}
    assert not SAME.missing
    assert not SAME.new


def test_it_passes_on_200_resamplings_of_the_reference() -> None:
    assert codes(NIGHTS, whole_night).count(0) >= 0.98 * NIGHTS


def test_it_passes_on_200_nights_with_seeds_of_their_own() -> None:
    """The harder promise: new draws from the same population, which reach farther than any resampling."""
    findings = []
    for seed in range(NIGHTS):
        rng = np.random.default_rng(1000 + seed)
        reference, night = (make_shifts(rng, seeds) for seeds in (5, 1))
        findings.append(exit_code(gate_rows(merge(reference, night))))
    assert findings.count(0) >= 0.97 * NIGHTS


@pytest.mark.parametrize("alike", [0.5, 1.0])
def test_seeds_that_the_reference_has_too_bring_no_false_alarm_and_hide_no_loss(alike: float) -> None:
    """However much two runs of one seed have in common, the error of independent ones is no smaller than theirs."""
    alarms, seen = 0, 0
    for seed in range(100):
        rng = np.random.default_rng(2000 + seed)
        reference, others = make_shifts(rng, 5), make_shifts(rng, 1)
        night = [
            alike * before[:1] + (1 - alike) * 0.6 + np.sqrt(1 - alike**2) * (other - 0.6)
            for before, other in zip(reference, others, strict=True)
        ]
        alarms += exit_code(gate_rows(merge(reference, night)))
        seen += exit_code(gate_rows(merge(reference, [mious - 0.02 for mious in night])))
    assert alarms <= 2
    assert seen == 100


def make_shifts(rng: np.random.Generator, seeds: int) -> list[np.ndarray]:
    return [0.6 + 0.01 * rng.standard_normal(seeds) for _ in SAME.both]


def merge(reference: list[np.ndarray], night: list[np.ndarray]) -> Matched:
    both = []
    for (there, here), before, now in zip(SAME.both, reference, night, strict=True):
        pairs = [
            replace(row, finished=[scored(r, float(m)) for r, m in zip(row.finished, mious, strict=False)])
            for row, mious in ((there, before), (here, now))
        ]
        both.append((pairs[0], pairs[1]))
    return replace(SAME, both=tuple(both))


def test_it_catches_two_points_lost_by_all() -> None:
    nights = codes(100, lambda rng: gate_rows(resampled_rows(rng, 1, lambda row: 0.02)))
    assert nights.count(1) == 100


def test_it_catches_two_points_lost_by_a_method() -> None:
    for seeds, promised in ((1, 70), (3, 97)):
        nights = codes(100, lambda rng: gate_rows(resampled_rows(rng, seeds, lambda row: 0.02 * row.endswith("pvd"))))  # noqa: B023
        assert nights.count(1) >= promised


def test_it_catches_ten_percent_of_latency() -> None:
    nights = codes(100, lambda rng: latency_night(rng, slower=0.10))
    assert nights.count(1) == 100


def test_three_percent_of_latency_pass() -> None:
    assert codes(100, lambda rng: latency_night(rng, slower=0.03)).count(1) <= 2


def test_it_catches_one_changed_count_wherever_it_is() -> None:
    rng, drawn = np.random.default_rng(5), Counter[str]()
    for _ in range(60):
        place, figure = int(rng.integers(24)), FIGURES[rng.integers(4)]
        there, here = SAME.both[place]
        changed, note = change_one(rng, here.finished[0], figure)
        both = list(SAME.both)
        both[place] = (there, replace(here, finished=[changed, *here.finished[1:]]))
        findings = gate_rows(replace(SAME, both=tuple(both)))
        [found] = [finding for finding in findings if finding.verdict == "regression"]
        assert (found.subject, found.figure) == (there.name, figure)
        assert note in found.note
        drawn[figure] += 1
    assert min(drawn[figure] for figure in FIGURES) > 5


def change_one(rng: np.random.Generator, result: CellResult, figure: Figure) -> tuple[CellResult, str]:
    """Change one count of a figure by one, and return what the gate must say of it."""
    step, scan, level = int(rng.choice([-1, 1])), int(rng.integers(2)), int(rng.integers(2))
    macs, parameters = result.macs, result.parameters
    assert macs is not None
    assert parameters is not None
    if figure == "parameters":
        note = f"{parameters} → {parameters + step}"
        return result.model_copy(update={"parameters": parameters + step}), note
    counts: list[Any] = list(getattr(macs, figure.lower()))
    before = counts[scan]
    if figure == "sites":
        counts[scan] = tuple(count + step * (place == level) for place, count in enumerate(before))
        note = f"{', '.join(map(str, before))} → {', '.join(map(str, counts[scan]))}"
    else:
        counts[scan] = before + step
        note = f"{before} → {before + step}"
    told = f"scan {macs.scan_ids[scan]}: {note}"
    return result.model_copy(update={"macs": macs.model_copy(update={figure.lower(): tuple(counts)})}), told


def test_a_night_that_equals_the_reference_passes_with_every_figure_compared() -> None:
    findings = [*gate_rows(SAME), *gate_latency(REFERENCE.latency, REFERENCE.latency, None)]
    assert {finding.verdict for finding in findings} == {"pass"}
    rows = {f.subject for f in findings if f.figure == "mIoU"}
    assert len(rows) == 24 + 4 + 6 + 1
    assert sum(finding.figure in ("parameters", "MACs", "sites", "pairs") for finding in findings) == 4 * 24
    assert sum(finding.figure == "latency" for finding in findings) == 3


def test_nothing_compared_is_nothing_shown() -> None:
    assert exit_code([]) == 2
    only_new = gate_rows(match_rows(Evidence(()), REFERENCE))
    assert {finding.verdict for finding in only_new} == {"new"}
    assert exit_code(only_new) == 2
    assert make_record().verdict == "stable"
