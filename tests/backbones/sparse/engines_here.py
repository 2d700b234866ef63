"""The engines as test parameters; one that can't be used on this machine skips its tests and says why."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from backbones.points import PointBatch
from backbones.sparse.engine import Engine, EngineError, engine_names, get_engine
from backbones.sparse.self_test import fixed_voxels


def engine_parameters(*names: str) -> list[Any]:
    """These engines, or all of them; every one but portable is marked ``engine``."""
    marks = {"portable": ()}
    return [pytest.param(name, marks=marks.get(name, (pytest.mark.engine,))) for name in names or engine_names()]


def open_engine(name: str) -> tuple[Engine, torch.device]:
    """An engine and the device its tests run on: a CPU where it can compute there.

    Where it can't be used the test is skipped, unless HARNESS_ENGINES names it among those that must be here.
    """
    try:
        engine = get_engine(name)
    except EngineError as error:
        if name in os.environ.get("HARNESS_ENGINES", "").split():
            raise
        pytest.skip(str(error))
    return engine, torch.device("cuda" if name in ("spconv_triton", "torchsparse") else "cpu")


def relative(found: Tensor, expected: Tensor) -> float:
    """Norm of the difference over the norm of what is expected."""
    found, expected = (tensor.detach().cpu().double() for tensor in (found, expected))
    return ((found - expected).norm() / expected.norm()).item()


def real_points(scan: str = "00/000000") -> PointBatch:
    """Points of a real scan; skips the test where there are none."""
    root = os.environ.get("HARNESS_REAL_DATA")
    if root is None:
        pytest.skip("HARNESS_REAL_DATA is not set")
    sequence, frame = scan.split("/")
    file = Path(root, "semantickitti", "sequences", sequence, "velodyne", f"{frame}.bin")
    return _batch(torch.from_numpy(np.fromfile(file, dtype=np.float32).reshape(-1, 4)), scan)


def made_points(every: int = 1) -> PointBatch:
    """Every so many of the points in the middle of `fixed_voxels`, in metres, with a made-up intensity."""
    xyz = (fixed_voxels()[::every, 1:].float() + 0.5) * 0.2 - torch.tensor([80.0, 24.0, 2.0])
    intensity = torch.rand(len(xyz), 1, generator=torch.Generator().manual_seed(3))
    return _batch(torch.cat([xyz, intensity], dim=1), "made/000000")


def _batch(rows: Tensor, scan: str) -> PointBatch:
    return PointBatch(rows[:, :3], rows[:, 3], torch.zeros(len(rows), dtype=torch.int64), None, (scan,))
