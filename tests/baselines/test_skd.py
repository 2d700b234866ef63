import math
from dataclasses import replace

import nodes_reference as reference
import pytest
import torch
from kd_inputs import CONTEXT, batch_of, generators, output_of, rows_of, scan_of, wave

from backbones.output import SegmentationOutput
from baselines.skd import SKD, SKDSettings

WEIGHTS = {"pixel": 10.0, "pair": 1.0}
SHAPES = {
    "two scans": ([40, 23], [20, 11]),
    "one voxel": ([12], [1]),
    "one scan of one": ([30, 1], [9, 1]),
}


def terms(student, teacher, batch, **settings):
    return SKD(SKDSettings(**settings), CONTEXT)(student, teacher, batch, generators(batch.points.scans))


def values(found):
    return {name: term.item() for name, term in found.items()}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("labels", [0, 5])
@pytest.mark.parametrize("changed", [{}, {"pool": "mean"}, {"labelled_only": True}], ids=str)
def test_every_term_equals_the_reference(shape, labels, changed):
    batch = batch_of(*SHAPES[shape], labels=labels)
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 6, 2.0)
    student.voxel_features[:2] = 0
    settings = SKDSettings(pixel_weight=10, **changed)
    expected = reference.skd(student, teacher, batch, settings.pool, settings.labelled_only)
    found = values(terms(student, teacher, batch, pixel_weight=10, **changed))
    assert list(found) == list(WEIGHTS)
    assert found == pytest.approx({n: WEIGHTS[n] * v for n, v in expected.items()}, rel=1e-10, abs=1e-20)


def test_one_row_by_hand():
    # Student (1/2, 1/2), teacher (3/4, 1/4): the cross entropy is ln 2 whatever the teacher says.
    batch = batch_of([1], [1])
    student, teacher = (
        SegmentationOutput(rows, rows, rows, rows, rows, {})
        for rows in (torch.zeros(1, 2), torch.tensor([[math.log(3), 0.0]]))
    )
    assert terms(student, teacher, batch, pixel_weight=1)["pixel"].item() == pytest.approx(math.log(2))
    entropy = -0.75 * math.log(0.75) - 0.25 * math.log(0.25)
    assert terms(teacher, teacher, batch, pixel_weight=10)["pixel"].item() == pytest.approx(10 * entropy)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_at_equality_the_pair_term_is_zero_and_the_pixel_term_the_teachers_entropy(dtype):
    batch = batch_of([40, 23], [20, 11])
    same = output_of(batch, 6, 2.0)
    same = SegmentationOutput(*(getattr(same, f).to(dtype) for f in list(vars(same))[:5]), {})
    same.prediction_logits.requires_grad_()
    found = terms(same, same, batch, pixel_weight=1)
    logits = same.prediction_logits.tolist()
    entropy = [reference.soft_cross_entropy(row, row) for row in logits]
    assert found["pair"].item() == 0
    assert found["pixel"].item() == pytest.approx(reference.scan_mean(entropy, batch.scan_index.tolist()), rel=1e-5)
    found["pixel"].backward()
    assert same.prediction_logits.grad.abs().max() < 1e-7


def test_pixels_are_the_rows_that_predict_and_nodes_the_classifiers_input():
    batch = batch_of([40], [20])
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 6, 2.0)
    before = values(terms(student, teacher, batch))
    other = values(terms(replace(student, prediction_logits=student.prediction_logits.flip(0)), teacher, batch))
    assert other["pixel"] != before["pixel"]
    assert other["pair"] == before["pair"]
    unread = ("voxel_logits", "point_logits", "point_features")
    assert values(terms(replace(student, **{n: getattr(student, n) * 2 for n in unread}), teacher, batch)) == before


@pytest.mark.parametrize("pool", ["mean", "max"])
@pytest.mark.parametrize("name, field", [("pixel", "prediction_logits"), ("pair", "voxel_features")])
def test_gradient_of_every_term(name, field, pool):
    batch = batch_of([5, 4], [4, 3])
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 6, 2.0)

    def term(rows):
        return terms(replace(student, **{field: rows}), teacher, batch, pool=pool)[name]

    assert torch.autograd.gradcheck(term, getattr(student, field).clone().requires_grad_())


def test_the_order_of_the_voxels_does_not_matter():
    batch = batch_of([40, 23], [20, 11])
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 6, 2.0)
    order = torch.cat([torch.randperm(20, generator=generators(1)[0]), 20 + torch.arange(10, -1, -1)])
    moved = replace(
        batch, xyz=batch.xyz[order], labels=batch.labels[order], coordinates=batch.coordinates[order], features=order
    )
    outputs = [rows_of(output, torch.arange(63), order) for output in (student, teacher)]
    assert values(terms(*outputs, moved)) == pytest.approx(values(terms(student, teacher, batch)), rel=1e-12)


def test_two_scans_are_the_mean_of_each():
    batch = batch_of([40, 23], [20, 11])
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 6, 2.0)
    mean = dict.fromkeys(WEIGHTS, 0.0)
    for scan in range(2):
        one, points, rows = scan_of(batch, scan)
        alone = values(terms(rows_of(student, points, rows), rows_of(teacher, points, rows), one))
        mean = {name: mean[name] + alone[name] / 2 for name in mean}
    assert values(terms(student, teacher, batch)) == pytest.approx(mean, rel=1e-12)


def test_only_the_student_gets_gradients():
    batch = batch_of([40], [20])
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 6, 2.0)
    fields = ("prediction_logits", "voxel_features")
    for output in (student, teacher):
        for field in fields:
            getattr(output, field).requires_grad_()
    sum(terms(student, teacher, batch).values()).backward()
    assert all(getattr(student, field).grad.abs().sum() > 0 for field in fields)
    assert all(getattr(teacher, field).grad is None for field in fields)
    assert not list(SKD(SKDSettings(), CONTEXT).parameters())


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_weight_of_zero_takes_its_term_out_and_leaves_the_other(name):
    batch = batch_of([40, 23], [20, 11])
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 6, 2.0)
    whole, found = (values(terms(student, teacher, batch, **s)) for s in ({}, {f"{name}_weight": 0.0}))
    assert found == {other: value for other, value in whole.items() if other != name}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_inputs(dtype):
    batch = batch_of([40], [20])
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 6, 2.0)
    half = [
        replace(o, prediction_logits=o.prediction_logits.to(dtype), voxel_features=o.voxel_features.to(dtype))
        for o in (student, teacher)
    ]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = terms(*half, batch)
    assert all(term.dtype == torch.float32 for term in found.values())
    assert values(found) == pytest.approx(values(terms(student, teacher, batch)), rel=0.05)


def test_confident_logits_stay_finite():
    batch = batch_of([2], [2])
    rows = torch.tensor([[300.0, -300.0], [0.0, 0.0]])
    student, teacher = (
        SegmentationOutput(side, side, side.requires_grad_(), wave((2, 3), 1.0), wave((2, 3), 1.0), {})
        for side in (-rows, rows.clone())
    )
    found = terms(student, teacher, batch, pixel_weight=1)["pixel"]
    found.backward()
    assert found.item() == pytest.approx((600 + math.log(2)) / 2)
    assert torch.isfinite(student.prediction_logits.grad).all()


def test_published_proportions_scale_the_supervised_loss():
    assert SKD(SKDSettings(pixel_weight=1, pair_weight=0.1, supervised_weight=0.1), CONTEXT).supervised_weight == 0.1
    assert SKD(SKDSettings(), CONTEXT).supervised_weight == 1.0


def test_labelled_only_needs_labels():
    batch = replace(batch_of([4], [4]), labels=None)
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 6, 2.0)
    assert set(values(terms(student, teacher, batch))) == set(WEIGHTS)
    with pytest.raises(ValueError, match="labelled_only"):
        terms(student, teacher, batch, labelled_only=True)


def test_blocks_without_bound_are_refused():
    with pytest.raises(ValueError, match="at most"):
        SKDSettings(block_size=(2, 2, 2))
