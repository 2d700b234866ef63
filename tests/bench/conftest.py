from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from scan_voxels import scan_voxels
from torch import Tensor


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", params=[50_000, 100_000], ids=["50k", "100k"])
def street_voxels(request: pytest.FixtureRequest) -> Tensor:
    """Voxels [V, 4] of a street scan."""
    return scan_voxels(request.param)
