"""The matrices that compare methods, as they ship but for the size of scans and networks: every cell is run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from baselines.registry import SHIPPED
from harness.config.matrix_file import load_matrix
from harness.config.models import BackboneConfig, MatrixConfig
from harness.config.parts import parts
from harness.matrix.data import prepare_data
from harness.matrix.executors.debug import DebugExecutor
from harness.matrix.order import DataCopy, Resources
from harness.matrix.orders import make_orders
from harness.matrix.plan import plan
from harness.matrix.run import run_matrix
from harness.report.grouping import build_rows
from harness.spec import CellResult, MeasureSpec
from harness.store import Store

TINY = {"teacher_width": 0.125, "student_width": 0.0625}
BACKBONES = {
    "minkowskinet": BackboneConfig(name="minkowskinet", voxel_size_m=4.0, **TINY),
    "spvnas": BackboneConfig(name="spvnas", voxel_size_m=4.0, **TINY),
    "cylinder3d": BackboneConfig(
        name="cylinder3d",
        settings={"grid": [24, 18, 8], "point_mlp": "scaled"},
        teacher_width=0.125,
        student_width=0.0625,
    ),
}


class Silent:
    """A progress display that shows nothing."""

    def cell(self, name: str, number: int, cells: int) -> None: ...

    def step(self, step: object) -> None: ...

    def phase(self, name: str, done: int, total: int) -> None: ...

    def note(self, sentence: str) -> None: ...


def reduced(name: str) -> MatrixConfig:
    """A shipped matrix with tiny networks, one seed, one epoch and no latency."""
    matrix = load_matrix(name)
    changes = {
        "backbones": tuple(BACKBONES[backbone.name] for backbone in matrix.backbones),
        "seeds": (0,),
        "recipe": {"epochs": 1, "optimizer": "adam", "learning_rate": 0.01},
        "measure": MeasureSpec(macs_scans=1, latency_scans=0),
    }
    return matrix.model_copy(update=changes)


def run(matrix: MatrixConfig, root: Path, out: Path) -> list[CellResult]:
    store = Store(out)
    copy = DataCopy("semantickitti", root, partial=True)
    data = prepare_data(copy, store.path, 0)
    [part] = parts(matrix)
    orders = make_orders(plan(part, data.spec, 19), copy, store, Resources(torch.device("cpu")))
    return run_matrix(orders, store, DebugExecutor(), Silent())


@pytest.fixture
def root(write_sequences) -> Path:
    return write_sequences({"00": 2, "08": 1}, points=300)


def test_methods_runs_every_method_on_every_backbone(root: Path, tmp_path: Path) -> None:
    results = run(reduced("methods"), root, tmp_path / "runs")
    assert [result.reason for result in results if result.status == "failed"] == []
    trained = {(r.spec.backbone.name, r.spec.method.name) for r in results if r.spec.role == "student"}
    assert trained == {(backbone, method) for backbone in BACKBONES for method in SHIPPED}
    students = {(r.spec.backbone.name, r.spec.method.label): r for r in results if r.spec.role == "student"}
    for (backbone, label), result in students.items():
        plain = students[backbone, "none"]
        assert result.training is not None
        assert plain.training is not None
        added = set(result.training.final_terms) - set(plain.training.final_terms)
        assert bool(added) == (label != "none"), label
        assert (result.parameters, result.macs) == (plain.parameters, plain.macs), label
        assert result.spec.teacher is None or result.training.teacher_weights_sha256


def test_ablation_runs_every_row_and_labels_it_by_what_was_changed(root: Path, tmp_path: Path) -> None:
    matrix = reduced("ablation")
    results = run(matrix, root, tmp_path / "runs")
    assert [result.reason for result in results if result.status == "failed"] == []
    rows = build_rows(results, [result.spec for result in results])
    labels = [row.label for row in rows[1:]]
    assert labels[:2] == [
        "student 0.0625×",
        "student 0.0625× + pvd (point_affinity_weight=0, voxel_affinity_weight=0, voxel_output_weight=0)",
    ]
    assert "student 0.0625× + pvd" in labels
    assert "student 0.0625× + pvd (sampler=random)" in labels
    assert len(set(labels)) == len(labels) == len(matrix.methods)
    terms = [r.training.final_terms for r in results if r.training and r.spec.method.name == "pvd"]
    by_terms = [
        sorted(set(term) & {"point_output", "voxel_output", "point_affinity", "voxel_affinity"}) for term in terms
    ]
    assert by_terms[:8] == [
        ["point_output"],
        ["voxel_output"],
        ["point_output", "voxel_output"],
        ["point_affinity"],
        ["voxel_affinity"],
        ["point_affinity", "point_output", "voxel_output"],
        ["point_output", "voxel_affinity", "voxel_output"],
        ["point_affinity", "point_output", "voxel_affinity", "voxel_output"],
    ]
