from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from made_reports import record

from harness.errors import HarnessError
from harness.measure.latency.records import (
    name_of,
    read_records,
    record_name,
    sole_writer,
    write_record,
)


def test_records_come_back_as_they_were(tmp_path: Path) -> None:
    wide, narrow = record(width=1.0), record(width=0.5)
    folder = tmp_path / "runs/latency"
    paths = [write_record(folder, one) for one in (wide, narrow)]
    assert read_records(folder) == [narrow, wide], "in the order of their names"
    assert [path.name.rpartition("-")[0] for path in paths] == [wide.network, narrow.network]
    assert read_records(tmp_path / "nothing") == []


def test_a_file_is_what_was_timed_and_not_when(tmp_path: Path) -> None:
    first, later = record(), record(commit="later", device="another model", verdict="stable", reasons=())
    assert write_record(tmp_path, first) == write_record(tmp_path, later)
    assert [one.commit for one in read_records(tmp_path)] == ["later"]


def test_whatever_changes_what_was_timed_makes_another_file() -> None:
    usual = record()
    backbone = usual.backbone
    changes: list[dict[str, object]] = [
        {"dataset": "nuscenes"},
        {"synthetic": not usual.synthetic},
        {"backbone": backbone.model_copy(update={"width": 1.0})},
        {"backbone": backbone.model_copy(update={"voxel_size_m": 0.1})},
        {"backbone": backbone.model_copy(update={"settings": {"a": 1}})},
        {"engine": "triton"},
        {"device_kind": "GPU"},
        {"scans_sha256": "01"},
    ]
    names = [name_of(one) for one in (usual, *(usual.model_copy(update=change) for change in changes))]
    assert len(set(names)) == 9
    assert json.loads(usual.subject.text)["precision"] == "fp32", "of which there is no other yet"
    assert names[0].startswith("semantickitti-minkowskinet-w0.5-")
    assert name_of(record()) == name_of(record(commit="x")) == record_name(usual.subject, "CPU", "ab")


@pytest.mark.parametrize(
    "spoil, told",
    [
        (lambda text: "{", "Invalid JSON"),
        (lambda text: text.replace("latency-v1", "latency-v9"), "found protocol: "),
        (lambda text: json.dumps({**json.loads(text), "extra": 1}), "found extra: "),
    ],
)
def test_a_broken_record_is_named(tmp_path: Path, spoil, told: str) -> None:
    path = write_record(tmp_path, record())
    path.write_text(spoil(path.read_text()))
    with pytest.raises(HarnessError, match=told) as error:
        read_records(tmp_path)
    assert error.value.where == str(path)


def test_a_record_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(HarnessError, match=r"folder\.json: found no regular file; .* measure latency"):
        read_records(tmp_path)


def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(HarnessError, match=r"pipe\.json: found no regular file"):
        read_records(tmp_path)


def test_one_measurement_at_a_time_writes_to_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "runs/latency"
    with sole_writer(folder):
        write_record(folder, record())
        with pytest.raises(HarnessError, match="another measurement writes to it"), sole_writer(folder):
            pass
    with sole_writer(folder):
        assert read_records(folder) == [record()]


def test_a_folder_that_cannot_be_written_is_known_before(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(HarnessError, match="on writing"), sole_writer(tmp_path / "runs/latency"):
        raise AssertionError


def test_records_are_read_without_torch() -> None:
    program = "import sys, harness.measure.latency.records; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
