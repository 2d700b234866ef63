from __future__ import annotations

from functools import partial

import pytest
from canvas import Canvas

from harness.report.sampling.shares import MOST_BANDS, draw_shares, ring_bands


def test_the_bars_are_as_high_as_the_shares(scene):
    view, _ = scene()
    canvas = Canvas(partial(draw_shares, view=view))
    heights = [bar.get_height() for bar in canvas.part.axes[0].patches]
    groups = [view.by_minority[1], view.by_minority[0], *view.by_ring]
    assert heights == pytest.approx([value for group in groups for value in (group.share, group.chance)])
    assert "with a\nminority voxel" in canvas.texts()
    assert "ring 4\nto 50.1 m" in canvas.texts()


@pytest.mark.parametrize("rings, bands", [(480, 1), (120, 4), (100, 3), (60, 4), (1, 4)])
def test_many_rings_become_bands(scene, rings, bands):
    view, _ = scene(block_size=(rings, 60, 8))
    found = ring_bands(view)
    assert len(found) == bands <= MOST_BANDS
    assert sum(share.chance for share, _ in found) == pytest.approx(1)
    assert sum(share.supervoxels for share, _ in found) == len(view.supervoxels)
    assert found[-1][1].endswith("to 50.1 m")
    if rings == 60:
        assert [name.split("\n")[0] for _, name in found] == ["rings 1–2", "rings 3–4", "rings 5–6", "rings 7–8"]
