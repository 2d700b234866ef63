"""Which commit the harness runs from, asked of real repositories."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.matrix.working_copy import inspect, working_copy


def git(folder: Path, *arguments: str) -> str:
    settings = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *settings, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    top = tmp_path / "checkout"
    (top / "harness").mkdir(parents=True)
    (top / "harness/version.py").write_text("one\n")
    git(tmp_path, "init", "-q", str(top))
    git(top, "add", ".")
    git(top, "commit", "-q", "-m", "first")
    return top


def test_a_commit_and_whether_it_was_changed_since(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", str(checkout.parent / "elsewhere"))  # as a hook of another repository has it
    copy = inspect(checkout)
    monkeypatch.delenv("GIT_DIR")
    commit = git(checkout, "rev-parse", "HEAD")
    assert copy is not None
    assert (copy.commit, copy.dirty, copy.description) == (commit, False, commit[:12])
    (checkout / "notes.txt").write_text("no file of the repository's")
    assert inspect(checkout) == copy
    (checkout / "harness/version.py").write_text("two\n")
    changed = inspect(checkout)
    assert changed is not None
    assert (changed.commit, changed.dirty, changed.description) == (commit, True, f"{commit[:12]}-dirty")


def test_a_python_file_that_no_commit_has_is_a_change_where_it_is_imported_from(checkout: Path) -> None:
    (checkout / ".gitignore").write_text("ignored/\n")
    git(checkout, "add", ".")
    git(checkout, "commit", "-q", "-m", "second")
    commit = git(checkout, "rev-parse", "HEAD")
    for name in ("docs/own.py", "harness/notes.txt", "harness/ignored/own.py"):
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).write_text("")
    copy = inspect(checkout)
    assert copy is not None
    assert (copy.dirty, copy.description) == (False, commit[:12])
    for name in ("harness/matrix/deep/own.py", "backbones/own.py", "baselines/own.py"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("")
        copy = inspect(checkout)
        assert copy is not None
        assert (copy.commit, copy.dirty, copy.description) == (commit, True, f"{commit[:12]}-dirty")
        (checkout / name).unlink()
    (checkout / "harness/version.py").write_text("two")
    (checkout / "harness/own.py").write_text("")
    copy = inspect(checkout)
    assert copy is not None
    assert copy.description == f"{commit[:12]}-dirty", "said once"


def test_a_repository_around_an_environment_is_not_the_harnesss(checkout: Path) -> None:
    packages = checkout / "venv/site-packages"
    (packages / "harness").mkdir(parents=True)
    (packages / "harness/version.py").write_text("")
    assert inspect(packages) is None


def test_a_repository_that_has_no_file_of_the_harness_is_not_its_own(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness/version.py").write_text("installed here with --target")
    assert inspect(tmp_path) is None


def test_without_git_nothing_is_known_and_nothing_fails(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(checkout))
    assert inspect(checkout) is None


def test_git_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = working_copy()
    monkeypatch.setenv("PATH", "")
    assert working_copy() is first
