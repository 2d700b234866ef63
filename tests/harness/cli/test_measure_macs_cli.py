from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from harness.version import VERSION

NETWORK = ("--backbone", "minkowskinet", "--width", "0.125", "--voxel-size", "2")


@pytest.fixture
def root(write_sequences) -> Path:
    return write_sequences({"00": 2, "08": 7}, points=300)


def scan_file(root: Path, frame: int = 0) -> Path:
    return root / f"sequences/08/velodyne/{frame:06d}.bin"


def test_json_has_everything_that_the_numbers_rest_on(harness, root: Path) -> None:
    scan = scan_file(root)
    twin = shutil.copy(scan, root / "twin.bin")
    found = json.loads(harness("measure", "macs", *NETWORK, "--scan", scan, "--scan", twin, "--json").out)
    digest = hashlib.sha256(scan.read_bytes()).hexdigest()
    assert found["scans"] == [{"id": str(path), "points": 300, "points_sha256": digest} for path in (scan, twin)]
    [network] = found["networks"]
    card = network["card"]
    assert (card["macs.protocol"], card["harness"], card["data"]) == ("macs-v1", VERSION, "files of scans")
    assert card.keys() >= {"torch", "commit", "engine_version"}
    assert card["network.width"] == "0.125"
    assert (card["macs.scans"], len(card["macs.scan_list"]), len(card["macs.points"])) == ("2", 12, 12)
    assert network["backbone"]["classes"] == 19
    assert network["backbone"]["voxel_size_m"] == 2
    assert network["engine_version"]
    assert network["macs"]["macs"] == [sum(layer["macs"][i] for layer in network["layers"].values()) for i in range(2)]
    [sites, again] = network["macs"]["sites"]
    assert sites == again == sorted(sites, reverse=True)
    assert len(sites) == 5


def test_a_data_set_gives_evenly_spaced_scans_and_its_classes(harness, root: Path) -> None:
    arguments = ("measure", "macs", *NETWORK, "--width", "0.25", "--semantickitti", root, "--scans", 3)
    found = json.loads(harness(*arguments, "--json").out)
    assert [scan["id"] for scan in found["scans"]] == ["08/000000", "08/000003", "08/000006"]
    narrow, wide = found["networks"]
    card = wide["card"]
    assert (card["data"], card["data.scans.val"], card["data.synthetic"]) == ("semantickitti", "7 of 7", "True")
    assert {key for key in card if card[key] != narrow["card"][key]} == {"network.width"}
    assert [narrow["backbone"]["width"], wide["backbone"]["width"]] == [0.125, 0.25]
    assert narrow["macs"]["sites"] == wide["macs"]["sites"]
    ratio = wide["share_of_first"]["macs"]
    assert ratio == pytest.approx(wide["macs"]["gmacs_mean"] / narrow["macs"]["gmacs_mean"])
    assert wide["first_over_this"]["macs"] == pytest.approx(1 / ratio)
    assert 3 < ratio < 4
    spread = narrow["gmacs"]
    assert spread["min"] <= spread["p5"] <= spread["p50"] <= spread["p95"] <= spread["max"]
    assert spread["mean"] == pytest.approx(np.mean(narrow["macs"]["macs"]) / 1e9)


def test_text_says_the_savings_the_layers_and_what_is_a_diagnostic(harness, root: Path) -> None:
    arguments = ("measure", "macs", "--backbone", "cylinder3d", "--width", 0.25, "--width", 0.125, "--layers")
    result = harness(*arguments, "--semantickitti", root, "--scans", 2)
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert lines[0] == (
        "cylinder3d on 2 scans of semantickitti val, evenly spaced over 7, synthetic: macs-v1, GMACs of a prediction"
    )
    assert lines[2].split() == ["min", "p5", "p50", "mean", "p95", "max", "parameters"]
    [savings] = [line for line in lines if line.startswith("width 0.125 has ")]
    told = re.search(r"has ([\d.]+) % of the MACs of width 0.25 .*, ([\d.]+) times fewer; ", savings)
    assert told is not None
    assert float(told[2]) == pytest.approx(100 / float(told[1]), abs=0.01)
    text = " ".join(result.out.split())
    assert "diagnostic: the engine portable " in text
    assert text.count(" % more than counted") == 2
    assert sum("with an output for the ignored id" in line for line in lines) == 2
    assert any(line.startswith("08/000006  ") for line in lines)
    for total in (line for line in lines if line.startswith("all ")):
        assert total.endswith("100.00")
    assert sum(line.startswith("logits ") for line in lines) == 2
    card = lines[lines.index("card") :]
    assert any(line.startswith("  network: cylinder3d, width 0.125 or 0.25") for line in card)
    assert any(line.startswith("  data: semantickitti, ") and "synthetic yes" in line for line in card)
    assert any(line.startswith("  written by: harness ") and "commit " in line for line in card)
    assert any(line.startswith("  MACs: protocol macs-v1, scans 2, list ") for line in card)
    [one] = [line for line in harness("measure", "macs", *NETWORK, "--scan", scan_file(root)).out.splitlines()
             if line.startswith("width 0.125  ")]  # fmt: skip
    assert len(one.split()) == 5, "width 0.125, GMACs, parameters M"


def test_a_tiny_network_still_has_digits(harness, root: Path) -> None:
    tiny = ("--backbone", "minkowskinet", "--width", "0.03125", "--voxel-size", "10", "--layers")
    lines = harness("measure", "macs", *tiny, "--scan", scan_file(root)).out.splitlines()
    [total] = [line.split()[2] for line in lines if line.startswith("width 0.03125  ")]
    assert 0 < float(total) < 0.01
    assert all(float(line.split()[-2]) > 0 for line in lines if line.startswith(("stem.", "head ")))


def test_no_line_is_wider_than_a_page(harness, root: Path) -> None:
    widths = [part for width in (1, 0.5, 0.25, 0.125) for part in ("--width", width)]
    arguments = ("--backbone", "minkowskinet", "--voxel-size", 2, *widths)
    lines = harness("measure", "macs", *arguments, "--semantickitti", root, "--scans", 1).out.splitlines()
    assert max(map(len, lines)) <= 120
    assert any(line.startswith("diagnostic: ") for line in lines)


def test_a_damaged_file_of_the_users_is_no_damaged_copy(harness, tmp_path: Path) -> None:
    (tmp_path / "scan.bin").write_bytes(b"123")
    result = harness("measure", "macs", *NETWORK, "--scan", tmp_path / "scan.bin")
    assert result.code == 2
    assert "found 3 bytes" in result.err
    assert "data check" not in result.err


def test_a_file_that_is_named_twice_is_refused(harness, root: Path, tmp_path: Path) -> None:
    (tmp_path / "link.bin").symlink_to(scan_file(root))
    result = harness("measure", "macs", *NETWORK, "--scan", scan_file(root), "--scan", tmp_path / "link.bin")
    assert result.code == 2
    assert "link.bin' is named twice" in result.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--backbone", "minkunet"), "Did you mean 'minkowskinet'?"),
        (("--split", "train"), "--scan decides --split"),
        (("--scans", "3"), "--scan decides --scans"),
        (("--width", "nan"), "Invalid value for '--width': nan is not a number."),
        (("--voxel-size", "nan"), "Invalid value for '--voxel-size': nan is not a number."),
        (("--engine", "none"), "There is no sparse engine 'none'"),
    ],
)
def test_what_does_not_fit_is_refused(harness, root: Path, arguments: tuple[str, ...], message: str) -> None:
    result = harness("measure", "macs", "--scan", scan_file(root), *arguments)
    assert result.code == 2
    assert message in result.err


def test_without_scans_the_ways_to_name_them_are_told(harness, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SEMANTICKITTI_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    result = harness("measure", "macs")
    assert result.code == 2
    assert "expected --scan FILE, or --semantickitti DIR" in result.err
