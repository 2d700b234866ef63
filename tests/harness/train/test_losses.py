import math

import numpy as np
import pytest
import torch

from harness.spec import RecipeSpec
from harness.train.losses import cross_entropy, lovasz_softmax, supervised_terms


def jaccard_loss(truth: list[bool], mispredicted: set[int]) -> float:
    """1 − IoU of a class when exactly the rows of `mispredicted` are wrong (Berman et al. 2018, equation 6)."""
    positives = {row for row, is_class in enumerate(truth) if is_class}
    return len(mispredicted) / len(positives | mispredicted)


def reference_lovasz(logits: np.ndarray, labels: np.ndarray) -> float:
    """The Lovász extension by its definition: a sum over sorted errors of the set function's increments."""
    rows = [row for row in range(len(labels)) if labels[row] > 0]
    losses = []
    for class_id in sorted({int(labels[row]) for row in rows}):
        truth, errors = [], []
        for row in rows:
            exponentials = [math.exp(value) for value in logits[row]]
            probability = exponentials[class_id - 1] / sum(exponentials)
            truth.append(labels[row] == class_id)
            errors.append(1 - probability if truth[-1] else probability)
        order = sorted(range(len(rows)), key=lambda i: -errors[i])
        total, before, wrong = 0.0, 0.0, set()
        for i in order:
            wrong.add(i)
            after = jaccard_loss(truth, wrong)
            total += errors[i] * (after - before)
            before = after
        losses.append(total)
    return sum(losses) / len(losses)


def reference_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    terms = [
        math.log(sum(math.exp(value) for value in logits[row])) - logits[row][labels[row] - 1]
        for row in range(len(labels))
        if labels[row] > 0
    ]
    return sum(terms) / len(terms)


@pytest.mark.parametrize("seed", range(5))
def test_both_losses_equal_their_definitions(seed: int) -> None:
    draw = np.random.default_rng(seed)
    logits, labels = draw.normal(size=(40, 5)), draw.integers(0, 5, 40)
    ours = torch.from_numpy(logits), torch.from_numpy(labels)
    assert float(lovasz_softmax(*ours)) == pytest.approx(reference_lovasz(logits, labels), rel=1e-12)
    assert float(cross_entropy(*ours)) == pytest.approx(reference_cross_entropy(logits, labels), rel=1e-12)


def test_a_perfect_prediction_has_no_loss() -> None:
    labels = torch.tensor([1, 2, 3, 0])
    logits = 200.0 * torch.nn.functional.one_hot((labels - 1).clamp(min=0), 3).double()
    assert float(lovasz_softmax(logits, labels)) == pytest.approx(0, abs=1e-12)
    assert float(cross_entropy(logits, labels)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("loss", [cross_entropy, lovasz_softmax])
def test_gradients(loss) -> None:
    torch.manual_seed(0)
    logits = torch.randn(12, 4, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(0, 5, (12,))
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), (logits,))


@pytest.mark.parametrize("loss", [cross_entropy, lovasz_softmax])
@pytest.mark.parametrize("rows", [0, 3])
def test_nothing_labelled_is_no_loss_and_no_gradient(loss, rows: int) -> None:
    logits = torch.randn(rows, 4, requires_grad=True)
    value = loss(logits, torch.zeros(rows, dtype=torch.int64))
    value.backward()
    assert value.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_terms_carry_their_weights_and_a_weight_of_zero_drops_the_term() -> None:
    logits, labels = torch.randn(10, 3), torch.tensor([1, 2, 3, 0, 1, 2, 3, 1, 2, 3])
    terms = supervised_terms(logits, labels, RecipeSpec(cross_entropy_weight=2.0, lovasz_weight=0.5))
    assert torch.allclose(terms["cross_entropy"], 2 * cross_entropy(logits, labels))
    assert torch.allclose(terms["lovasz"], 0.5 * lovasz_softmax(logits, labels))
    assert list(supervised_terms(logits, labels, RecipeSpec(lovasz_weight=0))) == ["cross_entropy"]
