"""Whatever is done to a file of a copy, reading it ends in scans or in an error that names the file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odd_files import FOLDER_SHAPES, shapes

from harness.data.integrity import check
from harness.data.nuscenes.dataset import NuScenes
from harness.data.nuscenes.index_cache import _opened
from harness.errors import HarnessError

pytestmark = pytest.mark.usefixtures("alarm")

FILES = "samples/LIDAR_TOP/*", "lidarseg/v1.0-mini/*", "v1.0-mini/*.json", "synthetic.json"
FOLDERS = "samples/LIDAR_TOP", "samples", "lidarseg/v1.0-mini", "lidarseg", "v1.0-mini"

fuzz = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)


@pytest.fixture
def copies(write_set: Callable[..., Any], tmp_path: Path) -> tuple[Path, Path]:
    """A sound copy, and where to put a damaged one."""
    return write_set({"scene-0061": 1, "scene-0103": 2}).root, tmp_path / "damaged"


def fresh(copies: tuple[Path, Path]) -> Path:
    """Copy the sound one to where the damaged one goes."""
    sound, damaged = copies
    shutil.rmtree(damaged, ignore_errors=True)
    shutil.copytree(sound, damaged)
    return damaged


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
    damaged = fresh(copies)
    path = data.draw(st.sampled_from(sorted(path for path in damaged.rglob("*") if path.is_file())))
    content = bytearray(path.read_bytes())
    place, other = (data.draw(st.integers(0, len(content) - 1)) for _ in range(2))
    match data.draw(st.sampled_from(["flip", "cut", "grow", "drop", "back", "order", "zero", "text"])):
        case "flip":
            content[place] ^= 1 << data.draw(st.integers(0, 7))
        case "cut":
            del content[place:]
        case "grow":
            content += content[place:]
        case "drop":
            del content[min(place, other) : max(place, other) + 1]
        case "back":
            content = content[::-1]
        case "order":
            content = bytearray(b"".join(content[i : i + 4][::-1] for i in range(0, len(content), 4)))
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


@pytest.mark.parametrize("files", FILES)
def test_a_wrong_thing_in_the_place_of_a_file_is_named(copies: tuple[Path, Path], tmp_path: Path, files: str) -> None:
    """By the reader as the only thing wrong, and by the check as the only fault."""
    names = sorted(path.relative_to(copies[0]) for path in copies[0].glob(files))
    assert names
    for name in names:
        for shape in shapes(tmp_path):
            damaged = fresh(copies)
            path = damaged / name
            path.unlink()
            shape(path)
            outcome = outcome_of(damaged)
            assert isinstance(outcome, HarnessError), (name, shape)
            assert str(path) in outcome.where, (name, shape)
            _opened.cache_clear()
            report = check(NuScenes(damaged, version="v1.0-mini"))
            places = [fault.file.partition(",")[0] for fault in report.faults]
            assert places == [str(path)], (name, shape)
            report.model_dump_json()


def test_every_missing_file_is_named(copies: tuple[Path, Path]) -> None:
    names = sorted(path.relative_to(copies[0]) for path in copies[0].rglob("*") if path.is_file())
    names.remove(Path("synthetic.json"))  # without it this is an official set, which another test has
    for name in names:
        damaged = fresh(copies)
        (damaged / name).unlink()
        with pytest.raises(HarnessError) as caught:
            read_all(damaged)
        assert str(damaged) in caught.value.where


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("shape", FOLDER_SHAPES)
def test_a_wrong_thing_in_the_place_of_a_folder_is_named(
    copies: tuple[Path, Path], folder: str, shape: Callable[[Path], None]
) -> None:
    damaged = fresh(copies)
    shutil.rmtree(damaged / folder)
    shape(damaged / folder)
    outcome = outcome_of(damaged)
    assert isinstance(outcome, HarnessError)
    assert str(damaged) in outcome.where
    if folder != "v1.0-mini" or shape is Path.mkdir:
        report = check(NuScenes(damaged, version="v1.0-mini"))
        assert report.faults
        assert all(str(damaged) in fault.file for fault in report.faults)


def test_points_in_the_other_byte_order_are_refused(copies: tuple[Path, Path]) -> None:
    damaged = fresh(copies)
    path = min((damaged / "samples/LIDAR_TOP").iterdir())
    np.fromfile(path, "<f4").byteswap().tofile(path)
    with pytest.raises(HarnessError, match="an impossible value"):
        read_all(damaged)
