from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.data.augment import augment
from harness.data.draws import generator
from harness.data.scan import Scan
from harness.spec import Augmentation

STILL = Augmentation(rotate_deg=(0, 0), scale=(1, 1), max_points=None)


def a_scan(points: int = 200) -> Scan:
    rng = np.random.default_rng(3)
    return Scan(
        "00/000000",
        rng.normal(0, 20, (points, 3)).astype(np.float32),
        rng.random(points).astype(np.float32),
        np.arange(points) % 20,
        np.arange(points, dtype=np.uint16),
    )


def rng(epoch: int = 0) -> np.random.Generator:
    return generator(0, epoch, "00/000000", "augmentation")


def with_settings(**changes: object) -> Augmentation:
    return Augmentation.model_validate({**STILL.model_dump(), **changes})


def test_no_setting_changes_nothing() -> None:
    scan = a_scan()
    same = augment(scan, STILL, rng())
    np.testing.assert_array_equal(same.xyz, scan.xyz)
    np.testing.assert_array_equal(same.labels, scan.labels)


@given(st.integers(0, 1000))
def test_the_common_recipe_turns_and_scales_alone(epoch: int) -> None:
    """Distances scale by one factor, heights by the same, and nothing is mirrored: det > 0."""
    scan = a_scan(30)
    moved = augment(scan, Augmentation(), rng(epoch))
    factor = moved.xyz[0, 2] / scan.xyz[0, 2]
    assert 0.95 <= factor <= 1.05
    np.testing.assert_allclose(np.linalg.norm(moved.xyz, axis=1), factor * np.linalg.norm(scan.xyz, axis=1), rtol=1e-5)
    linear = np.linalg.lstsq(scan.xyz.astype(float), moved.xyz.astype(float), rcond=None)[0].T
    np.testing.assert_allclose(linear @ linear.T, factor**2 * np.eye(3), atol=1e-5)
    assert np.linalg.det(linear) > 0


def test_a_quarter_turn_takes_forward_to_left() -> None:
    scan = Scan("00/000000", np.array([[2, 0, 1]], np.float32), np.zeros(1, np.float32), None, None)
    moved = augment(scan, with_settings(rotate_deg=(90, 90)), rng())
    np.testing.assert_allclose(moved.xyz, [[0, 2, 1]], atol=1e-6)


def test_angles_fill_the_range_and_no_more() -> None:
    scan = Scan("00/000000", np.array([[1, 0, 0]], np.float32), np.zeros(1, np.float32), None, None)
    ends = np.array([augment(scan, with_settings(rotate_deg=(-45, 45)), rng(epoch)).xyz[0] for epoch in range(500)])
    angles = np.degrees(np.arctan2(ends[:, 1], ends[:, 0]))
    assert -45 <= angles.min() < -43
    assert 43 < angles.max() <= 45


@pytest.mark.parametrize(
    ("flip", "signs"), [("none", [1, 1, 1]), ("x", [-1, 1, 1]), ("y", [1, -1, 1]), ("xy", [-1, -1, 1])]
)
def test_a_flip_negates_its_axes(flip: str, signs: list[int]) -> None:
    scan = a_scan()
    np.testing.assert_array_equal(
        augment(scan, with_settings(flip=(flip,)), rng()).xyz, scan.xyz * np.array(signs, np.float32)
    )


def test_each_flip_is_as_likely() -> None:
    scan = Scan("00/000000", np.ones((1, 3), np.float32), np.zeros(1, np.float32), None, None)
    settings = with_settings(flip=("none", "x", "y", "xy"))
    ends = [tuple(augment(scan, settings, rng(epoch)).xyz[0, :2].tolist()) for epoch in range(800)]
    counts = [ends.count(corner) for corner in [(1, 1), (-1, 1), (1, -1), (-1, -1)]]
    assert sum(counts) == 800
    assert min(counts) > 160


def test_a_scale_may_leave_heights_alone() -> None:
    scan = a_scan()
    moved = augment(scan, with_settings(scale=(2, 2), scale_axes="xy"), rng())
    np.testing.assert_array_equal(moved.xyz, scan.xyz * np.array([2, 2, 1], np.float32))


def test_a_shift_is_the_same_for_all_points_and_normal_over_epochs() -> None:
    scan, settings = a_scan(5), with_settings(translate_sigma_m=0.1)
    shifts = np.array([augment(scan, settings, rng(epoch)).xyz - scan.xyz for epoch in range(1000)])
    np.testing.assert_allclose(shifts, shifts[:, :1] * np.ones((1, 5, 1)), atol=1e-5)
    np.testing.assert_allclose(shifts[:, 0].std(axis=0), 0.1, rtol=0.1)
    np.testing.assert_allclose(shifts[:, 0].mean(axis=0), 0, atol=0.015)


@given(st.integers(1, 250))
def test_subsampling_keeps_order_and_rows_together(most: int) -> None:
    scan = a_scan()
    kept = augment(scan, with_settings(max_points=most), rng())
    assert len(kept) == min(most, len(scan))
    assert kept.instances is not None
    rows = kept.instances.astype(int)
    assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(kept.xyz, scan.xyz[rows])
    np.testing.assert_array_equal(kept.intensity, scan.intensity[rows])
    assert scan.labels is not None
    np.testing.assert_array_equal(kept.labels, scan.labels[rows])


def test_every_point_is_as_likely_to_be_kept() -> None:
    scan, settings = a_scan(20), with_settings(max_points=5)
    counts = np.zeros(20)
    for epoch in range(1000):
        kept = augment(scan, settings, rng(epoch)).instances
        assert kept is not None
        counts[kept] += 1
    assert counts.min() > 190
    assert counts.max() < 310


def test_one_setting_leaves_the_other_draws_alone() -> None:
    scan = a_scan()
    plain = augment(scan, with_settings(rotate_deg=(0, 360)), rng())
    shifted = augment(scan, with_settings(rotate_deg=(0, 360), translate_sigma_m=0.1, flip=("none", "none")), rng())
    spread = shifted.xyz - plain.xyz
    np.testing.assert_allclose(spread, np.tile(spread[:1], (len(scan), 1)), atol=1e-5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rotate_deg": (9, 1)},
        {"scale": (0, 1)},
        {"scale": (2, 1)},
        {"flip": ("z",)},
        {"flip": ()},
        {"max_points": 0},
        {"jitter": 1},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Augmentation.model_validate(wrong)
