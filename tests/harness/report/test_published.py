import statistics
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.report import published
from harness.report.published import (
    load_nuscenes_classes,
    load_published,
    published_folder,
    published_table,
    published_tables,
)

COLUMNS = "task,split,model,metric,value,source,year,tta,tricks,seen,spread,note"


def figures(task: str, model: str, split: str, metric: str = "miou") -> list[float]:
    return sorted(
        round(100 * figure.value, 2)
        for figure in load_published()
        if (figure.task, figure.model, figure.split, figure.metric) == (task, model, split, metric)
    )


@pytest.mark.parametrize(
    "task, model, split, values",
    [
        ("SemanticKITTI single-scan", "Cylinder3D 0.5x + PVD", "test", [68.9, 71.2, 71.4]),
        ("SemanticKITTI single-scan", "Cylinder3D 1.5x", "test", [72.4]),
        ("SemanticKITTI multi-scan", "Cylinder3D 0.5x + PVD", "test", [58.2, 58.4]),
        ("SemanticKITTI single-scan", "MinkUNet 21.7 M", "val", [61.1, 61.9]),
        ("SemanticKITTI single-scan", "Cylinder3D", "val", [63.1, 63.2, 65.9, 66.07, 66.91, 67.0]),
        ("nuScenes lidarseg", "Cylinder3D 0.5x + PVD", "val", [76.0, 76.0, 76.15]),
        ("Waymo", "Cylinder3D", "test", [71.18, 71.18]),
    ],
)
def test_figures_of_the_sources(task: str, model: str, split: str, values: list[float]) -> None:
    assert figures(task, model, split) == values


def test_every_line_is_sound() -> None:
    assert (published_folder() / "published.csv").read_text().splitlines()[0] == COLUMNS
    for figure in load_published():
        assert figure.source
        assert figure.metric in {"miou", "gmacs", "parameters_m", "latency_ms"}
        assert figure.metric != "miou" or 0.5 < figure.value < 0.8
        assert figure.tta in {"", "yes", "no"}


def test_no_val_figure_of_pvd_is_claimed_for_semantickitti() -> None:
    assert not [f for f in load_published() if "PVD" in f.model and f.split == "val" and "KITTI" in f.task]


def test_recalled_figures_are_kept_and_never_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recalled = [figure.value for figure in load_published() if figure.seen == "recalled"]
    assert recalled == [15.8, 76.0]
    line = "SemanticKITTI single-scan,val,{},miou,{},a source,,,,{},,"
    lines = [COLUMNS, line.format("A", "50.0", "recalled"), line.format("B", "60.04", "secondary")]
    (tmp_path / "published.csv").write_text("\n".join(lines))
    monkeypatch.setattr(published, "published_folder", lambda: tmp_path)
    table = published_table("SemanticKITTI single-scan")
    assert table.frame["model"].tolist() == ["B"]
    assert table.frame["mIoU %"].tolist() == ["60.04 [1]"]
    assert table.footnotes == ("[1] read in a later source, not in the original",)


def test_protocol_differences_stand_in_footnotes() -> None:
    table = published_table("SemanticKITTI single-scan")
    row = table.frame[table.frame["mIoU %"].str.startswith("71.2")].iloc[0]
    marks = row["mIoU %"].split()[1:]
    notes = [note for note in table.footnotes if note.split()[0] in marks]
    assert any("test-time augmentation" in note for note in notes)
    assert any("train+val" in note for note in notes)
    assert set(table.frame["task"]) == {"SemanticKITTI single-scan"}


def test_nuscenes_classes_average_to_the_published_mean() -> None:
    frame = load_nuscenes_classes()
    means = frame.groupby("model")["iou"].mean()
    assert means["Cylinder3D 0.5x + PVD"] == pytest.approx(0.760, abs=5e-4)
    assert means["Cylinder3D"] == pytest.approx(0.762, abs=5e-4)
    assert frame.groupby("model").size().tolist() == [16, 16]
    assert statistics.fmean(frame["iou"]) < 1


@pytest.mark.parametrize("line", ["a,val,m,miou,sixty,s,,,,primary,,", "a,val,m,miou,60,s,,,,guessed,,", "a,val,m"])
def test_a_malformed_line_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    (tmp_path / "published.csv").write_text(f"{COLUMNS}\n{line}\n")
    monkeypatch.setattr(published, "published_folder", lambda: tmp_path)
    with pytest.raises(HarnessError, match=r"published\.csv, line 2"):
        load_published()


def test_each_data_set_has_the_figures_of_its_own_task() -> None:
    [kitti] = published_tables(["semantickitti", "semantickitti"])
    assert set(kitti.frame["task"]) == {"SemanticKITTI single-scan"}
    both = published_tables(["nuscenes", "semantickitti"])
    assert [set(table.frame["task"]) for table in both] == [{"SemanticKITTI single-scan"}, {"nuScenes lidarseg"}]
