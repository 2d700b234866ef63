import numpy as np
import pytest
from driven import driven, stretch

from harness.report.breakdown import break_down, breakdown_frame, breakdown_records, breakdown_tables
from harness.report.grouping import build_rows
from harness.report.tables import build_class_tables
from harness.spec import CellResult


def cell(spec, result, method: str, seed: int, better: int = 0, sequences: int = 2) -> CellResult:
    """Sequences that get easier, two stretches each."""
    easier = range(sequences)
    parts = [(f"{name:02d}", half) for name in easier for half in (0, 1)]
    road = [stretch(half, (500 + 10 * int(name) + better + seed, 500), sequence=name) for name, half in parts]
    return driven(result(spec(method, seed), 0.0), road)


def iou_of(correct: int) -> float:
    return correct / (2000 - correct)


def test_a_sequence_scores_as_its_stretches_together(spec, result) -> None:
    rows = build_rows([cell(spec, result, "none", seed) for seed in (0, 2)])
    parts = break_down(rows[0], "sequence")
    assert list(parts) == ["00", "01"]
    expected = [(iou_of(510 + seed) + iou_of(500)) / 2 for seed in (0, 2)]
    assert parts["01"].miou is not None
    assert parts["01"].miou.mean == pytest.approx(np.mean(expected))
    assert parts["01"].miou.sd == pytest.approx(np.std(expected, ddof=1))
    assert parts["01"].iou["person"].mean == pytest.approx(iou_of(500))


def test_bands_stand_in_order_and_one_without_points_is_empty(spec, result) -> None:
    rows = build_rows([cell(spec, result, "none", seed) for seed in (0, 1)])
    [table] = breakdown_tables(rows, "distance")
    assert table.frame.columns.tolist()[4:] == ["0–10 m", "10–20 m", "40–50 m"]
    assert table.frame["40–50 m"].tolist() == ["– [1]"]
    assert table.footnotes == ("[1] no score there: no scored points, or the rule leaves it out",)
    near, far = (float(table.frame[name].item().split(" ")[0]) for name in ("0–10 m", "10–20 m"))
    assert near - far == pytest.approx(10)


def test_few_sequences_have_a_column_each(spec, result) -> None:
    [table] = breakdown_tables(build_rows([cell(spec, result, "none", 0, sequences=12)]), "sequence")
    assert table.title == "mIoU by sequence on semantickitti, %"
    assert table.frame.columns.tolist()[4:] == [f"{name:02d}" for name in range(12)]


def test_of_many_sequences_the_table_tells_the_distribution(spec, result) -> None:
    cells = [cell(spec, result, m, s, 7 * (m == "kd"), 150 // 3) for m in ("none", "kd") for s in (0, 1)]
    [table] = breakdown_tables(build_rows(cells), "sequence")
    plain, distilled = table.frame.to_dict("records")
    assert plain["sequences"] == "50"
    assert plain["lowest"].endswith("(00)")
    assert plain["highest"].endswith("(49)")
    assert (plain["above the student in"], distilled["above the student in"]) == ("–", "50 of 50")
    assert float(plain["25 %"]) < float(plain["median"]) < float(plain["75 %"])
    assert any("CSV and JSON have every sequence" in note for note in table.footnotes)


def test_each_set_of_data_has_its_sequences(spec, result) -> None:
    other = driven(result(spec(dataset={"name": "nuscenes"}), 0.0), [stretch(0, (5, 5), sequence="scene-0103")])
    tables = breakdown_tables(build_rows([cell(spec, result, "none", 0), other]), "sequence")
    assert [table.title for table in tables] == ["mIoU by scene on nuscenes, %", "mIoU by sequence on semantickitti, %"]
    assert [table.frame.columns.tolist()[4:] for table in tables] == [["scene-0103"], ["00", "01"]]


def test_records_hold_every_part_of_every_row(spec, result) -> None:
    rows = build_rows([cell(spec, result, method, 0, sequences=40) for method in ("none", "kd")])
    records = breakdown_records(rows, "sequence")
    assert len(records) == 80
    assert records[0] | {"iou": 0, "miou_mean": 0} == records[0] | {
        "label": "student 0.5×", "by": "sequence", "part": "00", "seeds": 1, "miou_sd": None, "iou": 0, "miou_mean": 0,
    }  # fmt: skip
    assert records[0]["iou"]["car"] == pytest.approx(iou_of(500))
    frame = breakdown_frame(rows, "distance")
    assert len(frame) == 6
    assert frame["iou.car"].notna().all()
    assert frame["miou_mean"].isna().tolist() == [False, False, True] * 2


@pytest.mark.parametrize("by", ["distance", "sequence"])
def test_a_result_of_an_older_version_says_that_it_has_no_parts(spec, result, by) -> None:
    rows = build_rows([result(spec(), 0.5), cell(spec, result, "kd", 0)])
    [table] = breakdown_tables(rows, by)
    assert table.frame["mIoU %"].tolist()[0].endswith("]")
    assert any("before 0.6" in note for note in table.footnotes)
    assert table.frame.iloc[0, 4:].tolist() == ["–"] * (len(table.frame.columns) - 4)


def without(told: CellResult, **parts: object) -> CellResult:
    """A result that lacks parts of its score."""
    assert told.score is not None
    return told.model_copy(update={"score": told.score.model_copy(update=parts)})


@pytest.mark.parametrize("by, name", [("distance", "0–10 m"), ("sequence", "00")])
def test_a_mean_over_fewer_seeds_than_the_row_says_so(spec, result, by, name) -> None:
    cells = [cell(spec, result, "none", seed) for seed in range(3)]
    [table] = breakdown_tables(build_rows([*cells[:2], without(cells[2], by_distance=(), stretches=())]), by)
    shown = table.frame[name].item()
    assert " ± " in shown
    assert f"{shown[-3:]} 2 of 3 seeds: the others have no score there" in table.footnotes


def test_one_band_that_one_seed_lacks_is_marked_alone(spec, result) -> None:
    cells = [cell(spec, result, "none", seed) for seed in range(3)]
    assert cells[0].score is not None
    cells[0] = without(cells[0], by_distance=cells[0].score.by_distance[:1])
    [table] = breakdown_tables(build_rows(cells), "distance")
    assert [table.frame[name].item().endswith("]") for name in ("0–10 m", "10–20 m")] == [False, True]


def test_a_distribution_of_fewer_seeds_says_so(spec, result) -> None:
    cells = [cell(spec, result, "none", seed, sequences=40) for seed in range(2)]
    [table] = breakdown_tables(build_rows([cells[0], without(cells[1], stretches=())]), "sequence")
    assert "[1] 40 of 40 sequences have no score of some of the 2 seeds" in table.footnotes


def test_classes_that_the_first_seed_lacks_are_no_less_there(spec, result) -> None:
    cells = [cell(spec, result, "none", seed) for seed in range(2)]
    bands = tuple(band.model_copy(update={"iou": {"person": 0.5}}) for band in cells[0].score.by_distance)
    rows = build_rows([without(cells[0], by_distance=bands, iou={"person": 0.5}), cells[1]])
    assert break_down(rows[0], "distance")["0–10 m"].iou["car"].n == 1
    assert rows[0].iou["car"].n == 1
    [table] = build_class_tables(rows)
    assert table.frame["car"].item().endswith(" [1]")
    assert "[1] 1 of 2 seeds: the others have no score there" in table.footnotes
