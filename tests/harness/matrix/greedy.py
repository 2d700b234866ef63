"""A method and a data set that ask the allocator for more than any machine has, at a chosen moment."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from baselines.method import Method, MethodContext, MethodSettings
from harness.data.scan import Scan
from harness.data.semantickitti import SemanticKitti

TOO_MUCH = 1 << 62


class GreedySettings(MethodSettings):
    """Most scans at a time, and the calls before the first lack of memory."""

    most: int
    after: int = 0


class Greedy(Method):
    """Has no memory for more than `most` scans; its term is a plain function of the student's logits."""

    Settings: ClassVar[type[MethodSettings]] = GreedySettings

    def __init__(self, settings: GreedySettings, context: MethodContext) -> None:
        super().__init__(settings, context)
        self.settings = settings
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, student, teacher, batch, draws) -> dict[str, Tensor]:
        self.calls += 1
        if batch.points.scans > self.settings.most and self.calls > self.settings.after:
            torch.empty(TOO_MUCH, dtype=torch.uint8)
        return {"greedy": student.point_logits.square().mean()}


class GreedyReader(SemanticKitti):
    """Has no memory for a scan in a process of the loader."""

    def read(self, scan_id: str) -> Scan:
        if get_worker_info() is not None:
            torch.empty(TOO_MUCH, dtype=torch.uint8)
        return super().read(scan_id)
