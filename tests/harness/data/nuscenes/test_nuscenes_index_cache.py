from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import harness.data.nuscenes.index_cache as module
from harness.data.nuscenes.build import build_index
from harness.data.nuscenes.index import Index
from harness.data.nuscenes.index_cache import index_cache_file, open_index
from harness.errors import HarnessError

Made = Any


@pytest.fixture
def made(write_set: Callable[..., Made]) -> Made:
    return write_set()


def opened(folder: Path) -> Index:
    """Open as a fresh process does."""
    module._opened.cache_clear()
    return open_index(folder)


def refuse(folder: Path) -> Index:
    raise AssertionError(f"the tables of {folder} are read")


def test_a_second_process_reads_no_table(made: Made, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = opened(made.folder)
    assert index == build_index(made.folder)
    assert index_cache_file(made.folder).parent == own_cache
    monkeypatch.setattr(module, "build_index", refuse)
    assert opened(made.folder) == index


def test_this_process_remembers(made: Made) -> None:
    assert open_index(made.folder) is open_index(made.folder)


def test_a_changed_table_is_read_again(made: Made) -> None:
    before = opened(made.folder)
    made.tables["sample_data"][2]["timestamp"] += 1
    made.write()
    assert opened(made.folder) == build_index(made.folder) != before


def test_a_change_that_keeps_the_size_is_seen(made: Made) -> None:
    path = made.folder / "sample_data.json"
    before, size = opened(made.folder), path.stat().st_size
    path.write_text(path.read_text().replace("n015", "n016"))
    assert path.stat().st_size == size
    assert opened(made.folder).columns["points"] != before.columns["points"]


def test_a_change_that_keeps_the_size_under_a_forged_time_is_seen(made: Made) -> None:
    path, rows = made.folder / "lidarseg.json", made.tables["lidarseg"]
    before, state = opened(made.folder), path.stat()
    rows[0]["filename"], rows[1]["filename"] = rows[1]["filename"], rows[0]["filename"]
    path.write_text(json.dumps(rows, indent=0))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (state.st_size, state.st_mtime_ns)
    assert opened(made.folder).columns["labels"] != before.columns["labels"]
    assert opened(made.folder) == build_index(made.folder)


def test_the_same_bytes_of_another_time_are_not_parsed(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    index = opened(made.folder)
    for path in made.folder.iterdir():
        os.utime(path, (1, 1))
    monkeypatch.setattr(module, "build_index", refuse)
    assert opened(made.folder) == index
    monkeypatch.setattr(module, "digest_file", refuse)
    assert opened(made.folder) == index, "the new times are kept"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(st.data())
def test_a_damaged_cache_is_made_again(made: Made, data: st.DataObject) -> None:
    expected, cache = opened(made.folder), index_cache_file(made.folder)
    content = bytearray(cache.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[place:]
    else:
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    cache.write_bytes(content)
    assert opened(made.folder) == expected
    digest, _, body = cache.read_bytes().partition(b"\n")
    assert module.sha256(body).hexdigest().encode() == digest
    assert json.loads(body)[1] == expected.tokens


def forged(record: list[Any], way: str) -> list[Any]:
    """What somebody may have written instead of a record of the right states."""
    states, tokens, columns, digests = record
    match way:
        case "no states":
            del record[0]
        case "no number":
            states[0][0] = "x"
        case "a part too few":
            del record[3]
        case "no column":
            del columns["labels"]
        case "another column":
            columns["more"] = []
        case "a short column":
            columns["points"].pop()
        case "a short pose":
            columns["ego"].pop()
        case "numbers for names":
            columns["scene"] = [0] * len(tokens)
        case "no digests":
            digests.clear()
        case "a digest of another file":
            digests["../secret"] = digests.pop("log.json")
    return record


@pytest.mark.parametrize(
    "way",
    [
        "no states", "no number", "a part too few", "no column", "another column", "a short column", "a short pose",
        "numbers for names", "no digests", "a digest of another file",
    ],
)  # fmt: skip
def test_another_record_with_a_sum_of_its_own_is_made_again(made: Made, way: str) -> None:
    expected, cache = opened(made.folder), index_cache_file(made.folder)
    record = json.loads(cache.read_bytes().partition(b"\n")[2])
    write_with_its_sum(cache, json.dumps(forged(record, way)).encode())
    assert opened(made.folder) == expected
    assert json.loads(cache.read_bytes().partition(b"\n")[2])[1:] == [
        expected.tokens, expected.columns, expected.digests
    ]  # fmt: skip


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"{", b"\xff", b"[" * 100_000, b"[[], [], {}, {}]"])
def test_anything_with_a_sum_of_its_own_is_made_again(made: Made, body: bytes) -> None:
    expected = opened(made.folder)
    write_with_its_sum(index_cache_file(made.folder), body)
    assert opened(made.folder) == expected


def write_with_its_sum(cache: Path, body: bytes) -> None:
    cache.write_bytes(module.sha256(body).hexdigest().encode() + b"\n" + body)


def test_processes_may_build_at_once(made: Made) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        built = pool.map(opened, [made.folder] * 8, chunksize=1)
    assert all(index == built[0] for index in built)
    assert [path.name for path in index_cache_file(made.folder).parent.iterdir()] == [
        index_cache_file(made.folder).name
    ]


def test_a_link_to_the_copy_shares_its_cache(made: Made, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(made.root)
    assert index_cache_file(tmp_path / "link" / "v1.0-mini") == index_cache_file(made.folder)


def test_the_folder_of_the_tables_may_be_a_link(made: Made, tmp_path: Path) -> None:
    made.folder.rename(tmp_path / "elsewhere")
    made.folder.symlink_to(tmp_path / "elsewhere")
    assert opened(made.folder) == build_index(made.folder)


def test_a_circle_instead_of_tables_is_named(tmp_path: Path) -> None:
    (tmp_path / "v1.0-test").symlink_to("v1.0-test")
    with pytest.raises(HarnessError, match="symbolic links"):
        opened(tmp_path / "v1.0-test")


def test_a_cache_that_cannot_be_written_says_what_to_do(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    (made.root / "file").touch()
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(made.root / "file" / "cache"))
    with pytest.raises(HarnessError, match="in HARNESS_CACHE_DIR"):
        opened(made.folder)


def test_a_copy_without_lidarseg_is_told_what_to_unpack(made: Made) -> None:
    (made.folder / "lidarseg.json").unlink()
    with pytest.raises(HarnessError, match="Unpack nuScenes-lidarseg over the data set"):
        opened(made.folder)
