"""The device a number was measured on, by its name."""

from __future__ import annotations

import platform
import re
from pathlib import Path

import torch

from harness.errors import HarnessError

THREADS = re.compile(r", threads: \d+$")
"""How the name of a CPU ends once its threads are told."""


def choose_device(name: str = "auto") -> torch.device:
    """Return the device of that name; ``auto`` is the first GPU, or the CPU where there is none.

    Raises:
        HarnessError: there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise HarnessError("--device", repr(name), "auto, cpu, cuda or cuda:N", "Choose one of these.")
    if not is_here(device):
        gpus = torch.cuda.device_count()
        remedy = "Choose cpu or auto, or install a CUDA build of torch and its driver."
        seen = f"one of the {gpus} GPUs that torch sees" if gpus else "a GPU that torch sees, and it sees none"
        raise HarnessError("--device", repr(name), seen, remedy)
    return device


def describe_device(device: torch.device) -> str:
    """Return the model of the GPU, or of the CPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [
            line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        if models:
            return models[0]
    return platform.processor() or platform.machine()


def describe_with_threads(device: torch.device, threads: int | None = None) -> str:
    """Return the model of the GPU, or of the CPU with its threads, since these decide how fast it is.

    Args:
        device: one that is here.
        threads: that a process has on the CPU; None: those of this process.
    """
    told = f", threads: {threads or torch.get_num_threads()}" if device.type == "cpu" else ""
    return describe_device(device) + told


def is_here(device: torch.device) -> bool:
    """Whether this machine has the device and this torch can use it."""
    return device.type == "cpu" or (device.index or 0) < torch.cuda.device_count()
