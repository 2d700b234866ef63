import numpy as np
import pytest

from harness.data.street.classes import Raw
from harness.data.street.ground import BLOCK_M, OUTER_M, Side, bands, ground

BANDS = bands((4.0, Raw.ROAD, 0.0, 0.0), (2.0, Raw.SIDEWALK, 0.12, 0.0), (1.0, Raw.TERRAIN, 0.1, 0.05))


def areas(mesh):
    corners = mesh.vertices[mesh.faces]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    flat = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    return {raw: np.abs(flat[mesh.labels == int(raw)]).sum() / 2 for raw in Raw if (mesh.labels == int(raw)).any()}


def test_each_kind_of_ground_covers_the_area_of_its_band():
    area = areas(ground(3, Side(BANDS, 0.0), Side(BANDS, 0.0), 1))
    assert area[Raw.SIDEWALK] == pytest.approx(2 * 2.0 * BLOCK_M)
    assert area[Raw.TERRAIN] == pytest.approx(2 * (OUTER_M - 6.0) * BLOCK_M)
    assert area[Raw.ROAD] + area[Raw.LANE_MARKING] == pytest.approx(8.0 * BLOCK_M)
    assert area[Raw.LANE_MARKING] == pytest.approx(0.1 * BLOCK_M / 5)


def test_a_side_road_crosses_its_side_only():
    plain = areas(ground(0, Side(BANDS, 0.0), Side(BANDS, 0.0), 1))
    crossed = areas(ground(0, Side(BANDS, 0.0, junction=True), Side(BANDS, 0.0), 1))
    assert crossed[Raw.ROAD] - plain[Raw.ROAD] == pytest.approx(8.0 * (OUTER_M - 4.0), rel=0.01)
    assert plain[Raw.SIDEWALK] - crossed[Raw.SIDEWALK] == pytest.approx(8.0 * 2.0)


def test_neighbouring_blocks_meet_without_a_step():
    side = Side(BANDS, 0.02)
    first, second = ground(0, side, side, 9), ground(1, side, side, 9)
    end = {tuple(node) for node in first.vertices[first.vertices[:, 0] == BLOCK_M]}
    start = {tuple(node) for node in second.vertices[second.vertices[:, 0] == BLOCK_M]}
    assert end == start


def test_heights_follow_band_and_slope():
    side = Side(BANDS, 0.05)
    assert side.height(1.0) == 0.0
    assert side.height(5.0) == 0.12
    assert side.height(34.0) == pytest.approx(0.1 + 0.05 * 20)
