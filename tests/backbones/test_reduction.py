"""Segment reductions against plain loops, their gradients, and their repeatability."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import given, settings
from reduction_cases import cases, max_by_loops, mean_by_loops, street_case
from torch import Tensor

from backbones.reduction import FASTEST, choose_library, segment_max, segment_mean

BOTH = pytest.mark.parametrize("reduce", [segment_max, segment_mean])
Reduce = Callable[[Tensor, Tensor, int], Tensor]


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def value_and_gradient(reduce: Reduce, values: Tensor, segment: Tensor, upstream: Tensor) -> tuple[Tensor, Tensor]:
    values = values.clone().requires_grad_()
    out = reduce(values, segment, len(upstream))
    [gradient] = torch.autograd.grad(out, values, upstream)
    return out.detach(), gradient


@settings(deadline=None)
@given(cases())
def test_max_and_its_shared_gradient_equal_plain_loops(case: tuple[Tensor, list[int], Tensor]) -> None:
    values, segment, upstream = case
    found = value_and_gradient(segment_max, values, torch.tensor(segment, dtype=torch.int64), upstream)
    for ours, loops in zip(found, max_by_loops(values.numpy(), segment, upstream.numpy()), strict=True):
        torch.testing.assert_close(ours, torch.from_numpy(loops), rtol=1e-15, atol=0)


@settings(deadline=None)
@given(cases())
def test_mean_and_its_gradient_equal_plain_loops(case: tuple[Tensor, list[int], Tensor]) -> None:
    values, segment, upstream = case
    found = value_and_gradient(segment_mean, values, torch.tensor(segment, dtype=torch.int64), upstream)
    for ours, loops in zip(found, mean_by_loops(values.numpy(), segment, upstream.numpy()), strict=True):
        torch.testing.assert_close(ours, torch.from_numpy(loops), rtol=1e-12, atol=1e-12)


@BOTH
def test_gradients_agree_with_finite_differences(reduce: Reduce) -> None:
    values, segment, _ = street_case(60, 3, 11)
    values = values.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda v: reduce(v, segment, 13), (values,))


def test_the_gradient_of_a_shared_maximum_is_that_of_amax() -> None:
    values = torch.tensor([[1.0, 2.0], [1.0, 0.0], [0.0, 2.0], [1.0, 2.0]])
    segment = torch.zeros(4, dtype=torch.int64)
    _, ours = value_and_gradient(segment_max, values, segment, torch.ones(1, 2))
    _, dense = value_and_gradient(lambda v, _, s: v.reshape(s, 4, 2).amax(1), values, segment, torch.ones(1, 2))
    assert torch.equal(ours, dense)
    assert torch.equal(ours[:, 0], torch.tensor([1 / 3, 1 / 3, 0, 1 / 3]))


@BOTH
def test_segments_without_rows_are_zero_and_only_negative_rows_stay_negative(reduce: Reduce) -> None:
    out = reduce(torch.tensor([[-5.0], [-3.0]]), torch.tensor([2, 2]), 4)
    assert out[[0, 1, 3]].eq(0).all()
    assert out[2] < 0
    assert reduce(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64), 2).tolist() == [[0.0] * 3] * 2


@BOTH
def test_a_second_run_and_a_second_thread_change_no_bit(reduce: Reduce, two_threads: None) -> None:
    case = street_case(40_000, 24, 9_000)
    runs = [value_and_gradient(reduce, *case) for _ in range(4)]
    torch.set_num_threads(1)
    runs.append(value_and_gradient(reduce, *case))
    for out, gradient in runs[1:]:
        assert torch.equal(out, runs[0][0])
        assert torch.equal(gradient, runs[0][1])


@BOTH
def test_the_order_of_rows_changes_a_maximum_by_nothing_and_a_mean_by_rounding(reduce: Reduce) -> None:
    values, segment, _ = street_case(5_000, 8, 700)
    turned = reduce(values.flip(0), segment.flip(0), 700)
    torch.testing.assert_close(turned, reduce(values, segment, 700), rtol=0, atol=0 if reduce is segment_max else 1e-6)


@BOTH
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_types_keep_their_type_and_lose_no_more_than_one_rounding(reduce: Reduce, dtype: torch.dtype) -> None:
    # So many equal rows overflow a sum or a count of ties in float16, and end at 256 in bfloat16.
    rows = torch.full((70_000, 2), 1.0, dtype=dtype)
    out, gradient = value_and_gradient(reduce, rows, torch.zeros(70_000, dtype=torch.int64), torch.ones(1, 2).to(dtype))
    assert out.dtype == gradient.dtype == dtype
    assert out.tolist() == [[1.0, 1.0]]
    torch.testing.assert_close(gradient.float(), torch.full((70_000, 2), 1 / 70_000), rtol=1e-2, atol=0)


@BOTH
@pytest.mark.parametrize(
    ("rows", "segment"), [(3, [0, 1]), (2, [0, 4]), (2, [-1, 0])], ids=["length", "too high", "negative"]
)
def test_wrong_segments_are_refused(reduce: Reduce, rows: int, segment: list[int]) -> None:
    with pytest.raises(ValueError, match="segment"):
        reduce(torch.zeros(rows, 2), torch.tensor(segment), 4)


def test_a_named_library_is_taken_and_the_table_speaks_otherwise() -> None:
    for (device_type, reduction), fastest in FASTEST.items():
        assert choose_library(device_type, reduction, "torch_scatter") == "torch_scatter"
        assert choose_library(device_type, reduction) in ("torch", fastest)
    assert choose_library("meta", "max") == "torch"
