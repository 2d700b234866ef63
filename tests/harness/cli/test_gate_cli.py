from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from made_up_night import make_record, make_result, make_spec, with_passes

from harness.gate.evidence import Evidence
from harness.gate.reference import read_reference, write_reference
from harness.measure.latency.records import name_of, read_records, write_record
from harness.spec import LatencyRecord
from harness.store import Store

MATRIX = """
name: tiny
backbones: [{teacher_width: 0.125, student_width: 0.0625, voxel_size_m: 4.0}]
methods: [none]
"""


@pytest.fixture
def night(tmp_path: Path) -> Callable[..., Path]:
    """Write a run of two rows, three seeds and a latency record; changes are of the cells of the first row."""

    def write(name: str, slower: float = 0.0, **changes: Any) -> Path:
        store = Store(tmp_path / name)
        for seed, miou in enumerate((0.60, 0.61, 0.59)):
            for method in ("none", "fitnets"):
                spec = make_spec(method, seed).model_copy(update={"teacher": None})
                result = make_result(spec, miou, **(changes if method == "none" else {}))
                store.add(spec, tmp_path).write_result(result)
        write_record(tmp_path / name / "latency", make_record(slower=slower))
        return tmp_path / name

    return write


def test_a_run_becomes_a_reference_and_passes_against_it(
    harness: Callable[..., Any], night: Callable[..., Path], tmp_path: Path
) -> None:
    run, reference = night("run"), tmp_path / "reference"
    made = harness("gate", "--out", run, "--write-reference", reference)
    assert (made.code, made.out) == (0, f"{reference}: 6 cells of 3 seeds, 1 latency record.\n")
    assert len(read_reference(reference).results) == 6
    again = harness("gate", "--out", run, "--write-reference", reference)
    assert again.code == 2
    assert "--replace" in again.err
    assert harness("gate", "--out", run, "--write-reference", reference, "--replace").code == 0
    held = harness("gate", "--out", run, "--reference", reference)
    assert held.code == 0, held.err
    assert held.out.splitlines()[0].startswith("passed: mIoU 3, parameters 2, MACs 2")
    assert held.out.splitlines()[-1].startswith("passed: ")
    assert sorted(path.name for path in (run / "gate").iterdir()) == ["findings.json", "junit.xml", "summary.md"]


def test_a_regression_ends_with_1_and_its_table(
    harness: Callable[..., Any], night: Callable[..., Path], tmp_path: Path
) -> None:
    reference, worse = tmp_path / "reference", night("worse", macs=(10_000_000_001, 12_000_000_004))
    harness("gate", "--out", night("run"), "--write-reference", reference)
    held = harness("gate", "--out", worse, "--reference", reference, "--report", tmp_path / "report")
    assert held.code == 1
    header, row, _, what, test, note = held.out.splitlines()[:6]
    assert header.split() == ["of", "figure", "reference", "now", "change", "verdict"]
    assert row.endswith("regression")
    assert what == "semantickitti-minkowskinet-w0.5-none, MACs:"
    assert (test, note) == ("  equal", "  scan 08/000010: 12000000003 → 12000000004 and 2 more")
    assert held.out.splitlines()[-1].startswith("worse: 1 regression, ")
    assert not (worse / "gate").exists()
    assert ElementTree.parse(tmp_path / "report" / "junit.xml").getroot().get("failures") == "1"
    printed = json.loads(harness("gate", "--out", worse, "--reference", reference, "--json").out)
    assert printed["exit_code"] == 1
    assert printed["findings"][0]["figure"] == "MACs"


def test_what_could_not_be_measured_ends_with_2(
    harness: Callable[..., Any], night: Callable[..., Path], tmp_path: Path
) -> None:
    reference = tmp_path / "reference"
    harness("gate", "--out", night("run"), "--write-reference", reference)
    (tmp_path / "nothing").mkdir()
    nothing = harness("gate", "--out", tmp_path / "nothing", "--reference", reference)
    assert nothing.code == 2
    assert "the run has no such cell" in nothing.out
    assert "the run has no record of it" in nothing.out
    slower = harness("gate", "--out", night("slower", slower=0.2), "--reference", reference)
    assert slower.code == 2
    assert "unconfirmed: nothing says what to measure again: give --matrix" in slower.out


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "give --reference DIR"),
        (["--reference", "there", "--replace"], "give --reference DIR"),
        (["--reference", "there", "--without-unstable"], "give --reference DIR"),
        (["--reference", "there"], "runs: found no such folder"),
        (["--reference", "there", "--out", "."], "found no such file"),
        (["--write-reference", "there", "--reference", "here"], "--write-reference decides --reference"),
        (["--write-reference", "there"], "found no result"),
    ],
)
def test_wrong_use_ends_with_2_and_says_what_to_do(
    harness: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = harness("gate", *arguments)
    assert outcome.code == 2
    assert message in outcome.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", ["reference", "run"])
def test_a_gate_that_fails_leaves_no_verdict_of_before(
    harness: Callable[..., Any], night: Callable[..., Path], tmp_path: Path, where: str
) -> None:
    run, reference = night("run"), tmp_path / "reference"
    harness("gate", "--out", run, "--write-reference", reference)
    for report in ((), ("--report", tmp_path / "report")):
        assert harness("gate", "--out", run, "--reference", reference, *report).code == 0
    (tmp_path / "report" / "mine.txt").write_text("mine")
    damaged = reference / "reference.json" if where == "reference" else next((run / "latency").iterdir())
    damaged.write_text("")
    for report in ((), ("--report", tmp_path / "report")):
        assert harness("gate", "--out", run, "--reference", reference, *report).code == 2
    assert list((run / "gate").iterdir()) == []
    assert [path.name for path in (tmp_path / "report").iterdir()] == ["mine.txt"]


def test_a_slip_in_the_name_of_the_run_is_told_and_makes_no_folder(
    harness: Callable[..., Any], night: Callable[..., Path], tmp_path: Path
) -> None:
    reference = tmp_path / "reference"
    harness("gate", "--out", night("run"), "--write-reference", reference)
    slip = harness("gate", "--out", tmp_path / "rum", "--reference", reference)
    assert slip.code == 2
    assert f"{tmp_path / 'rum'}: found no such folder" in " ".join(slip.err.split())
    assert not (tmp_path / "rum").exists()


def test_no_line_is_longer_than_a_terminal_where_a_note_is(
    harness: Callable[..., Any], night: Callable[..., Path], tmp_path: Path
) -> None:
    reference = tmp_path / "reference"
    harness("gate", "--out", night("run"), "--write-reference", reference)
    told = "; ".join(f"process {number}: the device was throttled by its power limit" for number in range(9))
    shaky = make_record(verdict="unstable", reasons=(told,))
    write_record(night("shaky") / "latency", shaky)
    held = harness("gate", "--out", tmp_path / "shaky", "--reference", reference)
    assert f"report: {tmp_path}/shaky/gate (junit.xml, summary.md, findings.json)" in held.out.splitlines()
    assert max(len(line) for line in held.out.splitlines() if not line.startswith("report: ")) <= 140, held.out
    assert "process 8: the device was throttled" in " ".join(held.out.split())


def test_the_place_of_a_devices_references_is_told(harness: Callable[..., Any]) -> None:
    told = harness("gate", "--where", "--device", "cpu")
    assert told.code == 0, told.err
    assert re.fullmatch(r"results/measured/[a-z0-9]+(-[a-z0-9]+)*\n", told.out)
    refused = harness("gate", "--where", "--reference", "here")
    assert refused.code == 2
    assert "--where decides" in refused.err


def test_a_reference_of_one_seed_or_without_latency_is_warned_of(harness: Callable[..., Any], tmp_path: Path) -> None:
    store = Store(tmp_path / "run")
    store.add(make_spec(), tmp_path).write_result(make_result(make_spec()))
    made = harness("gate", "--out", tmp_path / "run", "--write-reference", tmp_path / "reference")
    assert made.code == 0
    assert "One seed tells of no spread" in made.err
    assert "Without latency records" in made.err


def test_unstable_latency_is_refused_or_left_out_by_name(harness: Callable[..., Any], tmp_path: Path) -> None:
    run = tmp_path / "run"
    Store(run).add(make_spec(), tmp_path).write_result(make_result(make_spec()))
    write_record(run / "latency", make_record(verdict="unstable", reasons=("throttled",)))
    refused = harness("gate", "--out", run, "--write-reference", tmp_path / "reference")
    assert refused.code == 2
    assert "--without-unstable" in refused.err
    made = harness("gate", "--out", run, "--write-reference", tmp_path / "reference", "--without-unstable")
    assert made.code == 0
    assert "left out: semantickitti-minkowskinet-w0.5, unstable: throttled" in made.err
    assert read_reference(tmp_path / "reference").latency == ()


def test_what_is_in_doubt_is_measured_again_with_all_that_it_took_turns_with(
    harness: Callable[..., Any], write_sequences: Callable[..., Path], tmp_path: Path
) -> None:
    """For real, in one process: such a record is unstable, as the run's and the reference's are but for the word."""
    root, matrix, run, reference = (
        write_sequences({"00": 1, "08": 3}),
        tmp_path / "m.yaml",
        tmp_path / "run",
        tmp_path / "r",
    )
    matrix.write_text(MATRIX)
    given = ("--matrix", matrix, "--out", run, "--device", "cpu", "--semantickitti", root, "--partial")
    first = harness("measure", "latency", *given, "--scans", 2, "--passes", 6, "--processes", 1)
    assert first.code == 0, first.err
    teacher, student = sorted(map(stable, read_records(run / "latency")), key=lambda record: -record.backbone.width)
    for record in (teacher, student):
        write_record(run / "latency", record)
    write_reference(reference, Evidence((), latency=(ten_times_faster(student), teacher)), replace=False)

    held = harness("gate", *given, "--reference", reference, "--json")
    assert held.code == 2, held.err
    found = {(f["subject"], f["figure"]): f for f in json.loads(held.out)["findings"]}
    verdict = found["semantickitti-minkowskinet-w0.0625, portable", "latency"]
    assert verdict["verdict"] == "could not measure"
    assert verdict["test"].endswith("measured twice")
    assert verdict["note"].startswith("unstable: 1 process instead of 3")
    assert found["semantickitti-minkowskinet-w0.125, portable", "latency"]["verdict"] == "pass"
    again = {record.network: record for record in read_records(run / "latency-again")}
    assert set(again) == {teacher.network, student.network}
    made = again[student.network]
    for what in ("scan_ids", "scans_sha256", "passes", "interleaved_with", "device", "threads"):
        assert getattr(made, what) == getattr(student, what)
    assert len(made.processes) == 1
    assert made.processes[0].end_to_end_ms != student.processes[0].end_to_end_ms
    assert read_records(run / "latency") == sorted((teacher, student), key=name_of)


def stable(record: LatencyRecord) -> LatencyRecord:
    return record.model_copy(update={"verdict": "stable", "reasons": ()})


def ten_times_faster(record: LatencyRecord) -> LatencyRecord:
    return with_passes(record, np.array([process.end_to_end_ms for process in record.processes]) / 10)
