from dataclasses import replace

import nodes_reference as reference
import pytest
import torch
from kd_inputs import batch_of, context_of, generators, output_of, rows_of, scan_of, wave

from baselines.ka import KA, KASettings, standardised

WEIGHTS = {"adapt": 50.0, "affinity": 1.0, "reconstruction": 1.0}
SHAPES = {
    "two scans": ([40, 23], [20, 11]),
    "one voxel": ([12], [1]),
    "one scan of one": ([30, 1], [9, 1]),
}
AUTO_ENCODER, ADAPTERS = ("encoder", "decoder"), ("feature_adapter", "affinity_adapter")


def method_of(student_width=3, teacher_width=6, **settings):
    """A method in float64 whose weights don't depend on torch's random numbers."""
    method = KA(KASettings(**settings), context_of(student_width, teacher_width)).double()
    with torch.no_grad():
        for number, parameter in enumerate(method.parameters()):
            parameter.copy_(wave(tuple(parameter.shape), 5.0 + number, 0.7))
    return method


def terms(method, student, teacher, batch):
    return method(student, teacher, batch, generators(batch.points.scans))


def values(found):
    return {name: term.item() for name, term in found.items()}


@pytest.fixture
def two_scans():
    batch = batch_of([40, 23], [20, 11])
    return batch, output_of(batch, 3, 1.0), output_of(batch, 6, 2.0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("zeros", [(), ("student",), ("student", "teacher")], ids=str)
@pytest.mark.parametrize("changed", [{}, {"pool": "max", "code_channels": 5, "sparsity": 0.3}], ids=str)
def test_every_term_equals_the_reference(shape, zeros, changed):
    batch = batch_of(*SHAPES[shape], labels=0)
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 6, 2.0)
    for name, output in (("student", student), ("teacher", teacher)):
        output.voxel_features.mul_(0.0 if name in zeros else 1.0)
    method = method_of(**changed)
    weights = {name: value.numpy() for name, value in method.state_dict().items()}
    expected = reference.ka(student, teacher, batch, weights, method.settings.pool, method.settings.sparsity)
    found = values(terms(method, student, teacher, batch))
    assert list(found) == list(WEIGHTS)
    assert found == pytest.approx({n: WEIGHTS[n] * v for n, v in expected.items()}, rel=1e-9, abs=1e-14)


def test_two_rows_by_hand():
    # Standardised, both features are (1, −1). The encoder keeps the channel and its negative, of which ReLU leaves one
    # each; the adapter keeps the first alone, so that row two has no direction and misses the code's (0, 1).
    batch = replace(batch_of([2], [2]), xyz=torch.tensor([[5.0, 1.0, 0.0], [-5.0, 1.0, 0.0]]))
    student, teacher = output_of(batch, 1, 1.0), output_of(batch, 1, 2.0)
    for output, size in ((student, 3e4), (teacher, 7e4)):
        output.voxel_features.copy_(torch.tensor([[size], [-size]]))
    method = method_of(1, 1, code_channels=2, sparsity=0.5)
    with torch.no_grad():
        for parameter in method.parameters():
            parameter.zero_()
        method.encoder.weight.copy_(torch.tensor([[1.0], [-1.0]]))
        method.feature_adapter.weight.copy_(torch.tensor([[2.0], [0.0]]))
        method.affinity_adapter.weight.copy_(torch.tensor([[1.0], [0.0]]))
        method.decoder.weight.copy_(torch.tensor([[1.0, 0.0]]))
    found = values(terms(method, student, teacher, batch))
    assert found["adapt"] == pytest.approx(50 * (0 + 1 / 2) / 2)
    # Cosines of the nodes: −1 between the student's, 0 between the teacher's.
    assert found["affinity"] == pytest.approx(2 * (-1 - 0) ** 2 / 4)
    # Row one comes back, row two comes back as 0; both codes have absolute values that sum to 1.
    assert found["reconstruction"] == pytest.approx((0 + 1) / 2 + 0.5)


def test_a_student_that_reads_like_the_encoder_costs_exactly_nothing():
    batch = batch_of([40, 23], [20, 11])
    same = output_of(batch, 6, 2.0)
    method = method_of(6, 6)
    method.feature_adapter.load_state_dict(method.encoder.state_dict())
    assert terms(method, same, same, batch)["adapt"].item() == 0


@pytest.mark.parametrize("factor", [0.1, 1e4])
def test_the_scale_of_the_features_does_not_matter(two_scans, factor):
    batch, student, teacher = two_scans
    method = method_of()
    larger = [replace(output, voxel_features=factor * output.voxel_features) for output in (student, teacher)]
    assert values(terms(method, *larger, batch)) == pytest.approx(
        values(terms(method, student, teacher, batch)), rel=1e-2
    )


@pytest.mark.parametrize("name", ["adapt", "affinity"])
def test_gradient_of_every_term_that_reads_the_student(name):
    batch = batch_of([6, 5], [5, 4])
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 6, 2.0)
    method = method_of(code_channels=5)

    def term(rows):
        return terms(method, replace(student, voxel_features=rows), teacher, batch)[name]

    assert torch.autograd.gradcheck(term, student.voxel_features.clone().requires_grad_())


@pytest.mark.parametrize("name", WEIGHTS)
def test_each_term_trains_its_own_weights(two_scans, name):
    batch, student, teacher = two_scans
    for output in (student, teacher):
        output.voxel_features.requires_grad_()
    method = method_of()
    terms(method, student, teacher, batch)[name].backward()
    trained = {layer for layer, module in method.named_children() if module.weight.grad is not None}
    expected = {"adapt": {"feature_adapter"}, "affinity": {"affinity_adapter"}, "reconstruction": set(AUTO_ENCODER)}
    assert trained == expected[name]
    assert all(getattr(method, layer).weight.grad.abs().sum() > 0 for layer in trained)
    assert teacher.voxel_features.grad is None
    assert (student.voxel_features.grad is None) == (name == "reconstruction")


def test_gradient_of_the_reconstruction():
    batch = batch_of([6, 5], [5, 4])
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 6, 2.0)
    method = method_of(sparsity=0.1)

    def term(encoder, decoder):
        weights = {"encoder.weight": encoder, "decoder.weight": decoder}
        return torch.func.functional_call(method, weights, (student, teacher, batch, []))["reconstruction"]

    start = [getattr(method, layer).weight.detach().clone().requires_grad_() for layer in AUTO_ENCODER]
    assert torch.autograd.gradcheck(term, start)


def test_the_order_of_the_voxels_does_not_matter(two_scans):
    batch, student, teacher = two_scans
    order = torch.cat([torch.randperm(20, generator=generators(1)[0]), 20 + torch.arange(10, -1, -1)])
    moved = replace(
        batch, xyz=batch.xyz[order], labels=batch.labels[order], coordinates=batch.coordinates[order], features=order
    )
    method = method_of()
    outputs = [rows_of(output, torch.arange(63), order) for output in (student, teacher)]
    expected = values(terms(method, student, teacher, batch))
    assert values(terms(method, *outputs, moved)) == pytest.approx(expected, rel=1e-12)


def test_two_scans_are_the_mean_of_each(two_scans):
    batch, student, teacher = two_scans
    method, mean = method_of(), dict.fromkeys(WEIGHTS, 0.0)
    for scan in range(2):
        one, points, rows = scan_of(batch, scan)
        alone = values(terms(method, rows_of(student, points, rows), rows_of(teacher, points, rows), one))
        mean = {name: mean[name] + alone[name] / 2 for name in mean}
    assert values(terms(method, student, teacher, batch)) == pytest.approx(mean, rel=1e-12)


def test_a_scan_without_voxels_adds_nothing():
    batch = batch_of([9, 1, 4], [8, 0, 3])
    student, teacher = output_of(batch, 3, 1.0), output_of(batch, 6, 2.0)
    student.voxel_features.requires_grad_()
    found = terms(method_of(), student, teacher, batch)
    sum(found.values()).backward()
    assert torch.isfinite(torch.stack(list(found.values()))).all()
    assert torch.isfinite(student.voxel_features.grad).all()


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_weight_of_zero_takes_its_term_out_and_leaves_the_others(two_scans, name):
    batch, student, teacher = two_scans
    whole, found = (values(terms(method_of(**s), student, teacher, batch)) for s in ({}, {f"{name}_weight": 0.0}))
    assert found == {other: value for other, value in whole.items() if other != name}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_any_precision_goes_in(two_scans, dtype):
    batch, student, teacher = two_scans
    given = [replace(output, voxel_features=output.voxel_features.to(dtype)) for output in (student, teacher)]
    wide = [replace(output, voxel_features=output.voxel_features.double()) for output in given]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = terms(method_of().float(), *given, batch)
    assert all(term.dtype == torch.float32 for term in found.values())
    assert values(found) == pytest.approx(values(terms(method_of(), *wide, batch)), rel=1e-4)


@pytest.mark.parametrize("teacher_width, code_channels, code", [(8, None, 4), (5, None, 2), (1, None, 1), (8, 3, 3)])
def test_channels_of_the_code(teacher_width, code_channels, code):
    method = KA(KASettings(code_channels=code_channels), context_of(4, teacher_width))
    assert method.encoder.weight.shape == (code, teacher_width)
    assert method.decoder.weight.shape == (teacher_width, code)
    assert all(getattr(method, layer).weight.shape == (code, 4) for layer in ADAPTERS)


def test_standardised_channels():
    rows = torch.cat([wave((9, 4), 1.0, 3.0), wave((6, 4), 2.0) + 5, torch.ones(1, 4)]).float()
    rows[:9, 2] = 1e3
    parts = torch.split(standardised(rows, [9, 6, 1]), [9, 6, 1])
    for part in parts[:2]:
        assert part.mean(dim=0).tolist() == pytest.approx([0] * 4, abs=1e-5)
    assert parts[0].square().mean(dim=0).tolist() == pytest.approx([1, 1, 0, 1], rel=1e-2)
    assert (parts[2] == 0).all()
