import numpy as np
import pytest
from matplotlib.image import imread

from harness.data.labels import SEMANTICKITTI
from harness.data.palette import palette
from harness.errors import HarnessError
from harness.report.birdseye import render_birdseye

COLOURS = palette(SEMANTICKITTI.names)
NAMES = {value: f"class {value}" for value in range(20)}


def disc(x, y, raw):
    angle, radius = np.meshgrid(np.linspace(0, 6.3, 80), np.linspace(0, 6, 40))
    points = np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle), 0 * angle], 2).reshape(-1, 3)
    return points, np.full(len(points), raw)


def share(picture, colour, rows, columns):
    """Share of a part of the picture that is near the colour."""
    part = picture[rows, columns, :3] * 255
    return (np.abs(part - np.asarray(colour)).max(axis=2) < 40).mean()


def test_forward_is_up_left_is_left_and_classes_have_their_colours(tmp_path):
    parts = [disc(30.0, 30.0, 9), disc(-30.0, -30.0, 15)]
    xyz, classes = (np.concatenate(column) for column in zip(*parts, strict=True))
    render_birdseye(xyz, classes, COLOURS, NAMES, tmp_path / "scan.png", "title")
    picture = imread(tmp_path / "scan.png")
    height, width = picture.shape[0] // 2, int(picture.shape[1] * 0.43)
    upper, lower, left, right = slice(0, height), slice(height, None), slice(0, width), slice(width, 2 * width - 40)
    assert share(picture, COLOURS[9], upper, left) > 0.005
    assert share(picture, COLOURS[9], lower, right) < 0.001
    assert share(picture, COLOURS[15], lower, right) > 0.005
    assert share(picture, COLOURS[15], upper, left) < 0.001
    assert [path.name for path in tmp_path.iterdir()] == ["scan.png"]


def test_points_out_of_view_need_no_colour_and_no_points_are_no_fault(tmp_path):
    render_birdseye(np.array([[99.0, 0, 0]]), np.array([77]), COLOURS, NAMES, tmp_path / "a.png", "far")
    render_birdseye(np.zeros((0, 3)), np.zeros(0, int), COLOURS, NAMES, tmp_path / "b.png", "none")
    assert (tmp_path / "b.png").stat().st_size > 1000


def test_a_class_without_a_colour_and_an_unwritable_path_are_reported(tmp_path):
    xyz, classes = disc(0.0, 0.0, 42)
    with pytest.raises(HarnessError, match="42"):
        render_birdseye(xyz, classes, COLOURS, NAMES, tmp_path / "a.png", "title")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(HarnessError, match=r"folder\.png: found 'Is a directory'"):
        render_birdseye(xyz, classes * 0, COLOURS, NAMES, tmp_path / "folder.png", "title")
    with pytest.raises(ValueError, match="do not fit"):
        render_birdseye(xyz, classes[:-1], COLOURS, NAMES, tmp_path / "a.png", "title")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]
