from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from harness.errors import HarnessError
from harness.report.curves import RATE, SMOOTH, draw_curves, smooth, window_of


def rows_of(terms: dict[str, list[float]], per_epoch: int = 10) -> list[dict]:
    count = len(next(iter(terms.values())))
    return [
        {
            "step": step,
            "epoch": step // per_epoch,
            "lr": 0.1 / (step + 1),
            "terms": {name: values[step] for name, values in terms.items()},
        }
        for step in range(count)
    ]


def pixels(path: Path, colour: str) -> np.ndarray:
    """Places (row, column) of a colour."""
    picture = imread(path)[..., :3]
    return np.argwhere(np.abs(picture - np.array(to_rgb(colour))).max(axis=2) < 0.05)


def test_each_term_has_a_panel_and_falls_where_its_values_fall(tmp_path: Path) -> None:
    rows = rows_of({"falls": [100.0 - step for step in range(60)], "rises": [1e-5 * step for step in range(60)]})
    path = draw_curves(rows, tmp_path / "curves.png", "a title")
    width = imread(path).shape[1]
    places = pixels(path, SMOOTH)
    panels = [places[places[:, 1] * 3 // width == panel] for panel in range(3)]
    assert len(panels[2]) == 0, "the third is the learning rate's"
    assert len(pixels(path, RATE)) > 50
    for panel, falls in zip(panels[:2], (True, False), strict=True):
        left = panel[panel[:, 1] < np.quantile(panel[:, 1], 0.2), 0].mean()
        right = panel[panel[:, 1] > np.quantile(panel[:, 1], 0.8), 0].mean()
        assert bool(right > left) is falls, "rows of a picture count downward"
        assert abs(right - left) > 50
    assert [found.name for found in tmp_path.iterdir()] == ["curves.png"]


@pytest.mark.parametrize(
    "terms",
    [
        {"one": [1.0]},
        {"costs_$x^{": [1.0, 2.0]},
        {"constant": [2.0] * 7, "zero": [0.0] * 7},
        {"negative": [-1.0, -2.0, 3.0], "spike": [1.0, 3e38, 1.0]},
        {"tiny": [1e-38, 2e-38, 1e-30], "zeros_among": [0.0, 1.0, 1e6]},
        {f"sum_of_methods.attention_transfer.stage_{i}": [10.0 ** (i - j) for j in range(25)] for i in range(9)},
    ],
    ids=lambda terms: next(iter(terms)),
)
def test_any_finite_terms_can_be_drawn(tmp_path: Path, terms: dict[str, list[float]]) -> None:
    assert draw_curves(rows_of(terms), tmp_path / "curves.png", "title $\\frac$").stat().st_size > 5000


def test_a_term_of_some_steps_only_and_an_epoch_cut_short_can_be_drawn(tmp_path: Path) -> None:
    rows = rows_of({"always": [1.0 + step for step in range(23)]})
    rows[17]["terms"]["once"] = 5.0
    for row in rows[::4]:
        row["terms"]["sometimes"] = float(row["step"])
    draw_curves(rows, tmp_path / "curves.png", "title")
    draw_curves(rows[3:4], tmp_path / "one.png", "title")


def test_no_steps_and_an_unwritable_path_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no steps"):
        draw_curves([], tmp_path / "curves.png", "title")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(HarnessError, match=r"folder\.png: found 'Is a directory'"):
        draw_curves(rows_of({"a": [1.0]}), tmp_path / "folder.png", "title")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40),
    st.integers(0, 10).map(lambda half: 2 * half + 1),
)
@settings(max_examples=60, deadline=None)
def test_smoothing_is_the_mean_of_the_window_around_a_step(values: list[float], window: int) -> None:
    reach = (min(window, len(values) if len(values) % 2 else len(values) - 1) - 1) // 2
    expected = []
    for place in range(len(values)):
        around = values[max(0, place - reach) : place + reach + 1]
        expected.append(sum(around) / len(around))
    assert smooth(np.array(values), window) == pytest.approx(expected, abs=1e-6)


def test_the_window_is_odd_and_grows_with_the_training() -> None:
    windows = [window_of(steps) for steps in (1, 100, 1000, 10_000, 10**6)]
    assert windows == [5, 5, 41, 401, 999]
