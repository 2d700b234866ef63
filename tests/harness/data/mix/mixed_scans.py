"""Scans whose every row can be told apart after mixing, for the tests of both kinds."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from harness.data.draws import generator
from harness.data.scan import Scan

PARTNERS = 1000
"""Intensity of a partner's first row; a scan's own rows have their number."""


def a_scan(points: int, seed: int, first: int = 0, asked: bool = False) -> Scan:
    """Return points all around, up to 80 m away and from 40 degrees below to 20 above, labelled 0 to 19."""
    rng = np.random.default_rng(seed)
    azimuth, inclination = rng.uniform(-np.pi, np.pi, points), np.deg2rad(rng.uniform(-40, 20, points))
    unit = [np.cos(azimuth) * np.cos(inclination), np.sin(azimuth) * np.cos(inclination), np.sin(inclination)]
    return Scan(
        f"00/{first:06d}",
        (np.stack(unit, axis=1) * rng.uniform(2, 80, (points, 1))).astype(np.float32),
        (first + np.arange(points)).astype(np.float32),
        rng.integers(0, 20, points),
        rng.integers(0, 9, points).astype(np.uint16),
        rng.random(points) < 0.5 if asked else None,
    )


pairs = st.builds(
    lambda own, other, seed, asked: (a_scan(own, seed, 0, asked), a_scan(other, seed + 1, PARTNERS, asked)),
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(0, 1000),
    st.booleans(),
)
"""A scan and its partner."""


def rng(epoch: int = 0, seed: int = 0) -> np.random.Generator:
    """Return the generator of a scan's mixing."""
    return generator(seed, epoch, "00/000000", "mixing")


def check_rows(mixed: Scan, scan: Scan, partner: Scan) -> list[int]:
    """Return the intensities that name the rows of a mixture, and check that all but the place came along with them."""
    names = [int(value) for value in mixed.intensity]
    for row, name in enumerate(names):
        source, place = (scan, name) if name < PARTNERS else (partner, name - PARTNERS)
        assert mixed.labels is not None
        assert source.labels is not None
        assert mixed.labels[row] == source.labels[place]
        if source.asked is not None:
            assert mixed.asked is not None
            assert mixed.asked[row] == source.asked[place]
    assert mixed.scan_id == scan.scan_id
    assert mixed.instances is None
    assert (mixed.asked is None) == (scan.asked is None)
    assert mixed.xyz.dtype == mixed.intensity.dtype == np.float32
    assert len(mixed.xyz) == len(names)
    return names
