"""Loss terms for TensorBoard, an optional view of metrics.jsonl."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.errors import HarnessError


class TensorBoardLog:
    """Writes the scalars of a cell while it trains.

    Args:
        folder: of the event files.
        first_step: scalars that an interrupted sitting wrote at or after this step are hidden.

    Raises:
        HarnessError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path, first_step: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            remedy = "pip install 'harness-lidar-kd[tensorboard]', or run without --tensorboard."
            raise HarnessError("--tensorboard", str(error), "the package tensorboard", remedy) from error
        self._writer = SummaryWriter(str(folder), purge_step=first_step)

    def append(self, step: int, learning_rate: float, terms: Mapping[str, float]) -> None:
        """Write one step."""
        for name, value in {"learning_rate": learning_rate, **terms}.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Flush the event files."""
        self._writer.close()
