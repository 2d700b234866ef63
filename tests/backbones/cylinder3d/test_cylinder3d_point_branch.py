from __future__ import annotations

import numpy as np
import pytest
import torch

from backbones.cylinder3d.point_branch import PointBranch
from backbones.cylinder3d.point_mlp import PointMLP


def reference(
    branch: PointBranch, points: np.ndarray, voxels: np.ndarray, rows: np.ndarray, training: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Gather, then the linear layer, then the norm over points, as the method describes it; one point at a time."""
    lift, norm, classifier = branch.lift, branch.norm, branch.classifier
    lifted = np.array([lift.weight.detach().numpy() @ voxels[row] + lift.bias.detach().numpy() for row in rows])
    mean = lifted.mean(0) if training else norm.running_mean.numpy()
    variance = lifted.var(0) if training else norm.running_var.numpy()
    features, logits = [], []
    for point, row in zip(points, lifted, strict=True):
        normed = (row - mean) / np.sqrt(variance + norm.eps) * norm.weight.detach().numpy() + norm.bias.detach().numpy()
        features.append(point + np.where(normed > 0, normed, 0.01 * normed))
        logits.append(classifier.weight.detach().numpy() @ features[-1] + classifier.bias.detach().numpy())
    return np.array(features), np.array(logits)


@pytest.mark.parametrize("training", [False, True])
def test_features_and_logits_of_points(training: bool) -> None:
    torch.manual_seed(0)
    branch = PointBranch(8, 6, 3).double()
    for tensor in (branch.norm.running_mean, branch.norm.running_var, branch.norm.weight.data, branch.norm.bias.data):
        torch.nn.init.uniform_(tensor, 0.2, 2.0)
    points, voxels = torch.randn(20, 6).double(), torch.randn(5, 8).double()
    rows = torch.tensor([0] * 9 + [1] * 5 + [2, 3, 4, 4, 0, 1])
    expected = reference(branch, points.numpy(), voxels.numpy(), rows.numpy(), training)
    branch.train(training)
    for ours, theirs in zip(branch(points, voxels, rows), expected, strict=True):
        np.testing.assert_allclose(ours.detach(), theirs, rtol=1e-10, atol=1e-12)


def test_the_point_network_keeps_the_order_of_points() -> None:
    torch.manual_seed(0)
    mlp = PointMLP((8, 8, 8, 6), 4).double().eval()
    features, rows = torch.randn(30, 9).double(), torch.randint(0, 7, (30,)).sort().values
    order = torch.randperm(30)
    points, voxels = mlp(features, rows, 7)
    shuffled, same = mlp(features[order], rows[order], 7)
    torch.testing.assert_close(shuffled, points[order])
    torch.testing.assert_close(same, voxels)
