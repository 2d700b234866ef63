"""A method that tells how much address space its process takes, and may give it no more than so much."""

from __future__ import annotations

import re
import resource
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from baselines.method import Method, MethodContext, MethodSettings


def address_space_mib(name: str) -> int:
    """The present one, `VmSize`, or the largest so far, `VmPeak`."""
    [size] = re.findall(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(size) >> 10


class BoundedSettings(MethodSettings):
    """MiB that the process may take beyond what it has when the method is made; 0: as it likes."""

    spare_mib: int = 0


class Bounded(Method):
    """Its one term is what was taken, in MiB: a constant, which trains nothing."""

    Settings: ClassVar[type[MethodSettings]] = BoundedSettings

    def __init__(self, settings: BoundedSettings, context: MethodContext) -> None:
        super().__init__(settings, context)
        self.before_mib = address_space_mib("VmSize")
        if settings.spare_mib:
            most = self.before_mib + settings.spare_mib << 20
            resource.setrlimit(resource.RLIMIT_AS, (most, most))

    def forward(self, student, teacher, batch, draws) -> dict[str, Tensor]:
        return {"taken_mib": torch.tensor(float(address_space_mib("VmPeak") - self.before_mib))}
