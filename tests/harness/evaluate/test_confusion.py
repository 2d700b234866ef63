import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.evaluate.confusion import ConfusionMatrix, confusion_matrix

CLASSES = 4
pairs = st.lists(st.tuples(st.integers(0, CLASSES), st.integers(0, CLASSES)), max_size=60)


def count_by_loop(points: list[tuple[int, int]], classes: int) -> list[list[int]]:
    counts = [[0] * (classes + 1) for _ in range(classes + 1)]
    for predicted, true in points:
        counts[predicted][true] += 1
    return counts


def tensors(points: list[tuple[int, int]], dtype: torch.dtype = torch.int64) -> tuple[torch.Tensor, torch.Tensor]:
    table = torch.tensor(points, dtype=dtype).reshape(-1, 2)
    return table[:, 0], table[:, 1]


@given(pairs, st.sampled_from([torch.uint8, torch.int16, torch.int32, torch.int64]))
def test_counts_equal_a_plain_loop(points: list[tuple[int, int]], dtype: torch.dtype) -> None:
    counts = confusion_matrix(*tensors(points, dtype), CLASSES)
    assert counts.dtype == torch.int64
    assert counts.tolist() == count_by_loop(points, CLASSES)


def test_eight_bit_ids_do_not_overflow() -> None:
    ids = torch.arange(26, dtype=torch.uint8)
    assert torch.equal(confusion_matrix(ids, ids, 25), torch.eye(26, dtype=torch.int64))


@given(st.lists(pairs, max_size=5))
def test_a_stream_counts_what_one_batch_counts(batches: list[list[tuple[int, int]]]) -> None:
    running = ConfusionMatrix(CLASSES)
    for batch in batches:
        running.update(*tensors(batch))
    whole = [point for batch in batches for point in batch]
    assert running.counts.tolist() == count_by_loop(whole, CLASSES)


@pytest.mark.parametrize("pred, gt", [([5], [0]), ([-1], [3]), ([0], [5]), ([2], [-1])])
def test_an_id_outside_never_aliases_another_pair(pred: list[int], gt: list[int]) -> None:
    with pytest.raises(ValueError, match=r"ids outside 0\.\.4"):
        confusion_matrix(torch.tensor(pred), torch.tensor(gt), CLASSES)


def test_lengths_have_to_agree() -> None:
    with pytest.raises(ValueError, match="not two equal lengths"):
        confusion_matrix(torch.tensor([1, 2]), torch.tensor([1]), CLASSES)
    with pytest.raises(ValueError, match="not two equal lengths"):
        confusion_matrix(torch.ones(1, 2), torch.ones(1, 2), CLASSES)


def test_counts_exceed_32_bits() -> None:
    running = ConfusionMatrix(1)
    running.counts += np.iinfo(np.int32).max
    running.update(torch.tensor([1]), torch.tensor([1]))
    assert int(running.counts[1, 1]) == 2**31


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_gpu_counts_equal_cpu_counts() -> None:
    draw = torch.Generator().manual_seed(0)
    pred, gt = torch.randint(0, 20, (2, 100_000), generator=draw)
    running = ConfusionMatrix(19, "cuda")
    running.update(pred.cuda(), gt.cuda())
    assert torch.equal(running.counts.cpu(), confusion_matrix(pred, gt, 19))
