"""The page about a method of one's own: its very files, run as it says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

TOP = Path(__file__).parents[1]
EXAMPLES = TOP / "docs/examples"


def harness(folder: Path, *arguments: str) -> str:
    """Call the installed command line from a folder, which Python itself (-P) does not look into."""
    run = subprocess.run(
        [sys.executable, "-P", "-m", "harness", *arguments],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(TOP)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a user who followed the page."""
    folder = tmp_path_factory.mktemp("own")
    for name in ("my_method.py", "my-matrix.yaml"):
        shutil.copy(EXAMPLES / name, folder)
    harness(folder, "run", "--matrix", "my-matrix.yaml")
    return folder


@pytest.mark.parametrize("name", ["my_method.py", "my-matrix.yaml"])
def test_the_page_shows_the_very_file(name: str) -> None:
    assert f"\n{(EXAMPLES / name).read_text()}```" in (TOP / "docs/your-own-method.md").read_text()


def test_the_method_is_about_thirty_lines() -> None:
    code = (EXAMPLES / "my_method.py").read_text().split("class MySettings")[1]
    assert sum(1 for line in code.splitlines() if line.strip()) <= 30


def test_its_term_is_trained_and_its_adapter_kept_and_counted_nowhere(folder: Path) -> None:
    results = [json.loads(path.read_text()) for path in (folder / "runs/store").glob("*/result.json")]
    by_method = {r["spec"]["method"]["name"]: r for r in results if r["spec"]["role"] == "student"}
    own, both, plain = (by_method[name] for name in ("my_method:MyMethod", "sum", "none"))
    assert own["training"]["final_terms"]["direction"] > 0
    assert {"pvd.voxel_affinity", "MyMethod.direction"} <= set(both["training"]["final_terms"])
    assert own["parameters"] == both["parameters"] == plain["parameters"]
    assert own["macs"] == plain["macs"]
    [cell] = (folder / "runs/store").glob("*-MyMethod-s0")
    checkpoint = sorted((cell / "checkpoint").glob("*.pt"))[-1]
    assert list(torch.load(checkpoint, weights_only=True)["method"]) == ["adapter.weight", "adapter.bias"]


def test_an_edited_method_is_another_cell(folder: Path) -> None:
    assert [status for _, status in planned(folder)] == ["finished"] * 4
    file = folder / "my_method.py"
    text = file.read_text()
    file.write_text(text.replace("1 - torch", "2 - torch"))
    edited = planned(folder)
    file.write_text(text)
    assert {status for name, status in edited if "MyMethod" in name} == {"pending"}
    assert [status for name, status in edited if "MyMethod" not in name] == ["finished"] * 2


def planned(folder: Path) -> list[tuple[str, str]]:
    """Name and status of every cell."""
    plan = json.loads(harness(folder, "run", "--matrix", "my-matrix.yaml", "--dry-run", "--json"))
    return [(cell["name"], cell["status"]) for cell in plan["cells"]]
