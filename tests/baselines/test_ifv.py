import math
from dataclasses import replace

import channel_reference as reference
import numpy as np
import pvd_reference
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from kd_inputs import CONTEXT, batch_of, generators, output_of, rows_of, scan_of

from baselines.ifv import IFV, IFVSettings, centre_similarities

SHAPES = {
    "two scans": ([40, 23], [20, 11]),
    "one voxel": ([12], [1]),
    "one scan of one": ([30, 1], [9, 1]),
}
NAMES = ["variation", "logits"]


def terms(student, teacher, batch, **settings):
    return IFV(IFVSettings(**settings), CONTEXT)(student, teacher, batch, generators(batch.points.scans))


def pair(batch):
    return output_of(batch, 3, 1.0), output_of(batch, 6, 2.0)


def figures(found):
    return {name: term.item() for name, term in found.items()}


def test_three_rows_by_hand():
    # The student's two rows of class 1 stand 45° off their mean, the teacher's on theirs; the third row is ignored.
    batch = batch_of([3], [3])
    batch = replace(batch, labels=torch.tensor([1, 1, 0]))
    student, teacher = pair(batch)
    student = replace(student, voxel_features=torch.tensor([[1.0, 0], [0, 1], [-5, 2]], dtype=torch.float64))
    teacher = replace(teacher, voxel_features=torch.tensor([[2.0, 0, 0], [7, 0, 0], [0, 1, 1]], dtype=torch.float64))
    found = terms(student, teacher, batch, weight=50.0)
    assert found["variation"].item() == pytest.approx(50 * (1 - math.sqrt(0.5)) ** 2, rel=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("labels", [0, 3, 5])
@pytest.mark.parametrize("labelled_only", [False, True])
def test_terms_equal_the_reference(shape, labels, labelled_only):
    # No label at all, classes 4 and 5 absent, or all five present.
    batch = batch_of(*SHAPES[shape], labels=labels)
    student, teacher = pair(batch)
    scans, classes = batch.scan_index.tolist(), batch.labels.tolist()
    features = [output.voxel_features.tolist() for output in (student, teacher)]
    logits = [output.prediction_logits.numpy() for output in (student, teacher)]
    counted = [not labelled_only or label > 0 for label in classes]
    output_loss = pvd_reference.output_loss(*logits, batch.scan_index, counted, temperature=2.0)
    expected = {
        "variation": 50 * reference.variation(*features, classes, scans),
        "logits": 10 * output_loss / 5,
    }
    found = terms(student, teacher, batch, weight=50.0, labelled_only=labelled_only, temperature=2.0)
    assert figures(found) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(
    hnp.arrays(np.float64, st.tuples(st.integers(1, 10), st.integers(1, 3)), elements=st.integers(-3, 3).map(float)),
    st.randoms(use_true_random=False),
)
def test_similarities_equal_the_reference(features, random):
    # Small whole numbers: rows of zeros, and rows that add up to zero, come often.
    rows = range(len(features))
    labels, scans = [random.randrange(3) for _ in rows], [random.randrange(2) for _ in rows]
    group = torch.tensor([scan * 3 + label for label, scan in zip(labels, scans, strict=True)])
    found = centre_similarities(torch.tensor(features), group, 6)
    expected = [reference.similarity(features, labels, scans, row) for row in rows]
    assert found.tolist() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("size", [0.0, 1.0, 300.0])
def test_rows_without_variation(size):
    # All rows equal, or all zero: every row stands on its centre in one network and varies in the other.
    batch = batch_of([40, 23], [20, 11])
    student, teacher = pair(batch)
    even = torch.full((31, 3), size).requires_grad_()
    found = terms(replace(student, voxel_features=even), teacher, batch, weight=50.0)
    sum(found.values()).backward()
    expected = reference.variation(
        even.tolist(), teacher.voxel_features.tolist(), batch.labels.tolist(), batch.scan_index.tolist()
    )
    assert found["variation"].item() == pytest.approx(50 * expected, rel=1e-5)
    assert torch.isfinite(even.grad).all()


def test_confident_float32_logits_stay_finite():
    batch = batch_of([40, 23], [20, 11])
    student, teacher = pair(batch)
    rows = 300 * student.prediction_logits.float().sign()
    logits = (-rows).requires_grad_()
    found = terms(replace(student, prediction_logits=logits), replace(teacher, prediction_logits=rows), batch)
    found["logits"].backward()
    assert torch.isfinite(found["logits"])
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_zero_when_the_student_is_the_teacher(dtype):
    batch = batch_of([40, 23], [20, 11])
    same = output_of(batch, 6, 2.0)
    same = replace(
        same, voxel_features=same.voxel_features.to(dtype), prediction_logits=same.prediction_logits.to(dtype)
    )
    found = terms(same, same, batch)
    assert figures(found) == dict.fromkeys(NAMES, 0.0)
    assert all(term.dtype == torch.promote_types(dtype, torch.float32) for term in found.values())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened(dtype):
    batch = batch_of([40, 23], [20, 11])
    halves = [replace(output, voxel_features=output.voxel_features.to(dtype)) for output in pair(batch)]
    wide = [replace(output, voxel_features=output.voxel_features.float()) for output in halves]
    found, expected = terms(*halves, batch)["variation"], terms(*wide, batch)["variation"]
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)


@pytest.mark.parametrize("network", [0, 1])
def test_the_scale_of_the_features_does_not_matter(network):
    batch = batch_of([40, 23], [20, 11])
    outputs = list(pair(batch))
    before = terms(*outputs, batch)
    outputs[network] = replace(outputs[network], voxel_features=3 * outputs[network].voxel_features)
    assert figures(terms(*outputs, batch)) == pytest.approx(figures(before), rel=1e-12)


def test_the_order_of_the_rows_does_not_matter():
    batch = batch_of([40, 23], [20, 11])
    order = torch.cat([torch.arange(19, -1, -1), torch.arange(30, 19, -1)])
    moved = replace(batch, labels=batch.labels[order], xyz=batch.xyz[order])
    outputs = [rows_of(output, torch.arange(63), order) for output in pair(batch)]
    assert figures(terms(*outputs, moved)) == pytest.approx(figures(terms(*pair(batch), batch)), rel=1e-12)


@pytest.mark.parametrize("labelled_only", [False, True])
def test_two_scans_are_the_mean_of_each(labelled_only):
    batch = batch_of([40, 23], [20, 11])
    student, teacher = pair(batch)
    whole, alone = terms(student, teacher, batch, labelled_only=labelled_only), []
    for scan in range(2):
        one, points, voxels = scan_of(batch, scan)
        rows = [rows_of(output, points, voxels, scan) for output in (student, teacher)]
        alone.append(terms(*rows, one, labelled_only=labelled_only))
    for name, term in whole.items():
        first, second = (each[name].item() for each in alone)
        assert first != pytest.approx(second, rel=1e-3)
        assert term.item() == pytest.approx((first + second) / 2, rel=1e-12)


@pytest.mark.parametrize(("name", "field"), [("variation", "voxel_features"), ("logits", "prediction_logits")])
def test_gradient_of_every_term(name, field):
    # Through the centres too, whose rows the others of a class share.
    batch = batch_of([7, 5], [7, 5], labels=2)
    student, teacher = pair(batch)

    def term(values):
        return terms(replace(student, **{field: values}), teacher, batch)[name]

    assert torch.autograd.gradcheck(term, getattr(student, field).clone().requires_grad_())


def test_only_the_student_gets_gradients():
    batch = batch_of([40], [20])
    student, teacher = pair(batch)
    fields = ("voxel_features", "prediction_logits")
    for output in (student, teacher):
        for field in fields:
            getattr(output, field).requires_grad_()
    sum(terms(student, teacher, batch).values()).backward()
    assert all(getattr(student, field).grad.abs().sum() > 0 for field in fields)
    assert all(getattr(teacher, field).grad is None for field in fields)
    assert list(IFV(IFVSettings(), CONTEXT).parameters()) == []


def test_ignored_rows_neither_move_a_centre_nor_count():
    batch = batch_of([40, 23], [20, 11])
    student, teacher = pair(batch)
    features = student.voxel_features.clone()
    features[batch.labels == 0] *= -100
    assert (batch.labels == 0).any()
    changed = terms(replace(student, voxel_features=features), teacher, batch)["variation"]
    assert torch.equal(changed, terms(student, teacher, batch)["variation"])


def test_a_scan_of_ignored_rows_adds_zero():
    batch = batch_of([40, 23], [20, 11])
    batch = replace(batch, labels=batch.labels * (batch.scan_index == 0))
    student, teacher = pair(batch)
    student.voxel_features.requires_grad_()
    found = terms(student, teacher, batch)["variation"]
    found.backward()
    one, points, voxels = scan_of(batch, 0)
    alone = terms(rows_of(student, points, voxels), rows_of(teacher, points, voxels), one)["variation"]
    assert found.item() == pytest.approx(alone.item() / 2, rel=1e-12)
    assert student.voxel_features.grad[batch.scan_index == 1].eq(0).all()


def test_without_labels():
    batch = replace(batch_of([10], [10]), labels=None)
    student, teacher = pair(batch)
    with pytest.raises(ValueError, match="no labels"):
        terms(student, teacher, batch)
    assert list(terms(student, teacher, batch, weight=0.0)) == ["logits"]
    with pytest.raises(ValueError, match="no labels"):
        terms(student, teacher, batch, weight=0.0, labelled_only=True)


def test_a_weight_of_zero_takes_its_term_out():
    batch = batch_of([10], [10])
    assert list(terms(*pair(batch), batch, logits_weight=0.0)) == ["variation"]
