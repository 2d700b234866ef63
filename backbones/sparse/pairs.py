"""Finding the (input, output) pairs of every kernel offset by binary search."""

from __future__ import annotations

import torch
from torch import Tensor

from backbones.sparse.geometry import Geometry, axis_offsets
from backbones.sparse.packing import GUARD, join, shift


def find_pairs(in_keys: Tensor, out_coordinates: Tensor, geometry: Geometry) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Return all pairs with input = stride · output + offset.

    Args:
        in_keys: [V] int64, ascending keys of the inputs.
        out_coordinates: [M, 4] int64, sorted coordinates of the outputs.
        geometry: kernel and stride; at most `GUARD` cells on either side of the centre.

    Returns:
        Input rows [P] and output rows [P], both int64, and the pairs per offset, K integers. Pairs are ordered by
        offset (x slowest, z fastest), and by output within an offset.
    """
    if max(abs(o) for size in geometry.kernel_size for o in axis_offsets(size)) > GUARD:
        raise ValueError(f"kernel_size {geometry.kernel_size} reaches further than {GUARD} cells")
    centres = join(out_coordinates * out_coordinates.new_tensor([1, *geometry.stride]))
    half = geometry.volume // 2 if geometry.symmetric else 0
    found, hit = _search(in_keys, centres, geometry, half)
    offset, outputs = hit.nonzero(as_tuple=True)
    inputs = found[offset, outputs]
    counts = torch.bincount(offset, minlength=geometry.volume - half).tolist()
    if half:
        # Offset −d holds the pairs of d with input and output exchanged; a shift keeps the order of the keys.
        first, later = counts[0], counts[1:]
        mirrored_in = torch.cat([*reversed(torch.split(outputs[first:], later)), inputs])
        mirrored_out = torch.cat([*reversed(torch.split(inputs[first:], later)), outputs])
        return mirrored_in, mirrored_out, (*reversed(later), *counts)
    return inputs, outputs, tuple(counts)


def _search(in_keys: Tensor, centres: Tensor, geometry: Geometry, first: int) -> tuple[Tensor, Tensor]:
    """Look up the input at each centre + offset for the offsets from number `first` on.

    Returns:
        Rows [K − first, M] int64 and whether the offset's input exists there [K − first, M].
    """
    offsets = geometry.offsets()[first:]
    rows = centres.new_empty((len(offsets), len(centres)))
    hits = torch.zeros((len(offsets), len(centres)), dtype=torch.bool, device=centres.device)
    last = len(in_keys) - 1
    if last < 0:
        return rows, hits
    place, column = centres, None
    for number, (dx, dy, dz) in enumerate(offsets):
        wanted = centres + shift(dx, dy, dz)
        if (dx, dy) != column:
            # One search per column of the kernel: along z the next candidate is the next row.
            place, column = torch.searchsorted(in_keys, wanted), (dx, dy)
        torch.clamp(place, max=last, out=rows[number])
        torch.eq(in_keys[rows[number]], wanted, out=hits[number])
        place = place + hits[number]
    return rows, hits
