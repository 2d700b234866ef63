from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backbones.sparse.engine import get_engine
from harness.cli.diagnosis import show_diagnosis
from harness.doctor.diagnosis import Diagnosis, diagnose

TOP = Path(__file__).parents[3]
KEYS: dict[str, set[str]] = {
    "": {
        "ok", "harness", "machine", "torch", "engines", "auto", "kernel", "determinism", "packages", "data", "problems",
    },
    "machine": {
        "system", "python", "cpu", "logical_cores", "usable_cores", "memory_gib", "available_gib", "out", "temporary",
    },
    "torch": {"version", "cuda", "rocm", "cudnn", "driver", "gpus", "threads", "omp_num_threads", "remedy"},
    "engines": {"name", "installed", "version", "status", "reason", "devices"},
    "devices": {
        "device", "model", "status", "convolutions", "kinds", "output_error", "feature_gradient_error",
        "weight_gradient_error", "milliseconds", "reason",
    },
    "kernel": {"in_use", "compiler", "library", "reason"},
    "determinism": {"engine", "device", "repeatable", "independent_of_threads", "digest"},
    "packages": {"name", "purpose", "version", "reason", "install"},
    "data": {"name", "source", "path", "synthetic", "settings", "sequences", "fault"},
}  # fmt: skip


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SEMANTICKITTI_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def diagnosis(tmp_path_factory: pytest.TempPathFactory) -> Diagnosis:
    """Everything, with a wrong root."""
    missing = tmp_path_factory.mktemp("empty") / "missing"
    return diagnose(Path("runs"), {"semantickitti": missing}, None, lambda done, total: None)


def test_json_has_its_keys_and_the_embedded_engine_works(harness, write_sequences, tmp_path: Path) -> None:
    root = write_sequences({"00": 2, "08": 1})
    result = harness("doctor", "--engine", "portable", "--semantickitti", root, "--out", tmp_path / "runs", "--json")
    record = json.loads(result.out)
    assert (result.code, record["ok"], record["problems"]) == (0, True, [])
    [engine], [probe], [data, nuscenes] = record["engines"], record["determinism"], record["data"]
    found: dict[str, Any] = {**record, "": record, "engines": engine, "devices": engine["devices"][0]}
    found |= {"determinism": probe, "packages": record["packages"][0], "data": data}
    assert {part: set(found[part]) for part in KEYS} == KEYS
    assert (engine["name"], engine["status"], probe["repeatable"]) == ("portable", "passed", True)
    assert nuscenes["name"] == "nuscenes"
    assert data["sequences"]["00"] == {"split": "train", "scans": 2, "labels": 2, "expected": 2}
    assert not (tmp_path / "runs").exists(), "a doctor writes nothing"


def test_the_text_has_every_engine_and_says_what_to_type(
    diagnosis: Diagnosis, capsys: pytest.CaptureFixture[str]
) -> None:
    show_diagnosis(diagnosis)
    shown = capsys.readouterr().out
    lines = shown.splitlines()
    assert diagnosis.ok, shown
    assert lines[-1] == "The harness works here."
    assert "\x1b" not in shown, "no colours in a pipe"
    titles = [line for line in lines if line and not line.startswith(" ")][:-1]
    subjects = ["machine", "torch", "engines", "compiled kernel of the portable engine", "determinism"]
    assert titles == [*subjects, "optional packages", "data"]
    start = lines.index("engines") + 2
    engines = {line.split()[0]: line for line in lines[start : lines.index("", start)]}
    assert engines["portable"].split()[1:4] == [get_engine("portable").version, "cpu", "passed"]
    assert engines["portable"].endswith("taken by --engine auto") == (diagnosis.auto == "portable")
    assert {"spconv", "spconv_triton", "torchsparse", "minkowski"} <= set(engines)
    unavailable = [name for name, line in engines.items() if "unavailable" in line.split()]
    assert shown.count("pip install") >= len(unavailable)


def test_columns_are_aligned_and_no_line_is_broken(diagnosis: Diagnosis, capsys: pytest.CaptureFixture[str]) -> None:
    show_diagnosis(replace(diagnosis, problems=("word " * 100,)))
    lines = capsys.readouterr().out.splitlines()
    header = next(line for line in lines if "largest error" in line)
    row = lines[lines.index(header) + 1]
    assert row.index("passed") == header.index("self-test")
    assert row.index(" ms") < header.index("time") + 12
    assert any(len(line) > 400 for line in lines)
    assert lines[-1].startswith("Something does not work here")


def test_a_wrong_root_is_shown_and_fails_nothing(diagnosis: Diagnosis, capsys: pytest.CaptureFixture[str]) -> None:
    assert diagnosis.ok
    show_diagnosis(diagnosis)
    shown = capsys.readouterr().out
    assert "missing, named by --semantickitti" in shown
    assert "found no such folder" in shown


def test_a_missing_engine_that_was_asked_for_is_exit_code_1(harness) -> None:
    Path("harness.toml").write_text("semantickitti = [")
    result = harness("doctor", "--engine", "torchsparse")
    if "passed" in result.out:
        pytest.skip("torchsparse works here")
    assert result.code == 1
    assert "Problem: The engine 'torchsparse'" in result.out
    assert "github.com/mit-han-lab/torchsparse" in result.out
    assert "harness.toml: found" in result.out, "a broken configuration stops nothing"


def test_an_unknown_engine_is_wrong_use(harness) -> None:
    result = harness("doctor", "--engine", "auto")
    assert result.code == 2
    assert "choose one of portable, spconv" in result.err


def test_its_help_imports_nothing_heavy() -> None:
    code = "import sys\nfrom harness.cli import cli\ncli.main(['doctor', '--help'], standalone_mode=False)\n"
    code += "assert not {'torch', 'numpy', 'pydantic', 'rich'} & set(sys.modules), sorted(sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=TOP)
    assert run.returncode == 0, run.stderr
    assert "harness doctor --engine spconv" in run.stdout
