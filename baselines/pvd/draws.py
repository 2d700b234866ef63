"""Random choices of PVD: blocks of a scan by weight, rows of a block by class."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def draw_blocks(weights: Tensor, count: int, draws: Sequence[torch.Generator]) -> Tensor:
    """Draw blocks of each scan without replacement, [S, count] int64 with −1 where too few have weight.

    Same law as successive draws, each in proportion to the weights that are left: the blocks with the earliest of
    independent exponential arrivals at rate W_i (Efraimidis and Spirakis 2006).

    Args:
        weights: [S, N_s] float64, zero for blocks that must not be drawn.
        count: K.
        draws: one CPU generator per scan.
    """
    blocks = weights.shape[1]
    uniform = torch.stack([torch.rand(blocks, generator=draw, dtype=torch.float64) for draw in draws])
    arrival = -torch.log1p(-uniform.to(weights.device)) / weights
    arrival = torch.where(weights > 0, arrival, torch.inf)
    first, chosen = arrival.topk(min(count, blocks), dim=1, largest=False)
    chosen = torch.where(first < torch.inf, chosen, -1)
    return F.pad(chosen, (0, count - chosen.shape[1]), value=-1)


def draw_rows(
    slot: Tensor, minor: Tensor, shape: torch.Size, capacity: int, draws: Sequence[torch.Generator]
) -> Tensor:
    """Fill each sampled block with at most `capacity` of its rows: [S, K, capacity] int64, −1 where there is none.

    Where a block holds more, rows are dropped at random, those that are not of a minority class first.

    Args:
        slot: [M] int64, scan·K + k for a row of the scan's k-th sampled block, −1 for every other row; scans ascend.
        minor: [M] bool, rows of a minority class.
        shape: (S, K).
        capacity: rows per block.
        draws: one CPU generator per scan.
    """
    scans, blocks = shape
    rows = torch.nonzero(slot >= 0).squeeze(1)
    slot, slots = slot[rows], scans * blocks
    per_slot = torch.bincount(slot, minlength=slots)
    per_scan = per_slot.view(scans, blocks).sum(dim=1).tolist()
    noise = [torch.rand(n, generator=draw, dtype=torch.float64) for n, draw in zip(per_scan, draws, strict=True)]
    order = torch.argsort(torch.cat(noise).to(slot.device) + (~minor[rows]).long() + 2 * slot, stable=True)
    slot, rows = slot[order], rows[order]
    rank = torch.arange(len(rows), device=rows.device) - (per_slot.cumsum(0) - per_slot)[slot]
    table = torch.full((slots, capacity + 1), -1, dtype=torch.int64, device=rows.device)
    table[slot, rank.clamp(max=capacity)] = rows
    return table[:, :capacity].reshape(scans, blocks, capacity)
