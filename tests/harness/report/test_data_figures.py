from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.data.semantickitti import SemanticKitti
from harness.data.statistics import DataStatistics, statistics
from harness.errors import HarnessError
from harness.report.data_figures import draw_statistics

WriteSequences = Callable[..., Path]


@pytest.fixture
def figures(write_sequences: WriteSequences) -> DataStatistics:
    return statistics(SemanticKitti(write_sequences({"00": 3, "11": 1}, points=300)), "train", 1.0, scans=2)


def pixels(path: Path) -> bytes:
    from matplotlib.image import imread

    picture = imread(path)
    assert picture.shape[0] > 500
    assert picture.shape[1] > 800
    return picture.tobytes()


def test_the_picture_shows_what_the_statistics_say(figures: DataStatistics, tmp_path: Path) -> None:
    first = pixels(draw_statistics(figures, tmp_path / "a.png"))
    assert pixels(draw_statistics(figures, tmp_path / "b.png")) == first
    fewer = figures.model_copy(update={"class_shares": {**figures.class_shares, "car": 0.0}})
    assert pixels(draw_statistics(fewer, tmp_path / "c.png")) != first
    farther = figures.model_copy(update={"range_m": {**figures.range_m, "p50": 1.0}})
    assert pixels(draw_statistics(farther, tmp_path / "d.png")) != first
    level = figures.levels[0].model_copy(update={"pairs_per_voxel": 9.0})
    denser = figures.model_copy(update={"levels": (level, *figures.levels[1:])})
    assert pixels(draw_statistics(denser, tmp_path / "e.png")) != first


def test_a_split_without_labels_is_drawn_too(write_sequences: WriteSequences, tmp_path: Path) -> None:
    figures = statistics(SemanticKitti(write_sequences({"11": 1})), "test", 1.0)
    assert figures.class_shares == {}
    pixels(draw_statistics(figures, tmp_path / "a.png"))


def test_a_folder_that_cannot_be_written_is_named(figures: DataStatistics, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HarnessError, match=r"a\.png"):
        draw_statistics(figures, tmp_path / "file" / "a.png")
