from __future__ import annotations

import subprocess
import sys

import pytest

MEASURE = """
import numpy, torch
from harness.train.memory import PeakMemory

{work}
"""


def mib(work: str) -> list[float]:
    """Run a piece of work in a process of its own, whose memory no other test has touched; return what it prints."""
    command = [sys.executable, "-c", MEASURE.format(work=work)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(line) for line in run.stdout.split()]


def test_the_peak_is_seen_after_the_memory_is_gone() -> None:
    before, after = mib(
        "peak = PeakMemory(torch.device('cpu')); print(peak.mib())\n"
        "block = numpy.ones(200 * 2**20, dtype=numpy.uint8); del block; print(peak.mib())"
    )
    assert after - before == pytest.approx(200, abs=30)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can start the peak anew")
def test_a_new_measurement_starts_anew() -> None:
    old, new = mib(
        "block = numpy.ones(300 * 2**20, dtype=numpy.uint8); print(PeakMemory(torch.device('cpu')).mib())\n"
        "del block; print(PeakMemory(torch.device('cpu')).mib())"
    )
    assert old - new == pytest.approx(300, abs=30)
