"""A folder in which ci/nightly.sh runs with a harness of the test's choice."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

TOP = Path(__file__).parents[2]
SCRIPT = TOP / "ci" / "nightly.sh"


class Night:
    """Runs the script in a folder with a harness on the PATH."""

    def __init__(self, folder: Path, harness: str) -> None:
        self.folder, self.out, self.calls = folder, folder / "out", folder / "calls"
        program = folder / "bin" / "harness"
        program.parent.mkdir()
        program.write_text(harness)
        program.chmod(0o755)
        self.env = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}", "CALLS": str(self.calls)}
        self.env |= {"OUT": str(self.out), "FAIL": ""}

    def run(self, *arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
        command = [str(SCRIPT), *map(str, arguments)]
        return subprocess.run(command, env=self.env | env, cwd=self.folder, capture_output=True, text=True, check=False)

    def verbs(self) -> list[str]:
        return [line.split()[0] for line in self.calls.read_text().splitlines()]
