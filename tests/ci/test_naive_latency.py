from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "ci" / "naive_latency.py"


@pytest.mark.slow
def test_the_table_of_habits_is_printed_with_a_fresh_process(tmp_path: Path) -> None:
    files = []
    for number, points in enumerate((2000, 6000)):
        draw = np.random.default_rng(number)
        cloud = np.hstack([draw.normal(0, 10, (points, 3)), draw.random((points, 1))]).astype("<f4")
        cloud.tofile(tmp_path / f"{number:06d}.bin")
        files.append(tmp_path / f"{number:06d}.bin")
    command = [sys.executable, SCRIPT, *files, "--width", "0.0625", "--passes", "2", "--device", "cpu"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    times = dict(re.findall(r"^(.*?) +([\d.]+) ms", printed, flags=re.MULTILINE))
    assert set(times) == {
        "latency-v1, p50",
        "one scan: the smallest",
        "one scan: the largest",
        "same voxels again",
        "no warm-up: first run of a process",
        "no warm-up: mean of the first 10",
    }
    assert all(float(ms) > 0 for ms in times.values())
