"""Latency: slower by Mann-Whitney and by more than 5 %, and again when it is measured once more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from harness.errors import HarnessError
from harness.gate.finding import Finding, unmeasured
from harness.gate.history import History
from harness.gate.slower import can_tell, unlike
from harness.gate.timed import FIGURE, judge_history
from harness.measure.latency.records import name_of
from harness.spec import LatencyRecord

Remeasure = Callable[[Sequence[LatencyRecord]], Iterable[LatencyRecord]]
"""Measures the networks of some records once more, on the same scans in as many passes and processes, and interleaved
with the same others."""


def gate_latency(
    reference: Sequence[LatencyRecord], run: Sequence[LatencyRecord], remeasure: Remeasure | None
) -> list[Finding]:
    """Compare the records of a run with those of a reference, each with the one of its name.

    What one record is of says `name_of`: network, engine, kind of device and scans.

    Args:
        reference: stable ones.
        run: of one night.
        remeasure: called with all records in doubt, twice at most; None where nothing can be measured. What it raises
            as a HarnessError leaves the doubt as it is.
    """
    names = _names([*reference, *run])
    known = {name_of(there) for there in reference}
    fresh = {name_of(here): here for here in run if name_of(here) not in known}
    findings, histories = list[Finding](), list[History]()
    for there in reference:
        same = [here for here in run if name_of(here) == name_of(there)]
        if fault := _fault(there, same) if same else _absence(there, fresh):
            findings.append(unmeasured(names[name_of(there)], FIGURE, fault))
        else:
            histories.append(History(there, tuple(same)))
    for history in _settle(histories, remeasure):
        findings += judge_history(names[history.name], history)
    return findings + [Finding(names[name], FIGURE, "new") for name in sorted(fresh)]


def _names(records: Sequence[LatencyRecord]) -> dict[str, str]:
    """Return what people call each record by its name; those called alike say the digits of their file."""
    called = {name_of(record): f"{record.network}, {record.engine}" for record in records}
    twice = {text for text, count in Counter(called.values()).items() if count > 1}
    return {name: f"{text} ({_digits(name)})" if text in twice else text for name, text in called.items()}


def _digits(name: str) -> str:
    return name.removesuffix(".json").rpartition("-")[2]


def _fault(there: LatencyRecord, same: Sequence[LatencyRecord]) -> str:
    """Say why a record can't be compared with those of its name in the run; nothing where it can."""
    if len(same) > 1:
        return f"the run has {len(same)} records of it"
    if differing := unlike(there, same[0]):
        return "; ".join(differing)
    if there.verdict == "unstable":
        return f"the reference is unstable: {'; '.join(there.reasons)}"
    if not can_tell(there, same[0]):
        return "so few passes can't tell any difference: measure 6 at least, those of all processes together"
    return ""


def _absence(there: LatencyRecord, fresh: dict[str, LatencyRecord]) -> str:
    """Say that a record is not there, and what is there of its network, which then is not new."""
    network = (there.dataset, there.backbone, there.engine)
    near = {name: here for name, here in fresh.items() if (here.dataset, here.backbone, here.engine) == network}
    if not near:
        return "the run has no record of it"
    name = min(near, key=lambda name: len(unlike(there, near[name])))
    return "; ".join(unlike(there, fresh.pop(name)))


def _settle(histories: Sequence[History], remeasure: Remeasure | None) -> Sequence[History]:
    """Measure again while there is doubt; where some of it stays, the histories say why."""
    while doubtful := [history for history in histories if history.outcome is None]:
        refusal, again = "it was not measured again on the same scans and device", dict[str, LatencyRecord]()
        if remeasure is None:
            refusal = "nothing says what to measure again: give --matrix"
        else:
            try:
                again = {name_of(record): record for record in remeasure([h.records[-1] for h in doubtful])}
            except HarnessError as error:
                refusal = str(error)
        histories = [_longer(history, again, refusal) for history in histories]
    return histories


def _longer(history: History, again: Mapping[str, LatencyRecord], refusal: str) -> History:
    """Add the new record to a history that is in doubt, or why there is none."""
    if history.outcome is not None:
        return history
    record = again.get(history.name)
    if record is None or unlike(history.reference, record):
        return replace(history, refusal=refusal)
    return replace(history, records=(*history.records, record))
