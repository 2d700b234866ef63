"""Small random voxel sets, their dense twins, and kernel maps by plain loops."""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor

from backbones.sparse.kernel_map import KernelMapCache, pack
from backbones.sparse.tensor import SparseTensor

Triple = tuple[int, int, int]


def random_voxels(extents: Triple, share: float, scans: int, seed: int) -> Tensor:
    """Occupy a share of the cells of a grid in each scan; [V, 4] int64, sorted."""
    draw = torch.Generator().manual_seed(seed)
    return (torch.rand((scans, *extents), generator=draw) < share).nonzero()


def sparse(coordinates: Tensor, channels: int, seed: int, extents: Triple | None = None) -> SparseTensor:
    """Put float64 features that ask for gradients on voxels."""
    draw = torch.Generator().manual_seed(seed)
    features = torch.randn((len(coordinates), channels), generator=draw, dtype=torch.float64)
    return SparseTensor(features.requires_grad_(), coordinates, maps=KernelMapCache(), extents=extents)


def densify(features: Tensor, coordinates: Tensor, extents: Triple, scans: int) -> Tensor:
    """Spread rows over a [scans, C, X, Y, Z] grid of zeros."""
    grid = features.new_zeros((scans, *extents, features.shape[1]))
    return grid.index_put(coordinates.unbind(1), features).permute(0, 4, 1, 2, 3)


def rows_of(grid: Tensor, coordinates: Tensor) -> Tensor:
    """Read [V, C] rows from a [scans, C, X, Y, Z] grid."""
    scan, x, y, z = coordinates.unbind(1)
    return grid[scan, :, x, y, z]


def dense_weight(weight: Tensor, kernel: Triple) -> Tensor:
    """Turn [K, C_in, C_out] into the [C_out, C_in, kx, ky, kz] of F.conv3d."""
    return weight.reshape(*kernel, *weight.shape[1:]).permute(4, 3, 0, 1, 2)


def loop_offsets(kernel: Triple) -> list[Triple]:
    """The offsets written out: odd sizes around 0, even ones from 0; x slowest, z fastest."""
    starts = [-(size // 2) if size % 2 == 1 else 0 for size in kernel]
    return [(starts[0] + i, starts[1] + j, starts[2] + k) for i, j, k in product(*(range(size) for size in kernel))]


def loop_sites(
    coordinates: Tensor, kernel: Triple, stride: Triple, rule: str, extents: Triple | None
) -> list[list[int]]:
    """Output voxels by a set of tuples."""
    sites = set()
    for b, *cell in coordinates.tolist():
        if rule == "submanifold":
            sites.add((b, *cell))
        elif rule == "floor":
            sites.add((b, *(c // s for c, s in zip(cell, stride, strict=True))))
        else:
            for offset in loop_offsets(kernel):
                scaled = [c - o for c, o in zip(cell, offset, strict=True)]
                out = [c // s for c, s in zip(scaled, stride, strict=True)]
                whole = all(c % s == 0 and c >= 0 for c, s in zip(scaled, stride, strict=True))
                inside = extents is None or all(o * s < n for o, s, n in zip(out, stride, extents, strict=True))
                if whole and inside:
                    sites.add((b, *out))
    return [list(site) for site in sorted(sites)]


def loop_pairs(
    coordinates: Tensor, sites: list[list[int]], kernel: Triple, stride: Triple
) -> list[tuple[int, int, int]]:
    """(offset number, input row, output row) of every pair, by a dictionary."""
    row_of = {tuple(voxel): row for row, voxel in enumerate(coordinates.tolist())}
    pairs = []
    for k, offset in enumerate(loop_offsets(kernel)):
        for row, (b, *cell) in enumerate(sites):
            wanted = (b, *(c * s + o for c, s, o in zip(cell, stride, offset, strict=True)))
            if wanted in row_of:
                pairs.append((k, row_of[wanted], row))
    return pairs


def ascending(coordinates: Tensor) -> bool:
    """Whether voxels are sorted without duplicates."""
    keys = pack(coordinates)
    return bool((keys[1:] > keys[:-1]).all())
