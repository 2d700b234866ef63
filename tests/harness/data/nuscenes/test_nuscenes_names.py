from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.input_file import input_size
from harness.data.nuscenes.names import FileNames, check_name, own_file
from harness.errors import HarnessError

FOLDER = "samples/LIDAR_TOP"


@given(st.text(max_size=20) | st.sampled_from(["..", ".", "", "../x", "a/../../b", "a\0b", "/etc/passwd", "a\\..\\b"]))
def test_a_name_that_passes_is_that_of_a_file_in_the_folder(name: str) -> None:
    for whole in (name, f"{FOLDER}/{name}"):
        try:
            check_name(whole, FOLDER, "row")
        except HarnessError:
            continue
        assert os.path.normpath(whole) == whole
        assert Path(whole).parent == Path(FOLDER)


def test_an_official_name_passes() -> None:
    check_name(f"{FOLDER}/n015-2018-07-24-11-22-45+0800__LIDAR_TOP__1532402927647951.pcd.bin", FOLDER, "row")
    with pytest.raises(HarnessError, match=r"row 3: found filename 'sweeps/LIDAR_TOP/a\.bin'"):
        check_name("sweeps/LIDAR_TOP/a.bin", FOLDER, "row 3")


def test_a_name_is_taken_once() -> None:
    names = FileNames(FOLDER)
    names.take(f"{FOLDER}/a.bin", "row 1")
    names.take(f"{FOLDER}/b.bin", "row 2")
    with pytest.raises(HarnessError, match=r"row 3: found filename 'samples/LIDAR_TOP/a\.bin', which an earlier row"):
        names.take(f"{FOLDER}/a.bin", "row 3")
    with pytest.raises(HarnessError, match="row 4"):
        names.take("sweeps/LIDAR_TOP/c.bin", "row 4")


def test_a_folder_may_be_a_link_and_a_file_only_within(tmp_path: Path) -> None:
    root, disk = tmp_path / "root", tmp_path / "disk"
    disk.mkdir()
    (root / "samples").mkdir(parents=True)
    (root / FOLDER).symlink_to(disk)
    (tmp_path / "secret").write_bytes(b"x")
    (root / "inside").write_bytes(b"x")
    (disk / "plain").write_bytes(b"x")
    (disk / "near").symlink_to(disk / "plain")
    (disk / "below").symlink_to(root / "inside")
    (disk / "away").symlink_to(tmp_path / "secret")
    for name in ("plain", "near", "below"):
        assert own_file(root, f"{FOLDER}/{name}").read_bytes() == b"x"
    with pytest.raises(HarnessError, match=r"found a link to .*secret"):
        own_file(root, f"{FOLDER}/away")


def test_a_file_that_cannot_be_looked_at_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="found 'File name too long' on reading"):
        own_file(tmp_path, "x" * 300)


def test_a_circle_of_links_ends_in_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(HarnessError, match="symbolic links"):
        input_size(own_file(tmp_path, "a"))
