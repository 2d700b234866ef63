"""Several processes that share a training through Lightning Fabric and DDP, one device each."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from harness.train.processes import Processes, Value

PATIENCE = timedelta(minutes=30)
"""Longest wait of a process for the others: one that reads from a slow disk isn't dead."""


class _Strategy(DDPStrategy):
    """DDP that leaves the buffers of each process alone, but for the first moment.

    Running statistics are joined by weight, by `harness.train.running`: handing round those of the first process would
    forget the others. The argument for that has another name since torch 2.13, the attribute has not.
    """

    def setup_module(self, module: nn.Module) -> DistributedDataParallel:
        """Return the module in DDP."""
        wrapped = super().setup_module(module)
        wrapped.broadcast_buffers = False
        return wrapped


class FabricProcesses(Processes):
    """This process among those that torchrun has started on this machine.

    Args:
        kind: cpu or cuda; of several GPUs each process takes that of its rank.
        count: of the processes.
    """

    def __init__(self, kind: str, count: int) -> None:
        # Not every method reads every parameter in every step.
        strategy = _Strategy(timeout=PATIENCE, find_unused_parameters=True)
        self._fabric = Fabric(accelerator=kind, devices=count, strategy=strategy, precision="32-true")
        self._fabric.launch()
        self.rank, self.count, self.device = self._fabric.global_rank, self._fabric.world_size, self._fabric.device

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return the module in DDP, on this process's device."""
        return self._fabric.setup_module(module)

    def part(self, module: nn.Module, last: bool) -> AbstractContextManager[object]:
        """Return the context in which gradients stay here, except in the last part."""
        context: AbstractContextManager[object] = self._fabric.no_backward_sync(module, enabled=not last)  # type: ignore[arg-type]
        return context

    def backward(self, loss: Tensor) -> None:
        """Add the gradients; DDP takes the mean over the processes, and the sum is wanted."""
        self._fabric.backward(loss * self.count)

    def gather(self, value: Value) -> list[Value]:
        """Return the values of all processes by rank."""
        values: list[Value | None] = [None] * self.count
        torch.distributed.all_gather_object(values, value)
        return values  # type: ignore[return-value]

    def add_up(self, tensor: Tensor) -> Tensor:
        """Return the sum of the tensors of all processes."""
        torch.distributed.all_reduce(tensor)
        return tensor

    def leave(self) -> None:
        """Close the connections to the others, once nothing is to be exchanged any more."""
        torch.distributed.destroy_process_group()
