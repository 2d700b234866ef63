from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.train.tensorboard import TensorBoardLog


def test_scalars_can_be_read_back_and_a_second_sitting_replaces_its_steps(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="the extra 'tensorboard' is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for first_step, value in ((0, 1.0), (2, 5.0)):
        log = TensorBoardLog(tmp_path, first_step)
        for step in range(first_step, 4):
            log.append(step, 0.1, {"lovasz": value})
        log.close()
    events = EventAccumulator(str(tmp_path)).Reload()
    assert set(events.Tags()["scalars"]) == {"learning_rate", "lovasz"}
    assert [(event.step, event.value) for event in events.Scalars("lovasz")] == [(0, 1.0), (1, 1.0), (2, 5.0), (3, 5.0)]


def test_its_absence_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(HarnessError, match=r"pip install 'harness-lidar-kd\[tensorboard\]'"):
        TensorBoardLog(tmp_path, 0)
