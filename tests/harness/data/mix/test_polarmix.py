from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from mixed_scans import PARTNERS, a_scan, check_rows, pairs, rng

from harness.data.mix.polarmix import polarmix
from harness.data.scan import Scan
from harness.spec import Mixing

THINGS = (1, 2, 6)


def settings(swap: float, paste: float) -> Mixing:
    return Mixing(
        kinds=("polarmix",),
        swap_probability=swap,
        paste_probability=paste,
        instance_classes=("car", "bicycle", "person"),
    )


def azimuths_deg(scan: Scan) -> list[float]:
    return [math.degrees(math.atan2(y, x)) for x, y, _ in scan.xyz.astype(float).tolist()]


@given(pairs)
def test_half_a_turn_is_exchanged(scans: tuple[Scan, Scan]) -> None:
    scan, partner = scans
    draws = rng()
    draws.random()
    start = math.degrees(draws.uniform(-math.pi, 0))
    inside, inside_partner = ([start < angle < start + 180 for angle in azimuths_deg(one)] for one in scans)
    mixed = polarmix(scan, partner, settings(1, 0), THINGS, rng())
    own = [row for row, within in enumerate(inside) if not within]
    others = [row for row, within in enumerate(inside_partner) if within]
    assert check_rows(mixed, scan, partner) == own + [PARTNERS + row for row in others]
    np.testing.assert_array_equal(mixed.xyz, np.concatenate([scan.xyz[own], partner.xyz[others]]))


@given(pairs)
def test_things_alone_are_pasted_three_times(scans: tuple[Scan, Scan]) -> None:
    scan, partner = scans
    mixed = polarmix(scan, partner, settings(0, 1), THINGS, rng())
    assert partner.labels is not None
    things = [row for row, label in enumerate(partner.labels.tolist()) if label in THINGS]
    assert check_rows(mixed, scan, partner) == [*range(len(scan)), *[PARTNERS + row for row in things] * 3]
    np.testing.assert_array_equal(mixed.xyz[: len(scan)], scan.xyz)
    copies = mixed.xyz[len(scan) :].reshape(3, len(things), 3).astype(float)
    np.testing.assert_array_equal(copies[0], partner.xyz[things])
    for copy, (low, high) in zip(copies[1:], [(0, 120), (120, 240)], strict=True):
        turned = [
            (math.degrees(math.atan2(y, x) - math.atan2(v, u)) + 0.001) % 360 - 0.001
            for (x, y, _), (u, v, _) in zip(copy.tolist(), partner.xyz[things].astype(float).tolist(), strict=True)
        ]
        assert all(low - 0.001 <= angle <= high for angle in turned)
        assert not turned or max(turned) - min(turned) < 1e-3
        np.testing.assert_array_equal(copy[:, 2], partner.xyz[things][:, 2])
        lengths = np.linalg.norm(copy[:, :2], axis=1)
        np.testing.assert_allclose(lengths, np.linalg.norm(partner.xyz[things][:, :2], axis=1), rtol=1e-6)


def test_the_angles_fill_their_thirds_of_a_turn() -> None:
    partner = Scan("00/000001", np.array([[5, 0, 0]], np.float32), np.ones(1, np.float32), np.array([1]), None)
    empty = a_scan(0, 0)
    ends = np.array([polarmix(empty, partner, settings(0, 1), THINGS, rng(epoch)).xyz for epoch in range(600)])
    angles = np.degrees(np.arctan2(ends[:, :, 1], ends[:, :, 0])) % 360
    assert (angles[:, 0] == 0).all()
    for column, (low, high) in ((1, (0, 120)), (2, (120, 240))):
        assert low <= angles[:, column].min() < low + 2
        assert high - 2 < angles[:, column].max() <= high


def test_the_half_turn_begins_in_the_lower_half() -> None:
    """So that it never crosses the cut of the azimuth at 180 degrees; and every start is as likely."""
    ring = np.deg2rad(np.arange(-179.5, 180))
    xyz = np.stack([np.cos(ring), np.sin(ring), np.zeros(360)], axis=1).astype(np.float32)
    scan = Scan("00/000000", xyz, np.arange(360, dtype=np.float32), np.zeros(360, np.int64), None)
    starts = []
    for epoch in range(300):
        kept = polarmix(scan, a_scan(0, 0), settings(1, 0), THINGS, rng(epoch)).intensity.astype(int).tolist()
        gone = sorted(set(range(360)) - set(kept))
        assert gone == list(range(gone[0], gone[0] + len(gone)))
        assert len(gone) in (179, 180, 181)
        starts.append(gone[0])
    assert min(starts) < 5
    assert 174 < max(starts) <= 180


def test_swapping_is_as_likely_as_told() -> None:
    scan, partner = a_scan(100, 0), a_scan(100, 1, PARTNERS)
    mixed = [polarmix(scan, partner, settings(0.5, 0), THINGS, rng(epoch)) for epoch in range(400)]
    swapped = sum(not np.array_equal(one.intensity, scan.intensity) for one in mixed)
    assert 160 < swapped < 240


def test_one_step_leaves_the_draws_of_the_other_alone() -> None:
    scan, partner = a_scan(100, 0), a_scan(100, 1, PARTNERS)
    both, swap, paste = (
        polarmix(scan, partner, settings(*chances), THINGS, rng()) for chances in ((1, 1), (1, 0), (0, 1))
    )
    np.testing.assert_array_equal(both.xyz[: len(swap)], swap.xyz)
    np.testing.assert_array_equal(both.xyz[len(swap) :], paste.xyz[len(scan) :])


def test_things_can_not_be_told_without_labels() -> None:
    bare = Scan("00/000001", np.ones((1, 3), np.float32), np.ones(1, np.float32), None, None)
    with pytest.raises(ValueError, match="labels"):
        polarmix(a_scan(1, 0), bare, settings(0, 1), THINGS, rng())
