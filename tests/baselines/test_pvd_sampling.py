from collections import Counter
from dataclasses import replace

import numpy as np
import pvd_reference as reference
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from kd_inputs import CONTEXT, MINORITY, batch_of, generators, scan_of
from scipy.stats import chisquare

from baselines.pvd.draws import draw_blocks, draw_rows
from baselines.pvd.sampling import SupervoxelSampler
from baselines.pvd.settings import PVDSettings

DRAWS = 4000


def sample(batch, seed=7, **settings):
    sampler = SupervoxelSampler(PVDSettings(**settings), CONTEXT.class_counts)
    return sampler.draw(batch, generators(batch.points.scans, seed))


def minor_of_block(batch, unit):
    rows = (batch.points.xyz, batch.points.labels) if unit == "points" else (batch.xyz, batch.labels)
    return reference.minor_count(*rows, MINORITY, distinct=unit == "classes")


@pytest.mark.parametrize("sampler", ["difficulty", "distance", "category", "random"])
@pytest.mark.parametrize("unit", ["voxels", "points", "classes"])
def test_one_block_is_drawn_with_its_probability(sampler, unit):
    batch = batch_of([60], [8])
    expected = reference.probabilities(batch.xyz.tolist(), minor_of_block(batch, unit), sampler)
    drawer = SupervoxelSampler(PVDSettings(sampler=sampler, minor_unit=unit, blocks=1), CONTEXT.class_counts)
    stream = generators(1)
    drawn = Counter(drawer.draw(batch, stream).blocks.item() for _ in range(DRAWS // 8))
    held = np.flatnonzero(expected)
    assert set(drawn) <= set(held.tolist())
    observed = [drawn[block] for block in held.tolist()]
    assert chisquare(observed, expected[held] * (DRAWS // 8)).pvalue > 1e-3


@pytest.mark.parametrize("count", [1, 2, 3])
def test_several_blocks_follow_successive_draws(count):
    weights = torch.tensor([0.1, 0.4, 1.5, 0.7, 0.3], dtype=torch.float64)
    stream = torch.Generator().manual_seed(11)
    drawn = draw_blocks(weights.expand(DRAWS, 5), count, [stream] * DRAWS)
    expected = reference.successive_draws((weights / weights.sum()).numpy(), count)
    observed = Counter(map(tuple, drawn.tolist()))
    common = [order for order, chance in expected.items() if chance * DRAWS >= 5]
    counts = [observed[order] for order in common]
    chances = [expected[order] * DRAWS for order in common]
    counts, chances = [*counts, DRAWS - sum(counts) + 1e-9], [*chances, DRAWS - sum(chances) + 1e-9]
    assert chisquare(counts, chances).pvalue > 1e-3


@given(st.lists(st.sampled_from([0.0, 0.2, 3.0]), min_size=1, max_size=8), st.integers(1, 10))
def test_every_weighted_block_at_most_once(weights, count):
    drawn = draw_blocks(torch.tensor([weights], dtype=torch.float64), count, generators(1))[0].tolist()
    held = [block for block in drawn if block >= 0]
    assert len(drawn) == count
    assert len(held) == len(set(held)) == min(count, sum(weight > 0 for weight in weights))
    assert drawn[len(held) :] == [-1] * (count - len(held))
    assert all(weights[block] > 0 for block in held)


def test_rows_are_those_of_the_sampled_blocks():
    batch = batch_of([70, 50], [30, 20])
    found = sample(batch)
    for level, xyz, scan in (
        ("points", batch.points.xyz, batch.points.scan_index),
        ("voxels", batch.xyz, batch.scan_index),
    ):
        expected = reference.rows_in_blocks(xyz.tolist(), scan, found.blocks.tolist())
        rows = getattr(found, level)
        assert [[sorted(r for r in block if r >= 0) for block in one] for one in rows.tolist()] == expected


def test_a_scan_with_fewer_blocks_gives_them_all():
    batch = batch_of([70, 3], [30, 2])
    found = sample(batch, blocks=6)
    held = {reference.flat(reference.block_of(*position)) for position in batch.xyz[-2:].tolist()}
    assert set(found.blocks[1].tolist()) - {-1} == held
    assert (found.points[1, len(held) :] == -1).all()
    assert (found.blocks[0] >= 0).all()


def test_blocks_without_voxels_are_never_drawn():
    batch = batch_of([60], [1])
    found = sample(batch, blocks=96)
    assert found.blocks[0].tolist() == [reference.flat(reference.block_of(*batch.xyz[0].tolist()))] + [-1] * 95


def test_the_same_generator_draws_the_same():
    batch = batch_of([400, 300], [200, 100])
    first, again, other = sample(batch, 7), sample(batch, 7), sample(batch, 8)
    for level in ("blocks", "points", "voxels"):
        assert torch.equal(getattr(first, level), getattr(again, level))
    assert not torch.equal(first.blocks, other.blocks)


def test_a_scan_draws_the_same_whatever_is_beside_it():
    batch = batch_of([400, 300], [200, 100])
    settings = {"points_per_block": 5, "voxels_per_block": 4}
    both = sample(batch, 7, **settings)
    alone, points, voxels = scan_of(batch, 1)
    single = sample(alone, 8, **settings)
    assert torch.equal(both.blocks[1], single.blocks[0])
    for level, rows in (("points", points), ("voxels", voxels)):
        found = getattr(single, level)[0]
        moved = torch.where(found >= 0, rows.nonzero().squeeze(1)[found.clamp(min=0)], -1)
        assert torch.equal(getattr(both, level)[1], moved)


@given(st.lists(st.tuples(st.integers(-1, 5), st.booleans()), max_size=40), st.integers(1, 8), st.integers(0, 9))
def test_majority_rows_are_dropped_first(rows, capacity, seed):
    # Two scans of three blocks; rows of the first scan stand before those of the second.
    rows = sorted(rows, key=lambda row: row[0] // 3)
    slot, minor = torch.tensor([r[0] for r in rows], dtype=torch.int64), torch.tensor([r[1] for r in rows]).bool()
    table = draw_rows(slot, minor, torch.Size((2, 3)), capacity, generators(2, seed)).view(6, capacity)
    for block in range(6):
        inside = [row for row, (where, _) in enumerate(rows) if where == block]
        kept = [row for row in table[block].tolist() if row >= 0]
        assert set(kept) <= set(inside)
        assert len(kept) == len(set(kept)) == min(capacity, len(inside))
        assert sum(rows[row][1] for row in kept) == min(capacity, sum(rows[row][1] for row in inside))


def test_rare_points_and_voxels_stay():
    batch = batch_of([400, 300], [200, 100])
    whole, few = sample(batch), sample(batch, points_per_block=6, voxels_per_block=4)
    for level, labels in (("points", batch.points.labels), ("voxels", batch.labels)):
        every, kept = getattr(whole, level), getattr(few, level)
        rare = [((rows >= 0) & (labels[rows.clamp(min=0)] > 3)).sum(dim=2) for rows in (every, kept)]
        assert torch.equal(rare[1], rare[0].clamp(max=kept.shape[2]))
        assert torch.equal((kept >= 0).sum(dim=2), (every >= 0).sum(dim=2).clamp(max=kept.shape[2]))


def test_rows_are_dropped_at_random():
    slot, minor = torch.zeros(6, dtype=torch.int64), torch.tensor([True, False, False, False, False, False])
    stream, kept = generators(1), Counter()
    for _ in range(DRAWS // 4):
        kept.update(draw_rows(slot, minor, torch.Size((1, 1)), 3, stream).flatten().tolist())
    assert kept[0] == DRAWS // 4
    assert chisquare([kept[row] for row in range(1, 6)]).pvalue > 1e-3


def test_an_unlabelled_batch_has_no_minority():
    batch = batch_of([60], [30])
    bare = replace(batch, labels=None, points=replace(batch.points, labels=None))
    ignored = replace(
        batch, labels=batch.labels * 0, points=replace(batch.points, labels=torch.zeros_like(batch.points.labels))
    )
    for level in ("blocks", "points", "voxels"):
        assert torch.equal(getattr(sample(bare), level), getattr(sample(ignored), level))


@pytest.mark.parametrize("sampler", ["difficulty", "distance", "category", "random"])
@pytest.mark.parametrize("unit", ["voxels", "points", "classes"])
def test_weights_before_the_draw_equal_the_reference(sampler, unit):
    batch = batch_of([80, 50], [40, 20])
    found = SupervoxelSampler(PVDSettings(sampler=sampler, minor_unit=unit), CONTEXT.class_counts).weigh(batch)
    blocks = [reference.flat(reference.block_of(*position)) for position in batch.xyz.tolist()]
    assert found.voxel_block.tolist() == [
        scan * 96 + block for scan, block in zip(batch.scan_index.tolist(), blocks, strict=True)
    ]
    for scan in range(2):
        alone, _, rows = scan_of(batch, scan)
        inside = Counter(block for block, here in zip(blocks, rows.tolist(), strict=True) if here)
        minor = minor_of_block(alone, unit)
        assert found.voxels[scan].tolist() == [inside[block] for block in range(96)]
        assert found.minor[scan].tolist() == [minor.get(block, 0) for block in range(96)]
        expected = reference.probabilities(alone.xyz.tolist(), minor, sampler)
        np.testing.assert_allclose(found.probabilities[scan].numpy(), expected, rtol=1e-12)


def test_the_draw_is_from_these_weights():
    batch = batch_of([400, 300], [200, 100])
    sampler = SupervoxelSampler(PVDSettings(), CONTEXT.class_counts)
    blocks = draw_blocks(sampler.weigh(batch).weights, 4, generators(2))
    assert torch.equal(sampler.draw(batch, generators(2)).blocks, blocks)
