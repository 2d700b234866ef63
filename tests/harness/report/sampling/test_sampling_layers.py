from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from canvas import Canvas

from harness.report.sampling.layers import MOST_LAYERS, colour_scale, draw_layers, shown_layers
from harness.report.sampling.polar import inside, place
from harness.report.sampling.style import SAMPLED


def drawn(view):
    canvas = Canvas(partial(draw_layers, view=view))
    maps = {int(axes.get_title().split()[1].rstrip(":")): axes for axes in canvas.part.axes if axes.get_title()}
    return canvas, maps


@pytest.mark.parametrize("sampler", ["difficulty", "distance", "random"])
def test_every_supervoxel_has_the_shade_of_its_chance(scene, sampler):
    view, _ = scene(sampler=sampler)
    canvas, maps = drawn(view)
    assert set(maps) == {one.layer for one in view.supervoxels}
    scale = colour_scale(view)
    for one in view.supervoxels:
        shade = scale.to_rgba(np.array([100 * one.probability]))[0][:3]
        found = canvas.at(maps[one.layer], inside(view, one, across=0.75, along=0.8))
        np.testing.assert_allclose(found, shade, atol=0.01, err_msg=f"supervoxel {one.block}")


def test_likely_ones_are_darker_than_unlikely_ones(scene):
    view, _ = scene()
    scale = colour_scale(view)
    ordered = sorted(view.supervoxels, key=lambda one: one.probability)
    light, dark = (scale.to_rgba(np.array([100 * one.probability]))[0][:3] for one in (ordered[0], ordered[-1]))
    assert light.mean() > dark.mean() + 0.4
    assert ordered[-1].ring == 4
    assert ordered[-1].n_minor


def test_even_chances_are_neither_dark_nor_light(scene):
    view, _ = scene(sampler="random")
    one = view.supervoxels[0]
    brightness = colour_scale(view).to_rgba(np.array([100 * one.probability]))[0][:3].mean()
    assert 0.4 < brightness < 0.75


def test_sampled_ones_are_outlined_in_their_own_layer_alone(scene):
    view, _ = scene(blocks=3)
    canvas, maps = drawn(view)
    layers = {one.layer for one in view.sampled}
    assert 0 < len(layers) < len(maps)
    for layer, axes in maps.items():
        assert (canvas.share(SAMPLED, axes) > 0.002) == (layer in layers)
    for one in view.sampled:
        outer, angles = view.edges["ring_m"][one.ring], view.edges["sector_rad"][one.sector - 1 : one.sector + 1]
        along = canvas.at(maps[one.layer], place(outer, 0.4 * angles[0] + 0.6 * angles[1]))
        np.testing.assert_allclose(along, (0xD5 / 255, 0x5E / 255, 0), atol=0.06)
    assert {str(one.drawn) for one in view.sampled} <= set(canvas.texts().split("\n"))


def test_empty_places_are_hatched_on_white(scene):
    view, _ = scene()
    canvas, maps = drawn(view)
    behind = np.array([canvas.at(maps[1], place(radius, 3.0)) for radius in np.linspace(27, 36, 40)])
    assert behind.min() > 0.7
    assert len(np.unique(behind.round(2), axis=0)) > 1


def test_a_dot_tells_where_a_rare_class_is(scene):
    view, _ = scene()
    canvas, maps = drawn(view)
    sampled = {one.block for one in view.sampled}
    for one in view.supervoxels:
        if one.block not in sampled:
            white = canvas.at(maps[one.layer], inside(view, one)).min() > 0.95
            assert white == (one.n_minor > 0), f"supervoxel {one.block}"
    assert "holds a minority voxel" in canvas.texts()


def test_of_many_layers_the_sampled_and_likely_are_shown(scene):
    view, _ = scene(block_size=(120, 60, 1), blocks=3, points_per_block=9)
    occupied = {one.layer for one in view.supervoxels}
    assert len(occupied) > MOST_LAYERS
    shown = shown_layers(view)
    assert len(shown) == MOST_LAYERS
    assert {one.layer for one in view.sampled} <= set(shown) <= occupied
    canvas, maps = drawn(view)
    assert list(maps) == shown == sorted(shown)
    assert f"{len(occupied) - MOST_LAYERS} more occupied layers are not shown" in canvas.texts()


def test_the_key_names_what_n_minor_counts(scene):
    assert "holds a minority point" in drawn(scene(minor_unit="points")[0])[0].texts()
    fine = drawn(scene(block_size=(10, 10, 8))[0])[0].texts()
    assert "holds a minority" not in fine
    assert "holds no voxel" in fine
