import numpy as np
import torch

from harness.train.memory import PeakMemory


def test_the_peak_is_seen_after_the_memory_is_gone() -> None:
    peak = PeakMemory(torch.device("cpu"))
    before = peak.mib()
    block = np.ones(200 * 2**20, dtype=np.uint8)
    del block
    assert 150 < peak.mib() - before < 400


def test_a_new_measurement_starts_anew() -> None:
    block = np.ones(300 * 2**20, dtype=np.uint8)
    old = PeakMemory(torch.device("cpu")).mib()
    del block
    assert PeakMemory(torch.device("cpu")).mib() < old - 150
