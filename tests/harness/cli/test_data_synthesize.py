from __future__ import annotations

import json
from pathlib import Path


def test_synthesize_makes_a_nuscenes_set_and_a_picture(harness, tmp_path: Path) -> None:
    out = tmp_path / "scenes"
    arguments = ("data", "synthesize", "nuscenes", "--out", out, "--scans", 4, "--seed", 3, "--azimuths", 64, "--json")
    result = harness(*arguments)
    assert result.code == 0
    said = json.loads(result.out)
    assert said["scans"] == {"train": 2, "val": 1, "test": 1}
    assert said["points"] == 4 * 32 * 64
    assert (out / "birdseye.png").read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in out.glob("v1.0-*")} == {"v1.0-trainval", "v1.0-test"}
    again = harness(*arguments)
    assert again.code == 2
    assert "scenes" in again.err


def test_no_picture_is_drawn_where_none_is_wanted(harness, tmp_path: Path) -> None:
    out = tmp_path / "scenes"
    arguments = ("data", "synthesize", "nuscenes", "--out", out, "--scans", 3, "--azimuths", 64, "--no-png")
    result = harness(*arguments)
    assert result.code == 0
    assert "train 1, val 1, test 1 scans" in result.out
    assert not (out / "birdseye.png").exists()
