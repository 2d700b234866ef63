from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.data.collate import collate
from harness.data.scan import Scan


def a_scan(name: str, points: int, labelled: bool = True) -> Scan:
    rng = np.random.default_rng(points)
    labels = rng.integers(0, 20, points) if labelled else None
    return Scan(name, rng.random((points, 3), np.float32), rng.random(points, np.float32), labels, None)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=5))
def test_scans_stand_one_after_another(sizes: list[int]) -> None:
    scans = [a_scan(f"00/{place:06d}", points) for place, points in enumerate(sizes)]
    batch = collate(scans)
    assert batch.scan_ids == tuple(scan.scan_id for scan in scans)
    assert batch.labels is not None
    for place, scan in enumerate(scans):
        rows = batch.scan_index == place
        assert batch.xyz[rows].tolist() == scan.xyz.tolist()
        assert batch.intensity[rows].tolist() == scan.intensity.tolist()
        assert scan.labels is not None
        assert batch.labels[rows].tolist() == scan.labels.tolist()
    assert (batch.scan_index.diff() >= 0).all()
    assert [batch.xyz.dtype, batch.intensity.dtype] == [torch.float32] * 2
    assert [batch.scan_index.dtype, batch.labels.dtype] == [torch.int64] * 2


def test_a_batch_without_labels_has_none() -> None:
    assert collate([a_scan("11/000000", 3, labelled=False)]).labels is None


def test_no_scan_and_half_labelled_scans_are_refused() -> None:
    with pytest.raises(ValueError, match="0 of 0"):
        collate([])
    with pytest.raises(ValueError, match="1 of 2"):
        collate([a_scan("00/000000", 3), a_scan("11/000000", 3, labelled=False)])
