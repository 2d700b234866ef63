from __future__ import annotations

import pytest
import torch
from dense_grid import random_voxels

from backbones.sparse.kernel_map import KernelMapCache

SMALL = [1, 5, 40, 1 << 20]


@pytest.mark.parametrize("rows", SMALL)
def test_blocks_hold_the_pairs_of_the_map(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backbones.sparse.blocks.BLOCK_ROWS", rows)
    found = KernelMapCache().submanifold(random_voxels((5, 4, 4), 0.4, 2, seed=0), (3, 1, 3))
    offsets = [k for k, count in enumerate(found.counts) for _ in range(count)]
    listed = zip(offsets, found.inputs.tolist(), found.outputs.tolist(), strict=True)
    pairs = [pair for pair in listed if pair[0] != 4]  # the fifth of nine offsets joins each row with itself
    blocks, wanted = -(-found.out_rows // rows), []
    for block in range(blocks):
        wanted += [pair for pair in pairs if pair[2] // rows == block]
    assert list(zip(found.blocks.sources.tolist(), found.blocks.targets.tolist(), strict=True)) == [
        (source, target) for _, source, target in wanted
    ]
    counted = [sum(k == offset and o // rows == b for k, _, o in pairs) for b in range(blocks) for offset in range(9)]
    assert list(found.blocks.counts) == counted


@pytest.mark.parametrize("rows", SMALL)
def test_order_leads_to_the_pairs_of_each_output(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backbones.sparse.blocks.BLOCK_ROWS", rows)
    found = KernelMapCache().submanifold(random_voxels((5, 4, 4), 0.4, 2, seed=1), (3, 3, 3))
    blocks, starts = found.blocks, found.blocks.starts.tolist()
    for output in range(found.out_rows):
        first = starts[output // rows * rows]
        places = (blocks.order[starts[output] : starts[output + 1]] + first).tolist()
        assert [blocks.targets[place].item() for place in places] == [output] * len(places)
        assert places == sorted(places)
    assert starts[-1] == found.pairs - found.out_rows


def test_blocks_are_made_once_and_serve_a_backward_pass_after_inference() -> None:
    found = KernelMapCache().submanifold(random_voxels((4, 4, 4), 0.5, 1, seed=2), (3, 3, 3))
    with torch.inference_mode():
        made = found.blocks
    assert found.blocks is made
    assert not made.order.is_inference()
