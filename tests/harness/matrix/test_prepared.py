"""What preparing found is kept, serves as long as nothing has changed, and is never believed when it is damaged."""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from harness.data.semantickitti import SemanticKitti
from harness.data.splits import Split
from harness.matrix import prepared
from harness.matrix.data import RunData, prepare_data
from harness.matrix.order import DataCopy
from harness.store import Store

MARK = 123_456_789
"""A count of points that no copy of these tests has: who returns it has read the record."""

Change = Callable[[Path], object]


@pytest.fixture
def root(write_sequences: Callable[..., Path]) -> Path:
    """Five scans to train on and three to evaluate on."""
    return write_sequences({"00": 5, "08": 3})


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "runs/store"


def record_of(store: Path) -> Path:
    [path] = (store / "prepared").iterdir()
    return path


def mark(path: Path) -> None:
    """Alter a record as only its author could."""
    content = json.loads(path.read_text().partition("\n")[2])
    content["findings"]["class_counts"]["train"][0] = MARK
    write(path, content)


def write(path: Path, content: object) -> None:
    body = json.dumps(content)
    path.write_text(f"{sha256(body.encode()).hexdigest()}\n{body}")


def marked(data: RunData) -> bool:
    return data.class_counts["train"][0] == MARK


def prepare_twice(copy: DataCopy, store: Path, between: Change, again: DataCopy | None = None) -> bool:
    """Prepare, mark the record, do something to the copy, prepare again: whether the record served."""
    first = prepare_data(copy, store, 0)
    mark(record_of(store))
    between(copy.root)
    second = prepare_data(again or copy, store, 0)
    if marked(second):
        assert (second.train, second.evaluation, second.spec) == (first.train, first.evaluation, first.spec)
    return marked(second)


def nothing(root: Path) -> None: ...


def swap_labels(root: Path) -> None:
    """Other bytes under the same name, size and time of modification."""
    path = root / "sequences/00/labels/000003.label"
    state, content = path.stat(), path.read_bytes()
    path.write_bytes(content[4:] + content[:4])
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def touch_points(root: Path) -> None:
    os.utime(root / "sequences/08/velodyne/000001.bin")


def remove_a_scan(root: Path) -> None:
    (root / "sequences/00/velodyne/000004.bin").unlink()


def turn_real(root: Path) -> None:
    (root / "synthetic.json").unlink()


def touch_poses(root: Path) -> None:
    os.utime(root / "sequences/00/poses.txt")


def test_a_second_call_takes_over_what_was_found(root: Path, store: Path) -> None:
    assert prepare_twice(DataCopy("semantickitti", root), store, nothing)
    assert Store(store.parent).cells() == []
    assert not list(store.rglob("*.tmp"))


def test_a_relative_name_is_the_same_copy(root: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    relative = DataCopy("semantickitti", Path(root.name))
    assert prepare_twice(DataCopy("semantickitti", root), store, nothing, relative)


@pytest.mark.parametrize("change", [swap_labels, touch_points, remove_a_scan, turn_real])
def test_whatever_changes_is_seen(root: Path, store: Path, change: Change) -> None:
    assert not prepare_twice(DataCopy("semantickitti", root, partial=True), store, change)


def test_a_scan_that_comes_is_seen(root: Path, store: Path) -> None:
    scan, away = root / "sequences/08/velodyne/000002.bin", root.parent / "away.bin"
    scan.rename(away)
    assert not prepare_twice(DataCopy("semantickitti", root, partial=True), store, lambda _: away.rename(scan))


def test_poses_matter_where_scans_are_joined(root: Path, store: Path) -> None:
    assert not prepare_twice(DataCopy("semantickitti-multiscan", root), store, touch_poses)
    assert prepare_twice(DataCopy("semantickitti", root), store.parent / "other", touch_poses)


@pytest.mark.parametrize(
    "changes", [{"partial": True}, {"policy": "skip-and-report"}, {"settings": {"past_scans": 1}}], ids=str
)
def test_another_way_of_opening_has_a_record_of_its_own(root: Path, store: Path, changes: dict[str, Any]) -> None:
    copy = DataCopy("semantickitti-multiscan", root)
    prepare_data(copy, store, 0)
    mark(record_of(store))
    assert not marked(prepare_data(DataCopy("semantickitti-multiscan", root, **changes), store, 0))
    assert marked(prepare_data(copy, store, 0)), "the other's record did not take its place"


def test_another_version_of_the_harness_prepares_anew(root: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def update(root: Path) -> None:
        monkeypatch.setattr(prepared, "VERSION", "99.0")

    assert not prepare_twice(DataCopy("semantickitti", root), store, update)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip_a_bit(path: Path) -> None:
    content = path.read_bytes()
    place = content.index(str(MARK).encode())
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])


def no_text(path: Path) -> None:
    path.write_bytes(os.urandom(1000))


def other_keys(path: Path) -> None:
    write(path, {**json.loads(path.read_text().partition("\n")[2]), "more": 1})


def no_record(path: Path) -> None:
    write(path, [1, 2])


def another_copys(path: Path) -> None:
    content = json.loads(path.read_text().partition("\n")[2])
    write(path, {**content, "asked": "0" * 64})


def named_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "damage", [truncate, empty, flip_a_bit, no_text, other_keys, no_record, another_copys, named_pipe]
)
def test_a_damaged_or_foreign_record_is_made_anew(root: Path, store: Path, damage: Change) -> None:
    copy = DataCopy("semantickitti", root)
    assert not prepare_twice(copy, store, lambda _: damage(record_of(store)))
    assert prepare_twice(copy, store, nothing), "the new one serves"


def test_scans_left_out_are_told_again_and_a_mended_one_comes_back(root: Path, store: Path) -> None:
    scan = root / "sequences/00/velodyne/000001.bin"
    whole = scan.read_bytes()
    scan.write_bytes(bytes(7))
    copy, told = DataCopy("semantickitti", root, policy="skip-and-report"), list[list[str]]()
    for _ in range(2):
        told.append([])
        data = prepare_data(copy, store, 0, told[-1].append)
        assert data.spec.skipped == ("sequences/00/velodyne/000001.bin",)
        mark(record_of(store))
    assert marked(data)
    assert told[0] == told[1]
    assert [note.partition(":")[0] for note in told[0]] == ["Left out 00/000001"]
    scan.write_bytes(whole)
    mended = prepare_data(copy, store, 0)
    assert not marked(mended)
    assert len(mended.train) == 5


def test_a_file_that_changes_meanwhile_makes_the_record_worthless(root: Path, store: Path) -> None:
    (root / "sequences/00/velodyne/000001.bin").write_bytes(bytes(7))
    copy = DataCopy("semantickitti", root, policy="skip-and-report")
    prepare_data(copy, store, 0, lambda note: swap_labels(root))
    mark(record_of(store))
    assert not marked(prepare_data(copy, store, 0))


class Machines:
    """Machines that share a store, and see the copy under one path."""

    def __init__(self, root: Path, store: Path) -> None:
        self.dataset, self.store = SemanticKitti(root), store
        data = prepare_data(DataCopy("semantickitti", root), store.parent / "elsewhere", 0)
        values = {name: getattr(data, name) for name in ("train", "evaluation", "spec", "class_counts")}
        self.findings = prepared.Findings(**values, notes=())

    def prepares(self, host: str) -> bool:
        """Let a machine look for a record and make one where there is none for it; tell whether it made one."""
        listed: dict[Split, list[str]] = {split: self.dataset.scan_ids(split) for split in ("train", "val")}
        kept = prepared.PreparedFile(self.store, self.dataset, listed, host)
        if kept.read() is not None:
            return False
        kept.write(self.findings)
        return True


def test_a_copy_that_machines_share_is_prepared_by_one_of_them(root: Path, store: Path) -> None:
    machines = Machines(root, store)
    assert [machines.prepares(host) for host in ("a", "b", "c", "a")] == [True, False, False, False]
    record_of(store)
    touch_points(root)
    assert [machines.prepares(host) for host in ("a", "b")] == [True, False]


def test_copies_under_one_path_on_several_machines_leave_each_other_their_records(root: Path, store: Path) -> None:
    """Another copy is one with other times."""
    machines = Machines(root, store)
    assert machines.prepares("a")
    first = {path.name: path.read_bytes() for path in (store / "prepared").iterdir()}
    for host in ("b", "c"):
        touch_points(root)
        assert machines.prepares(host)
        assert not machines.prepares(host)
    records = {path.name: path.read_bytes() for path in (store / "prepared").iterdir()}
    assert len(records) == 3
    assert first.items() <= records.items()
    assert machines.prepares("b"), "its copy is c's now"
    assert len(list((store / "prepared").iterdir())) == 3


def test_a_machine_has_a_name_where_its_copy_is_not_on_the_file_system_of_the_store(root: Path, store: Path) -> None:
    assert prepared._host(root, store) == ""
    assert prepared._host(Path("/proc"), store) == platform.node()


def prepare_here(copy: DataCopy, store: Path) -> RunData:
    return prepare_data(copy, store, 0)


def test_processes_prepare_at_once(root: Path, store: Path) -> None:
    copy = DataCopy("semantickitti", root)
    with multiprocessing.get_context("fork").Pool(4) as pool:
        found = pool.starmap(prepare_here, [(copy, store)] * 8, chunksize=1)
    assert all(data == found[0] for data in found)
    assert found[0] == prepare_data(copy, store.parent / "other", 0)
    assert prepare_twice(copy, store, nothing)
    assert not list(store.rglob("*.tmp"))
