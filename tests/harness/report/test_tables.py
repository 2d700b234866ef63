import json
from pathlib import Path

import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.report.breakdown import breakdown_tables
from harness.report.grouping import build_rows
from harness.report.records import build_frame, build_records
from harness.report.render import to_latex, to_markdown, write_tables
from harness.report.tables import Table, build_class_tables, build_table

LATENCY = "latency p50, ms (CPU: AMD EPYC, 2 threads) [1]"
NO_GPU = "latency p50, ms (GPU) [2]"


def test_figures_as_they_are_read(matrix) -> None:
    frame = build_table(build_rows(matrix)).frame
    assert frame["network"].tolist() == ["teacher 1×", "student 0.5×", "student 0.5× + PVD"]
    assert frame["mIoU %"].tolist() == ["62.0 ± 1.0", "58.0 ± 1.0", "60.3 ± 0.6"]
    assert frame["Δ mIoU"].tolist() == ["+4.0 ± 0.0 [3]", "–", "+2.3 ± 0.6 [3]"]
    assert frame["GMACs"].tolist() == ["12.3"] * 3
    assert frame["MACs ratio"].tolist() == ["–", "1.00", "1.00"]
    assert frame["parameters, M"].tolist() == ["1.50"] * 3
    assert frame["parameters ratio"].tolist() == ["–", "1.00", "1.00"]
    assert frame[LATENCY].tolist() == ["41.0", "20.0", "20.0"]
    assert frame[NO_GPU].tolist() == ["–"] * 3
    assert frame["seeds"].tolist() == ["3"] * 3


def test_one_seed_claims_nothing(spec, result) -> None:
    frame = build_table(build_rows([result(spec(), 0.5)])).frame
    assert frame["seeds"].item() == "1 (1 seed, no claim)"
    assert frame["mIoU %"].item() == "50.0"


def test_failed_and_missing_cells_are_shown_with_the_reason(spec, result) -> None:
    failed = result(spec(seed=1), 0).model_copy(update={"status": "failed", "reason": "no\nmemory", "score": None})
    table = build_table(build_rows([result(spec(seed=0), 0.5), failed], planned=[spec(seed=7), spec("kd")]))
    assert table.frame["seeds"].tolist() == [
        "1 of 3 (1 seed, no claim; seed 1 failed; seed 7 missing) [3]",
        "0 of 1 (seed 0 missing)",
    ]
    assert "[3] seed 1 failed: no memory" in table.footnotes
    assert table.frame["mIoU %"].tolist() == ["50.0", "–"]


def test_other_tables_have_the_reason_beside_the_score(spec, result) -> None:
    failed = result(spec(seed=1), 0).model_copy(update={"status": "failed", "reason": "no\nmemory", "score": None})
    rows = build_rows([result(spec(seed=0), 0.5), failed], planned=[spec("kd", 3)])
    for table in (*build_class_tables(rows), *breakdown_tables(rows, "distance")):
        some, none = table.frame["mIoU %"]
        assert some.startswith("50.0 [1]")
        assert none.startswith("– [")
        assert "[1] seed 1 failed: no memory" in table.footnotes
        assert f"{none[2:]} seed 3 has no result" in table.footnotes


def test_a_gain_over_fewer_seeds_says_so(spec, result) -> None:
    rows = build_rows([result(spec(seed=0), 0.5), result(spec("kd", 0), 0.6), result(spec("kd", 1), 0.1)])
    assert build_table(rows).frame["Δ mIoU"].tolist() == ["–", "+10.0 (1 of 2 seeds, no claim)"]


@pytest.mark.parametrize(
    "partial, synthetic, mark", [(False, False, ""), (True, False, "†"), (False, True, "‡"), (True, True, "†‡")]
)
def test_partial_and_synthetic_data_are_marked(spec, result, partial, synthetic, mark) -> None:
    cell = spec(dataset={"partial": partial, "synthetic": synthetic})
    table = build_table(build_rows([result(cell, 0.5)]))
    assert table.frame["data"].item() == "semantickitti" + mark
    notes = " ".join(table.footnotes)
    assert ("† partial data: 40 of 19130 train, 10 of 4071 val scans" in notes) == partial
    assert ("‡ synthetic streets" in notes) == synthetic


def test_two_sets_of_data_never_look_like_one(spec, result) -> None:
    cells = [spec(), spec(dataset={"manifest": "ffff0000ffff0000"})]
    table = build_table(build_rows([result(cell, 0.5) for cell in cells]))
    assert table.frame["data"].tolist() == ["semantickitti [3]", "semantickitti [4]"]
    assert any("manifest ffff0000ffff" in note for note in table.footnotes)


def test_a_row_of_another_protocol_has_a_footnote(spec, result) -> None:
    table = build_table(build_rows([result(spec(), 0.5), result(spec("kd"), 0.6, card={"tta": True})]))
    assert table.frame["network"].tolist() == ["student 0.5×", "student 0.5× + kd [3]"]
    assert "[3] tta is True, not False" in table.footnotes


def test_rows_that_were_trained_in_parts_share_a_footnote(spec, result) -> None:
    cells = [result(spec(name), 0.5, sharing={"micro_batch": 1}) for name in ("none", "kd")]
    table = build_table(build_rows([*cells, result(spec("pvd"), 0.5)]))
    assert table.frame["network"].tolist() == ["student 0.5× [3]", "student 0.5× + kd [3]", "student 0.5× + pvd"]
    note = "[3] trained with micro-batches of 1 scan: batch normalisation saw one scan at a time"
    assert table.footnotes.count(note) == 1


def test_cpu_and_gpu_latencies_have_a_column_each(spec, result) -> None:
    gpu = result(spec("kd"), 0.6, device_kind="GPU", device="H200", p50_ms=2.0)
    frame = build_table(build_rows([result(spec(), 0.5), gpu])).frame
    assert frame[LATENCY].tolist() == ["20.0", "–"]
    assert frame["latency p50, ms (GPU: H200) [1]"].tolist() == ["–", "2.0"]
    assert not any("(GPU)" in head for head in frame.columns)


def test_classes(matrix) -> None:
    [table] = build_class_tables(build_rows(matrix))
    frame = table.frame
    assert frame["car"].tolist() == ["72.0 ± 1.0", "68.0 ± 1.0", "70.3 ± 0.6"]
    assert frame.columns.tolist() == ["data", "backbone", "network", "mIoU %", "car", "person"]


def test_the_classes_of_two_tasks_have_a_table_each(spec, result) -> None:
    dataset = {"name": "nuscenes", "manifest": "ffff0000ffff0000"}
    one, other = result(spec(), 0.5), result(spec(dataset=dataset), 0.7)
    assert other.score is not None
    other = other.model_copy(update={"score": other.score.model_copy(update={"iou": {"barrier": 0.7}})})
    tables = build_class_tables(build_rows([one, other], planned=[spec(seed=3)]))
    assert [table.title for table in tables] == ["IoU by class on nuscenes, %", "IoU by class on semantickitti, %"]
    assert [table.frame.columns[4:].tolist() for table in tables] == [["barrier"], ["car", "person"]]
    assert [len(table.frame) for table in tables] == [1, 1]
    main = build_table(build_rows([one, other]))
    assert not any("another set of data" in note for note in main.footnotes), "their names tell them apart"


HOSTILE = "a|b_c & 50% <script> \\x {y} $z$ #1 ~ ^\n| end |"


def test_markdown_cells_are_escaped() -> None:
    lines = to_markdown(Table("T", pd.DataFrame([{"x": HOSTILE, "y": "1"}]), (HOSTILE,))).splitlines()
    assert lines[0] == "### T"
    assert lines[2] == "| x | y |"
    assert len([c for c in lines[4].replace("\\|", "") if c == "|"]) == 3
    assert "<script>" not in "".join(lines)
    assert len(lines) == 7, "a line break in a cell may not end the row"


def test_latex_is_escaped_and_uses_booktabs() -> None:
    text = to_latex(Table("T_1", pd.DataFrame([{"x": HOSTILE, "y": "1.0 ± 0.1"}]), ()))
    row = next(line for line in text.splitlines() if line.startswith("a|b"))
    assert row == (
        r"a|b\_c \& 50\% \textless{}script\textgreater{} \textbackslash{}x \{y\} \$z\$ \#1 \textasciitilde{} "
        r"\textasciicircum{} | end | & 1.0 $\pm$ 0.1 \\"
    )
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\caption{T\_1}")] == [1] * 4


def test_what_moves_a_cursor_is_no_part_of_a_table() -> None:
    hostile = Table("T", pd.DataFrame([{"x": "a\x00\x1b[31mb\u202e"}]), ("\x1b[2J\ufffe",))
    for text in (to_markdown(hostile), to_latex(hostile)):
        assert all(character.isprintable() for character in text.replace("\n", ""))


def test_a_bracket_is_no_latex_option() -> None:
    text = to_latex(Table("T", pd.DataFrame([{"x": "[9pt] a"}]), ("[1] note",)))
    assert r"{[}9pt{]} a \\" in text
    assert r"\item {[}1{]} note" in text


def test_records_keep_full_precision_and_fractions(matrix) -> None:
    record = build_records(build_rows(matrix))[2]
    assert record["miou_mean"] == pytest.approx(0.60333333)
    assert record["delta_mean"] == pytest.approx(0.02333333)
    assert record["delta_seeds"] == 3
    assert record["iou"]["car"] == pytest.approx(0.70333333)
    assert record["settings"] == {"weight": 0.1}
    assert record["seeds"] == [0, 1, 2]
    assert build_frame(build_rows(matrix))["iou.car"].tolist() == pytest.approx([0.72, 0.68, 0.70333333])


def test_files(tmp_path: Path, matrix, spec) -> None:
    rows = build_rows(matrix, planned=[*(result.spec for result in matrix), spec("kd")])
    paths = write_tables(tmp_path / "tables", rows)
    assert [path.name for path in paths] == ["table.md", "table.tex", "table.csv", "table.json"]
    markdown = paths[0].read_text()
    assert "60.3 ± 0.6" in markdown
    assert "### Published by others: SemanticKITTI single-scan" in markdown
    assert json.loads(paths[3].read_text()) == json.loads(json.dumps(build_records(rows)))
    table = pd.read_csv(paths[2])
    assert table["miou_mean"].tolist()[:3] == pytest.approx([0.62, 0.58, 0.60333333])
    assert table["missing"].isna().tolist() == [True, True, True, False]
    assert write_tables(tmp_path / "again", rows)[1].read_bytes() == paths[1].read_bytes()


def test_no_cells_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="no cells"):
        write_tables(tmp_path, [])
