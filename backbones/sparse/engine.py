"""The contract of a sparse-convolution engine, and engines by name."""

from __future__ import annotations

from importlib import import_module
from typing import Literal, Protocol, TypeAlias, cast

from torch import Tensor

from backbones.sparse.geometry import Geometry
from backbones.sparse.kernel_map import KernelMap

Direction: TypeAlias = Literal["forward", "inverse"]

_MODULES = {"portable": "backbones.sparse.portable"}
"""Module of each engine, fastest first. A module offers ``load() -> Engine`` and alone imports its library."""


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


def engine_names() -> tuple[str, ...]:
    """Return the names that `get_engine` knows, besides ``auto``."""
    return tuple(_MODULES)


def get_engine(name: str) -> Engine:
    """Return an engine by name; ``auto`` is the fastest that is installed.

    Raises:
        EngineError: no engine has this name, or its library is missing.
    """
    if name == "auto":
        return _first_installed()
    if name not in _MODULES:
        raise EngineError(f"There is no sparse engine '{name}'; choose one of auto, {', '.join(_MODULES)}.")
    return cast(Engine, import_module(_MODULES[name]).load())


def _first_installed() -> Engine:
    refusals = []
    for name in _MODULES:
        try:
            return get_engine(name)
        except EngineError as error:
            refusals.append(str(error))
    raise EngineError(" ".join(refusals))
