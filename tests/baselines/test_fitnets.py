from dataclasses import replace

import hints_reference as reference
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from kd_inputs import CONTEXT, STAGES, batch_of, context_of, generators, output_of, rows_of, scan_of, wave

from backbones.output import Stage
from baselines.fitnets import FitNets, FitNetsSettings, hint_error, hint_regressor
from baselines.stages import UnknownStageError

ONE_SCAN = torch.zeros(2, dtype=torch.int64)
LITERAL = {"normalised": False, "scaled": False}
TWO_SCANS = batch_of([40, 23], [20, 11])
SHAPES = {"two scans": ([40, 23], [20, 11]), "one row": ([1], [1]), "one scan of one": ([30, 1], [9, 1])}


def method_of(**settings):
    """A method whose regressors have fixed float64 numbers."""
    method = FitNets(FitNetsSettings(**settings), CONTEXT).double()
    for number, parameter in enumerate(method.parameters()):
        parameter.data = wave(tuple(parameter.shape), 3.0 + number, 1.5)
    return method


def terms(student, teacher, batch, **settings):
    return method_of(**settings)(student, teacher, batch, generators(batch.points.scans))


def numbers(regressor):
    """The parameters of a regressor under the reference's names."""
    names = {"linear.weight": "weight", "linear.bias": "bias", "norm.gain": "gain", "norm.shift": "shift"}
    return {names.get(name, name): p.detach().numpy() for name, p in regressor.named_parameters()}


def identity(channels, scale=1.0):
    regressor = hint_regressor(channels, channels, normalised=False).double()
    regressor.weight.data = scale * torch.eye(channels, dtype=torch.float64)
    regressor.bias.data.zero_()
    return regressor


def with_stage(output, name, features):
    """The output with other features at one stage."""
    return replace(output, stages=output.stages | {name: Stage(features, output.stages[name].scan_index)})


def test_two_rows_by_hand():
    # 2·(1, 0) + 1 and 2·(0, 3) + 1 against (1, 2) and (−1, 7): errors 2, −1, 2, 0, squares 4, 1, 4, 0.
    student = torch.tensor([[1.0, 0.0], [0.0, 3.0]], dtype=torch.float64)
    teacher = torch.tensor([[1.0, 2.0], [-1.0, 7.0]], dtype=torch.float64)
    regressor = identity(2, 2.0)
    regressor.bias.data.fill_(1.0)
    assert hint_error(regressor, student, teacher, ONE_SCAN, 1, scaled=False).item() == pytest.approx(9 / 4, rel=1e-12)
    # The root mean square of 3 and −3 is 3: errors 0 − 1 and 0 + 1.
    teacher = torch.tensor([[3.0], [-3.0]], dtype=torch.float64)
    zero = identity(1, 0.0)
    assert hint_error(zero, student[:, :1], teacher, ONE_SCAN, 1, scaled=True).item() == pytest.approx(1.0, rel=1e-12)
    # Rows 1 and 0 have mean 1/2 and variance 1/4, so that they become ±1 up to ε; times 3, plus 1, they are 4 and −2.
    regressor = hint_regressor(1, 1, normalised=True).double()
    regressor.linear.weight.data.fill_(7.0)
    regressor.norm.gain.data.fill_(3.0)
    regressor.norm.shift.data.fill_(1.0)
    assert regressor(student[:, :1]).flatten().tolist() == pytest.approx([4.0, -2.0], rel=1e-5)


@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_hint_equals_the_reference(shape, normalised, scaled):
    batch = batch_of(*SHAPES[shape])
    student, teacher = output_of(batch, 4, 1.0), output_of(batch, 8, 2.0)
    method = method_of(stages=STAGES, weight=3.0, normalised=normalised, scaled=scaled)
    found = {name: term.item() for name, term in method(student, teacher, batch, []).items()}
    expected = {}
    for name in STAGES:
        rows, hints = (output.stages[name].features.numpy() for output in (student, teacher))
        own, scan = numbers(method.regressors[name]), student.stages[name].scan_index
        error = reference.hint_loss(rows, hints, scan, batch.points.scans, **own, scaled=scaled)
        expected[f"hint_{name}"] = 3.0 * error
    assert list(found) == list(expected)
    assert found == pytest.approx(expected, rel=1e-9)


@given(
    st.lists(st.integers(0, 2), max_size=10),
    st.sampled_from([0.0, 1e-4, 1.0, 1e4]),
    st.sampled_from([0.0, 1e-4, 1.0, 1e4]),
    st.booleans(),
    st.booleans(),
)
def test_any_rows_equal_the_reference(scan_index, size, hint_size, normalised, scaled):
    # Scans without rows, with one, in any order, and with nothing but zeros on either side.
    scan = torch.tensor(scan_index, dtype=torch.int64)
    student, teacher = wave((len(scan), 3), 1.0, size), wave((len(scan), 5), 2.0, hint_size)
    regressor = hint_regressor(3, 5, normalised).double()
    for number, parameter in enumerate(regressor.parameters()):
        parameter.data = wave(tuple(parameter.shape), 3.0 + number)
    expected = reference.hint_loss(student.numpy(), teacher.numpy(), scan, 3, **numbers(regressor), scaled=scaled)
    found = hint_error(regressor, student, teacher, scan, 3, scaled)
    assert found.item() == pytest.approx(expected, rel=1e-8)


def test_zero_when_the_regressor_is_the_identity_and_the_student_the_teacher():
    same, context = output_of(TWO_SCANS, 4, 1.0), context_of(4, 4)
    method = FitNets(FitNetsSettings(stages=STAGES, **LITERAL), context).double()
    for name in STAGES:
        method.regressors[name] = identity(context.teacher_stages[name])
    found = {name: term.item() for name, term in method(same, same, TWO_SCANS, []).items()}
    assert found == {f"hint_{name}": 0.0 for name in STAGES}


def test_zero_when_normalising_undoes_what_the_student_did():
    teacher, scan = wave((20, 4), 1.0), torch.zeros(20, dtype=torch.int64)
    teacher = (teacher - teacher.mean(0)) / teacher.std(0, correction=0)
    regressor = hint_regressor(4, 4, normalised=True).double()
    regressor.linear.weight.data = torch.eye(4, dtype=torch.float64)
    student = teacher * torch.tensor([5.0, 6.0, 7.0, 8.0]) + 2
    assert hint_error(regressor, student, teacher, scan, 1, scaled=True).item() < 1e-10


@pytest.mark.parametrize("normalised", [True, False])
def test_regressors_lead_from_the_students_channels_to_the_teachers(normalised):
    method = FitNets(FitNetsSettings(stages=("up1", "down2"), normalised=normalised), CONTEXT)
    shapes = {name: tuple(value.shape) for name, value in method.state_dict().items()}
    layer, others = ("linear.", ("norm.gain", "norm.shift")) if normalised else ("", ("bias",))
    expected = {}
    for name in ("up1", "down2"):
        student, teacher = CONTEXT.student_stages[name], CONTEXT.teacher_stages[name]
        expected[f"regressors.{name}.{layer}weight"] = (teacher, student)
        expected |= {f"regressors.{name}.{other}": (teacher,) for other in others}
    assert shapes == expected
    assert {name for name, _ in method.named_parameters()} == set(expected)


@pytest.mark.parametrize("normalised", [True, False])
def test_the_term_survives_a_checkpoint(normalised):
    student, teacher = output_of(TWO_SCANS, 4, 1.0), output_of(TWO_SCANS, 8, 2.0)
    method = method_of(normalised=normalised)
    restored = FitNets(FitNetsSettings(normalised=normalised), CONTEXT).double()
    expected = method(student, teacher, TWO_SCANS, [])
    assert restored(student, teacher, TWO_SCANS, []) != expected
    restored.load_state_dict(method.state_dict())
    assert restored(student, teacher, TWO_SCANS, []) == expected


def test_the_middle_stage_is_the_hint_unless_others_are_named():
    student, teacher = output_of(TWO_SCANS, 4, 1.0), output_of(TWO_SCANS, 8, 2.0)
    assert list(terms(student, teacher, TWO_SCANS)) == ["hint_down2"]
    assert list(terms(student, teacher, TWO_SCANS, stages=("up1", "down1"))) == ["hint_up1", "hint_down1"]


@pytest.mark.parametrize("weight", [10.0, 0.0])
def test_an_unknown_stage_is_refused_before_training(weight):
    with pytest.raises(UnknownStageError, match=r"no stage 'middle'; there are down1, down2, up1\."):
        FitNets(FitNetsSettings(stages=("middle",), weight=weight), CONTEXT)


def test_a_weight_of_zero_takes_the_terms_and_the_regressors_out():
    method = FitNets(FitNetsSettings(weight=0.0, stages=STAGES), CONTEXT)
    assert method(output_of(TWO_SCANS, 4, 1.0), output_of(TWO_SCANS, 8, 2.0), TWO_SCANS, []) == {}
    assert not method.state_dict()


@pytest.mark.parametrize("changed", [{}, LITERAL], ids=["default", "literal"])
def test_student_and_regressor_get_gradients_and_the_teacher_none(changed):
    student, teacher = output_of(TWO_SCANS, 4, 1.0), output_of(TWO_SCANS, 8, 2.0)
    rows, hints = (output.stages["down2"].features.requires_grad_() for output in (student, teacher))
    method = method_of(**changed)
    method(student, teacher, TWO_SCANS, [])["hint_down2"].backward()
    found = [rows.grad, *(parameter.grad for parameter in method.parameters())]
    assert len(found) == (3 if changed else 4)
    assert all(gradient.abs().max() > 1e-6 for gradient in found)
    assert hints.grad is None


@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize("scaled", [True, False])
def test_gradient(normalised, scaled):
    regressor = hint_regressor(3, 5, normalised).double()
    teacher, scan = wave((7, 5), 2.0), torch.tensor([0, 1, 0, 0, 1, 1, 0])

    def error(rows, *_):  # gradcheck moves the parameters in place
        return hint_error(regressor, rows, teacher, scan, 2, scaled)

    assert torch.autograd.gradcheck(error, (wave((7, 3), 1.0).requires_grad_(), *regressor.parameters()))


@pytest.mark.parametrize("normalised", [True, False])
def test_a_single_row_and_a_teacher_of_zeros_have_finite_gradients(normalised):
    rows, regressor = torch.ones((2, 3), requires_grad=True), hint_regressor(3, 5, normalised)
    hint_error(regressor, rows, torch.zeros((2, 5)), torch.tensor([0, 1]), 2, scaled=True).backward()
    assert all(torch.isfinite(tensor.grad).all() for tensor in (rows, *regressor.parameters()))


@pytest.mark.parametrize("changed", [{}, LITERAL], ids=["default", "literal"])
def test_the_order_of_the_rows_does_not_matter(changed):
    student, teacher = output_of(TWO_SCANS, 4, 1.0), output_of(TWO_SCANS, 8, 2.0)
    expected = terms(student, teacher, TWO_SCANS, **changed)["hint_down2"].item()
    scan = student.stages["down2"].scan_index
    order = torch.randperm(len(scan), generator=generators(1)[0])
    moved = [
        replace(output, stages={"down2": Stage(output.stages["down2"].features[order], scan[order])})
        for output in (student, teacher)
    ]
    assert terms(*moved, TWO_SCANS, **changed)["hint_down2"].item() == pytest.approx(expected, rel=1e-12)
    alone = with_stage(student, "down2", student.stages["down2"].features.flip(0))
    assert terms(alone, teacher, TWO_SCANS, **changed)["hint_down2"].item() != pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("changed", [{}, LITERAL], ids=["default", "literal"])
def test_two_scans_are_the_mean_of_each(changed):
    student, teacher = output_of(TWO_SCANS, 4, 1.0), output_of(TWO_SCANS, 8, 2.0)
    alone = []
    for scan in range(2):
        one, points, voxels = scan_of(TWO_SCANS, scan)
        outputs = (rows_of(output, points, voxels, scan) for output in (student, teacher))
        alone.append(terms(*outputs, one, **changed)["hint_down2"].item())
    assert alone[0] != pytest.approx(alone[1], rel=1e-3)
    both = terms(student, teacher, TWO_SCANS, **changed)["hint_down2"].item()
    assert both == pytest.approx(sum(alone) / 2, rel=1e-12)


def test_a_weight_means_the_same_for_a_teacher_with_larger_features():
    student, teacher = output_of(TWO_SCANS, 4, 1.0), output_of(TWO_SCANS, 8, 2.0)
    larger = with_stage(teacher, "down2", 50 * teacher.stages["down2"].features)
    expected = terms(student, teacher, TWO_SCANS)["hint_down2"].item()
    assert terms(student, larger, TWO_SCANS)["hint_down2"].item() == pytest.approx(expected, rel=1e-12)
    assert terms(student, larger, TWO_SCANS, scaled=False)["hint_down2"].item() > 10 * expected


@pytest.mark.parametrize("changed", [{}, LITERAL], ids=["default", "literal"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_loses_what_its_inputs_lost_and_no_more(dtype, changed):
    method = FitNets(FitNetsSettings(**changed), CONTEXT)
    student, teacher = (
        with_stage(output, "down2", output.stages["down2"].features.to(dtype))
        for output in (output_of(TWO_SCANS, 4, 1.0), output_of(TWO_SCANS, 8, 2.0))
    )
    wide = (with_stage(o, "down2", o.stages["down2"].features.float()) for o in (student, teacher))
    expected = method(*wide, TWO_SCANS, [])["hint_down2"].item()
    student.stages["down2"].features.requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = method(student, teacher, TWO_SCANS, [])["hint_down2"]
    found.backward()
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(expected, rel=1e-6)
    assert torch.isfinite(student.stages["down2"].features.grad).all()
