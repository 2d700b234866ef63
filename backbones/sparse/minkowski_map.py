"""MinkowskiEngine's own map of a convolution, compared with this project's, and the order of its rows and offsets."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from backbones.sparse.engine import EngineError
from backbones.sparse.geometry import Triple
from backbones.sparse.kernel_map import KernelMap
from backbones.sparse.packing import pack


@dataclass(frozen=True)
class LibraryMap:
    """What the library built for one kernel map.

    Attributes:
        manager: the library's coordinate manager, which keeps its kernel map.
        fine, coarse: its keys of the input and output sites.
        fine_rows, coarse_rows: the library's row of each of our rows; None where they are the same.
    """

    manager: Any
    fine: Any
    coarse: Any
    fine_rows: Tensor | None
    coarse_rows: Tensor | None


@torch.inference_mode(mode=False)
def build_map(library: ModuleType, kernel_map: KernelMap) -> LibraryMap:
    """Let the library find sites and pairs of a kernel map, and compare both with the map's.

    Args:
        library: the module ``MinkowskiEngine``.
        kernel_map: of a submanifold or floor-rule convolution, with at least one pair (the library crashes on none).

    Raises:
        EngineError: the library's sites or pairs are others.
    """
    geometry = kernel_map.geometry
    kind = library.CoordinateMapType.CUDA if kernel_map.inputs.is_cuda else library.CoordinateMapType.CPU
    manager = library.CoordinateManager(D=3, coordinate_map_type=kind)
    fine, _ = manager.insert_and_map(kernel_map.in_coordinates.int().contiguous(), [1, 1, 1])
    coarse = manager.stride(fine, list(geometry.stride)) if geometry.rule == "floor" else fine
    fine_rows = match_rows(manager.get_coordinates(fine), (1, 1, 1), kernel_map.in_coordinates)
    coarse_rows = match_rows(manager.get_coordinates(coarse), geometry.stride, kernel_map.out_coordinates)
    pairs = manager.kernel_map(fine, coarse, list(geometry.stride), list(geometry.kernel_size))
    check_counts(kernel_map, {offset: rows.shape[1] for offset, rows in pairs.items()})
    return LibraryMap(manager, fine, coarse, fine_rows, coarse_rows)


def turn(weight: Tensor, kernel_size: Triple) -> Tensor:
    """Renumber the offsets of [K, *, *] from x slowest to x fastest; with the sizes reversed, back again."""
    return weight.view(*kernel_size, *weight.shape[1:]).permute(2, 1, 0, 3, 4).reshape(weight.shape)


def match_rows(theirs: Tensor, stride: Triple, ours: Tensor) -> Tensor | None:
    """Return the library's row of each of our sites [M], None if they are in the same order.

    Args:
        theirs: [M, 4] int32 (scan, x, y, z) in fine cells.
        stride: fine cells per cell.
        ours: [M, 4] int64 in cells, sorted by key.

    Raises:
        EngineError: they are other sites.
    """
    cells = theirs.long() // theirs.new_tensor([1, *stride])
    order = torch.argsort(pack(cells))
    if not torch.equal(cells[order], ours):
        raise EngineError(f"The engine 'minkowski' makes {len(theirs)} sites; the kernel map has {len(ours)} others.")
    return None if bool((order[1:] > order[:-1]).all()) else order


def check_counts(kernel_map: KernelMap, found: dict[int, int]) -> None:
    """Compare the library's pairs per offset, x fastest, with those of a kernel map.

    Raises:
        EngineError: they differ.
    """
    order = torch.arange(len(kernel_map.counts)).view(-1, 1, 1)
    wanted = [kernel_map.counts[k] for k in turn(order, kernel_map.geometry.kernel_size).flatten().tolist()]
    counts = [found.get(k, 0) for k in range(len(wanted))]
    if counts != wanted:
        raise EngineError(
            f"The engine 'minkowski' finds {sum(counts)} pairs ({counts} per offset) for {kernel_map.geometry}, "
            f"where the kernel map has {sum(wanted)} ({wanted})."
        )
