"""torch-scatter gives what plain torch gives: values, and gradients where no maximum is shared."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from reduction_cases import cases, street_case
from torch import Tensor

from backbones.reduction import FASTEST, choose_library, segment_max, segment_mean
from backbones.scatter import installed

BOTH = pytest.mark.parametrize("reduce", [segment_max, segment_mean])
needs_torch_scatter = pytest.mark.skipif(not installed(), reason="torch-scatter is not installed")
Reduce = Callable[..., Tensor]


def both_libraries(reduce: Reduce, values: Tensor, segment: Tensor, upstream: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return output and gradient by torch, then by torch-scatter."""
    results = []
    for library in ("torch", "torch_scatter"):
        leaf = values.clone().requires_grad_()
        out = reduce(leaf, segment, len(upstream), library)
        results.append((out.detach(), torch.autograd.grad(out, leaf, upstream)[0]))
    return results


@pytest.mark.engine
@needs_torch_scatter
@BOTH
@settings(deadline=None)
@given(case=cases(ties=False))
def test_values_and_gradients_are_equal_without_ties(reduce: Reduce, case: tuple[Tensor, list[int], Tensor]) -> None:
    values, segment, upstream = case
    ours, theirs = both_libraries(reduce, values, torch.tensor(segment, dtype=torch.int64), upstream)
    torch.testing.assert_close(theirs, ours, rtol=1e-12, atol=1e-12)


@pytest.mark.engine
@needs_torch_scatter
@BOTH
def test_values_and_gradients_are_equal_on_many_points(reduce: Reduce) -> None:
    ours, theirs = both_libraries(reduce, *street_case(60_000, 16, 15_000))
    torch.testing.assert_close(theirs, ours, rtol=1e-6, atol=1e-6)


@pytest.mark.engine
@needs_torch_scatter
@settings(deadline=None)
@given(case=cases())
def test_a_shared_maximum_gives_one_row_the_sum_of_what_torch_shares_out(
    case: tuple[Tensor, list[int], Tensor],
) -> None:
    values, segment, upstream = case
    rows = torch.tensor(segment, dtype=torch.int64)
    (out, shared), (same, whole) = both_libraries(segment_max, values, rows, upstream)
    assert torch.equal(out, same)
    sums = [torch.zeros_like(upstream).index_add(0, rows, gradient) for gradient in (shared, whole)]
    torch.testing.assert_close(sums[0], sums[1], rtol=1e-12, atol=1e-12)
    assert whole[shared == 0].eq(0).all()
    assert int(whole.ne(0).sum()) == len(set(segment)) * values.shape[1]


@pytest.mark.engine
@needs_torch_scatter
def test_the_table_decides_when_no_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FASTEST, ("cpu", "max"), "torch_scatter")  # type: ignore[arg-type]
    assert choose_library("cpu", "max") == "torch_scatter"
    leaf = torch.ones(4, 1, requires_grad=True)
    segment_max(leaf, torch.zeros(4, dtype=torch.int64), 1).sum().backward()
    assert leaf.grad is not None
    assert sorted(leaf.grad.flatten().tolist()) == [0, 0, 0, 1], "torch-scatter's tie rule"


def in_a_process_without_torch_scatter(code: str) -> Any:
    hide = "import sys; sys.modules['torch_scatter'] = None; import torch; from backbones.reduction import *\n"
    return subprocess.run([sys.executable, "-c", hide + code], capture_output=True, text=True, check=False)


def test_asking_for_it_where_it_is_missing_names_the_command() -> None:
    run = in_a_process_without_torch_scatter("segment_max(torch.ones(1, 1), torch.zeros(1).long(), 1, 'torch_scatter')")
    assert run.returncode == 1
    assert run.stderr.strip().splitlines()[-1].startswith("ImportError: torch-scatter can't be loaded")
    assert "pip install --no-build-isolation torch-scatter==2.1.2" in run.stderr


def test_a_table_that_prefers_it_falls_back_to_torch_where_it_is_missing() -> None:
    code = "FASTEST['cpu', 'mean'] = 'torch_scatter'\n"
    code += "assert choose_library('cpu', 'mean') == 'torch'\n"
    code += "print(segment_mean(torch.ones(2, 1), torch.zeros(2).long(), 1).item())"
    run = in_a_process_without_torch_scatter(code)
    assert run.stdout == "1.0\n", run.stderr
