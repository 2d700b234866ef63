from __future__ import annotations

from collections.abc import Mapping

import pytest
from fake_plan import fake_forecast, fake_plan
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.matrix.budget import choose, refuse_unknown
from harness.matrix.forecast import Elsewhere, Forecast
from harness.spec import CellSpec

DATA, BACKBONES = ("semantickitti", "nuscenes"), ("minkowskinet", "cylinder3d")
METHODS = ("fitnets", "pvd", "none", "logit_kd")
PLAN = fake_plan(DATA, BACKBONES, METHODS, (0, 1))
EXAMPLES = settings(max_examples=30, deadline=None, phases=[Phase.explicit, Phase.generate])
LENGTHS = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, 6)), st.sampled_from(["pending", "pending", "finished", "running"])),
    min_size=len(PLAN),
    max_size=len(PLAN),
)


def forecasts_of(specs: list[CellSpec], lengths: list) -> dict[str, Forecast]:
    return {
        spec.hash: fake_forecast(None if hours is None else float(hours), status)
        for spec, (hours, status) in zip(specs, lengths, strict=True)
    }


def names(specs: list[CellSpec]) -> list[str]:
    return [spec.name for spec in specs]


def reference_order(specs: list[CellSpec], found: Mapping[str, Forecast]) -> list[CellSpec]:
    """The rule in plain loops: a pair is a data set and a backbone."""
    by_hash = {spec.hash: spec for spec in specs}
    students = [spec for spec in specs if spec.role == "student"]
    order = []
    for seed in sorted({spec.seed for spec in students}):
        own = [spec for spec in students if spec.seed == seed]
        costs = []
        for data in DATA:
            for backbone in BACKBONES:
                cells = []
                for spec in own:
                    here = spec.dataset.name == data and spec.backbone.name == backbone
                    if here and spec.method.name in ("none", "pvd"):
                        cells.append(spec)
                        if spec.teacher is not None:
                            cells.append(by_hash[spec.teacher])
                hours = [found[cell.hash].hours for cell in cells]
                unknown = None in hours
                costs.append((unknown, float("inf") if unknown else sum(hours), len(cells), data, backbone))
        costs.sort()
        pairs = [(data, backbone) for *_, data, backbone in costs]
        for data, backbone in pairs:
            for method in ("none", "pvd"):
                order += [
                    s for s in own if (s.dataset.name, s.backbone.name, s.method.name) == (data, backbone, method)
                ]
        for method in ("fitnets", "logit_kd"):
            for data, backbone in pairs:
                order += [
                    s for s in own if (s.dataset.name, s.backbone.name, s.method.name) == (data, backbone, method)
                ]
    return order


def reference(specs: list[CellSpec], found: Mapping[str, Forecast], hours: float) -> list[str]:
    """What is taken, one cell after another."""
    by_hash = {spec.hash: spec for spec in specs}
    taken = sorted(spec.hash for spec in specs if found[spec.hash].status == "running")
    spent = sum(found[key].hours or 0 for key in taken)
    for spec in reference_order(specs, found):
        group = [spec.hash]
        if spec.teacher is not None and found[spec.hash].status == "pending":
            group.insert(0, spec.teacher)
        group = [key for key in group if key not in taken]
        cost = sum(found[key].hours or 0 for key in group)
        unknown = any(found[key].hours is None for key in group)
        if found[spec.hash].status == "finished":
            taken += group
        elif spec.hash in group and (spent + cost < hours or (spent + cost == hours and not unknown)):
            spent += cost
            taken += group
    for spec in specs:
        if spec.role == "teacher" and spec.hash not in taken and found[spec.hash].status == "finished":
            taken.append(spec.hash)
    return [by_hash[key].name for key in taken]


@EXAMPLES
@given(lengths=LENGTHS, hours=st.integers(0, 80))
def test_the_choice_is_that_of_plain_loops_and_keeps_its_promises(lengths: list, hours: int) -> None:
    found = forecasts_of(PLAN, lengths)
    choice = choose(PLAN, found, float(hours))
    students = [taken.spec.name for taken in choice.taken if taken.spec.role == "student"]
    expected = reference(PLAN, found, hours)
    assert students == [name for name in expected if "teacher" not in name]
    assert set(expected) <= {taken.spec.name for taken in choice.taken}
    running = sum(f.hours or 0 for f in found.values() if f.status == "running")
    assert choice.hours <= max(hours, running)
    assert choice.hours == sum(taken.hours or 0 for taken in choice.taken)
    chosen = [taken.spec.hash for taken in choice.taken]
    left_out = [cell.spec.hash for cell in choice.left_out]
    assert sorted(chosen + left_out) == sorted(spec.hash for spec in PLAN), "every cell once"
    for place, spec in enumerate(choice.specs):
        if spec.teacher is not None and found[spec.hash].status == "pending":
            assert spec.teacher in chosen[:place], "a teacher before its student"
    assert all(key in chosen for key, f in found.items() if f.status == "finished")


@EXAMPLES
@given(lengths=LENGTHS, hours=st.integers(0, 80), data=st.data())
def test_the_order_of_the_plan_matters_by_method_alone(lengths: list, hours: int, data: st.DataObject) -> None:
    found = forecasts_of(PLAN, lengths)
    shuffled = data.draw(st.permutations(PLAN))
    shuffled.sort(key=lambda spec: 0 if spec.role == "teacher" else 1 + METHODS.index(spec.method.name))
    assert choose(shuffled, found, float(hours)) == choose(PLAN, found, float(hours))
    backwards = dict(reversed(found.items()))
    assert choose(PLAN, backwards, float(hours)) == choose(PLAN, found, float(hours))


def test_the_rule_compares_first_and_says_why() -> None:
    specs = fake_plan(backbones=("minkowskinet", "cylinder3d"), methods=("fitnets", "none", "pvd"))
    hours = {"minkowskinet": 2.0, "cylinder3d": 1.0}
    found = {spec.hash: fake_forecast(hours[spec.backbone.name]) for spec in specs}
    choice = choose(specs, found, 7.5)
    assert [(taken.spec.name.removeprefix("semantickitti-"), taken.reason) for taken in choice.taken] == [
        ("cylinder3d-w0.5-none-s0", "comparison 1 of 2"),
        ("cylinder3d-w1-teacher-s0", "teacher for pvd"),
        ("cylinder3d-w0.5-pvd-s0", "comparison 1 of 2"),
        ("minkowskinet-w0.5-none-s0", "comparison 2 of 2"),
        ("cylinder3d-w0.5-fitnets-s0", "beside the comparisons"),
    ]
    assert [(left.spec.name.removeprefix("semantickitti-"), left.reason) for left in choice.left_out] == [
        ("minkowskinet-w0.5-pvd-s0", "needs 4.0 h with its teacher, 2.5 h are left"),
        ("minkowskinet-w0.5-fitnets-s0", "needs 4.0 h with its teacher, 1.5 h are left"),
        ("minkowskinet-w1-teacher-s0", "needs 2.0 h, 1.5 h are left"),
    ]


def test_pairs_of_unknown_length_go_by_another_device_and_then_by_size() -> None:
    specs = fake_plan(backbones=("spvnas", "minkowskinet", "cylinder3d"), methods=("none",))
    disk = {"spvnas": 2.0, "minkowskinet": 1.0, "cylinder3d": 3.0}
    found = {}
    for spec in specs:
        plain = fake_forecast(None, elsewhere=Elsewhere("CPU", 9.0) if spec.backbone.name == "cylinder3d" else None)
        found[spec.hash] = type(plain)(**{**vars(plain), "disk_mib": disk[spec.backbone.name]})
    choice = choose(specs, found, 1.0)
    assert [spec.backbone.name for spec in choice.specs[:3]] == ["cylinder3d", "minkowskinet", "spvnas"]
    assert len(choice.unknown) == len(specs)
    with pytest.raises(HarnessError, match=r"--budget: found no timing for .*cylinder3d.* and 5 more .*slurm"):
        refuse_unknown(choice, "slurm", "Imagined GPU")
    refuse_unknown(choose(specs, {key: fake_forecast(1.0) for key in found}, 100.0), "slurm", "Imagined GPU")
    assert choose(specs, found, 0.0).taken == ()
