"""`harness tables` on a store that is written here: nothing is trained."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from harness.evaluate.scoring import class_sums
from harness.measure.latency.records import write_record
from harness.spec import BandScore, CellResult, LatencyRecord, MachineState, ProcessRun, SpanResult, Stretch, WarmUp
from harness.store import Store

GOLDEN = Path(__file__).parents[2] / "golden" / "0.4.0" / "result.json"


@pytest.fixture
def old() -> CellResult:
    """A result as version 0.4.0 left it: without stretches and bands."""
    return CellResult.model_validate_json(GOLDEN.read_bytes())


def store(out: Path, *results: CellResult) -> None:
    for result in results:
        Store(out).add(result.spec, Path("data")).write_result(result)


def with_parts(result: CellResult) -> CellResult:
    """Say that all points lie in one band, and on one stretch of sequence 08."""
    assert result.score is not None
    correct, predicted, true = (tuple(sums.tolist()) for sums in class_sums(np.array(result.score.confusion)))
    stretch = Stretch(sequence="08", first="08/000000", scans=4, correct=correct, predicted=predicted, true=true)
    band = BandScore(above_m=1e-8, below_m=10, points=sum(true), miou=result.score.miou, iou=result.score.iou)
    score = result.score.model_copy(update={"by_distance": (band,), "stretches": (stretch,)})
    return result.model_copy(update={"score": score})


def record_of(result: CellResult, p50_ms: float) -> LatencyRecord:
    spec, state = result.spec, MachineState(name="a processor")
    span = SpanResult(p50_ms=p50_ms, p95_ms=30, p99_ms=None, mean_ms=21, mad_ms=1)
    run = ProcessRun(
        number=0,
        cold_start_ms=90,
        warm_up=WarmUp(passes=3, settled=True, growth_mib=0, tuned=False),
        end_to_end_ms=((p50_ms,),),
        spans={},
        peak_memory_mib=100,
        energy_mj_per_scan=None,
        before=state,
        after=state,
    )
    return LatencyRecord(
        dataset=spec.dataset.name,
        synthetic=spec.dataset.synthetic,
        backbone=spec.backbone,
        engine=spec.engine,
        engine_version="1",
        device_kind="CPU",
        device="a processor",
        threads=1,
        torch="2",
        harness="0.6.0",
        commit=None,
        scan_ids=("08/000000",),
        scans_sha256="0" * 64,
        voxels=(100,),
        interleaved_with=(),
        passes=1,
        end_to_end=span,
        spans={},
        fit=None,
        cold_start_ms=90,
        peak_memory_mib=100,
        energy_mj_per_scan=None,
        processes=(run,),
        verdict="stable",
        reasons=(),
    )


def test_a_store_of_an_older_version_has_its_table(tmp_path: Path, old: CellResult, harness) -> None:
    store(tmp_path, old)
    shown = harness("tables", "--out", tmp_path)
    assert shown.code == 0
    assert "1 (1 seed, no claim)" in shown.out
    assert "not measured on a GPU" in shown.out
    [record] = json.loads(harness("tables", "--out", tmp_path, "--json").out)
    assert record["miou_mean"] == old.score.miou
    assert (record["ci_low"], record["p"], record["delta_ci"]) == (None, None, None)
    assert "before 0.6" in harness("tables", "--out", tmp_path, "--by", "distance").out


@pytest.mark.parametrize("by, part", [("distance", "0–10 m"), ("sequence", "08")])
def test_by_parts_in_every_format(tmp_path: Path, old: CellResult, harness, by, part) -> None:
    store(tmp_path, with_parts(old))
    options = ("tables", "--out", tmp_path, "--by", by)
    markdown = harness(*options).out
    assert f"### mIoU by {by}" in markdown
    assert part in markdown
    assert r"\toprule" in harness(*options, "--format", "latex").out
    [record] = json.loads(harness(*options, "--json").out)
    [line] = csv.DictReader(io.StringIO(harness(*options, "--format", "csv").out))
    assert record["part"] == line["part"] == part
    assert record["miou_mean"] == pytest.approx(old.score.miou)
    assert float(line["miou_mean"]) == pytest.approx(old.score.miou)


@pytest.mark.parametrize("clash", [("--classes",), ("--write", "tables")])
def test_parts_are_printed_by_themselves(tmp_path: Path, harness, clash) -> None:
    outcome = harness("tables", "--out", tmp_path, "--by", "distance", *clash)
    assert outcome.code == 2
    assert "--by is printed" in outcome.err


def test_records_of_latency_beside_the_store_are_read(tmp_path: Path, old: CellResult, harness) -> None:
    store(tmp_path, old)
    write_record(tmp_path / "latency", record_of(old, 12.5))
    [record] = json.loads(harness("tables", "--out", tmp_path, "--json").out)
    machine = "CPU: a processor, 1 thread"
    assert record["latency_p50_ms"][machine] == 12.5
    assert record["latency_protocol"][machine] == "latency-v1"
    assert "12.5" in harness("tables", "--out", tmp_path).out


def test_a_latency_record_that_can_not_be_read_is_left_out_and_named(tmp_path: Path, old: CellResult, harness) -> None:
    store(tmp_path, old)
    (tmp_path / "latency").mkdir()
    (tmp_path / "latency/half.json").write_text("{")
    outcome = harness("tables", "--out", tmp_path)
    assert outcome.code == 0
    assert "left out: " in outcome.err
    assert "half.json" in outcome.err
    assert "Accuracy and cost" in outcome.out
