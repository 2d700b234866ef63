from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from canvas import Canvas

from harness.data.palette import COLOUR_OF_CLASS
from harness.report.sampling.plan import draw_plan
from harness.report.sampling.polar import place
from harness.report.sampling.style import SAMPLED


def drawn(view, points):
    canvas = Canvas(partial(draw_plan, view=view, points=points))
    return canvas, canvas.part.axes[0]


def has_colour(canvas, axes, name, view, at):
    """Whether a class's colour is found within two metres of a place."""
    wanted = np.array(COLOUR_OF_CLASS[name]) / 255
    steps = np.linspace(-2, 2, 21)
    found = [canvas.at(axes, (at[0] + dx, at[1] + dy)) for dx in steps for dy in steps]
    return np.abs(np.array(found) - wanted).max(axis=1).min() < 0.05


def test_rare_classes_have_their_colours_and_places(scene):
    view, points = scene()
    canvas, axes = drawn(view, points)
    ahead, left = (-1.0, 6.5), (-44.5, 0.5)
    assert has_colour(canvas, axes, "person", view, ahead)
    assert has_colour(canvas, axes, "pole", view, left)
    assert not has_colour(canvas, axes, "pole", view, (44.5, 0.5))
    assert "person: 40 points" in canvas.texts()
    assert "road" not in canvas.texts()


def test_the_sampled_areas_are_outlined_and_numbered(scene):
    view, points = scene()
    canvas, axes = drawn(view, points)
    assert canvas.share(SAMPLED) > 0.005
    for one in view.sampled:
        outer, angles = view.edges["ring_m"][one.ring], view.edges["sector_rad"][one.sector - 1 : one.sector + 1]
        around = [canvas.at(axes, place(outer + step, 0.3 * angles[0] + 0.7 * angles[1])) for step in (-0.2, 0, 0.2)]
        assert np.abs(np.array(around) - np.array((0xD5, 0x5E, 0)) / 255).max(axis=1).min() < 0.06
    words = canvas.texts().split()
    assert all(str(number) in words for number in (1, 2, 3, 4))


def test_layers_of_one_place_share_a_badge(scene):
    view, points = scene(block_size=(480, 360, 8), blocks=3)
    assert len({(one.ring, one.sector) for one in view.sampled}) == 1
    canvas, _ = drawn(view, points)
    assert "1 2 3" in canvas.texts()


def test_arcs_tell_their_distance(scene):
    texts = drawn(*scene())[0].texts()
    assert all(distance in texts for distance in ("12.5 m", "25.1 m", "37.6 m", "50.1 m"))
    fine = drawn(*scene(block_size=(10, 60, 8)))[0].texts()
    assert "50.1 m" in fine
    assert "12.5 m" not in fine


def test_a_scan_without_a_rare_class_says_so(scene):
    view, points = scene()
    common = replace(points, labels=points.labels * 0 + 9)
    assert "No point of a minority class in this scan." in drawn(view, common)[0].texts()
    with pytest.raises(ValueError, match="no labels"):
        drawn(view, replace(points, labels=None))
