"""Reductions of torch-scatter, an optional package that this module alone imports."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType

from torch import Tensor

INSTALL = "MAX_JOBS=2 FORCE_CUDA=0 pip install --no-build-isolation torch-scatter==2.1.2"
"""Builds it for the torch that is installed, in about eight minutes; FORCE_CUDA=1 adds its CUDA kernels."""


def load() -> ModuleType:
    """Return the package.

    Raises:
        ImportError: it is missing, or was built for another torch; the message has the command to type.
    """
    try:
        return import_module("torch_scatter")
    except (ImportError, OSError) as error:
        raise ImportError(f"torch-scatter can't be loaded ({error}). Install it with: {INSTALL}") from error


@cache
def installed() -> bool:
    """Return whether the package can be loaded in this process."""
    try:
        load()
    except ImportError:
        return False
    return True


def scatter_max(values: Tensor, segment: Tensor, segments: int) -> Tensor:
    """Return [S, C], the largest values; one row of those with the maximum gets all of its gradient."""
    largest: Tensor = load().scatter_max(values, segment, 0, dim_size=segments)[0]
    return largest


def scatter_mean(values: Tensor, segment: Tensor, segments: int) -> Tensor:
    """Return [S, C], the means."""
    mean: Tensor = load().scatter_mean(values, segment, 0, dim_size=segments)
    return mean
