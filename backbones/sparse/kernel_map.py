"""Kernel maps: which input row meets which output row at each kernel offset; built once per batch and shared."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import torch
from torch import Tensor

from backbones.sparse.blocks import Blocks, regroup
from backbones.sparse.geometry import Geometry, Triple
from backbones.sparse.packing import pack, unpack
from backbones.sparse.pairs import find_pairs
from backbones.sparse.sites import strided_sites

__all__ = ["KernelMap", "KernelMapCache", "pack"]

Derived = TypeVar("Derived")


@dataclass(frozen=True, eq=False)
class KernelMap:
    """The P pairs of a sparse convolution from V inputs to M outputs.

    Attributes:
        geometry: kernel, stride and rule.
        in_coordinates: [V, 4] int64 (scan, x, y, z).
        out_coordinates: [M, 4] int64 (scan, x, y, z), in coarse cells where the geometry has a stride.
        inputs: [P] int64 input rows, ordered by offset, then by output.
        outputs: [P] int64 output rows, in the same order; an output occurs at most once per offset.
        counts: pairs per offset, K integers, x slowest and z fastest.
    """

    geometry: Geometry
    in_coordinates: Tensor
    out_coordinates: Tensor
    inputs: Tensor
    outputs: Tensor
    counts: tuple[int, ...]

    @property
    def pairs(self) -> int:
        """Number of pairs P; the multiply-accumulates of a layer are P · C_in · C_out."""
        return len(self.inputs)

    @property
    def in_rows(self) -> int:
        """Number of inputs V."""
        return len(self.in_coordinates)

    @property
    def out_rows(self) -> int:
        """Number of outputs M."""
        return len(self.out_coordinates)

    @cached_property
    @torch.inference_mode(mode=False)
    def blocks(self) -> Blocks:
        """The pairs by blocks of outputs, for a symmetric map on a CPU; made on first use."""
        return regroup(self.inputs, self.outputs, self.counts, self.out_rows, self.geometry.identity)


@dataclass(eq=False)
class _Level:
    """One set of voxels and everything derived from it."""

    coordinates: Tensor
    keys: Tensor
    sites: dict[tuple[Geometry, Triple | None], _Level] = field(default_factory=dict)
    maps: dict[tuple[Geometry, Triple | None], KernelMap] = field(default_factory=dict)


class KernelMapCache:
    """Coordinates and kernel maps of one batch.

    A set of voxels is known by its coordinate tensor itself, not by its values: networks share maps when they start
    from the same tensor. Coordinates that the cache hands out lead back to the same entries. A cache serves one thread.
    What a teacher builds in inference mode also serves a student's backward pass.
    """

    def __init__(self) -> None:
        self._levels: list[_Level] = []
        self._derived: dict[Hashable, Any] = {}

    @property
    def levels(self) -> tuple[Tensor, ...]:
        """Coordinates [V, 4] of every set of voxels seen so far, in the order in which they appeared."""
        return tuple(level.coordinates for level in self._levels)

    @torch.inference_mode(mode=False)
    def submanifold(self, coordinates: Tensor, kernel_size: Triple) -> KernelMap:
        """Return the map of a submanifold convolution.

        Args:
            coordinates: [V, 4] int64 (scan, x, y, z), sorted by key, without duplicates.
            kernel_size: per axis.
        """
        level, geometry = self._level(coordinates), Geometry(kernel_size)
        return self._map(level, level, geometry, None)

    @torch.inference_mode(mode=False)
    def strided(self, coordinates: Tensor, geometry: Geometry, extents: Triple | None = None) -> KernelMap:
        """Return the map of a strided convolution; its `out_coordinates` are the coarse voxels.

        Args:
            coordinates: [V, 4] int64 (scan, x, y, z) of the fine voxels, sorted by key, without duplicates.
            geometry: kernel, stride and rule.
            extents: cells per axis of the fine grid, for the ``window`` rule; None when it has no upper bound.
        """
        fine = self._level(coordinates)
        floor = geometry.rule == "floor"
        # The sites of the floor rule depend on the stride alone, so kernels of any size share them.
        key = (Geometry(geometry.stride, geometry.stride, "floor"), None) if floor else (geometry, extents)
        if key not in fine.sites:
            keys = strided_sites(coordinates, geometry, extents)
            fine.sites[key] = self._add(unpack(keys), keys)
        return self._map(fine, fine.sites[key], geometry, key[1])

    @torch.inference_mode(mode=False)
    def derived(self, key: Hashable, build: Callable[[], Derived]) -> Derived:
        """Return what a network derives from the voxels alone, built once for all networks that share this cache.

        Args:
            key: names the thing; whoever uses a key alike must build alike.
            build: makes it on the first call.
        """
        if key not in self._derived:
            self._derived[key] = build()
        found: Derived = self._derived[key]
        return found

    def _map(self, fine: _Level, coarse: _Level, geometry: Geometry, extents: Triple | None) -> KernelMap:
        if (geometry, extents) not in fine.maps:
            pairs = find_pairs(fine.keys, coarse.coordinates, geometry)
            fine.maps[geometry, extents] = KernelMap(geometry, fine.coordinates, coarse.coordinates, *pairs)
        return fine.maps[geometry, extents]

    def _level(self, coordinates: Tensor) -> _Level:
        for level in self._levels:
            if level.coordinates is coordinates:
                return level
        keys = pack(coordinates)
        if not bool((keys[1:] > keys[:-1]).all()):
            raise ValueError("coordinates must be sorted by (scan, x, y, z), without duplicates")
        return self._add(coordinates, keys)

    def _add(self, coordinates: Tensor, keys: Tensor) -> _Level:
        level = _Level(coordinates, keys)
        self._levels.append(level)
        return level
