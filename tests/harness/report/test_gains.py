import numpy as np
import pytest
from driven import driven, noisy_road

from harness.report.grouping import build_rows
from harness.report.records import build_frame, build_records
from harness.report.tables import OF_GAIN, OF_MEAN, build_table
from harness.spec import CellResult, MacsResult
from harness.statistics.holm import holm

GAINS = {"none": 0, "kd": 0, "fitnets": 3, "pvd": 60}


def cells_of(spec, result, seeds: int, gains=GAINS, **changes) -> list[CellResult]:
    """Each method with its gain in tenths of a percent of the points."""
    rng = np.random.default_rng(4)
    return [
        driven(result(spec(method, seed, **changes), 0.0), noisy_road(rng, 20, 8, gain))
        for method, gain in gains.items()
        for seed in range(seeds)
    ]


def test_gains_that_can_not_be_told_from_none_are_marked(spec, result) -> None:
    rows = build_rows(cells_of(spec, result, 5))
    table = build_table(rows)
    marked = dict(zip([row.spec.method.name for row in rows], table.frame["Δ mIoU"], strict=True))
    assert marked["none"] == "–"
    assert [marked[name].endswith("=") for name in ("kd", "fitnets", "pvd")] == [True, True, False]
    [rule] = [note for note in table.footnotes if note.startswith("= ")]
    assert "2000 draws" in rule
    assert "Holm" in rule
    assert any("too few pairs to reach p < .05 (0.0625 at best)" in note for note in table.footnotes)


def test_p_values_are_adjusted_over_the_rows_of_one_student(spec, result) -> None:
    cells = cells_of(spec, result, 4) + cells_of(spec, result, 4, {"none": 0, "pvd": 10}, width=0.25)
    rows = build_rows(cells)
    for width in (0.5, 0.25):
        gains = [row.gain for row in rows if row.spec.backbone.width == width and row.gain is not None]
        raw = [gain.comparison.p for gain in gains if gain.comparison is not None]
        assert [gain.p_holm for gain in gains] == pytest.approx(holm(raw))
        assert len(raw) == (3 if width == 0.5 else 1)


def test_every_row_has_its_interval(spec, result) -> None:
    rows = build_rows(cells_of(spec, result, 3))
    for row in rows:
        assert row.interval is not None
        assert row.miou is not None
        assert row.interval.low < row.miou.mean < row.interval.high
        assert (row.interval.seeds, row.interval.stretches) == (3, 20)


def test_intervals_stand_beside_what_they_are_of(spec, result) -> None:
    rows = build_rows(cells_of(spec, result, 3))
    table = build_table(rows)
    heads = table.frame.columns.tolist()
    assert heads[3:7] == ["mIoU %", OF_MEAN, "Δ mIoU", OF_GAIN]
    for row, shown in zip(rows, table.frame[OF_MEAN], strict=True):
        assert row.interval is not None
        assert shown == f"{100 * row.interval.low:.1f} to {100 * row.interval.high:.1f}"
    comparison = rows[-1].gain.comparison
    low, high = (100 * end for end in (comparison.interval.low, comparison.interval.high))
    assert table.frame[OF_GAIN].tolist()[::3] == ["–", f"{low:+.1f} to {high:+.1f}"]
    assert any(note.startswith("95 % interval: ") for note in table.footnotes)


def test_an_interval_by_seeds_alone_says_so(matrix) -> None:
    table = build_table(build_rows(matrix))
    [note] = [note for note in table.footnotes if "by seeds alone" in note]
    assert not [note for note in table.footnotes if "draws" in note], "no road was drawn"
    assert all(shown.endswith(note[:3]) for shown in table.frame[OF_MEAN])


def test_a_row_of_one_seed_has_a_dash_among_others(spec, result) -> None:
    frame = build_table(build_rows([*cells_of(spec, result, 3, {"none": 0}), result(spec("kd"), 0.5)])).frame
    assert frame[OF_MEAN].tolist()[1] == "–"
    assert OF_GAIN not in frame


def test_one_seed_has_neither_interval_nor_p_value_nor_mark(spec, result) -> None:
    table = build_table(rows := build_rows(cells_of(spec, result, 1)))
    assert all(row.interval is None for row in rows)
    assert not {OF_MEAN, OF_GAIN} & {*table.frame}, "a table of one seed is no wider"
    assert not any("=" in gain for gain in table.frame["Δ mIoU"])
    assert not any(note.startswith("= ") for note in table.footnotes)
    assert table.frame["seeds"].tolist() == ["1 (1 seed, no claim)"] * 4


def test_records_hold_every_figure_of_the_comparison(spec, result) -> None:
    rows = build_rows(cells_of(spec, result, 3))
    plain, *_, pvd = build_records(rows)
    assert pvd["ci_low"] < pvd["miou_mean"] < pvd["ci_high"]
    assert pvd["delta_ci"][0] < pvd["delta_mean"] < pvd["delta_ci"][1]
    assert (pvd["p"] < 0.05) == (pvd["delta_ci"][0] > 0)
    assert pvd["p"] <= pvd["p_holm"]
    assert (pvd["wilcoxon_p"], pvd["wilcoxon_least_p"], pvd["delta_seeds"], pvd["delta_stretches"]) == (
        0.25,
        0.25,
        3,
        20,
    )
    assert [plain[key] for key in ("delta_ci", "p", "p_holm", "wilcoxon_p")] == [None] * 4
    frame = build_frame(rows)
    assert frame["delta_ci_low"].iloc[-1] == pvd["delta_ci"][0]
    assert frame["p_holm"].isna().tolist() == [True, False, False, False]


def test_figures_do_not_depend_on_the_order_of_results(spec, result) -> None:
    cells = cells_of(spec, result, 3)
    planned = [cell.spec for cell in cells]
    assert build_records(build_rows(cells, planned)) == build_records(build_rows(cells[::-1], planned))


def test_comparisons_by_seeds_alone_say_so(matrix) -> None:
    table = build_table(build_rows(matrix))
    [note] = [note for note in table.footnotes if "by seeds alone" in note]
    assert table.frame["Δ mIoU"].iloc[2].endswith(note[:3])


def test_a_row_without_a_gain_says_why(spec, result) -> None:
    other_width, other_seed = result(spec("kd", width=0.25), 0.5), result(spec("kd", 7), 0.5)
    table = build_table(build_rows([result(spec(), 0.5), other_width, other_seed]))
    reasons = {note[:3]: note for note in table.footnotes}
    plain, seed, width = table.frame["Δ mIoU"]
    assert plain == "–"
    assert "no seed that has a score" in reasons[seed[-3:]]
    assert "no one student without distillation" in reasons[width[-3:]]


def costly(result: CellResult, gmacs: float, scans: int = 20) -> CellResult:
    macs = MacsResult(scans=scans, gmacs_mean=gmacs, gmacs_min=gmacs, gmacs_max=gmacs, voxels_mean=1)
    return result.model_copy(update={"macs": macs, "parameters": int(gmacs * 1e6)})


def test_ratios_are_of_the_teacher_of_the_group(spec, result) -> None:
    teacher = costly(result(spec(role="teacher"), 0.6), 40.0)
    students = [costly(result(spec(name), 0.5), 10.0) for name in ("none", "kd")]
    alone = costly(result(spec(backbone="spvnas"), 0.5), 10.0)
    rows = build_rows([teacher, *students, alone])
    assert [(row.macs_ratio, row.parameters_ratio) for row in rows] == [(None, None), (4, 4), (4, 4), (None, None)]
    frame = build_table(rows).frame
    assert frame["MACs ratio"].tolist() == ["–", "4.00", "4.00", "–"]
    assert "MACs ratio" not in build_table(build_rows([alone])).frame


def test_no_ratio_of_counts_on_other_scans_or_of_teachers_that_differ(spec, result) -> None:
    teacher, student = costly(result(spec(role="teacher"), 0.6), 40.0), costly(result(spec(), 0.5), 10.0, scans=5)
    assert build_rows([teacher, student])[1].macs_ratio is None
    assert build_rows([teacher, student])[1].parameters_ratio == 4
    wider = costly(result(spec(role="teacher", width=2.0), 0.6), 160.0)
    assert build_rows([teacher, wider, costly(student, 10.0)])[2].macs_ratio is None
