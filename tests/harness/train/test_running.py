from __future__ import annotations

import numpy as np
import torch
from torch import nn

from harness.train.processes import ALONE
from harness.train.running import RunningStatistics


def test_the_statistics_after_a_step_are_the_weighted_mean_of_those_after_each_part_alone() -> None:
    """Against the formula of a batch normalisation, written out; the unbiased variance is the one that is kept."""
    draw = np.random.default_rng(0)
    parts = [(0.5, draw.normal(3, 2, (40, 3))), (0.3, draw.normal(-1, 1, (7, 3))), (0.2, draw.normal(0, 9, (90, 3)))]
    norm = nn.BatchNorm1d(3)
    norm(torch.from_numpy(draw.normal(1, 1, (20, 3))).float())  # statistics from before
    mean, variance = norm.running_mean.double().numpy(), norm.running_var.double().numpy()
    wanted_mean, wanted_variance = np.zeros(3), np.zeros(3)
    for weight, rows in parts:
        wanted_mean += weight * (0.9 * mean + 0.1 * rows.mean(0))
        wanted_variance += weight * (0.9 * variance + 0.1 * rows.var(0, ddof=1))
    after = []
    for order in (parts, parts[::-1]):
        statistics = RunningStatistics(copy := _copy(norm))
        for weight, rows in order:
            with statistics.of_part(weight):
                copy(torch.from_numpy(rows).float())
        statistics.join(ALONE)
        np.testing.assert_allclose(copy.running_mean.numpy(), wanted_mean, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(copy.running_var.numpy(), wanted_variance, rtol=1e-6)
        assert copy.num_batches_tracked == 2
        after.append(copy)
    assert torch.equal(after[0].running_var, after[1].running_var)


def test_a_part_without_scans_changes_nothing() -> None:
    norm = nn.BatchNorm1d(2)
    before = {name: tensor.clone() for name, tensor in norm.state_dict().items()}
    statistics = RunningStatistics(norm)
    with statistics.of_part(1.0):
        norm(torch.randn(9, 2))
    with statistics.of_part(0.0):
        pass
    assert all(torch.equal(norm.state_dict()[name], tensor) for name, tensor in before.items())
    statistics.join(ALONE)
    assert norm.num_batches_tracked == 1
    assert not torch.equal(norm.running_mean, before["running_mean"])


def test_a_module_without_buffers_has_none() -> None:
    RunningStatistics(nn.Linear(2, 2)).join(ALONE)


def _copy(norm: nn.BatchNorm1d) -> nn.BatchNorm1d:
    copy = nn.BatchNorm1d(norm.num_features)
    copy.load_state_dict(norm.state_dict())
    return copy
