from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from harness.errors import HarnessError
from harness.report.sampling.picture import draw_sampling
from harness.report.sampling.style import CHANCE, NUMBER, SAMPLED


def share(picture, colour):
    return (np.abs(picture[..., :3] - to_rgb(colour)).max(axis=2) < 0.03).mean()


def test_the_picture_is_whole_and_has_all_its_parts(scene, tmp_path):
    path = tmp_path / "new" / "sampling.png"
    assert draw_sampling(*scene(), path) == path
    picture = imread(path)
    assert picture.shape[:2] == (1199, 1870)
    for colour in (SAMPLED, CHANCE, NUMBER):
        assert share(picture, colour) > 0.001
    half = picture.shape[1] // 2
    assert share(picture[:, :half], SAMPLED) > 0.001
    assert share(picture[:, half:], SAMPLED) > 0.001
    assert [file.name for file in path.parent.iterdir()] == ["sampling.png"]


@pytest.mark.parametrize(
    "settings",
    [
        {"block_size": (480, 360, 32)},
        {"block_size": (60, 60, 4), "blocks": 8},
        {"block_size": (9, 9, 2), "minor_share": 0.0},
        {"blocks": 200, "lowest": (0.0, -1.0, -4.0), "highest": (50.0, 1.0, 2.0)},
    ],
    ids=str,
)
def test_unusual_settings_are_drawn(scene, tmp_path, settings):
    view, points = scene(**settings)
    picture = imread(draw_sampling(view, points, tmp_path / "a.png"))
    assert share(picture, SAMPLED) > 0.0003


def test_another_sampler_looks_different(scene, tmp_path):
    one, other = (
        imread(draw_sampling(*scene(sampler=name), tmp_path / f"{name}.png")) for name in ("distance", "category")
    )
    assert (one != other).any(axis=2).mean() > 0.02


def test_a_place_that_cannot_be_written_is_named(scene, tmp_path):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(HarnessError, match=r"folder\.png: found 'Is a directory'"):
        draw_sampling(*scene(), tmp_path / "folder.png")
    assert [file.name for file in tmp_path.iterdir()] == ["folder.png"]
