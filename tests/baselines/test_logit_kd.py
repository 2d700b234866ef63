import math
from dataclasses import replace

import pvd_reference as reference
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from kd_inputs import CONTEXT, batch_of, generators, output_of, rows_of, scan_of, wave

from backbones.output import SegmentationOutput
from baselines.divergence import divergence_rows
from baselines.logit_kd import LogitKD, LogitKDSettings


def loss(student, teacher, batch, **settings):
    method = LogitKD(LogitKDSettings(**settings), CONTEXT)
    return method(student, teacher, batch, generators(batch.points.scans))["logits"]


def two_class_output(logits):
    rows = torch.tensor(logits, dtype=torch.float64)
    return SegmentationOutput(rows, rows, rows, rows, rows, {})


def test_two_rows_by_hand():
    # softmax of (ln 3, 0) is (3/4, 1/4), of (0, 0) is (1/2, 1/2).
    student, teacher = two_class_output([[0, 0], [0, 0]]), two_class_output([[math.log(3), 0], [0, 0]])
    expected = (0.75 * math.log(1.5) + 0.25 * math.log(0.5)) / 2
    batch = batch_of([2], [2])
    assert loss(student, teacher, batch, temperature=1).item() == pytest.approx(expected, rel=1e-12)
    hot = two_class_output([[4 * math.log(3), 0], [0, 0]])
    assert loss(student, hot, batch, temperature=4).item() == pytest.approx(16 * expected, rel=1e-12)
    assert loss(student, teacher, batch, temperature=1, weight=0.9).item() == pytest.approx(0.9 * expected, rel=1e-12)


@pytest.mark.parametrize(
    "points, voxels",
    [([40, 23], [20, 11]), ([1], [1]), ([12], [1]), ([30, 1], [9, 1])],
    ids=["two scans", "one point", "one voxel", "one scan of one"],
)
@pytest.mark.parametrize("known", [0, 3, 5], ids=["no label", "absent classes", "all classes"])
@pytest.mark.parametrize("rows", ["points", "voxels"])
@pytest.mark.parametrize("labelled_only", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_equals_the_reference(points, voxels, known, rows, labelled_only, temperature):
    batch = batch_of(points, voxels, labels=known)
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 3, 2.0)
    labels, scan = (
        (batch.points.labels, batch.points.scan_index) if rows == "points" else (batch.labels, batch.scan_index)
    )
    logits = [
        getattr(output, {"points": "point_logits", "voxels": "prediction_logits"}[rows]).numpy()
        for output in (student, teacher)
    ]
    counted = [not labelled_only or label > 0 for label in labels.tolist()]
    expected = reference.output_loss(*logits, scan, counted, temperature=temperature)
    found = loss(student, teacher, batch, rows=rows, labelled_only=labelled_only, temperature=temperature)
    assert found.item() == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("rows", ["points", "voxels"])
def test_the_order_of_rows_means_nothing(rows):
    batch = batch_of([40], [20])
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 3, 2.0)
    points, voxels = (torch.randperm(n, generator=generators(1)[0]) for n in (40, 20))
    moved = [rows_of(output, points, voxels) for output in (student, teacher)]
    assert loss(*moved, batch, rows=rows).item() == pytest.approx(loss(student, teacher, batch, rows=rows).item())


@given(st.integers(1, 6), st.integers(2, 8), st.floats(0.5, 8.0), st.floats(0, 50))
def test_divergence_rows_equal_the_reference(rows, classes, temperature, size):
    source, target = wave((rows, classes), 1.0, size), wave((rows, classes), 2.0, size)
    expected = [reference.divergence(p, q, temperature) for p, q in zip(source.numpy(), target.numpy(), strict=True)]
    assert divergence_rows(source, target, temperature).tolist() == pytest.approx(expected, rel=1e-9, abs=1e-10)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_zero_when_the_student_is_the_teacher(dtype):
    batch = batch_of([30], [30])
    rows = two_class_output([[0, 1]] * 30).voxel_logits.to(dtype) * wave((30, 1), 0.0, 9.0).to(dtype)
    same = SegmentationOutput(rows, rows, rows, rows, rows, {})
    found = loss(same, same, batch)
    assert found.item() == 0
    assert found.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)


def test_confident_float32_logits_stay_finite():
    batch = batch_of([2], [2])
    rows = torch.tensor([[300.0, -300.0], [0.0, 0.0]])
    student = SegmentationOutput(-rows, -rows, (-rows).requires_grad_(), rows, rows, {})
    found = loss(student, SegmentationOutput(rows, rows, rows, rows, rows, {}), batch, temperature=1)
    found.backward()
    assert found.item() == pytest.approx(300.0)
    assert torch.isfinite(student.prediction_logits.grad).all()


def test_voxel_rows_are_those_that_predict():
    batch = batch_of([4, 3], [4, 3])
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 6, 2.0)
    other = replace(student, prediction_logits=student.prediction_logits.flip(0))
    assert loss(other, teacher, batch) != loss(student, teacher, batch)
    assert loss(replace(student, voxel_logits=student.voxel_logits.flip(0)), teacher, batch) == loss(
        student, teacher, batch
    )


def test_gradient():
    batch = batch_of([4, 3], [4, 3])
    teacher = output_of(batch, 3, 2.0)

    def of_logits(logits):
        return loss(SegmentationOutput(logits, logits, logits, logits, logits, {}), teacher, batch)

    assert torch.autograd.gradcheck(of_logits, wave((7, 5), 1.0).requires_grad_())


def test_two_scans_are_the_mean_of_each():
    batch = batch_of([40, 23], [20, 11])
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 3, 2.0)
    alone = []
    for scan in range(2):
        one, points, voxels = scan_of(batch, scan)
        alone.append(loss(rows_of(student, points, voxels), rows_of(teacher, points, voxels), one).item())
    assert alone[0] != pytest.approx(alone[1], rel=1e-3)
    assert loss(student, teacher, batch).item() == pytest.approx(sum(alone) / 2, rel=1e-12)


def test_without_labels():
    batch = batch_of([10], [10], labels=0)
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 3, 2.0)
    assert loss(student, teacher, batch, labelled_only=True).item() == 0
    assert loss(student, teacher, batch).item() > 0


def test_the_convex_preset_scales_the_supervised_loss():
    assert LogitKD(LogitKDSettings(weight=0.9, supervised_weight=0.1), CONTEXT).supervised_weight == 0.1
    assert LogitKD(LogitKDSettings(), CONTEXT).supervised_weight == 1.0
