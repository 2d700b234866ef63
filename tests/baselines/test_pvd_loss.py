from dataclasses import replace

import pvd_reference as reference
import pytest
import torch
from kd_inputs import CONTEXT, batch_of, generators, output_of, rows_of, scan_of

from backbones.output import SegmentationOutput
from baselines.pvd import PVD, PVDSettings

WEIGHTS = {"point_output": 0.1, "voxel_output": 0.15, "point_affinity": 0.15, "voxel_affinity": 0.25}
NAMES = list(WEIGHTS)
SHAPES = {
    "two scans": ([40, 23], [20, 11]),
    "one point": ([1], [1]),
    "one voxel": ([12], [1]),
    "one scan of one": ([30, 1], [9, 1]),
}


def terms(student, teacher, batch, seed=7, **settings):
    return PVD(PVDSettings(**settings), CONTEXT)(student, teacher, batch, generators(batch.points.scans, seed))


def expected_terms(student, teacher, batch, settings):
    """The four terms from the reference, on the supervoxels the method draws."""
    chosen = PVD(settings, CONTEXT).sampler.draw(batch, generators(batch.points.scans)).blocks.tolist()
    found = {}
    for level, rows in (("point", batch.points), ("voxel", batch)):
        scan, cells = rows.scan_index, 480 * 360 * 32 if (level, settings.reduction) == ("voxel", "dense") else None
        counted = [not settings.labelled_only or label > 0 for label in rows.labels.tolist()]
        logits = [getattr(output, f"{level}_logits").numpy() for output in (student, teacher)]
        found[f"{level}_output"] = reference.output_loss(
            *logits, scan, counted, settings.direction, settings.temperature, cells
        )
        features = [getattr(output, f"{level}_features").numpy() for output in (student, teacher)]
        inside = reference.rows_in_blocks(rows.xyz.tolist(), scan, chosen)
        capacity = settings.points_per_block if level == "point" else settings.voxels_per_block
        found[f"{level}_affinity"] = reference.affinity_loss(
            *features, inside, capacity if settings.padding == "literal" else None
        )
    return {name: WEIGHTS[name] * value for name, value in found.items()}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("labels", [0, 3, 5])
@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"direction": "student_to_teacher", "temperature": 3.0},
        {"reduction": "dense", "padding": "literal", "points_per_block": 50, "voxels_per_block": 40},
        {"labelled_only": True, "blocks": 1},
        {"labelled_only": True, "reduction": "dense", "blocks": 30},
    ],
    ids=str,
)
def test_every_term_equals_the_reference(shape, labels, changed):
    # No label at all, classes 4 and 5 absent, or all five present.
    batch = batch_of(*SHAPES[shape], labels=labels)
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 6, 2.0)
    expected = expected_terms(student, teacher, batch, PVDSettings(**changed))
    found = {name: term.item() for name, term in terms(student, teacher, batch, **changed).items()}
    assert list(found) == NAMES
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-20)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_student_like_its_teacher_costs_exactly_nothing(dtype):
    batch = batch_of([40, 23], [20, 11])
    same = output_of(batch, 6, 2.0)
    same = SegmentationOutput(*(getattr(same, f).to(dtype) for f in list(vars(same))[:5]), {})
    assert {name: term.item() for name, term in terms(same, same, batch).items()} == dict.fromkeys(NAMES, 0.0)


def test_affinity_ignores_the_scale_of_the_features():
    batch = batch_of([40, 23], [20, 11])
    student = output_of(batch, 6, 2.0)
    scaled = replace(student, point_features=3 * student.point_features, voxel_features=3 * student.voxel_features)
    found = terms(student, scaled, batch)
    assert found["point_output"].item() == 0
    assert found["point_affinity"].item() < 1e-28
    assert found["voxel_affinity"].item() < 1e-28


@pytest.mark.parametrize("name", NAMES)
def test_gradient_of_every_term(name):
    batch = batch_of([5, 4], [4, 3])
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 6, 2.0)
    field = name.replace("_output", "_logits").replace("_affinity", "_features")

    def term(values):
        return terms(replace(student, **{field: values}), teacher, batch)[name]

    assert torch.autograd.gradcheck(term, getattr(student, field).clone().requires_grad_())


def test_the_order_of_the_points_does_not_matter():
    batch = batch_of([40, 23], [20, 11])
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 6, 2.0)
    order = torch.cat([torch.randperm(40, generator=generators(1)[0]), 40 + torch.arange(22, -1, -1)])
    points = batch.points
    shuffled = replace(
        batch,
        points=replace(points, xyz=points.xyz[order], labels=points.labels[order], intensity=points.intensity[order]),
        voxel_of_point=batch.voxel_of_point[order],
    )
    voxels = torch.arange(31)
    moved = [rows_of(output, order, voxels) for output in (student, teacher)]
    expected = {name: term.item() for name, term in terms(student, teacher, batch).items()}
    found = {name: term.item() for name, term in terms(*moved, shuffled).items()}
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("capacity", [1024, 3])
def test_two_scans_are_the_mean_of_each(capacity):
    settings = {"points_per_block": capacity, "voxels_per_block": capacity}
    batch = batch_of([40, 23], [20, 11])
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 6, 2.0)
    mean = dict.fromkeys(NAMES, 0.0)
    for scan in range(2):
        one, points, voxels = scan_of(batch, scan)
        alone = terms(rows_of(student, points, voxels), rows_of(teacher, points, voxels), one, 7 + scan, **settings)
        mean = {name: mean[name] + alone[name].item() / 2 for name in NAMES}
    found = {name: term.item() for name, term in terms(student, teacher, batch, **settings).items()}
    assert found == pytest.approx(mean, rel=1e-12)


def test_only_the_student_gets_gradients():
    batch = batch_of([40], [20])
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 6, 2.0)
    fields = ("point_logits", "voxel_logits", "point_features", "voxel_features")
    for output in (student, teacher):
        for field in fields:
            getattr(output, field).requires_grad_()
    sum(terms(student, teacher, batch).values()).backward()
    assert all(getattr(student, field).grad.abs().sum() > 0 for field in fields)
    assert all(getattr(teacher, field).grad is None for field in fields)


@pytest.mark.parametrize("name", NAMES)
def test_a_weight_of_zero_takes_its_term_out_and_leaves_the_others(name):
    batch = batch_of([40, 23], [20, 11])
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 6, 2.0)
    whole = terms(student, teacher, batch)
    found = terms(student, teacher, batch, **{f"{name}_weight": 0.0})
    assert list(found) == [other for other in NAMES if other != name]
    assert all(torch.equal(found[other], whole[other]) for other in found)


def test_output_terms_alone_need_no_generators():
    batch = batch_of([40], [20])
    method = PVD(PVDSettings(point_affinity_weight=0, voxel_affinity_weight=0), CONTEXT)
    assert list(method(output_of(batch, 3, 1.0), output_of(batch, 6, 2.0), batch, [])) == NAMES[:2]


def test_labelled_only_needs_labels():
    batch = replace(batch_of([4], [4]), labels=None)
    with pytest.raises(ValueError, match="labelled_only"):
        terms(output_of(batch, 3, 1.0), output_of(batch, 6, 2.0), batch, labelled_only=True, point_output_weight=0)
