from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import pytest
from filelock import Timeout
from test_spec import spec

from harness.errors import HarnessError
from harness.spec import CellResult
from harness.store import CellFolder, Store


def test_a_cells_life(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    folder = store.add(spec(), tmp_path)
    assert (folder.status(), folder.result(), store.result(spec())) == ("pending", None, None)
    assert store.status(spec(seed=9)) == "pending"
    with folder.lock():
        assert folder.status() == "running"
        with pytest.raises(Timeout), Store(tmp_path / "runs").find("pvd").lock():
            pass
    folder.write_result(CellResult(spec=spec(), status="failed", reason="disk"))
    assert folder.status() == "failed"
    assert store.status(spec()) == "failed"
    assert store.result(spec()).reason == "disk"
    assert folder.spec() == spec()
    assert folder.data_root() == tmp_path.resolve()


def test_events_are_lines_of_json(tmp_path: Path) -> None:
    folder = Store(tmp_path).add(spec(), tmp_path)
    folder.event("started", device="cpu")
    folder.event("finished")
    lines = [json.loads(line) for line in (folder.path / "events.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["started", "finished"]
    assert lines[0]["device"] == "cpu"


def test_damaged_events_are_left_out(tmp_path: Path) -> None:
    folder = Store(tmp_path).add(spec(), tmp_path)
    assert folder.events() == []
    folder.event("started", device="cpu")
    with (folder.path / "events.jsonl").open("ab") as file:
        file.write(b'[]\n{"event": 3, "time": ""}\n\xff\n{"event": "cut')
    [event] = folder.events()
    assert (event["event"], event["device"]) == ("started", "cpu")


def test_several_who_look_at_once_see_no_runner_in_each_other(tmp_path: Path) -> None:
    folder = Store(tmp_path).add(spec(), tmp_path)
    with folder.lock():
        assert folder.locked()
    (folder.path / ".lock").touch()
    ended, seen = threading.Event(), list[bool]()

    def look() -> None:
        while not ended.is_set():
            seen.append(CellFolder(folder.path).locked())

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    while len(seen) < 2000:
        pass
    ended.set()
    for thread in threads:
        thread.join()
    assert not any(seen)


def test_cells_are_found_by_folder_hash_name_or_part(tmp_path: Path) -> None:
    store = Store(tmp_path)
    one, two = spec(), spec(seed=1)
    for each in (one, two):
        store.add(each, tmp_path)
    for text in (one.cell, one.hash, one.name, "s0"):
        assert store.find(text).cell == one.cell
    with pytest.raises(HarnessError, match="2 cells that match"):
        store.find("pvd")
    with pytest.raises(HarnessError, match=r"0 cells.*Give one of: .*s0, .*s1"):
        store.find("fitnets")
    with pytest.raises(HarnessError, match="The store is empty"):
        Store(tmp_path / "empty").find("pvd")


@pytest.mark.parametrize("text", ["", "{", '{"schema_version": 99}', "[]"])
def test_a_broken_result_is_a_failed_one_that_names_the_file(tmp_path: Path, text: str) -> None:
    folder = Store(tmp_path).add(spec(), tmp_path)
    (folder.path / "result.json").write_text(text)
    result = folder.result()
    assert result is not None
    assert result.status == folder.status() == "failed"
    assert re.search(r"result\.json.*schema version 1", str(result.reason))


def test_a_broken_spec_is_named(tmp_path: Path) -> None:
    folder = Store(tmp_path).add(spec(), tmp_path)
    (folder.path / "spec.json").write_text("{")
    with pytest.raises(HarnessError, match=r"spec\.json.*schema version 1"):
        folder.spec()


def test_looking_does_not_take_a_cell_from_its_runner(tmp_path: Path) -> None:
    folder = Store(tmp_path).add(spec(), tmp_path)
    assert folder.status() == "pending"
    assert not (folder.path / ".lock").exists(), "looking writes nothing"
    looking = threading.Event()

    def look() -> None:
        while not looking.is_set():
            CellFolder(folder.path).status()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for _ in range(50):
            with folder.lock():
                pass
    finally:
        looking.set()
        thread.join()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"root": 3}'])
def test_a_broken_location_is_named(tmp_path: Path, text: str) -> None:
    folder = Store(tmp_path).add(spec(), tmp_path)
    (folder.path / "location.json").write_text(text)
    with pytest.raises(HarnessError, match=r"location\.json.*data root"):
        folder.data_root()


def test_the_result_of_another_cell_is_a_failed_one(tmp_path: Path) -> None:
    folder, other = Store(tmp_path).add(spec(), tmp_path), spec(seed=9)
    folder.write_result(CellResult(spec=other, status="failed", reason="its own"))
    result = folder.result()
    assert result is not None
    assert result.spec == spec()
    assert f"found the result of {other.cell}" in str(result.reason)


def test_a_cell_that_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    folder = Store(tmp_path).add(spec(), tmp_path)
    before = (folder.path / "spec.json").stat().st_ino
    Store(tmp_path).add(spec(), tmp_path)
    assert (folder.path / "spec.json").stat().st_ino == before
    (folder.path / "spec.json").write_text("damaged")
    assert Store(tmp_path).add(spec(), tmp_path).spec() == spec()
