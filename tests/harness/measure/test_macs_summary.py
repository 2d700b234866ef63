from __future__ import annotations

from dataclasses import replace

import pytest

from harness.measure.macs import LayerCount, MacsCount
from harness.measure.macs_summary import summarise


def made_count(scan_id: str, macs: int, sites: tuple[int, ...], executed: int | None) -> MacsCount:
    rest = (2, 3, 8, *sites, 10, macs, executed)
    return MacsCount((scan_id,), macs, {"stem": LayerCount("convolution", *rest)}, sites, 10 + macs)


def test_summary_over_scans() -> None:
    counts = [made_count("08/000000", 2 * 10**9, (10, 5), 3 * 10**9), made_count("08/000009", 4 * 10**9, (30, 6), None)]
    result = summarise(counts)
    assert (result.gmacs_mean, result.gmacs_min, result.gmacs_max) == (3.0, 2.0, 4.0)
    assert (result.scans, result.voxels_mean) == (2, 20.0)
    assert result.scan_ids == ("08/000000", "08/000009")
    assert result.macs == (2 * 10**9, 4 * 10**9)
    assert result.sites == ((10, 5), (30, 6))
    assert result.pairs == (10 + 2 * 10**9, 10 + 4 * 10**9)
    assert result.layers == {"stem": 3.0}
    assert result.kinds == {"convolution": 3.0, "linear": 0.0, "interpolation": 0.0}
    assert result.executed_gmacs_mean is None, "one scan is not told"
    assert summarise(counts[:1]).executed_gmacs_mean == 3.0


def test_a_summary_is_of_single_scans() -> None:
    with pytest.raises(ValueError, match="a count for each scan"):
        summarise([replace(made_count("a", 1, (1, 1), 1), scan_ids=("a", "b"))])
    with pytest.raises(ValueError, match="a count for each scan"):
        summarise([])
