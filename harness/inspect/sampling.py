"""Look over the shoulder of PVD's sampler: its weights, its probabilities and its draws for one scan."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from backbones.voxelize import VoxelBatch
from baselines.pvd.draws import draw_blocks
from baselines.pvd.sampling import SupervoxelSampler, SupervoxelWeights
from baselines.pvd.settings import PVDSettings
from baselines.supervoxels import SupervoxelGrid
from harness.data.draws import torch_generator
from harness.errors import HarnessError
from harness.inspect.view import GroupShare, SamplingView, Supervoxel, TrainingMoment, TrainingSet

MOST_SUPERVOXELS = 1 << 23
"""More than the released grid has cells: a grid of more is a slip of the pen, and would not fit into memory."""


def view_sampling(
    batch: VoxelBatch, settings: PVDSettings, data: TrainingSet, moment: TrainingMoment, epochs: int = 1
) -> SamplingView:
    """Return what the sampler makes of a scan, with the draws that a training run makes.

    Args:
        batch: one labelled scan, as training meets it at that moment.
        settings: of the method.
        data: the training set, whose counts say which classes are rare.
        moment: seed and epoch of the draw that is shown.
        epochs: how many consecutive epochs to count the draws of; the scan stays as it is at that moment.

    Raises:
        HarnessError: the settings cut the grid into too many supervoxels.
    """
    sampler, names = SupervoxelSampler(settings, tuple(data.class_points.values())), tuple(data.class_points)
    grid, scan_id = sampler.grid, batch.points.scan_ids[0]
    if grid.blocks > MOST_SUPERVOXELS:
        found = f"a grid of {grid.blocks} supervoxels"
        raise HarnessError("--setting", found, f"at most {MOST_SUPERVOXELS}", "Choose a larger block_size.")
    weights = sampler.weigh(batch)
    draws = [torch_generator(moment.seed, moment.epoch + ahead, scan_id, "method") for ahead in range(epochs)]
    orders = torch.cat([draw_blocks(weights.weights, settings.blocks, [draw]) for draw in draws])
    supervoxels = _supervoxels(batch, sampler, weights, orders, names)
    return SamplingView(
        scan=scan_id,
        moment=moment,
        data=data,
        epochs=epochs,
        settings=settings,
        minority_classes=tuple(name for name, rare in zip(names, sampler.minority.tolist(), strict=True) if rare),
        shape=grid.shape,
        edges={"ring_m": _edges(grid, 0), "sector_rad": _edges(grid, 1), "layer_m": _edges(grid, 2)},
        supervoxels=supervoxels,
        by_ring=_shares(supervoxels, lambda one: one.ring, {n: f"{n}" for n in range(1, grid.shape[0] + 1)}),
        by_minority=_shares(supervoxels, lambda one: one.n_minor > 0, {False: "without", True: "with"}),
    )


def _supervoxels(
    batch: VoxelBatch, sampler: SupervoxelSampler, weights: SupervoxelWeights, orders: Tensor, names: Sequence[str]
) -> tuple[Supervoxel, ...]:
    """Return the occupied supervoxels in the order of their numbers."""
    grid, held = sampler.grid, torch.nonzero(weights.voxels[0]).squeeze(1)
    columns = {
        "outer_arc_m": grid.outer_radius_m(),
        "points": torch.bincount(weights.point_block, minlength=grid.blocks),
        "voxels": weights.voxels[0],
        "n_minor": weights.minor[0],
        "weight": weights.weights[0],
        "probability": weights.probabilities[0],
        "epochs_first": torch.bincount(orders[:, 0], minlength=grid.blocks),
        "epochs_sampled": torch.bincount(orders[orders >= 0], minlength=grid.blocks),
    }
    rows = zip(*(column[held].tolist() for column in columns.values()), strict=True)
    rare = _minority_voxels(batch, sampler.minority, weights.voxel_block, names)
    place = {block: number for number, block in enumerate(orders[0].tolist(), start=1)}
    _, sectors, layers = grid.shape
    return tuple(
        Supervoxel(
            block=block,
            ring=block // (sectors * layers) + 1,
            sector=block // layers % sectors + 1,
            layer=block % layers + 1,
            minority_voxels=rare.get(block, {}),
            drawn=place.get(block),
            **dict(zip(columns, row, strict=True)),
        )
        for block, row in zip(held.tolist(), rows, strict=True)
    )


def _minority_voxels(
    batch: VoxelBatch, minority: Tensor, voxel_block: Tensor, names: Sequence[str]
) -> dict[int, dict[str, int]]:
    """Return the voxels of each minority class in each block that has some."""
    if batch.labels is None:
        raise ValueError("the labels decide which supervoxels are drawn, and this batch has none")
    rows = minority[batch.labels]
    pairs, counts = np.unique(torch.stack([voxel_block[rows], batch.labels[rows]]), axis=1, return_counts=True)
    found: dict[int, dict[str, int]] = {}
    for block, label, count in zip(*pairs.tolist(), counts.tolist(), strict=True):
        found.setdefault(block, {})[names[label]] = count
    return found


def _edges(grid: SupervoxelGrid, axis: int) -> tuple[float, ...]:
    """Return the borders of the blocks along an axis; those of the angle end with the turn."""
    cells = [*range(0, grid.cells[axis], grid.block_size[axis]), grid.cells[axis]]
    edges = [grid.lowest[axis] + cell * grid.interval[axis] for cell in cells]
    return tuple(min(edge, grid.highest[1]) for edge in edges) if axis == 1 else tuple(edges)


def _shares(
    supervoxels: Sequence[Supervoxel], key: Callable[[Supervoxel], int], groups: dict[int, str]
) -> tuple[GroupShare, ...]:
    """Return each group's part of the supervoxels and of the chance."""
    chances: dict[int, list[float]] = {group: [] for group in groups}
    for one in supervoxels:
        chances[key(one)].append(one.probability)
    return tuple(
        GroupShare(
            group=name,
            supervoxels=len(chances[group]),
            share=len(chances[group]) / len(supervoxels),
            chance=sum(chances[group]),
        )
        for group, name in groups.items()
    )
