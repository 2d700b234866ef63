from __future__ import annotations

from functools import partial

from canvas import Canvas

from harness.report.sampling.listing import MOST_LINES, draw_listing


def test_each_sampled_one_has_its_line(scene):
    view, _ = scene()
    texts = Canvas(partial(draw_listing, view=view)).texts()
    for one in view.sampled:
        assert f"{100 * one.probability:.2f} %" in texts
        assert str(one.voxels) in texts
        assert all(f"{name} {count}" in texts for name, count in one.minority_voxels.items())
    assert "the first" not in texts


def test_of_many_the_first_are_listed(scene):
    view, _ = scene(blocks=20)
    texts = Canvas(partial(draw_listing, view=view)).texts()
    assert f"the first {MOST_LINES} of {len(view.sampled)}" in texts
    assert str(MOST_LINES + 1) not in texts.split("\n")[2::6]
