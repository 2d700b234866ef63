"""The processes that share a training, as each of them sees it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import torch
from torch import Tensor, nn

Value = TypeVar("Value")


class FailedElsewhere(Exception):
    """Another process has a fault, which it tells itself; this one ends too."""


class Processes:
    """One process alone; several are a subclass, `harness.train.fabric.FabricProcesses`.

    What says "all processes" has to be called by all of them, in the same order.

    Attributes:
        rank: of this process, from 0.
        count: of all.
    """

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes files."""
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return a module with the same forward whose gradients are those of all processes after `backward`."""
        return module

    def part(self, module: nn.Module, last: bool) -> AbstractContextManager[object]:
        """Return the context of the forward and the backward pass of one part of a step.

        Args:
            module: as `wrap` returned it.
            last: of the step in this process: gradients are joined in it, and only there.
        """
        return nullcontext()

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a term of the step's loss; those of all processes are summed up."""
        torch.autograd.backward(loss)

    def gather(self, value: Value) -> list[Value]:
        """Return the values of all processes by rank; each can be pickled."""
        return [value]

    def add_up(self, tensor: Tensor) -> Tensor:
        """Return the sum of the tensors of all processes, the same bits in each; the one given may be overwritten."""
        return tensor


ALONE = Processes()
