from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from backbones.spvnas.devoxelize import devoxelize, devoxelize_backward
from backbones.spvnas.interpolation import Corners

# Four points: three corners, none, one, two that are the same voxel; five voxels, of which one is never read.
CORNERS = Corners(
    torch.tensor([0, 3, 1, 3, 2, 2]), torch.tensor([0, 3, 3, 4]), torch.tensor([0.5, 0.25, 0.25, 1, 0.3, 0.7])
)
TABLE = (CORNERS.voxels, CORNERS.starts, CORNERS.weights)


def features(rows: int = 5, channels: int = 3) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    return torch.randn(rows, channels, generator=draw, dtype=torch.float64, requires_grad=True)


def test_rows_are_weighted_sums() -> None:
    x = features().detach()
    expected = torch.stack([0.5 * x[0] + 0.25 * x[3] + 0.25 * x[1], 0 * x[0], x[3], x[2]])
    torch.testing.assert_close(devoxelize(x, *TABLE), expected, rtol=1e-6, atol=1e-7)


def test_gradients_are_those_of_finite_differences() -> None:
    assert torch.autograd.gradcheck(lambda x: devoxelize(x, *TABLE), (features(),))


def test_the_operator_keeps_torchs_contract() -> None:
    torch.library.opcheck(devoxelize, (features(), *TABLE))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_types_give_their_own_type(dtype: torch.dtype) -> None:
    x = features()
    read = devoxelize(x.to(dtype), *TABLE)
    assert read.dtype == dtype
    torch.testing.assert_close(read.double(), devoxelize(x, *TABLE), rtol=0.02, atol=0.02)
    read.sum().backward()
    assert x.grad is not None


def test_rows_that_no_corner_names_get_no_gradient() -> None:
    gradient = devoxelize_backward(torch.ones(4, 2), *TABLE, 5)
    torch.testing.assert_close(gradient, torch.tensor([0.5, 0.25, 1.0, 1.25, 0.0])[:, None].expand(5, 2))


def test_an_absent_voxel_is_not_multiplied_by_zero() -> None:
    x = features().detach()
    x[4] = torch.inf
    assert bool(devoxelize(x, *TABLE).isfinite().all())


def test_nothing_to_read_and_nowhere_to_read_from() -> None:
    none = torch.zeros(0, dtype=torch.int64)
    assert devoxelize(torch.ones(5, 3), none, none, torch.zeros(0)).shape == (0, 3)
    assert (
        devoxelize(torch.ones(5, 3), none, torch.zeros(2, dtype=torch.int64), torch.zeros(0)).tolist() == [[0] * 3] * 2
    )
    assert (
        devoxelize(torch.ones(0, 3), none, torch.zeros(2, dtype=torch.int64), torch.zeros(0)).tolist() == [[0] * 3] * 2
    )


def test_work_is_eight_corners_for_every_point_and_channel_each_way() -> None:
    x = features(channels=6)
    with FlopCounterMode(display=False) as counter:
        read = devoxelize(x, *TABLE)
        forward = counter.get_total_flops()
        read.sum().backward()
    assert forward == 2 * 8 * 4 * 6
    assert counter.get_total_flops() == 2 * forward
