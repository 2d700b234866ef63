"""The contract of a sparse-convolution engine, and engines by name."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Literal, Protocol, TypeAlias, cast

import torch
from torch import Tensor

from backbones.sparse.geometry import Geometry
from backbones.sparse.kernel_map import KernelMap

Direction: TypeAlias = Literal["forward", "inverse"]

_MODULES = {
    "portable": "backbones.sparse.portable",
    "spconv": "backbones.sparse.spconv",
    "spconv_triton": "backbones.sparse.spconv_triton",
    "torchsparse": "backbones.sparse.torchsparse",
    "minkowski": "backbones.sparse.minkowski",
}
"""Module of each engine, in the order in which ``auto`` tries them. A module offers ``load() -> Engine``, which returns
the same engine each time, and alone imports its library."""


class EngineError(ValueError):
    """An engine that does not exist, is not installed, or can't express a layer."""


class Engine(Protocol):
    """What computes a sparse convolution on a given kernel map."""

    @property
    def name(self) -> str:
        """The name by which it is chosen and recorded."""
        ...

    @property
    def version(self) -> str:
        """The version of its library, recorded with every result."""
        ...

    def supports(self, geometry: Geometry) -> bool:
        """Whether the engine can express this kernel, stride and rule."""
        ...

    def convolve(self, features: Tensor, weight: Tensor, kernel_map: KernelMap, direction: Direction) -> Tensor:
        """Return output features, differentiable in features and weight.

        With V inputs and M outputs in the map, for every offset k and pair (i, o): ``forward`` adds features[i] · W[k]
        to row o, ``inverse`` adds features[o] · W[k] to row i.

        Args:
            features: [V, C_in] (``forward``) or [M, C_in] (``inverse``), float.
            weight: [K, C_in, C_out], offsets x slowest and z fastest.
            kernel_map: the pairs.
            direction: along the map or back.

        Returns:
            [M, C_out] (``forward``) or [V, C_out] (``inverse``).
        """
        ...

    def executed_macs(self, kernel_map: KernelMap, c_in: int, c_out: int, direction: Direction) -> int | None:
        """Return how many multiply-accumulates `convolve` makes the machine do in float32, padding included.

        A diagnostic that is asked for apart from any forward pass. The MACs of a layer are P · C_in · C_out, whatever
        computes it.

        Args:
            kernel_map: the pairs, on the device in question.
            c_in: channels read.
            c_out: channels written.
            direction: along the map or back.

        Returns:
            What the engine's own code multiplies, or hands to a product of matrices; None where a library does not
            tell.
        """
        ...


def engine_names() -> tuple[str, ...]:
    """Return the names that `get_engine` knows, besides ``auto``."""
    return tuple(_MODULES)


def get_engine(name: str) -> Engine:
    """Return an engine by name; ``auto`` is the first in `engine_names` that passes its self-test on this machine.

    The order is fixed and begins with ``portable``, which every machine has and which was the fastest of those measured
    on CPUs (docs/engines.md); nothing was measured on a GPU. No time is taken here: a choice by measured time could
    differ between two runs of one matrix, which would then not be the same experiment.

    Raises:
        EngineError: no engine has this name, its library can't be imported (the message says what to type), or this
            machine lacks the device it needs.
    """
    if name == "auto":
        return _first_sound()
    if name not in _MODULES:
        raise EngineError(f"There is no sparse engine '{name}'; choose one of auto, {', '.join(_MODULES)}.")
    return cast(Engine, import_module(_MODULES[name]).load())


def import_library(engine: str, module: str, remedy: str) -> ModuleType:
    """Import the library of an engine.

    Args:
        engine: name of the engine.
        module: dotted path to import.
        remedy: sentence that says what to type where the library is missing.

    Raises:
        EngineError: the library is missing or broken.
    """
    try:
        return import_module(module)
    except (ImportError, OSError) as error:
        raise EngineError(f"The engine '{engine}' can't import {module} ({error}). {remedy}") from error


def _first_sound() -> Engine:
    from backbones.sparse.self_test import self_test

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    refusals = []
    for name in _MODULES:
        try:
            engine = get_engine(name)
            report = self_test(engine, device)
        except EngineError as error:
            refusals.append(str(error))
            continue
        if report.passed:
            return engine
        refusals.append(f"The engine '{name}' fails its self-test on {device.type}: {report}.")
    raise EngineError(" ".join(refusals))
