"""Imports run downward only, and the core imports no optional package."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
OPTIONAL = (
    "spconv",
    "MinkowskiEngine",
    "torchsparse",
    "torch_scatter",
    "tensorboard",
    "pynvml",
    "nuscenes",
    "lightning",
)
PACKAGE_MAY_IMPORT = {
    "backbones": {"backbones"},
    "baselines": {"baselines", "backbones"},
    "harness": {"harness", "baselines", "backbones"},
}
FLOOR = {
    "version": 0, "errors": 0, "heap": 0, "lock": 0, "plain_text": 0, "files": 1, "spec": 1, "explain": 1,
    "data": 2, "events": 2, "statistics": 2, "record_file": 2, "metrics": 3, "progress": 3, "config": 3, "store": 3,
    "train": 4, "evaluate": 4, "measure": 4, "export": 4, "inspect": 4,
    "matrix": 5, "report": 5, "gate": 5, "doctor": 5, "cli": 6, "__main__": 7,
}  # fmt: skip
SIDEWAYS = {("train", "measure")}
"""Neighbours on one floor: a training result names its device as a measurement does."""


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            yield node.module or ""


SOURCES = [path for package in PACKAGE_MAY_IMPORT for path in sorted((TOP / package).rglob("*.py"))]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(TOP)))
def test_no_import_runs_upward(path: Path) -> None:
    package, *inner = path.relative_to(TOP).with_suffix("").parts
    for module in imports(path):
        head, *rest = module.split(".")
        if head in PACKAGE_MAY_IMPORT:
            assert head in PACKAGE_MAY_IMPORT[package], f"{path} imports {module}"
        if head == package == "harness" and rest and inner[0] != "__init__":
            here, there = inner[0], rest[0]
            below = FLOOR[there] < FLOOR[here] or here == there or (here, there) in SIDEWAYS
            assert below, f"{path} imports {module}, which is not below it"
        assert head != "click" or (package, inner[:1]) == ("harness", ["cli"]), f"{path} imports click"


def test_the_core_imports_no_optional_package() -> None:
    """What torch imports by itself where it is installed, as pynvml, is no import of ours."""
    modules = [
        ".".join(path.relative_to(TOP).with_suffix("").parts).removesuffix(".__init__")
        for path in SOURCES
    ]  # fmt: skip
    code = "import importlib, sys, torch.cuda\nbefore = set(sys.modules)\n"
    code += f"for m in {modules!r}: importlib.import_module(m)\n"
    code += f"print([m for m in {OPTIONAL!r} if m in sys.modules and m not in before])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=TOP)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "[]"


def test_help_answers_without_heavy_imports() -> None:
    code = "import sys\nfrom harness.cli import cli\ncli.main(['--help'], standalone_mode=False)\n"
    code += "assert not {'torch', 'numpy', 'pandas', 'matplotlib', 'pydantic'} & set(sys.modules), sorted(sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=TOP)
    assert run.returncode == 0, run.stderr
    assert "harness run --matrix demo" in run.stdout
