from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from harness.data.labels import SEMANTICKITTI

WriteCopy = Callable[[Mapping[str, int]], Path]


@pytest.fixture
def write_copy(tmp_path: Path) -> WriteCopy:
    """Write a copy of SemanticKITTI: scans by id, each with so many random points; no labels for the test split."""

    def write(scans: Mapping[str, int]) -> Path:
        draw, root = np.random.default_rng(0), tmp_path / "copy"
        raw = np.array(sorted(SEMANTICKITTI.raw_to_train), dtype=np.uint32)
        for scan_id, points in scans.items():
            sequence, frame = scan_id.split("/")
            folder = root / "sequences" / sequence
            (folder / "velodyne").mkdir(parents=True, exist_ok=True)
            draw.random((points, 4), dtype=np.float32).tofile(folder / "velodyne" / f"{frame}.bin")
            if int(sequence) <= 10:
                (folder / "labels").mkdir(exist_ok=True)
                instances = draw.integers(0, 1 << 16, points, dtype=np.uint32) << 16
                (draw.choice(raw, points) | instances).astype("<u4").tofile(folder / "labels" / f"{frame}.label")
        return root

    return write
