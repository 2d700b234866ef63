from __future__ import annotations

import subprocess
import sys

import pytest

PEAKS = """
import numpy, torch
from harness.measure.memory import PeakMemory

def measured():
    return PeakMemory(torch.device("cpu"))

first = measured()
print(first.mib())
numpy.ones(200 * 2**20, dtype=numpy.uint8)
print(first.mib())
print(measured().mib())
"""


@pytest.fixture(scope="module")
def peaks_mib() -> list[float]:
    """Before, after and in a new measurement, of a process of its own whose memory no other test has touched."""
    run = subprocess.run([sys.executable, "-c", PEAKS], capture_output=True, text=True, check=True)
    return [float(line) for line in run.stdout.split()]


def test_the_peak_is_seen_after_the_memory_is_gone(peaks_mib: list[float]) -> None:
    before, after, _ = peaks_mib
    assert after - before == pytest.approx(200, abs=30)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can start the peak anew")
def test_a_new_measurement_starts_anew(peaks_mib: list[float]) -> None:
    _, old, new = peaks_mib
    assert old - new == pytest.approx(200, abs=30)
