import math

import pytest
import torch

from baselines.pvd.difficulty import count_minor, minority_classes, sampling_weights


def test_a_minority_class_holds_less_than_the_share_of_the_labelled_points():
    # 1000 labelled points; the ignored ones would make every class a minority class.
    assert minority_classes((10**9, 981, 10, 9, 0), 0.01).tolist() == [False, False, False, True, True]
    assert minority_classes((0, 981, 10, 9, 0), 0.01).tolist() == [False, False, False, True, True]
    assert not minority_classes((5, 0, 0), 0.01).any()


def test_difficulty_by_hand():
    minor = torch.tensor([[0, 1, 2], [0, 0, 100]])
    arcs = torch.tensor([12.5, 25.0, 50.0], dtype=torch.float64)
    category = [[1 / (4 * math.exp(-2 * n) + 1) for n in row] for row in minor.tolist()]
    distance = [0.25, 0.5, 1.0]
    assert category[0][0] == pytest.approx(1 / 5)
    expected = {
        "difficulty": [[c * d for c, d in zip(row, distance, strict=True)] for row in category],
        "category": category,
        "distance": [distance, distance],
        "random": [[1.0] * 3] * 2,
    }
    for sampler, weights in expected.items():
        found = sampling_weights(sampler, minor, arcs, 50.0)
        assert found.dtype == torch.float64
        torch.testing.assert_close(found, torch.tensor(weights, dtype=torch.float64), rtol=1e-12, atol=0)


def test_units_of_the_minority_count():
    minority = torch.tensor([False, False, True, True])
    block, labels = torch.tensor([0, 0, 0, 0, 2, 2, 2]), torch.tensor([0, 2, 2, 3, 1, 1, 3])
    assert count_minor("voxels", block, labels, minority, 3).tolist() == [3, 0, 1]
    assert count_minor("points", block, labels, minority, 3).tolist() == [3, 0, 1]
    assert count_minor("classes", block, labels, minority, 3).tolist() == [2, 0, 1]
