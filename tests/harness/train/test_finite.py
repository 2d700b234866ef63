from __future__ import annotations

import math

import pytest
import torch

from harness.errors import HarnessError
from harness.train.finite import Moment, few, gradient_fault, infinite_names, refuse_infinite


def test_people_count_from_one_and_the_log_from_zero() -> None:
    assert str(Moment(0, 0)) == "epoch 1, step 1 (epoch 0, step 0 in metrics.jsonl, which counts from 0)"
    assert str(Moment(4)) == "epoch 5"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_tensors_are_found_by_their_paths_in_dicts_and_lists(value: float, dtype: torch.dtype) -> None:
    bad = torch.tensor([[0.0], [value]], dtype=dtype)
    state = {
        "student": {"stem.weight": torch.ones(2), "norm.running_var": bad, "norm.batches": torch.tensor(3)},
        "optimiser": {"state": {0: {"step": torch.tensor(1.0)}, 12: {"exp_avg": bad}}, "param_groups": [{"lr": 0.1}]},
        "devices": ["cpu"],
        "list": [torch.ones(1), bad],
        "empty": torch.ones(0),
    }
    assert infinite_names(state) == ["student.norm.running_var", "optimiser.state.12.exp_avg", "list.1"]
    with pytest.raises(
        HarnessError, match=r"^after epoch 2, step 5 \(.*\): found NaN or ∞ in student.norm.running_var"
    ):
        refuse_infinite(state, Moment(1, 4))


def test_the_largest_finite_numbers_are_no_fault() -> None:
    refuse_infinite({"weight": torch.tensor([torch.finfo(torch.float32).max, -1e38, 0.0])}, Moment(0, 0))


def test_sums_that_overflow_or_cancel_decide_nothing() -> None:
    largest = torch.finfo(torch.float32).max
    assert infinite_names({"weight": torch.tensor([largest, largest, largest])}) == []
    assert infinite_names({"weight": torch.tensor([math.inf, -math.inf])}) == ["weight"]
    assert infinite_names({"weight": torch.full((70_000,), 10.0, dtype=torch.float16)}) == []


def test_a_finite_gradient_is_no_fault() -> None:
    assert gradient_fault({"weight": torch.tensor([1e18, -1.0])}, ["a"], Moment(0)) is None


def test_many_names_are_counted() -> None:
    assert few(["a", "b", "c"]) == "a, b, c"
    assert few(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
