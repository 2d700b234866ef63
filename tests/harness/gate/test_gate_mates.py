"""Which record of a run is held against which of the reference."""

from __future__ import annotations

import numpy as np
import pytest
from made_up_night import make_record

from harness.gate.latency import gate_latency
from harness.measure.latency.records import name_of
from harness.spec import BackboneSpec, LatencyRecord

OTHER_SCANS = {"scans_sha256": "f" * 64}
CPU = {"device_kind": "CPU", "device": "AMD"}
SHAKY = {"verdict": "unstable", "reasons": ("throttled",)}


def record(slower: float = 0.0, seed: int = 3, **changes: object) -> LatencyRecord:
    return make_record(slower=slower, rng=np.random.default_rng(seed), **changes)


@pytest.mark.parametrize(
    "change, note",
    [
        ({"device": "NVIDIA A100"}, "device: NVIDIA A100, in the reference NVIDIA H200"),
        ({"device_kind": "CPU"}, "kind of device: CPU, in the reference GPU"),
        ({"scans_sha256": "f" * 64}, "scans: ffffffffffff, in the reference "),
    ],
)
def test_another_device_or_scan_list_can_not_be_compared(change: dict[str, object], note: str) -> None:
    [finding] = gate_latency([make_record()], [record(0.5, **change)], None)
    assert finding.verdict == "could not measure"
    assert finding.note.startswith(note)


@pytest.mark.parametrize("other", [OTHER_SCANS, CPU], ids=["two scan lists", "two kinds of device"])
@pytest.mark.parametrize("slow", [0, 1])
@pytest.mark.parametrize("backwards", [False, True])
def test_every_record_of_one_network_is_gated(other: dict[str, object], slow: int, backwards: bool) -> None:
    reference = [make_record(), make_record(**other)]
    run = [record(0.3 if place == slow else 0.0, **changes) for place, changes in enumerate(({}, other))]
    again = list(run)
    if backwards:
        reference.reverse()
        run.reverse()
    findings = [f for f in gate_latency(reference, run, lambda doubtful: again) if f.figure == "latency"]
    assert sorted(finding.verdict for finding in findings) == ["pass", "regression"]
    digits = name_of(make_record(**(other if slow else {}))).removesuffix(".json")[-8:]
    [worse] = [finding.subject for finding in findings if finding.verdict == "regression"]
    assert worse == f"semantickitti-minkowskinet-w0.5, portable ({digits})"


def test_a_record_that_the_reference_knows_stands_for_no_other() -> None:
    """The GPU's record is no evidence on the network's CPU record, and is not called new either."""
    findings = gate_latency([make_record(), make_record(**CPU)], [record()], None)
    assert [(f.verdict, f.note) for f in findings if f.figure == "latency"] == [
        ("could not measure", "the run has no record of it"),
        ("pass", ""),
    ]


def test_one_more_scan_list_is_new() -> None:
    findings = gate_latency([make_record()], [record(), record(0.5, **OTHER_SCANS)], None)
    assert [f.verdict for f in findings if f.figure == "latency"] == ["pass", "new"]


def test_two_records_of_one_thing_are_none() -> None:
    [finding] = gate_latency([make_record()], [record(0.5), record()], None)
    assert (finding.verdict, finding.note) == ("could not measure", "the run has 2 records of it")


def test_missing_new_and_unstable_references() -> None:
    run = [make_record("spvnas")]
    findings = gate_latency([make_record()], run, None)
    assert [(f.verdict, f.note) for f in findings] == [
        ("could not measure", "the run has no record of it"),
        ("new", ""),
    ]
    assert gate_latency([], run, None)[0].verdict == "new"
    [finding] = gate_latency([make_record(**SHAKY)], [make_record()], None)
    assert finding.note == "the reference is unstable: throttled"


def test_networks_of_one_name_are_told_apart() -> None:
    coarse = BackboneSpec(name="minkowskinet", width=0.5, voxel_size_m=0.1, classes=19)
    both = [make_record(), make_record().model_copy(update={"backbone": coarse})]
    subjects = {f.subject for f in gate_latency(both, both, None) if f.figure == "latency"}
    assert len(subjects) == 2
    assert all(subject.startswith("semantickitti-minkowskinet-w0.5, portable (") for subject in subjects)
