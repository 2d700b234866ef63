from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn

from backbones.build import build_backbone, build_voxelizer
from backbones.points import PointBatch
from harness.data.augment import augment
from harness.data.scan import Scan
from harness.evaluate.evaluate import predict
from harness.evaluate.tta import View, predict_from_views, views
from harness.spec import Augmentation, Flip, TtaSpec

CPU = torch.device("cpu")
ONE_VIEW = TtaSpec(flip=("none",))


def points_of(count: int = 400, seed: int = 0, asked: bool = False) -> PointBatch:
    rng = np.random.default_rng(seed)
    return PointBatch(
        xyz=torch.from_numpy(rng.normal(0, 8, (count, 3)).astype(np.float32)),
        intensity=torch.from_numpy(rng.random(count, dtype=np.float32)),
        scan_index=torch.zeros(count, dtype=torch.int64),
        labels=torch.from_numpy(rng.integers(0, 5, count)),
        scan_ids=("08/000000",),
        asked=torch.from_numpy(rng.random(count) < 0.5) if asked else None,
    )


def test_the_views_are_all_combinations() -> None:
    spec = TtaSpec(flip=("none", "x"), rotate_deg=(0, 90, 180), scale=(0.95, 1.0))
    assert len(set(views(spec))) == spec.views == 12
    assert views(ONE_VIEW) == [View(0.0, 1.0, "none")]


@given(
    angle=st.floats(-360, 360), factor=st.floats(0.5, 2), flip=st.sampled_from(["none", "x", "y", "xy"]),
    seed=st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_a_view_moves_points_as_training_does(angle: float, factor: float, flip: Flip, seed: int) -> None:
    points = points_of(20, seed)
    scan = Scan("s", points.xyz.numpy(), points.intensity.numpy(), None, None)
    fixed = Augmentation(rotate_deg=(angle, angle), scale=(factor, factor), flip=(flip,))
    expected = augment(scan, fixed, np.random.default_rng(0)).xyz
    np.testing.assert_allclose(View(angle, factor, flip).apply(points).xyz.numpy(), expected, rtol=2e-6, atol=2e-6)


def test_the_plain_view_returns_the_very_same_numbers() -> None:
    points = points_of()
    assert torch.equal(View(0.0, 1.0, "none").apply(points).xyz, points.xyz)


def test_one_plain_view_predicts_what_a_prediction_without_it_does() -> None:
    network, voxelize = build_backbone("minkowskinet", 0.125, 4), build_voxelizer("minkowskinet", 1.0)
    scans = [points_of(seed=seed, asked=True) for seed in range(2)]
    plain = list(predict(network, voxelize, scans, CPU))
    seen = list(predict_from_views(network, voxelize, scans, CPU, ONE_VIEW))
    for (points, labels), (other, again) in zip(plain, seen, strict=True):
        assert torch.equal(labels, again)
        assert torch.equal(points.xyz, other.xyz)
        assert len(labels) == len(points.xyz) < 400


class _Sides(nn.Module):
    """Logits that depend on where a point seems to lie: class 1 at x > 0, surely; class 2 at y > 0, less so."""

    def predict(self, points: PointBatch) -> Tensor:
        x, y = points.xyz[:, 0], points.xyz[:, 1]
        return torch.stack([3.0 * (x > 0), 2.0 * (y > 0), torch.zeros_like(x)], dim=1)


def test_the_probabilities_are_summed_and_not_the_votes_nor_the_logits() -> None:
    points = points_of(200)
    spec = TtaSpec(flip=("none", "x", "y"), rotate_deg=(0.0, 30.0), scale=(1.0, 1.1))
    [(_, labels)] = predict_from_views(_Sides(), lambda batch: batch, [points], CPU, spec)  # type: ignore[arg-type,return-value]
    total = np.zeros((200, 3))
    for turn in np.radians([0.0, 30.0]):
        for _ in range(2):  # the scales, which change no side
            for sx, sy in ((1, 1), (-1, 1), (1, -1)):
                for row, (x, y, _) in enumerate(points.xyz.double().tolist()):
                    u, v = sx * (np.cos(turn) * x - np.sin(turn) * y), sy * (np.sin(turn) * x + np.cos(turn) * y)
                    scores = np.exp([3.0 * (u > 0), 2.0 * (v > 0), 0.0])
                    total[row] += scores / scores.sum()
    assert np.array_equal(labels.numpy(), total.argmax(1) + 1)
    assert set(labels.tolist()) == {1, 2}


@pytest.mark.parametrize(
    "wrong",
    [
        {"flip": ("none",), "rotate_deg": (0, 360)},
        {"flip": ("none",), "rotate_deg": (270, -90)},
        {"flip": ("none", "xy"), "rotate_deg": (0, 180)},
        {"flip": ("x", "y"), "rotate_deg": (0, 180)},
        {"flip": ()},
        {"flip": ("none", "none")},
        {"rotate_deg": (400.0,)},
        {"scale": (0.0,)},
        {"rotate_deg": range(360)},
    ],
)
def test_views_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TtaSpec.model_validate(wrong)
