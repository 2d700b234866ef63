from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from backbones.spvnas.pooling import find_members

HOMES = st.lists(st.tuples(st.integers(0, 1), *[st.integers(0, 2)] * 3), min_size=1, max_size=40)


@given(homes=HOMES, seed=st.integers(0, 1000))
def test_means_equal_a_loop_over_voxels(homes: list[tuple[int, int, int, int]], seed: int) -> None:
    sites = sorted(set(homes))
    features = np.random.default_rng(seed).normal(size=(len(homes), 2))
    members = find_members(torch.tensor(homes), torch.tensor(sites))
    expected = [
        np.mean([row for home, row in zip(homes, features, strict=True) if home == site], axis=0) for site in sites
    ]
    np.testing.assert_allclose(members.mean(torch.from_numpy(features)).numpy(), np.array(expected), rtol=1e-12)


def test_each_point_gets_its_share_of_the_gradient() -> None:
    members = find_members(
        torch.tensor([[0, 1, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]]), torch.tensor([[0, 0, 0, 0], [0, 1, 0, 0]])
    )
    x = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(members.mean, (x,))
    members.mean(x).sum().backward()
    assert x.grad is not None
    assert x.grad[:, 0].tolist() == [0.5, 1.0, 0.5]


def test_points_keep_their_order_within_a_voxel() -> None:
    members = find_members(torch.tensor([[0, 1, 0, 0], [0, 0, 0, 0]] * 3), torch.tensor([[0, 0, 0, 0], [0, 1, 0, 0]]))
    assert members.points.tolist() == [1, 3, 5, 0, 2, 4]
    assert members.starts.tolist() == [0, 3]
