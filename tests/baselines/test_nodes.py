from dataclasses import replace

import nodes_reference as reference
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from kd_inputs import batch_of, wave
from largest_tensor import LargestTensor

from baselines.nodes import MOST_BLOCKS, Nodes, NodeSettings
from baselines.supervoxels import SupervoxelGrid

GRID = SupervoxelGrid.from_settings(NodeSettings())
SHAPES = {"two scans": [30, 17], "one voxel": [1], "one in one scan": [9, 1], "a scan without any": [8, 0, 3]}


def voxels(counts):
    return batch_of([max(count, 1) for count in counts], counts)


def at(positions, scan):
    """Voxels at these places, each in the scan named for it."""
    index = torch.tensor(scan)
    return replace(
        batch_of([1] * (max(scan) + 1), [0] * (max(scan) + 1)),
        xyz=torch.tensor(positions),
        coordinates=index[:, None].expand(-1, 4),
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("how", ["mean", "max"])
@pytest.mark.parametrize("block", [(120, 60, 8), (30, 20, 8)])
def test_equals_the_reference(shape, how, block):
    batch = voxels(SHAPES[shape])
    rows = len(batch.xyz)
    student, teacher = wave((rows, 3), 1.0), wave((rows, 6), 2.0)
    teacher[::4] = 0
    inside = reference.nodes(batch.xyz.tolist(), batch.scan_index.tolist(), block)
    nodes = Nodes.occupied(SupervoxelGrid.from_settings(NodeSettings(block_size=block)), batch)
    assert (nodes.table >= 0).sum(dim=1).tolist() == [len(scan) for scan in inside]
    expected = reference.node_distance(student.tolist(), teacher.tolist(), inside, how)
    assert nodes.distance(student, teacher, how).item() == pytest.approx(expected, rel=1e-10, abs=1e-20)


@given(st.lists(st.sampled_from(range(6)), min_size=1, max_size=15), st.booleans())
def test_any_rows_in_any_blocks(sectors, largest):
    places = [(20.0 * (-1) ** s, 3.0 * s - 9.0, 0.5) for s in sectors]
    scan = sorted(s % 2 for s in sectors)
    batch, how = at(places, [s - scan[0] for s in scan]), "max" if largest else "mean"
    student, teacher = wave((len(places), 3), 1.0), wave((len(places), 2), 2.0)
    inside = reference.nodes(batch.xyz.tolist(), batch.scan_index.tolist())
    expected = reference.node_distance(student.tolist(), teacher.tolist(), inside, how)
    found = Nodes.occupied(GRID, batch).distance(student, teacher, how).item()
    assert found == pytest.approx(expected, rel=1e-10, abs=1e-20)


def test_two_nodes_by_hand():
    # Three voxels ahead, one behind. Means of the student: (1, 0) and (0, 2), at right angles; the teacher's are alike.
    batch = at([(5.0, 1.0, 0.0), (5.0, 1.5, 0.0), (6.0, 1.0, 0.0), (-5.0, 1.0, 0.0)], [0] * 4)
    student = torch.tensor([[3.0, 0.0], [-1.0, 1.0], [1.0, -1.0], [0.0, 2.0]])
    nodes = Nodes.occupied(GRID, batch)
    assert nodes.count == 2
    assert nodes.of_row.tolist()[:3] == [nodes.of_row[0].item()] * 3
    assert sorted(nodes.pool(student, "mean").tolist()) == [[0.0, 2.0], [1.0, 0.0]]
    assert sorted(nodes.pool(student, "max").tolist()) == [[0.0, 2.0], [3.0, 1.0]]
    assert nodes.distance(student, torch.ones(4, 1), "mean").item() == pytest.approx(2 / 4)


@pytest.mark.parametrize("how", ["mean", "max"])
def test_gradient(how):
    batch = voxels([7, 4])
    nodes, teacher = Nodes.occupied(GRID, batch), wave((11, 5), 2.0)
    assert torch.autograd.gradcheck(
        lambda rows: nodes.distance(rows, teacher, how), wave((11, 3), 1.0).requires_grad_()
    )


@pytest.mark.parametrize("how", ["mean", "max"])
def test_nothing_has_no_direction_and_no_gradient(how):
    batch = voxels([9])
    student = torch.zeros((9, 3), requires_grad=True)
    loss = Nodes.occupied(GRID, batch).distance(student, torch.zeros(9, 4), how)
    loss.backward()
    assert loss.item() == 0
    assert (student.grad == 0).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_half_precision_is_pooled_wide(dtype):
    batch = voxels([30])
    nodes = Nodes.occupied(GRID, batch)
    student, teacher = wave((30, 8), 1.0).to(dtype), wave((30, 5), 2.0).to(dtype)
    wide = nodes.distance(student.double(), teacher.double(), "mean")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = nodes.distance(student, teacher, "mean")
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(wide.item(), rel=1e-5)
    assert nodes.distance(student, student, "max").item() == 0


def test_only_occupied_blocks_take_memory():
    # Of 7800 blocks eleven hold a voxel, at most seven in one scan.
    grid = SupervoxelGrid.from_settings(NodeSettings(block_size=(24, 12, 2), grid=(480, 360, 26)))
    assert grid.blocks == 7800
    nodes = Nodes.occupied(grid, voxels([7, 4]))
    most = nodes.table.shape[1]
    assert most <= 7
    student = wave((11, 3), 1.0).requires_grad_()
    with LargestTensor() as largest:
        nodes.distance(student, wave((11, 5), 2.0), "mean").backward()
    assert largest.elements <= 2 * most**2


def test_blocks_without_bound_are_refused():
    with pytest.raises(ValueError, match=rf"5529600 supervoxels.*at most {MOST_BLOCKS}"):
        NodeSettings(block_size=(1, 1, 1))
    assert SupervoxelGrid.from_settings(NodeSettings(block_size=(30, 15, 2))).blocks == 6144
