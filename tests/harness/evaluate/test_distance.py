"""Bands of distance against the official script's arithmetic, and against plain loops at the limits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from harness.evaluate.distance import BANDS_M, NO_BAND, band_of, band_of_tensor

LIMITS = sorted({limit for band in BANDS_M for limit in band} | {0.0, 1e-20, 3.4e38, np.inf, np.nan})
NEAR_LIMITS = [float(np.nextafter(np.float32(limit), np.float32(to))) for limit in LIMITS for to in (-np.inf, np.inf)]
CLOUDS = hnp.arrays(
    np.float32, st.tuples(st.integers(1, 50), st.just(4)), elements=st.floats(-60, 60, width=32, allow_nan=False)
)


def reference(xyz: NDArray[np.float32]) -> list[int]:
    """One point at a time, in single precision, by strict inequalities."""
    bands = []
    for x, y, z in xyz:
        depth = np.sqrt(np.float32(np.float32(x * x + y * y) + z * z))
        inside = [i for i, (low, high) in enumerate(BANDS_M) if np.float32(low) < depth < np.float32(high)]
        bands.append(inside[0] if inside else NO_BAND)
    return bands


@given(CLOUDS)
def test_both_forms_equal_the_loop_and_the_norm_of_numpy(scan: NDArray[np.float32]) -> None:
    xyz = scan[:, :3]
    bands = band_of(xyz)
    assert bands.tolist() == reference(xyz) == band_of_tensor(torch.from_numpy(xyz.copy())).tolist()
    depth = np.linalg.norm(xyz, 2, axis=1)
    for index, (low, high) in enumerate(BANDS_M):
        assert np.array_equal(bands == index, np.logical_and(depth > low, depth < high))


@given(
    hnp.arrays(
        np.float32, st.tuples(st.integers(0, 30), st.just(3)),
        elements=st.one_of(st.sampled_from([*LIMITS, *NEAR_LIMITS]), st.sampled_from([6.0, 8.0]), st.floats(width=32)),
    )
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
def test_both_forms_agree_on_and_beside_every_limit_and_on_what_is_no_number(xyz: NDArray[np.float32]) -> None:
    band = band_of_tensor(torch.from_numpy(xyz.copy()))
    assert band.dtype == torch.int64
    assert band.tolist() == band_of(xyz).tolist() == reference(xyz)


def test_the_tensor_form_is_exact_on_every_limit() -> None:
    depths = np.array([*map(np.float32, LIMITS), *NEAR_LIMITS], dtype=np.float32)
    xyz = np.stack([depths, np.zeros_like(depths), np.zeros_like(depths)], axis=1)
    with np.errstate(over="ignore"):
        expected = reference(xyz)
    assert band_of_tensor(torch.from_numpy(xyz)).tolist() == expected
    assert set(expected) == set(range(NO_BAND + 1))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_finds_the_same_bands_and_the_host_waits_for_nothing() -> None:
    xyz = torch.randn(10_000, 3, generator=torch.Generator().manual_seed(0)) * 20
    there = xyz.cuda()
    torch.cuda.set_sync_debug_mode("error")
    try:
        found = band_of_tensor(there)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.equal(found.cpu(), band_of_tensor(xyz))


@pytest.mark.parametrize(
    ("x", "band"),
    [(0.0, 5), (1e-8, 5), (2e-8, 5), (2e-7, 0), (9.999, 0), (10.0, 5), (20.0, 5), (25.0, 2), (49.99, 4), (50.0, 5)],
)
def test_a_point_on_a_limit_is_in_no_band(x: float, band: int) -> None:
    """A square below the least normal float32 keeps few digits; beside the sensor nothing is measured anyway."""
    xyz = np.array([[x, 0, 0]], dtype=np.float32)
    depth = np.linalg.norm(xyz, 2, axis=1)[0]
    expected = [i for i, (low, high) in enumerate(BANDS_M) if low < depth < high]
    assert band_of(xyz).tolist() == (expected or [5])
    if x > 1e-6 or x == 0:
        assert band_of(xyz).tolist() == [band]


def test_what_is_no_number_is_in_no_band() -> None:
    xyz = np.array([[np.nan, 1, 1], [np.inf, 0, 0]], dtype=np.float32)
    assert band_of(xyz).tolist() == band_of_tensor(torch.from_numpy(xyz)).tolist() == [NO_BAND] * 2
