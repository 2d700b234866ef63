from __future__ import annotations

import math

import pytest
from matplotlib.figure import Figure

from harness.report.sampling.polar import FINEST, draw_borders, inside, is_narrow, place, wedge


def test_forward_is_up_and_left_is_left():
    assert place(10, 0) == pytest.approx((0, 10))
    assert place(10, math.pi / 2) == pytest.approx((-10, 0))


def test_wedges_hold_their_places_and_no_others(scene):
    view, _ = scene()
    patches = {(one.ring, one.sector): wedge(view, one) for one in view.supervoxels}
    for one in view.supervoxels:
        x, y = inside(view, one, across=0.3, along=0.7)
        assert view.edges["ring_m"][one.ring - 1] < math.hypot(x, y) < view.edges["ring_m"][one.ring]
        assert view.edges["sector_rad"][one.sector - 1] < math.atan2(-x, y) < view.edges["sector_rad"][one.sector]
        holders = [
            key
            for key, patch in patches.items()
            if patch.get_path().contains_point((x, y), patch.get_patch_transform())
        ]
        assert holders == [(one.ring, one.sector)]


def test_a_whole_turn_has_no_border_inside(scene):
    view, _ = scene(block_size=(480, 360, 32))
    patch = wedge(view, view.supervoxels[0])
    assert (patch.theta2 - patch.theta1) == 360


def test_fine_grids_show_the_outermost_arc_alone(scene):
    axes = Figure().add_subplot()
    draw_borders(axes, scene()[0], "black", 1)
    assert (len(axes.patches), len(axes.collections)) == (4, 1)
    axes.clear()
    fine = scene(block_size=(10, 10, 8))[0]
    assert fine.shape[0] * fine.shape[1] > FINEST
    draw_borders(axes, fine, "black", 1)
    assert (len(axes.patches), len(axes.collections)) == (1, 0)
    assert is_narrow(fine)
    assert not is_narrow(scene()[0])
