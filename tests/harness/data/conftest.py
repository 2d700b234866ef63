from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

SECONDS = 60


@pytest.fixture
def alarm() -> Iterator[None]:
    """End a test that waits: a hang would stop the whole suite."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"more than {SECONDS} s: something waits")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
