from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from harness.data.street.semantickitti_write import synthesize_semantickitti


def test_what_a_killed_process_left_is_removed_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    remains, other = tmp_path / f".set.partial-{ended.pid}", tmp_path / f".set.partial-{os.getppid()}"
    for folder in (remains, other):
        (folder / "sequences").mkdir(parents=True)
    synthesize_semantickitti(tmp_path / "set", 3, 0, 64)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["set", other.name])


def test_a_stop_by_the_system_leaves_nothing_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "harness", "data", "synthesize", "nuscenes", "--out", str(tmp_path / "set")]
    command += ["--scans", "500", "--workers", "2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
        while not list(tmp_path.glob(".set.partial-*/samples/LIDAR_TOP/*")):
            assert run.poll() is None
            time.sleep(0.05)
        run.send_signal(signal.SIGTERM)
        _, told = run.communicate(timeout=60)
    assert (run.returncode, "Stopped." in told) == (130, True)
    assert list(tmp_path.iterdir()) == []
