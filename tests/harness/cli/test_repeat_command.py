"""What a command needs so that it repeats a cell, for cells of every kind."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from harness.cli.repeat import repetition
from harness.spec import (
    BackboneSpec,
    CellResult,
    CellSpec,
    DatasetSpec,
    MacsResult,
    MethodSpec,
    ProtocolCard,
    Provenance,
    RecipeSpec,
    ScoreResult,
    SittingResult,
    TrainingResult,
)
from harness.store import CellFolder, Store


def cell(tmp_path: Path, repeatable: bool = True, source: str | None = None, **data: object) -> CellFolder:
    facts = {"name": "semantickitti", "manifest": "m", "label_map": "l", "synthetic": False, "partial": False}
    spec = CellSpec(
        role="student",
        dataset=DatasetSpec.model_validate(
            {**facts, "scans": {"train": 9, "val": 2}, "official_scans": {"train": 9, "val": 2}, **data}
        ),
        backbone=BackboneSpec(name="minkowskinet", width=0.5, voxel_size_m=0.05, classes=19),
        method=MethodSpec(name="pvd", source=source),
        recipe=RecipeSpec(),
        seed=0,
        engine="portable",
    )
    folder = Store(tmp_path / "a store").add(spec, tmp_path / "the data")
    if repeatable:
        (folder.path / "repeat.yaml").write_text("")
    return folder


def result(folder: CellFolder, *devices: str, dirty: bool = False, **training: object) -> CellResult:
    facts = {"steps": 1, "seconds": 1.0, "peak_memory_mib": 1.0, "devices": devices, "final_terms": {}}
    spec = folder.spec()
    return CellResult(
        spec=spec,
        status="finished",
        protocol=ProtocolCard(
            scoring_rule="semantickitti-official",
            split="val",
            trained_on=("train",),
            tta=False,
            engine="portable",
            engine_version="2+c++",
            device="A CPU",
            torch="2.9",
            harness="0.5.0",
            commit="abc",
        ),
        parameters=1,
        score=ScoreResult(miou=0.5, accuracy=None, iou={}, confusion=[]),
        macs=MacsResult(scans=1, gmacs_mean=1, gmacs_min=1, gmacs_max=1, voxels_mean=1),
        training=TrainingResult.model_validate(
            {**facts, "weights_sha256": "w", "teacher_weights_sha256": None, **training}
        ),
        provenance=Provenance(
            spec_hash=spec.hash,
            manifest_hash="m",
            seeds={"student": 0},
            commit="abc",
            dirty=dirty,
            packages={"torch": "2.9", "numpy": "2.0"},
            python="3.11",
            platform="Linux",
            device="A CPU",
            phase_seconds={},
            wall_hours=0,
            device_hours=0,
            peak_memory_mib=None,
            disk_mib=0,
        ),
    )


def words(folder: CellFolder, outcome: CellResult | None = None) -> list[str]:
    command = repetition(folder, outcome).command
    assert command is not None
    return shlex.split(command)


def test_a_command_has_absolute_paths_and_can_be_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = cell(tmp_path)
    folder.event("started", device="cpu")
    relative = CellFolder(folder.path.relative_to(tmp_path))
    outcome = result(folder, "A CPU, threads: 2", "A CPU, threads: 2")
    digits = folder.spec().hash
    assert words(relative, outcome) == [
        "OMP_NUM_THREADS=2", "harness", "run", "--matrix", str(folder.path / "repeat.yaml"), "--only", digits,
        "--semantickitti", str(tmp_path / "the data"), "--engine", "portable", "--device", "cpu",
        "--out", f"repeat-{digits}",
    ]  # fmt: skip
    said = repetition(relative, outcome).conditions
    assert said[0] == (
        "Bit for bit the same weights with harness 0.5.0 at abc, engine portable 2+c++, torch 2.9, numpy 2.0, "
        "on A CPU, threads: 2."
    )


@pytest.mark.parametrize(
    "data, options",
    [
        ({"scans": {"train": 5, "val": 2}, "partial": True}, ["--partial"]),
        ({"scans": {"train": 8, "val": 2}, "partial": True, "skipped": ("00/000001",)}, ["--skip-damaged"]),
        ({"scans": {"train": 5, "val": 2}, "partial": True, "skipped": ("x",)}, ["--partial", "--skip-damaged"]),
        ({"name": "semantickitti-multiscan"}, []),
    ],
)
def test_the_same_scans_are_found_again(tmp_path: Path, data: dict[str, object], options: list[str]) -> None:
    found = words(cell(tmp_path, **data))
    assert found[found.index("--semantickitti") + 2 : found.index("--engine")] == options


def test_the_other_data_set_has_its_own_option(tmp_path: Path) -> None:
    assert "--nuscenes" in words(cell(tmp_path, name="nuscenes"))


def test_what_decides_the_order_of_sums_is_in_the_command(tmp_path: Path) -> None:
    folder = cell(tmp_path)
    folder.event("started", device="cpu")
    folder.event("started", device="cuda:1", processes=2)
    outcome = result(folder, "2 processes of A GPU", processes=2, micro_batch=1)
    found = words(folder, outcome)
    assert found[found.index("--device") : found.index("--out")] == [
        "--device", "cuda", "--processes", "2", "--micro-batch", "1",
    ]  # fmt: skip
    assert found[0] == "harness"
    said = " ".join(repetition(folder, outcome).conditions)
    assert "It was made with harness 0.5.0" in said
    assert "last bits of its weights may differ" in said


def test_what_no_command_can_bring_back_is_said(tmp_path: Path) -> None:
    folder = cell(tmp_path, source="hash")
    outcome = result(folder, "A CPU, threads: 1", "A CPU, threads: 2", dirty=True)
    said = repetition(folder, outcome).conditions
    assert any("method's own module" in sentence for sentence in said)
    assert any("different devices or threads" in sentence for sentence in said)
    assert any("changes that no commit has" in sentence for sentence in said)
    assert words(folder, outcome)[0] == "harness"


ONE_CPU = {"device": "A CPU, threads: 1", "processes": 1, "micro_batch": None, "harness": "0.5.0", "commit": "abc"}


def sittings(*changes: dict[str, object]) -> tuple[SittingResult, ...]:
    return tuple(SittingResult.model_validate({**ONE_CPU, "steps": 1, "seconds": 1.0, **change}) for change in changes)


def said_of(folder: CellFolder, *changes: dict[str, object]) -> tuple[str, str]:
    """The first condition and all of them, of a cell with such sittings, all on one CPU with one thread."""
    made = sittings(*changes)
    devices = (f"{s.processes} processes of {s.device}" if s.processes > 1 else s.device for s in made)
    sizes = [s.micro_batch for s in made if s.micro_batch is not None]
    several, smallest = max(s.processes for s in made), min(sizes, default=None)
    outcome = result(folder, *devices, sittings=made, processes=several, micro_batch=smallest)
    conditions = repetition(folder, outcome).conditions
    return conditions[0], " ".join(conditions)


@pytest.mark.parametrize("change", [{}, {"micro_batch": 1}, {"processes": 2, "micro_batch": 1}])
def test_sittings_that_are_alike_are_repeated_bit_for_bit(tmp_path: Path, change: dict[str, object]) -> None:
    first, whole = said_of(cell(tmp_path), change, change)
    assert first.startswith("Bit for bit the same weights with harness 0.5.0 at abc, engine portable")
    assert "different" not in whole


@pytest.mark.parametrize(
    "change, told",
    [
        ({"micro_batch": 2}, "Its sittings had different micro-batches (the whole batch, then 2), which"),
        (
            {"processes": 2, "micro_batch": 1},
            "different numbers of processes (1, then 2) and micro-batches (the whole batch, then 1), which",
        ),
        ({"device": "A CPU, threads: 4"}, "Its sittings had different devices or threads, which"),
        ({"device": "Another CPU, threads: 1"}, "Its sittings had different devices or threads, which"),
        ({"commit": "def"}, "different versions (harness 0.5.0 at abc, then harness 0.5.0 at def), which"),
        ({"harness": "0.6.0", "commit": None}, "different versions (harness 0.5.0 at abc, then harness 0.6.0), which"),
    ],
)
def test_sittings_that_differ_are_not_repeated_by_one_run(tmp_path: Path, change: dict[str, object], told: str) -> None:
    first, whole = said_of(cell(tmp_path), {}, change)
    assert first.startswith("It was made with harness")
    assert told in whole


def test_who_trained_is_named_where_another_version_evaluated(tmp_path: Path) -> None:
    first, whole = said_of(cell(tmp_path), {"harness": "0.4.9", "commit": None})
    assert first.startswith("Bit for bit the same weights with harness 0.4.9, engine portable")
    assert "It was evaluated with harness 0.5.0 at abc." in whole


def test_a_cell_of_an_older_version_says_so(tmp_path: Path) -> None:
    repeat = repetition(cell(tmp_path, repeatable=False), None)
    assert repeat.command is None
    assert "before version 0.5" in repeat.conditions[0]


def test_a_cell_whose_data_nobody_knows_says_so(tmp_path: Path) -> None:
    folder = cell(tmp_path)
    (folder.path / "location.json").unlink()
    repeat = repetition(folder, None)
    assert repeat.command is None
    assert "location.json" in repeat.conditions[0]
