from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import harness.data.manifest as module
from harness.data.manifest import digest_file, digest_files, manifest_hash, manifest_text
from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError

WriteSequences = Callable[..., Path]


def plain_manifest(root: Path, paths: list[str]) -> str:
    lines = [hashlib.sha256((root / path).read_bytes()).hexdigest() + "  " + path + "\n" for path in sorted(paths)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def test_the_manifest_is_that_of_every_byte_in_any_order(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 2, "11": 1})
    dataset = SemanticKitti(root)
    files = [str(p.relative_to(root)) for p in root.rglob("*") if p.suffix in (".bin", ".label")]
    ids = ["00/000001", "11/000000", "00/000000"]
    assert dataset.manifest(ids) == dataset.manifest(ids[::-1]) == plain_manifest(root, files)


def test_one_changed_byte_changes_the_manifest(write_sequences: WriteSequences, tmp_path: Path) -> None:
    root = write_sequences({"00": 1})
    dataset, cache = SemanticKitti(root), tmp_path / "cache.json"
    before = dataset.manifest(["00/000000"], cache)
    path = root / "sequences/00/labels/000000.label"
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)
    assert dataset.manifest(["00/000000"], cache) != before


def test_unchanged_files_are_not_read_again(
    write_sequences: WriteSequences, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_sequences({"00": 1})
    dataset, cache = SemanticKitti(root), tmp_path / "cache.json"
    before, read = dataset.manifest(["00/000000"], cache), list[str]()
    monkeypatch.setattr(module, "digest_file", lambda path: read.append(path.name) or digest_file(path))
    assert dataset.manifest(["00/000000"], cache) == before
    assert read == []
    (root / "sequences/00/labels/000000.label").touch()
    assert dataset.manifest(["00/000000"], cache) == before
    assert read == ["000000.label"]


def test_copies_under_one_path_share_a_cache_that_does_not_grow_for_ever(
    write_sequences: WriteSequences, tmp_path: Path
) -> None:
    root, cache = write_sequences({"00": 1}), tmp_path / "cache.json"
    dataset, path = SemanticKitti(root), root / "sequences/00/labels/000000.label"
    for state in range(9):
        os.utime(path, (state, state))
        dataset.manifest(["00/000000"], cache)
    labels = [key for key in json.loads(cache.read_text()) if key.startswith(f"{path}|")]
    assert [int(key.split("|")[2]) for key in labels] == [state * 10**9 for state in (5, 6, 7, 8)]
    assert len(json.loads(cache.read_text())) == 5


def test_a_change_that_keeps_the_size_under_a_forged_time_is_seen(
    write_sequences: WriteSequences, tmp_path: Path
) -> None:
    root = write_sequences({"00": 1})
    dataset, cache = SemanticKitti(root), tmp_path / "cache.json"
    before = dataset.manifest(["00/000000"], cache)
    path = root / "sequences/00/velodyne/000000.bin"
    state = path.stat()
    path.write_bytes(bytes(state.st_size))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert dataset.manifest(["00/000000"], cache) == dataset.manifest(["00/000000"]) != before


@pytest.mark.parametrize("content", ["{", "[]", '{"a": 1}', "\udcff"])
def test_a_broken_cache_is_made_anew(write_sequences: WriteSequences, tmp_path: Path, content: str) -> None:
    dataset, cache = SemanticKitti(write_sequences({"00": 1})), tmp_path / "cache.json"
    cache.write_bytes(content.encode(errors="surrogateescape"))
    assert dataset.manifest(["00/000000"], cache) == dataset.manifest(["00/000000"])


def test_another_copy_never_reads_the_first_ones_cache(write_sequences: WriteSequences, tmp_path: Path) -> None:
    root, cache = write_sequences({"00": 1}), tmp_path / "cache.json"
    SemanticKitti(root).manifest(["00/000000"], cache)
    other = Path(shutil.copytree(root, tmp_path / "other"))
    path, state = other / "sequences/00/velodyne/000000.bin", (root / "sequences/00/velodyne/000000.bin").stat()
    path.write_bytes(bytes(state.st_size))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    dataset = SemanticKitti(other)
    assert dataset.manifest(["00/000000"], cache) == dataset.manifest(["00/000000"])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"gone\.bin"):
        digest_files(tmp_path, ["gone.bin"], None)


def test_sha256sum_reads_the_text(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 2})
    digests = digest_files(root, SemanticKitti(root).files("00/000001"), None)
    text = manifest_text(digests)
    assert hashlib.sha256(text.encode()).hexdigest() == manifest_hash(digests)
    if shutil.which("sha256sum") is None:
        pytest.skip("no sha256sum on this machine")
    subprocess.run(["sha256sum", "--check", "--strict", "-"], input=text, text=True, cwd=root, check=True)


def test_what_would_be_hashed_for_ever_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    (tmp_path / "folder").mkdir()
    for name, found in (("pipe", "a named pipe"), ("endless", "a device"), ("folder", "a folder")):
        with pytest.raises(HarnessError, match=f"{name}: found {found}; expected a regular file"):
            digest_file(tmp_path / name)


def test_a_sparse_file_of_terabytes_is_refused(tmp_path: Path) -> None:
    try:
        with (tmp_path / "sparse").open("wb") as file:
            file.truncate(4 << 40)
    except OSError:
        pytest.skip("no sparse files of terabytes here")
    with pytest.raises(HarnessError, match="found 4398046511104 bytes"):
        digest_file(tmp_path / "sparse")


def test_a_cache_of_deep_rubbish_is_made_anew(write_sequences: WriteSequences, tmp_path: Path) -> None:
    dataset, cache = SemanticKitti(write_sequences({"00": 1})), tmp_path / "cache.json"
    cache.write_text("[" * 100_000)
    assert dataset.manifest(["00/000000"], cache) == dataset.manifest(["00/000000"])
    assert len(json.loads(cache.read_text())) == 2
