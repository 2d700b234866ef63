from __future__ import annotations

from pathlib import Path

import pytest

from harness.data.street.nuscenes_write import synthesize_nuscenes
from harness.doctor.data import inspect_data


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No root in the environment, and an empty working folder."""
    monkeypatch.delenv("SEMANTICKITTI_ROOT", raising=False)
    monkeypatch.delenv("NUSCENES_ROOT", raising=False)
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
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


TRAINVAL, MINI = "v1.0-trainval", "v1.0-mini"


@pytest.fixture
def nuscenes(tmp_path: Path) -> Path:
    synthesize_nuscenes(tmp_path / "nuscenes", scans=4, seed=0, azimuths=60)
    return tmp_path / "nuscenes"


def test_keyframes_of_nuscenes_have_one_label_file_each(nuscenes: Path) -> None:
    found = inspect_data("nuscenes", nuscenes)
    assert (found.fault, found.synthetic, found.settings) == (None, True, {"version": TRAINVAL})
    parts = [(part.split, part.scans, part.labels, part.expected) for part in found.sequences.values()]
    assert all(labels == (0 if split == "test" else scans) for split, scans, labels, _ in parts)
    assert sum(scans for _, scans, _, _ in parts) == sum(expected for *_, expected in parts) == 4
    labels = sorted((nuscenes / "lidarseg" / TRAINVAL).iterdir())
    labels[0].unlink()
    labels[1].unlink()
    labels[1].mkdir()
    after = inspect_data("nuscenes", nuscenes)
    assert sum(part.labels for part in after.sequences.values()) == len(labels) - 2


def test_a_mini_copy_is_read_by_its_own_tables(nuscenes: Path) -> None:
    (nuscenes / TRAINVAL).rename(nuscenes / MINI)
    (nuscenes / "lidarseg" / TRAINVAL).rename(nuscenes / "lidarseg" / MINI)
    table = nuscenes / MINI / "lidarseg.json"
    table.write_text(table.read_text().replace(TRAINVAL, MINI))
    found = inspect_data("nuscenes", nuscenes)
    assert (found.fault, found.settings) == (None, {"version": MINI})
    assert found.found("train") + found.found("val") > 0


def test_broken_tables_are_told_and_no_others_tried(nuscenes: Path) -> None:
    (nuscenes / MINI).mkdir()
    (nuscenes / TRAINVAL / "scene.json").write_text("[")
    found = inspect_data("nuscenes", nuscenes)
    assert f"{TRAINVAL}/scene.json" in str(found.fault)
    assert found.settings == {"version": TRAINVAL}


def test_a_folder_without_tables_is_told_by_the_usual_version(tmp_path: Path) -> None:
    assert "without v1.0-trainval/" in str(inspect_data("nuscenes", tmp_path).fault)
