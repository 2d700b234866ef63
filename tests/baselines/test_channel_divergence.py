import channel_reference as reference
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from kd_inputs import wave

from baselines.channel_divergence import channel_divergence


@given(
    hnp.arrays(np.float64, st.tuples(st.integers(1, 12), st.integers(1, 4)), elements=st.floats(-300, 300)),
    st.randoms(use_true_random=False),
    st.floats(0.5, 8.0),
)
def test_interleaved_scans_equal_the_reference(source, random, temperature):
    # Three scans, of which any may have no row.
    rows = len(source)
    target = source[random.sample(range(rows), rows)] * random.choice([1.0, -1.0, 0.1, 0.0])
    scans = [random.randrange(3) for _ in range(rows)]
    found = channel_divergence(torch.tensor(source), torch.tensor(target), torch.tensor(scans), 3, temperature)
    expected = reference.channel_divergence(target.tolist(), source.tolist(), scans, temperature, None, 3)
    assert found.item() == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("rows", [torch.zeros(6, 3), torch.full((6, 3), -7.5), torch.ones(1, 3)], ids=str)
def test_even_channels_are_even_in_both_networks(rows):
    scan = torch.zeros(len(rows), dtype=torch.int64)
    values = rows.clone().requires_grad_()
    found = channel_divergence(2 * rows + 1, values, scan, 1, 4.0)
    found.backward()
    assert found.item() == pytest.approx(0, abs=1e-6)
    assert values.grad.abs().max() < 1e-6


def test_confident_float32_logits_stay_finite():
    rows = 300 * wave((50, 5), 3.0).sign().float()
    scan = (torch.arange(50) > 20).long()
    values = (-rows).requires_grad_()
    for temperature in (4.0, 0.5):
        found = channel_divergence(rows, values, scan, 2, temperature)
        expected = reference.channel_divergence((-rows).tolist(), rows.tolist(), scan.tolist(), temperature)
        assert found.item() == pytest.approx(expected, rel=1e-5)
        found.backward()
        assert torch.isfinite(values.grad).all()


def test_float32_keeps_its_digits_over_a_whole_scan():
    source, target = wave((100_000, 2), 1.0, 9.0), wave((100_000, 2), 2.0, 9.0)
    scan = torch.zeros(len(source), dtype=torch.int64)
    wide, narrow = (
        channel_divergence(source.to(t), target.to(t), scan, 1, 4.0) for t in (torch.float64, torch.float32)
    )
    assert narrow.item() == pytest.approx(wide.item(), rel=5e-6)
