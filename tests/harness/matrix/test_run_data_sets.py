"""The matrices of the other data sets as they ship but for their size, from the making of the streets to the tables."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from harness.cli import cli
from harness.config.matrix_file import load_matrix, parse_matrix, read_matrix
from harness.config.models import MatrixConfig
from harness.config.override import override
from harness.config.parts import parts
from harness.data.open import open_dataset
from harness.errors import HarnessError
from harness.matrix.check import check_matrix
from harness.matrix.data import RunData, prepare_data
from harness.matrix.executors.debug import DebugExecutor
from harness.matrix.order import CellOrder, DataCopy, Resources
from harness.matrix.orders import make_orders
from harness.matrix.plan import plan
from harness.matrix.run import run_matrix
from harness.matrix.source import data_root
from harness.report.grouping import build_rows
from harness.spec import CellResult
from harness.store import Store

GRID = {"grid": [24, 18, 8], "point_mlp": "scaled"}
BACKBONES = [
    {"name": "minkowskinet", "voxel_size_m": 4.0, "teacher_width": 0.125, "student_width": 0.0625},
    {"name": "cylinder3d", "settings": GRID, "teacher_width": 0.125, "student_width": 0.0625},
]


class Silent:
    """A progress display that shows nothing."""

    def cell(self, name: str, number: int, cells: int) -> None: ...

    def step(self, step: object) -> None: ...

    def phase(self, name: str, done: int, total: int) -> None: ...

    def note(self, sentence: str) -> None: ...


def reduced(name: str, methods: list[str]) -> MatrixConfig:
    """A shipped matrix on a handful of small synthetic scans, with tiny networks and one epoch."""
    content = load_matrix(name).model_dump(mode="json")
    content |= {"backbones": BACKBONES, "methods": methods, "seeds": [0], "submission": None}
    content["datasets"][0]["synthetic"] = {"scans": 8, "azimuths": 96, "seed": 1}
    content["recipe"] = {"epochs": 1, "learning_rate": 0.01}
    content["measure"] = {"macs_scans": 1, "latency_scans": 0, "tta": {"flip": ["none", "x"]}}
    return parse_matrix(content, "test")


def run(matrix: MatrixConfig, out: Path) -> tuple[list[CellResult], list[RunData]]:
    check_matrix(matrix)
    store, orders, prepared = Store(out), list[CellOrder](), list[RunData]()
    for part in parts(matrix):
        root = data_root(part.dataset, {}, out, Silent())
        copy = DataCopy(part.dataset.name, root, settings=part.dataset.settings)
        data = prepare_data(copy, store.path, 0)
        specs = plan(part, data.spec, data.dataset.label_map.classes)
        orders += make_orders(specs, copy, store, Resources(torch.device("cpu")))
        prepared.append(data)
    return run_matrix(orders, store, DebugExecutor(), Silent()), prepared


def test_nuscenes_is_trained_scored_by_its_own_rule_and_shown(tmp_path: Path) -> None:
    results, [data] = run(reduced("nuscenes", ["none", "pvd"]), tmp_path)
    assert [result.reason for result in results if result.status == "failed"] == []
    assert data.spec.settings == {"version": "v1.0-trainval"}
    for result in results:
        assert result.protocol is not None
        assert result.score is not None
        assert result.tta is not None
        assert result.protocol.scoring_rule == "nuscenes-official"
        assert len(result.score.iou) == 16
        assert result.score.accuracy is None
        assert 0 <= (result.score.fwiou or 0) <= 1
        assert sum(result.score.confusion[0]) == 0
        absent = [name for name, value in result.score.iou.items() if value is None]
        present = [value for value in result.score.iou.values() if value is not None]
        assert result.score.miou == pytest.approx(sum(present) / len(present))
        assert absent == [name for name, value in result.tta.score.iou.items() if value is None]
    cylinder = next(r.spec for r in results if r.spec.backbone.name == "cylinder3d" and r.spec.method.name == "pvd")
    assert cylinder.backbone.settings["z_m"] == [-5, 3]
    assert cylinder.method.settings["highest"][2] == 3
    for result in results:
        shown = CliRunner().invoke(cli, ["show", result.spec.hash, "--out", str(tmp_path)])
        assert shown.exit_code == 0, shown.output
        assert "with test-time augmentation, 2 views: mIoU" in shown.output
        absent = [name for name, value in (result.score.iou if result.score else {}).items() if value is None]
        assert shown.output.count("absent, left out") == len(absent)
    rows = build_rows(results)
    assert [row.label for row in rows[:4]] == [
        "teacher 0.125×",
        "teacher 0.125× + TTA, 2 views (flip none x)",
        "student 0.0625×",
        "student 0.0625× + TTA, 2 views (flip none x)",
    ]


def test_multi_scan_trains_on_past_scans_and_scores_the_current_one_alone(tmp_path: Path) -> None:
    matrix = reduced("multiscan", ["none", "pvd"])
    results, [data] = run(matrix, tmp_path)
    assert [result.reason for result in results if result.status == "failed"] == []
    single = open_dataset("semantickitti", data.dataset.root)
    points = sum(len(single.read(scan_id)) for scan_id in data.evaluation)
    joined = sum(len(data.dataset.read(scan_id)) for scan_id in data.evaluation)
    assert joined > points
    for result in results:
        assert result.score is not None
        assert result.tta is not None
        assert len(result.score.iou) == 25
        assert sum(map(sum, result.score.confusion)) == sum(map(sum, result.tta.score.confusion)) == points


def test_a_matrix_of_both_data_sets_trains_short_epochs_of_each(tmp_path: Path) -> None:
    small = [
        f"backbones={[BACKBONES[0]]}",
        "methods=[none]",
        "recipe.epochs=1",
        "recipe.scans_per_epoch=1",
        "measure={macs_scans: 1, latency_scans: 0}",
        *(f"datasets.{index}.synthetic={{scans: 5, azimuths: 64}}" for index in range(2)),
    ]
    results, prepared = run(override(*read_matrix("nightly"), settings=small), tmp_path)
    assert [result.reason for result in results if result.status == "failed"] == []
    assert [(result.spec.dataset.name, result.spec.role) for result in results] == [
        ("semantickitti", "teacher"), ("semantickitti", "student"), ("nuscenes", "teacher"), ("nuscenes", "student")
    ]  # fmt: skip
    assert all(len(data.train) > 1 for data in prepared)
    for result in results:
        assert result.training is not None
        assert (result.training.steps, result.spec.recipe.name) == (1, "nightly")


def test_a_data_set_that_can_not_be_exported_says_so_before_it_is_trained() -> None:
    content = load_matrix("nuscenes").model_dump(mode="json") | {"submission": "pvd"}
    with pytest.raises(HarnessError, match="key submission: found a nuScenes matrix"):
        parse_matrix(content, "test")


@pytest.mark.parametrize(
    "settings, message",
    [({"version": "v1.0"}, "settings.version"), ({"verzion": "v1.0-mini"}, "Did you mean 'version'")],
)
def test_settings_of_a_data_set_are_checked_with_the_file(settings: dict[str, object], message: str) -> None:
    content = load_matrix("nuscenes").model_dump(mode="json")
    content["datasets"][0]["settings"] = settings
    with pytest.raises(HarnessError, match=message):
        parse_matrix(content, "test")
