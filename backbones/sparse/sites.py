"""Where the outputs of a strided convolution are."""

from __future__ import annotations

import torch
from torch import Tensor

from backbones.sparse.geometry import Geometry, Triple, axis_offsets
from backbones.sparse.packing import join, unpack


def strided_sites(coordinates: Tensor, geometry: Geometry, extents: Triple | None) -> Tensor:
    """Return the output voxels of a strided convolution.

    Args:
        coordinates: [V, 4] int64 (scan, x, y, z) of the inputs.
        geometry: kernel, stride and rule (``floor`` or ``window``).
        extents: cells per axis of the input grid; None for a grid without an upper bound. The ``window`` rule drops
            outputs outside the grid, as a dense convolution has no cells there; ``floor`` never makes any.

    Returns:
        [M] int64 keys of the outputs, in coarse cells, ascending, without duplicates.
    """
    if geometry.rule == "floor":
        steps = coordinates.new_tensor([1, *geometry.stride])
        return _distinct(join(coordinates.div(steps, rounding_mode="floor")))
    bounds = (None,) * 3 if extents is None else geometry.coarsen(extents)
    keys = join(coordinates)
    # A window is a box, so its outputs can be found one axis at a time: the intermediate sets stay small.
    for axis, (size, stride, bound) in enumerate(zip(geometry.kernel_size, geometry.stride, bounds, strict=True)):
        keys = _window_axis(unpack(keys), axis + 1, size, stride, bound)
    return keys


def _window_axis(coordinates: Tensor, column: int, size: int, stride: int, bound: int | None) -> Tensor:
    """Return the keys with one column replaced by every o, 0 ≤ o < bound, whose window holds it.

    That is to say: column − stride·o is one of the kernel's offsets on this axis.
    """
    reached = []
    for offset in axis_offsets(size):
        scaled = coordinates[:, column] - offset
        keep = (scaled >= 0) & (scaled % stride == 0)
        if bound is not None:
            keep &= scaled < stride * bound
        moved = coordinates[keep]
        moved[:, column] = scaled[keep] // stride
        reached.append(moved)
    return _distinct(join(torch.cat(reached)))


def _distinct(keys: Tensor) -> Tensor:
    ascending: Tensor = torch.unique(keys)
    return ascending
