from pathlib import Path

import numpy as np
import pytest

from harness.data.labels import SEMANTICKITTI
from harness.data.semantickitti import SemanticKitti
from harness.export.labels import expected_points
from harness.export.semantickitti import write_submission

SCANS = {f"{sequence}/{frame:06d}": 3 + sequence % 4 + frame for sequence in range(11, 22) for frame in (0, 2)}


@pytest.fixture
def dataset(write_sequences) -> SemanticKitti:
    """Two scans of each sequence of the test split."""
    return SemanticKitti(write_sequences(SCANS, declared=False), partial=True)


@pytest.fixture
def predictions() -> list[tuple[str, np.ndarray]]:
    draw = np.random.default_rng(3)
    return [(scan_id, draw.integers(1, 20, points)) for scan_id, points in SCANS.items()]


@pytest.fixture
def archive(tmp_path: Path, dataset: SemanticKitti, predictions: list[tuple[str, np.ndarray]]) -> Path:
    """A good archive of that copy."""
    expected = expected_points(dataset, "test")
    return write_submission(predictions, tmp_path / "good.zip", expected, SEMANTICKITTI).path
