from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.data.completeness import declared_scans, list_sequence, split_scan_id
from harness.errors import HarnessError


def test_a_listing_tells_scans_from_strays(tmp_path: Path) -> None:
    folder = tmp_path / "sequences" / "04" / "velodyne"
    folder.mkdir(parents=True)
    for name in ["000002.bin", "000000.bin", "000003.bin", "000001 (1).bin", "readme.txt"]:
        (folder / name).touch()
    listing = list_sequence(tmp_path, "04", 3)
    assert listing.found == ("000000", "000002")
    assert listing.strays == ("000001 (1).bin", "000003.bin")
    assert "2 other scans" in str(listing.fault)
    assert (listing.missing, listing.first_missing) == (1, folder / "000001.bin")


def test_the_first_missing_scan_is_before_between_or_behind_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "sequences" / "04" / "velodyne"
    assert list_sequence(tmp_path, "04", 3).first_missing == folder / "000000.bin"
    folder.mkdir(parents=True)
    for name, first in ((2, 0), (0, 1), (1, None)):
        (folder / f"{name:06d}.bin").touch()
        expected = None if first is None else folder / f"{first:06d}.bin"
        assert list_sequence(tmp_path, "04", 3).first_missing == expected
    assert list_sequence(tmp_path, "04", 4).first_missing == folder / "000003.bin"


def test_an_empty_folder_is_a_fault_and_an_absent_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "sequences" / "04" / "velodyne").mkdir(parents=True)
    assert "no scan" in str(list_sequence(tmp_path, "04", 271).fault)
    assert list_sequence(tmp_path, "05", 2761).fault is None


def test_a_folder_that_cannot_be_listed_is_a_fault_of_the_listing(tmp_path: Path) -> None:
    (tmp_path / "sequences" / "04").mkdir(parents=True)
    (tmp_path / "sequences" / "04" / "velodyne").touch()
    (tmp_path / "sequences" / "05").symlink_to("nowhere")
    assert "Not a directory" in str(list_sequence(tmp_path, "04", 271).fault)
    assert "No such file" in str(list_sequence(tmp_path, "05", 2761).fault)


def test_a_million_declared_scans_are_not_named_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "sequences" / "04" / "velodyne").mkdir(parents=True)
    for name in ("000000.bin", "999998.bin", "٠٠٠٠٠٠.bin"):
        (tmp_path / "sequences" / "04" / "velodyne" / name).touch()
    listing = list_sequence(tmp_path, "04", 999_999)
    assert listing.found == ("000000", "999998")
    assert listing.strays == ("٠٠٠٠٠٠.bin",)


def test_a_declaration_is_cut_into_splits(write_sequences: Callable[..., Path]) -> None:
    root = write_sequences({"00": 2, "08": 1, "11": 1})
    assert declared_scans(root) == {"train": {"00": 2}, "val": {"08": 1}, "test": {"11": 1}}


def test_no_declaration_means_not_synthetic(tmp_path: Path) -> None:
    assert declared_scans(tmp_path) is None


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "",
        "[1]",
        "{}",
        '{"sequences": {}}',
        '{"sequences": {"../x": 3}}',
        '{"sequences": {"00": 3, "00": 4}}',
        '{"sequences": {"00": 3}, "seed": 1, "seed": 2}',
        '{"sequences": {"00": 1000000}}',
        '{"sequences": {"00": %s}}' % ("9" * 5000),
        '{"sequences": {"00": NaN}}',
        '{"sequences": {"\\ud800": 3}}',
        "[" * 100_000,
        '{"sequences": ' * 100_000,
        " " * (1 << 20) + "{}",
        '{"sequences": {"42": 3}}',
        '{"sequences": {"00": 0}}',
        '{"sequences": {"00": true}}',
        '{"sequences": 3}',
    ],
)
def test_a_broken_declaration_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "synthetic.json").write_text(text)
    with pytest.raises(HarnessError, match=r"synthetic\.json"):
        declared_scans(tmp_path)


def test_scan_ids_are_cut_in_two() -> None:
    assert split_scan_id("08/000004") == ("08", "000004")


@pytest.mark.parametrize("name", ["8/000004", "22/000000", "08/4", "08/../../x", "08", "", "08/000004\n", "08/٠٠٠٠٠٠"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(HarnessError, match="a sequence 00 to 21 and a frame"):
        split_scan_id(name)
