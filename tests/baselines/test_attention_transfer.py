import math
from dataclasses import replace

import hints_reference as reference
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from kd_inputs import CONTEXT, STAGES, batch_of, generators, output_of, rows_of, scan_of, wave

from backbones.output import Stage
from baselines.attention_transfer import AttentionTransfer, AttentionTransferSettings, attention, attention_error
from baselines.stages import UnknownStageError

ONE_SCAN = torch.zeros(2, dtype=torch.int64)


def terms(student, teacher, batch, context=CONTEXT, **settings):
    method = AttentionTransfer(AttentionTransferSettings(**settings), context)
    return method(student, teacher, batch, generators(batch.points.scans))


def with_stage(output, name, features):
    """The output with other features at one stage."""
    stage = Stage(features, output.stages[name].scan_index)
    return replace(output, stages=output.stages | {name: stage})


def error_of(student, teacher, scan_index, scans, power=2, reduction="mean"):
    return attention_error(attention(student, power), attention(teacher, power), scan_index, scans, reduction)


def test_two_rows_by_hand():
    # Mean squares (3, 4) and (1, 0); normalised (3/5, 4/5) and (1, 0): differences 2/5 and 4/5, squares 4/25 and 16/25.
    student = torch.tensor([[math.sqrt(6), 0.0], [2.0, -2.0]], dtype=torch.float64)
    teacher = torch.tensor([[1.0, 1.0, -1.0], [0.0, 0.0, 0.0]], dtype=torch.float64)
    assert error_of(student, teacher, ONE_SCAN, 1).item() == pytest.approx(0.4, rel=1e-12)
    assert error_of(student, teacher, ONE_SCAN, 1, reduction="sum").item() == pytest.approx(0.8, rel=1e-12)
    batch = batch_of([2], [2])
    output = output_of(batch, 4, 1.0)
    found = terms(
        with_stage(output, "down1", student),
        with_stage(output, "down1", teacher),
        batch,
        stages=("down1",),
        weight=10.0,
    )
    assert found["attention_down1"].item() == pytest.approx(4.0, rel=1e-12)


@pytest.mark.parametrize("changed", [{}, {"reduction": "sum", "weight": 1.0}, {"power": 1}, {"power": 3}], ids=str)
@pytest.mark.parametrize("shape", [([40, 23], [20, 11]), ([1], [1]), ([30, 1], [9, 1])], ids=str)
def test_every_stage_equals_the_reference(shape, changed):
    batch = batch_of(*shape)
    student, teacher = output_of(batch, 4, 1.0), output_of(batch, 8, 2.0)
    settings = AttentionTransferSettings(**changed)
    found = {name: term.item() for name, term in terms(student, teacher, batch, **changed).items()}
    expected = {
        f"attention_{name}": settings.weight
        * reference.attention_loss(
            student.stages[name].features.numpy(),
            teacher.stages[name].features.numpy(),
            student.stages[name].scan_index,
            batch.points.scans,
            settings.power,
            settings.reduction,
        )
        for name in STAGES
    }
    assert list(found) == list(expected)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-25)


@given(
    st.lists(st.integers(0, 2), max_size=12),
    st.integers(1, 4),
    st.sampled_from([0.0, 1e-6, 1.0, 1e6]),
    st.sampled_from(["mean", "sum"]),
    st.booleans(),
)
def test_any_rows_equal_the_reference(scan_index, power, size, reduction, swapped):
    # Scans without rows, with one, in any order, and with nothing but zeros on either side.
    scan = torch.tensor(scan_index, dtype=torch.int64)
    pair = wave((len(scan), 3), 1.0, size), wave((len(scan), 5), 2.0)
    student, teacher = pair[::-1] if swapped else pair
    expected = reference.attention_loss(student.numpy(), teacher.numpy(), scan_index, 3, power, reduction)
    found = error_of(student, teacher, scan, 3, power, reduction)
    assert found.item() == pytest.approx(expected, rel=1e-9, abs=1e-25)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_zero_when_the_student_is_the_teacher(dtype):
    batch = batch_of([40, 23], [20, 11])
    same = output_of(batch, 4, 1.0)
    for name, stage in same.stages.items():
        same = with_stage(same, name, stage.features.to(dtype))
    found = terms(same, same, batch)
    assert {name: term.item() for name, term in found.items()} == {f"attention_{name}": 0.0 for name in STAGES}
    assert {term.dtype for term in found.values()} == {torch.promote_types(dtype, torch.float32)}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_loses_what_its_inputs_lost_and_no_more(dtype):
    student, teacher = wave((50, 4), 1.0, 200.0).to(dtype), wave((50, 8), 2.0, 200.0).to(dtype)
    scan = torch.arange(50) % 2
    expected = error_of(student.double(), teacher.double(), scan, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = error_of(student.requires_grad_(), teacher, scan, 2)
    found.backward()
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    assert torch.isfinite(student.grad).all()


def test_the_scale_of_the_features_does_not_matter():
    batch = batch_of([40, 23], [20, 11])
    student = output_of(batch, 4, 1.0)
    scaled = student
    for name, stage in student.stages.items():
        scaled = with_stage(scaled, name, -3 * stage.features)
    assert max(term.item() for term in terms(student, scaled, batch).values()) < 1e-25


def test_a_stage_of_zeros_stays_finite():
    student = torch.zeros((4, 3), dtype=torch.float64, requires_grad=True)
    teacher, scan = wave((4, 5), 1.0), torch.tensor([0, 0, 1, 1])
    error = error_of(student, teacher, scan, 2, reduction="sum")
    error.backward()
    assert error.item() == pytest.approx(1.0, rel=1e-12)  # of a unit vector and zero
    assert not student.grad.any()
    assert error_of(student, torch.zeros_like(teacher), scan, 2).item() == 0


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("power", [1, 2, 3])
def test_gradient(power, reduction):
    student, teacher, scan = wave((7, 3), 1.0).requires_grad_(), wave((7, 5), 2.0), torch.tensor([0, 1, 0, 0, 1, 1, 0])
    assert torch.autograd.gradcheck(lambda rows: error_of(rows, teacher, scan, 2, power, reduction), student)


def test_only_the_student_gets_gradients():
    batch = batch_of([40, 23], [20, 11])
    student, teacher = output_of(batch, 4, 1.0), output_of(batch, 8, 2.0)
    for output in (student, teacher):
        for stage in output.stages.values():
            stage.features.requires_grad_()
    sum(terms(student, teacher, batch).values()).backward()
    assert all(stage.features.grad.abs().sum() > 0 for stage in student.stages.values())
    assert all(stage.features.grad is None for stage in teacher.stages.values())


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_order_of_the_rows_does_not_matter(reduction):
    student, teacher = wave((30, 3), 1.0), wave((30, 5), 2.0)
    scan = (torch.arange(30) % 3).clamp(max=1)
    order = torch.randperm(30, generator=generators(1)[0])
    expected = error_of(student, teacher, scan, 2, reduction=reduction).item()
    moved = error_of(student[order], teacher[order], scan[order], 2, reduction=reduction).item()
    assert moved == pytest.approx(expected, rel=1e-12)
    alone = error_of(student, teacher[order], scan, 2, reduction=reduction).item()
    assert alone != pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_two_scans_are_the_mean_of_each(reduction):
    batch = batch_of([40, 23], [20, 11])
    student, teacher = output_of(batch, 4, 1.0), output_of(batch, 8, 2.0)
    mean = dict.fromkeys([f"attention_{name}" for name in STAGES], 0.0)
    for scan in range(2):
        one, points, voxels = scan_of(batch, scan)
        outputs = (rows_of(output, points, voxels, scan) for output in (student, teacher))
        alone = terms(*outputs, one, reduction=reduction)
        mean = {name: mean[name] + alone[name].item() / 2 for name in mean}
    found = {name: term.item() for name, term in terms(student, teacher, batch, reduction=reduction).items()}
    assert found == pytest.approx(mean, rel=1e-12)


def test_the_mean_shrinks_as_the_rows_grow_and_the_sum_does_not():
    student, teacher = wave((50, 4), 1.0), wave((50, 8), 2.0)

    def repeated(times, reduction):
        scan = torch.zeros(50 * times, dtype=torch.int64)
        return error_of(student.repeat(times, 1), teacher.repeat(times, 1), scan, 1, reduction=reduction).item()

    assert repeated(9, "sum") == pytest.approx(repeated(1, "sum"), rel=1e-9)
    assert repeated(9, "mean") == pytest.approx(repeated(1, "mean") / 9, rel=1e-9)


def test_stages_are_chosen_by_name_in_the_given_order():
    batch = batch_of([40], [20])
    student, teacher = output_of(batch, 4, 1.0), output_of(batch, 8, 2.0)
    whole = terms(student, teacher, batch)
    some = terms(student, teacher, batch, stages=("up1", "down2"))
    assert list(some) == ["attention_up1", "attention_down2"]
    assert all(torch.equal(some[name], whole[name]) for name in some)
    assert list(whole) == [f"attention_{name}" for name in CONTEXT.level_stages]


@pytest.mark.parametrize("weight", [1000.0, 0.0])
def test_an_unknown_stage_is_refused_before_training(weight):
    with pytest.raises(UnknownStageError, match=r"no stage 'down3'; did you mean 'down[12]'\?"):
        AttentionTransfer(AttentionTransferSettings(stages=("down3",), weight=weight), CONTEXT)


def test_nothing_is_trained_and_a_weight_of_zero_takes_the_terms_out():
    batch = batch_of([4], [4])
    method = AttentionTransfer(AttentionTransferSettings(weight=0.0), CONTEXT)
    assert not method.state_dict()
    assert method(output_of(batch, 4, 1.0), output_of(batch, 8, 2.0), batch, []) == {}
