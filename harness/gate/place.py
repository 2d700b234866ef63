"""Where the references of a device lie in the repository."""

from __future__ import annotations

import re
from pathlib import Path

import torch

from harness.measure.device import describe_device

MEASURED = Path("results") / "measured"


def reference_folder(device: torch.device) -> Path:
    """Return the folder of the references of a model of GPU, or of CPU: ``results/measured/nvidia-h200``."""
    return MEASURED / slug(describe_device(device))


def slug(name: str) -> str:
    """Return the model of a device as folders are named: lower case, a hyphen for all that is no letter or digit."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "unknown"
