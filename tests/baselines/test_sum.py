from __future__ import annotations

from functools import partial

import pytest
import torch
from kd_inputs import batch_of, context_of, generators, output_of
from pydantic import ValidationError
from torch import Tensor, nn

from baselines.logit_kd import LogitKD, LogitKDSettings
from baselines.method import Method, MethodContext, MethodSettings
from baselines.pvd import PVD, PVDSettings
from baselines.registry import load_method
from baselines.sum import SumOfMethods, SumSettings

CONTEXT = context_of(4, 8)


class Adapted(Method):
    """A method of a user's that draws and learns."""

    def __init__(self, settings: MethodSettings, context: MethodContext) -> None:
        super().__init__(settings, context)
        self.adapter = nn.Linear(context.student_features, context.teacher_features)
        self.supervised_weight = 0.5

    def forward(self, student, teacher, batch, draws) -> dict[str, Tensor]:
        noise = torch.rand(3, generator=draws[0])
        return {"drawn": noise.sum(), "adapted": self.adapter(student.voxel_features.float()).square().mean()}


OWN = f"{__name__}:Adapted"
PAIR = {"methods": [{"name": "pvd"}, {"name": "logit_kd", "settings": {"supervised_weight": 0.1, "weight": 0.9}}]}


def outputs():
    batch = batch_of([40, 23], [20, 11])
    return output_of(batch, 4, 1.0), output_of(batch, 8, 2.0), batch


def test_every_term_is_the_one_its_part_has_alone():
    student, teacher, batch = outputs()
    both = SumOfMethods(SumSettings.model_validate(PAIR), CONTEXT)
    found = both(student, teacher, batch, generators(2))
    pvd = PVD(PVDSettings(), CONTEXT)(student, teacher, batch, generators(2))
    kd = LogitKD(LogitKDSettings(weight=0.9), CONTEXT)(student, teacher, batch, generators(2))
    expected = {f"pvd.{name}": term for name, term in pvd.items()} | {f"logit_kd.{n}": term for n, term in kd.items()}
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("order", [["pvd", OWN], [OWN, "pvd"]])
def test_a_part_draws_as_if_it_were_alone_whatever_its_place(order):
    student, teacher, batch = outputs()
    parts = SumOfMethods(SumSettings(methods=[{"name": name} for name in order]), CONTEXT)
    found = parts(student, teacher, batch, generators(2))
    assert found["Adapted.drawn"] == torch.rand(3, generator=generators(2)[0]).sum()
    assert torch.equal(
        found["pvd.voxel_affinity"],
        PVD(PVDSettings(), CONTEXT)(student, teacher, batch, generators(2))["voxel_affinity"],
    )


@pytest.mark.parametrize("order", [["fitnets", "ka"], ["ka", "fitnets"]])
def test_adapters_of_a_part_begin_as_if_it_were_alone(order):
    def begun(build):
        torch.manual_seed(3)
        return build().state_dict()

    both = begun(lambda: SumOfMethods(SumSettings(methods=[{"name": name} for name in order]), CONTEXT))
    for name in order:
        kind = load_method(name)
        alone = begun(partial(kind, kind.Settings(), CONTEXT))
        assert alone
        assert all(torch.equal(both[f"parts.{name}.{key}"], value) for key, value in alone.items())


def test_factors_of_the_supervised_loss_multiply():
    parts = [{"name": "logit_kd", "settings": {"supervised_weight": 0.1}}, {"name": OWN}]
    assert SumOfMethods(SumSettings(methods=parts), CONTEXT).supervised_weight == pytest.approx(0.05)


def test_adapters_of_the_parts_are_trained_and_kept():
    student, teacher, batch = outputs()
    method = SumOfMethods(SumSettings(methods=[{"name": "logit_kd"}, {"name": OWN}]), CONTEXT)
    assert list(method.state_dict()) == ["parts.Adapted.adapter.weight", "parts.Adapted.adapter.bias"]
    method(student, teacher, batch, generators(2))["Adapted.adapted"].backward()
    assert all(parameter.grad is not None for parameter in method.parameters())


@pytest.mark.parametrize(
    "methods, words",
    [
        ([{"name": "pvd"}], "at least 2"),
        ([], "at least 2"),
        ([{"name": "pvd"}, {"name": "pvd", "settings": {"blocks": 2}}], "pvd is in it twice"),
        ([{"name": "pvd"}, {"name": "none"}], "none has no term"),
        ([{"name": "pvd"}, {"name": "sum"}], "can't be a part"),
        ([{"name": "pvd"}, {"name": "pdv"}], "did you mean pvd"),
        ([{"name": "pvd"}, {"nmae": "logit_kd"}], "nmae"),
    ],
)
def test_sums_that_make_no_sense_are_refused(methods, words):
    with pytest.raises(ValidationError, match=words):
        SumSettings.model_validate({"methods": methods})


def test_a_settings_fault_of_a_part_is_not_swallowed():
    settings = SumSettings(methods=[{"name": "pvd", "settings": {"blokcs": 1}}, {"name": "logit_kd"}])
    with pytest.raises(ValidationError, match="blokcs"):
        SumOfMethods(settings, CONTEXT)
