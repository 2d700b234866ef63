import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from kd_inputs import wave

from baselines.directions import unit_rows


def test_rows_by_hand():
    rows = torch.tensor([[3.0, 4.0], [0.0, 0.0], [0.0, -2.0]])
    assert unit_rows(rows).tolist() == [pytest.approx([0.6, 0.8]), [0.0, 0.0], [0.0, -1.0]]


@pytest.mark.parametrize("size", [1e-38, 1e-20, 1e-14, 1e-6, 1.0, 1e10, 1e19, 1e37])
def test_rows_of_any_size_have_a_direction_and_a_finite_gradient(size):
    rows = (torch.tensor([[3.0, 4.0, 0.0], [1.0, 1.0, 1.0]]) * size).requires_grad_()
    found = unit_rows(rows)
    torch.testing.assert_close(found[0], torch.tensor([0.6, 0.8, 0.0]))
    (found * torch.tensor([1.0, 0.0, 2.0])).sum().backward()
    # The gradient of a direction is across it, and inversely proportional to the length.
    expected = torch.tensor([0.64, -0.48, 2.0]) / 5
    assert (rows.grad[0].double() * size).tolist() == pytest.approx(expected.tolist(), rel=1e-5)
    assert torch.isfinite(rows.grad).all() or size < 1e-37


@given(st.integers(1, 5), st.integers(1, 6), st.floats(-12, 12))
def test_equals_a_plain_loop(count, width, exponent):
    rows = wave((count, width), 1.0, 10.0**exponent)
    expected = []
    for row in rows.tolist():
        length = math.sqrt(sum(value**2 for value in row))
        expected += [value / length if length else 0.0 for value in row]
    assert unit_rows(rows).flatten().tolist() == pytest.approx(expected, rel=1e-12)


def test_gradient():
    torch.autograd.gradcheck(unit_rows, wave((4, 3), 2.0).requires_grad_())


def test_zero_rows_get_no_gradient_and_no_channels_are_no_fault():
    rows = torch.zeros((2, 3), requires_grad=True)
    unit_rows(rows).sum().backward()
    assert rows.grad.tolist() == [[0.0] * 3] * 2
    assert unit_rows(torch.zeros((2, 0))).shape == (2, 0)


def test_half_precision_is_widened():
    assert unit_rows(torch.ones((1, 2), dtype=torch.float16)).dtype == torch.float32
