from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from made_up_night import failed, make_evidence, make_record, make_result, make_spec

from harness.errors import HarnessError
from harness.gate.evidence import Evidence, read_run
from harness.gate.reference import read_reference, write_reference
from harness.measure.latency.records import write_record
from harness.store import Store

NIGHT = Evidence((make_result(make_spec()), make_result(make_spec(seed=1))), latency=(make_record(),))


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_reference_is_read_as_it_was_written(tmp_path: Path) -> None:
    night = make_evidence(np.random.default_rng(0), seeds=(0, 1))
    written = write_reference(tmp_path / "ref", night, replace=False)
    assert read_reference(tmp_path / "ref") == night
    assert {path.relative_to(tmp_path / "ref").as_posix() for path in written} == files(tmp_path / "ref")
    assert len(written) == 48 + 3 + 1
    spec = night.results[0].spec
    assert (tmp_path / "ref" / "cells" / f"{spec.name}-{spec.hash}.json").exists()


def test_a_run_is_read_from_its_store_and_its_records(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add(make_spec(seed=2), tmp_path)
    for result in (*NIGHT.results, failed(make_spec("pvd"))):
        store.add(result.spec, tmp_path).write_result(result)
    write_record(tmp_path / "latency", make_record())
    run = read_run(tmp_path)
    assert {result.status for result in run.results} == {"finished", "failed"}
    assert [spec.seed for spec in run.pending] == [2]
    assert run.latency == (make_record(),)
    assert read_run(tmp_path / "nothing") == Evidence(())


def test_it_replaces_another_only_when_told_and_leaves_other_files_alone(tmp_path: Path) -> None:
    write_reference(tmp_path, NIGHT, replace=False)
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "cells" / "mine.json").write_text("{}")
    before = files(tmp_path)
    other = Evidence((make_result(make_spec("pvd")),))
    with pytest.raises(HarnessError, match="Name another folder, or give --replace"):
        write_reference(tmp_path, other, replace=False)
    assert files(tmp_path) == before
    write_reference(tmp_path, other, replace=True)
    assert read_reference(tmp_path) == other
    assert {"README.md", "cells/mine.json"} <= files(tmp_path)
    assert len(files(tmp_path)) == 4


@pytest.mark.parametrize(
    "night, found, remedy",
    [
        (Evidence(()), "a run without any result", "Run a matrix first."),
        (Evidence((*NIGHT.results, failed(make_spec("pvd")))), "which failed: no memory", "Run the matrix again."),
        (Evidence(NIGHT.results, (make_spec("pvd"),)), "w0.5-pvd-s0 without a result", "Run the matrix again."),
        (
            Evidence((), latency=(make_record(verdict="unstable", reasons=("hot",)),)),
            "latency is unstable: hot",
            "Measure again with `harness measure latency … --again`, or leave such records out with "
            "--without-unstable.",
        ),
        (
            Evidence((make_result(make_spec(), scan_ids=(), macs=(), pairs=(), sites=()),)),
            "not listed scan by scan",
            "Run the matrix with this version into another --out.",
        ),
    ],
)
def test_what_can_be_no_reference_is_refused_by_name(tmp_path: Path, night: Evidence, found: str, remedy: str) -> None:
    with pytest.raises(HarnessError, match="--write-reference") as error:
        write_reference(tmp_path / "ref", night, replace=False)
    assert found in error.value.found
    assert error.value.remedy == remedy
    assert not (tmp_path / "ref").exists()


def test_where_there_is_none_the_command_that_makes_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="--write-reference"):
        read_reference(tmp_path)


def test_half_a_reference_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_reference(tmp_path, NIGHT, replace=False)
    monkeypatch.setattr("harness.gate.reference.write_text", lambda path, text: (_ for _ in ()).throw(OSError("cut")))
    with pytest.raises(OSError, match="cut"):
        write_reference(tmp_path, NIGHT, replace=True)
    with pytest.raises(HarnessError, match=r"reference\.json: found no such file"):
        read_reference(tmp_path)
    monkeypatch.undo()
    write_reference(tmp_path, NIGHT, replace=False)
    assert read_reference(tmp_path) == NIGHT


@pytest.mark.parametrize("folder", ["cells", "latency"])
@pytest.mark.parametrize("damage", ["gone", "cut", "bytes", "pipe"])
def test_a_damaged_file_is_named(tmp_path: Path, folder: str, damage: str) -> None:
    write_reference(tmp_path, NIGHT, replace=False)
    path = min((tmp_path / folder).iterdir())
    if damage in ("gone", "pipe"):
        path.unlink()
        if damage == "pipe":
            os.mkfifo(path)
    else:
        path.write_bytes(path.read_bytes()[:100] if damage == "cut" else b"\xff\x00")
    with pytest.raises(HarnessError, match="Get the file back") as error:
        read_reference(tmp_path)
    assert error.value.where == str(path)


@pytest.mark.parametrize("name", ["../cells/x.json", "/etc/x.json", "a\\b.json", "x.yaml"])
def test_its_list_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    (tmp_path / "reference.json").write_text(json.dumps({"schema_version": 1, "cells": [name], "latency": []}))
    with pytest.raises(HarnessError, match=r"found cells\.0: "):
        read_reference(tmp_path)
