from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mixed_scans import PARTNERS, a_scan, check_rows, pairs, rng

from harness.data.mix.lasermix import lasermix
from harness.data.scan import Scan
from harness.spec import Mixing


def settings(areas: tuple[int, ...] = (3, 4, 5, 6), borders: tuple[float, float] = (-25.0, 3.0)) -> Mixing:
    return Mixing(kinds=("lasermix",), areas=areas, inclination_deg=borders)


def areas_of(scan: Scan, areas: int, low_deg: float, high_deg: float) -> list[int]:
    """Number the areas of the points from above, point by point and border by border."""
    step, found = (high_deg - low_deg) / areas, []
    for x, y, z in scan.xyz.astype(float).tolist():
        inclination, area = math.degrees(math.atan2(z, math.sqrt(x * x + y * y))), 0
        while area < areas - 1 and inclination <= high_deg - (area + 1) * step:
            area += 1
        found.append(area)
    return found


@given(pairs, st.integers(2, 8), st.sampled_from([(-25.0, 3.0), (-30.0, 10.0), (-1.0, 1.0)]))
def test_areas_take_turns_from_above(scans: tuple[Scan, Scan], areas: int, borders: tuple[float, float]) -> None:
    scan, partner = scans
    mixed = lasermix(scan, partner, settings((areas,), borders), rng())
    own = [row for row, area in enumerate(areas_of(scan, areas, *borders)) if area % 2 == 0]
    others = [row for row, area in enumerate(areas_of(partner, areas, *borders)) if area % 2 == 1]
    assert check_rows(mixed, scan, partner) == own + [PARTNERS + row for row in others]
    np.testing.assert_array_equal(mixed.xyz, np.concatenate([scan.xyz[own], partner.xyz[others]]))


def test_a_mixture_with_the_other_way_round_has_every_point_once() -> None:
    scan, partner = a_scan(300, 1), a_scan(200, 2, PARTNERS)
    there, back = (lasermix(*two, settings((4,)), rng()) for two in ((scan, partner), (partner, scan)))
    assert len(there) + len(back) == 500
    assert len({*there.intensity.tolist(), *back.intensity.tolist()}) == 500


def test_each_number_of_areas_is_as_likely() -> None:
    """A column of points, one in the middle of each of twelve steps, tells how many areas there are."""
    steps = np.deg2rad(3 - (np.arange(60) + 0.5) * 28 / 60)
    column = np.stack([np.cos(steps), np.zeros(60), np.sin(steps)], axis=1).astype(np.float32)
    scan = Scan("00/000000", column, np.arange(60, dtype=np.float32), np.ones(60, np.int64), None)
    partner = Scan("00/000001", column, np.arange(60, dtype=np.float32) + PARTNERS, np.ones(60, np.int64), None)
    seen = []
    for epoch in range(1000):
        mixed = lasermix(scan, partner, settings(), rng(epoch))
        own = {int(name) for name in mixed.intensity if name < PARTNERS}
        seen.append(1 + sum((row in own) != (row + 1 in own) for row in range(59)))
    assert set(seen) == {3, 4, 5, 6}
    assert min(seen.count(areas) for areas in (3, 4, 5, 6)) > 200


def test_points_beyond_the_borders_belong_to_the_outermost_areas() -> None:
    heights = np.array([[1, 0, 5], [1, 0, -5]], np.float32)
    scan = Scan("00/000000", heights, np.arange(2, dtype=np.float32), np.ones(2, np.int64), None)
    assert lasermix(scan, scan, settings((3,)), rng()).intensity.tolist() == [0, 1]
    assert lasermix(scan, scan, settings((4,)), rng()).intensity.tolist() == [0, 1]
    assert lasermix(scan, a_scan(0, 0), settings((4,)), rng()).intensity.tolist() == [0]


def test_without_borders_nothing_can_be_cut() -> None:
    with pytest.raises(ValueError, match="inclination_deg"):
        lasermix(a_scan(3, 0), a_scan(3, 1), Mixing(kinds=("polarmix",), instance_classes=("car",)), rng())
