from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from backbones.sparse.native.build import BuildError, built_library, cache_folder, find_compiler
from backbones.sparse.native.kernel import Kernel, load_kernel


def compiler() -> str:
    try:
        return shutil.which(find_compiler()[0]) or ""
    except BuildError:
        return ""


needs_compiler = pytest.mark.skipif(not compiler(), reason="no C++ compiler here")


def script(path: Path, body: str) -> str:
    """A command that stands for a compiler: the lines of a shell script."""
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, and no wish of the user's."""
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("HARNESS_NATIVE", raising=False)
    return tmp_path / "cache"


def load_afresh() -> Kernel | None:
    """What a new process would load."""
    return load_kernel.__wrapped__()


def assert_plain_with_one_line(caplog: pytest.LogCaptureFixture, reason: str) -> None:
    assert load_afresh() is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "run in plain PyTorch, which is slower" in record.getMessage()
    assert reason in record.getMessage()
    assert "\n" not in record.getMessage()


@needs_compiler
def test_a_library_is_built_once_and_found_again(cache: Path) -> None:
    first = built_library()
    made = first.stat().st_mtime_ns
    assert load_afresh() is not None
    assert built_library() == first
    assert first.stat().st_mtime_ns == made
    assert list(cache.iterdir()) == [first]


@needs_compiler
def test_a_damaged_library_is_built_again() -> None:
    library = built_library()
    whole = library.read_bytes()
    library.unlink()
    library.write_bytes(whole[: len(whole) // 2])
    assert load_afresh() is not None
    assert library.read_bytes() == whole


@needs_compiler
def test_another_compiler_makes_another_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = built_library()
    wrapper = f'if [ "$2" = --version ]; then echo mine; else shift; exec {compiler()} "$@"; fi'
    monkeypatch.setenv("CXX", script(tmp_path / "mine", wrapper) + " -an-argument")
    assert built_library().name.split("-")[1] != first.name.split("-")[1]
    assert load_afresh() is not None


@needs_compiler
def test_a_compiler_that_does_not_know_the_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = f'case "$*" in *-march=native*) echo no such flag >&2; exit 1;; esac\nexec {compiler()} "$@"'
    monkeypatch.setenv("CXX", script(tmp_path / "old", refusal))
    assert load_afresh() is not None


def test_no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert_plain_with_one_line(caplog, "no C++ compiler found (g++, c++, clang++)")


def test_a_compiler_that_is_not_there(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler -O9")
    assert_plain_with_one_line(caplog, "no C++ compiler found (no-such-compiler -O9)")


def test_a_compiler_that_is_no_command(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("CXX", 'g++ "-O9')
    assert_plain_with_one_line(caplog, "CXX is no command (No closing quotation)")


def test_a_compiler_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, cache: Path
) -> None:
    body = '[ "$1" = --version ] && exit 0\necho first fault >&2\necho second fault >&2\nexit 1'
    monkeypatch.setenv("CXX", script(tmp_path / "broken", body))
    assert_plain_with_one_line(caplog, "fails: first fault")
    assert not list(cache.iterdir())


def test_a_library_that_does_not_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    body = '[ "$1" = --version ] && exit 0\nfor last; do :; done\necho nonsense > "$last"'
    monkeypatch.setenv("CXX", script(tmp_path / "odd", body))
    assert_plain_with_one_line(caplog, "kernel-")


def test_a_folder_that_can_not_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "file" / "cache"))
    monkeypatch.setenv("CXX", script(tmp_path / "any", "exit 0"))
    assert_plain_with_one_line(caplog, "Not a directory")


def test_the_user_can_do_without(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("HARNESS_NATIVE", "0")
    with caplog.at_level(logging.INFO):
        assert load_afresh() is None
    assert [(r.levelno, r.getMessage()) for r in caplog.records] == [
        (logging.INFO, "HARNESS_NATIVE is 0: sparse convolutions run in plain PyTorch.")
    ]


def test_where_the_cache_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("HARNESS_CACHE_DIR")
    assert cache_folder() == tmp_path / "xdg" / "harness-lidar-kd"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == tmp_path / "home" / ".cache" / "harness-lidar-kd"


@needs_compiler
def test_processes_that_build_at_once_agree(cache: Path) -> None:
    code = "from backbones.sparse.native.build import built_library; print(built_library())"
    command = [sys.executable, "-c", code]
    builders = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    named = {builder.communicate()[0].strip() for builder in builders}
    assert named == {str(path) for path in cache.iterdir()}
    assert load_afresh() is not None
