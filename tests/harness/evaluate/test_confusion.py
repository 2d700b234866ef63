import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from harness.evaluate.confusion import BANDS, EvaluationCounts, confusion_by_band

CLASSES = 4
ids = st.integers(0, CLASSES)
triples = st.lists(st.tuples(ids, ids, st.integers(0, BANDS - 1)), max_size=60)
Points = list[tuple[int, int, int]]
SCANS = [f"08/{frame:06d}" for frame in range(150)]


def count_by_loop(points: Points, classes: int) -> list[list[list[int]]]:
    counts = [[[0] * (classes + 1) for _ in range(classes + 1)] for _ in range(BANDS)]
    for predicted, true, band in points:
        counts[band][predicted][true] += 1
    return counts


def tensors(points: Points, dtype: torch.dtype = torch.int64) -> tuple[Tensor, Tensor, Tensor]:
    table = torch.tensor(points, dtype=dtype).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2].long()


@given(triples, st.sampled_from([torch.uint8, torch.int16, torch.int32, torch.int64]))
def test_counts_equal_a_plain_loop(points: Points, dtype: torch.dtype) -> None:
    counts = confusion_by_band(*tensors(points, dtype), CLASSES)
    assert counts.dtype == torch.int64
    assert counts.tolist() == count_by_loop(points, CLASSES)


def test_eight_bit_ids_do_not_overflow() -> None:
    every = torch.arange(26, dtype=torch.uint8)
    counts = confusion_by_band(every, every, torch.full((26,), BANDS - 1), 25)
    assert torch.equal(counts[-1], torch.eye(26, dtype=torch.int64))
    assert not counts[:-1].any()


@given(st.lists(st.tuples(st.integers(0, 149), triples), max_size=6))
def test_scans_are_counted_in_their_stretch_and_all_together_as_one_batch(scans: list[tuple[int, Points]]) -> None:
    running = EvaluationCounts(SCANS, CLASSES)
    for place, points in scans:
        running.add(SCANS[place], *tensors(points))
    assert len(running.counts) == 2
    for stretch, half in enumerate((range(75), range(75, 150))):
        inside = [point for place, points in scans if place in half for point in points]
        assert running.counts[stretch].tolist() == count_by_loop(inside, CLASSES)
    everything = [point for _, points in scans for point in points]
    assert running.counts.sum(0).tolist() == count_by_loop(everything, CLASSES)


@pytest.mark.parametrize("pred, gt", [([5], [0]), ([-1], [3]), ([0], [5]), ([2], [-1])])
def test_an_id_outside_never_aliases_another_pair(pred: list[int], gt: list[int]) -> None:
    with pytest.raises(ValueError, match=r"ids outside 0\.\.4"):
        confusion_by_band(torch.tensor(pred), torch.tensor(gt), torch.tensor([0]), CLASSES)


def test_lengths_have_to_agree() -> None:
    one, two = torch.tensor([1]), torch.tensor([1, 2])
    for wrong in ((two, one, two), (two, two, one), (torch.ones(1, 2),) * 3):
        with pytest.raises(ValueError, match="not of one length"):
            confusion_by_band(*wrong, CLASSES)


def test_counts_exceed_32_bits() -> None:
    running = EvaluationCounts(["08/000000"], 1)
    running.counts += np.iinfo(np.int32).max
    running.add("08/000000", torch.tensor([1]), torch.tensor([1]), torch.tensor([3]))
    assert int(running.counts[0, 3, 1, 1]) == 2**31


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_gpu_counts_equal_cpu_counts() -> None:
    draw = torch.Generator().manual_seed(0)
    pred, gt = torch.randint(0, 20, (2, 100_000), generator=draw)
    band = torch.randint(0, BANDS, (100_000,), generator=draw)
    running = EvaluationCounts(SCANS, 19, "cuda")
    running.add(SCANS[80], pred.cuda(), gt.cuda(), band.cuda())
    assert torch.equal(running.counts[1].cpu(), confusion_by_band(pred, gt, band, 19))
