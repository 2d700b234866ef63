from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "ci" / "nuscenes_at_size.py"


def test_the_smallest_version_is_written_and_opened_cold_and_warm(tmp_path: Path) -> None:
    command = [sys.executable, SCRIPT, tmp_path, "--version", "v1.0-mini"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    opened = re.findall(r"^(cold|warm) .* MiB at most; .*; (\{.*\})$", printed, flags=re.MULTILINE)
    assert opened == [(state, "{'train': 323, 'val': 81}") for state in ("cold", "warm", "warm")]
