"""Test-time augmentation: the mean of the class probabilities that a network gives a scan from several views."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from math import cos, radians, sin

import torch
from torch import Tensor

from backbones.backbone import Backbone, Voxelizer
from backbones.points import PointBatch
from harness.data.augment import FLIPPED_AXES
from harness.evaluate.evaluate import label_points
from harness.spec import Flip, TtaSpec


@dataclass(frozen=True)
class View:
    """One way to show a scan: turned about z, scaled, then mirrored, in the order of training's augmentation.

    Attributes:
        rotate_deg: angle about z.
        scale: factor on all axes.
        flip: axes to negate.
    """

    rotate_deg: float
    scale: float
    flip: Flip

    def apply(self, points: PointBatch) -> PointBatch:
        """Return the points as this view shows them; the view that changes nothing returns the very same numbers."""
        x, y, z = points.xyz.double().unbind(1)
        turn = radians(self.rotate_deg)
        turned = [cos(turn) * x - sin(turn) * y, sin(turn) * x + cos(turn) * y, z]
        gains = [-self.scale if axis in FLIPPED_AXES[self.flip] else self.scale for axis in range(3)]
        moved = torch.stack([column * gain for column, gain in zip(turned, gains, strict=True)], dim=1)
        return replace(points, xyz=moved.float())


def views(spec: TtaSpec) -> list[View]:
    """Return every rotation with every scale and every flip, in this order."""
    return [View(*view) for view in product(spec.rotate_deg, spec.scale, spec.flip)]


def predict_from_views(
    network: Backbone, voxelize: Voxelizer, scans: Iterable[PointBatch], device: torch.device, spec: TtaSpec
) -> Iterator[tuple[PointBatch, Tensor]]:
    """Yield the points of each scan that are asked for with their predicted class ids, [N] int64 in 1..C on `device`.

    As `harness.evaluate.evaluate.predict`, but for every scan the softmax of the logits is summed over the views, point
    by point and in their order, and the largest sum wins.
    """
    network.eval()
    shown = views(spec)
    return label_points(lambda points: _probabilities(network, voxelize, points, shown), scans, device)


def _probabilities(network: Backbone, voxelize: Voxelizer, points: PointBatch, shown: list[View]) -> Tensor:
    """Return the sum over the views of the class probabilities, [N, C]."""
    first, *others = shown
    total = network.predict(voxelize(first.apply(points))).softmax(1)
    for view in others:
        total += network.predict(voxelize(view.apply(points))).softmax(1)
    return total
