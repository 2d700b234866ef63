"""Where a result comes from: counted from events, weighed on disk, read from what is installed."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from harness.files import folder_mib
from harness.matrix import provenance as module
from harness.matrix.provenance import packages, provenance
from harness.matrix.working_copy import WorkingCopy
from harness.spec import BackboneSpec, CellSpec, DatasetSpec, MethodSpec, RecipeSpec, SittingResult
from harness.store import Store
from harness.version import VERSION

CPU = torch.device("cpu")


def cell(seed: int, role: str = "student", teacher: str | None = None) -> CellSpec:
    data = DatasetSpec(
        name="semantickitti",
        manifest="m" * 64,
        label_map="l",
        synthetic=True,
        partial=False,
        scans={},
        official_scans={},
    )
    values = {
        "role": role,
        "dataset": data,
        "backbone": BackboneSpec(name="minkowskinet", width=0.5, voxel_size_m=0.05, classes=19),
        "method": MethodSpec(name="pvd"),
        "recipe": RecipeSpec(),
        "seed": seed,
        "teacher": teacher,
        "engine": "portable",
    }
    return CellSpec.model_validate(values)


@pytest.mark.parametrize("copy", [None, WorkingCopy("c" * 40, True, "v1-dirty")])
def test_everything_an_auditor_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copy: WorkingCopy | None) -> None:
    monkeypatch.setattr(module, "working_copy", lambda: copy)
    store, teacher = Store(tmp_path), cell(5, "teacher")
    student = cell(3, teacher=teacher.hash)
    store.add(teacher, tmp_path)
    folder = store.add(student, tmp_path)
    for event in ("submitted", "started", "preempted", "resumed", "memory_retry", "memory_retry", "preempted"):
        folder.event(event, reason="so")
    (folder.path / "weights").write_bytes(bytes(3 << 20))
    small = folder_mib(folder.path) - 3
    origin = provenance(student, store, folder, {"train": 5400.0, "evaluate": 1800.0}, 2, 123.0, CPU)
    assert (origin.spec_hash, origin.manifest_hash) == (student.hash, "m" * 64)
    assert origin.seeds == {"student": 3, "teacher": 5}
    assert (origin.preemptions, origin.memory_retries) == (2, 2)
    assert (origin.wall_hours, origin.device_hours, origin.peak_memory_mib) == (2.0, 4.0, 123.0)
    assert 0 < small < 0.01
    assert origin.disk_mib == 3 + small
    assert origin.packages["harness-lidar-kd"] == VERSION
    assert (origin.packages["torch"], origin.packages["numpy"]) == (version("torch"), version("numpy"))
    assert (origin.commit, origin.dirty) == ((None, None) if copy is None else ("c" * 40, True))
    assert type(origin).model_validate_json(origin.model_dump_json()) == origin


def test_a_failure_before_anything_has_one_as_well(tmp_path: Path) -> None:
    store, teacher = Store(tmp_path), cell(5, "teacher")
    student = cell(3, teacher=teacher.hash)
    folder = store.add(student, tmp_path)
    assert provenance(student, store, folder, {}, 1, None, CPU).seeds == {"student": 3}, "its teacher was removed"
    assert provenance(teacher, store, store.add(teacher, tmp_path), {}, 1, None, CPU).seeds == {"teacher": 5}


def test_device_hours_are_those_of_each_sitting_with_its_own_processes(tmp_path: Path) -> None:
    """An hour of four processes, then half an hour of one, which also evaluated for half an hour."""
    facts = {"device": "A CPU", "micro_batch": None, "steps": 1, "harness": VERSION, "commit": None}
    sittings = [
        SittingResult(processes=count, seconds=seconds, **facts) for count, seconds in ((4, 3600.0), (1, 1800.0))
    ]
    store, spec = Store(tmp_path), cell(3)
    phases = {"train": 5400.0, "evaluate": 1800.0}
    origin = provenance(spec, store, store.add(spec, tmp_path), phases, 1, None, CPU, sittings)
    assert (origin.wall_hours, origin.device_hours, origin.processes) == (2.0, 5.0, 1)
    assert "lightning-fabric" in origin.packages, "which joined the first four"


@pytest.mark.parametrize("submitted", [False, True])
def test_who_submitted_it_is_named_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, submitted: bool
) -> None:
    """An event of a former run says nothing of this one."""
    monkeypatch.delenv("SUBMITIT_EXECUTOR", raising=False)
    if submitted:
        monkeypatch.setenv("SUBMITIT_EXECUTOR", "slurm")
    store, spec = Store(tmp_path), cell(3)
    folder = store.add(spec, tmp_path)
    folder.event("submitted", executor="slurm", job="7")
    assert ("submitit" in provenance(spec, store, folder, {}, 1, None, CPU).packages) == submitted


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_only_another_machine_has_is_named_by_its_kind(tmp_path: Path) -> None:
    store, spec = Store(tmp_path), cell(3)
    origin = provenance(spec, store, store.add(spec, tmp_path), {}, 1, None, torch.device("cuda"))
    assert origin.device == "cuda"


def test_only_packages_that_compute_are_named() -> None:
    alone = packages("portable", CPU, 1, submitted=False)
    assert set(alone) == {"harness-lidar-kd", "torch", "numpy"}
    joined = packages("portable", CPU, 2, submitted=True)
    assert joined.keys() - alone.keys() == {"lightning-fabric", "submitit"}


def test_an_engine_is_named_by_what_is_installed_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its wheels have a name for each build, so what owns the module is looked up."""
    metadata = tmp_path / "spconv_cu999-7.1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: spconv-cu999\nVersion: 7.1\n")
    (metadata / "top_level.txt").write_text("spconv\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert packages("spconv", CPU, 1, submitted=False)["spconv-cu999"] == "7.1"
