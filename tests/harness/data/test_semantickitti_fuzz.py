"""Damaged copies of SemanticKITTI: the reader, the screen and the check agree, and nothing but a named error comes out.

A hang would stop the whole suite, so that every test here has an alarm.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odd_files import FOLDER_SHAPES, circle, dangling, empty, shapes

from harness.data.integrity import check
from harness.data.labels import SEMANTICKITTI
from harness.data.screen import scan_fault, screen
from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError

pytestmark = pytest.mark.usefixtures("alarm")

POINTS = 60
SCAN = "sequences/00/velodyne/000001.bin"
LABELS = "sequences/00/labels/000001.label"
TEXTS = ("sequences/00/poses.txt", "sequences/00/calib.txt", "synthetic.json")

fuzz = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)


@pytest.fixture
def root(write_sequences: Callable[..., Path]) -> Path:
    return write_sequences({"00": 3, "08": 1}, points=POINTS)


def outcome(root: Path) -> tuple[set[str], bool]:
    """Names of the files that the check finds at fault, and whether the reader takes the scan; both must not crash."""
    report = check(SemanticKitti(root))
    for fault in report.faults:
        assert fault.file
        assert fault.found
        assert fault.expected
        assert fault.remedy
    report.model_dump_json()
    read = scan_fault(SemanticKitti(root), "00/000001") is None
    return {Path(fault.file).name for fault in report.faults}, read


@fuzz
@given(file=st.sampled_from([SCAN, LABELS]), cut=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_found(root: Path, file: str, cut: float) -> None:
    data = (root / file).read_bytes()
    (root / file).write_bytes(data[: int(cut * len(data))])
    names, read = outcome(root)
    (root / file).write_bytes(data)
    assert not read
    assert names <= {"000001.bin", "000001.label"}
    assert names


@fuzz
@given(file=st.sampled_from([SCAN, LABELS]), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found_or_harmless_and_always_in_the_manifest(
    root: Path, file: str, place: float, bit: int
) -> None:
    sound = check(SemanticKitti(root)).manifest
    data = (root / file).read_bytes()
    flipped = bytearray(data)
    flipped[int(place * len(data))] ^= 1 << bit
    (root / file).write_bytes(flipped)
    names, read = outcome(root)
    manifest = check(SemanticKitti(root)).manifest
    (root / file).write_bytes(data)
    assert names == (set() if read else {Path(file).name})
    assert manifest != sound


@fuzz
@given(file=st.sampled_from([SCAN, LABELS]), content=st.binary(max_size=POINTS * 32))
def test_any_bytes_are_read_or_refused_by_reader_and_check_alike(root: Path, file: str, content: bytes) -> None:
    data = (root / file).read_bytes()
    (root / file).write_bytes(content)
    names, read = outcome(root)
    (root / file).write_bytes(data)
    assert read == (names == set())


@fuzz
@given(file=st.sampled_from(TEXTS), content=st.one_of(st.binary(max_size=400), st.text(max_size=200).map(str.encode)))
def test_texts_of_rubbish_are_faults_or_notes(root: Path, file: str, content: bytes) -> None:
    data = (root / file).read_bytes()
    (root / file).write_bytes(content)
    report = check(SemanticKitti(root))
    (root / file).write_bytes(data)
    assert Path(file).name in {Path(found.file).name for found in (*report.faults, *report.notes)}


@pytest.mark.parametrize("file", [SCAN, LABELS])
def test_bytes_in_the_other_order_are_refused(root: Path, file: str) -> None:
    words = np.fromfile(root / file, "<u4")
    words.byteswap().tofile(root / file)
    assert outcome(root) == ({Path(file).name}, False)


@fuzz
@given(raw=st.integers(0, 65535), instance=st.integers(0, 65535))
def test_an_id_is_taken_when_the_map_has_it(root: Path, raw: int, instance: int) -> None:
    data = (root / LABELS).read_bytes()
    (root / LABELS).write_bytes((instance << 16 | raw).to_bytes(4, "little") + data[4:])
    names, read = outcome(root)
    (root / LABELS).write_bytes(data)
    assert read == (raw in SEMANTICKITTI.raw_to_train)
    assert names == (set() if read else {"000001.label"})


def test_a_wrong_thing_in_the_place_of_a_file_is_named(root: Path, tmp_path: Path) -> None:
    for file in (SCAN, LABELS, *TEXTS):
        for shape in shapes(tmp_path):
            copy = tmp_path / "damaged"
            shutil.copytree(root, copy)
            (copy / file).unlink()
            shape(copy / file)
            report = check(SemanticKitti(copy))
            found = report.notes if (file, shape) == (TEXTS[1], empty) else report.faults
            assert [Path(fault.file).name for fault in found] == [Path(file).name], (file, shape)
            shutil.rmtree(copy)


@pytest.mark.parametrize("shape", FOLDER_SHAPES)
@pytest.mark.parametrize("folder", ["sequences/00/velodyne", "sequences/00/labels", "sequences/00"])
@pytest.mark.parametrize("partial", [False, True])
def test_a_wrong_thing_in_the_place_of_a_folder_is_named(
    root: Path, folder: str, shape: Callable[[Path], None], partial: bool
) -> None:
    shutil.rmtree(root / folder)
    shape(root / folder)
    dataset = SemanticKitti(root, partial=partial)
    report = check(dataset)
    if shape is Path.mkdir and folder == "sequences/00" and partial:
        assert report.ok, "an empty sequence's folder is what a partial copy may have"
        return
    assert any("/sequences/00" in fault.file or fault.file.endswith(", 00") for fault in report.faults)
    if "labels" not in folder:
        with pytest.raises(HarnessError):
            dataset.scan_ids("train")


@pytest.mark.parametrize("shape", [empty, circle, dangling, os.mkfifo])
def test_a_wrong_thing_in_the_place_of_all_sequences_is_named(root: Path, shape: Callable[[Path], None]) -> None:
    shutil.rmtree(root / "sequences")
    shape(root / "sequences")
    with pytest.raises(HarnessError, match="a folder without sequences/"):
        SemanticKitti(root)
    for odd in (root / ("x" * 5000), root / "a\0b", root / "synthetic.json" / "x"):
        with pytest.raises(HarnessError):
            SemanticKitti(odd)


def test_names_in_no_encoding_are_told_with_escapes(root: Path) -> None:
    for folder, name in (("velodyne", b"\xff.bin"), ("labels", b"\xfe.label")):
        (Path(os.fsdecode(bytes(root / "sequences/00" / folder) + b"/" + name))).touch()
    report = check(SemanticKitti(root))
    assert [fault.found for fault in report.faults] == ["1 other scans (\\udcff.bin)"]
    assert [note.found for note in report.notes] == ["1 label files without a scan (\\udcfe.label)"]
    report.model_dump_json().encode()


@fuzz
@given(damage=st.dictionaries(st.integers(0, 2), st.binary(max_size=64), max_size=2))
def test_the_screen_leaves_out_what_the_reader_refuses(root: Path, damage: dict[int, bytes]) -> None:
    sound = {frame: (root / f"sequences/00/velodyne/{frame:06d}.bin").read_bytes() for frame in damage}
    for frame, content in damage.items():
        (root / f"sequences/00/velodyne/{frame:06d}.bin").write_bytes(content)
    dataset = SemanticKitti(root, policy="skip-and-report")
    screened = screen(dataset, dataset.scan_ids("train"))
    for frame, content in sound.items():
        (root / f"sequences/00/velodyne/{frame:06d}.bin").write_bytes(content)
    assert screened.scan_ids == [f"00/{frame:06d}" for frame in range(3) if frame not in damage]
    assert len(screened.skipped) == len(damage)
