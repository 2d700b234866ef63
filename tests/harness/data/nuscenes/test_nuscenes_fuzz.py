"""Whatever is done to a file of a copy, reading it ends in scans or in an error that names the file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.data.nuscenes.dataset import NuScenes
from harness.data.nuscenes.index_cache import _opened
from harness.errors import HarnessError

fuzz = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)


@pytest.fixture
def copies(write_set: Callable[..., Any], tmp_path: Path) -> tuple[Path, Path]:
    """A sound copy, and where to put a damaged one."""
    return write_set({"scene-0061": 1, "scene-0103": 2}).root, tmp_path / "damaged"


def read_all(root: Path) -> int:
    _opened.cache_clear()
    dataset = NuScenes(root, version="v1.0-mini")
    scans = [dataset.read(scan_id) for split in ("train", "val") for scan_id in dataset.scan_ids(split)]
    assert all(scan.labels is not None and len(scan.labels) == len(scan) for scan in scans)
    return len(scans)


def outcome_of(root: Path) -> int | HarnessError:
    try:
        return read_all(root)
    except HarnessError as error:
        return error


@fuzz
@given(st.data())
def test_no_damage_ends_in_a_traceback(copies: tuple[Path, Path], data: st.DataObject) -> None:
    sound, damaged = copies
    shutil.rmtree(damaged, ignore_errors=True)
    shutil.copytree(sound, damaged)
    path = data.draw(st.sampled_from(sorted(path for path in damaged.rglob("*") if path.is_file())))
    content = bytearray(path.read_bytes())
    place, other = (data.draw(st.integers(0, len(content) - 1)) for _ in range(2))
    match data.draw(st.sampled_from(["flip", "cut", "grow", "drop", "swap", "zero", "text"])):
        case "flip":
            content[place] ^= 1 << data.draw(st.integers(0, 7))
        case "cut":
            del content[place:]
        case "grow":
            content += content[place:]
        case "drop":
            del content[min(place, other) : max(place, other) + 1]
        case "swap":
            content = content[::-1]
        case "zero":
            content[place : place + 64] = bytes(len(content[place : place + 64]))
        case "text":
            content[place:place] = data.draw(st.sampled_from([b"}", b"]", b'"', b"null", b"{", b",", b"\\", b"\xff"]))
    path.write_bytes(content)
    outcome = outcome_of(damaged)
    if isinstance(outcome, HarnessError):
        assert all((outcome.found, outcome.expected, outcome.remedy))
        assert str(damaged) in outcome.where
    else:
        assert outcome == 3


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


@pytest.mark.parametrize("damage", [Path.unlink, folder, loop], ids=["missing", "folder", "loop"])
def test_every_file_is_missed(copies: tuple[Path, Path], damage: Callable[[Path], None]) -> None:
    sound, damaged = copies
    names = sorted(path.relative_to(sound) for path in sound.rglob("*") if path.is_file())
    for name in names:
        if name == Path("synthetic.json") and damage is Path.unlink:
            continue  # then it is an official set, which another test has
        shutil.rmtree(damaged, ignore_errors=True)
        shutil.copytree(sound, damaged)
        damage(damaged / name)
        with pytest.raises(HarnessError) as caught:
            read_all(damaged)
        assert str(damaged) in caught.value.where
