"""ci/nightly.sh: what it calls and how it ends, with a harness that only notes its calls."""

from __future__ import annotations

import json
import os
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from night_folder import SCRIPT, Night

NOTING = """#!/usr/bin/env bash
if [ "$1 $2" = "gate --where" ]; then echo "results/measured/$4-device"; exit; fi
echo "$*" >> "$CALLS"
case " $FAIL " in *" $1 "*) echo "$1 is broken" >&2; exit "${CODE:-1}" ;; esac
[ "$1" != "${HANG:-}" ] || { echo $$ > "$CALLS.pid"; exec sleep 60; }
[ "$1" != doctor ] || echo '{"ok": true}'
if [[ "$*" == "gate "*" --reference "* ]]; then mkdir -p "$OUT/gate"; echo page > "$OUT/gate/summary.md"; fi
if [[ "$*" == "gate "*" --write-reference "* ]]; then mkdir -p "${@: -1}"; echo '{}' > "${@: -1}/reference.json"; fi
"""


@pytest.fixture
def night(tmp_path: Path) -> Night:
    night = Night(tmp_path, NOTING)
    (tmp_path / "ref").mkdir()
    (tmp_path / "ref" / "reference.json").write_text("{}")
    return night


def test_all_stages_run_in_their_order_and_the_data_is_named_to_each(night: Night) -> None:
    data = ["--", "--semantickitti", "the data", "--partial"]
    ended = night.run("--out", night.out, "--reference", "ref", "--budget", 3, "--scans", 9, "--seeds", "7,8", *data)
    assert ended.returncode == 0, ended.stderr
    doctor, run, latency, gate, tables = night.calls.read_text().splitlines()
    assert doctor == f"doctor --out {night.out} --json --semantickitti the data"
    assert run == (
        f"run --matrix nightly --out {night.out} --executor local --device auto --seeds 7,8 --budget 3 "
        "--semantickitti the data --partial"
    )
    assert latency.startswith(f"measure latency --matrix nightly --out {night.out} --device auto --scans 9 --semant")
    assert gate.startswith(f"gate --out {night.out} --reference ref --matrix nightly --device auto --semantickitti")
    assert tables == f"tables --out {night.out} --write {night.out}/artefacts/tables"
    kept = night.out / "artefacts"
    assert json.loads((kept / "doctor.json").read_text()) == {"ok": True}
    assert (kept / "gate" / "summary.md").read_text() == "page\n"
    assert "MemTotal" in (kept / "machine.txt").read_text()
    assert {path.name for path in (kept / "logs").iterdir()} == {
        "doctor.log", "run.log", "latency.log", "gate.log", "tables.log"
    }  # fmt: skip


@pytest.mark.parametrize(
    "fail, code, ends_with, named",
    [
        ("doctor", "1", 2, "failed: doctor."),
        ("run", "1", 2, "failed: run."),
        ("measure", "2", 2, "failed: latency."),
        ("gate", "2", 2, "failed: gate."),
        ("gate", "1", 1, "a figure is worse than in ref"),
        ("run gate", "1", 1, "failed: run."),
        ("tables doctor", "1", 2, "failed: doctor; tables."),
    ],
)
def test_a_stage_that_fails_is_named_and_the_others_still_run(
    night: Night, fail: str, code: str, ends_with: int, named: str
) -> None:
    ended = night.run("--out", night.out, "--reference", "ref", FAIL=fail, CODE=code)
    assert ended.returncode == ends_with
    assert named in ended.stderr
    assert night.verbs() == ["doctor", "run", "measure", "gate", "tables"]
    assert f"{fail.split()[0]} is broken" in "".join(
        path.read_text() for path in (night.out / "artefacts" / "logs").iterdir()
    )


def test_without_a_reference_it_says_how_to_make_one(night: Night) -> None:
    ended = night.run("--out", night.out, "--device", "cpu")
    assert ended.returncode == 2
    assert "there is no reference in results/measured/cpu-device" in ended.stderr
    assert "a night with --first-night makes one" in ended.stderr
    assert "gate" not in night.verbs()


def seeds_of(night: Night) -> str:
    """Return those of the last run of cells."""
    runs = [line.split() for line in night.calls.read_text().splitlines() if line.startswith("run ")]
    return runs[-1][runs[-1].index("--seeds") + 1]


def test_a_night_has_a_seed_of_its_own_that_no_reference_has_and_goes_on_with_it(night: Night) -> None:
    given = ("--out", night.out, "--reference", "ref")
    assert night.run(*given).returncode == 0
    assert (night.out / "seeds").read_text() == f"{seeds_of(night)}\n"
    made = datetime.strptime(seeds_of(night), "%Y%m%d").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - made) < timedelta(days=2)
    (night.out / "seeds").write_text("20250203\n")  # begun on another day
    assert night.run(*given).returncode == 0
    assert seeds_of(night) == "20250203"
    assert night.run(*given, "--seeds", "5,6").returncode == 0
    assert seeds_of(night) == "5,6"
    assert night.run(*given).returncode == 0
    assert seeds_of(night) == "5,6"


def test_a_first_night_has_five_seeds_and_makes_the_reference_only_when_it_is_whole(night: Night) -> None:
    making = ("--out", night.out, "--reference", "other", "--first-night")
    broken = night.run(*making, FAIL="run")
    assert broken.returncode == 2
    assert "gate" not in night.verbs()
    night.calls.unlink()
    ended = night.run(*making)
    assert ended.returncode == 0
    calls = night.calls.read_text().splitlines()
    assert "--seeds 0,1,2,3,4" in calls[1]
    assert calls[3] == f"gate --out {night.out} --write-reference other"
    assert (night.out / "artefacts" / "reference" / "reference.json").exists()


def test_a_first_night_goes_on_once_it_has_made_its_reference_and_refuses_that_of_another(night: Night) -> None:
    making = ("--out", night.out, "--reference", "other", "--first-night")
    assert night.run(*making, FAIL="tables").returncode == 2
    night.calls.unlink()
    again = night.run(*making)
    assert again.returncode == 0, again.stderr
    assert night.verbs() == ["doctor", "run", "measure", "tables"]
    assert seeds_of(night) == "0,1,2,3,4"
    night.calls.unlink()
    for out, reference in ((night.out, "ref"), (night.folder / "second", "other")):
        refused = night.run("--out", out, "--reference", reference, "--first-night")
        assert refused.returncode == 2
        assert f"{reference} is a reference already" in refused.stderr
    assert not night.calls.exists()


def test_a_verdict_of_before_is_not_kept_beside_a_gate_that_was_not_held(night: Night) -> None:
    night.run("--out", night.out, "--reference", "ref")
    assert (night.out / "artefacts" / "gate" / "summary.md").exists()
    assert night.run("--out", night.out, "--reference", "nowhere").returncode == 2
    assert not (night.out / "artefacts" / "gate").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [([], "needs --out DIR"), (["--out"], "--out needs a value"), (["--frobnicate", "x"], "does not know")],
)
def test_wrong_use_ends_with_2(night: Night, arguments: list[str], message: str) -> None:
    ended = night.run(*arguments)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert not night.calls.exists()


@pytest.mark.parametrize("stage", ["doctor", "run"])
def test_a_stop_reaches_the_stage_that_runs(night: Night, stage: str) -> None:
    process = subprocess.Popen(
        [SCRIPT, "--out", night.out, "--reference", "ref"],
        env=night.env | {"HANG": stage},
        cwd=night.folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    told = Path(f"{night.calls}.pid")
    while not told.exists() or not told.read_text():
        assert process.poll() is None
        time.sleep(0.05)
    process.terminate()
    _, said = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "stopped; the same command goes on from here" in said
    assert night.verbs()[-1] == stage
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)
