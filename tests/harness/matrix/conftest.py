"""Fixtures for runs of matrices; the folder of this file is where their tests find `tiny_matrix`."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_older_version import write_data
from tiny_matrix import BothKinds, run, tiny


@pytest.fixture
def root(write_sequences) -> Path:
    return write_sequences({"00": 3, "08": 2}, points=200)


@pytest.fixture(scope="session")
def both_kinds(tmp_path_factory: pytest.TempPathFactory) -> BothKinds:
    """A teacher and its student of each kind, on four scans of the training and one of the validation split."""
    root, out, matrix = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("runs"), tiny(("pvd",))
    write_data(root)
    plain, _ = run(root, out, matrix)
    both, notes = run(root, out, matrix.model_copy(update={"train_on": ("train", "val")}))
    return BothKinds(root, out, plain, both, notes)
