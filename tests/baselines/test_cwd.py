import math
from dataclasses import replace

import channel_reference as reference
import pytest
import torch
from kd_inputs import batch_of, context_of, generators, output_of, rows_of, scan_of, wave
from torch import nn

from backbones.output import Stage
from baselines.cwd import CWD, CWDSettings
from baselines.stages import UnknownStageError

SHAPES = {
    "two scans": ([40, 23], [20, 11]),
    "one voxel": ([12], [1]),
    "one scan of one": ([30, 1], [9, 1]),
}
BOTH = {"stages": ("down1", "up1"), "feature_weight": 2.0}


def method_of(widths=(4, 8), **settings):
    torch.manual_seed(0)
    return CWD(CWDSettings(**settings), context_of(*widths)).double()


def terms(student, teacher, batch, method=None, **settings):
    method = method or method_of(**settings)
    return method(student, teacher, batch, generators(batch.points.scans))


def pair(batch, widths=(4, 8)):
    return output_of(batch, widths[0], 1.0), output_of(batch, widths[1], 2.0)


def with_logits(output, logits):
    return replace(output, prediction_logits=logits)


def with_stage(output, name, change):
    stage = output.stages[name]
    return replace(output, stages=output.stages | {name: Stage(change(stage.features), stage.scan_index)})


def test_two_rows_by_hand():
    # At T = 4 the first channel of the teacher is (3/4, 1/4) over the rows, everything else (1/2, 1/2).
    batch = batch_of([2], [2])
    student, teacher = pair(batch)
    student = with_logits(student, torch.tensor([[5.0, 7.0], [5.0, 7.0]], dtype=torch.float64))
    teacher = with_logits(teacher, torch.tensor([[4 * math.log(3), 1.0], [0.0, 1.0]], dtype=torch.float64))
    divergence = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    found = terms(student, teacher, batch, logits_weight=3.0)
    assert list(found) == ["logits"]
    assert found["logits"].item() == pytest.approx(3 * 16 / 2 * divergence, rel=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("labels", [0, 5])
@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("labelled_only", [False, True])
def test_terms_equal_the_reference(shape, labels, temperature, labelled_only):
    batch = batch_of(*SHAPES[shape], labels=labels)
    student, teacher = pair(batch)
    settings = {"temperature": temperature, "labelled_only": labelled_only, "logits_weight": 3.0}
    method = method_of(**settings, **BOTH)
    found = terms(student, teacher, batch, method)
    scans, count = batch.scan_index.tolist(), batch.points.scans
    counted = [not labelled_only or label > 0 for label in batch.labels.tolist()]
    logits = [output.prediction_logits.tolist() for output in (student, teacher)]
    expected = 3 * reference.channel_divergence(*logits, scans, temperature, counted, count)
    assert found["logits"].item() == pytest.approx(expected, rel=1e-9, abs=1e-12)
    features = 0.0
    for name in BOTH["stages"]:
        adapted = student.stages[name].features.numpy() @ method.adapters[name].weight.detach().numpy().T
        stage = teacher.stages[name]
        features += reference.channel_divergence(
            adapted.tolist(), stage.features.tolist(), stage.scan_index.tolist(), temperature, None, count
        )
    assert found["features"].item() == pytest.approx(2 * features, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened(dtype):
    batch = batch_of([40, 23], [20, 11])
    halves = [with_logits(output, output.prediction_logits.to(dtype)) for output in pair(batch)]
    wide = [with_logits(output, output.prediction_logits.float()) for output in halves]
    found, expected = terms(*halves, batch)["logits"], terms(*wide, batch)["logits"]
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_zero_when_the_student_is_the_teacher(dtype):
    batch = batch_of([40, 23], [20, 11])
    same = output_of(batch, 8, 2.0)
    same = replace(
        with_stage(same, "up1", lambda rows: rows.to(dtype)), prediction_logits=same.prediction_logits.to(dtype)
    )
    found = terms(same, same, batch, method_of((8, 8), stages=("up1",)))
    assert {name: term.item() for name, term in found.items()} == {"logits": 0.0, "features": 0.0}


@pytest.mark.parametrize("network", [0, 1])
def test_a_constant_added_to_a_channel_changes_nothing(network):
    # Not a scan's rows alone but each scan by its own constants.
    batch = batch_of([40, 23], [20, 11])
    outputs = list(pair(batch))
    before = terms(*outputs, batch, **BOTH)
    logits = outputs[network].prediction_logits
    outputs[network] = with_logits(outputs[network], logits + wave((2, 5), 9.0, 20.0)[batch.scan_index])
    shift = wave((2, outputs[network].stages["up1"].features.shape[1]), 8.0, 20.0)
    scan = outputs[network].stages["up1"].scan_index
    outputs[network] = with_stage(outputs[network], "up1", lambda rows: rows + shift[scan])
    after = terms(*outputs, batch, **BOTH)
    assert {name: term.item() for name, term in after.items()} == pytest.approx(
        {name: term.item() for name, term in before.items()}, rel=1e-9
    )


def test_the_order_of_the_rows_does_not_matter():
    batch = batch_of([40, 23], [20, 11])
    student, teacher = pair(batch)
    order = torch.arange(30, -1, -1)
    moved = replace(batch, coordinates=batch.coordinates[order], labels=batch.labels[order], xyz=batch.xyz[order])
    outputs = [with_logits(output, output.prediction_logits[order]) for output in (student, teacher)]
    for name in student.stages:
        scan = student.stages[name].scan_index
        backwards = torch.arange(len(scan) - 1, -1, -1)
        outputs = [
            replace(o, stages=o.stages | {name: Stage(o.stages[name].features[backwards], scan[backwards])})
            for o in outputs
        ]
    before, after = terms(student, teacher, batch, **BOTH), terms(*outputs, moved, **BOTH)
    assert {name: term.item() for name, term in after.items()} == pytest.approx(
        {name: term.item() for name, term in before.items()}, rel=1e-12
    )


@pytest.mark.parametrize("labelled_only", [False, True])
def test_two_scans_are_the_mean_of_each(labelled_only):
    batch = batch_of([40, 23], [20, 11])
    student, teacher = pair(batch)
    method = method_of(labelled_only=labelled_only, **BOTH)
    whole = terms(student, teacher, batch, method)
    alone = []
    for scan in range(2):
        one, points, voxels = scan_of(batch, scan)
        rows = [rows_of(output, points, voxels, scan) for output in (student, teacher)]
        alone.append(terms(*rows, one, method))
    for name, term in whole.items():
        first, second = (each[name].item() for each in alone)
        assert first != pytest.approx(second, rel=1e-3)
        assert term.item() == pytest.approx((first + second) / 2, rel=1e-12)


def test_gradients():
    batch = batch_of([5, 4], [4, 3])
    student, teacher = pair(batch, (2, 3))
    method = method_of((2, 3), stages=("up1",))

    def of_logits(logits):
        return terms(with_logits(student, logits), teacher, batch, method)["logits"]

    def of_features(features):
        return terms(with_stage(student, "up1", lambda _: features), teacher, batch, method)["features"]

    def of_weight(weight):
        changed = {"adapters.up1.weight": weight}
        return torch.func.functional_call(method, changed, (student, teacher, batch, []))["features"]

    assert torch.autograd.gradcheck(of_logits, student.prediction_logits.clone().requires_grad_())
    assert torch.autograd.gradcheck(of_features, student.stages["up1"].features.clone().requires_grad_())
    assert torch.autograd.gradcheck(of_weight, method.adapters["up1"].weight.detach().clone().requires_grad_())


def test_only_the_student_and_the_adapters_get_gradients():
    batch = batch_of([40], [20])
    student, teacher = pair(batch)
    for output in (student, teacher):
        for rows in (output.prediction_logits, output.stages["up1"].features):
            rows.requires_grad_()
    method = method_of(stages=("up1",))
    sum(terms(student, teacher, batch, method).values()).backward()
    assert student.prediction_logits.grad.abs().sum() > 0
    assert student.stages["up1"].features.grad.abs().sum() > 0
    assert method.adapters["up1"].weight.grad.abs().sum() > 0
    assert teacher.prediction_logits.grad is None
    assert teacher.stages["up1"].features.grad is None


def test_adapters_stand_where_the_widths_differ():
    assert method_of().state_dict() == {}
    assert list(method_of(stages=None).state_dict()) == ["adapters.up1.weight"]
    assert method_of(stages=("down2",)).adapters["down2"].weight.shape == (16, 8)
    assert isinstance(method_of((8, 8), stages=None).adapters["up1"], nn.Identity)
    assert method_of(stages=None, feature_weight=0.0).state_dict() == {}


def test_a_weight_of_zero_takes_its_term_out():
    batch = batch_of([10], [10])
    student, teacher = pair(batch)
    assert list(terms(student, teacher, batch, logits_weight=0.0, **BOTH)) == ["features"]
    assert list(terms(student, teacher, batch, stages=("up1",), feature_weight=0.0)) == ["logits"]


def test_stages_are_checked():
    with pytest.raises(UnknownStageError, match="did you mean 'down1'"):
        method_of(stages=("dwn1",))


def test_without_labels():
    batch = replace(batch_of([10], [10]), labels=None)
    student, teacher = pair(batch)
    assert terms(student, teacher, batch)["logits"].item() > 0
    with pytest.raises(ValueError, match="no labels"):
        terms(student, teacher, batch, labelled_only=True)
