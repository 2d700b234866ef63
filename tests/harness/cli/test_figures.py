"""The numbers of `harness show`, each with its protocol card."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli.figures import figure_lines
from harness.config.models import BackboneConfig, MethodConfig
from harness.config.resolve import resolve_backbone, resolve_method
from harness.spec import (
    BandScore,
    CellResult,
    CellSpec,
    DatasetSpec,
    LatencyResult,
    MacsResult,
    ProtocolCard,
    RecipeSpec,
    ScoreResult,
    SpanResult,
    Stretch,
    TrainingResult,
    TtaResult,
    TtaSpec,
)
from harness.store import CellFolder, Store


def make_spec(**changes: object) -> CellSpec:
    dataset = DatasetSpec(
        name="semantickitti",
        manifest="m",
        label_map="l",
        synthetic=True,
        partial=False,
        scans={"val": 5},
        official_scans={"val": 4071},
    )
    return CellSpec(
        role="student",
        dataset=dataset,
        backbone=resolve_backbone(BackboneConfig(name="minkowskinet"), 0.5, 19, "test"),
        method=resolve_method(MethodConfig(name="logit_kd"), "test"),
        recipe=RecipeSpec(epochs=2),
        seed=0,
        engine="portable",
    ).model_copy(update=changes)


@pytest.fixture
def cell(tmp_path: Path) -> CellFolder:
    """A cell of the store ``<tmp_path>/runs``."""
    return Store(tmp_path / "runs").add(make_spec(), tmp_path)


def finished(spec: CellSpec, **changes: object) -> CellResult:
    """A result with every number that a cell may have."""
    span = SpanResult(p50_ms=20, p95_ms=30, p99_ms=None, mean_ms=21, mad_ms=1)
    score = ScoreResult(
        miou=0.4,
        accuracy=0.9,
        iou={"car": 0.8, "person": None},
        confusion=[[0]],
        by_distance=(
            BandScore(above_m=1e-8, below_m=10, points=500, miou=0.5, iou={"car": 0.5, "person": None}),
            BandScore(above_m=10, below_m=20, points=0, miou=None, iou={"car": None, "person": None}),
        ),
    )
    card: dict[str, object] = {"scoring_rule": "semantickitti-official", "split": "val", "trained_on": spec.train_on}
    card |= {"tta": False, "engine": "portable", "engine_version": "1", "device": "A CPU", "torch": "2.9"}
    told: dict[str, object] = {
        "protocol": ProtocolCard.model_validate(card | {"harness": "0.6.0", "commit": "c0ffee"}),
        "parameters": 1_500_000,
        "score": score,
        "tta": TtaResult(settings=TtaSpec(), views=4, score=score.model_copy(update={"miou": 0.45})),
        "macs": MacsResult(scans=1, gmacs_mean=2, gmacs_min=2, gmacs_max=2, voxels_mean=9, scan_ids=("08/000000",)),
        "latency": LatencyResult(
            device_kind="CPU",
            device="A CPU",
            threads=2,
            scans=5,
            passes=3,
            end_to_end=span,
            spans={},
            fit=None,
            cold_start_ms=None,
        ),
        "training": TrainingResult(
            steps=20,
            seconds=60,
            peak_memory_mib=100,
            devices=("A CPU, threads: 2",),
            final_terms={},
            weights_sha256="0" * 64,
            teacher_weights_sha256=None,
        ),
    }
    return CellResult.model_validate({"spec": spec, "status": "finished"} | told | changes)


def test_under_each_number_stands_its_card(
    cell: CellFolder, harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    cell.write_result(finished(cell.spec()))
    lines = harness("show", "--out", tmp_path / "runs", "logit_kd").out.splitlines()
    head = "val, 5 of 4071 scans †synthetic, rule semantickitti-official"
    first = lines.index(f"  mIoU 40.00 %, accuracy 90.00 %  ({head})")
    assert lines[first + 1 : first + 8] == [
        "  IoU by class:",
        "    car      80.00 %",
        "    person  absent, left out",
        "  mIoU by distance:",
        "    0 to 10 m  (500 points)   50.00 %",
        "    10 to 20 m  (0 points)          –",
        "    card",
    ]
    after = lines[first + 8 :]
    assert after[0].startswith("      data: semantickitti, manifest m, label map l, synthetic yes, partial no")
    beside = [place for place, line in enumerate(after) if line == "    card, beside the above"]
    numbers = [after[place - 1].strip() for place in beside]
    assert numbers == [
        "with test-time augmentation, 4 views: mIoU 45.00 %",
        "1.500 M parameters, 2.000 GMACs (1 scan)",
        "latency p50 20.0 ms, p95 30.0 ms (CPU, A CPU)",
    ]
    told = [after[place + 1].strip() for place in beside]
    assert told[0] == "score: test-time augmentation yes, flip [none, x, y, xy], rotate 0 degrees, scale 1"
    assert told[1].startswith("MACs: protocol macs-v1, scans 1, list ")
    assert told[2] == "latency: protocol latency-v1-core, machine CPU A CPU, threads 2, scans 5, passes 3"


def test_scripts_read_the_cards(cell: CellFolder, harness, tmp_path: Path) -> None:
    arguments = ("show", "--out", tmp_path / "runs", "logit_kd", "--json")
    assert json.loads(harness(*arguments).out)["card"] is None
    cell.write_result(finished(cell.spec()))
    record = json.loads(harness(*arguments).out)
    assert (record["card"]["spec_hash"], record["card"]["tta"]) == (cell.spec().hash, "False")
    assert (record["card_with_views"]["tta"], record["card_with_views"]["tta.rotate_deg"]) == ("True", "[0]")
    cell.write_result(finished(cell.spec(), tta=None))
    assert json.loads(harness(*arguments).out)["card_with_views"] is None


def test_a_card_is_folded_to_the_terminal(
    cell: CellFolder, harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    cell.write_result(finished(cell.spec()))
    lines = harness("show", "--out", tmp_path / "runs", "logit_kd").out.splitlines()
    own = lines[lines.index("    card") : lines.index("  1.500 M parameters, 2.000 GMACs (1 scan)")]
    assert max(map(len, own)) <= 70
    assert any(line.startswith("        ") for line in own), "the rest of a line is indented further"


def test_a_network_that_was_trained_on_the_split_has_no_score(harness, tmp_path: Path) -> None:
    spec = make_spec(train_on=("train", "val"))
    Store(tmp_path / "runs").add(spec, tmp_path).write_result(finished(spec, score=None, tta=None))
    result = harness("show", "--out", tmp_path / "runs", spec.hash)
    assert result.code == 0
    assert "  no mIoU: it was trained on val, the split that would be scored\n    card\n" in result.out
    assert "training: on train and val" in result.out
    assert "scoring rule" not in result.out, "nothing was scored"


@pytest.mark.parametrize("sequences, title", [(2, "mIoU by sequence:"), (13, "mIoU by sequence, worst 12 of 13:")])
def test_accuracy_by_sequence(sequences: int, title: str) -> None:
    """Of class 1 a little more of 100 points is right in each sequence than in the one before; class 2 is absent."""
    stretches = tuple(
        Stretch(sequence=f"{n:02d}", first="", scans=10 + n, correct=(5 * n, 0), predicted=(5 * n, 0), true=(100, 0))
        for n in range(sequences)
    )
    told = finished(make_spec())
    assert told.score is not None
    score = told.score.model_copy(update={"stretches": stretches})
    lines = list(figure_lines(told.model_copy(update={"score": score})))
    place = lines.index(title)
    assert lines[place + 1 : place + 3] == ["  00  (10 scans)    0.00 %", "  01  (11 scans)    2.50 %"]
    assert lines.index("  card") == place + 1 + min(sequences, 12)


def test_scenes_are_called_so() -> None:
    scene = Stretch(sequence="scene-0103", first="", scans=1, correct=(1, 1), predicted=(1, 1), true=(1, 1))
    told = finished(make_spec())
    assert told.score is not None
    lines = list(figure_lines(told.model_copy(update={"score": told.score.model_copy(update={"stretches": (scene,)})})))
    assert lines[lines.index("mIoU by scene:") + 1] == "  scene-0103  (1 scan)  100.00 %"


def test_a_score_of_before_there_were_stretches_has_no_sequences() -> None:
    assert not [line for line in figure_lines(finished(make_spec())) if "sequence" in line]
