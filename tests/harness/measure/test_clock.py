from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from harness.measure import clock
from harness.measure.clock import HostClock, start_clock


def test_the_host_clock_measures_between_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([10.0, 10.012, 10.0125])
    monkeypatch.setattr(clock, "time", SimpleNamespace(perf_counter=lambda: next(seconds)))
    host = HostClock()
    for _ in range(3):
        host.mark()
    reading = host.read()
    assert reading.intervals_ms == pytest.approx([12, 0.5])
    assert reading.host_ms == pytest.approx(12.5)


def test_a_cpu_has_the_host_clock_with_its_first_mark_set() -> None:
    started = start_clock(torch.device("cpu"))
    started.mark()
    assert isinstance(started, HostClock)
    assert len(started.read().intervals_ms) == 1


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_events_of_a_gpu_tell_the_work_apart_and_the_host_clock_the_whole() -> None:
    device = torch.device("cuda")
    matrix = torch.ones(4096, 4096, device=device)
    for _ in range(3):
        matrix @ matrix
    started = start_clock(device)
    for products in (1, 8):
        for _ in range(products):
            matrix @ matrix
        started.mark()
    reading = started.read()
    one, eight = reading.intervals_ms
    assert eight > 4 * one > 0
    assert reading.host_ms == pytest.approx(one + eight, rel=0.1, abs=0.2)
