import math

import pytest
import torch

from harness.spec import RecipeSpec
from harness.train.optimiser import build_optimiser, learning_rate


def test_warm_up_is_linear_and_the_rest_half_a_cosine() -> None:
    recipe = RecipeSpec(epochs=10, warmup_epochs=1, learning_rate=0.4)
    rates = [learning_rate(step, 10, recipe) for step in range(100)]
    assert rates[:10] == pytest.approx([0.4 * (i + 1) / 11 for i in range(10)])
    assert rates[10:] == pytest.approx([0.2 * (1 + math.cos(math.pi * i / 90)) for i in range(90)])


def test_one_epoch_warms_up_for_half_of_it() -> None:
    recipe = RecipeSpec(epochs=1, warmup_epochs=1, learning_rate=1.0)
    rates = [learning_rate(step, 10, recipe) for step in range(10)]
    assert rates.index(max(rates)) == 5
    assert rates[-1] < 0.1


def test_a_constant_rate_is_warmed_up_too() -> None:
    flat = RecipeSpec(epochs=10, warmup_epochs=0, schedule="constant", learning_rate=0.4)
    assert {learning_rate(step, 10, flat) for step in range(100)} == {0.4}
    warmed = RecipeSpec(epochs=10, warmup_epochs=0.5, schedule="constant", learning_rate=0.4)
    rates = [learning_rate(step, 10, warmed) for step in range(100)]
    assert rates[:5] == pytest.approx([0.4 * (i + 1) / 6 for i in range(5)])
    assert set(rates[5:]) == {0.4}


def test_the_recipe_chooses_the_optimiser() -> None:
    parameter = [torch.nn.Parameter(torch.zeros(1))]
    sgd = build_optimiser(parameter, RecipeSpec(optimizer="sgd"))
    assert isinstance(sgd, torch.optim.SGD)
    assert sgd.defaults["nesterov"]
    assert (sgd.defaults["momentum"], sgd.defaults["weight_decay"]) == (0.9, 1e-4)
    assert isinstance(build_optimiser(parameter, RecipeSpec()), torch.optim.Adam)
    build_optimiser(parameter, RecipeSpec(optimizer="sgd", momentum=0.0))
