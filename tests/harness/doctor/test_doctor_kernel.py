from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CODE = """
import json
from dataclasses import asdict
from harness.doctor.kernel import inspect_kernel
print(json.dumps(asdict(inspect_kernel())))
"""


def inspect_with(**environment: str) -> dict[str, Any]:
    """Inspect in a process of its own: a kernel is loaded once per process."""
    settings = {**os.environ, "HARNESS_NATIVE": "1", **environment}
    run = subprocess.run([sys.executable, "-c", CODE], env=settings, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ here")
def test_with_a_compiler_it_is_made_and_used() -> None:
    found = inspect_with(CXX="g++")
    assert (found["in_use"], found["reason"]) == (True, None)
    assert found["compiler"].startswith("g++ (g++")
    assert Path(found["library"]).is_file()


def test_a_user_who_does_without_it_is_told_how_to_get_it_back() -> None:
    found = inspect_with(HARNESS_NATIVE="0")
    assert not found["in_use"]
    assert "HARNESS_NATIVE" in found["reason"]


def test_without_a_compiler_it_says_what_to_type(tmp_path: Path) -> None:
    found = inspect_with(CXX=str(tmp_path / "missing"))
    assert (found["in_use"], found["compiler"]) == (False, None)
    assert "apt-get install g++" in found["reason"]


def test_a_compiler_that_fails_is_told(tmp_path: Path) -> None:
    compiler = tmp_path / "c++"
    compiler.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo broken 1 && exit 0\necho "no such thing" >&2\nexit 1\n'
    )
    compiler.chmod(0o700)
    found = inspect_with(CXX=str(compiler), HARNESS_CACHE_DIR=str(tmp_path / "cache"))
    assert (found["in_use"], found["compiler"]) == (False, f"{compiler} (broken 1)")
    assert "no such thing. Set CXX" in found["reason"]
