"""Running statistics of a step that is made in parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from harness.train.processes import Processes


class RunningStatistics:
    """The buffers of a module during one step: mean and variance of batch normalisations, and what methods keep.

    Every part begins with the buffers as they were before the step. After it they are Σ weight·(buffer after the part),
    so that neither the order of the parts matters nor which process made them; of counters, which every part raises
    alike, the largest.

    Args:
        module: whose buffers they are; those of all processes hold the same numbers.
    """

    def __init__(self, module: nn.Module) -> None:
        buffers = list(module.buffers())
        self.floats = [buffer for buffer in buffers if buffer.is_floating_point()]
        self.counters = [buffer for buffer in buffers if not buffer.is_floating_point()]
        self.before = _joined(self.floats), _joined(self.counters)
        # In float64, where the rounding of a sum hardly depends on its order.
        self.sum = torch.zeros_like(self.before[0], dtype=torch.float64)
        self.largest = self.before[1].clone()

    @contextmanager
    def of_part(self, weight: float) -> Iterator[None]:
        """Make a part: its forward passes change the buffers from how they were before the step."""
        _fill(self.floats, self.before[0])
        _fill(self.counters, self.before[1])
        yield
        self.sum += weight * _joined(self.floats).double()
        torch.maximum(self.largest, _joined(self.counters), out=self.largest)

    def join(self, processes: Processes) -> None:
        """Put the outcome of all parts of all processes into the buffers."""
        _fill(self.floats, processes.add_up(self.sum))
        _fill(self.counters, self.largest.new_tensor(processes.gather(self.largest.tolist())).amax(0))


def _joined(buffers: list[Tensor]) -> Tensor:
    return torch.cat([buffer.detach().reshape(-1) for buffer in buffers]) if buffers else torch.zeros(0)


def _fill(buffers: list[Tensor], values: Tensor) -> None:
    """Put values into the buffers, in their own types."""
    with torch.no_grad():
        for buffer, value in zip(buffers, torch.split(values, [buffer.numel() for buffer in buffers]), strict=False):
            buffer.copy_(value.view_as(buffer))
