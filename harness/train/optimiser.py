"""The optimiser and the learning-rate schedule of a recipe."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn

from harness.spec import RecipeSpec


def build_optimiser(parameters: Iterable[nn.Parameter], recipe: RecipeSpec) -> torch.optim.Optimizer:
    """Make the recipe's optimiser: SGD with Nesterov momentum, or Adam."""
    if recipe.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    return torch.optim.SGD(
        parameters,
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.momentum > 0,
    )


def learning_rate(step: int, steps_per_epoch: int, recipe: RecipeSpec) -> float:
    """Return the learning rate of a step, counted from 0: linear warm-up, then half a cosine down to 0, or constant.

    A pure function of the step, so that a resumed run needs no scheduler state.
    """
    warmup = min(recipe.warmup_epochs, recipe.epochs / 2) * steps_per_epoch
    total = recipe.epochs * steps_per_epoch
    if step < warmup:
        return recipe.learning_rate * (step + 1) / (warmup + 1)
    if recipe.schedule == "constant":
        return recipe.learning_rate
    progress = (step - warmup) / max(total - warmup, 1)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))
