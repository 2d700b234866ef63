"""Supervised losses on voxels: cross entropy and Lovász-softmax. Label 0 is ignored, label c has logit column c − 1."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from harness.spec import RecipeSpec


def supervised_terms(logits: Tensor, labels: Tensor, recipe: RecipeSpec) -> dict[str, Tensor]:
    """Return the weighted supervised terms of a step, by name.

    Args:
        logits: [V, C].
        labels: [V] int64, 0 ignored.
        recipe: gives the weights; a term of weight 0 is left out.
    """
    terms = {}
    if recipe.cross_entropy_weight:
        terms["cross_entropy"] = recipe.cross_entropy_weight * cross_entropy(logits, labels)
    if recipe.lovasz_weight:
        terms["lovasz"] = recipe.lovasz_weight * lovasz_softmax(logits, labels)
    return terms


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy over the labelled rows; 0 with gradient 0 when no row is labelled."""
    labelled = labels > 0
    if not bool(labelled.any()):
        return logits.sum() * 0.0
    return functional.cross_entropy(logits, labels - 1, ignore_index=-1)


def lovasz_softmax(logits: Tensor, labels: Tensor) -> Tensor:
    """Lovász-softmax over the classes present (Berman, Triki, Blaschko, CVPR 2018, equations 11 and 12).

    The Jaccard loss of one class, as a set function of the mispredicted rows, is extended to real errors: sort the
    errors from large to small and weigh each by how much the Jaccard loss grows when its row joins the wrong ones.

    Args:
        logits: [V, C].
        labels: [V] int64, 0 ignored.
    """
    labelled = labels > 0
    probabilities, labels = logits[labelled].softmax(1), labels[labelled] - 1
    if labels.numel() == 0:
        return logits.sum() * 0.0
    present = torch.unique(labels)
    truth = (labels[None, :] == present[:, None]).to(probabilities.dtype)
    errors = (truth - probabilities.t()[present]).abs()
    errors, order = torch.sort(errors, dim=1, descending=True, stable=True)
    weights = _jaccard_growth(truth.gather(1, order))
    return (errors * weights).sum(1).mean()


def _jaccard_growth(truth: Tensor) -> Tensor:
    """Return, for rows sorted by falling error, the growth of 1 − IoU as each joins the mispredicted set; [P, V]."""
    total = truth.sum(1, keepdim=True)
    intersection = total - truth.cumsum(1)
    union = total + (1 - truth).cumsum(1)
    jaccard_loss = 1 - intersection / union
    return torch.diff(jaccard_loss, dim=1, prepend=jaccard_loss.new_zeros(jaccard_loss.shape[0], 1))
