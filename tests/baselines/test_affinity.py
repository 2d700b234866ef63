import pvd_reference as reference
import pytest
import torch
from kd_inputs import wave
from largest_tensor import LargestTensor

from baselines.affinity import affinity_loss

ROWS = torch.tensor([[[0, 3, 5, -1], [1, 2, -1, -1]], [[7, 6, -1, -1], [-1, -1, -1, -1]]])
BLOCKS = [[[0, 3, 5], [1, 2]], [[7, 6], []]]


@pytest.mark.parametrize("padding", ["masked", "literal"])
def test_equals_the_reference(padding):
    student, teacher = wave((9, 3), 1.0), wave((9, 5), 2.0)
    student[5] = 0
    teacher[2] = 0
    expected = reference.affinity_loss(
        student.numpy(), teacher.numpy(), BLOCKS, padded_to=4 if padding == "literal" else None
    )
    assert affinity_loss(student, teacher, ROWS, padding).item() == pytest.approx(expected, rel=1e-10)


def test_two_rows_by_hand():
    # Student rows at right angles, teacher rows alike: two of four entries differ by one.
    student, teacher = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[3.0], [4.0]])
    assert affinity_loss(student, teacher, torch.tensor([[[0, 1]]]), "masked").item() == pytest.approx(0.5)
    assert affinity_loss(student, teacher, torch.tensor([[[0, 1, -1, -1]]]), "literal").item() == pytest.approx(2 / 16)


@pytest.mark.parametrize("padding", ["masked", "literal"])
def test_gradient(padding):
    teacher = wave((9, 5), 2.0)

    def loss(features):
        return affinity_loss(features, teacher, ROWS, padding)

    assert torch.autograd.gradcheck(loss, wave((9, 3), 1.0).requires_grad_())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_identical_features_cost_exactly_nothing(dtype):
    features = wave((9, 7), 1.0).to(dtype)
    assert affinity_loss(features, features, ROWS, "masked").item() == 0


@pytest.mark.parametrize("factor", [3.0, 1e-3, 1e6])
def test_only_directions_count(factor):
    features = wave((9, 7), 1.0)
    assert affinity_loss(features, factor * features, ROWS, "masked").item() < 1e-28


def test_rows_of_zeros_have_no_direction_and_no_gradient():
    student = wave((9, 3), 1.0).float()
    student[[3, 5]] = 0
    student.requires_grad_()
    affinity_loss(student, wave((9, 5), 2.0).float(), ROWS, "masked").backward()
    assert (student.grad[[3, 5]] == 0).all()
    assert (student.grad[[1, 2, 6, 7]].abs().sum(dim=1) > 0).all()
    assert torch.isfinite(student.grad).all()


def test_no_rows_at_all():
    student = wave((9, 3), 1.0).requires_grad_()
    loss = affinity_loss(student, wave((9, 5), 2.0), torch.full((1, 2, 4), -1), "masked")
    loss.backward()
    assert loss.item() == 0
    assert (student.grad == 0).all()


def test_one_row():
    assert affinity_loss(wave((1, 3), 1.0), wave((1, 5), 2.0), torch.tensor([[[0, -1]]]), "masked").item() < 1e-28


def test_float32_inside_an_autocast_region():
    student, teacher = wave((9, 3), 1.0).float(), wave((9, 5), 2.0).float()
    expected = affinity_loss(student, teacher, ROWS, "masked")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = affinity_loss(student, teacher, ROWS, "masked")
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)


@pytest.mark.parametrize(("rows", "capacity"), [(3000, 4), (40, 64)], ids=["long scan", "wide block"])
def test_memory_is_bounded_by_the_blocks_not_by_the_scan(rows, capacity):
    student, teacher = wave((rows, 6), 1.0).requires_grad_(), wave((rows, 6), 2.0)
    chosen = torch.arange(3 * capacity).view(1, 3, capacity) % rows
    with LargestTensor() as largest:
        affinity_loss(student, teacher, chosen, "masked").backward()
    assert largest.elements == max(3 * capacity**2, student.numel())
