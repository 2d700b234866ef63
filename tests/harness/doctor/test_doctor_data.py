from __future__ import annotations

from pathlib import Path

import pytest

from harness.doctor.data import inspect_data


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No root in the environment, and an empty working folder."""
    monkeypatch.delenv("SEMANTICKITTI_ROOT", raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def root(write_sequences) -> Path:
    return write_sequences({"00": 3, "08": 2, "11": 1})


@pytest.mark.parametrize("way", ["--semantickitti", "SEMANTICKITTI_ROOT", "harness.toml"])
def test_a_root_is_found_by_each_of_the_three_ways(way: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "SEMANTICKITTI_ROOT":
        monkeypatch.setenv(way, str(root))
    elif way == "harness.toml":
        Path(way).write_text(f'semantickitti = "{root}"\n')
    found = inspect_data("semantickitti", root if way.startswith("--") else None)
    assert (found.source, found.path, found.synthetic, found.fault) == (way, str(root), True, None)
    assert {name: (part.split, part.scans, part.labels, part.expected) for name, part in found.sequences.items()} == {
        "00": ("train", 3, 3, 3),
        "08": ("val", 2, 2, 2),
        "11": ("test", 1, 0, 1),
    }


def test_the_option_wins_over_the_variable_and_that_over_the_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("harness.toml").write_text('semantickitti = "/nowhere"\n')
    monkeypatch.setenv("SEMANTICKITTI_ROOT", "/elsewhere")
    assert inspect_data("semantickitti", None).path == "/elsewhere"
    assert inspect_data("semantickitti", root).fault is None


def test_an_incomplete_copy_of_the_real_set_is_counted(write_sequences) -> None:
    root = write_sequences({"00": 2, "08": 1}, declared=False)
    (root / "sequences/00/labels/000001.label").unlink()
    found = inspect_data("semantickitti", root)
    assert not found.synthetic
    assert (found.sequences["00"].scans, found.sequences["00"].labels, found.sequences["00"].expected) == (2, 1, 4541)
    assert (found.found("train"), found.found("val"), found.found("test")) == (2, 1, 0)


def test_no_scan_is_read(root: Path) -> None:
    for scan in root.glob("sequences/*/velodyne/*.bin"):
        scan.write_bytes(b"no scan at all")
    assert inspect_data("semantickitti", root).found("train") == 3


def test_a_machine_without_data_is_told_how_to_name_a_root() -> None:
    found = inspect_data("semantickitti", None)
    assert (found.source, found.path) == (None, None)
    assert "SEMANTICKITTI_ROOT" in str(found.fault)


@pytest.mark.parametrize("makes_folder", [True, False])
def test_a_wrong_root_is_told(makes_folder: bool, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    if makes_folder:
        (wrong / "dataset" / "sequences").mkdir(parents=True)
    found = inspect_data("semantickitti", wrong)
    assert found.path == str(wrong)
    assert ("without sequences/" if makes_folder else "no such folder") in str(found.fault)
    assert "sequences/NN/velodyne" in str(found.fault)


def test_a_broken_configuration_is_told() -> None:
    Path("harness.toml").write_text("semantickitti = ")
    found = inspect_data("semantickitti", None)
    assert (found.source, found.path) == ("harness.toml", None)
    assert "Mend the file" in str(found.fault)


def test_foreign_files_among_the_scans_are_told(root: Path) -> None:
    (root / "sequences/00/velodyne/999999.bin").touch()
    assert "999999.bin" in str(inspect_data("semantickitti", root).fault)
