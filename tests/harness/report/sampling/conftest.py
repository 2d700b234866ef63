from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from backbones.points import PointBatch
from backbones.voxelize import voxelize_first_point
from baselines.pvd.settings import PVDSettings
from harness.data.labels import SEMANTICKITTI
from harness.inspect.sampling import view_sampling
from harness.inspect.view import SamplingView, TrainingMoment, TrainingSet

NAMES = SEMANTICKITTI.names
ROAD, POLE, PERSON = (NAMES.index(name) for name in ("road", "pole", "person"))
RARE = ("person", "pole")
Scene = tuple[SamplingView, PointBatch]


def scan() -> PointBatch:
    """Road all around at three heights, a person near and ahead, a pole far and to the left; nothing behind."""
    draw = torch.Generator().manual_seed(0)
    around = torch.rand(3000, 3, generator=draw)
    radius, angle = 2 + 46 * around[:, 0], 3.0 * around[:, 1] - 1.4
    height = torch.tensor([-3.0, -1.7, 1.0])[torch.randint(0, 3, (3000,), generator=draw)]
    road = torch.stack([radius * angle.cos(), radius * angle.sin(), height], dim=1)
    spread = torch.rand(40, 3, generator=draw)
    person, pole = spread + torch.tensor([6.0, 0.5, -1.5]), spread + torch.tensor([0.0, 44.0, 1.0])
    labels = torch.cat([torch.full((3000,), ROAD), torch.full((40,), PERSON), torch.full((40,), POLE)])
    xyz = torch.cat([road, person, pole]).float()
    return PointBatch(xyz, torch.zeros(len(xyz)), torch.zeros_like(labels), labels, ("00/000000",))


@pytest.fixture(scope="session")
def scene() -> Callable[..., Scene]:
    """View a made-up scan under settings of pvd, and return the view with the points."""

    def view(epochs: int = 1, moment: TrainingMoment | None = None, **settings: Any) -> Scene:
        counts = {name: 10 if name in RARE else 10_000 for name in NAMES}
        data = TrainingSet(scans=7, partial=True, synthetic=False, class_points=counts)
        points = scan()
        voxels, chosen = voxelize_first_point(points, 0.5), moment or TrainingMoment(seed=1, voxel_size_m=0.5)
        return view_sampling(voxels, PVDSettings(**settings), data, chosen, epochs), points

    return view
