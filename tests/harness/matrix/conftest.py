"""Fixtures for runs of matrices; the folder of this file is where their tests find `tiny_matrix`."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def root(write_sequences) -> Path:
    return write_sequences({"00": 3, "08": 2}, points=200)
